//! From the store's outbox to the log.
//!
//! Whoever holds the log's lock does this: the running gateway, or else a command. An entry is taken
//! for this log first, appended, and leaves the outbox when it is on disk in the log. What was taken
//! before and is not known to have been appended (the process ended in between) is looked for in the
//! log, so that it stands there once.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use tokio::sync::Mutex;

use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Audit, Event};
use crate::clock;
use crate::store::{ChangeAction, OutboxEntry, Store, StoreError, TakenEntry};

/// So many are read at a time.
const AT_ONCE: u32 = 100;

/// Why nothing is appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read.
    #[error("the log cannot be read to see whether entries stand in it already")]
    Log(#[source] io::Error),
    /// The name of the log cannot be kept.
    #[error("the name of this node's log cannot be kept in {}", .0.display())]
    Name(PathBuf, #[source] io::Error),
}

/// The way of changes into the log of one state directory.
#[derive(Debug)]
pub struct Outbox {
    /// What the log is called in the store: drawn once and kept beside the log.
    name: String,
    log: PathBuf,
    /// What was taken by this process and is still in the store, and whether it is in the log.
    taken: Mutex<HashMap<String, bool>>,
}

impl Outbox {
    /// The outbox for the log in `log`, whose node keeps its state in `state_directory`.
    ///
    /// # Errors
    /// [`OutboxError::Name`].
    pub fn open(state_directory: &Path, log: &Path) -> Result<Self, OutboxError> {
        let path = state_directory.join("node");
        let name = name_in(&path).map_err(|error| OutboxError::Name(path, error))?;
        Ok(Self { name, log: log.to_owned(), taken: Mutex::default() })
    }

    /// What the log is called in the store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Appends what waits, oldest first, and gives how many entries that were. Stops at the first
    /// that could not be kept; it and those after it stay for the next time.
    ///
    /// # Errors
    /// [`OutboxError`]; what was appended is remembered and not appended again.
    pub async fn drain(&self, store: &Store, audit: &Audit) -> Result<usize, OutboxError> {
        let mut known = self.taken.lock().await;
        let mut appended = 0;
        loop {
            let taken = store.take_from_outbox(&self.name, AT_ONCE, clock::now()).await?;
            if taken.is_empty() {
                known.clear();
                return Ok(appended);
            }
            self.recall(&taken, &mut known).await?;
            let kept = append(&taken, audit, &mut known).await;
            appended += kept.len();
            let done: Vec<OutboxEntry> = taken
                .iter()
                .filter(|taken| known.get(&taken.entry.id) == Some(&true))
                .map(|taken| taken.entry.clone())
                .collect();
            store.outbox_done(&self.name, &done).await?;
            known.retain(|id, _| !done.iter().any(|entry| entry.id == *id));
            if done.len() < taken.len() {
                return Ok(appended);
            }
        }
    }

    /// Finds out about each that was taken before whether it is in the log.
    async fn recall(
        &self,
        taken: &[TakenEntry],
        known: &mut HashMap<String, bool>,
    ) -> Result<(), OutboxError> {
        let unknown: Vec<&OutboxEntry> = taken
            .iter()
            .filter(|taken| taken.before && !known.contains_key(&taken.entry.id))
            .map(|taken| &taken.entry)
            .collect();
        if let Some(since) = unknown.iter().map(|entry| entry.created).min() {
            let ids: HashSet<String> = unknown.iter().map(|entry| entry.id.clone()).collect();
            let log = self.log.clone();
            let look = move || {
                // The log keeps instants to the millisecond.
                let since = since.checked_sub(SignedDuration::from_secs(1)).ok();
                let filter = Filter { since, ..Filter::default() };
                search(&log, &filter)?
                    .map(|found| found.map(|found| found.event.id.to_string()))
                    .filter(|id| id.as_ref().map_or(true, |id| ids.contains(id)))
                    .collect::<io::Result<HashSet<String>>>()
            };
            let found = tokio::task::spawn_blocking(look)
                .await
                .map_err(|error| OutboxError::Log(io::Error::other(error)))?
                .map_err(OutboxError::Log)?;
            known.extend(unknown.iter().map(|e| (e.id.clone(), found.contains(&e.id))));
        }
        for taken in taken {
            known.entry(taken.entry.id.clone()).or_insert(false);
        }
        Ok(())
    }
}

/// Appends what is not in the log, up to the first that cannot be kept.
async fn append<'a>(
    taken: &'a [TakenEntry],
    audit: &Audit,
    known: &mut HashMap<String, bool>,
) -> Vec<&'a OutboxEntry> {
    let missing = taken.iter().map(|taken| &taken.entry);
    let missing = missing.filter(|entry| known.get(&entry.id) == Some(&false));
    let receipts: Vec<_> = missing.map(|entry| (entry, audit.record(event(entry)))).collect();
    let mut kept = Vec::new();
    for (entry, receipt) in receipts {
        if !receipt.reached_disk().await {
            break;
        }
        known.insert(entry.id.clone(), true);
        kept.push(entry);
    }
    kept
}

/// The name in this file; drawn and written where there is none.
fn name_in(path: &Path) -> io::Result<String> {
    let drawn = hex::encode(clock::random_bytes::<16>());
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(drawn.as_bytes())?;
            file.sync_all()?;
            Ok(drawn)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let kept = std::fs::read_to_string(path)?;
            let good = kept.len() == drawn.len() && kept.bytes().all(|b| b.is_ascii_hexdigit());
            good.then_some(kept).ok_or_else(|| {
                io::Error::new(ErrorKind::InvalidData, "the file is damaged; remove it")
            })
        }
        Err(error) => Err(error),
    }
}

/// The log's entry for a change. The word says what was done; who did it and to whom stands in the
/// removable fields.
fn event(entry: &OutboxEntry) -> Event {
    let change = &entry.event;
    let mut event = Event::new(action(change.action), entry.created, clock::random_bytes())
        .user(&change.done_by);
    if !change.target.is_empty() {
        event = event.target(&change.target);
    }
    if let Ok(id) = entry.id.parse() {
        event.id = id;
    }
    // What is about the log as a whole is no organisation's.
    event.organization =
        Some(change.organization.as_str()).filter(|id| !id.is_empty()).map(Into::into);
    event.details.clone_from(&change.details);
    event.exemption = change.exemption.as_deref().map(Into::into);
    event.reason = change.word.as_deref().map(Into::into);
    event.reference = change.reference.as_deref().map(Into::into);
    event.personal.set(Field::UserEffective, change.done_as.as_deref().map(Into::into));
    event
}

fn action(action: ChangeAction) -> Action {
    match action {
        ChangeAction::ExemptionApplied => Action::ExemptionApplied,
        ChangeAction::ExemptionGranted => Action::ExemptionGranted,
        ChangeAction::ExemptionApproved => Action::ExemptionApproved,
        ChangeAction::ExemptionRefused => Action::ExemptionRefused,
        ChangeAction::ExemptionRevoked => Action::ExemptionRevoked,
        ChangeAction::ExemptionClosed => Action::ExemptionClosed,
        ChangeAction::ExemptionEnded => Action::ExemptionEnded,
        ChangeAction::TravelLinkMade => Action::TravelLinkMade,
        ChangeAction::DeviceBound => Action::DeviceBound,
        ChangeAction::DeviceRevoked => Action::DeviceRevoked,
        ChangeAction::PersonEnded => Action::PersonEnded,
        ChangeAction::ExemptionContact => Action::ExemptionContact,
        ChangeAction::OddUse => Action::OddUse,
        ChangeAction::UserAdded => Action::UserAdded,
        ChangeAction::UserChanged => Action::UserChanged,
        ChangeAction::UserRemoved => Action::UserRemoved,
        ChangeAction::LogReviewed => Action::LogReviewed,
        ChangeAction::BreachOpened => Action::BreachOpened,
        ChangeAction::BreachChanged => Action::BreachChanged,
        ChangeAction::SystemChanged => Action::SystemChanged,
        ChangeAction::SecondFactor => Action::SecondFactor,
        ChangeAction::TokenMade => Action::TokenMade,
        ChangeAction::TokenRevoked => Action::TokenRevoked,
        ChangeAction::PersonForgotten => Action::PersonForgotten,
        ChangeAction::PersonViewed => Action::PersonViewed,
        ChangeAction::LogSearched => Action::LogSearched,
        ChangeAction::LogExported => Action::LogExported,
        ChangeAction::ReidentificationAsked => Action::ReidentificationAsked,
        ChangeAction::Reidentified => Action::Reidentified,
        ChangeAction::ErasureOrdered => Action::ErasureOrdered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Options;
    use crate::identifier::OrganizationId;
    use crate::lifecycle::Tasks;
    use crate::policy::{Actor, UserName};
    use crate::store::NewAccount;

    #[tokio::test]
    async fn what_waits_is_appended_once_and_in_order() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let organization = OrganizationId::parse("ballerup").unwrap();
        let name = UserName::parse("anna").unwrap();
        let by = Actor { name: "bente".into(), operating_system_user: Some("belu".into()) };
        let account = NewAccount { organization: &organization, name: &name, password_hash: "$" };
        let now = clock::now();
        store.add_account(&account, &by, now).await.unwrap();
        store.set_locked(&organization, &name, true, &by, now).await.unwrap();
        let ids: Vec<String> =
            store.outbox(10).await.unwrap().into_iter().map(|entry| entry.id).collect();
        let directory = state.path().join("audit");
        let tasks = Tasks::new();
        let (audit, _) = Audit::open(Options::new(directory.clone()), &tasks).unwrap();
        let outbox = Outbox::open(state.path(), &directory).unwrap();
        assert_eq!(outbox.drain(&store, &audit).await.unwrap(), 2);
        assert_eq!(outbox.drain(&store, &audit).await.unwrap(), 0);
        audit.close().await;
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(directory.join("people")).unwrap() {
            let text = std::fs::read(entry.unwrap().path()).unwrap();
            lines.extend(String::from_utf8_lossy(&text).lines().map(str::to_owned));
        }
        let of = |id: &str| {
            let found: Vec<_> = lines.iter().filter(|line| line.contains(id)).collect();
            assert_eq!(found.len(), 1, "{lines:#?}");
            serde_json::from_str::<serde_json::Value>(found[0]).unwrap()
        };
        let added = of(&ids[0]);
        assert_eq!(added["event"]["action"], "user_added");
        assert_eq!(added["organization"]["id"], "ballerup");
        let locked = of(&ids[1]);
        assert_eq!(locked["event"]["action"], "user_changed");
        assert_eq!(locked["event"]["reason"], "locked");
        for part in ["anna", "bente", "belu"] {
            assert!(locked.to_string().contains(part), "{locked}");
        }
    }
    /// How often each id stands in the log.
    fn times(directory: &Path, ids: &[String]) -> Vec<usize> {
        let found: Vec<String> = search(directory, &Filter::default())
            .unwrap()
            .map(|found| found.unwrap().event.id.to_string())
            .collect();
        ids.iter().map(|id| found.iter().filter(|found| *found == id).count()).collect()
    }

    #[tokio::test]
    async fn what_was_appended_before_the_process_ended_is_not_appended_again() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let organization = OrganizationId::parse("ballerup").unwrap();
        let by = Actor { name: "bente".into(), operating_system_user: None };
        for name in ["anna", "bo"] {
            let name = UserName::parse(name).unwrap();
            let account =
                NewAccount { organization: &organization, name: &name, password_hash: "$" };
            store.add_account(&account, &by, clock::now()).await.unwrap();
        }
        let directory = state.path().join("audit");
        let tasks = Tasks::new();
        let (audit, _) = Audit::open(Options::new(directory.clone()), &tasks).unwrap();
        let ended = Outbox::open(state.path(), &directory).unwrap();
        let taken = store.take_from_outbox(&ended.name, 10, clock::now()).await.unwrap();
        let ids: Vec<String> = taken.iter().map(|taken| taken.entry.id.clone()).collect();
        assert!(audit.record(event(&taken[0].entry)).reached_disk().await);
        drop(ended);
        let next = Outbox::open(state.path(), &directory).unwrap();
        assert_eq!(next.drain(&store, &audit).await.unwrap(), 1);
        assert_eq!(times(&directory, &ids), [1, 1]);
        assert!(store.outbox(10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn two_nodes_append_each_entry_once_between_them() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let organization = OrganizationId::parse("ballerup").unwrap();
        let by = Actor { name: "bente".into(), operating_system_user: None };
        let tasks = Tasks::new();
        let node = |name: &str| {
            let own = state.path().join(name);
            std::fs::create_dir(&own).unwrap();
            let directory = own.join("audit");
            let (audit, _) = Audit::open(Options::new(directory.clone()), &tasks).unwrap();
            (Outbox::open(&own, &directory).unwrap(), audit, directory)
        };
        let ((one, one_log, one_directory), (two, two_log, two_directory)) = (node("1"), node("2"));
        for number in 0..30 {
            let name = UserName::parse(&format!("user-{number}")).unwrap();
            let account =
                NewAccount { organization: &organization, name: &name, password_hash: "$" };
            store.add_account(&account, &by, clock::now()).await.unwrap();
        }
        let waiting = store.outbox(100).await.unwrap();
        let ids: Vec<String> = waiting.into_iter().map(|entry| entry.id).collect();
        let (first, second) =
            tokio::join!(one.drain(&store, &one_log), two.drain(&store, &two_log));
        assert_eq!(first.unwrap() + second.unwrap(), 30);
        let (first, second) = (times(&one_directory, &ids), times(&two_directory, &ids));
        assert!(first.iter().zip(&second).all(|(one, two)| one + two == 1), "{first:?} {second:?}");
    }
}

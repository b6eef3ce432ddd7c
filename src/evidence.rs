//! The evidence of an incident as one signed archive: log entries with the proof that they stand in
//! the chain, the lists and databases they were decided by, the exemptions' history, the public key.
//!
//! May use `audit`, `store` and `config`; knows no HTTP. The command line and the breach page both
//! call [`make`]. Always holds: that an archive was made stands in the log before it can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::audit::event::Field;
use crate::audit::evidence::tar::Part;
use crate::audit::evidence::{self, CollectError};
use crate::audit::sign::{self, Signer};
use crate::audit::{Action, Audit, Event, Reference};
use crate::clock;
use crate::config::Loaded;
use crate::identifier::OrganizationId;
use crate::policy::{Actor, ExemptionId};
use crate::store::{ChangeAction, ChangeEvent, Store};

/// Which entries; everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Of these organisations; none named: of all.
    pub organizations: Vec<OrganizationId>,
    /// About one of these people, by name or `provider/subject`; none named: about anybody.
    pub persons: Vec<String>,
    /// With one of these references; none named: with any.
    pub references: Vec<Reference>,
}

/// Where the entry `log_exported` goes.
#[derive(Debug, Clone, Copy)]
pub enum Recorder<'a> {
    /// Into the log that this process writes.
    Log(&'a Audit),
    /// Into the store's outbox, from where whoever writes the log takes it.
    Outbox(&'a Store),
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// How many entries it holds.
    pub entries: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal digits.
    pub digest: String,
    /// The public key that accepts it, as `geovagt audit key` prints it.
    pub key: String,
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// A file.
    #[error("the evidence cannot be written")]
    Io(#[from] std::io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The entries.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The key.
    #[error(
        "the signing key of this gateway cannot be read; it lies in the state directory and is made at the first start"
    )]
    Key(#[source] std::io::Error),
    /// The log takes no entry.
    #[error("the log takes no entry now, so nothing is exported")]
    NotRecorded,
}

/// Makes the archive in this file, which must not be there yet.
///
/// # Errors
/// [`EvidenceError`]: there is no archive then.
pub async fn make(
    loaded: &Loaded,
    store: &Store,
    recorder: Recorder<'_>,
    wanted: &Wanted,
    by: &Actor,
    out: &Path,
) -> Result<Made, EvidenceError> {
    let state = loaded.config.state_directory.clone();
    let now = clock::now();
    let asked = wanted.clone();
    let collecting = tokio::task::spawn_blocking(move || {
        let signer = Signer::read(&state.join(sign::FILE_NAME)).map_err(EvidenceError::Key)?;
        let span = (asked.since, asked.until);
        let is_wanted = |event: &Event| asked.takes(event);
        let log = state.join("audit");
        let collected = evidence::collect(&log, &signer, span, is_wanted, now)?;
        Ok::<_, EvidenceError>((signer, collected))
    });
    let (signer, collected) = collecting.await.map_err(std::io::Error::other)??;
    let entries = collected.events.len() as u64;
    let beside = beside(loaded, store, wanted, &collected.events, by, now).await?;
    let archive = collected.archive(beside, &signer, now);
    let made = Made {
        entries,
        bytes: archive.len() as u64,
        digest: hex::encode(Sha256::digest(&archive)),
        key: signer.public().to_string(),
    };
    // Not readable before it is on record that it was made.
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(out)?;
    let written = async {
        recorder.record(wanted, &made, by, now).await?;
        file.write_all(&archive)?;
        file.sync_all().map_err(EvidenceError::from)
    };
    if let Err(error) = written.await {
        let _ = std::fs::remove_file(out);
        return Err(error);
    }
    Ok(made)
}

impl Wanted {
    fn takes(&self, event: &Event) -> bool {
        let named = |name: &String| {
            let name = name.to_lowercase();
            [Field::UserName, Field::UserId, Field::UserTarget, Field::UserEffective]
                .into_iter()
                .filter_map(|field| event.personal.get(field))
                .any(|value| value.to_lowercase() == name)
        };
        let of = |id: &OrganizationId| event.organization.as_deref() == Some(id.as_str());
        let with = |reference: &Reference| event.reference == Some(reference.short());
        self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && (self.organizations.is_empty() || self.organizations.iter().any(of))
            && (self.persons.is_empty() || self.persons.iter().any(named))
            && (self.references.is_empty() || self.references.iter().any(with))
    }
}

impl Recorder<'_> {
    async fn record(
        self,
        wanted: &Wanted,
        made: &Made,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), EvidenceError> {
        let mut event = ChangeEvent::about_log(ChangeAction::LogExported, by)
            .detail("entries", made.entries.to_string())
            .detail("digest", &made.digest)
            .detail("form", "evidence");
        for (key, at) in [("since", wanted.since), ("until", wanted.until)] {
            if let Some(at) = at {
                event = event.detail(key, at.to_string());
            }
        }
        if let [organization] = wanted.organizations.as_slice() {
            event = event.of(organization);
        }
        match self {
            Self::Outbox(store) => Ok(store.tell_log(&event, now).await?),
            Self::Log(audit) => {
                let mut entry = Event::new(Action::LogExported, now, clock::random_bytes())
                    .user(&event.done_by);
                entry.organization =
                    Some(event.organization.as_str()).filter(|id| !id.is_empty()).map(Into::into);
                entry.personal.set(Field::UserEffective, event.done_as.as_deref().map(Into::into));
                entry.details = event.details;
                let kept = audit.record(entry).reached_disk().await;
                kept.then_some(()).ok_or(EvidenceError::NotRecorded)
            }
        }
    }
}

/// What belongs to the entries: the search, the versions they were decided by, the exemptions.
async fn beside(
    loaded: &Loaded,
    store: &Store,
    wanted: &Wanted,
    events: &[Event],
    by: &Actor,
    now: Timestamp,
) -> Result<Vec<Part>, EvidenceError> {
    let search = json!({
        "since": wanted.since,
        "until": wanted.until,
        "organizations": wanted.organizations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "persons": wanted.persons,
        "references": wanted.references.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "made": now,
        "made_by": by.name,
        "entries": events.len(),
    });
    Ok(vec![
        part("search.json", &search),
        part("lists.json", &lists(loaded, events)),
        part("databases.json", &databases(events)),
        part("exemptions.json", &exemptions(store, events).await?),
        ("readme.txt".to_owned(), README.as_bytes().to_vec()),
    ])
}

const README: &str = "\
Evidence from the log of a geovagt gateway.

geovagt audit verify FILE --key ed25519:...

accepts this archive where every entry stood in the log just so; the public key must come from the
gateway's owner and not from here. entries.jsonl: the entries, one JSON object a line.
proof.jsonl and statements.jsonl: for each of them the hashes that lead to what the gateway signed.
lists.json, databases.json: by what they were decided. exemptions.json: the travel exemptions they
name, with their history. search.json: what was asked for.
";

fn part(name: &str, value: &Value) -> Part {
    let mut content = serde_json::to_vec_pretty(value).unwrap_or_default();
    content.push(b'\n');
    (name.to_owned(), content)
}

/// The versions of lists that decided, with their content where they are still known.
fn lists(loaded: &Loaded, events: &[Event]) -> Value {
    let decided: BTreeSet<_> = events.iter().filter_map(|event| event.rule.clone()).collect();
    let all = decided.into_iter().map(|(list, version)| {
        let known = loaded.lists.iter().find(|(id, _)| id.as_str() == list);
        let known = known.and_then(|(_, known)| {
            known.versions().iter().find(|known| known.version == version.as_str())
        });
        let content = known.map(|known| {
            json!({
                "source": known.source,
                "adopted_by": known.adopted_by,
                "adopted_on": known.adopted_on.to_string(),
                "announced_on": known.announced_on.to_string(),
                "effective_from": known.effective_from,
                "territories": known.territories.to_vec().iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        json!({"list": list, "version": version, "content": content})
    });
    all.collect()
}

/// The databases that located the clients, by when they were built.
fn databases(events: &[Event]) -> Value {
    let mut built = BTreeMap::<_, u64>::new();
    for event in events {
        if let Some(at) = event.database_built {
            *built.entry(at).or_default() += 1;
        }
    }
    built.into_iter().map(|(built, entries)| json!({"built": built, "entries": entries})).collect()
}

/// The exemptions that the entries name, with what happened to them.
async fn exemptions(store: &Store, events: &[Event]) -> Result<Value, EvidenceError> {
    let named: BTreeSet<_> = events.iter().filter_map(|event| event.exemption.clone()).collect();
    let mut all = Vec::new();
    for id in named {
        let id = ExemptionId::new(&id);
        let Some(record) = store.exemption(&id).await? else {
            all.push(json!({"id": id.as_str(), "known": false}));
            continue;
        };
        let exemption = &record.exemption;
        let history = record.history.iter().map(|entry| {
            json!({
                "action": entry.action,
                "at": entry.at,
                "by": entry.by.name,
                "by_as": entry.by.operating_system_user,
                "reason": entry.reason,
            })
        });
        all.push(json!({
            "id": id.as_str(),
            "organization": exemption.organization.as_str(),
            "user": exemption.user_name.as_str(),
            "sites": exemption.sites.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "legs": exemption.legs,
            "case_number": exemption.case_number,
            "history": history.collect::<Vec<_>>(),
        }));
    }
    Ok(all.into())
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;

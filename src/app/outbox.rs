//! From the store's outbox to the log.
//!
//! Whoever holds the log's lock does this: the running gateway, or else a command. An entry leaves
//! the outbox only when it is on disk in the log; after a crash between the two it comes twice, with
//! the same `event.id`.

use crate::audit::event::Field;
use crate::audit::{Action, Audit, Event};
use crate::clock;
use crate::store::{ChangeAction, OutboxEntry, Store, StoreError};

/// So many are read at a time.
const AT_ONCE: u32 = 100;

/// Appends what waits, oldest first, and gives how many entries that were. Stops at the first that
/// could not be kept; it and those after it stay for the next time.
///
/// # Errors
/// [`StoreError`] where the store cannot be read or written.
pub async fn drain_outbox(store: &Store, audit: &Audit) -> Result<usize, StoreError> {
    let mut appended = 0;
    loop {
        let waiting = store.outbox(AT_ONCE).await?;
        if waiting.is_empty() {
            return Ok(appended);
        }
        let receipts: Vec<_> = waiting.iter().map(|entry| audit.record(event(entry))).collect();
        let mut kept = 0;
        for receipt in receipts {
            if !receipt.reached_disk().await {
                break;
            }
            kept += 1;
        }
        store.outbox_done(waiting.get(..kept).unwrap_or_default()).await?;
        appended += kept;
        if kept < waiting.len() {
            return Ok(appended);
        }
    }
}

/// The log's entry for a change. The word says what was done; who did it and to whom stands in the
/// removable fields.
fn event(entry: &OutboxEntry) -> Event {
    let change = &entry.event;
    let mut event = Event::new(action(change.action), entry.created, clock::random_bytes())
        .user(&change.done_by)
        .target(&change.target);
    if let Ok(id) = entry.id.parse() {
        event.id = id;
    }
    event.organization = Some(change.organization.as_str().into());
    event.exemption = change.exemption.as_deref().map(Into::into);
    event.reason = change.word.as_deref().map(Into::into);
    event.personal.set(Field::UserEffective, change.done_as.as_deref().map(Into::into));
    event
}

fn action(action: ChangeAction) -> Action {
    match action {
        ChangeAction::ExemptionGranted => Action::ExemptionGranted,
        ChangeAction::ExemptionApproved => Action::ExemptionApproved,
        ChangeAction::ExemptionRevoked => Action::ExemptionRevoked,
        ChangeAction::ExemptionClosed => Action::ExemptionClosed,
        ChangeAction::ExemptionContact => Action::ExemptionContact,
        ChangeAction::OddUse => Action::OddUse,
        ChangeAction::UserAdded => Action::UserAdded,
        ChangeAction::UserChanged => Action::UserChanged,
        ChangeAction::UserRemoved => Action::UserRemoved,
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
        assert_eq!(drain_outbox(&store, &audit).await.unwrap(), 2);
        assert_eq!(drain_outbox(&store, &audit).await.unwrap(), 0);
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
}

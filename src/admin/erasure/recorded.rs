//! Orders that the log itself has on record: those of the command line and of the configuration too.

use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::event::Field;
use crate::audit::{Action, Event};
use crate::identifier::OrganizationId;
use crate::store::log::{LogQuery, Organizations};
use crate::store::{Store, StoreError};

/// So many records are looked through; an order has one for each file that it changed.
const MOST_RECORDS: usize = 2000;
const AT_ONCE: usize = 500;

/// An order as the log tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) id: Uuid,
    /// When its last record was written.
    pub(super) at: Timestamp,
    pub(super) removes: bool,
    /// Whether it was about one person.
    pub(super) one_person: bool,
    /// Who gave it; none: the rule of the configuration.
    pub(super) by: Option<String>,
    pub(super) why: String,
    pub(super) case: Option<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
    /// In this organisation's entries alone; else in everybody's.
    pub(super) of_organization: bool,
    pub(super) entries: u64,
    pub(super) files: u64,
}

/// The orders that concern the entries of an organisation, the newest first; and whether there are
/// more.
pub(super) async fn all(
    store: &Store,
    organization: &OrganizationId,
) -> Result<(Vec<Recorded>, bool), StoreError> {
    // What concerns every organisation belongs to none.
    let mut query = LogQuery::of(Organizations::All);
    query.actions =
        [Action::Deleted, Action::Pseudonymised].map(|one| one.word().to_owned()).into();
    let (mut orders, mut before, mut read) = (Vec::<Recorded>::new(), None, 0);
    loop {
        let page = store.log().search(&query, before, AT_ONCE).await?;
        read += page.entries.len();
        for entry in page.entries {
            let event = &entry.event;
            let elsewhere =
                event.organization.as_deref().is_some_and(|id| id != organization.as_str());
            if !elsewhere && let Some(one) = of(event) {
                add(&mut orders, one);
            }
        }
        before = page.next;
        if before.is_none() || read >= MOST_RECORDS {
            return Ok((orders, before.is_some()));
        }
    }
}

fn add(orders: &mut Vec<Recorded>, one: Recorded) {
    match orders.iter_mut().find(|known| known.id == one.id) {
        Some(known) => {
            known.entries += one.entries;
            known.files += one.files;
            known.at = known.at.max(one.at);
        }
        None => orders.push(one),
    }
}

/// None where it tells of files whose time was over, or repeats what another record says.
fn of(event: &Event) -> Option<Recorded> {
    let detail = |key: &str| event.details.get(key).map(String::as_str);
    if detail("recorded").is_some() {
        return None;
    }
    Some(Recorded {
        id: detail("order")?.parse().ok()?,
        at: event.at,
        removes: event.action == Action::Deleted,
        one_person: detail("about") == Some("one_person"),
        by: event.personal.get(Field::UserName).map(ToString::to_string),
        why: event.reason.as_deref().unwrap_or_default().to_owned(),
        case: detail("case").map(str::to_owned),
        since: detail("since").and_then(|text| text.parse().ok()),
        before: detail("until").and_then(|text| text.parse().ok()),
        of_organization: event.organization.is_some(),
        entries: event.count,
        files: 1,
    })
}

//! What the pages and the API both do: open a file, change it, export the evidence.
//!
//! Always holds: the organisation is the visitor's; what somebody writes stays in the store, where
//! it can be deleted, and never enters the log's chain.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::{self, Words};
use crate::admin::fault::{Fault, Faults};
use crate::admin::log::query::read_time;
use crate::admin::{Admin, Fields, Refusal, Visitor};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::UserName;
use crate::store::log::{By, LogQuery, Organizations};
use crate::store::{Breach, BreachChange, NewBreach};

const LONGEST_TITLE: usize = 120;
const LONGEST_NOTE: usize = 4000;
const MOST_PERSONS: usize = 200;

/// A breach file as it was typed and read.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    title: String,
    occurred_from: Timestamp,
    occurred_until: Timestamp,
    discovered: Timestamp,
    persons: Vec<String>,
}

/// Reads the form of a new file.
pub(super) fn check(fields: &Fields, visitor: &Visitor, now: Timestamp) -> Result<Checked, Faults> {
    let words = words::of(visitor.language);
    let zone = &visitor.organization.time_zone;
    let mut faults = Vec::new();
    let title = fields.text("title").to_owned();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE || has_control(&title) {
        faults.push(Fault::new("title", words.bad_name));
    }
    let mut time = |field: &'static str| {
        let (read, wrong) = read_past(fields.text(field), zone, now, words);
        if let Some(wrong) = wrong {
            faults.push(Fault::new(field, wrong));
        }
        read
    };
    let (from, until) = (time("occurred_from"), time("occurred_until"));
    let discovered = time("discovered");
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        faults.push(Fault::new("occurred_until", words.bad_order));
    }
    let persons = match persons(fields.exact("persons"), words) {
        Ok(persons) => persons,
        Err(wrong) => {
            faults.push(Fault::new("persons", wrong));
            Vec::new()
        }
    };
    match (from, until, discovered, faults.is_empty()) {
        (Some(occurred_from), Some(occurred_until), Some(discovered), true) => {
            Ok(Checked { title, occurred_from, occurred_until, discovered, persons })
        }
        _ => Err(Faults(faults)),
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// An instant that is not in the future, and what is wrong where there is none.
fn read_past(
    text: &str,
    zone: &TimeZone,
    now: Timestamp,
    words: &Words,
) -> (Option<Timestamp>, Option<&'static str>) {
    match read_time(text, zone, false) {
        None => (None, Some(words.bad_time)),
        Some(at) if at > now => (None, Some(words.bad_future)),
        Some(at) => (Some(at), None),
    }
}

/// Login names, one a line.
fn persons(text: &str, words: &Words) -> Result<Vec<String>, &'static str> {
    let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
    let names: Result<Vec<String>, _> =
        names.map(|name| UserName::parse(name).map(|name| name.to_string())).collect();
    match names {
        Err(_) => Err(words.bad_person),
        Ok(names) if names.len() > MOST_PERSONS => Err(words.too_many_persons),
        Ok(names) => Ok(names),
    }
}

/// Opens a file and gives its id.
pub(super) async fn open(
    admin: &Admin,
    visitor: &Visitor,
    checked: &Checked,
) -> Result<String, Refusal> {
    let id = format!("BR-{}", hex::encode_upper(clock::random_bytes::<5>()));
    let new = NewBreach {
        id: &id,
        organization: visitor.organization_id(),
        title: &checked.title,
        occurred_from: checked.occurred_from,
        occurred_until: checked.occurred_until,
        discovered: checked.discovered,
        persons: &checked.persons,
    };
    admin.store().open_breach(&new, &visitor.actor(), clock::now()).await?;
    Ok(id)
}

/// One file of the visitor's organisation.
pub(super) async fn one(admin: &Admin, visitor: &Visitor, id: &str) -> Result<Breach, Refusal> {
    let found = admin.store().breach(visitor.organization_id(), id).await?;
    found.ok_or(Refusal::NotFound)
}

/// What is added to a file, as the form says: `note`, `persons`, `reported`.
pub(super) async fn change(
    admin: &Admin,
    visitor: &Visitor,
    id: &str,
    fields: &Fields,
) -> Result<Result<(), Faults>, Refusal> {
    let words = words::of(visitor.language);
    let breach = one(admin, visitor, id).await?;
    let now = clock::now();
    let zone = &visitor.organization.time_zone;
    let added;
    let wrong = |field, text| Ok(Err(Faults(vec![Fault::new(field, text)])));
    let change = match fields.text("what") {
        "note" => {
            let text = fields.text("note");
            let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
            if text.is_empty() || text.chars().count() > LONGEST_NOTE || text.contains(bad) {
                return wrong("note", words.bad_note);
            }
            BreachChange::Note(text)
        }
        "persons" => match persons(fields.exact("persons"), words) {
            Ok(names) if names.is_empty() => return wrong("persons", words.bad_person),
            Ok(names) if breach.persons.len() + names.len() > MOST_PERSONS => {
                return wrong("persons", words.too_many_persons);
            }
            Ok(names) => {
                added = names;
                BreachChange::Persons(&added)
            }
            Err(text) => return wrong("persons", text),
        },
        "reported" => match read_past(fields.text("reported"), zone, now, words) {
            (Some(at), _) if at < breach.discovered => return wrong("reported", words.bad_order),
            (Some(at), _) => BreachChange::Reported(at),
            (None, text) => return wrong("reported", text.unwrap_or(words.bad_time)),
        },
        _ => return Err(Refusal::NotFound),
    };
    let at = (visitor.organization_id(), id);
    match admin.store().change_breach(at, &change, &visitor.actor(), now).await? {
        true => Ok(Ok(())),
        false => Err(Refusal::Conflict(words.reported_before.to_owned())),
    }
}

/// How many entries of the organisation lie in the span, about the persons where some are named.
pub(super) async fn entries(
    admin: &Admin,
    organization: &OrganizationId,
    zone: &TimeZone,
    breach: &Breach,
) -> Result<u64, Refusal> {
    let organizations = Organizations::These([organization.clone()].into());
    let query = LogQuery::of(organizations).between(breach.occurred_from, breach.occurred_until);
    let names: Vec<Option<String>> = match breach.persons.as_slice() {
        [] => vec![None],
        names => names.iter().cloned().map(Some).collect(),
    };
    let mut found = 0;
    for name in names {
        let mut query = query.clone();
        query.filter.user = name;
        let counts = admin.store().log().counts(&query, By::Day, zone).await?;
        found += counts.iter().map(|count| count.entries).sum::<u64>();
    }
    Ok(found)
}

//! Everything that is stored about one person, and its deletion where the law lets it.
//!
//! May use `store`, `audit` and `config`; knows no HTTP. Always holds: of other people (reviewers,
//! clerks) only that there was somebody is shown; every table of the store is either looked through
//! or named as one that holds nothing of people (a test in `store` walks the schema).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Event, terminal_safe};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, ExemptionId, Person, Phase, UserName};
use crate::store::{MASKED, Store, StoreError};

/// So many of the newest entries of the log are shown.
const MOST_ENTRIES: usize = 10_000;

/// Whom it is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Who it is, where somebody has proven it. None: the login name alone says who is meant.
    pub person: Option<Person>,
    /// In which organisation.
    pub organization: OrganizationId,
    /// The login name.
    pub name: UserName,
}

impl Subject {
    /// What the person is called in the log, in lower case.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let id = self.person.as_ref().map(|p| format!("{}/{}", p.provider(), p.subject()));
        let name = self.name.as_str().to_lowercase();
        id.map(|id| id.to_lowercase()).into_iter().chain([name]).collect()
    }
}

/// Everything that is stored about one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Insight {
    /// In which organisation.
    pub organization: String,
    /// The login name.
    pub name: String,
    /// When it was put together.
    pub made: Timestamp,
    /// What there is, by where it is kept; the empty ones too.
    pub sections: Vec<Section>,
    /// Whether the log holds more than the newest entries that are shown.
    pub log_is_cut: bool,
}

/// What one place holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The table, or `log`: a word for a page to translate.
    pub id: &'static str,
    /// What is there and not shown: secrets, and numbers that say nothing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub withheld: &'static [&'static str],
    /// Each thing by itself.
    pub items: Vec<Item>,
}

/// One thing: its fields in their order, as text. In JSON an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item(pub Vec<(String, String)>);

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Insight {
    /// Whether nothing is stored but that somebody looked. What waits in the outbox is an entry of
    /// the log within a second.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let looked = Action::PersonViewed.word();
        let is_look = |item: &Item| {
            item.0.iter().any(|(key, value)| key == "event.action" && value == looked)
        };
        self.sections.iter().all(|section| match section.id {
            "outbox" => true,
            "log" => section.items.iter().all(is_look),
            _ => section.items.is_empty(),
        })
    }

    /// As a text that fits a terminal or a printer.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{} / {}, {}\n", self.organization, self.name, self.made);
        for section in &self.sections {
            let _ = write!(text, "\n{} ({})\n", section.id, section.items.len());
            for item in &section.items {
                for (position, (key, value)) in item.0.iter().enumerate() {
                    let lead = if position == 0 { "-" } else { " " };
                    let _ = writeln!(text, "{lead} {key}: {}", terminal_safe(value));
                }
            }
        }
        if self.log_is_cut {
            let _ = writeln!(text, "\nThe log holds more than the newest {MOST_ENTRIES} entries.");
        }
        text
    }
}

/// What was deleted and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// How many things went, by where they were kept.
    pub removed: Vec<(&'static str, u64)>,
    /// What stays, by where it is kept, and the word for why: `decision` (an authority keeps its
    /// decisions and who took them), `in_use` (a running journey or account needs it), `security`
    /// (it keeps somebody out), `own_order` (the log: see `erasure`).
    pub kept: Vec<(&'static str, &'static str)>,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsightError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error("the log cannot be read")]
    Log(#[from] std::io::Error),
}

/// Everything that is stored about a person. `log` is the log's directory. Whoever asks has written
/// the entry about it before.
///
/// # Errors
/// [`InsightError`].
pub async fn about(
    store: &Store,
    log: &Path,
    subject: &Subject,
    now: Timestamp,
) -> Result<Insight, InsightError> {
    let held =
        store.about_person(&subject.organization, subject.person.as_ref(), &subject.name).await?;
    let mut sections: Vec<Section> = held
        .into_iter()
        .map(|holding| {
            let item = |row: Vec<(&str, String)>| {
                Item(row.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            };
            Section {
                id: holding.table,
                withheld: holding.withheld,
                items: holding.rows.into_iter().map(item).collect(),
            }
        })
        .collect();
    let (log, names) = (log.to_owned(), subject.names());
    let organization = subject.organization.to_string();
    let known_here = sections.iter().any(|one| one.id != "outbox" && !one.items.is_empty());
    let ownerless =
        known_here && !store.is_known_elsewhere(&subject.organization, &subject.name).await?;
    let look = move || entries(&log, &names, (&organization, ownerless));
    let entries = tokio::task::spawn_blocking(look).await.map_err(std::io::Error::other)??;
    let log_is_cut = entries.len() > MOST_ENTRIES;
    let items = entries.into_iter().take(MOST_ENTRIES).collect();
    sections.push(Section { id: "log", withheld: &[], items });
    Ok(Insight {
        organization: subject.organization.to_string(),
        name: subject.name.to_string(),
        made: now,
        sections,
        log_is_cut,
    })
}

/// Deletes from the store what may be deleted: what belongs to journeys that are over, and how a
/// provider described the person. The log is changed by an order of its own (`erasure`).
///
/// # Errors
/// [`InsightError`].
pub async fn forget(
    store: &Store,
    subject: &Subject,
    by: &Actor,
    now: Timestamp,
) -> Result<Forgotten, InsightError> {
    let records = match &subject.person {
        Some(person) => store.exemptions_of(person).await?,
        None => {
            let mut all = store.exemptions(Some(&subject.organization)).await?;
            all.retain(|record| record.exemption.user_name == subject.name);
            all
        }
    };
    let is_over = |phase| {
        matches!(
            phase,
            Phase::Ended | Phase::Revoked | Phase::Closed | Phase::Refused | Phase::Withdrawn
        )
    };
    let (over, running): (Vec<_>, Vec<_>) =
        records.iter().partition(|record| is_over(record.exemption.phase(now)));
    let over: Vec<ExemptionId> = over.iter().map(|record| record.exemption.id.clone()).collect();
    let whom = (&subject.organization, subject.person.as_ref());
    let removed = store.forget_person(whom, &subject.name, &over, by, now).await?;
    let mut kept = Vec::new();
    for holding in
        store.about_person(&subject.organization, subject.person.as_ref(), &subject.name).await?
    {
        if !holding.rows.is_empty() {
            kept.push((holding.table, why_kept(holding.table, running.is_empty())));
        }
    }
    kept.push(("log", "own_order"));
    Ok(Forgotten { removed, kept })
}

fn why_kept(table: &str, no_journey_runs: bool) -> &'static str {
    match table {
        "exemptions" | "exemption_legs" | "exemption_sites" | "exemption_history"
        | "exemption_demands" | "reidentifications" => "decision",
        "person_ends" | "provider_logouts" | "admin_code_failures" => "security",
        "outbox" => "own_order",
        _ if no_journey_runs && table == "known_people" => "security",
        _ => "in_use",
    }
}

/// The entries that the person did or that were done to them, newest first; one more than is shown
/// where there are more.
/// `ownerless`: those too that are of no organisation; they may be anybody's of this name.
fn entries(
    log: &Path,
    names: &BTreeSet<String>,
    (organization, ownerless): (&str, bool),
) -> std::io::Result<Vec<Item>> {
    let filter = Filter::default();
    let mut items = Vec::new();
    for found in search(log, &filter)? {
        let event = found?.event;
        let theirs = event.organization.as_deref().map_or(ownerless, |id| id == organization);
        if let Some(item) = of_entry(&event, names).filter(|_| theirs) {
            items.push(item);
            if items.len() > MOST_ENTRIES {
                break;
            }
        }
    }
    Ok(items)
}

/// What an entry says about the person: of an entry in which somebody else did something to them
/// nothing about that other.
fn of_entry(event: &Event, names: &BTreeSet<String>) -> Option<Item> {
    let value = |field| event.personal.get(field).map(|value: &smol_str::SmolStr| value.as_str());
    let is_theirs = |field| value(field).is_some_and(|value| names.contains(&value.to_lowercase()));
    let did = is_theirs(Field::UserName) || is_theirs(Field::UserId);
    if !did && !is_theirs(Field::UserTarget) {
        return None;
    }
    let mut fields = vec![
        ("@timestamp".to_owned(), event.at.to_string()),
        ("event.action".to_owned(), event.action.to_string()),
    ];
    let mut push = |key: &str, value: Option<&str>| {
        fields.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    };
    push("event.reason", event.reason.as_deref());
    for field in Field::ALL {
        let shown = if field == Field::UserTarget { is_theirs(field) } else { did };
        push(field.path(), value(field).map(|value| if shown { value } else { MASKED }));
    }
    push("client.geo.country_iso_code", event.country.as_deref());
    push("geovagt.site", event.site.as_deref());
    push("url.path", event.path.as_deref());
    push("geovagt.exemption", event.exemption.as_deref());
    push("geovagt.reference", event.reference.as_deref());
    Some(Item(fields))
}

#[cfg(test)]
mod tests;

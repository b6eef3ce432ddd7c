//! An entry as a row, and back.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::key;
use super::kinds::Combination;
use super::query::{Cursor, LogEntry};
use crate::audit::chain::Kept;
use crate::audit::event::{Action, Event, Field, Outcome};
use crate::audit::search::FoundEntry;
use crate::audit::{Class, line_event};

/// The columns of a row, in the order in which [`Row`] is written and read.
pub(super) const COLUMNS: &str = "entry, node, chain, sequence, organization, site, listener, \
     action, reason, verdict, country, region, system, folded, reference, network, wide, client, \
     client_nat, user_name, user_id, user_effective, user_target, user_agent, rest, seal, kind, \
     host, part, family";
/// How many those are.
pub(super) const WIDTH: usize = 30;
/// Those of them that an entry is read from.
pub(super) const COLUMNS_OF_ENTRY: &str = "entry, node, chain, sequence, organization, site, \
     listener, action, reason, verdict, country, region, system, folded, reference, network, wide, \
     client, client_nat, user_name, user_id, user_effective, user_target, user_agent, rest, seal";

/// The personal columns, in their order.
const PERSONAL: [Field; 7] = Field::ALL;

/// What has no column of its own.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Rest {
    #[serde(rename = "o")]
    outcome: Option<Outcome>,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", default)]
    milliseconds: Option<u64>,
    #[serde(rename = "rc", skip_serializing_if = "Option::is_none", default)]
    registered_country: Option<SmolStr>,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none", default)]
    method: Option<SmolStr>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none", default)]
    status: Option<u16>,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none", default)]
    domain: Option<SmolStr>,
    #[serde(rename = "p", skip_serializing_if = "Option::is_none", default)]
    path: Option<SmolStr>,
    #[serde(rename = "q", skip_serializing_if = "Option::is_none", default)]
    query: Option<SmolStr>,
    #[serde(rename = "l", skip_serializing_if = "Option::is_none", default)]
    rule: Option<(SmolStr, SmolStr)>,
    #[serde(rename = "w", skip_serializing_if = "Option::is_none", default)]
    would_be: Option<SmolStr>,
    #[serde(rename = "x", skip_serializing_if = "Option::is_none", default)]
    exemption: Option<SmolStr>,
    #[serde(rename = "mo", skip_serializing_if = "Option::is_none", default)]
    mode: Option<SmolStr>,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none", default)]
    database_built: Option<i64>,
    #[serde(rename = "de", skip_serializing_if = "BTreeMap::is_empty", default)]
    details: BTreeMap<String, String>,
    /// A line that was altered in its file and could not be put together again from parts.
    #[serde(rename = "raw", skip_serializing_if = "Option::is_none", default)]
    raw: Option<String>,
}

/// An entry before its words have numbers.
#[derive(Debug, Clone)]
pub struct Taken {
    pub(super) class: Class,
    pub(super) sequence: u64,
    pub(super) event: Event,
    rest: String,
    seal: Vec<u8>,
}

impl Taken {
    /// Takes a line of a segment apart. None where it is no entry.
    pub(crate) fn of(class: Class, line: &str) -> Option<Self> {
        match Kept::of(class, line.as_bytes()) {
            Ok(Kept { sequence, event, seal }) if is_plain(&event) => {
                let rest = rest(&event, None)?;
                Some(Self { class, sequence, event, rest, seal })
            }
            _ => {
                let (sequence, event) = line_event(line.as_bytes())?;
                let rest = rest(&event, Some(line.to_owned()))?;
                Some(Self { class, sequence, event, rest, seal: Vec::new() })
            }
        }
    }

    /// An entry that stands in no segment, for a bench that makes millions.
    #[must_use]
    pub fn made(class: Class, sequence: u64, event: Event, seal: &[u8]) -> Self {
        let rest = rest(&event, None).unwrap_or_default();
        let mut seal = seal.to_vec();
        seal.splice(..16.min(seal.len()), *event.id.as_bytes());
        Self { class, sequence, event, rest, seal }
    }

    /// Its place in its chain.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// As a search through the segments gives it.
    pub(crate) fn found(self) -> FoundEntry {
        let line = serde_json::from_str::<Rest>(&self.rest).ok().and_then(|rest| rest.raw);
        let kept = Kept { sequence: self.sequence, event: self.event, seal: self.seal };
        let line = line.or_else(|| kept.line(self.class)).unwrap_or_default();
        FoundEntry { class: self.class, sequence: kept.sequence, event: kept.event, line }
    }

    /// The words that it is kept with.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let event = &self.event;
        [
            event.organization.as_deref(),
            event.site.as_deref(),
            event.listener.as_deref(),
            Some(event.action.word()),
            event.reason.as_deref(),
            event.verdict.as_deref(),
            event.country.as_deref(),
            event.region.as_deref(),
        ]
        .into_iter()
        .flatten()
    }

    /// The row, with the numbers of its words.
    pub(super) fn row(self, node: i64, numbers: &HashMap<String, i64>) -> NumberedRow {
        let number = |word: Option<&str>| {
            word.and_then(|word| numbers.get(word)).copied().unwrap_or_default()
        };
        let event = &self.event;
        let of = |text: &Option<SmolStr>| number(text.as_deref());
        let address = |field| {
            event.personal.get(field).and_then(|text: &SmolStr| text.parse::<IpAddr>().ok())
        };
        let client = address(Field::ClientIp);
        let sequence = i64::try_from(self.sequence).unwrap_or(i64::MAX);
        let mut marks: Vec<String> = key::people(event).iter().map(|mark| keepable(mark)).collect();
        if let Some(nat) = address(Field::ClientNatIp) {
            marks.push(key::second(key::network(nat)));
            marks.push(key::second_wide(key::wide(nat)));
        }
        if self.class == Class::Denied
            && let Some(registered) = &event.registered_country
            && event.country.as_ref() != Some(registered)
        {
            marks.push(key::registered(registered));
        }
        NumberedRow {
            entry: key::natural(event.at, self.class, node, sequence),
            numbers: [
                node,
                key::chain(self.class),
                sequence,
                of(&event.organization),
                of(&event.site),
                of(&event.listener),
                number(Some(event.action.word())),
                of(&event.reason),
                of(&event.verdict),
                of(&event.country),
                of(&event.region),
                event.as_number.map_or(-1, i64::from),
                i64::try_from(event.count).unwrap_or(i64::MAX),
                event.reference.as_deref().map_or(-1, key::reference),
                client.map_or(key::NOWHERE, key::network),
                client.map_or(key::NOWHERE, key::wide),
            ],
            personal: PERSONAL.map(|field| event.personal.get(field).map(|text| keepable(text))),
            hour: key::hour(event.at),
            rest: self.rest,
            seal: self.seal,
            marks,
            kind: 0,
            // A repeated denial stands for the whole network of its client.
            host: match (event.action, client) {
                (Action::Repeated, _) | (_, None) => key::NOWHERE,
                (_, Some(client)) => key::host(client),
            },
            part: client.map_or(key::NOWHERE, key::part),
            family: key::family(address(Field::ClientNatIp).or(client)),
            second: event.personal.get(Field::ClientNatIp).is_some(),
        }
    }
}

/// Whether the columns can hold it as it is.
fn is_plain(event: &Event) -> bool {
    let reference = event.reference.as_deref();
    reference.is_none_or(|text| key::reference(text) >= 0)
        && Field::ALL
            .iter()
            .all(|field| event.personal.get(*field).is_none_or(|text| !text.contains('\0')))
}

/// PostgreSQL keeps no text with a zero in it.
fn keepable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn rest(event: &Event, raw: Option<String>) -> Option<String> {
    let rest = if raw.is_some() {
        Rest { raw, ..Rest::default() }
    } else {
        Rest {
            outcome: Some(event.outcome),
            milliseconds: event.milliseconds,
            registered_country: event.registered_country.clone(),
            method: event.method.clone(),
            status: event.status,
            domain: event.domain.clone(),
            path: event.path.clone(),
            query: event.query.clone(),
            rule: event.rule.clone(),
            would_be: event.would_be.clone(),
            exemption: event.exemption.clone(),
            mode: event.mode.clone(),
            database_built: event.database_built.map(Timestamp::as_millisecond),
            details: event.details.clone(),
            raw: None,
        }
    };
    // In JSON a zero is an escape, which every database takes.
    serde_json::to_string(&rest).ok()
}

/// Where the network of an entry is registered, from what has no column of its own.
pub(super) fn registered_country(rest: &str) -> Option<SmolStr> {
    let rest: Rest = serde_json::from_str(rest).ok()?;
    match rest.raw {
        Some(line) => line_event(line.as_bytes())?.1.registered_country,
        None => rest.registered_country,
    }
}

/// An entry as a row.
#[derive(Debug, Clone)]
pub(super) struct NumberedRow {
    pub(super) entry: i64,
    /// From `node` to `wide`.
    pub(super) numbers: [i64; 16],
    pub(super) personal: [Option<String>; 7],
    pub(super) hour: i64,
    pub(super) rest: String,
    pub(super) seal: Vec<u8>,
    pub(super) marks: Vec<String>,
    /// Known once every combination of the batch has a number.
    pub(super) kind: i64,
    pub(super) host: i64,
    pub(super) part: i64,
    pub(super) family: i64,
    /// Whether it has a second address.
    pub(super) second: bool,
}

impl NumberedRow {
    /// Whose it is, and the words of its kind.
    pub(super) fn combination(&self) -> Combination {
        let [_, chain, _, organization, site, listener, action, reason, verdict, country, ..] =
            self.numbers;
        (organization, [chain, country, site, listener, reason, verdict, action])
    }

    /// Network and host of its address, where it has no other beside it.
    pub(super) fn only_address(&self) -> (i64, i64) {
        let [.., network, _] = self.numbers;
        if self.second { (key::UNKNOWN, key::UNKNOWN) } else { (network, self.host) }
    }

    /// How many it stands for.
    pub(super) fn folded(&self) -> i64 {
        let [.., folded, _, _, _] = self.numbers;
        folded
    }
}

/// The numbers of the words that a row names: node, organization, site, listener, action, reason,
/// verdict, country, region.
pub(super) fn words_of(row: &AnyRow) -> [i64; 9] {
    [1, 4, 5, 6, 7, 8, 9, 10, 11].map(|column: usize| row.try_get(column).unwrap_or_default())
}

/// Reads a row back. None where it does not hold together.
pub(super) fn read(row: &AnyRow, words: &HashMap<i64, Arc<str>>) -> Option<LogEntry> {
    let number = |column: usize| row.try_get::<i64, _>(column).ok();
    let word = |column: usize| -> Option<Option<SmolStr>> {
        match number(column)? {
            0 => Some(None),
            number => Some(Some(SmolStr::new(words.get(&number)?))),
        }
    };
    let entry = number(0)?;
    let class = key::class(number(2)?)?;
    let sequence = u64::try_from(number(3)?).ok()?;
    let rest: Rest = serde_json::from_str(row.try_get::<&str, _>(24).ok()?).ok()?;
    let (node, cursor) = (word(1)??.to_string(), Cursor(entry));
    if let Some(line) = rest.raw {
        let (_, event) = line_event(line.as_bytes())?;
        return Some(LogEntry { node, class, sequence, event, line, cursor });
    }
    let seal: Vec<u8> = row.try_get(25).ok()?;
    let action = Action::from_word(&word(7)??)?;
    let mut event = Event::new(action, key::instant(entry), [0; 10]);
    event.id = Kept::id(&seal)?;
    event.organization = word(4)?;
    event.site = word(5)?;
    event.listener = word(6)?;
    event.reason = word(8)?;
    event.verdict = word(9)?;
    event.country = word(10)?;
    event.region = word(11)?;
    event.as_number = u32::try_from(number(12)?).ok();
    event.count = u64::try_from(number(13)?).ok()?;
    event.reference = key::reference_text(number(14)?).map(|reference| reference.short());
    for (position, field) in PERSONAL.into_iter().enumerate() {
        let value: Option<String> = row.try_get(17 + position).ok()?;
        event.personal.set(field, value.map(SmolStr::from));
    }
    event.outcome = rest.outcome?;
    event.milliseconds = rest.milliseconds;
    event.registered_country = rest.registered_country;
    event.method = rest.method;
    event.status = rest.status;
    event.domain = rest.domain;
    event.path = rest.path;
    event.query = rest.query;
    event.rule = rest.rule;
    event.would_be = rest.would_be;
    event.exemption = rest.exemption;
    event.mode = rest.mode;
    event.database_built = match rest.database_built {
        Some(built) => Some(Timestamp::from_millisecond(built).ok()?),
        None => None,
    };
    event.details = rest.details;
    let kept = Kept { sequence, event, seal };
    let line = kept.line(class)?;
    Some(LogEntry { node, class, sequence, event: kept.event, line, cursor })
}

//! The list of journeys: who travels now and next, what waits, and everything that the filters of the
//! address leave.

use askama::Template;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};

use super::actions::{Desk, OFFICERS};
use super::shown::Row;
use super::words::Words;
use super::{sentences, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Asked, Place, Visitor, shell};
use crate::language::Language;
use crate::policy::Phase;
use crate::store::ExemptionRecord;
use crate::territory;

/// So many are shown at first, and with each "more".
const PAGE: usize = 50;
/// What begins within this time begins soon.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A state to filter by.
struct Choice {
    value: &'static str,
    text: &'static str,
    chosen: bool,
}

/// The filters as they stand in the address.
struct Filters {
    state: String,
    person: String,
    country: String,
    site: String,
    case: String,
}

impl Filters {
    fn of(asked: &Asked) -> Self {
        let text = |name: &str| asked.text(name).chars().take(100).collect();
        Self {
            state: text("state"),
            person: text("person"),
            country: text("country"),
            site: text("site"),
            case: text("case"),
        }
    }

    fn are_set(&self) -> bool {
        [&self.state, &self.person, &self.country, &self.site, &self.case]
            .iter()
            .any(|text| !text.is_empty())
    }

    fn hold(&self, record: &ExemptionRecord, now: Timestamp) -> bool {
        let exemption = &record.exemption;
        let part = |wanted: &str, text: &str| {
            wanted.is_empty() || text.to_lowercase().contains(&wanted.to_lowercase())
        };
        self.holds_state(record, now)
            && part(&self.person, exemption.user_name.as_str())
            && part(&self.case, &exemption.case_number)
            && (self.site.is_empty() || exemption.sites.iter().any(|s| s.as_str() == self.site))
            && self.holds_country(record)
    }

    fn holds_state(&self, record: &ExemptionRecord, now: Timestamp) -> bool {
        let phase = record.exemption.phase(now);
        match self.state.as_str() {
            "" => true,
            "waiting" => waits(record, now),
            word => Phase::from_word(word) == Some(phase),
        }
    }

    /// A name that means no country finds nothing: better than to find everything.
    fn holds_country(&self, record: &ExemptionRecord) -> bool {
        if self.country.is_empty() {
            return true;
        }
        let Ok(wanted) = territory::find(&self.country) else { return false };
        let mut named = record.exemption.legs.iter().flat_map(|leg| &leg.territories);
        named.any(|one| {
            *one == wanted || (wanted.subdivision().is_none() && one.country() == wanted.country())
        })
    }
}

/// Whether somebody has to decide.
fn waits(record: &ExemptionRecord, now: Timestamp) -> bool {
    let phase = record.exemption.phase(now);
    matches!(phase, Phase::Applied | Phase::AwaitingApproval) || record.is_unconfirmed(now)
}

/// A few journeys under a heading.
struct Group {
    title: &'static str,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "travel/list.html")]
struct Page {
    words: &'static Words,
    overview: String,
    imported: Option<String>,
    officer: bool,
    groups: Vec<Group>,
    filters: Filters,
    filtered: bool,
    states: Vec<Choice>,
    sites: Vec<(String, bool)>,
    found: String,
    rows: Vec<Row>,
    any: bool,
    more: Option<String>,
}

pub(super) async fn page(
    axum::extract::State(admin): State<Admin>,
    visitor: Visitor,
    asked: Asked,
) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let language = visitor.language;
    let refused = |undone| without_form(undone, language);
    let all = desk.journeys().await.map_err(refused)?;
    let filters = Filters::of(&asked);
    let now = desk.now;
    let found: Vec<&ExemptionRecord> = all.iter().filter(|one| filters.hold(one, now)).collect();
    let most = asked.text("show").parse().unwrap_or(PAGE).clamp(PAGE, 5_000);
    look(&admin, &visitor, Looked::Travel, |event| {
        let event = event.detail("view", "list").detail("results", found.len().to_string());
        if filters.person.is_empty() { event } else { event.target(filters.person.as_str()) }
    })
    .await?;
    let row =
        |record: &&ExemptionRecord| Row::of(record, now, &visitor.organization.time_zone, language);
    let words = Words::of(language);
    let page = Page {
        words,
        overview: overview(&all, now, language),
        imported: asked.text("imported").parse().ok().map(|n| sentences::imported(n, language)),
        officer: visitor.has_any(OFFICERS),
        groups: if filters.are_set() { Vec::new() } else { groups(&all, now, words, row) },
        filtered: filters.are_set(),
        states: states(&filters.state, words, language),
        sites: sites(&desk, &filters.site),
        found: sentences::found(found.len().min(most), all.len(), language),
        any: !all.is_empty(),
        more: (found.len() > most).then(|| {
            let next = (most + PAGE).to_string();
            format!("/travel?{}#all", asked.query_with(&[("show", &next)]))
        }),
        rows: found.iter().take(most).map(row).collect(),
        filters,
    };
    Ok(shell::frame(&visitor, Place::Travel, words.title, &page))
}

fn overview(all: &[ExemptionRecord], now: Timestamp, language: Language) -> String {
    let count = |holds: &dyn Fn(&ExemptionRecord) -> bool| all.iter().filter(|r| holds(r)).count();
    let under_way = count(&|record| record.exemption.phase(now) == Phase::Active);
    let soon = count(&|record| begins_soon(record, now));
    let waiting = count(&|record| waits(record, now));
    sentences::overview(under_way, soon, waiting, language)
}

fn begins_soon(record: &ExemptionRecord, now: Timestamp) -> bool {
    let planned = record.exemption.phase(now) == Phase::Planned;
    let from = record.exemption.journey().map(|(from, _)| from);
    planned && from.is_some_and(|from| from.duration_since(now) <= SOON)
}

/// What waits, who travels now, who travels next.
fn groups(
    all: &[ExemptionRecord],
    now: Timestamp,
    words: &'static Words,
    row: impl Fn(&&ExemptionRecord) -> Row,
) -> Vec<Group> {
    let of = |title, holds: &dyn Fn(&ExemptionRecord) -> bool| {
        let mut records: Vec<&ExemptionRecord> = all.iter().filter(|one| holds(one)).collect();
        records.sort_by_key(|one| one.exemption.journey());
        Group { title, rows: records.iter().map(&row).collect() }
    };
    let groups = [
        of(words.waiting, &|record| waits(record, now)),
        of(words.now, &|record| {
            record.exemption.phase(now) == Phase::Active && !record.is_unconfirmed(now)
        }),
        of(words.next, &|record| record.exemption.phase(now) == Phase::Planned),
    ];
    groups.into_iter().filter(|group| !group.rows.is_empty()).collect()
}

fn states(chosen: &str, words: &'static Words, language: Language) -> Vec<Choice> {
    let waiting = Choice { value: "waiting", text: words.waiting, chosen: chosen == "waiting" };
    let phases = Phase::ALL.into_iter().map(|phase| Choice {
        value: phase.word(),
        text: sentences::phase(phase, language),
        chosen: chosen == phase.word(),
    });
    std::iter::once(waiting).chain(phases).collect()
}

/// The organisation's systems, and which is chosen.
fn sites(desk: &Desk<'_>, chosen: &str) -> Vec<(String, bool)> {
    let own = super::form::sites(desk);
    own.into_iter().map(|site| (site.to_string(), site.as_str() == chosen)).collect()
}

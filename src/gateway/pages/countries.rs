//! `/.geovagt/lande`: the list in force, the announced one and what changes.

use askama::Template;
use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;

use super::contact::ContactView;
use super::page::Page;
use super::shell::{Frame, switch_to_other};
use super::wording;
use crate::config::Organization;
use crate::language::Language;
use crate::policy::Mode;

/// The list, with names already in the language of the page and in its order.
#[derive(Debug, Clone, Copy)]
pub struct Countries<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page, and of every name in it.
    pub language: Language,
    /// The version in force.
    pub version: &'a str,
    /// The paper it comes from.
    pub source: &'a str,
    /// Who adopted it.
    pub adopted_by: &'a str,
    /// When it was adopted.
    pub adopted_on: Date,
    /// When it was announced.
    pub announced_on: Date,
    /// The instant from which it counts.
    pub effective_from: Timestamp,
    /// Whether it is enforced.
    pub mode: Mode,
    /// What stands on it, sorted by name.
    pub entries: &'a [ListedEntry<'a>],
    /// What this version changed against the one before; none for the first.
    pub latest_change: Option<Change<'a>>,
    /// The version that comes next.
    pub announced: Option<Announced<'a>>,
}

/// A territory on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name of the country it lies in, where it is a subdivision.
    pub within: Option<&'a str>,
}

/// What one version changes against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// Names that come in.
    pub added: &'a [&'a str],
    /// Names that go out.
    pub removed: &'a [&'a str],
}

/// A version that has been announced and does not count yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced<'a> {
    /// Its name.
    pub version: &'a str,
    /// The instant from which it will count.
    pub effective_from: Timestamp,
    /// What it will change.
    pub change: Change<'a>,
}

struct Row<'a> {
    name: &'a str,
    /// The country, where that does not stand on the list itself.
    within: Option<&'a str>,
    /// Subdivisions that stand on the list by themselves.
    parts: Vec<&'a str>,
}

struct ChangeView {
    added: Option<String>,
    removed: Option<String>,
}

#[derive(Template)]
#[template(path = "countries.html")]
struct CountriesTemplate<'a> {
    language: Language,
    organization_possessive: String,
    contact: ContactView<'a>,
    exemptions: bool,
    lead_days: u16,
    report_only: bool,
    rows: Vec<Row<'a>>,
    count: usize,
    version: &'a str,
    source: &'a str,
    adopted_by: &'a str,
    adopted_on: String,
    announced_on: String,
    effective_from: String,
    latest: Option<ChangeView>,
    announced: Option<(&'a str, String, ChangeView)>,
}

/// The page.
#[must_use]
pub fn countries(view: &Countries<'_>) -> Page {
    let Countries { organization, language, .. } = *view;
    let title = match language {
        Language::Danish => "Lande på listen",
        Language::English => "Countries on the list",
    };
    let instant = |at| wording::instant(at, &organization.time_zone, language);
    let frame = Frame {
        status: StatusCode::OK,
        language,
        title,
        organization: Some(&organization.name),
        other_language: switch_to_other(language),
        places: true,
    };
    frame.around(&[&CountriesTemplate {
        language,
        organization_possessive: wording::possessive(&organization.name, language),
        contact: ContactView::of(organization, language),
        exemptions: organization.travel_exemptions.enabled,
        lead_days: organization.travel_exemptions.lead_days,
        report_only: view.mode == Mode::ReportOnly,
        rows: rows(view.entries),
        count: view.entries.len(),
        version: view.version,
        source: view.source,
        adopted_by: view.adopted_by,
        adopted_on: wording::date(view.adopted_on, language),
        announced_on: wording::date(view.announced_on, language),
        effective_from: instant(view.effective_from),
        latest: view.latest_change.map(|change| ChangeView::of(change, language)),
        announced: view.announced.map(|next| {
            (next.version, instant(next.effective_from), ChangeView::of(next.change, language))
        }),
    }])
}

impl ChangeView {
    fn of(change: Change<'_>, language: Language) -> Self {
        let named =
            |names: &[&str]| (!names.is_empty()).then(|| wording::enumeration(names, language));
        Self { added: named(change.added), removed: named(change.removed) }
    }
}

/// Puts subdivisions under their country where that stands on the list too, since readers look for
/// the country; where it does not, the subdivision keeps its own place.
fn rows<'a>(entries: &[ListedEntry<'a>]) -> Vec<Row<'a>> {
    let stands = |name| entries.iter().any(|e| e.within.is_none() && e.name == name);
    entries
        .iter()
        .filter(|entry| !entry.within.is_some_and(stands))
        .map(|entry| Row {
            name: entry.name,
            within: entry.within,
            parts: entries
                .iter()
                .filter(|part| entry.within.is_none() && part.within == Some(entry.name))
                .map(|part| part.name)
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entry_is_lost_when_parts_move_under_their_country() {
        let entry = |name, within| ListedEntry { name, within };
        let shown: Vec<String> = rows(&[
            entry("Krim", Some("Ukraine")),
            entry("Rusland", None),
            entry("Tjetjenien", Some("Rusland")),
        ])
        .iter()
        .map(|row| format!("{} {:?} {:?}", row.name, row.within, row.parts))
        .collect();
        assert_eq!(shown, [r#"Krim Some("Ukraine") []"#, r#"Rusland None ["Tjetjenien"]"#]);
    }
}

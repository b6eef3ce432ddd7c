//! What the pages and the API both do: search, read one entry, count.
//!
//! Always holds: each look is an entry in the log, on disk before anything is shown; nothing of
//! another organisation is found.

use jiff::Timestamp;

use super::query::{self, FieldError, Reader};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Fields, Refusal, Visitor};
use crate::audit::{Event, Reference};
use crate::clock;
use crate::store::log::{Cursor, LogEntry, LogQuery, Organizations, Page, Wanted};

/// So many entries stand on a page.
pub(crate) const ON_A_PAGE: usize = 50;
/// So many the API gives at once at most.
pub(crate) const MOST_AT_ONCE: usize = 1000;

/// Reads the search of a visitor.
pub(crate) fn read(fields: &Fields, visitor: &Visitor) -> Result<LogQuery, Vec<FieldError>> {
    query::read(fields, reader(visitor))
}

/// In whose name and time a visitor reads.
pub(crate) fn reader(visitor: &Visitor) -> Reader<'_> {
    Reader {
        organization: visitor.organization_id(),
        zone: &visitor.organization.time_zone,
        language: visitor.language,
        now: clock::now(),
    }
}

/// What a visitor may be shown.
pub(crate) fn own(visitor: &Visitor) -> Organizations {
    Organizations::These([visitor.organization_id().clone()].into())
}

/// Where a page of entries begins.
pub(crate) fn cursor(fields: &Fields) -> Result<Option<Cursor>, Refusal> {
    let unknown = |_| Refusal::NotFound;
    fields.given("before").map(|text| text.parse().map_err(unknown)).transpose()
}

/// Searches.
pub(crate) async fn search(
    admin: &Admin,
    visitor: &Visitor,
    query: &LogQuery,
    before: Option<Cursor>,
    limit: usize,
) -> Result<Page, Refusal> {
    note(admin, visitor, "search", query).await?;
    Ok(admin.store().log().search(query, before, limit).await?)
}

/// One entry by its id, or all that a reference leads to; [`Refusal::NotFound`] where there is none.
pub(crate) async fn entries(
    admin: &Admin,
    visitor: &Visitor,
    wanted: &str,
) -> Result<Vec<LogEntry>, Refusal> {
    let by_id = wanted.parse().map(Wanted::Id).ok();
    let by_reference = || Reference::parse(wanted).map(Wanted::Reference).ok();
    let wanted_entry = by_id.or_else(by_reference).ok_or(Refusal::NotFound)?;
    look(admin, visitor, Looked::Log, |event| {
        let kind = if by_id.is_some() { "entry" } else { "reference" };
        event.detail("view", "entry").detail(kind, wanted)
    })
    .await?;
    let found = admin.store().log().entry(&own(visitor), &wanted_entry).await?;
    if found.is_empty() { Err(Refusal::NotFound) } else { Ok(found) }
}

/// Writes down that somebody looks, and what for. A person or an address goes where it can be
/// removed again.
pub(crate) async fn note(
    admin: &Admin,
    visitor: &Visitor,
    view: &str,
    query: &LogQuery,
) -> Result<(), Refusal> {
    look(admin, visitor, Looked::Log, |event| described(event.detail("view", view), query)).await
}

/// The search as it stands in an entry.
pub(crate) fn described(mut event: Event, query: &LogQuery) -> Event {
    let filter = &query.filter;
    let target = filter.user.clone().or_else(|| filter.client.map(|network| network.to_string()));
    if let Some(target) = target {
        event = event.target(&target);
    }
    for (key, value) in described_filters(query) {
        event = event.detail(key, value);
    }
    event
}

/// The filters that say nothing of who somebody is, and that there is one that does.
fn described_filters(query: &LogQuery) -> Vec<(&'static str, String)> {
    let filter = &query.filter;
    let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let filters = [
        ("reference", filter.reference.map(|reference| reference.to_string())),
        ("since", instant(filter.since)),
        ("until", instant(filter.until)),
        ("country", filter.country.map(|country| country.to_string())),
        ("site", filter.site.clone()),
        ("user", filter.user.as_ref().map(|_| "given".to_owned())),
        ("client", filter.client.map(|_| "given".to_owned())),
        ("reason", filter.reason.clone()),
        ("action", filter.action.map(|action| action.to_string())),
        ("verdict", query.verdict.clone()),
        ("listener", query.listener.clone()),
        ("class", query.class.map(|class| class.word().to_owned())),
    ];
    filters.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Every filter with its value, for the head of a file.
pub(crate) fn written(query: &LogQuery) -> Vec<(&'static str, String)> {
    let mut filters = described_filters(query);
    filters.retain(|(key, _)| !matches!(*key, "user" | "client"));
    filters.extend(query.filter.user.clone().map(|user| ("user", user)));
    filters.extend(query.filter.client.map(|client| ("client", client.to_string())));
    filters
}

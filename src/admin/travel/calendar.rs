//! Who travels on which day of a month: a table, and the same as a list beside it.

use askama::Template;
use axum::extract::State;
use jiff::ToSpan as _;
use jiff::civil::Date;

use super::actions::Desk;
use super::shown::Row;
use super::words::Words;
use super::{sentences, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Asked, Place, Visitor, shell};
use crate::language::{self, Language};
use crate::policy::Phase;
use crate::store::ExemptionRecord;

/// A day of the month and who travels on it.
struct Day {
    number: i8,
    today: bool,
    travellers: Vec<Traveller>,
}

/// Somebody on a day.
struct Traveller {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "travel/calendar.html")]
struct Page {
    words: &'static Words,
    month: String,
    before: String,
    after: String,
    weekdays: Vec<&'static str>,
    /// None stands for a day of another month.
    weeks: Vec<Vec<Option<Day>>>,
    rows: Vec<Row>,
}

pub(super) async fn page(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let all = desk.journeys().await.map_err(|undone| without_form(undone, language))?;
    let today = zone.to_datetime(desk.now).date();
    let first = first_of(asked.text("month")).unwrap_or_else(|| today.first_of_month());
    let last = first.last_of_month();
    look(&admin, &visitor, Looked::Travel, |event| {
        event.detail("view", "calendar").detail("month", month(first))
    })
    .await?;
    let mut shown: Vec<&ExemptionRecord> = all
        .iter()
        .filter(|record| travels(record, &desk))
        .filter(|record| days(record, &desk).is_some_and(|(from, to)| from <= last && to >= first))
        .collect();
    shown.sort_by_key(|record| record.exemption.journey());
    let words = Words::of(language);
    let page = Page {
        words,
        month: format!("{} {}", language::month(first.month(), language), first.year()),
        before: month(first.saturating_sub(1.month())),
        after: month(first.saturating_add(1.month())),
        weekdays: weekdays(language),
        weeks: weeks(first, today, &shown, &desk),
        rows: shown.iter().map(|record| Row::of(record, desk.now, zone, language)).collect(),
    };
    let title = format!("{}: {}", words.as_calendar, page.month);
    Ok(shell::frame(&visitor, Place::Travel, &title, &page))
}

/// The first day of the month that stands in the address as `2026-12`.
fn first_of(text: &str) -> Option<Date> {
    let (year, month) = text.split_once('-')?;
    Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok().filter(|day| day.year() > 0)
}

fn month(day: Date) -> String {
    format!("{:04}-{:02}", day.year(), day.month())
}

fn travels(record: &ExemptionRecord, desk: &Desk<'_>) -> bool {
    matches!(
        record.exemption.phase(desk.now),
        Phase::Applied | Phase::AwaitingApproval | Phase::Planned | Phase::Active | Phase::Ended
    )
}

/// First and last day of a journey in the organisation's time.
fn days(record: &ExemptionRecord, desk: &Desk<'_>) -> Option<(Date, Date)> {
    let zone = &desk.organization().time_zone;
    let (from, until) = record.exemption.journey()?;
    let last = language::last_minute(until);
    Some((zone.to_datetime(from).date(), zone.to_datetime(last).date()))
}

fn weeks(
    first: Date,
    today: Date,
    shown: &[&ExemptionRecord],
    desk: &Desk<'_>,
) -> Vec<Vec<Option<Day>>> {
    let before = usize::from(first.weekday().to_monday_zero_offset().unsigned_abs());
    let mut cells: Vec<Option<Day>> = (0..before).map(|_| None).collect();
    for number in 1..=first.days_in_month() {
        let Ok(date) = Date::new(first.year(), first.month(), number) else { continue };
        let on_it = |record: &&&ExemptionRecord| {
            days(record, desk).is_some_and(|(from, to)| from <= date && date <= to)
        };
        let traveller = |record: &&ExemptionRecord| Traveller {
            id: record.exemption.id.to_string(),
            name: record.exemption.user_name.to_string(),
        };
        let travellers = shown.iter().filter(on_it).map(traveller).collect();
        cells.push(Some(Day { number, today: date == today, travellers }));
    }
    while !cells.len().is_multiple_of(7) {
        cells.push(None);
    }
    let mut cells = cells.into_iter();
    let week = || {
        let week: Vec<Option<Day>> = cells.by_ref().take(7).collect();
        Some(week).filter(|week| !week.is_empty())
    };
    std::iter::from_fn(week).collect()
}

fn weekdays(language: Language) -> Vec<&'static str> {
    sentences::pick(
        language,
        ["man", "tir", "ons", "tor", "fre", "lør", "søn"],
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    )
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_read_from_the_address_and_nothing_else_is() {
        let december = Date::constant(2026, 12, 1);
        assert_eq!(first_of("2026-12"), Some(december));
        assert_eq!(
            (month(december), month(december.saturating_add(1.month()))),
            ("2026-12".into(), "2027-01".into())
        );
        for text in ["", "2026", "2026-13", "2026-12-01", "-1-2", "99999-01", "x-y"] {
            assert_eq!(first_of(text), None, "{text}");
        }
    }
}

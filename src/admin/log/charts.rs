//! Rejections over time and by country, each against what is usual there.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::reasons::pick;
use super::usual::{self, WEEKS_BEFORE};
use super::words::{self, Words};
use crate::admin::chart::{Bar, BarList, Bars, Chart, Row, Tone};
use crate::admin::{Admin, Fields, Refusal, Visitor};
use crate::clock;
use crate::language::{Language, number};
use crate::store::log::{By, Count, LogQuery};
use crate::territory::{Country, Territory};

/// Up to here hours are drawn, beyond it days.
const HOURS_UP_TO: SignedDuration = SignedDuration::from_hours(49);
/// So many countries are shown.
const MOST_COUNTRIES: usize = 10;

/// The rejections that match a search, drawn. Where it has no beginning, the last thirty days.
pub(crate) async fn charts(
    admin: &Admin,
    visitor: &Visitor,
    query: &LogQuery,
    fields: &Fields,
) -> Result<Vec<Chart>, Refusal> {
    let now = clock::now();
    let until = query.filter.until.unwrap_or(now).min(now);
    let thirty_days = until.checked_sub(SignedDuration::from_hours(30 * 24)).unwrap_or(until);
    let since = query.filter.since.unwrap_or(thirty_days).min(until);
    let mut rejected = query.clone().between(since, until);
    rejected.verdict = Some("deny".to_owned());
    let drawing = Drawing { admin, visitor, words: words::of(visitor.language), since, until };
    let over_time = if until.duration_since(since) <= HOURS_UP_TO {
        drawing.hours(&rejected).await?
    } else {
        drawing.days(&rejected).await?
    };
    Ok(vec![over_time, drawing.countries(&rejected, fields).await?])
}

struct Drawing<'a> {
    admin: &'a Admin,
    visitor: &'a Visitor,
    words: &'static Words,
    since: Timestamp,
    until: Timestamp,
}

impl Drawing<'_> {
    fn language(&self) -> Language {
        self.visitor.language
    }

    async fn counts(&self, query: &LogQuery, by: By) -> Result<Vec<Count>, Refusal> {
        let zone = &self.visitor.organization.time_zone;
        Ok(self.admin.store().log().counts(query, by, zone).await?)
    }

    /// The same search over the weeks before.
    fn before(&self, query: &LogQuery) -> LogQuery {
        let from = self.since.checked_sub(WEEKS_BEFORE).unwrap_or(self.since);
        query.clone().between(from, self.since)
    }

    async fn hours(&self, query: &LogQuery) -> Result<Chart, Refusal> {
        let zone = &self.visitor.organization.time_zone;
        let counts = self.counts(query, By::Hour).await?;
        let usual = self.counts(&self.before(query), By::Hour).await?;
        let usual = usual::of_hours(&usual, zone);
        let found: BTreeMap<Timestamp, u64> = counts
            .iter()
            .filter_map(|count| Some((count.name.parse().ok()?, count.count)))
            .collect();
        let mut bars = Vec::new();
        let mut hour = whole_hour(self.since);
        while hour < self.until && bars.len() < 50 {
            let at = hour.to_zoned(zone.clone());
            bars.push(Bar {
                label: format!("{:02}", at.hour()),
                name: at
                    .strftime(pick(self.language(), "%d.%m. kl. %H", "%-d %b, %H:00"))
                    .to_string(),
                value: found.get(&hour).copied().unwrap_or(0),
                usual: usual.get(&at.hour()).copied(),
            });
            hour = hour.checked_add(SignedDuration::from_hours(1)).unwrap_or(self.until);
        }
        Ok(self.over_time(&bars, self.words.hour))
    }

    async fn days(&self, query: &LogQuery) -> Result<Chart, Refusal> {
        let zone = &self.visitor.organization.time_zone;
        let counts = self.counts(query, By::Day).await?;
        let usual = usual::of_a_day(&self.counts(&self.before(query), By::Day).await?);
        let found: BTreeMap<Date, u64> = counts
            .iter()
            .filter_map(|count| Some((count.name.parse().ok()?, count.count)))
            .collect();
        let mut day = self.since.to_zoned(zone.clone()).date();
        let last = self.until.to_zoned(zone.clone()).date();
        let mut bars = Vec::new();
        while day <= last && bars.len() < 400 {
            bars.push(Bar {
                label: day.strftime(pick(self.language(), "%-d.%-m.", "%-d %b")).to_string(),
                name: crate::language::date(day, self.language()),
                value: found.get(&day).copied().unwrap_or(0),
                usual: Some(usual),
            });
            day = day.checked_add(1.day()).unwrap_or(Date::MAX);
        }
        Ok(self.over_time(&bars, pick(self.language(), "Dag", "Day")))
    }

    fn over_time(&self, bars: &[Bar], name_head: &str) -> Chart {
        let title = finding(bars, self.language());
        let description = pick(
            self.language(),
            "Søjler: afvisninger. Stiplet linje: det, der plejer at være på samme tid.",
            "Bars: rejections. Dashed line: what there usually is at that time.",
        );
        Bars {
            id: "over-time",
            title: &title,
            description,
            name_head,
            value_head: self.words.rejections,
            usual_head: self.words.usual,
            bars,
            tone: Tone::Rejected,
            language: self.language(),
        }
        .draw()
    }

    async fn countries(&self, query: &LogQuery, fields: &Fields) -> Result<Chart, Refusal> {
        let mut counts = self.counts(query, By::Country).await?;
        counts.sort_by_key(|count| std::cmp::Reverse(count.count));
        let all: u64 = counts.iter().map(|count| count.count).sum();
        counts.truncate(MOST_COUNTRIES);
        let mut rows = Vec::new();
        for count in &counts {
            let country = Country::parse(&count.name).ok().map(Territory::country_of);
            let usual = match country {
                Some(country) => Some(self.usual_of(query, country).await?),
                None => None,
            };
            let link =
                format!("/log?{}", fields.query_with(&[("country", &count.name), ("before", "")]));
            rows.push(Row {
                name: country.map_or_else(
                    || self.words.unknown_place.to_owned(),
                    |country| country.name(self.language()).into_owned(),
                ),
                link: country.is_some().then_some(link),
                value: count.count,
                usual,
            });
        }
        let title = most_from(&rows, all, self.words, self.language());
        let list = BarList {
            title: &title,
            name_head: self.words.country,
            value_head: self.words.rejections,
            usual_head: self.words.usual,
            rows: &rows,
            tone: Tone::Rejected,
            language: self.language(),
        };
        Ok(list.draw())
    }

    /// What a country usually has in a span as long as this.
    async fn usual_of(&self, query: &LogQuery, country: Territory) -> Result<u64, Refusal> {
        let mut before = self.before(query);
        before.filter.country = Some(country);
        let a_day = usual::of_a_day(&self.counts(&before, By::Day).await?);
        let hours = self.until.duration_since(self.since).as_hours();
        Ok(a_day * u64::try_from(hours).unwrap_or(0) / 24)
    }
}

fn whole_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at)
}

/// What one learns from the bars.
fn finding(bars: &[Bar], language: Language) -> String {
    let all: u64 = bars.iter().map(|bar| bar.value).sum();
    let most = bars.iter().rev().max_by_key(|bar| bar.value);
    let Some(most) = most.filter(|most| most.value > 0) else {
        return pick(language, "Ingen er afvist i tidsrummet", "Nobody was rejected in this span")
            .to_owned();
    };
    let (shown, all, name) = (number(most.value, language), number(all, language), &most.name);
    match language {
        Language::Danish => format!("{all} afvist i alt, flest {name}: {shown}"),
        Language::English => format!("{all} rejected in all, most {name}: {shown}"),
    }
}

fn most_from(rows: &[Row], all: u64, words: &Words, language: Language) -> String {
    let Some(first) = rows.first().filter(|_| all > 0) else {
        return words.chart_country_title.to_owned();
    };
    let share = first.value * 100 / all;
    let name = &first.name;
    match language {
        Language::Danish => format!("Flest afvisninger fra {name}: {share} % af dem alle"),
        Language::English => format!("Most rejections from {name}: {share}% of them all"),
    }
}

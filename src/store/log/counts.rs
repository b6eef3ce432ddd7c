//! How many there were, from the counts of the hours.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::plan::{Wishes, guide_of, hold};
use super::query::{By, Count, LogQuery};

/// What is counted together, in numbers, with how many entries and what they stand for.
type Figures = BTreeMap<i64, (i64, i64)>;

impl LogIndex {
    /// How many denials and people's entries there were, or how many of one chain where the query
    /// says so (allowed traffic is counted by whole hours), folded ones as what they stand for; by time oldest first, else
    /// the most first. Days are those of `zone`. What only an entry can tell (a person, an address,
    /// a reference, a subdivision) is counted entry by entry.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn counts(
        &self,
        query: &LogQuery,
        by: By,
        zone: &TimeZone,
    ) -> Result<Vec<Count>, StoreError> {
        let filter = &query.filter;
        let mut reading = self.reading().await?;
        let by_entry = filter.reference.is_some()
            || filter.client.is_some()
            || filter.user.is_some()
            || filter.country.is_some_and(|territory| territory.subdivision().is_some());
        let named = if by_entry {
            self.counted_one_by_one(&mut reading, query, by, zone).await?
        } else {
            let figures = match self.wishes(&mut reading, query).await? {
                Some(wishes) => self.figures(&mut reading, &wishes, by).await?,
                None => Figures::new(),
            };
            self.named(&mut reading, figures, by, zone).await?
        };
        reading.done().await?;
        let mut counts: Vec<Count> = named
            .into_iter()
            .map(|(name, (entries, total))| Count {
                name,
                count: u64::try_from(total).unwrap_or(0),
                entries: u64::try_from(entries).unwrap_or(0),
            })
            .collect();
        if !matches!(by, By::Hour | By::Day) {
            counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        }
        Ok(counts)
    }

    pub(super) async fn figures(
        &self,
        reading: &mut Reading,
        wishes: &Wishes,
        by: By,
    ) -> Result<Figures, StoreError> {
        let mut figures = Figures::new();
        let (mut edges, mut hours) = split(&wishes.places);
        if wishes.chains == [0] && !wishes.places.is_empty() {
            // There are no entries of allowed traffic to count parts of hours by.
            let hour = |place: i64| key::hour(key::instant(place));
            hours = hour(wishes.places.start)..hour(wishes.places.end - 1) + 1;
            edges.clear();
        }
        for edge in edges {
            self.figures_of_entries(reading, wishes, by, edge, &mut figures).await?;
        }
        if !hours.is_empty() {
            self.figures_of_hours(reading, wishes, by, hours, &mut figures).await?;
        }
        Ok(figures)
    }

    async fn figures_of_hours(
        &self,
        reading: &mut Reading,
        wishes: &Wishes,
        by: By,
        hours: Range<i64>,
        figures: &mut Figures,
    ) -> Result<(), StoreError> {
        let guide = guide_of(&wishes.dimensions).filter(|_| wishes.organizations.is_some());
        let column = column(by);
        let mut sql = Sql::new("SELECT ");
        sql.push(column).push(
            ", CAST(SUM(entries) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM log_hours WHERE hour >= ",
        );
        sql.number(hours.start).push(" AND hour < ").number(hours.end);
        if let Some(organizations) = &wishes.organizations {
            sql.push(" AND organization IN ").numbers(organizations);
        }
        sql.push(" AND chain IN ").numbers(&wishes.chains);
        hold(&mut sql, &wishes.dimensions, guide);
        sql.push(" GROUP BY ").push(column);
        self.add(reading, sql, figures).await
    }

    /// An hour that is asked for in part.
    async fn figures_of_entries(
        &self,
        reading: &mut Reading,
        wishes: &Wishes,
        by: By,
        places: Range<i64>,
        figures: &mut Figures,
    ) -> Result<(), StoreError> {
        let column = match by {
            By::Hour | By::Day => String::from(place_hour()),
            _ => column(by).to_owned(),
        };
        let mut sql = Sql::new("SELECT ");
        sql.push(&column).push(
            " AS named, CAST(COUNT(*) AS BIGINT), CAST(SUM(folded) AS BIGINT) FROM log_entries
             WHERE entry >= ",
        );
        sql.number(places.start).push(" AND entry < ").number(places.end);
        if let Some(organizations) = &wishes.organizations {
            sql.push(" AND +organization IN ").numbers(organizations);
        }
        hold(&mut sql, &wishes.dimensions, None);
        sql.push(" GROUP BY ").push(&column);
        self.add(reading, sql, figures).await
    }

    async fn add(
        &self,
        reading: &mut Reading,
        sql: Sql,
        figures: &mut Figures,
    ) -> Result<(), StoreError> {
        for row in reading.rows(sql.asked()).await? {
            let [name, entries, total] = [0, 1, 2].map(|column| self.integer(&row, column));
            let figure = figures.entry(name?).or_default();
            figure.0 = figure.0.saturating_add(entries?);
            figure.1 = figure.1.saturating_add(total?);
        }
        Ok(())
    }

    async fn named(
        &self,
        reading: &mut Reading,
        figures: Figures,
        by: By,
        zone: &TimeZone,
    ) -> Result<BTreeMap<String, (i64, i64)>, StoreError> {
        let mut named = BTreeMap::<String, (i64, i64)>::new();
        let words = match by {
            By::Hour | By::Day => std::collections::HashMap::new(),
            _ => self.words(reading, figures.keys().copied()).await?,
        };
        for (number, (entries, total)) in figures {
            let name = match by {
                By::Hour | By::Day => name_of(key::hour_begins(number), by, zone),
                _ => words.get(&number).map(ToString::to_string).unwrap_or_default(),
            };
            let figure = named.entry(name).or_default();
            figure.0 = figure.0.saturating_add(entries);
            figure.1 = figure.1.saturating_add(total);
        }
        Ok(named)
    }

    async fn counted_one_by_one(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        by: By,
        zone: &TimeZone,
    ) -> Result<BTreeMap<String, (i64, i64)>, StoreError> {
        let mut named = BTreeMap::<String, (i64, i64)>::new();
        let mut before = None;
        loop {
            let page = self.search_in(reading, query, before, 1000).await?;
            for entry in &page.entries {
                let event = &entry.event;
                let word =
                    |word: &Option<smol_str::SmolStr>| word.as_deref().unwrap_or("").to_owned();
                let name = match by {
                    By::Hour => name_of(key::hour_begins(key::hour(event.at)), by, zone),
                    By::Day => name_of(event.at, by, zone),
                    By::Country => word(&event.country),
                    By::Site => word(&event.site),
                    By::Reason => word(&event.reason),
                };
                let figure = named.entry(name).or_default();
                figure.0 += 1;
                let count = i64::try_from(event.count).unwrap_or(i64::MAX);
                figure.1 = figure.1.saturating_add(count);
            }
            before = page.next;
            if before.is_none() {
                return Ok(named);
            }
        }
    }
}

fn name_of(at: jiff::Timestamp, by: By, zone: &TimeZone) -> String {
    match by {
        By::Day => at.to_zoned(zone.clone()).date().to_string(),
        _ => at.to_string(),
    }
}

fn column(by: By) -> &'static str {
    match by {
        By::Hour | By::Day => "hour",
        By::Country => "country",
        By::Site => "site",
        By::Reason => "reason",
    }
}

/// The hour of a place, in SQL.
const fn place_hour() -> &'static str {
    "entry / 7549747200000"
}

/// The parts of hours at the ends, and the whole hours between them. What has no end is whole.
fn split(places: &Range<i64>) -> (Vec<Range<i64>>, Range<i64>) {
    if places.start >= places.end {
        return (Vec::new(), 0..0);
    }
    let hour = |place: i64| key::hour(key::instant(place));
    let (first, last) = (hour(places.start), hour(places.end - 1));
    let first_is_whole = key::places_of_hour(first).start == places.start;
    let last_is_whole = key::places_of_hour(last).end <= places.end || places.end == i64::MAX;
    let whole =
        if first_is_whole { first } else { first + 1 }..if last_is_whole { last + 1 } else { last };
    let mut edges = Vec::new();
    if first == last && !(first_is_whole && last_is_whole) {
        return (vec![places.clone()], 0..0);
    }
    if !first_is_whole {
        edges.push(places.start..key::places_of_hour(first).end);
    }
    if !last_is_whole {
        edges.push(key::places_of_hour(last).start..places.end);
    }
    (edges, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_whole_hours_and_parts_of_them() {
        let at = |text: &str| key::first(text.parse().unwrap());
        let (ten, half, twelve, end) = (
            at("2026-11-22T10:00:00Z"),
            at("2026-11-22T10:30:00Z"),
            at("2026-11-22T12:00:00Z"),
            at("2026-11-22T12:15:00Z"),
        );
        let hour = ten / (3_600_000 << 21);
        assert_eq!(place_hour(), format!("entry / {}", 3_600_000_i64 << 21));
        assert_eq!(split(&(ten..twelve)), (vec![], hour..hour + 2));
        assert_eq!(
            split(&(half..end)),
            (vec![half..at("2026-11-22T11:00:00Z"), twelve..end,], hour + 1..hour + 2)
        );
        let (entries, hours) = split(&(ten..half));
        assert!(matches!(entries.as_slice(), [one] if *one == (ten..half)) && hours == (0..0));
        assert_eq!(split(&(half..half)), (vec![], 0..0));
        assert!(split(&(ten..i64::MAX)).0.is_empty());
    }
}

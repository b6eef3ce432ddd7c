//! How many there were, from the counts of the hours.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use jiff::tz::TimeZone;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::block::{self, Item};
use super::handle::{LogIndex, Sql};
use super::key;
use super::kinds::{Column, Kind, Matched};
use super::plan::{NETWORKS, Wishes, between, within};
use super::query::{By, Count, LogEntry, LogQuery};
use super::sums::{Sums, split_long};

/// What is counted together, in numbers, with how many entries and what they stand for.
type Figures = BTreeMap<i64, (i64, i64)>;
/// The same by name.
type Named = BTreeMap<String, (i64, i64)>;

impl LogIndex {
    /// How many denials and people's entries there were, or how many of one chain where the query
    /// says so (allowed traffic is counted by whole hours), folded ones as what they stand for; by
    /// time oldest first, else the most first. Days are those of `zone`. What the counts of the hours
    /// do not know (a person, an address, a reference, a subdivision) is counted in the indexes.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn counts(
        &self,
        query: &LogQuery,
        by: By,
        zone: &TimeZone,
    ) -> Result<Vec<Count>, StoreError> {
        let mut reading = self.reading().await?;
        let named = match self.wishes(&mut reading, query).await? {
            Some(wishes) => self.count_by(&mut reading, query, &wishes, (by, zone)).await?,
            None => Named::new(),
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

    async fn count_by(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        wishes: &Wishes,
        (by, zone): (By, &TimeZone),
    ) -> Result<Named, StoreError> {
        let filter = &query.filter;
        let matched = self.matched(reading, wishes).await?;
        let mut figures = Figures::new();
        let named = [
            filter.reference.is_some(),
            filter.client.is_some(),
            filter.user.is_some(),
            wishes.region.is_some(),
        ];
        let network = filter.client.map(key::known);
        if wishes.places.is_empty() {
            return Ok(Named::new());
        }
        match named {
            [false, false, false, false] => {
                for one in &matched {
                    self.figures(reading, wishes, one, by, &mut figures).await?;
                }
            }
            [false, true, false, false] if network.is_some_and(|known| known.exact) => {
                let Some(known) = network else { return Ok(Named::new()) };
                for one in &matched {
                    let mut sql = Sql::new("FROM log_entries WHERE organization = ");
                    sql.number(one.organization).push(" AND ").push(known.column());
                    if known.low == known.high {
                        sql.push(" = ").number(known.low);
                    } else {
                        sql.push(" BETWEEN ").number(known.low);
                        sql.push(" AND ").number(known.high);
                    }
                    // Of some networks all entries are gone through, of very many rather those of
                    // the time: `+` keeps SQLite from choosing the index by time.
                    let are_few = known.low < known.high && known.high - known.low < NETWORKS;
                    let place = if are_few { "+entry" } else { "entry" };
                    let sql = sql.with(&within(&known));
                    self.figures_of(reading, (&sql, wishes, place), one, by, &mut figures).await?;
                }
                // Those that it leads to by a second address alone.
                let seconds = self.second_addresses(reading, query, wishes, &matched).await?;
                let mut named = self.named(reading, figures, by, zone).await?;
                for entry in &seconds {
                    add_entry(&mut named, entry, by, zone);
                }
                return Ok(named);
            }
            [false, false, true, false] => {
                let mark = filter.user.as_deref().map(key::person).unwrap_or_default();
                for one in &matched {
                    let mut sql = Sql::new("FROM log_marks WHERE organization = ");
                    sql.number(one.organization).push(" AND mark = ").value(&mark);
                    self.figures_of(reading, (&sql, wishes, "entry"), one, by, &mut figures)
                        .await?;
                }
            }
            [false, false, false, true] => {
                for one in &matched {
                    let mut sql = Sql::new("FROM log_entries WHERE region > 0 AND organization = ");
                    sql.number(one.organization).push(" AND region = ");
                    sql.number(wishes.region.unwrap_or_default());
                    self.figures_of(reading, (&sql, wishes, "entry"), one, by, &mut figures)
                        .await?;
                }
            }
            _ => return self.counted_one_by_one(reading, query, by, zone).await,
        }
        self.named(reading, figures, by, zone).await
    }

    async fn figures(
        &self,
        reading: &mut Reading,
        wishes: &Wishes,
        matched: &Matched,
        by: By,
        figures: &mut Figures,
    ) -> Result<(), StoreError> {
        let (mut edges, mut hours) = split(&wishes.places);
        if wishes.chains == [0] {
            // There are no entries of allowed traffic to count parts of hours by.
            let hour = |place: i64| key::hour(key::instant(place));
            hours = hour(wishes.places.start)..hour(wishes.places.end - 1) + 1;
            edges.clear();
        }
        for places in edges {
            let mut sql = Sql::new("FROM log_entries WHERE organization = ");
            sql.number(matched.organization);
            let edge = Wishes { places, ..wishes.clone() };
            self.figures_of(reading, (&sql, &edge, "entry"), matched, by, figures).await?;
        }
        let mut columns: Vec<Column> = wishes.dimensions.iter().map(|wish| wish.column).collect();
        columns.extend(column_of(by));
        let sums = Sums::smallest(&columns);
        let is_long = sums == Sums::Kinds && column_of(by).is_some();
        let (blocks, hours) = if is_long { split_long(&hours) } else { (0..0, [hours, 0..0]) };
        let names = self.names(reading, matched, by).await?;
        let [before, after] = hours.map(|hours| (sums, hours));
        for (sums, hours) in [(Sums::Long, blocks), before, after] {
            let mut summing = Summing::of(&names, figures);
            let of = (matched.organization, sums);
            self.counted(reading, of, hours, |item| summing.add(item)).await?;
            summing.done();
        }
        Ok(())
    }

    /// Under which number each kind that is wished for is counted; none: under its hour.
    async fn names(
        &self,
        reading: &mut Reading,
        matched: &Matched,
        by: By,
    ) -> Result<HashMap<i64, Option<i64>>, StoreError> {
        let kinds = self.kinds(reading, matched.organization).await?;
        let wished = kinds.iter().filter(|kind| matched.has(kind.number));
        Ok(wished.map(|kind| (kind.number, name_of_kind(kind, by))).collect())
    }

    /// Counted in an index.
    async fn figures_of(
        &self,
        reading: &mut Reading,
        (from, wishes, place): (&Sql, &Wishes, &'static str),
        matched: &Matched,
        by: By,
        figures: &mut Figures,
    ) -> Result<(), StoreError> {
        let names = self.names(reading, matched, by).await?;
        let by_time = matches!(by, By::Hour | By::Day);
        let columns = if by_time {
            format!("{PLACE_HOUR}, kind")
        } else {
            "CAST(0 AS BIGINT), kind".to_owned()
        };
        let mut sql = Sql::new("SELECT ");
        sql.push(&columns);
        sql.push(", CAST(COUNT(*) AS BIGINT), CAST(SUM(folded) AS BIGINT) ");
        let mut sql = sql.with(from);
        sql.push(" AND ");
        let mut sql = sql.with(&between(place, &wishes.places));
        sql.push(" GROUP BY ").push(if by_time { &columns } else { "kind" });
        for row in reading.rows(sql.asked()).await? {
            let [hour, kind, entries, total] =
                [0, 1, 2, 3].map(|column| self.integer(&row, column));
            let Some(name) = names.get(&kind?) else { continue };
            let figure = figures.entry(match name {
                Some(name) => *name,
                None => hour?,
            });
            let figure = figure.or_default();
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
    ) -> Result<Named, StoreError> {
        let mut named = Named::new();
        let words = match by {
            By::Hour | By::Day => HashMap::new(),
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
    ) -> Result<Named, StoreError> {
        let mut named = Named::new();
        let mut before = None;
        loop {
            let page = self.search_in(reading, query, before, 1000).await?;
            for entry in &page.entries {
                add_entry(&mut named, entry, by, zone);
            }
            before = page.next;
            if before.is_none() {
                return Ok(named);
            }
        }
    }
}

/// Sums up the counts of blocks in their order, by name or else by the hour.
struct Summing<'a> {
    names: &'a HashMap<i64, Option<i64>>,
    figures: &'a mut Figures,
    kind: i64,
    /// Of the kind that stands in `kind`: none where it is not wished for.
    name: Option<Option<i64>>,
    sum: (i64, i64),
    /// The hour that `hours` begin with.
    first: Option<i64>,
    hours: Vec<(i64, i64)>,
}

impl<'a> Summing<'a> {
    fn of(names: &'a HashMap<i64, Option<i64>>, figures: &'a mut Figures) -> Self {
        let (hours, first) = (Vec::new(), None);
        Self { names, figures, kind: 0, name: None, sum: (0, 0), first, hours }
    }

    fn add(&mut self, item: Item) {
        if self.kind != item.kind {
            self.keep();
            (self.kind, self.name) = (item.kind, self.names.get(&item.kind).copied());
        }
        let figure = match self.name {
            None => return,
            Some(Some(_)) => &mut self.sum,
            Some(None) => {
                let first = *self.first.get_or_insert(block::begins(block::block_of(item.hour)));
                let place = usize::try_from(item.hour - first).unwrap_or(0);
                if place >= self.hours.len() {
                    self.hours.resize(place + 1, (0, 0));
                }
                let Some(figure) = self.hours.get_mut(place) else { return };
                figure
            }
        };
        figure.0 = figure.0.saturating_add(item.entries);
        figure.1 = figure.1.saturating_add(item.total);
    }

    fn keep(&mut self) {
        if let Some(Some(name)) = self.name {
            add(self.figures, name, std::mem::take(&mut self.sum));
        }
    }

    fn done(mut self) {
        self.keep();
        let hours = self.hours.into_iter().zip(self.first.unwrap_or(0)..);
        for (sum, hour) in hours.filter(|(sum, _)| *sum != (0, 0)) {
            add(self.figures, hour, sum);
        }
    }
}

fn add(figures: &mut Figures, name: i64, (entries, total): (i64, i64)) {
    let figure = figures.entry(name).or_default();
    figure.0 = figure.0.saturating_add(entries);
    figure.1 = figure.1.saturating_add(total);
}

fn add_entry(named: &mut Named, entry: &LogEntry, by: By, zone: &TimeZone) {
    let event = &entry.event;
    let word = |word: &Option<smol_str::SmolStr>| word.as_deref().unwrap_or("").to_owned();
    let name = match by {
        By::Hour => name_of(key::hour_begins(key::hour(event.at)), by, zone),
        By::Day => name_of(event.at, by, zone),
        By::Country => word(&event.country),
        By::Site => word(&event.site),
        By::Reason => word(&event.reason),
    };
    let figure = named.entry(name).or_default();
    figure.0 = figure.0.saturating_add(1);
    let count = i64::try_from(event.count).unwrap_or(i64::MAX);
    figure.1 = figure.1.saturating_add(count);
}

fn name_of(at: jiff::Timestamp, by: By, zone: &TimeZone) -> String {
    match by {
        By::Day => at.to_zoned(zone.clone()).date().to_string(),
        _ => at.to_string(),
    }
}

/// The number that a kind is counted under; none: the hour's.
fn name_of_kind(kind: &Kind, by: By) -> Option<i64> {
    column_of(by).map(|column| kind.number_in(column))
}

/// The word that is counted by; none: it is the time.
fn column_of(by: By) -> Option<Column> {
    match by {
        By::Hour | By::Day => None,
        By::Country => Some(Column::Country),
        By::Site => Some(Column::Site),
        By::Reason => Some(Column::Reason),
    }
}

/// The hour of a place, in SQL.
const PLACE_HOUR: &str = "entry / 7549747200000";

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
        assert_eq!(PLACE_HOUR, format!("entry / {}", 3_600_000_i64 << 21));
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

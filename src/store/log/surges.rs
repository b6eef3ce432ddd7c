//! Countries that stand out from their own usual.

use std::collections::HashMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::LogIndex;
use super::key;
use super::kinds::{Column, Matched};
use super::query::{LogQuery, Organizations};
use super::sums::Sums;
use crate::audit::Class;

/// A country's usual is told from so many hours at least.
const HOURS_OF_USUAL: usize = 24;

/// What counts as a surge.
#[derive(Debug, Clone)]
pub struct Surges {
    /// So far back a country's usual is looked for.
    pub usual: SignedDuration,
    /// So many rejections in an hour at least.
    pub at_least: u64,
    /// So many robust spreads above the median.
    pub spreads: f64,
}

impl Default for Surges {
    fn default() -> Self {
        Self { usual: SignedDuration::from_hours(24 * 28), at_least: 20, spreads: 6.0 }
    }
}

/// An hour in which a country stands out.
#[derive(Debug, Clone, PartialEq)]
pub struct Surge {
    /// Whose sites; none: no site was named.
    pub organization: Option<String>,
    /// The country; empty where none is known.
    pub country: String,
    /// When the hour begins.
    pub hour: Timestamp,
    /// How many rejections.
    pub count: u64,
    /// The country's own median of an hour.
    pub median: f64,
    /// The robust spread of its hours (1.4826 times the median absolute deviation).
    pub spread: f64,
    /// How many spreads above the median.
    pub score: f64,
}

impl LogIndex {
    /// Countries whose rejections in an hour of this span stand out from that country's own usual,
    /// the most striking first. A country's usual is its hours before, those without any included,
    /// as far back as the index goes.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn surges(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
        demands: &Surges,
    ) -> Result<Vec<Surge>, StoreError> {
        let mut reading = self.reading().await?;
        let mut query = LogQuery::of(organizations.clone()).between(since, until);
        query.class = Some(Class::Denied);
        let Some(wishes) = self.wishes(&mut reading, &query).await? else { return Ok(Vec::new()) };
        let last = until.checked_sub(SignedDuration::from_millis(1)).unwrap_or(until);
        let (asked, last) = (key::hour(since), key::hour(last));
        let before = demands.usual.as_hours().max(1);
        let least = i64::try_from(demands.at_least).unwrap_or(i64::MAX);
        let mut surges = Vec::new();
        for matched in self.matched(&mut reading, &wishes).await? {
            let organization = matched.organization;
            let first = self.first_hour(&mut reading, organization).await?.unwrap_or(asked);
            let first = first.max(asked - before);
            let countries = self.by_country(&mut reading, &matched, first..last + 1).await?;
            for (country, hours) in &countries {
                let mut usual = Usual::default();
                let counted = (first..).zip(hours.iter().copied());
                for (hour, count) in counted.skip_while(|(hour, _)| *hour < asked) {
                    if count < least {
                        continue;
                    }
                    let from = hour.saturating_sub(before).max(first);
                    usual.slide(hours, place(from, first)..place(hour, first));
                    let found = usual.stands_out(count as f64, demands.spreads);
                    if let Some((median, spread, score)) = found {
                        surges.push((organization, *country, hour, count, median, spread, score));
                    }
                }
            }
        }
        let numbers = surges.iter().flat_map(|surge| [surge.0, surge.1]).collect::<Vec<_>>();
        let words = self.words(&mut reading, numbers.into_iter()).await?;
        reading.done().await?;
        let mut surges: Vec<Surge> = surges
            .into_iter()
            .map(|(organization, country, hour, count, median, spread, score)| Surge {
                organization: words.get(&organization).map(ToString::to_string),
                country: words.get(&country).map(ToString::to_string).unwrap_or_default(),
                hour: key::hour_begins(hour),
                count: u64::try_from(count).unwrap_or(0),
                median,
                spread,
                score,
            })
            .collect();
        surges.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(surges)
    }

    /// The rejections of each country by the hour, from the first of these hours up to the last that
    /// has any.
    async fn by_country(
        &self,
        reading: &mut Reading,
        matched: &Matched,
        hours: Range<i64>,
    ) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        let kinds = self.kinds(reading, matched.organization).await?;
        let wished = kinds.iter().filter(|kind| matched.has(kind.number));
        let countries: HashMap<i64, i64> =
            wished.map(|kind| (kind.number, kind.number_in(Column::Country))).collect();
        let mut found = HashMap::<i64, Vec<i64>>::new();
        let of = (matched.organization, Sums::smallest(&[Column::Country]));
        let first = hours.start;
        self.counted(reading, of, hours, |item| {
            let Some(country) = countries.get(&item.kind) else { return };
            let (hours, at) = (found.entry(*country).or_default(), place(item.hour, first));
            if at >= hours.len() {
                hours.resize(at + 1, 0);
            }
            if let Some(sum) = hours.get_mut(at) {
                *sum = sum.saturating_add(item.total);
            }
        })
        .await?;
        Ok(found)
    }
}

fn place(hour: i64, first: i64) -> usize {
    usize::try_from(hour - first).unwrap_or(0)
}

/// What is usual: the hours of a window that moves on, sorted by how many there were.
#[derive(Debug, Default)]
struct Usual {
    window: Range<usize>,
    sorted: Vec<i64>,
}

impl Usual {
    /// Moves on to these.
    fn slide(&mut self, hours: &[i64], to: Range<usize>) {
        let from = std::mem::replace(&mut self.window, to.clone());
        if to.start >= from.end {
            self.sorted.clear();
            self.sorted.extend_from_slice(hours.get(to).unwrap_or_default());
            self.sorted.sort_unstable();
            return;
        }
        for gone in hours.get(from.start..to.start).unwrap_or_default() {
            if let Ok(place) = self.sorted.binary_search(gone) {
                self.sorted.remove(place);
            }
        }
        for come in hours.get(from.end..to.end).unwrap_or_default() {
            let place = self.sorted.partition_point(|other| other < come);
            self.sorted.insert(place, *come);
        }
    }

    /// The median, the robust spread and the score, where these are many against it.
    fn stands_out(&self, count: f64, spreads: f64) -> Option<(f64, f64, f64)> {
        if self.sorted.len() < HOURS_OF_USUAL {
            return None;
        }
        let median = middle(|place| self.sorted.get(place).map(|n| *n as f64), self.sorted.len());
        let least = median.sqrt().max(1.0);
        let score = |spread: f64| (count - median) / spread.max(least);
        // The spread can only bring it nearer to nothing.
        if spreads > 0.0 && score(0.0) < spreads {
            return None;
        }
        let spread = 1.4826 * self.deviation(median);
        Some((median, spread, score(spread))).filter(|(_, _, score)| *score >= spreads)
    }

    /// The median of the distances from the median.
    fn deviation(&self, median: f64) -> f64 {
        let (below, above) =
            self.sorted.split_at(self.sorted.partition_point(|n| (*n as f64) < median));
        let distance = |n: &i64| (*n as f64 - median).abs();
        let (mut below, mut above) = (below.iter().rev().peekable(), above.iter().peekable());
        // Both grow: the nearest of each are merged up to the middle.
        let mut nearest = Vec::with_capacity(self.sorted.len() / 2 + 1);
        while nearest.len() <= self.sorted.len() / 2 {
            let next = match (below.peek(), above.peek()) {
                (Some(one), Some(other)) if distance(one) < distance(other) => below.next(),
                (_, Some(_)) => above.next(),
                _ => below.next(),
            };
            let Some(next) = next else { break };
            nearest.push(distance(next));
        }
        middle(|place| nearest.get(place).copied(), self.sorted.len())
    }
}

/// The middle one of so many in their order, or what lies between the two.
fn middle(at: impl Fn(usize) -> Option<f64>, many: usize) -> f64 {
    let at = |place: usize| at(place).unwrap_or(0.0);
    let half = many / 2;
    if many % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As it is defined.
    fn robust(values: &[i64]) -> (f64, f64) {
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            middle(|place| values.get(place).copied(), values.len())
        };
        let center = median(values.iter().map(|value| *value as f64).collect());
        let distances = values.iter().map(|value| (*value as f64 - center).abs()).collect();
        (center, 1.4826 * median(distances))
    }

    #[test]
    fn one_wild_hour_moves_neither_median_nor_spread() {
        assert_eq!(robust(&[1, 2, 3, 4, 1000]), (3.0, 1.4826));
        assert_eq!(robust(&[2, 4]), (3.0, 1.4826));
        assert_eq!(robust(&[]), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn a_window_that_moves_on_knows_what_each_of_its_own_would(
            hours in prop::collection::vec(0_i64..40, 30..160),
            steps in prop::collection::vec(0_usize..9, 1..20),
            long in 24_usize..60,
            count in 0_i64..200,
        ) {
            let mut usual = Usual::default();
            let mut end = 24;
            for step in steps {
                end = (end + step).min(hours.len());
                let window = end.saturating_sub(long)..end;
                usual.slide(&hours, window.clone());
                let (median, spread) = robust(&hours[window]);
                let score = (count as f64 - median) / spread.max(median.sqrt()).max(1.0);
                for demanded in [-1.0, 0.5, 6.0] {
                    let wanted = (score >= demanded).then_some((median, spread, score));
                    prop_assert_eq!(usual.stands_out(count as f64, demanded), wanted);
                }
            }
        }
    }
}

//! Countries that stand out from their own usual.

use std::collections::{BTreeMap, HashMap};

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
            let hours = self.by_country(&mut reading, &matched, asked - before..last + 1).await?;
            let first = self.first_hour(&mut reading, organization).await?.unwrap_or(asked);
            for (country, hours) in &hours {
                for (hour, count) in hours.range(asked..).filter(|(_, count)| **count >= least) {
                    let from = first.max(hour - before);
                    let earlier: Vec<i64> =
                        (from..*hour).map(|hour| hours.get(&hour).copied().unwrap_or(0)).collect();
                    if earlier.len() < HOURS_OF_USUAL {
                        continue;
                    }
                    let (median, spread) = robust(&earlier);
                    let score = (*count as f64 - median) / spread.max(median.sqrt()).max(1.0);
                    if score >= demands.spreads {
                        surges.push((organization, *country, *hour, *count, median, spread, score));
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

    /// The rejections of each country by the hour.
    async fn by_country(
        &self,
        reading: &mut Reading,
        matched: &Matched,
        hours: std::ops::Range<i64>,
    ) -> Result<HashMap<i64, BTreeMap<i64, i64>>, StoreError> {
        let kinds = self.kinds(reading, matched.organization).await?;
        let wished = kinds.iter().filter(|kind| matched.has(kind.number));
        let countries: HashMap<i64, i64> =
            wished.map(|kind| (kind.number, kind.number_in(Column::Country))).collect();
        let mut found = HashMap::<i64, BTreeMap<i64, i64>>::new();
        self.counted(reading, (matched.organization, Sums::Kinds), hours, |item| {
            if let Some(country) = countries.get(&item.kind) {
                let sum = found.entry(*country).or_default().entry(item.hour).or_default();
                *sum = sum.saturating_add(item.total);
            }
        })
        .await?;
        Ok(found)
    }
}

/// The median, and 1.4826 times the median of the distances from it.
fn robust(values: &[i64]) -> (f64, f64) {
    let middle = median(values.iter().map(|value| *value as f64).collect());
    let distances = values.iter().map(|value| (*value as f64 - middle).abs()).collect();
    (middle, 1.4826 * median(distances))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        at(half)
    } else {
        f64::midpoint(at(half.saturating_sub(1)), at(half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_hour_moves_neither_median_nor_spread() {
        assert_eq!(robust(&[1, 2, 3, 4, 1000]), (3.0, 1.4826));
        assert_eq!(robust(&[2, 4]), (3.0, 1.4826));
        assert_eq!(robust(&[]), (0.0, 0.0));
    }
}

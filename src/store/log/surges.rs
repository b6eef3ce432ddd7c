//! Countries that stand out from their own usual.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::{SignedDuration, Timestamp};

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::query::{LogQuery, Organizations};

/// A country's usual is told from so many hours at least.
const HOURS_OF_USUAL: usize = 24;
/// So many surges are held against their usual.
const CANDIDATES: i64 = 200;

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
        let query = LogQuery::of(organizations.clone()).between(since, until);
        let Some(wishes) = self.wishes(&mut reading, &query).await? else { return Ok(Vec::new()) };
        let mut sql = Sql::new(
            "SELECT organization, country, hour, CAST(SUM(total) AS BIGINT) AS many FROM log_hours
             WHERE chain = 1 AND hour >= ",
        );
        let last = until.checked_sub(SignedDuration::from_millis(1)).unwrap_or(until);
        sql.number(key::hour(since)).push(" AND hour <= ").number(key::hour(last));
        if let Some(organizations) = &wishes.organizations {
            sql.push(" AND organization IN ").numbers(organizations);
        }
        sql.push(" GROUP BY organization, country, hour HAVING SUM(total) >= ");
        sql.number(i64::try_from(demands.at_least).unwrap_or(i64::MAX));
        sql.push(" ORDER BY many DESC LIMIT ").number(CANDIDATES);
        let candidates = reading.rows(sql.asked()).await?;
        let mut usual = HashMap::new();
        let mut surges = Vec::new();
        for row in &candidates {
            let [organization, country, hour, count] =
                [0, 1, 2, 3].map(|column| self.integer(row, column));
            let (organization, country, hour, count) = (organization?, country?, hour?, count?);
            let before = demands.usual.as_hours().max(1);
            let key = (organization, country);
            let (first, hours) = match usual.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let from = key::hour(since) - before;
                    place.insert(self.hours_of(&mut reading, key, from).await?)
                }
            };
            let from = (*first).max(hour - before);
            let earlier: Vec<i64> =
                (from..hour).map(|hour| hours.get(&hour).copied().unwrap_or(0)).collect();
            if earlier.len() < HOURS_OF_USUAL {
                continue;
            }
            let (median, spread) = robust(&earlier);
            let score = (count as f64 - median) / spread.max(median.sqrt()).max(1.0);
            if score >= demands.spreads {
                surges.push((organization, country, hour, count, median, spread, score));
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

    /// The rejections of a country by the hour, and the first hour that is known at all.
    async fn hours_of(
        &self,
        reading: &mut Reading,
        (organization, country): (i64, i64),
        from: i64,
    ) -> Result<(i64, HashMap<i64, i64>), StoreError> {
        let asked = sqlx::query("SELECT MIN(hour) FROM log_hours WHERE organization = $1");
        let rows = reading.rows(asked.bind(organization)).await?;
        let first = rows.first().map_or(Ok(from), |row| self.integer(row, 0))?;
        let asked = sqlx::query(
            "SELECT hour, CAST(SUM(total) AS BIGINT) FROM log_hours
             WHERE organization = $1 AND country = $2 AND hour >= $3 AND +chain = 1 GROUP BY hour",
        );
        let rows = reading.rows(asked.bind(organization).bind(country).bind(from)).await?;
        let hours = rows.iter().map(|row| Ok((self.integer(row, 0)?, self.integer(row, 1)?)));
        Ok((first.max(from), hours.collect::<Result<_, StoreError>>()?))
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

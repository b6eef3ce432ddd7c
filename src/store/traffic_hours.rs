//! How much passed through each site, by the hour: what the counters of all nodes say, added up.
//! Without anything of a person, and so kept for a year and more.

use jiff::{SignedDuration, Timestamp};

use super::{Store, StoreError};

/// Older hours are forgotten.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
const HOUR: i64 = 3600;

/// What passed through one site since it was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The site.
    pub site: String,
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Those that were rejected.
    pub rejected: u64,
    /// Those that an exemption let in.
    pub exempt: u64,
}

/// The sums of one hour for one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficHour {
    /// When the hour began.
    pub hour: Timestamp,
    /// What passed.
    pub passed: Passed,
}

impl Store {
    /// Adds to the hour that `now` lies in. No running gateway has to take notice.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept; then all of it may be told again.
    pub async fn add_traffic(&self, passed: &[Passed], now: Timestamp) -> Result<(), StoreError> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut change = self.begin().await?;
        for site in passed {
            let add = sqlx::query(
                "INSERT INTO traffic_hours (hour, site, requests, rejected, exempt)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (hour, site) DO UPDATE SET
                     requests = traffic_hours.requests + excluded.requests,
                     rejected = traffic_hours.rejected + excluded.rejected,
                     exempt = traffic_hours.exempt + excluded.exempt",
            )
            .bind(hour_of(now))
            .bind(&site.site)
            .bind(count(site.requests))
            .bind(count(site.rejected))
            .bind(count(site.exempt));
            change.execute(add).await?;
        }
        let over = sqlx::query("DELETE FROM traffic_hours WHERE hour < $1")
            .bind(hour_of(now.checked_sub(KEPT).unwrap_or(Timestamp::MIN)));
        change.execute(over).await?;
        change.commit_quietly().await
    }

    /// The hours of these sites from `since` on, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn traffic(
        &self,
        sites: &[&str],
        since: Timestamp,
    ) -> Result<Vec<TrafficHour>, StoreError> {
        let asked = sqlx::query(
            "SELECT hour, site, requests, rejected, exempt FROM traffic_hours
             WHERE hour >= $1 ORDER BY hour, site",
        )
        .bind(hour_of(since));
        let rows = self.rows(asked).await?;
        let mut hours = Vec::new();
        for row in &rows {
            let site = self.text(row, "site")?;
            if !sites.contains(&site.as_str()) {
                continue;
            }
            let count =
                |column| self.integer(row, column).map(|count| u64::try_from(count).unwrap_or(0));
            let begun = Timestamp::from_second(self.integer(row, "hour")?.saturating_mul(HOUR));
            let passed = Passed {
                site,
                requests: count("requests")?,
                rejected: count("rejected")?,
                exempt: count("exempt")?,
            };
            hours.push(TrafficHour { hour: begun.unwrap_or_default(), passed });
        }
        Ok(hours)
    }
}

/// Hours since 1970, so that they compare as numbers.
fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

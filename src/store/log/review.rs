//! The reviewer's questions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::super::transaction::Reading;
use super::super::{FlagRecord, OddUse, Store, StoreError};
use super::handle::{LogIndex, Sql};
use super::key;
use super::query::{Cursor, LogEntry, LogQuery, Organizations, Page};
use crate::audit::event::Field;
use crate::audit::{Action, Class, Event};
use crate::identifier::OrganizationId;
use crate::policy::ExemptionId;
use crate::territory::{Country, Territory};

/// The actions that are a look at the log or at a person's travel.
pub const LOOKS: [&str; 5] =
    ["log_searched", "log_exported", "log_reviewed", "travel_viewed", "person_viewed"];
/// What shows that a person was somewhere.
const PRESENCE: [Action; 3] = [Action::SignIn, Action::Identified, Action::Allowed];
/// A country's usual is told from so many hours at least.
const HOURS_OF_USUAL: usize = 24;
/// So many surges are held against their usual.
const CANDIDATES: i64 = 200;

/// What counts as being at home.
#[derive(Debug, Clone)]
pub struct Home {
    /// The countries that people sign in from when they are at home.
    pub countries: BTreeSet<Country>,
    /// So near in time, before or after a rejection, a sign-in from home makes it doubtful.
    pub within: SignedDuration,
    /// Autonomous systems whose addresses are often placed in the wrong country: near the border,
    /// satellites, mobile operators at sea.
    pub networks: BTreeSet<u32>,
}

/// A rejection that looks wrong.
#[derive(Debug, Clone)]
pub struct ProbablyWrong {
    /// The rejection.
    pub entry: LogEntry,
    /// Why it looks wrong; at least one.
    pub because: Vec<Because>,
}

/// Why a rejection looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The same account signed in from home so near to it.
    SignedInAtHome {
        /// When.
        at: Timestamp,
        /// From which country.
        country: Country,
    },
    /// The network is one of those often placed in the wrong country.
    DoubtfulNetwork {
        /// Its autonomous system.
        number: u32,
    },
    /// The same account came with the other address family from home.
    OtherFamilyAtHome {
        /// When.
        at: Timestamp,
    },
    /// The network is registered at home.
    RegisteredAtHome,
}

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
    /// Rejections that look wrong, newest first, each with why. A name in a rejection may only have
    /// been claimed.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn probably_wrong(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
        home: &Home,
        limit: usize,
    ) -> Result<Vec<ProbablyWrong>, StoreError> {
        let mut query = LogQuery::of(organizations.clone()).between(since, until);
        query.class = Some(Class::Denied);
        let mut reading = self.reading().await?;
        let mut found = BTreeMap::<Cursor, ProbablyWrong>::new();
        let mut add = |entry: LogEntry, reasons: Vec<Because>| {
            let cursor = entry.cursor;
            let one = found.entry(cursor);
            let one = one.or_insert_with(|| ProbablyWrong { entry, because: Vec::new() });
            one.because.extend(reasons);
        };
        let doubtful = home.networks.iter().map(|number| {
            let mut from = Sql::new("FROM log_entries e WHERE system > 0 AND system = ");
            from.number(i64::from(*number)).push(" AND ");
            (from, "entry", Because::DoubtfulNetwork { number: *number })
        });
        let registered = home.countries.iter().map(|country| {
            let mut from = Sql::new(
                "FROM log_marks m JOIN log_entries e ON e.entry = m.entry WHERE m.mark = ",
            );
            from.value(&key::registered(country.as_str())).push(" AND ");
            (from, "m.entry", Because::RegisteredAtHome)
        });
        for (from, entry, because) in doubtful.chain(registered).collect::<Vec<_>>() {
            let page = self.led_by(&mut reading, &query, vec![(from, entry)], limit).await?;
            for entry in page.entries {
                add(entry, vec![because.clone()]);
            }
        }
        let mut from = Sql::new("FROM log_entries e WHERE chain = 1 AND user_name IS NOT NULL");
        from.push(" AND ");
        let named = self.led_by(&mut reading, &query, vec![(from, "entry")], limit * 4).await?;
        let mut asked = HashMap::new();
        for entry in named.entries {
            let because = self.at_home(&mut reading, &entry, home, &mut asked).await?;
            if !because.is_empty() {
                add(entry, because);
            }
        }
        reading.done().await?;
        Ok(found.into_values().rev().take(limit).collect())
    }

    /// Where else the person of a rejection was, so near to it.
    async fn at_home(
        &self,
        reading: &mut Reading,
        entry: &LogEntry,
        home: &Home,
        asked: &mut HashMap<(String, i64), Vec<Event>>,
    ) -> Result<Vec<Because>, StoreError> {
        let event = &entry.event;
        let (Some(user), Some(organization)) =
            (event.personal.get(Field::UserName), event.organization.as_deref())
        else {
            return Ok(Vec::new());
        };
        let Ok(organization) = OrganizationId::parse(organization) else { return Ok(Vec::new()) };
        let around = (user.to_lowercase(), key::hour(event.at));
        if !asked.contains_key(&around) {
            let seen = self.presence(reading, user, organization, event.at, home).await?;
            asked.insert(around.clone(), seen);
        }
        let near = |other: &&Event| other.at.duration_since(event.at).abs() <= home.within;
        let seen = asked.get(&around).map(Vec::as_slice).unwrap_or_default();
        let mut because = Vec::new();
        let nearest = seen.iter().filter(near).min_by_key(|o| o.at.duration_since(event.at).abs());
        if let Some(other) = nearest
            && let Some(Ok(country)) = other.country.as_deref().map(Country::parse)
        {
            because.push(Because::SignedInAtHome { at: other.at, country });
        }
        let other_family = seen.iter().filter(near).find(|other| {
            matches!((family(event), family(other)), (Some(one), Some(other)) if one != other)
        });
        if let Some(other) = other_family {
            because.push(Because::OtherFamilyAtHome { at: other.at });
        }
        Ok(because)
    }

    async fn presence(
        &self,
        reading: &mut Reading,
        user: &str,
        organization: OrganizationId,
        at: Timestamp,
        home: &Home,
    ) -> Result<Vec<Event>, StoreError> {
        let mut seen = Vec::new();
        let hour = key::hour_begins(key::hour(at));
        let next = key::hour_begins(key::hour(at) + 1);
        let since = hour.checked_sub(home.within).unwrap_or(hour);
        let until = next.checked_add(home.within).unwrap_or(next);
        for country in &home.countries {
            let organizations = Organizations::These(BTreeSet::from([organization.clone()]));
            let mut query = LogQuery::of(organizations).between(since, until);
            query.class = Some(Class::People);
            query.filter.user = Some(user.to_owned());
            query.filter.country = Some(Territory::country_of(*country));
            let page = self.search_in(reading, &query, None, 200).await?;
            let events = page.entries.into_iter().map(|entry| entry.event);
            seen.extend(events.filter(|event| PRESENCE.contains(&event.action)));
        }
        Ok(seen)
    }

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
            if !usual.contains_key(&key) {
                let from = key::hour(since) - before;
                let hours = self.hours_of(&mut reading, key, from).await?;
                usual.insert(key, hours);
            }
            let Some((first, hours)) = usual.get(&key) else { continue };
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
                organization: words.get(&organization).map(|word| word.to_string()),
                country: words.get(&country).map(|word| word.to_string()).unwrap_or_default(),
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

    /// Every look at the log or at a person's travel, newest first. The query narrows it: to looks
    /// by or at one person, to a span.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn who_looked(
        &self,
        query: &LogQuery,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut query = query.clone();
        query.class = Some(Class::People);
        query.actions = LOOKS.iter().map(|word| (*word).to_owned()).collect();
        self.search(&query, before, limit).await
    }
}

impl Store {
    /// What looked odd of exempt access in this span, newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn odd_use_between(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<(OrganizationId, ExemptionId, FlagRecord)>, StoreError> {
        let rows = self
            .rows(sqlx::query(
                "SELECT exemptions.organization AS organization, exemption, kind, day, at, detail
                 FROM odd_use_flags JOIN exemptions ON exemptions.id = exemption",
            ))
            .await?;
        let mut found = Vec::new();
        for row in &rows {
            let organization = self.text(row, "organization")?;
            let Ok(organization) = OrganizationId::parse(&organization) else { continue };
            let ours = match organizations {
                Organizations::All => true,
                Organizations::These(these) => these.contains(&organization),
            };
            let at = self.instant(row, "at")?;
            if !ours || at < since || at >= until {
                continue;
            }
            let (kind, day) = (self.text(row, "kind")?, self.text(row, "day")?);
            let flag = FlagRecord {
                kind: OddUse::from_word(&kind)
                    .ok_or_else(|| self.unreadable("a kind of odd use", &kind))?,
                day: day.parse().map_err(|_| self.unreadable("a day", &day))?,
                at,
                detail: self.text(row, "detail")?,
            };
            found.push((organization, ExemptionId::new(&self.text(row, "exemption")?), flag));
        }
        found.sort_by_key(|(_, _, flag)| std::cmp::Reverse(flag.at));
        Ok(found)
    }
}

fn family(event: &Event) -> Option<bool> {
    let address = event.personal.get(Field::ClientNatIp).or(event.personal.get(Field::ClientIp))?;
    address.parse::<IpAddr>().ok().map(|address| address.is_ipv4())
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

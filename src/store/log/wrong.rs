//! Rejections that look wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::kinds::{Column, Kind, Matched};
use super::plan::Wishes;
use super::query::{LogEntry, LogQuery, Organizations};
use crate::audit::{Action, Class};
use crate::territory::Country;

/// So many people's whereabouts are asked for by one question.
const AT_ONCE: usize = 40;

/// What shows that a person was somewhere.
const PRESENCE: [Action; 3] = [Action::SignIn, Action::Identified, Action::Allowed];

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

/// A rejection of somebody who was named.
#[derive(Debug)]
struct Named {
    place: i64,
    person: String,
    family: i64,
}

/// Where somebody was at home.
#[derive(Debug, Clone, Copy)]
struct Seen {
    place: i64,
    country: Country,
    family: i64,
}

impl LogIndex {
    /// Rejections that look wrong, newest first, each with why. A name in a rejection may only have
    /// been claimed. Of each reason as many are looked at as may be given, of those that name
    /// somebody four times as many.
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
        let Some(wishes) = self.wishes(&mut reading, &query).await? else { return Ok(Vec::new()) };
        let mut found = BTreeMap::<i64, Vec<Because>>::new();
        for matched in self.matched(&mut reading, &wishes).await? {
            let of = (&wishes, &matched);
            for (from, because) in doubtful(&matched, home) {
                for place in self.places_led_by(&mut reading, from, of, limit).await? {
                    found.entry(place).or_default().push(because.clone());
                }
            }
            let named = self.named_rejections(&mut reading, of, limit * 4).await?;
            let seen = self.at_home(&mut reading, &matched, &named, home).await?;
            for rejection in &named {
                let seen = seen.get(&rejection.person).map(Vec::as_slice).unwrap_or_default();
                let because = because_of(rejection, seen, home.within);
                if !because.is_empty() {
                    found.entry(rejection.place).or_default().extend(because);
                }
            }
        }
        let places: Vec<i64> = found.keys().rev().copied().take(limit).collect();
        let entries = self.entries_at(&mut reading, &places, &query).await?;
        reading.done().await?;
        let with_why = |entry: LogEntry| {
            let because = found.remove(&entry.cursor.0).unwrap_or_default();
            ProbablyWrong { entry, because }
        };
        Ok(entries.into_iter().map(with_why).collect())
    }

    /// The newest rejections in which somebody was named.
    async fn named_rejections(
        &self,
        reading: &mut Reading,
        (wishes, matched): (&Wishes, &Matched),
        limit: usize,
    ) -> Result<Vec<Named>, StoreError> {
        let mut sql = Sql::new(
            "SELECT entry, user_name, family FROM log_entries
             WHERE chain = 1 AND user_name IS NOT NULL AND organization = ",
        );
        sql.number(matched.organization).push(" AND entry >= ").number(wishes.places.start);
        sql.push(" AND entry < ").number(wishes.places.end);
        sql.push(" ORDER BY entry DESC LIMIT ").number(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = reading.rows(sql.asked()).await?;
        let named = rows.iter().map(|row| {
            let person: &str = row.try_get(1).map_err(|error| self.fault(error))?;
            let (place, family) = (self.integer(row, 0)?, self.integer(row, 2)?);
            Ok(Named { place, person: key::person(person), family })
        });
        named.collect()
    }

    /// Where else these people were, so near to it.
    async fn at_home(
        &self,
        reading: &mut Reading,
        matched: &Matched,
        named: &[Named],
        home: &Home,
    ) -> Result<HashMap<String, Vec<Seen>>, StoreError> {
        let kinds = self.kinds_of_presence(reading, matched, home).await?;
        let windows: Vec<(&str, Range<i64>)> = windows(named, home.within);
        let mut seen = HashMap::<String, Vec<Seen>>::new();
        if kinds.is_empty() {
            return Ok(seen);
        }
        for some in windows.chunks(AT_ONCE) {
            let mut sql = Sql::default();
            for (number, (person, places)) in some.iter().enumerate() {
                sql.push(if number == 0 { "" } else { " UNION ALL " });
                sql.push("SELECT mark, entry, kind, family FROM log_marks WHERE organization = ");
                sql.number(matched.organization).push(" AND mark = ").value(person);
                sql.push(" AND entry >= ").number(places.start);
                sql.push(" AND entry < ").number(places.end);
            }
            for row in reading.rows(sql.asked()).await? {
                let [place, kind, family] = [1, 2, 3].map(|column| self.integer(&row, column));
                let Some(country) = kinds.get(&kind?) else { continue };
                let person: String = row.try_get(0).map_err(|error| self.fault(error))?;
                let one = Seen { place: place?, country: *country, family: family? };
                seen.entry(person).or_default().push(one);
            }
        }
        Ok(seen)
    }

    /// The kinds of entries that show that somebody was at home, and where that is.
    async fn kinds_of_presence(
        &self,
        reading: &mut Reading,
        matched: &Matched,
        home: &Home,
    ) -> Result<HashMap<i64, Country>, StoreError> {
        let (mut actions, mut countries) = (Vec::new(), HashMap::new());
        for action in PRESENCE {
            actions.extend(self.number_of(reading, action.word()).await?);
        }
        for country in &home.countries {
            let number = self.number_of(reading, country.as_str()).await?;
            countries.extend(number.map(|number| (number, *country)));
        }
        let people = key::chain(Class::People);
        let kinds = self.kinds(reading, matched.organization).await?;
        let of_presence = kinds.iter().filter(|kind| {
            kind.number_in(Column::Chain) == people
                && actions.contains(&kind.number_in(Column::Action))
        });
        let where_it_is = |kind: &Kind| countries.get(&kind.number_in(Column::Country)).copied();
        Ok(of_presence.filter_map(|kind| Some((kind.number, where_it_is(kind)?))).collect())
    }
}

/// What leads to rejections that are doubtful in themselves.
fn doubtful(matched: &Matched, home: &Home) -> Vec<(Sql, Because)> {
    let of_network = home.networks.iter().map(|number| {
        let mut from = Sql::new("FROM log_entries WHERE system > 0 AND organization = ");
        from.number(matched.organization).push(" AND system = ").number(i64::from(*number));
        from.push(" AND ");
        (from, Because::DoubtfulNetwork { number: *number })
    });
    let registered = home.countries.iter().map(|country| {
        let mut from = Sql::new("FROM log_marks WHERE organization = ");
        from.number(matched.organization).push(" AND mark = ");
        from.value(&key::registered(country.as_str())).push(" AND ");
        (from, Because::RegisteredAtHome)
    });
    of_network.chain(registered).collect()
}

/// The times around the rejections of each person, those that meet put together.
fn windows(named: &[Named], within: SignedDuration) -> Vec<(&str, Range<i64>)> {
    let mut around: Vec<(&str, Range<i64>)> = named
        .iter()
        .map(|one| {
            let at = key::instant(one.place);
            let since = at.checked_sub(within).unwrap_or(at);
            let until = at.checked_add(within).unwrap_or(at);
            (one.person.as_str(), key::first(since)..key::places(until).end)
        })
        .collect();
    around.sort_unstable_by(|a, b| a.0.cmp(b.0).then(a.1.start.cmp(&b.1.start)));
    around.dedup_by(|next, kept| {
        let meet = next.0 == kept.0 && next.1.start <= kept.1.end;
        if meet {
            kept.1.end = kept.1.end.max(next.1.end);
        }
        meet
    });
    around
}

fn because_of(rejection: &Named, seen: &[Seen], within: SignedDuration) -> Vec<Because> {
    let at = key::instant(rejection.place);
    let distance = |other: &Seen| key::instant(other.place).duration_since(at).abs();
    let near = || seen.iter().filter(|other| distance(other) <= within);
    let mut because = Vec::new();
    if let Some(other) = near().min_by_key(|other| (distance(other), other.place)) {
        let (at, country) = (key::instant(other.place), other.country);
        because.push(Because::SignedInAtHome { at, country });
    }
    let differs = |other: &&Seen| {
        other.family != rejection.family && other.family != 0 && rejection.family != 0
    };
    let other_family = near().filter(differs).min_by_key(|other| (distance(other), other.place));
    if let Some(other) = other_family {
        because.push(Because::OtherFamilyAtHome { at: key::instant(other.place) });
    }
    because
}

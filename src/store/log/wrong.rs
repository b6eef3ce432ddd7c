//! Rejections that look wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::query::{Cursor, LogEntry, LogQuery, Organizations};
use crate::audit::event::Field;
use crate::audit::{Action, Class, Event};
use crate::identifier::OrganizationId;
use crate::territory::{Country, Territory};

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
}

fn family(event: &Event) -> Option<bool> {
    let address = event.personal.get(Field::ClientNatIp).or(event.personal.get(Field::ClientIp))?;
    address.parse::<IpAddr>().ok().map(|address| address.is_ipv4())
}

//! A country list: its versions, and the one in force at an instant.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Location;
use crate::identifier::ListId;
use crate::territory::{Country, Territory};

/// A list with all its versions, oldest first. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryList {
    id: ListId,
    name: String,
    minimum_notice_days: u16,
    versions: Vec<ListVersion>,
}

/// One version of a list; immutable once it has been in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListVersion {
    /// The version's name, such as `2025-05`.
    pub version: String,
    /// The paper it comes from.
    pub source: String,
    /// Who adopted it.
    pub adopted_by: String,
    /// When it was adopted.
    pub adopted_on: Date,
    /// When those concerned were told.
    pub announced_on: Date,
    /// The instant from which it counts.
    pub effective_from: Timestamp,
    /// Where it starts earlier than the notice allows: why, and which two people answer for it.
    pub early_start: Option<EarlyStart>,
    /// What stands on it.
    pub territories: TerritorySet,
}

/// The leave to start a version before its notice is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyStart {
    /// Why.
    pub reason: String,
    /// Two different people.
    pub approved_by: [String; 2],
}

impl EarlyStart {
    /// Whether two different people answer for it. Case and spacing make no other person.
    #[must_use]
    pub fn has_two_people(&self) -> bool {
        let [one, other] = self.approved_by.each_ref().map(|name| same_name(name));
        !one.is_empty() && !other.is_empty() && one != other
    }
}

fn same_name(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl CountryList {
    /// Puts a list together. Versions are sorted by the instant from which they count.
    /// `None` where there is no version: an empty list would let everybody in.
    #[must_use]
    pub fn new(
        id: ListId,
        name: String,
        minimum_notice_days: u16,
        mut versions: Vec<ListVersion>,
    ) -> Option<Self> {
        if versions.is_empty() || versions.iter().any(|v| v.territories.is_empty()) {
            return None;
        }
        versions.sort_by_key(|v| v.effective_from);
        Some(Self { id, name, minimum_notice_days, versions })
    }

    /// The name under `country_lists`.
    #[must_use]
    pub fn id(&self) -> &ListId {
        &self.id
    }

    /// The list's title.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Days between announcement and the start of a version.
    #[must_use]
    pub fn minimum_notice_days(&self) -> u16 {
        self.minimum_notice_days
    }

    /// Every version, oldest first.
    #[must_use]
    pub fn versions(&self) -> &[ListVersion] {
        &self.versions
    }

    /// The newest version whose start is not in the future; none where even the first is to come.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> Option<&ListVersion> {
        self.versions.iter().rev().find(|v| v.effective_from <= now)
    }

    /// The next version that will come into force.
    #[must_use]
    pub fn announced(&self, now: Timestamp) -> Option<&ListVersion> {
        self.versions.iter().find(|v| v.effective_from > now)
    }
}

/// A set of countries and subdivisions; asking it costs no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerritorySet {
    countries: [u64; Country::COUNT.div_ceil(64)],
    subdivisions: Vec<Territory>,
}

impl TerritorySet {
    /// Whether this very territory stands in the set.
    #[must_use]
    pub fn names(&self, territory: Territory) -> bool {
        if territory.subdivision().is_some() {
            return self.subdivisions.binary_search(&territory).is_ok();
        }
        let index = territory.country().index();
        self.countries.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    /// The entry that covers a location: its subdivision where that stands in the set by itself,
    /// else its country.
    #[must_use]
    pub fn covering(&self, location: Location) -> Option<Territory> {
        let exact = location.territory()?;
        if self.names(exact) {
            return Some(exact);
        }
        let country = Territory::country_of(exact.country());
        self.names(country).then_some(country)
    }

    /// Whether nothing stands in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subdivisions.is_empty() && self.countries.iter().all(|&word| word == 0)
    }

    /// How many territories stand in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subdivisions.len()
            + self.countries.iter().map(|w| w.count_ones() as usize).sum::<usize>()
    }

    /// The territories in the order of their codes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Territory> {
        let letters = || b'A'..=b'Z';
        let mut all: Vec<Territory> = letters()
            .flat_map(|a| letters().map(move |b| [a, b]))
            .filter_map(Country::from_letters)
            .map(Territory::country_of)
            .filter(|&t| self.names(t))
            .chain(self.subdivisions.iter().copied())
            .collect();
        all.sort_unstable();
        all
    }
}

impl FromIterator<Territory> for TerritorySet {
    fn from_iter<I: IntoIterator<Item = Territory>>(territories: I) -> Self {
        let mut set = Self::default();
        for territory in territories {
            if territory.subdivision().is_some() {
                set.subdivisions.push(territory);
            } else {
                let index = territory.country().index();
                if let Some(word) = set.countries.get_mut(index / 64) {
                    *word |= 1 << (index % 64);
                }
            }
        }
        set.subdivisions.sort_unstable();
        set.subdivisions.dedup();
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::Subdivision;

    fn set(codes: &str) -> TerritorySet {
        codes.split(' ').map(|c| Territory::parse(c).unwrap()).collect()
    }

    fn at(country: &str, subdivision: Option<&str>) -> Location {
        Location::Country {
            country: Country::parse(country).unwrap(),
            subdivision: subdivision.map(|s| Subdivision::parse(s).unwrap()),
        }
    }

    #[test]
    fn a_country_covers_its_subdivisions_and_a_subdivision_only_itself() {
        let russia = set("RU RU-CE CN");
        assert_eq!(russia.len(), 3);
        let covering = |c, s| russia.covering(at(c, s)).map(|t| t.to_string());
        assert_eq!(covering("RU", Some("MOW")).as_deref(), Some("RU"));
        assert_eq!(covering("RU", Some("CE")).as_deref(), Some("RU-CE"));
        assert_eq!(covering("RU", None).as_deref(), Some("RU"));
        assert_eq!(covering("DK", None), None);
        let chechnya = set("RU-CE");
        assert!(chechnya.covering(at("RU", None)).is_none());
        assert!(chechnya.covering(at("RU", Some("CE"))).is_some());
        assert!(russia.covering(Location::NotInDatabase).is_none());
    }

    #[test]
    fn the_set_gives_back_what_went_in() {
        let shown: Vec<String> =
            set("ZW RU-CE AF RU").to_vec().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["AF", "RU", "RU-CE", "ZW"]);
    }

    #[test]
    fn the_version_in_force_is_the_newest_that_has_begun() {
        let version = |name: &str, from: &str| ListVersion {
            version: name.into(),
            source: "s".into(),
            adopted_by: "a".into(),
            adopted_on: "2025-01-01".parse().unwrap(),
            announced_on: "2025-01-01".parse().unwrap(),
            effective_from: from.parse().unwrap(),
            early_start: None,
            territories: set("CN"),
        };
        let list = CountryList::new(
            ListId::parse("cfcs").unwrap(),
            "n".into(),
            14,
            vec![version("b", "2026-01-01T00:00:00Z"), version("a", "2025-01-01T00:00:00Z")],
        )
        .unwrap();
        let at = |t: &str| {
            let now = t.parse().unwrap();
            (list.in_force(now).map(|v| &*v.version), list.announced(now).map(|v| &*v.version))
        };
        assert_eq!(at("2024-12-31T23:59:59Z"), (None, Some("a")));
        assert_eq!(at("2025-01-01T00:00:00Z"), (Some("a"), Some("b")));
        assert_eq!(at("2026-01-01T00:00:00Z"), (Some("b"), None));
        assert!(CountryList::new(ListId::parse("x").unwrap(), "n".into(), 14, vec![]).is_none());
    }
}

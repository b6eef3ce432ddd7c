//! A verified database, compiled for asking.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::{SignedDuration, Timestamp};

use super::error::{DatabaseError, Problem};
use super::file::{self, Content};
use super::info::{Coverage, Info, Layout, is_db_ip};
use super::load::{self, Family, Loaded};
use super::record::{Place, Places};
use super::requirements::Requirements;
use super::segments::Segments;
use super::special::{self, Special};
use super::table::{Ipv4Table, Ipv6Table};
use crate::client_address::ClientAddress;
use crate::policy::Location;
use crate::territory::{Country, Territory};

/// A country or city database in memory. It never changes.
pub struct Database {
    path: PathBuf,
    ipv4: Ipv4Table,
    ipv6: Ipv6Table,
    /// What the tables' answers mean: [`OURS`] first, then the file's places.
    answers: Box<[Located]>,
    info: Info,
}

/// Where an address is, and where its network is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// What the decision goes by.
    pub location: Location,
    /// For the log alone.
    pub registered_country: Option<Country>,
}

/// Answers that stand for no place of the file, in front of those that do.
const OURS: [Location; 3] =
    [Location::NotInDatabase, Location::PrivateNetwork, Location::AddressUnknown];
const NOT_IN_DATABASE: u32 = 0;
const PRIVATE: u32 = 1;
/// The file has no network of the address family, so it cannot tell.
const CANNOT_TELL: u32 = 2;
const FIRST_PLACE: u32 = 3;

impl Database {
    /// Reads, verifies and compiles the file. Takes a moment (a tenth of a second for a country
    /// database), so an asynchronous caller does it on a blocking thread.
    ///
    /// # Errors
    /// [`DatabaseError`] names what is wrong with the file, or which requirement it fails.
    pub fn open(path: &Path, requirements: &Requirements) -> Result<Self, DatabaseError> {
        let content = file::read(path).map_err(|problem| problem.at(path))?;
        Self::of_content(path, &content, requirements).map_err(|problem| problem.at(path))
    }

    pub(super) fn of_content(
        path: &Path,
        content: &Content,
        requirements: &Requirements,
    ) -> Result<Self, Problem> {
        let mut places = Places::default();
        let loaded = load::load(&content.bytes, |found| {
            Ok(places.number_of(found)?.map(|number| number + FIRST_PLACE))
        })?;
        requirements.of_build(&loaded)?;
        if places.list.is_empty() {
            return Err(Problem::WrongContent {
                database_type: loaded.metadata.database_type,
                expected: "country.iso_code and no country_code",
            });
        }
        let database = Self::compile(path, content, loaded, &places);
        requirements.of_content(&database)?;
        Ok(database)
    }

    fn compile(path: &Path, content: &Content, loaded: Loaded, places: &Places) -> Self {
        let ipv4 = Ipv4Table::new(&with_ours(&loaded.ipv4, special::ipv4()));
        let ipv6_segments = with_ours(&loaded.ipv6, special::ipv6());
        let ipv6 = Ipv6Table::new(&ipv6_segments);
        let counted = Counted::new(&ipv4, &ipv6_segments, &places.list);
        let ours = OURS.map(|location| Located { location, registered_country: None });
        let answers = ours.into_iter().chain(places.list.iter().map(located)).collect();
        let metadata = loaded.metadata;
        let description = metadata.description.get("en").cloned().unwrap_or_default();
        let info = Info {
            built: loaded.built,
            is_db_ip: is_db_ip(&metadata.database_type, &description),
            database_type: metadata.database_type,
            description,
            layout: if places.nested || !places.flat { Layout::Nested } else { Layout::Flat },
            node_count: metadata.node_count,
            bytes: content.bytes.len() as u64,
            sha256: content.sha256,
            table_bytes: ipv4.bytes() + ipv6.bytes(),
            holds_ipv4: !loaded.ipv4.networks.is_empty(),
            holds_ipv6: !loaded.ipv6.networks.is_empty(),
            countries: counted.countries.into_iter().collect(),
            subdivisions: counted.subdivisions.into_iter().collect(),
        };
        Self { path: path.to_owned(), ipv4, ipv6, answers, info }
    }

    /// Where the client is. Allocates nothing.
    #[must_use]
    #[inline]
    pub fn locate(&self, address: &ClientAddress) -> Located {
        match address {
            ClientAddress::Known(known) => self.locate_ip(known.judged()),
            ClientAddress::Unknown(_) => {
                Located { location: Location::AddressUnknown, registered_country: None }
            }
        }
    }

    /// Where an address is that has been through [`ClientAddress`] already.
    #[inline]
    fn locate_ip(&self, judged: IpAddr) -> Located {
        let answer = match judged {
            IpAddr::V4(address) => self.ipv4.answer(address),
            IpAddr::V6(address) => self.ipv6.answer(address),
        };
        // Every address has an answer and every answer a meaning; were it not so, it would be
        // "unknown", which opens nothing.
        answer
            .and_then(|answer| self.answers.get(answer as usize).copied())
            .unwrap_or(Located { location: Location::AddressUnknown, registered_country: None })
    }

    /// The largest network around an address in which everybody has the same answer.
    #[must_use]
    pub fn network_of(&self, judged: IpAddr) -> Option<IpNet> {
        match judged {
            IpAddr::V4(address) => {
                let (first, last) = self.ipv4.around(address)?;
                let networks = (0..=32).filter_map(|length| Ipv4Net::new(address, length).ok());
                let mut inside = networks.map(|n| n.trunc());
                inside.find(|n| n.network() >= first && n.broadcast() <= last).map(IpNet::V4)
            }
            IpAddr::V6(address) => {
                let (first, last) = self.ipv6.around(address)?;
                let networks = (0..=128).filter_map(|length| Ipv6Net::new(address, length).ok());
                let mut inside = networks.map(|n| n.trunc());
                inside.find(|n| n.network() >= first && n.broadcast() <= last).map(IpNet::V6)
            }
        }
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself, and what was counted in it.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// How long ago it was built; zero where its build date is still to come.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> std::time::Duration {
        let age = now.duration_since(self.info.built).max(SignedDuration::ZERO);
        age.unsigned_abs()
    }

    /// Whether it can tell a territory: whether it holds an address of the country, and, of a
    /// subdivision, one that it places in just this subdivision.
    #[must_use]
    pub fn sees(&self, territory: Territory) -> bool {
        if territory.subdivision().is_some() {
            return self.info.subdivisions.binary_search(&territory).is_ok();
        }
        self.info.countries.binary_search_by_key(&territory.country(), |&(c, _)| c).is_ok()
    }

    /// The share, from 0 to 1, of the IPv4 addresses known to either that the other one places in
    /// another country or does not hold.
    #[must_use]
    pub fn change_to(&self, other: &Self) -> f64 {
        let (mut known, mut moved) = (0_u64, 0_u64);
        let mut theirs = other.ipv4.iter().peekable();
        for (first, last, answer) in self.ipv4.iter() {
            let ours = self.country_of(answer);
            let mut at = first;
            while let Some(&(_, their_last, their_answer)) = theirs.peek() {
                let until = last.min(their_last);
                let theirs_here = other.country_of(their_answer);
                let addresses = u64::from(until - at) + 1;
                known += if ours.is_some() || theirs_here.is_some() { addresses } else { 0 };
                moved += if ours == theirs_here { 0 } else { addresses };
                if their_last <= last {
                    theirs.next();
                }
                if until == last {
                    break;
                }
                at = until + 1;
            }
        }
        // Both are at most 2 to the power of 32, which a double holds exactly.
        if known == 0 { 0.0 } else { moved as f64 / known as f64 }
    }

    fn country_of(&self, answer: u32) -> Option<Country> {
        self.answers.get(answer as usize).and_then(|located| located.location.country())
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Info { database_type, built, .. } = &self.info;
        write!(f, "Database({} {database_type} of {built})", self.path.display())
    }
}

fn located(place: &Place) -> Located {
    Located {
        location: Location::Country { country: place.country, subdivision: place.subdivision },
        registered_country: place.registered_country,
    }
}

/// The file's networks, and over them the networks whose answer is ours.
fn with_ours(family: &Family, special: impl Iterator<Item = Special>) -> Segments {
    let default = if family.networks.is_empty() { CANNOT_TELL } else { NOT_IN_DATABASE };
    let mut segments = family.segments(default);
    for network in special {
        let answer = if network.private { PRIVATE } else { NOT_IN_DATABASE };
        segments.overlay(network.first, network.last, answer);
    }
    segments
}

/// What the compiled tables hold, special networks left out.
#[derive(Default)]
struct Counted {
    countries: BTreeMap<Country, Coverage>,
    subdivisions: BTreeSet<Territory>,
}

impl Counted {
    fn new(ipv4: &Ipv4Table, ipv6: &Segments, places: &[Place]) -> Self {
        let mut counted = Self::default();
        for (first, last, answer) in ipv4.iter() {
            if let Some(coverage) = counted.of(answer, places) {
                coverage.ipv4_addresses += u64::from(last - first) + 1;
            }
        }
        for &(_, answer) in ipv6.starts() {
            if let Some(coverage) = counted.of(answer, places) {
                coverage.ipv6_networks += 1;
            }
        }
        counted
    }

    fn of(&mut self, answer: u32, places: &[Place]) -> Option<&mut Coverage> {
        let place = places.get(answer.checked_sub(FIRST_PLACE)? as usize)?;
        if let Some(subdivision) = place.subdivision {
            self.subdivisions.insert(Territory::subdivision_of(place.country, subdivision));
        }
        Some(self.countries.entry(place.country).or_default())
    }
}

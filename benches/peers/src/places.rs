//! Where clients are: what the bundled database says, as the peers need it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use maxminddb::{PathElement, Reader, WithinOptions};

/// How many addresses there are of each kind.
pub(crate) const COUNT: usize = 4096;
/// How many peer addresses a flood comes from.
const SOURCES: u32 = 256;

/// What is known about the world.
#[derive(Clone)]
pub(crate) struct Places {
    /// Countries on the list.
    pub(crate) listed: BTreeSet<String>,
    /// A line `NETWORK CODE` for each network of the database.
    pub(crate) haproxy_map: Arc<str>,
    /// IPv4 addresses in countries that are not on the list.
    pub(crate) allowed: Arc<[String]>,
    /// IPv4 addresses in countries that are.
    pub(crate) rejected: Arc<[String]>,
    /// Neighbours in one listed network, to connect from.
    pub(crate) flooding: Arc<[Ipv4Addr]>,
}

impl Places {
    /// Walks the database. `listed` are the codes of the list, subdivisions left out.
    pub(crate) fn read(database: &Path, listed: BTreeSet<String>) -> anyhow::Result<Self> {
        let reader = Reader::open_readfile(database)
            .with_context(|| format!("cannot read {}", database.display()))?;
        let mut map = String::new();
        let mut by_country: BTreeMap<String, Vec<Ipv4Addr>> = BTreeMap::new();
        let mut flooding = None;
        for network in reader.networks(WithinOptions::default())? {
            let network = network?;
            let path = [PathElement::Key("country"), PathElement::Key("iso_code")];
            let Some(code) = network.decode_path::<&str>(&path)? else { continue };
            let around = network.network()?;
            let _ = writeln!(map, "{around} {code}");
            let IpAddr::V4(first) = around.network() else { continue };
            if around.prefix() <= 24 && is_plain(first) {
                let (first, length) = (u32::from(first), 1_u32 << (32 - around.prefix()));
                by_country.entry(code.to_owned()).or_default().push((first + length / 3).into());
                if code == "CN" && length >= 2 * SOURCES && flooding.is_none() {
                    flooding = Some((1..=SOURCES).map(|host| (first + host).into()).collect());
                }
            }
        }
        let (on_list, others) = by_country
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(code, _)| listed.contains(code));
        Ok(Self {
            allowed: mixed(&others)?,
            rejected: mixed(&on_list)?,
            flooding: flooding.context("the database has no network for a flood")?,
            haproxy_map: map.into(),
            listed,
        })
    }
}

/// Not one of the networks that every program treats in its own way.
fn is_plain(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        || first >= 224
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0)
        || (first == 192 && second == 88)
        || (first == 198 && (18..20).contains(&second)))
}

/// Addresses of all these countries in turn, each time another one of the country's.
fn mixed(countries: &BTreeMap<String, Vec<Ipv4Addr>>) -> anyhow::Result<Arc<[String]>> {
    let mut addresses = Vec::with_capacity(COUNT);
    for turn in 0..COUNT {
        // A step that shares no factor with most counts walks a country's addresses far apart.
        let of_turn = countries.values().filter_map(|all| {
            let index = (turn * 7919).checked_rem(all.len())?;
            all.get(index).filter(|_| turn < all.len())
        });
        addresses.extend(of_turn.map(Ipv4Addr::to_string));
        if addresses.len() >= COUNT {
            break;
        }
    }
    addresses.truncate(COUNT);
    ensure!(addresses.len() == COUNT, "the database has too few addresses: {}", addresses.len());
    Ok(addresses.into())
}

/// Somebody at a Danish university, as a peer.
pub(crate) const PERMITTED_PEER: Ipv4Addr = Ipv4Addr::new(130, 225, 244, 1);

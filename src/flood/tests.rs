use std::time::Duration;

use super::*;
use crate::client_address::{KnownAddress, UnknownBecause};

fn thresholds() -> FloodThresholds {
    FloodThresholds { network: 10, country: 100, calm_after: Duration::from_secs(5) }
}

fn flood() -> Flood {
    Flood::new(ListenerId::parse("web").unwrap(), thresholds())
}

fn client(ip: &str) -> ClientAddress {
    ClientAddress::Known(KnownAddress::new(ip.parse().unwrap()).unwrap())
}

fn in_country(code: &str) -> Location {
    Country::parse(code).unwrap().into()
}

/// So many rejections within the same instant, `seconds` after the beginning.
fn send(flood: &Flood, ip: &str, country: &str, seconds: u64, count: usize) -> bool {
    let now = flood.began + Duration::from_secs(seconds);
    let rejected = || flood.rejected(client(ip), in_country(country), now);
    (0..count).fold(false, |_, _| rejected())
}

#[test]
fn a_network_that_floods_is_told_from_its_neighbours() {
    let flood = flood();
    assert!(!send(&flood, "203.0.113.1", "CN", 0, 20));
    assert!(send(&flood, "203.0.113.250", "CN", 0, 1), "the whole /24 counts as one");
    assert!(!send(&flood, "203.0.114.1", "CN", 0, 1));
    assert!(send(&flood, "2a00:1:2:3::1", "CN", 0, 21));
    assert!(send(&flood, "2a00:1:2:ffff::9", "CN", 0, 1), "the whole /48 counts as one");
    assert!(!send(&flood, "2a00:1:3::1", "CN", 0, 1));
}

#[test]
fn a_country_floods_though_each_of_its_networks_is_quiet() {
    let flood = flood();
    for number in 0..200 {
        assert!(!send(&flood, &format!("20.0.{number}.1"), "CN", 0, 1), "{number}");
    }
    assert!(send(&flood, "20.1.0.1", "CN", 0, 1));
    assert!(!send(&flood, "21.0.0.1", "RU", 0, 1), "another country is another matter");
    assert_eq!(flood.tally(), Tally { countries: 1, networks: 0 });
}

#[test]
fn a_flood_begins_and_ends_once_and_is_then_forgotten() {
    let flood = flood();
    assert!(send(&flood, "203.0.113.1", "CN", 0, 30));
    let at = |seconds| flood.began + Duration::from_secs(seconds);
    let network = Scope::Network("203.0.113.0/24".parse().unwrap());
    assert_eq!(flood.changes(at(1)), [Change { scope: network, ended: None }]);
    assert_eq!(flood.changes(at(2)), []);
    assert_eq!(flood.tally(), Tally { countries: 0, networks: 1 });
    assert_eq!(flood.changes(at(6)), [Change { scope: network, ended: Some(10) }]);
    assert_eq!(flood.changes(at(7)), []);
    assert_eq!(flood.tally(), Tally::default());
    assert!(!send(&flood, "203.0.113.1", "CN", 7, 1), "the page is shown again");
}

#[test]
fn what_has_no_country_or_no_address_is_counted_too() {
    let flood = flood();
    let now = flood.began;
    let unknown = ClientAddress::Unknown(UnknownBecause::HeaderMissing);
    let floods =
        (0..300).fold(false, |_, _| flood.rejected(unknown, Location::AddressUnknown, now));
    assert!(floods);
    assert!(!flood.rejected(client("10.0.0.1"), Location::PrivateNetwork, now));
    let changes = flood.changes(now);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].scope.word(), changes[0].scope.to_string().as_str()),
        ("country", "unknown")
    );
}

/// A hundred thousand networks come by; the one that floods is still known, and little is told.
#[test]
fn memory_is_fixed_and_what_floods_is_not_pushed_out() {
    let flood = flood();
    assert!(send(&flood, "203.0.113.1", "CN", 0, 30));
    let now = flood.began + Duration::from_secs(1);
    for number in 0..100_000_u32 {
        let ip = std::net::Ipv4Addr::from_bits(0x2000_0000 + number * 256);
        let client = ClientAddress::Known(KnownAddress::new(ip.into()).unwrap());
        flood.rejected(client, in_country("BR"), now);
    }
    assert!(send(&flood, "203.0.113.1", "CN", 1, 1));
    assert_eq!(flood.tally(), Tally { countries: 1, networks: 1 });

    for number in 0..2000_u32 {
        let ip = std::net::Ipv4Addr::from_bits(0x3000_0000 + number * 256);
        let client = ClientAddress::Known(KnownAddress::new(ip.into()).unwrap());
        for _ in 0..30 {
            flood.rejected(client, in_country("BR"), now);
        }
    }
    let flooding = flood.tally().networks;
    assert!(flooding > 1900, "{flooding}");
    let networks = |changes: Vec<Change>| {
        changes.iter().filter(|change| change.scope.word() == "network").count()
    };
    assert!(networks(flood.changes(now)) <= 4);
    // All of them end at once: no more is told, and nothing is left.
    let later = now + Duration::from_secs(60);
    let told: usize = (0..10).map(|_| networks(flood.changes(later))).sum();
    assert!(told <= 5, "{told}");
    assert_eq!(flood.tally(), Tally::default());
}

#[test]
fn every_country_has_a_level_of_its_own() {
    for index in 0..Country::COUNT {
        let Scope::Country(country) = scope(index) else { panic!("{index}") };
        assert_eq!(country.index(), index);
    }
}

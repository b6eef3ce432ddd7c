use std::net::IpAddr;

use super::*;
use crate::client_address::{KnownAddress, UnknownBecause};
use crate::territory::Country;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn denials() -> Folds {
    Folds::new(Action::Denied, SignedDuration::from_secs(1))
}

fn facts(ip: &str, milliseconds: i64) -> Facts {
    let ip: IpAddr = ip.parse().unwrap();
    let client = ClientAddress::Known(KnownAddress::new(ip).unwrap());
    let mut facts = Facts::new(at(milliseconds), ListenerId::parse("web").unwrap(), client);
    facts.site = Some(SiteId::parse("kilden").unwrap());
    let country = Country::parse("CN").unwrap();
    facts.location = Location::Country { country, subdivision: None };
    facts
}

fn reference(number: u32) -> Reference {
    let [a, b, c, d] = number.to_be_bytes();
    Reference::from_random([1, a, b, c, d])
}

const LISTED: Reason = Reason::CountryListed;

#[test]
fn equal_rejections_share_one_entry_and_one_reference() {
    let folds = denials();
    let first = folds.add(facts("203.0.113.9", 0), LISTED, reference(1));
    let second = folds.add(facts("203.0.113.200", 900), LISTED, reference(2));
    assert_eq!((first, second), (reference(1), reference(1)));
    assert!(folds.take_ended(at(999), false, 9).is_empty());
    let mut ended = folds.take_ended(at(1000), false, 9);
    let event = ended.pop().unwrap().event([0; 10]);
    assert!(ended.is_empty() && folds.is_empty());
    assert_eq!((event.action, event.count), (Action::Repeated, 2));
    assert_eq!(event.reference, Some(SmolStr::from(reference(1).to_string())));
    assert_eq!(event.milliseconds, Some(900));
    assert_eq!(event.verdict.as_deref(), Some("deny"));
}

#[test]
fn one_rejection_alone_is_denied() {
    let folds = denials();
    folds.add(facts("203.0.113.9", 0), LISTED, reference(1));
    let event = folds.take_ended(at(1000), false, 9).pop().unwrap().event([0; 10]);
    assert_eq!((event.action, event.count, event.milliseconds), (Action::Denied, 1, None));
}

#[test]
fn what_differs_does_not_fold() {
    let other = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts("203.0.113.9", 0);
        change(&mut facts);
        facts
    };
    let folds = denials();
    folds.add(facts("203.0.113.9", 0), LISTED, reference(0));
    folds.add(facts("203.0.114.9", 0), LISTED, reference(1));
    folds.add(facts("203.0.113.9", 0), Reason::NotAuthorized, reference(2));
    folds.add(other(&|f| f.site = None), LISTED, reference(3));
    folds.add(other(&|f| f.listener = ListenerId::parse("mail").unwrap()), LISTED, reference(4));
    folds.add(other(&|f| f.user = Some("anna".into())), LISTED, reference(5));
    folds.add(other(&|f| f.user = Some("bo".into())), LISTED, reference(6));
    let unknown = ClientAddress::Unknown(UnknownBecause::HeaderMissing);
    folds.add(other(&|f| f.client = unknown), LISTED, reference(7));
    folds.add(facts("2001:67c:2e8:1::1", 0), LISTED, reference(8));
    folds.add(facts("2001:67c:2e8:1:ffff::2", 0), LISTED, reference(9));
    folds.add(facts("2001:67c:2e8:2::1", 0), LISTED, reference(10));
    let ended = folds.take_ended(at(1000), false, 99);
    assert_eq!(ended.len(), 10);
    assert_eq!(ended.iter().map(|fold| fold.count()).sum::<u64>(), 11);
}

#[test]
fn a_new_window_is_a_new_entry_also_when_the_clock_goes_back() {
    let folds = denials();
    let code = |milliseconds, number| {
        folds.add(facts("203.0.113.9", milliseconds), LISTED, reference(number))
    };
    assert_eq!(code(0, 1), reference(1));
    assert_eq!(code(1000, 2), reference(2));
    assert_eq!(code(-3_600_000, 3), reference(3));
    assert_eq!(folds.take_ended(at(-3_600_000), false, 99).len(), 2, "what lies in the future too");
    assert_eq!(folds.take_ended(at(0), false, 99).len(), 1);
}

#[test]
fn a_flood_of_networks_folds_without_clients_and_is_counted_exactly() {
    let folds = denials();
    let flood = 100_000_u32;
    for number in 0..flood {
        let ip = std::net::Ipv4Addr::from_bits(0x2000_0000 + number * 256);
        let mut facts = facts(&ip.to_string(), 0);
        facts.path = Some("/x".repeat(900).into());
        facts.user = Some(format!("user-{number}").into());
        folds.add(facts, LISTED, reference(number));
    }
    assert!(folds.len() <= CAPACITY + SHARDS, "{}", folds.len());
    assert!(CAPACITY * size_of::<(Key, Fold)>() < 16 * 1024 * 1024, "of fixed parts");
    let ended = folds.take_ended(at(1000), false, usize::MAX);
    assert_eq!(ended.iter().map(|fold| fold.count()).sum::<u64>(), u64::from(flood));
    let kept: usize =
        ended.iter().map(|f| f.facts.path.as_ref().map_or(0, smol_str::SmolStr::len)).sum();
    assert!(kept < 24 * 1024 * 1024, "{kept} bytes of paths");
    let coarse = ended.into_iter().find(|fold| fold.without_client).unwrap().event([0; 10]);
    assert_eq!(coarse.personal, PerField::default());
    assert_eq!(coarse.country.as_deref(), Some("CN"));
    assert_eq!(coarse.path, None);

    // A sustained flood writes a bounded number of entries.
    for number in 0..5000 {
        let ip = std::net::Ipv4Addr::from_bits(0x2000_0000 + number * 256);
        folds.add(facts(&ip.to_string(), 2000), LISTED, reference(number));
    }
    let ended = folds.take_ended(at(4000), false, usize::MAX);
    assert!(ended.len() <= 3 * SUSTAINED + SHARDS, "{}", ended.len());
    assert_eq!(ended.iter().map(|fold| fold.count()).sum::<u64>(), 5000);
}

#[test]
fn while_nobody_takes_them_out_counts_stay_exact_and_memory_bounded() {
    let folds = denials();
    for second in 0..20_000 {
        folds.add(facts("203.0.113.9", second * 1000), LISTED, reference(1));
    }
    assert!(folds.len() <= PER_SHARD + 1, "{}", folds.len());
    assert_eq!(folds.take_ended(at(0), true, 10).len(), 10, "no more than asked for");
    let rest = folds.take_ended(at(0), true, usize::MAX);
    assert_eq!(rest.iter().map(|fold| fold.count()).sum::<u64>(), 20_000 - 10);
}

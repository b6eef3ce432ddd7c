//! The place of an entry in the order of all, as one number; networks as numbers.
//!
//! PURE.

use std::net::IpAddr;
use std::ops::Range;

use jiff::Timestamp;

use crate::audit::{Class, Event};

/// Below the milliseconds: one bit for the chain, seven for the node, thirteen for the sequence.
const BELOW: u32 = 21;
const LATEST: i64 = (1 << 42) - 1;

/// An hour in milliseconds.
pub(super) const HOUR: i64 = 3_600_000;

/// The number of a chain. Allowed traffic is not in the index.
pub(super) fn chain(class: Class) -> i64 {
    match class {
        Class::Allowed => 0,
        Class::Denied => 1,
        Class::People => 2,
    }
}

/// The chain with this number.
pub(super) fn class(chain: i64) -> Option<Class> {
    Class::ALL.into_iter().find(|class| self::chain(*class) == chain)
}

fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond().clamp(0, LATEST)
}

/// The first place that an entry of this instant can have.
pub(super) fn first(at: Timestamp) -> i64 {
    milliseconds(at) << BELOW
}

/// Every place that an entry of this instant can have.
pub(super) fn places(at: Timestamp) -> Range<i64> {
    first(at)..first(at) + (1 << BELOW)
}

/// The instant of an entry at this place, to the millisecond.
pub(super) fn instant(entry: i64) -> Timestamp {
    Timestamp::from_millisecond(entry >> BELOW).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Where an entry belongs.
pub(super) fn natural(at: Timestamp, class: Class, node: i64, sequence: i64) -> i64 {
    let chain = i64::from(class == Class::People);
    first(at) | chain << 20 | (node & 0x7f) << 13 | (sequence & 0x1fff)
}

/// The next place of the same instant, for what finds its own taken.
pub(super) fn next(entry: i64) -> i64 {
    let below = (1 << BELOW) - 1;
    (entry & !below) | ((entry + 1) & below)
}

/// The hour since 1970 that this instant is in.
pub(super) fn hour(at: Timestamp) -> i64 {
    milliseconds(at) / HOUR
}

/// When an hour begins.
pub(super) fn hour_begins(hour: i64) -> Timestamp {
    Timestamp::from_millisecond(hour.saturating_mul(HOUR)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The places of an hour.
pub(super) fn places_of_hour(hour: i64) -> Range<i64> {
    first(hour_begins(hour))..first(hour_begins(hour.saturating_add(1)))
}

/// A network of 24 bits (IPv4) or 64 bits (IPv6).
pub(super) fn network(address: IpAddr) -> i64 {
    match address {
        IpAddr::V4(v4) => i64::from(v4.to_bits() >> 8),
        // Of the same width, and told apart from the other family by being far greater or less.
        IpAddr::V6(v6) => i64::from_be_bytes(upper(v6)),
    }
}

/// A network of 16 bits (IPv4) or 32 bits (IPv6).
pub(super) fn wide(address: IpAddr) -> i64 {
    match address {
        IpAddr::V4(v4) => i64::from(v4.to_bits() >> 16),
        IpAddr::V6(v6) => (i64::from_be_bytes(upper(v6)) >> 32) & 0xffff_ffff | 1 << 32,
    }
}

/// Stands where there is no network.
pub(super) const NOWHERE: i64 = -1;

fn upper(v6: std::net::Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = v6.octets();
    [a, b, c, d, e, f, g, h]
}

/// A reference as a number; -1 where it is none.
pub(super) fn reference(text: &str) -> i64 {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut number = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        let Some(digit) = ALPHABET.iter().position(|symbol| *symbol == byte) else { return -1 };
        number = number << 5 | i64::try_from(digit).unwrap_or(0);
    }
    if text.len() == 9 { number } else { -1 }
}

/// The reference with this number.
pub(super) fn reference_text(number: i64) -> Option<crate::audit::Reference> {
    let bytes = u64::try_from(number).ok()?.to_be_bytes();
    let [0, 0, 0, a, b, c, d, e] = bytes else { return None };
    Some(crate::audit::Reference::from_random([a, b, c, d, e]))
}

/// The people of an entry, each once, as they are looked for.
pub(super) fn people(event: &Event) -> Vec<String> {
    use crate::audit::event::Field;
    let fields = [Field::UserName, Field::UserId, Field::UserEffective, Field::UserTarget];
    let mut people: Vec<String> =
        fields.iter().filter_map(|field| event.personal.get(*field)).map(|n| person(n)).collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// How a person is looked for.
pub(super) fn person(name: &str) -> String {
    format!("p:{}", name.to_lowercase())
}

/// How a rejection is looked for whose network is registered in another country than it is in.
pub(super) fn registered(country: &str) -> String {
    format!("r:{country}")
}

/// How the network of a second address is looked for.
pub(super) fn second(network: i64) -> String {
    format!("n:{network}")
}

/// The same for the wide one.
pub(super) fn second_wide(wide: i64) -> String {
    format!("w:{wide}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::Reference;

    proptest! {
        #[test]
        fn a_reference_comes_back(bytes: [u8; 5]) {
            let text = Reference::from_random(bytes);
            prop_assert_eq!(reference_text(reference(&text.short())), Some(text));
        }

        #[test]
        fn the_order_is_that_of_time_and_the_places_of_an_instant_stay_in_it(
            a in 0_i64..4_000_000_000_000, b in 0_i64..4_000_000_000_000,
            node in 1_i64..500, sequence in 1_i64..1_000_000_000,
        ) {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            let place = |ms| natural(at(ms), Class::People, node, sequence);
            prop_assert_eq!(a.cmp(&b), place(a).cmp(&place(b)));
            prop_assert_eq!(instant(place(a)), at(a));
            prop_assert!(places(at(a)).contains(&place(a)));
            prop_assert!(places(at(a)).contains(&next(place(a))));
            prop_assert!(places_of_hour(hour(at(a))).contains(&place(a)));
        }
    }

    #[test]
    fn what_is_no_reference_is_none() {
        for text in ["", "-", "K7QX-2M9", "K7QX-2M9U", "k7qx-2m9d"] {
            assert_eq!(reference(text), -1, "{text}");
        }
        assert_eq!(reference_text(-1), None);
        assert_eq!(reference_text(1 << 40), None);
    }
}

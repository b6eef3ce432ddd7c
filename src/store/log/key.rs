//! The place of an entry in the order of all, as one number; networks as numbers.
//!
//! PURE.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
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

/// Stands where the entry itself has to be read for its networks.
pub(super) const UNKNOWN: i64 = -2;

/// From which [`network`] to which all that is held against [`Known`] can be.
pub(super) fn networks(net: IpNet) -> (i64, i64) {
    let half = if net.network().is_ipv4() { 16 } else { 32 };
    let wide = IpNet::new(net.network(), net.prefix_len().min(half)).unwrap_or(net).trunc();
    let around = if known(net).narrow { net } else { wide };
    let (one, other) = (network(around.network()), network(around.broadcast()));
    // Of all addresses of IPv6 the numbers go round the zero.
    if one <= other { (one, other) } else { (i64::MIN, i64::MAX) }
}

/// From which [`wide`] to which.
pub(super) fn wides(net: IpNet) -> (i64, i64) {
    let (one, other) = (wide(net.network()), wide(net.broadcast()));
    (one.min(other), one.max(other))
}

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

/// How the network of a second address is looked for. Sorted as texts they stand as the numbers do.
pub(super) fn second(network: i64) -> String {
    format!("n:{:016x}", sortable(network))
}

/// The same for the wide one.
pub(super) fn second_wide(wide: i64) -> String {
    format!("w:{:016x}", sortable(wide))
}

/// The number again; none where it is no mark of a second address.
#[cfg(test)]
fn second_number(mark: &str) -> Option<i64> {
    let digits = mark.strip_prefix("n:").or_else(|| mark.strip_prefix("w:"))?;
    u64::from_str_radix(digits, 16).ok().map(|number| (number ^ 1 << 63).cast_signed())
}

fn sortable(number: i64) -> u64 {
    number.cast_unsigned() ^ 1 << 63
}

/// What tells the addresses of a [`network`] apart: all of it (IPv4), or a few bits (IPv6).
pub(super) fn host(address: IpAddr) -> i64 {
    match address {
        IpAddr::V4(v4) => i64::from(v4.to_bits() & 0xff),
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.segments();
            i64::from(a ^ b ^ c ^ d)
        }
    }
}

/// What tells the networks of a [`wide`] one apart: all of it (IPv4), or the next 16 bits (IPv6).
pub(super) fn part(address: IpAddr) -> i64 {
    match address {
        IpAddr::V4(v4) => i64::from(v4.to_bits() >> 8 & 0xff),
        IpAddr::V6(v6) => {
            let [_, _, part, ..] = v6.segments();
            i64::from(part)
        }
    }
}

/// Of which kind an address is; 0 where there is none.
pub(super) fn family(address: Option<IpAddr>) -> i64 {
    match address {
        None => 0,
        Some(IpAddr::V4(_)) => 4,
        Some(IpAddr::V6(_)) => 6,
    }
}

/// What of a network the index knows without reading an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Whether it is held against [`network`] or against [`wide`].
    pub(super) narrow: bool,
    /// From there to there, both within.
    pub(super) low: i64,
    pub(super) high: i64,
    /// Where it is one alone: from which [`host`] or [`part`] to which.
    pub(super) within: Option<(i64, i64)>,
    /// Whether that is all there is to it; else the address itself has to be held against it.
    pub(super) exact: bool,
}

/// What the index knows of a network.
pub(super) fn known(network: IpNet) -> Known {
    let (first, last) = (network.network(), network.broadcast());
    let (whole, half) = match first {
        IpAddr::V4(_) => (24, 16),
        IpAddr::V6(_) => (64, 32),
    };
    let length = network.prefix_len();
    let all = length == whole || length <= half;
    // Of IPv6 many networks may stand in a wide one: the next bits tell them apart.
    let narrow = if first.is_ipv4() { length > half } else { length >= whole };
    let number = if narrow { self::network } else { wide };
    let (one, other) = (number(first), number(last));
    let within = match (first, narrow) {
        _ if all => None,
        (IpAddr::V4(_), true) => (length > whole).then(|| (host(first), host(last))),
        (IpAddr::V4(_), false) => None,
        (IpAddr::V6(_), true) => (length == 128).then(|| (host(first), host(first))),
        (IpAddr::V6(_), false) => Some((part(first), part(last))),
    };
    let exact = first.is_ipv4() || all || length <= 48;
    Known { narrow, low: one.min(other), high: one.max(other), within, exact }
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

    proptest! {
        #[test]
        fn a_network_is_told_by_what_is_known_of_it(
            bits in any::<u128>(), other in any::<u128>(), shared in 0_u32..=128,
            is_v6: bool, length in 0_u8..=128,
        ) {
            // Two addresses that often share much.
            let mask = u128::MAX.checked_shl(128 - shared).unwrap_or(0);
            let other = bits & mask | other & !mask;
            let address = |bits: u128| match is_v6 {
                true => IpAddr::V6(bits.into()),
                false => IpAddr::V4(((bits >> 96) as u32).into()),
            };
            let length = if is_v6 { length } else { length % 33 };
            let net = IpNet::new(address(bits), length).unwrap().trunc();
            let known = known(net);
            let one = address(other);
            let (number, within) = match known.narrow {
                true => (network(one), host(one)),
                false => (wide(one), part(one)),
            };
            let told = (known.low..=known.high).contains(&number)
                && known.within.is_none_or(|(low, high)| (low..=high).contains(&within));
            let is_within = net.contains(&one);
            prop_assert!(told || !is_within, "{net} {one} {known:?}");
            prop_assert!(!known.exact || told == is_within, "{net} {one} {known:?}");
        }

        #[test]
        fn marks_of_second_addresses_stand_as_their_numbers(a: i64, b: i64) {
            prop_assert_eq!(second(a).cmp(&second(b)), a.cmp(&b));
            prop_assert_eq!(second_number(&second_wide(a)), Some(a));
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

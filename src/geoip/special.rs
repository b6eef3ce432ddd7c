//! The networks whose answer is ours and not the database's.
//!
//! Held against the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 as updated by
//! RFC 8190) and the multicast and reserved space of both families. A network is *private* where the
//! contract says so: RFC 1918, loopback, link-local, unique local. Everything else here is *not in
//! the database*: a client on the internet cannot have such an address, or the database would
//! answer for the wrong place.
//!
//! The space that carriers share (`100.64.0.0/10`, RFC 6598) is deliberately not private: it is the
//! carrier's, and `private_networks: allow` must not open to it.
//!
//! Documentation networks (RFC 5737, RFC 3849, RFC 9637) are not here: nobody has them, databases do
//! not hold them, and a test may.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Network, prefix length, private.
const IPV4: [(Ipv4Addr, u32, bool); 13] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, false), // "this network", RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8, true), // RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10, false), // shared by a carrier's customers, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8, true), // loopback, RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16, true), // link-local, RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12, true), // RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24, false), // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 88, 99, 0), 24, false), // 6to4 relays, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16, true), // RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15, false), // benchmarks, RFC 2544
    (Ipv4Addr::new(224, 0, 0, 0), 4, false), // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4, false), // reserved, RFC 1112; broadcast, RFC 8190
    (Ipv4Addr::new(192, 175, 48, 0), 24, false), // AS112, the sink of private reverse look-ups
];

/// Network, prefix length, private. What lies outside `2000::/3` has never been given out to anybody;
/// the prefixes that carry IPv4 addresses are read in `client_address`.
const IPV6: [(Ipv6Addr, u32, bool); 12] = [
    (Ipv6Addr::UNSPECIFIED, 3, false), // ::/3: unspecified, mapped, NAT64, discard
    (Ipv6Addr::LOCALHOST, 128, true),  // loopback, RFC 4291
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, false), // Teredo, RFC 4380
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, false), // benchmarks, RFC 5180
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, false), // ORCHID, RFC 4843
    (Ipv6Addr::new(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28, false), // ORCHIDv2, RFC 7343
    (Ipv6Addr::new(0x2001, 0x30, 0, 0, 0, 0, 0, 0), 28, false), // drone tags, RFC 9374
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, false), // 6to4, RFC 3056
    (Ipv6Addr::new(0x4000, 0, 0, 0, 0, 0, 0, 0), 2, false), // 4000::/2, unassigned; SRv6, RFC 9602
    (Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0), 1, false), // 8000::/1: site-local, multicast
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, true), // unique local, RFC 4193
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, true), // link-local, RFC 4291
];

/// A network with an answer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Special {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) private: bool,
}

/// The special IPv4 networks, wider ones before those inside them.
pub(super) fn ipv4() -> impl Iterator<Item = Special> {
    IPV4.into_iter().map(|(network, length, private)| {
        let first = u128::from(network.to_bits());
        Special { first, last: first | ((1 << (32 - length)) - 1), private }
    })
}

/// The special IPv6 networks, wider ones before those inside them.
pub(super) fn ipv6() -> impl Iterator<Item = Special> {
    IPV6.into_iter().map(|(network, length, private)| {
        let first = network.to_bits();
        let last = first | 1_u128.checked_shl(128 - length).map_or(u128::MAX, |above| above - 1);
        Special { first, last, private }
    })
}

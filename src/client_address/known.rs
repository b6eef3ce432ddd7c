//! What one IP address says: as it is shown, and as it is judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::UnknownBecause;

/// An address as it was seen, and the address it is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownAddress {
    seen: IpAddr,
    judged: IpAddr,
}

impl KnownAddress {
    /// Reads one address.
    ///
    /// A v4-mapped address is the IPv4 address it maps. NAT64 (`64:ff9b::/96`, RFC 6052), 6to4
    /// (`2002::/16`, RFC 3056) and Teredo (`2001::/32`, RFC 4380) addresses are judged by the IPv4
    /// address they carry: no database knows where the carrier's client is.
    ///
    /// # Errors
    /// [`UnknownBecause::EmbeddedPrivate`] where the carried address is no public one, or where it
    /// cannot be told (`64:ff9b:1::/48` of RFC 8215, IPv4-compatible `::/96`, IPv4-translated
    /// `::ffff:0:0:0/96`); [`UnknownBecause::NotUnicast`] for an address that no client can have.
    pub fn new(ip: IpAddr) -> Result<Self, UnknownBecause> {
        let seen = ip.to_canonical();
        if seen.is_unspecified() || seen.is_multicast() || is_broadcast(seen) {
            return Err(UnknownBecause::NotUnicast);
        }
        let judged = match seen {
            IpAddr::V4(_) => seen,
            IpAddr::V6(v6) => match carried(v6) {
                Carried::Nothing => seen,
                Carried::Address(v4) if is_public(IpAddr::V4(v4)) => IpAddr::V4(v4),
                Carried::Address(_) | Carried::Untold => {
                    return Err(UnknownBecause::EmbeddedPrivate);
                }
            },
        };
        Ok(Self { seen, judged })
    }

    /// The address as seen: v4-mapped IPv6 shown as IPv4.
    #[must_use]
    pub fn seen(&self) -> IpAddr {
        self.seen
    }

    /// The address that location and networks are judged by: the IPv4 address that a NAT64, 6to4
    /// or Teredo address carries, else the address as seen.
    #[must_use]
    pub fn judged(&self) -> IpAddr {
        self.judged
    }
}

/// Whether this is what the contract calls a private network: RFC 1918, loopback, unique local,
/// link-local. A v4-mapped address is taken as the IPv4 address it maps.
#[must_use]
pub fn is_private_network(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether the address can belong to one client in the public internet: neither a private network
/// nor one of the special blocks of RFC 6890 (shared, documentation, benchmarking, reserved, …).
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    if is_private_network(ip) {
        return false;
    }
    match ip.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let assignments = (a, b, c) == (192, 0, 0);
    let benchmarking = a == 198 && (b == 18 || b == 19);
    let relay = (a, b, c) == (192, 88, 99);
    // Class E begins at 240, multicast at 224; broadcast is within.
    a != 0
        && a < 224
        && !shared
        && !assignments
        && !benchmarking
        && !relay
        && !v4.is_documentation()
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    let benchmarking = a == 0x2001 && b == 2;
    let carries = !matches!(carried(v6), Carried::Nothing);
    // 2000::/3 is all that has ever been given out.
    carries || ((0x2000..0x4000).contains(&a) && !documentation && !benchmarking)
}

fn is_broadcast(ip: IpAddr) -> bool {
    ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}

enum Carried {
    Nothing,
    Address(Ipv4Addr),
    Untold,
}

fn carried(v6: Ipv6Addr) -> Carried {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Carried::Address(join(high, low))
        }
        [0x2001, 0, _, _, _, _, high, low] => Carried::Address(join(!high, !low)),
        // Lies in the block of the IPv4-compatible addresses and is none.
        _ if v6.is_loopback() => Carried::Nothing,
        [0x64, 0xff9b, 1, ..] | [0, 0, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => {
            Carried::Untold
        }
        _ => Carried::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(text: &str) -> Result<(String, String), UnknownBecause> {
        KnownAddress::new(text.parse().unwrap())
            .map(|k| (k.seen().to_string(), k.judged().to_string()))
    }

    #[test]
    fn an_address_is_judged_by_what_it_carries() {
        for (text, seen, judged) in [
            ("1.2.3.4", "1.2.3.4", "1.2.3.4"),
            ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("2a02:26f0::1", "2a02:26f0::1", "2a02:26f0::1"),
            ("::1", "::1", "::1"),
            ("fd00::1", "fd00::1", "fd00::1"),
            ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304", "1.2.3.4"),
            ("2002:102:304::1", "2002:102:304::1", "1.2.3.4"),
            ("2001::fefd:fcfb", "2001::fefd:fcfb", "1.2.3.4"),
            ("2001:0:1:2:3:4:fefd:fcfb", "2001:0:1:2:3:4:fefd:fcfb", "1.2.3.4"),
        ] {
            assert_eq!(known(text), Ok((seen.into(), judged.into())), "{text}");
        }
    }

    #[test]
    fn a_private_or_untold_address_inside_another_is_no_client() {
        for text in [
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.1.1",
            "64:ff9b::100.64.0.1",
            "64:ff9b::192.0.2.1",
            "64:ff9b::0.0.0.0",
            "64:ff9b::224.0.0.1",
            "64:ff9b::255.255.255.255",
            "64:ff9b:1::1.2.3.4",
            "64:ff9b:1:ffff::1",
            "2002:a00:1::1",
            "2002:c0a8:101::1",
            "2002:7f00:1::",
            "2001::f5ff:fffe",
            "::1.2.3.4",
            "::2",
            "::ffff:0:1.2.3.4",
        ] {
            assert_eq!(known(text), Err(UnknownBecause::EmbeddedPrivate), "{text}");
        }
    }

    #[test]
    fn what_no_client_can_have_is_unknown() {
        for text in ["0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "255.255.255.255"] {
            assert_eq!(known(text), Err(UnknownBecause::NotUnicast), "{text}");
        }
    }

    #[test]
    fn private_networks_are_the_four_of_the_contract() {
        let private = |text: &str| is_private_network(text.parse().unwrap());
        for text in [
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.1",
            "127.9.9.9",
            "169.254.0.1",
            "::1",
            "fc00::",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(private(text), "{text}");
        }
        for text in ["172.15.255.255", "172.32.0.0", "100.64.0.1", "8.8.8.8", "fec0::1", "2a00::1"]
        {
            assert!(!private(text), "{text}");
        }
    }

    #[test]
    fn special_blocks_are_not_public() {
        let public = |text: &str| is_public(text.parse().unwrap());
        for text in ["1.1.1.1", "100.63.255.255", "100.128.0.0", "223.255.255.255", "2a02:26f0::1"]
        {
            assert!(public(text), "{text}");
        }
        for text in [
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "fd00::1",
            "fe80::1",
            "2001:db8::1",
            "3fff::1",
            "2001:2::1",
            "4000::1",
            "ff02::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    proptest! {
        /// However an IPv4 address is wrapped, the wrapping never changes the judgement.
        #[test]
        fn wrapping_never_changes_the_judgement(bits: u32, noise: [u16; 4]) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let [n1, n2, n3, n4] = noise;
            let wrapped = [
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, n1, n2, n3, n4, n1),
                Ipv6Addr::new(0x2001, 0, n1, n2, n3, n4, !high, !low),
            ];
            for v6 in wrapped {
                let outcome = KnownAddress::new(v6.into()).map(|k| k.judged());
                if is_public(v4.into()) {
                    prop_assert_eq!(outcome, Ok(IpAddr::V4(v4)));
                } else {
                    prop_assert_eq!(outcome, Err(UnknownBecause::EmbeddedPrivate));
                }
            }
        }
    }
}

//! Networks with something attached, asked by address: the most specific one that has not expired.
//!
//! One sorted row of networks for each prefix length that occurs, longest first. Asking is a binary
//! search in each row whose networks stand around the address, and no policy has more than a handful
//! of lengths.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NetworkTable<T> {
    v4: Vec<Row<T>>,
    v6: Vec<Row<T>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row<T> {
    mask: u128,
    /// The first and the last of the keys: an address outside them is not searched for.
    between: [u128; 2],
    /// The network of each entry, close together, because this is what is searched.
    keys: Vec<u128>,
    entries: Vec<Entry<T>>,
}

/// One network of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<T> {
    pub(super) network: IpNet,
    pub(super) expires: Option<Timestamp>,
    pub(super) value: T,
}

impl<T> NetworkTable<T> {
    /// Builds the table. Host bits of a network play no part; a network of v4-mapped IPv6
    /// addresses is taken as the IPv4 network it maps, because that is how clients are seen.
    pub(super) fn new(rules: impl IntoIterator<Item = (IpNet, Option<Timestamp>, T)>) -> Self {
        let mut table = Self { v4: Vec::new(), v6: Vec::new() };
        for (network, expires, value) in rules {
            let network = unmapped(network.trunc());
            let (rows, mask) = match network {
                IpNet::V4(v4) => (&mut table.v4, u128::from(u32::from(v4.netmask()))),
                IpNet::V6(v6) => (&mut table.v6, u128::from(v6.netmask())),
            };
            let entry = Entry { network, expires, value };
            match rows.iter_mut().find(|row| row.mask == mask) {
                Some(row) => row.entries.push(entry),
                None => {
                    let (between, keys) = ([0; 2], Vec::new());
                    rows.push(Row { mask, between, keys, entries: vec![entry] });
                }
            }
        }
        for rows in [&mut table.v4, &mut table.v6] {
            rows.sort_by_key(|row| std::cmp::Reverse(row.mask));
            for row in rows {
                row.entries.sort_by_key(|entry| bits(entry.network.network()));
                row.keys = row.entries.iter().map(|e| bits(e.network.network())).collect();
                if let (Some(&first), Some(&last)) = (row.keys.first(), row.keys.last()) {
                    row.between = [first, last];
                }
            }
        }
        table
    }

    /// The most specific network that holds the address and has not expired.
    pub(super) fn find(&self, address: IpAddr, now: Timestamp) -> Option<&Entry<T>> {
        let address = address.to_canonical();
        let rows = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let address = bits(address);
        rows.iter().find_map(|row| {
            let wanted = address & row.mask;
            let [from, to] = row.between;
            if wanted < from || to < wanted {
                return None;
            }
            let first = row.keys.partition_point(|&key| key < wanted);
            let equal = row.keys.iter().skip(first).take_while(|&&key| key == wanted);
            equal
                .zip(row.entries.iter().skip(first))
                .map(|(_, entry)| entry)
                .find(|entry| entry.expires.is_none_or(|expires| now < expires))
        })
    }

    /// The next instant at which an entry stops counting.
    pub(super) fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        let entries = self.v4.iter().chain(&self.v6).flat_map(|row| &row.entries);
        entries.filter_map(|entry| entry.expires).filter(|&expires| now < expires).min()
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let mapped = v6.prefix_len().checked_sub(96).zip(v6.network().to_ipv4_mapped());
    mapped
        .and_then(|(length, v4)| Ipv4Net::new(v4, length).ok())
        .map_or(network, |v4| IpNet::V4(v4.trunc()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(rules: &[(&str, Option<&str>)]) -> NetworkTable<usize> {
        NetworkTable::new(rules.iter().enumerate().map(|(i, (network, expires))| {
            (network.parse().unwrap(), expires.map(|e| e.parse().unwrap()), i)
        }))
    }

    fn found(table: &NetworkTable<usize>, address: &str, now: &str) -> Option<usize> {
        table.find(address.parse().unwrap(), now.parse().unwrap()).map(|entry| entry.value)
    }

    const NOW: &str = "2026-11-22T12:00:00Z";

    #[test]
    fn the_most_specific_network_wins() {
        let table = table(&[("10.0.0.0/8", None), ("10.1.0.0/16", None), ("10.1.2.3/32", None)]);
        assert_eq!(found(&table, "10.1.2.3", NOW), Some(2));
        assert_eq!(found(&table, "10.1.2.4", NOW), Some(1));
        assert_eq!(found(&table, "10.2.0.0", NOW), Some(0));
        assert_eq!(found(&table, "11.0.0.0", NOW), None);
    }

    #[test]
    fn an_expired_network_gives_way_to_the_wider_one_at_its_instant() {
        let table = table(&[("10.0.0.0/8", None), ("10.1.0.0/16", Some(NOW))]);
        assert_eq!(found(&table, "10.1.0.1", "2026-11-22T11:59:59.999999999Z"), Some(1));
        assert_eq!(found(&table, "10.1.0.1", NOW), Some(0));
    }

    #[test]
    fn of_two_equal_networks_the_one_that_still_counts_is_found() {
        let table = table(&[("10.0.0.0/8", Some("2026-01-01T00:00:00Z")), ("10.0.0.0/8", None)]);
        assert_eq!(found(&table, "10.1.0.1", NOW), Some(1));
    }

    #[test]
    fn families_do_not_mix_and_mapped_networks_are_ipv4() {
        let everything = table(&[("0.0.0.0/0", None)]);
        assert_eq!(found(&everything, "2001:db8::1", NOW), None);
        assert_eq!(found(&everything, "::ffff:192.0.2.1", NOW), Some(0));
        let mapped = table(&[("::ffff:192.0.2.0/120", None)]);
        assert_eq!(found(&mapped, "192.0.2.77", NOW), Some(0));
        assert_eq!(found(&mapped, "192.0.3.77", NOW), None);
        let host_bits = table(&[("192.0.2.77/24", None)]);
        assert_eq!(found(&host_bits, "192.0.2.1", NOW), Some(0));
    }

    fn few_bits(bits: u32) -> IpAddr {
        IpAddr::from([10, 0, (bits >> 8 & 0xff) as u8, (bits & 0xff) as u8])
    }

    proptest! {
        #[test]
        fn it_finds_what_a_walk_through_all_rules_finds(
            rules in proptest::collection::vec((0_u32..0x400, 16_u8..=32, proptest::option::of(0_i64..4)), 0..20),
            address in 0_u32..0x400,
            now in 0_i64..4,
        ) {
            let at = |s| Timestamp::from_second(s).unwrap();
            let rules: Vec<(IpNet, Option<Timestamp>)> = rules
                .into_iter()
                .map(|(bits, length, expires)| {
                    (IpNet::new(few_bits(bits), length).unwrap(), expires.map(at))
                })
                .collect();
            let table = NetworkTable::new(rules.iter().map(|&(n, e)| (n, e, ())));
            let wanted = rules
                .iter()
                .filter(|(n, e)| n.contains(&few_bits(address)) && e.is_none_or(|e| at(now) < e))
                .map(|(n, _)| n.prefix_len())
                .max();
            let got = table.find(few_bits(address), at(now)).map(|e| e.network.prefix_len());
            prop_assert_eq!(got, wanted);
        }
    }
}

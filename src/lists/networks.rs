//! The networks of listed territories, as a database has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::client_address::{ClientAddress, KnownAddress};
use crate::geoip::Database;
use crate::policy::TerritorySet;

/// Every network whose addresses the list covers, merged as far as they can be.
pub(super) struct Networks {
    pub(super) ipv4: Vec<Ipv4Net>,
    pub(super) ipv6: Vec<Ipv6Net>,
}

/// Walks the database from the first address to the last. Addresses that carry others (6to4,
/// Teredo, NAT64) are left to the packet filter's IPv4 rules: what they carry is not a network here.
pub(super) fn listed(database: &Database, territories: &TerritorySet) -> Networks {
    let is_listed = |address: IpAddr| {
        let Ok(known) = KnownAddress::new(address) else { return false };
        known.judged() == address
            && territories
                .covering(database.locate(&ClientAddress::Known(known)).location)
                .is_some()
    };
    let mut networks = Networks { ipv4: Vec::new(), ipv6: Vec::new() };
    let mut next = Some(Ipv4Addr::UNSPECIFIED);
    while let Some(address) = next {
        let around = database.network_of(IpAddr::V4(address));
        let Some(IpNet::V4(network)) = around else { break };
        if is_listed(IpAddr::V4(address)) {
            networks.ipv4.push(network);
        }
        next = u32::from(network.broadcast()).checked_add(1).map(Ipv4Addr::from);
    }
    let mut next = Some(Ipv6Addr::UNSPECIFIED);
    while let Some(address) = next {
        let around = database.network_of(IpAddr::V6(address));
        let Some(IpNet::V6(network)) = around else { break };
        if is_listed(IpAddr::V6(address)) {
            networks.ipv6.push(network);
        }
        next = u128::from(network.broadcast()).checked_add(1).map(Ipv6Addr::from);
    }
    networks.ipv4 = Ipv4Net::aggregate(&networks.ipv4);
    networks.ipv6 = Ipv6Net::aggregate(&networks.ipv6);
    networks
}

//! The places a visitor of the demo can stand in.

use std::net::{IpAddr, Ipv4Addr};

/// A place with an address that the bundled database puts there.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// As the demo says it.
    pub name: &'static str,
    /// The country's code.
    pub country: &'static str,
    /// An address there.
    pub address: IpAddr,
    /// Whether the list as it ships has it.
    pub listed: bool,
}

/// The home country, two listed ones and a near miss; the demo traveller is in the second.
pub const PLACES: &[Place] = &[
    Place { name: "Denmark", country: "DK", address: v4(130, 225, 244, 1), listed: false },
    Place { name: "Thailand", country: "TH", address: v4(61, 19, 0, 1), listed: true },
    Place { name: "China", country: "CN", address: v4(1, 2, 4, 8), listed: true },
    Place { name: "South Korea", country: "KR", address: v4(168, 126, 63, 1), listed: false },
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// The place with this country code.
#[must_use]
pub fn place(country: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.country == country)
}

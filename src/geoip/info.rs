//! What a database says about itself, and what was counted in it.

use jiff::Timestamp;

use crate::territory::{Country, Territory};

/// The facts about an opened database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// When it was built, as it says.
    pub built: Timestamp,
    /// Its type, as it says: `DBIP-Country-Lite`.
    pub database_type: String,
    /// Its English description; empty where it has none.
    pub description: String,
    /// Whether it is DB-IP's: its licence asks for a link on pages that show its result.
    pub is_db_ip: bool,
    /// How its records name the country.
    pub layout: Layout,
    /// The nodes of its search tree.
    pub node_count: u32,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's digest.
    pub sha256: [u8; 32],
    /// The compiled table's size in bytes.
    pub table_bytes: usize,
    /// Whether it can tell IPv4 addresses.
    pub holds_ipv4: bool,
    /// Whether it can tell IPv6 addresses.
    pub holds_ipv6: bool,
    /// What it holds of each country, in the order of the codes.
    pub countries: Vec<(Country, Coverage)>,
    /// The subdivisions that it tells apart, in the order of the codes.
    pub subdivisions: Vec<Territory>,
}

/// Whether a database that says this of itself is DB-IP's.
#[must_use]
pub fn is_db_ip(database_type: &str, description: &str) -> bool {
    [database_type, description].iter().any(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("dbip") || text.contains("db-ip")
    })
}

/// What a database holds of one country.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// IPv4 addresses.
    pub ipv4_addresses: u64,
    /// IPv6 networks, neighbours counted as one.
    pub ipv6_networks: u64,
}

/// How records name the country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `country.iso_code`, as MaxMind does.
    Nested,
    /// `country_code`
    Flat,
}

impl Layout {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Nested => "nested",
            Self::Flat => "flat",
        }
    }
}

impl Info {
    /// The file's digest in hexadecimal.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        hex::encode(self.sha256)
    }

    /// What it holds of a country.
    #[must_use]
    pub fn coverage(&self, country: Country) -> Coverage {
        let found = self.countries.binary_search_by_key(&country, |&(c, _)| c).ok();
        found.and_then(|i| self.countries.get(i)).map(|&(_, c)| c).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_recognised_by_type_or_description() {
        assert!(is_db_ip("DBIP-Country-Lite", ""));
        assert!(is_db_ip("", "IP Geolocation by DB-IP"));
        assert!(!is_db_ip("GeoLite2-Country", "GeoLite2 Country database"));
    }
}

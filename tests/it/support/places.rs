//! Real addresses in the bundled database, one for each entry of the list and a few near misses.

/// A Danish address.
pub const DENMARK: &str = "130.225.244.1";
/// A Chinese address.
pub const CHINA: &str = "1.2.4.8";
/// A Thai address.
pub const THAILAND: &str = "61.19.0.1";
/// A Brazilian address.
pub const BRAZIL: &str = "179.128.0.1";

/// The list's entries with the code that decides, and an IPv4 and an IPv6 address there. Chechnya
/// is decided as Russia, because a country-level database cannot tell it apart.
pub const LISTED: &[(&str, &str, &str, &str)] = &[
    ("AF", "AF", "128.41.128.1", "2400:e500::1"),
    ("DZ", "DZ", "105.96.0.1", "2001:4340::1"),
    ("AO", "AO", "105.168.0.1", "2001:4250::1"),
    ("AM", "AM", "46.71.0.1", "2a00:f38::1"),
    ("AZ", "AZ", "5.191.0.1", "2001:3400::1"),
    ("BW", "BW", "168.167.0.1", "2c0f:1340::1"),
    ("BR", "BR", "179.128.0.1", "2804:d40::1"),
    ("CD", "CD", "41.243.0.1", "2c0f:e00::1"),
    ("EG", "EG", "156.160.0.1", "2c0e::1"),
    ("GE", "GE", "31.146.0.1", "2001:3940::1"),
    ("GH", "GH", "154.160.0.1", "2c0e:a000::1"),
    ("HK", "HK", "113.252.0.1", "2400:c800::1"),
    ("BY", "BY", "178.120.0.1", "2a00:1760::1"),
    ("IN", "IN", "117.192.0.1", "240a:e000::1"),
    ("ID", "ID", "39.192.0.1", "2a07:f640::1"),
    ("IR", "IR", "2.176.0.1", "2a05:1a00::1"),
    ("IQ", "IQ", "37.236.0.1", "2001:3680::1"),
    ("JP", "JP", "133.0.0.1", "2400:2000::1"),
    ("KZ", "KZ", "2.72.0.1", "2a01:68c0::1"),
    ("CN", "CN", "36.128.0.1", "240e:2000::1"),
    ("KG", "KG", "158.181.128.1", "2a04:5600::1"),
    ("LY", "LY", "41.252.0.1", "2a02:e704::1"),
    ("ML", "ML", "154.118.128.1", "2001:42c0::1"),
    ("MA", "MA", "105.128.0.1", "2c0e:6000::1"),
    ("MM", "MM", "37.111.0.1", "2400:3920::1"),
    ("NG", "NG", "105.112.0.1", "2c0f:26c0::1"),
    ("KP", "KP", "57.73.214.1", "2a11:f145::1"),
    ("CG", "CG", "160.113.0.1", "2c0f:1180::1"),
    ("RU", "RU", "5.136.0.1", "2001:3b40::1"),
    ("TJ", "TJ", "85.9.128.1", "2a01:5d60::1"),
    ("TH", "TH", "89.48.0.1", "2404:8d00::1"),
    ("RU-CE", "RU", "5.136.64.1", "2001:3b40:0:1::1"),
    ("UA", "UA", "37.52.0.1", "2a00:17a0::1"),
    ("UZ", "UZ", "84.54.64.1", "2a00:8840::1"),
    ("VN", "VN", "14.160.0.1", "2001:ee0::1"),
    ("YE", "YE", "134.35.0.1", "2a02:2718::1"),
    ("ZM", "ZM", "102.144.0.1", "2c0f:16c0::1"),
    ("ZW", "ZW", "41.60.64.1", "2001:42b0::1"),
];

/// Near misses: countries that are easily mistaken for an entry and do not stand on the list.
pub const NEAR_MISSES: &[(&str, &str)] = &[
    ("NE", "197.214.0.1"),
    ("KR", "121.128.0.1"),
    ("MO", "60.246.0.1"),
    ("EH", "2a12:ef87:6000::1"),
    ("TM", "95.85.96.1"),
];

//! What addresses are answered, and what a database tells about itself.

use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::client_address::is_private_network;
use crate::policy::Location;

const LISTED: &str = "AF DZ AO AM AZ BW BR CD EG GE GH HK BY IN ID IR IQ JP KZ CN KG LY ML MA MM \
                      NG KP CG RU TJ TH UA UZ VN YE ZM ZW";

fn check(database: &Database, expected: &[(&str, &str)]) {
    for (asked, answer) in expected {
        assert_eq!(word(database.locate(&address(asked))), *answer, "{asked}");
    }
}

/// Answers that no database changes.
const OURS: &[(&str, &str)] = &[
    ("10.1.2.3", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("127.0.0.1", "private"),
    ("169.254.1.1", "private"),
    ("::1", "private"),
    ("fd12::1", "private"),
    ("fe80::1", "private"),
    ("::ffff:10.0.0.1", "private"),
    ("0.1.2.3", "not_in_database"),
    ("100.64.0.1", "not_in_database"),
    ("192.88.99.1", "not_in_database"),
    ("198.18.0.1", "not_in_database"),
    ("240.0.0.1", "not_in_database"),
    ("fec0::1", "not_in_database"),
    ("100::1", "not_in_database"),
    ("3fff::1", "not_in_database"),
    ("2001:db8::1", "not_in_database"),
    ("0.0.0.0", "unknown"),
    ("255.255.255.255", "unknown"),
    ("ff02::1", "unknown"),
    ("64:ff9b::10.0.0.1", "unknown"),
];

#[test]
fn the_bundled_database_knows_every_listed_country_and_the_near_misses() {
    let listed = territories(LISTED);
    assert_eq!(listed.len(), 37);
    let misses = territories("NE KR MO EH TM DK SE NO DE GL FO");
    let requirements = Requirements::new(now()).knowing(listed.iter().chain(&misses).copied());
    let database = Database::open(&file("country.mmdb"), &requirements).unwrap();
    check(&database, OURS);
    check(
        &database,
        &[
            ("5.136.0.1", "RU"),
            ("36.128.0.1", "CN"),
            ("2.72.0.1", "KZ"),
            ("80.62.1.1", "DK"),
            ("2a05:f6c0::1", "DK"),
            ("::ffff:36.128.0.1", "CN"),
            ("64:ff9b::36.128.0.1", "CN"),
            ("2002:2480:1::1", "CN"),
        ],
    );
    let info = database.info();
    assert_eq!(info.built.to_string(), "2026-06-01T20:32:58Z");
    assert_eq!(info.layout, Layout::Nested);
    assert!(info.description.contains("DB-IP") && info.description.contains("CC BY 4.0"));
    assert!(info.subdivisions.is_empty() && !database.sees(territories("RU-CE")[0]));
    assert!(info.table_bytes < 16 << 20, "{} bytes", info.table_bytes);
    assert!(info.coverage(Country::parse("KP").unwrap()).ipv4_addresses >= 1024);
    assert_eq!(database.age(now()).as_secs() / 86_400, 173);
    assert_eq!(database.age(Timestamp::UNIX_EPOCH).as_secs(), 0);
    let written = std::fs::read_to_string(file("country.mmdb.sha256")).unwrap();
    assert_eq!(written, format!("{}  country.mmdb\n", info.sha256_hex()));
}

#[test]
fn both_layouts_give_the_same_answers() {
    let (nested, flat) = (open("test-country.mmdb"), open("test-flat.mmdb"));
    assert_eq!((nested.info().layout, flat.info().layout), (Layout::Nested, Layout::Flat));
    assert_eq!(nested.info().countries, flat.info().countries);
    for line in include_str!("../../../tests/databases/countries.txt").lines() {
        let (network, code) = line.split_once(' ').unwrap();
        let network: ipnet::IpNet = network.parse().unwrap();
        for address in [network.network(), network.broadcast()].map(|a| address(&a.to_string())) {
            assert_eq!(word(nested.locate(&address)), code, "{network}");
            assert_eq!(word(flat.locate(&address)), code, "{network}");
        }
    }
    check(&nested, OURS);
    check(&nested, &[("8.8.8.8", "not_in_database"), ("2a00:1450::1", "not_in_database")]);
}

#[test]
fn a_city_database_tells_subdivisions_and_registrations_apart() {
    let database = open("test-city.mmdb");
    check(
        &database,
        &[
            ("80.62.1.1", "DK-84"),
            ("194.239.1.1", "DK (SE)"),
            ("95.84.129.1", "RU-MOW"),
            ("5.102.176.9", "RU-CE"),
            ("46.236.176.9", "RU-CE"),
            ("217.13.112.9", "RU-CE"),
            ("5.3.0.1", "RU"),
            ("91.196.92.1", "UA-43 (RU)"),
            ("2a02:2698::1", "RU-MOW"),
            ("192.0.2.1", "CN (US)"),
        ],
    );
    let sees = |code: &str| database.sees(territories(code)[0]);
    assert!(sees("RU") && sees("RU-CE") && sees("UA-43"));
    assert!(!sees("RU-SPE") && !sees("KP") && !sees("DK-CE"));
}

#[test]
fn a_family_that_the_file_lacks_is_unknown_and_not_just_missing() {
    let database = open("test-ipv4.mmdb");
    assert!(database.info().holds_ipv4 && !database.info().holds_ipv6);
    check(
        &database,
        &[
            ("5.136.0.1", "RU"),
            ("8.8.8.8", "not_in_database"),
            ("2a00:1450::1", "unknown"),
            ("2a05:f6c0::1", "unknown"),
            ("fd00::1", "private"),
            ("::1", "private"),
        ],
    );
    assert_eq!(database.locate(&address("2a00::1")).location, Location::AddressUnknown);
}

#[test]
fn a_network_is_the_largest_with_one_answer() {
    let database = open("test-city.mmdb");
    let network = |text: &str| database.network_of(text.parse().unwrap()).unwrap().to_string();
    assert_eq!(network("80.62.200.1"), "80.62.0.0/15");
    assert_eq!(network("5.102.183.255"), "5.102.176.0/21");
    assert_eq!(network("2a02:2698:ffff::1"), "2a02:2698::/32");
    assert_eq!(network("10.9.9.9"), "10.0.0.0/8");
    assert_eq!(network("fe80::1"), "fe80::/10");
    assert_eq!(network("::1"), "::1/128");
}

#[test]
fn autonomous_systems_are_read() {
    let database = AsnDatabase::open(&file("test-asn.mmdb"), now()).unwrap();
    assert_eq!(database.number_of(&address("80.62.1.1")), Some(3292));
    assert_eq!(database.number_of(&address("2a05:f6c0::1")), Some(39642));
    assert_eq!(database.number_of(&address("8.8.8.8")), None);
    assert_eq!(database.number_of(&address("0.0.0.0")), None);
    let error = AsnDatabase::open(&file("test-country.mmdb"), now()).unwrap_err().to_string();
    assert!(error.contains("hold no autonomous_system_number"), "{error}");
    let error = Database::open(&file("test-asn.mmdb"), &Requirements::new(now())).unwrap_err();
    assert!(error.to_string().contains("hold no country.iso_code"), "{error}");
}

#[test]
fn locating_is_what_the_reader_answers() {
    let database = open("country.mmdb");
    let reader = maxminddb::Reader::open_readfile(file("country.mmdb")).unwrap();
    let path = maxminddb::path!["country", "iso_code"];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(20_000));
    let asked = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6((bits >> 6 | 0x24 << 120).into())),
        any::<u128>().prop_map(|bits| IpAddr::V6((bits >> 16 | 0x2a02 << 112).into())),
    ];
    runner
        .run(&asked, |ip| {
            let Ok(known) = KnownAddress::new(ip) else { return Ok(()) };
            let located = database.locate(&ClientAddress::Known(known)).location;
            prop_assert_eq!(
                located == Location::PrivateNetwork,
                is_private_network(known.judged())
            );
            if crate::client_address::is_public(known.judged()) {
                let found = reader.lookup(known.judged()).unwrap();
                let code = found.decode_path::<&str>(&path).unwrap();
                let expected = code.map(|code| Country::parse(code).unwrap());
                prop_assert_eq!(located.country(), expected);
                let network = database.network_of(ip).unwrap();
                prop_assert!(network.contains(&known.judged()));
            }
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn private_is_what_the_contract_calls_private(low in any::<u32>(), high in any::<u128>()) {
        static DATABASE: LazyLock<Database> = LazyLock::new(|| open("test-ipv4.mmdb"));
        for ip in [IpAddr::V4(low.into()), IpAddr::V6(high.into())] {
            let Ok(known) = KnownAddress::new(ip) else { continue };
            let private = DATABASE.locate(&ClientAddress::Known(known)).location;
            prop_assert_eq!(private == Location::PrivateNetwork, is_private_network(known.judged()));
        }
    }
}

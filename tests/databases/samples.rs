//! The small databases that the tests use. The networks of `countries.txt` are where DB-IP Country
//! Lite of June 2026 has them; those of the city and the ASN database only look like real ones. The
//! build date never changes.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use ipnet::IpNet;
use mmdb_writer::{IpVersion, Ipv4Aliasing, Value, Writer};

/// 1 June 2026, 00:00 UTC.
const BUILT: Duration = Duration::from_secs(1_780_272_000);

/// Network and country, for `test-country.mmdb` and `test-flat.mmdb`: every listed country, the
/// near misses, Denmark and some neighbours.
const COUNTRIES: &str = include_str!("countries.txt");

/// Network, country, subdivision (`-`: none), registered country, for `test-city.mmdb`.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("80.62.0.0/15", "DK", "84", "DK"),
    ("2a05:f6c0::/32", "DK", "84", "DK"),
    ("194.239.0.0/16", "DK", "-", "SE"),
    ("95.84.128.0/17", "RU", "MOW", "RU"),
    ("5.102.176.0/21", "RU", "CE", "RU"),
    ("46.236.176.0/21", "RU", "RU-CE", "RU"),
    ("5.3.0.0/16", "RU", "-", "RU"),
    ("2a02:2698::/32", "RU", "MOW", "RU"),
    ("91.196.92.0/22", "UA", "43", "RU"),
    ("93.72.0.0/13", "UA", "30", "UA"),
    ("1.80.0.0/13", "CN", "SN", "CN"),
    ("192.0.2.0/24", "CN", "-", "US"),
];

/// A network whose subdivision has an English name and no code, as DB-IP Lite writes it.
const NAMED: (&str, &str) = ("217.13.112.0/20", "Chechnya");

pub(crate) fn write_all(folder: &Path) -> anyhow::Result<String> {
    let write = |name: &str, writer: &Writer| -> anyhow::Result<()> {
        std::fs::write(folder.join(name), writer.to_bytes()?).context("cannot write the database")
    };
    let nested = |code: &str| Value::map([("country", iso(code))]);
    let flat = |code: &str| Value::map([("country_code", Value::from(code))]);
    write("test-country.mmdb", &countries("Test-Country", IpVersion::V6, &nested)?)?;
    write("test-flat.mmdb", &countries("Test-Flat", IpVersion::V6, &flat)?)?;
    write("test-ipv4.mmdb", &countries("Test-IPv4", IpVersion::V4, &nested)?)?;
    write("test-city.mmdb", &city()?)?;
    write("test-asn.mmdb", &autonomous_systems()?)?;
    Ok("test-country.mmdb, test-flat.mmdb, test-ipv4.mmdb, test-city.mmdb, test-asn.mmdb".into())
}

fn writer(kind: &str, version: IpVersion) -> Writer {
    Writer::builder(kind)
        .description(&[("en", "A small database for the tests of geovagt")])
        .ip_version(version)
        .ipv4_aliasing(Ipv4Aliasing::Enabled)
        .build_epoch(UNIX_EPOCH + BUILT)
        .build()
}

fn countries(
    kind: &str,
    version: IpVersion,
    record: &dyn Fn(&str) -> Value,
) -> anyhow::Result<Writer> {
    let mut writer = writer(kind, version);
    for line in COUNTRIES.lines() {
        let (network, code) = line.split_once(' ').context("a line is NETWORK COUNTRY")?;
        let network: IpNet = network.parse()?;
        if version == IpVersion::V6 || matches!(network, IpNet::V4(_)) {
            writer.insert_value(network, record(code))?;
        }
    }
    Ok(writer)
}

fn city() -> anyhow::Result<Writer> {
    let mut writer = writer("Test-City", IpVersion::V6);
    for (network, country, subdivision, registered) in PLACES {
        let mut record = vec![("country", iso(country)), ("registered_country", iso(registered))];
        if *subdivision != "-" {
            record.push(("subdivisions", Value::array([iso(subdivision)])));
        }
        writer.insert_value(network.parse::<IpNet>()?, Value::map(record))?;
    }
    let (network, name) = NAMED;
    let names = Value::map([("en", Value::from(name))]);
    let record = Value::map([
        ("country", iso("RU")),
        ("subdivisions", Value::array([Value::map([("names", names)])])),
    ]);
    writer.insert_value(network.parse::<IpNet>()?, record)?;
    Ok(writer)
}

fn autonomous_systems() -> anyhow::Result<Writer> {
    let mut writer = writer("Test-ASN", IpVersion::V6);
    for (network, number) in
        [("80.62.0.0/15", 3292_u32), ("194.239.0.0/16", 3292), ("2a05:f6c0::/32", 39642)]
    {
        let record = Value::map([("autonomous_system_number", Value::from(number))]);
        writer.insert_value(network.parse::<IpNet>()?, record)?;
    }
    Ok(writer)
}

fn iso(code: &str) -> Value {
    Value::map([("iso_code", Value::from(code))])
}

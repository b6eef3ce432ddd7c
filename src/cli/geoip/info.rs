//! `geovagt geoip info`

use std::collections::BTreeMap;
use std::io::Write;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{Answer, Chosen, Context};
use crate::geoip::{Coverage, Database};
use crate::territory::Territory;

pub(super) fn run(context: &Context, chosen: &Chosen) -> anyhow::Result<Answer> {
    let database = super::open(&chosen.path)?;
    let now = crate::clock::now();
    let missing: Vec<Territory> =
        chosen.listed.iter().copied().filter(|&territory| !database.sees(territory)).collect();
    if context.json {
        context.print_json(&Report::new(&database, now))?;
    } else {
        write(&mut context.out(), &database, now)?;
    }
    let mut messages = context.messages();
    if chosen.warn_after.is_some_and(|limit| database.age(now) > limit) {
        writeln!(messages, "warning: the database is old; get a newer one")?;
    }
    for territory in missing.iter().filter(|territory| territory.subdivision().is_some()) {
        let country = territory.country();
        writeln!(messages, "note: the database cannot tell {territory} from {country}")?;
    }
    let missing: Vec<String> = missing
        .iter()
        .filter(|territory| territory.subdivision().is_none())
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        return Ok(Answer::Yes);
    }
    let missing = missing.join(", ");
    writeln!(messages, "the database holds no address of {missing}, which stands on a list")?;
    Ok(Answer::No)
}

#[derive(Serialize)]
struct Report<'a> {
    file: String,
    database_type: &'a str,
    description: &'a str,
    built: Timestamp,
    age_days: u64,
    layout: &'static str,
    level: &'static str,
    node_count: u32,
    bytes: u64,
    sha256: String,
    table_bytes: usize,
    ipv4: bool,
    ipv6: bool,
    countries: BTreeMap<String, Held>,
    subdivisions: &'a [Territory],
}

#[derive(Serialize)]
struct Held {
    ipv4_addresses: u64,
    ipv6_networks: u64,
}

impl From<Coverage> for Held {
    fn from(coverage: Coverage) -> Self {
        let Coverage { ipv4_addresses, ipv6_networks } = coverage;
        Self { ipv4_addresses, ipv6_networks }
    }
}

impl<'a> Report<'a> {
    fn new(database: &'a Database, now: Timestamp) -> Self {
        let info = database.info();
        let held = info.countries.iter().map(|&(c, coverage)| (c.to_string(), coverage.into()));
        Self {
            file: database.path().display().to_string(),
            database_type: &info.database_type,
            description: &info.description,
            built: info.built,
            age_days: database.age(now).as_secs() / 86_400,
            layout: info.layout.word(),
            level: if info.subdivisions.is_empty() { "country" } else { "city" },
            node_count: info.node_count,
            bytes: info.bytes,
            sha256: info.sha256_hex(),
            table_bytes: info.table_bytes,
            ipv4: info.holds_ipv4,
            ipv6: info.holds_ipv6,
            countries: held.collect(),
            subdivisions: &info.subdivisions,
        }
    }
}

fn write(out: &mut impl Write, database: &Database, now: Timestamp) -> std::io::Result<()> {
    let report = Report::new(database, now);
    let day = report.built.to_zoned(TimeZone::UTC).date();
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    let families = match (report.ipv4, report.ipv6) {
        (true, true) => "IPv4 and IPv6",
        (true, false) => "IPv4 only: every IPv6 client is rejected as unknown",
        _ => "IPv6 only: every IPv4 client is rejected as unknown",
    };
    let level = match report.subdivisions.len() {
        0 => "country; subdivisions such as RU-CE cannot be told".to_owned(),
        count => format!("city; {count} subdivisions can be told"),
    };
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    writeln!(out, "{}, built {day} ({} days ago)", plain(report.database_type), report.age_days)?;
    if !report.description.is_empty() {
        writeln!(out, "{}", plain(report.description))?;
    }
    writeln!(out)?;
    writeln!(out, "file       {}, {}", report.file, megabytes(report.bytes))?;
    writeln!(out, "sha256     {}", report.sha256)?;
    writeln!(out, "layout     {}, {} nodes", report.layout, report.node_count)?;
    writeln!(out, "addresses  {families}")?;
    writeln!(out, "level      {level}")?;
    writeln!(out, "countries  {}", report.countries.len())?;
    writeln!(out, "in memory  {}", megabytes(report.table_bytes as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geoip::Requirements;

    fn shown(name: &str) -> String {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let path = std::path::Path::new("geoip").join(name);
        let database = Database::open(&path, &Requirements::new(now)).unwrap();
        let mut out = Vec::new();
        write(&mut out, &database, now).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_facts_are_shown() {
        let city = shown("test-city.mmdb");
        assert!(city.starts_with("Test-City, built 2026-06-01 (174 days ago)\n"), "{city}");
        assert!(city.contains("level      city; 6 subdivisions can be told\n"), "{city}");
        assert!(city.lines().all(|line| line.len() <= 80), "{city}");
        let ipv4 = shown("test-ipv4.mmdb");
        assert!(ipv4.contains("IPv4 only: every IPv6 client is rejected"), "{ipv4}");
        assert!(ipv4.contains("level      country;"), "{ipv4}");
    }
}

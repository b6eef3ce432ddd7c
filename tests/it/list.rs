//! The list against real addresses: 38 entries rejected, the near misses and Denmark let in.

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration};
use crate::support::places::{CHINA, DENMARK, LISTED, NEAR_MISSES};
use crate::support::upstream::Upstream;

#[test]
fn every_entry_is_rejected_and_the_near_misses_pass() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let web = gateway.address("web");
    assert_eq!(LISTED.len(), 38);
    let mut rejected = Vec::new();
    for &(entry, code, v4, v6) in LISTED {
        for address in [v4, v6] {
            let answer = get(web, "kilden.example.dk", "/").from(address).send();
            assert_eq!(answer.status, 403, "{entry} {address}");
            let reference = answer.header("geovagt-reference").expect("a reference").to_owned();
            rejected.push((reference, code, address));
        }
    }
    for &(code, address) in NEAR_MISSES {
        let answer = get(web, "kilden.example.dk", "/").from(address).send();
        assert_eq!(answer.status, 200, "{code} {address}");
    }
    assert_eq!(get(web, "kilden.example.dk", "/").from(DENMARK).send().status, 200);
    let mut found = Vec::new();
    crate::support::gateway::eventually("every rejection is in the log", || {
        found = entries(&gateway, &["--action", "denied", "--limit", "1000"]);
        found.len() == rejected.len()
    });
    for (reference, code, address) in rejected {
        let entry = found
            .iter()
            .find(|entry| entry["geovagt"]["reference"] == reference.as_str())
            .unwrap_or_else(|| panic!("no entry {reference}"));
        assert_eq!(entry["client"]["geo"]["country_iso_code"], code, "{address}");
        assert_eq!(entry["event"]["reason"], "country_listed");
        assert_eq!(entry["client"]["ip"], address);
    }
}

fn entries(gateway: &Gateway, search: &[&str]) -> Vec<serde_json::Value> {
    let printed = gateway.command(&[&["audit", "search", "--json"], search].concat());
    printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn in_report_only_mode_nobody_is_rejected_and_the_log_names_who_would_be() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let answer = get(gateway.address("web"), "trial.example.dk", "/").from(CHINA).send();
    assert_eq!(answer.status, 200);
    let mut found = Vec::new();
    crate::support::gateway::eventually("the entry is written", || {
        found = entries(&gateway, &["--reason", "report_only"]);
        !found.is_empty()
    });
    let entry = &found[0];
    assert_eq!(entry["geovagt"]["mode"], "report_only");
    assert_eq!(entry["geovagt"]["would_be"], "country_listed");
}

#[test]
fn explain_and_the_gateway_agree() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for (address, verdict, reason, status) in [
        (DENMARK, "allow", "country_not_listed", 200),
        (CHINA, "deny", "country_listed", 403),
        ("10.1.2.3", "deny", "denied_private_network", 403),
        ("100.64.0.1", "deny", "unknown_location", 403),
        ("64:ff9b::102:408", "deny", "country_listed", 403),
        ("64:ff9b::a00:1", "deny", "client_address_unknown", 403),
    ] {
        let arguments = ["explain", address, "--site", "kilden", "--json"];
        let printed = gateway.command(&arguments).expect_code(i32::from(verdict != "allow"));
        let explained = printed.json();
        assert_eq!(explained["verdict"], verdict, "{address}");
        assert_eq!(explained["reason"], reason, "{address}");
        assert!(!explained["steps"].as_array().unwrap().is_empty());
        let answer = get(gateway.address("web"), "kilden.example.dk", "/").from(address).send();
        assert_eq!(answer.status, status, "{address}");
    }
}

#[test]
fn a_city_level_database_tells_chechnya_apart() {
    let upstream = Upstream::start();
    let root = crate::support::gateway::repository().display().to_string();
    let configuration = configuration(&upstream.url(), "");
    let city = configuration.replace("geoip/country.mmdb", "geoip/test-city.mmdb");
    let only = format!(
        "id: cfcs\nname: prøve\nminimum_notice: 14d\nversions:\n  - version: \"1\"\n    source: s\n    adopted_by: a\n    adopted_on: 2025-03-27\n    announced_on: 2025-03-27\n    effective_from: 2025-05-12\n    territories: [{}]\n",
        "RU-CE"
    );
    let country = Gateway::prepare(
        &configuration.replace(&format!("{root}/config/lists/cfcs.yaml"), "list.yaml"),
    );
    std::fs::write(country.directory().join("list.yaml"), &only).unwrap();
    let refused = country.command(&["check"]).expect_code(1);
    assert!(refused.err.contains("RU-CE"), "{}", refused.err);
    let told =
        Gateway::prepare(&city.replace(&format!("{root}/config/lists/cfcs.yaml"), "list.yaml"));
    std::fs::write(told.directory().join("list.yaml"), &only).unwrap();
    let printed = told.command(&["check"]);
    assert!(!printed.err.contains("RU-CE"), "{}", printed.err);
    let whole = Gateway::prepare(&configuration);
    let printed = whole.command(&["check"]).expect_code(0);
    assert!(printed.err.contains("RU-CE") && printed.err.contains("RU"), "{}", printed.err);
}

#[test]
fn the_autonomous_system_goes_to_the_log() {
    let upstream = Upstream::start();
    let root = crate::support::gateway::repository().display().to_string();
    let geoip = format!("geoip: {{asn: \"{root}/geoip/test-asn.mmdb\", ");
    let gateway = Gateway::start(&configuration(&upstream.url(), "").replace("geoip: {", &geoip));
    let address = "80.62.1.1";
    get(gateway.address("web"), "kilden.example.dk", "/").from(address).send();
    let mut found = Vec::new();
    crate::support::gateway::eventually("the entry is written", || {
        found = entries(&gateway, &["--client", address]);
        !found.is_empty()
    });
    assert_eq!(found[0]["client"]["as"]["number"], 3292);
}

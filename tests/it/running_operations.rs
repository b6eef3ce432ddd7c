//! What those who run the gateway see: health, readiness, metrics, the log.

use std::collections::BTreeMap;

use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration};
use super::support::places::CHINA;
use super::support::upstream::Upstream;

/// In Denmark, and in no other test.
const CLIENT: &str = "130.225.244.177";

fn operations(gateway: &Gateway, path: &str) -> Answer {
    get(gateway.address("operations"), "localhost", path).send()
}

/// Some of everything that a client can do.
fn traffic(gateway: &Gateway) {
    let web = gateway.address("web");
    for host in ["kilden.example.dk", "nobody.example.dk", "inner.example.dk"] {
        get(web, host, "/").from(CLIENT).send();
        get(web, host, "/").from(CHINA).send();
    }
    get(web, "inner.example.dk", "/").from(CLIENT).basic("anna", "wrong").send();
    get(web, "kilden.example.dk", "/../x").from(CLIENT).send();
    get(web, "kilden.example.dk", "/").from(&format!("{CLIENT}, rubbish")).send();
    get(gateway.address("direct"), "kilden.example.dk", "/").send();
}

#[test]
fn health_and_readiness() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let health = operations(&gateway, "/healthz");
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    let ready = operations(&gateway, "/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert_eq!(ready.header("content-type"), Some("application/json; charset=utf-8"));
    let parts: Vec<String> = ready.json()["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(parts, ["policy", "database", "audit", "store", "log_index", "disk", "upstreams"]);
    let part = |name: &str| {
        let parts = ready.json()["parts"].clone();
        parts.as_array().unwrap().iter().find(|part| part["name"] == name).unwrap().clone()
    };
    let disk = part("disk")["detail"].as_str().unwrap().to_owned();
    let percent: u64 = disk.split(' ').next().unwrap().parse().unwrap();
    assert!(percent <= 100 && disk.contains("is free") && disk.contains(" MiB"), "{disk}");
    assert_eq!(part("disk")["warning"], percent < 10, "{disk}");
    // Where somebody has to look, since nobody is rejected there.
    assert!(part("policy")["detail"].as_str().unwrap().contains("country: trial"));
    assert_eq!(part("policy")["warning"], true);
    let said = gateway.command(&["check"]).expect_code(0);
    assert!(said.err.contains("nobody is rejected for their country: trial"), "{}", said.err);
    assert_eq!(operations(&gateway, "/authorize").status, 503);
    assert_eq!(operations(&gateway, "/").status, 404);
    let post = get(gateway.address("operations"), "localhost", "/healthz").method("POST").send();
    assert_eq!(post.status, 405);
}

/// What promtool's linter looks for, and that a scraper can read every line.
#[test]
fn the_metrics_follow_the_rules_of_prometheus() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    traffic(&gateway);
    let answer = operations(&gateway, "/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    let (mut help, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
            help.insert(name, words);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(kinds.insert(name, kind).is_none(), "{name} comes twice");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap_or_else(|_| panic!("no number: {line}"));
            let name = series.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s));
            let known = base.filter(|base| kinds.get(base) == Some(&"histogram"));
            assert!(known.is_some() || kinds.contains_key(name), "no type: {line}");
        }
    }
    for (name, kind) in &kinds {
        assert!(name.starts_with("geovagt_"), "{name}");
        assert!(help.get(name).is_some_and(|words| words.ends_with('.')), "{name}: {help:?}");
        assert_eq!(*kind == "counter", name.ends_with("_total"), "{name} {kind}");
        for unit in ["_milliseconds", "_ms", "_percent", "_kb", "_minutes"] {
            assert!(!name.contains(unit), "{name}: base units");
        }
        assert_ne!(*kind, "summary", "{name}: summaries cannot be added up");
    }
    for expected in [
        "geovagt_requests_total",
        "geovagt_responses_total",
        "geovagt_request_duration_seconds",
        "geovagt_requests_in_flight",
        "geovagt_geoip_build_timestamp_seconds",
        "geovagt_geoip_load_failures_total",
        "geovagt_audit_lost_total",
        "geovagt_reloads_total",
        "geovagt_ready",
        "geovagt_start_timestamp_seconds",
    ] {
        assert!(kinds.contains_key(expected), "{expected} is missing: {text}");
    }
    assert!(text.contains("\ngeovagt_ready 1\n"), "{text}");
    let denied = text.lines().find(|line| {
        line.starts_with("geovagt_requests_total{")
            && line.contains(r#"site="kilden""#)
            && line.contains(r#"reason="country_listed""#)
    });
    assert!(denied.is_some_and(|line| line.ends_with(" 1")), "{text}");
    for address in [CLIENT, CHINA] {
        assert!(!text.contains(address), "no person in the metrics");
    }
}

#[test]
fn the_log_holds_no_clients_address() {
    let upstream = Upstream::start();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let configuration = configuration(&upstream.url(), "");
    let kilden = configuration.lines().find(|line| line.starts_with("  kilden:")).unwrap();
    let down = kilden.replace(&upstream.url(), &format!("http://{address}"));
    let mut gateway = Gateway::start(&configuration.replace(kilden, &down));
    gateway.add_user("anna", "ballerup", "en meget lang adgangskode");
    traffic(&gateway);
    assert_eq!(gateway.stop(), Some(0));
    gateway.wait_for_log("the end", |line| line["fields"]["message"] == "stopped");
    let log = gateway.log();
    assert!(log.iter().any(|line| line["fields"]["message"] == "the upstream gave no answer"));
    for line in log {
        let text = line.to_string();
        assert!(!text.contains(CLIENT) && !text.contains(CHINA), "{text}");
        assert!(!text.contains("anna"), "{text}");
    }
}

//! `denial: adaptive`: the page until a network or a country floods, then closed until it is calm.

use std::io::Write as _;
use std::net::SocketAddr;

use crate::support::client::{Answer, get};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw;
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";
/// Another Chinese network.
const ELSEWHERE_IN_CHINA: &str = "36.128.0.1";

/// The usual configuration with an adaptive listener `proxied` and one behind a proxy, `web`. Without
/// the site that only reports: it lets everybody in.
fn adaptive(upstream: &Upstream, thresholds: &str) -> Gateway {
    let denial = format!("    denial: adaptive\n    flood: {thresholds}\n");
    let text: String = configuration(&upstream.url(), "")
        .lines()
        .filter(|line| !line.starts_with("  trial:"))
        .flat_map(|line| {
            let proxied = line.contains("source: proxy_protocol") || line.contains("x_forwarded");
            [format!("{line}\n"), if proxied { denial.clone() } else { String::new() }]
        })
        .collect();
    Gateway::start(&text)
}

/// A request on a connection of its own, whose client a PROXY preamble states.
fn from(to: SocketAddr, client: &str) -> std::io::Result<Answer> {
    let preamble = format!("PROXY TCP4 {client} 9.9.9.9 1 443\r\n");
    get(to, HOST, "/").preamble(preamble.as_bytes()).browser().try_send()
}

/// Sends until a connection is closed without a byte; gives how many were sent.
fn until_closed(to: SocketAddr, mut client: impl FnMut(u32) -> String) -> u64 {
    for number in 0..2000 {
        let Ok(answer) = from(to, &client(number)) else { return u64::from(number) + 1 };
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("<html"), "the whole page until then");
    }
    panic!("it never closed");
}

fn events(gateway: &Gateway, action: &str) -> Vec<serde_json::Value> {
    let printed = gateway.command(&["audit", "search", "--json", "--action", action]);
    printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What all rejections of one country in the log stand for.
fn counted(gateway: &Gateway, country: &str) -> (usize, u64) {
    let search = ["audit", "search", "--json", "--country", country, "--limit", "1000000"];
    let printed = gateway.command(&search);
    let entries =
        printed.out.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let denied = entries.filter(|entry| entry["geovagt"]["verdict"] == "deny");
    denied
        .fold((0, 0), |(n, sum), entry| (n + 1, sum + entry["geovagt"]["count"].as_u64().unwrap()))
}

fn metric(gateway: &Gateway, line: &str) -> String {
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    metrics.lines().find_map(|l| l.strip_prefix(line)).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_network_that_floods_is_closed_until_it_is_calm_and_nobody_else_is() {
    let upstream = Upstream::start();
    let gateway = adaptive(&upstream, "{network: 2, country: 100000, calm_after: 2s}");
    let proxied = gateway.address("proxied");
    let sent = until_closed(proxied, |_| CHINA.to_owned());
    assert!(sent > 2, "a few rejections are no flood");
    assert_eq!(from(proxied, ELSEWHERE_IN_CHINA).unwrap().status, 403);
    assert_eq!(from(proxied, DENMARK).unwrap().status, 200);
    let active = "geovagt_flood_active{listener=\"proxied\",scope=\"network\"}";
    eventually("the metrics tell of it", || metric(&gateway, active) == "1");
    gateway.wait_for_log("an operator reads of it", |line| {
        let text = line["fields"]["message"].as_str().unwrap_or_default();
        text.contains("a flood of rejected clients") && line["fields"]["from"] == "1.2.4.0/24"
    });
    gateway.wait_for_log("its end", |line| {
        line["fields"]["message"].as_str().unwrap_or_default().contains("the flood is over")
    });
    assert_eq!(from(proxied, CHINA).unwrap().status, 403, "the page is shown again");
    eventually("the metrics tell of its end", || metric(&gateway, active) == "0");
    eventually("both are in the audit log", || !events(&gateway, "flood_ended").is_empty());
    let began = events(&gateway, "flood_began");
    assert_eq!(began.len(), 1, "{began:?}");
    assert!(began[0].to_string().contains("1.2.4.0/24"), "{}", began[0]);
    // Each rejection is counted in the log, with the page or without.
    eventually("every rejection is counted", || counted(&gateway, "CN").1 == sent + 2);
}

#[test]
fn a_country_that_floods_is_closed_but_for_an_open_door() {
    let upstream = Upstream::start();
    let gateway = adaptive(&upstream, "{network: 100000, country: 5, calm_after: 10m}");
    gateway.add_user("anna.holm", "ballerup", "en lang adgangskode 42");
    let proxied = gateway.address("proxied");
    // Each from a network of its own.
    until_closed(proxied, |number| format!("61.19.{}.1", number % 100));
    assert!(from(proxied, THAILAND).is_err(), "a network of that country that was quiet");
    assert_eq!(from(proxied, CHINA).unwrap().status, 403);
    assert_eq!(from(proxied, DENMARK).unwrap().status, 200);
    gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the traveller's door is open to the country", || {
        from(proxied, THAILAND).is_ok_and(|answer| answer.status == 303)
    });
    let elsewhere = get(proxied, "mail.example.dk", "/")
        .preamble(format!("PROXY TCP4 {THAILAND} 9.9.9.9 1 443\r\n").as_bytes())
        .browser()
        .send();
    assert_eq!(elsewhere.status, 403);
    assert!(elsewhere.text().contains("<html"), "nor does another site close on them");
}

/// Others come over the same connection: it stays, and they are served.
#[test]
fn behind_a_proxy_a_flood_gets_a_short_answer_and_the_connection_stays() {
    let upstream = Upstream::start();
    let gateway = adaptive(&upstream, "{network: 2, country: 100000, calm_after: 10m}");
    let mut stream = raw::connect(gateway.address("web"), "");
    let mut ask = |client: &str| {
        let head = format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nX-Forwarded-For: {client}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let head = raw::read_until(&mut stream, "\r\n\r\n").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().parse().unwrap();
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut stream, &mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    };
    let mut pages = 0;
    let (head, body) = loop {
        let (head, body) = ask(CHINA);
        if !body.contains("<html") {
            break (head, body);
        }
        pages += 1;
        assert!(pages < 2000);
    };
    assert!(pages > 2);
    assert!(head.starts_with("http/1.1 403"), "{head}");
    let reference = head.lines().find_map(|line| line.strip_prefix("geovagt-reference: ")).unwrap();
    assert_eq!(body.to_ascii_lowercase(), format!("reference: {reference}\n"));
    let (head, _) = ask(DENMARK);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let (head, body) = ask(ELSEWHERE_IN_CHINA);
    assert!(head.starts_with("http/1.1 403") && body.contains("<html"), "{head}");
}

#[test]
fn whoever_any_site_lets_in_is_never_closed() {
    let upstream = Upstream::start();
    let denial = "    denial: adaptive\n    flood: {network: 1, country: 1, calm_after: 10m}\n";
    // With the site that only reports.
    let text = configuration(&upstream.url(), "")
        .replace("source: proxy_protocol}\n", &format!("source: proxy_protocol}}\n{denial}"));
    let gateway = Gateway::start(&text);
    for _ in 0..100 {
        assert_eq!(from(gateway.address("proxied"), CHINA).unwrap().status, 403);
    }
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(!metrics.contains("geovagt_floods_total"), "{metrics}");
}

#[test]
fn thresholds_stand_only_where_they_have_an_effect() {
    let upstream = Upstream::start();
    let with = |more: &str| {
        let text = configuration(&upstream.url(), "").replace(
            "  - name: direct\n    bind: [\"127.0.0.1:0\"]\n",
            &format!("  - name: direct\n    bind: [\"127.0.0.1:0\"]\n{more}"),
        );
        Gateway::prepare(&text).command(&["check", "--static"])
    };
    with("    denial: adaptive\n").expect_code(0);
    with("    denial: adaptive\n    flood: {network: 20, country: 200, calm_after: 5m}\n")
        .expect_code(0);
    for (wrong, says) in [
        ("    flood: {network: 20}\n", "only together with `denial: adaptive`"),
        ("    denial: close\n    flood: {network: 20}\n", "only together with `denial: adaptive`"),
        ("    denial: adaptive\n    flood: {network: 0}\n", "a whole number from 1"),
        ("    denial: adaptive\n    flood: {calm_after: 1ms}\n", "a span from 1s"),
        ("    denial: adaptive\n    flood: {networks: 1}\n", "networks"),
        ("    denial: sometimes\n", "adaptive"),
    ] {
        let printed = with(wrong).expect_code(1);
        assert!(printed.err.contains(says) || printed.out.contains(says), "{wrong}: {printed:?}");
    }
}

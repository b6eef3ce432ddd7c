//! What a rejected client gets, each what suits it.

use std::time::Duration;

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration};
use crate::support::h2_raw;
use crate::support::places::{CHINA, DENMARK};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

fn started() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    (upstream, gateway)
}

#[test]
fn a_browser_gets_the_page_in_its_language() {
    let (_upstream, gateway) = started();
    let page = |language: &str| {
        get(gateway.address("web"), HOST, "/")
            .from(CHINA)
            .browser()
            .header("Accept-Language", language)
            .send()
    };
    let danish = page("da");
    assert_eq!(danish.status, 403);
    assert!(danish.text().contains("Du kan ikke få adgang herfra"));
    assert!(danish.text().contains("Kina") && danish.text().contains("+45 44 77 20 00"));
    assert!(danish.text().contains("db-ip.com"));
    assert!(danish.text().contains(danish.header("geovagt-reference").unwrap()));
    assert!(danish.body.len() < 15 * 1024);
    assert_eq!(danish.header("cache-control"), Some("no-store"));
    assert!(danish.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let english = page("en");
    assert!(english.text().contains("You cannot get access from here"));
    assert_eq!(english.header("content-language"), Some("en"));
}

#[test]
fn programs_get_an_answer_that_does_them_no_harm() {
    let (_upstream, gateway) = started();
    let web = gateway.address("web");
    let json = get(web, HOST, "/api").from(CHINA).header("Accept", "application/json").send();
    assert_eq!(json.status, 403);
    assert_eq!(json.header("content-type"), Some("application/problem+json"));
    let phone = get(web, HOST, "/Microsoft-Server-ActiveSync?Cmd=Ping")
        .method("POST")
        .from(CHINA)
        .header("User-Agent", "Apple-iPad7C3/1704.54")
        .send();
    assert_eq!(phone.status, 403);
    assert_eq!(phone.header("www-authenticate"), None, "no password prompt");
    let head = get(web, HOST, "/").method("HEAD").from(CHINA).send();
    assert_eq!((head.status, head.body.len()), (403, 0));
}

#[test]
fn a_site_that_closes_gives_not_a_byte() {
    let (_upstream, gateway) = started();
    let web = gateway.address("web");
    for target in ["/", "/.geovagt/", "/.geovagt/lande", "/.geovagt/sign-in"] {
        let outcome = get(web, "shut.example.dk", target).from(CHINA).try_send();
        assert!(outcome.is_err(), "{target}: {outcome:?}");
    }
    assert_eq!(get(web, "shut.example.dk", "/").from(DENMARK).send().status, 200);
}

#[test]
fn a_listener_that_closes_ends_the_connection_before_tls_and_says_so_in_the_log() {
    let upstream = Upstream::start();
    let closing = configuration(&upstream.url(), "").replace(
        "  - name: direct\n    bind: [\"127.0.0.1:0\"]\n",
        "  - name: direct\n    bind: [\"127.0.0.1:0\"]\n    denial: close\n",
    );
    let gateway = Gateway::start(&closing);
    let outcome = get(gateway.address("direct"), HOST, "/").try_send();
    assert!(outcome.is_err(), "{outcome:?}");
    let mut found = String::new();
    crate::support::gateway::eventually("the rejection is in the log", || {
        let search = ["audit", "search", "--json", "--reason", "denied_private_network"];
        found = gateway.command(&search).out;
        !found.is_empty()
    });
    let entry: serde_json::Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    assert_eq!(entry["geovagt"]["listener"], "direct");
    assert_eq!(entry["http"]["response"]["status_code"], serde_json::Value::Null);
}

#[test]
fn the_public_pages_answer_rejected_clients_too() {
    let (_upstream, gateway) = started();
    let web = gateway.address("web");
    let page = |path: &str, address: &str| get(web, HOST, path).from(address).browser().send();
    let list = page("/.geovagt/lande", CHINA);
    assert_eq!(list.status, 200);
    for name in ["Tjetjenien", "Kina", "Zimbabwe", "Nordkorea"] {
        assert!(list.text().contains(name), "{name}");
    }
    assert_eq!(page("/.geovagt/privatliv", CHINA).status, 200);
    assert_eq!(page("/.geovagt/", CHINA).status, 403);
    let seen = page("/.geovagt/", DENMARK);
    assert_eq!(seen.status, 200);
    assert!(seen.text().contains(DENMARK) && seen.text().contains("Danmark"));
    assert_eq!(page("/.geovagt/nothing", DENMARK).status, 404);
}

#[test]
fn equal_rejections_fold_into_one_entry_with_an_exact_count() {
    let (_upstream, gateway) = started();
    for _ in 0..50 {
        assert_eq!(get(gateway.address("web"), HOST, "/").from(CHINA).send().status, 403);
    }
    let mut counted = 0;
    let mut entries = 0;
    crate::support::gateway::eventually("all fifty are counted", || {
        let printed = gateway.command(&["audit", "search", "--json", "--client", CHINA]);
        let found: Vec<serde_json::Value> =
            printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        entries = found.len();
        counted = found.iter().map(|e| e["geovagt"]["count"].as_u64().unwrap()).sum();
        counted == 50
    });
    assert!(entries < 50, "{entries} entries for 50 equal rejections");
    gateway.command(&["audit", "verify"]).expect_code(0);
}

/// A reset on the heels of an answer is right (RFC 9113 section 8.1), and curl 7 loses the answer by it.
#[test]
fn over_http2_a_short_body_is_heard_out_so_that_no_reset_takes_the_answer_away() {
    let upstream = Upstream::start();
    let gateway = h2_raw::gateway(&upstream.url(), "");
    let mut connection = h2_raw::Connection::open(&gateway);
    let asks = |length: &str| {
        let pseudo =
            [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", "/")];
        let fields = [("x-forwarded-for", CHINA), ("content-length", length)];
        [h2_raw::block(&pseudo), h2_raw::block(&fields)].concat()
    };
    connection.send(&h2_raw::headers(0, 1, &asks("4")));
    std::thread::sleep(Duration::from_millis(100));
    connection.send(&h2_raw::frame(h2_raw::DATA, h2_raw::END_STREAM, 1, b"hej!"));
    assert_eq!(connection.answer(1).0, 403);
    assert_eq!(connection.verdict(1), h2_raw::Came::Nothing);
    // Whoever keeps the body back is rejected all the same, and a long one is not waited for.
    for (stream, length) in [(3, "4"), (5, "1000000")] {
        connection.send(&h2_raw::headers(0, stream, &asks(length)));
        assert_eq!(connection.fate(stream), h2_raw::Came::Answer(403), "{length}");
    }
}

//! How what a login or an address let in ends, what tokens open, and what happens without a log.

use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::browsing::Browser;
use crate::support::client::get;
use crate::support::gateway::{Gateway, eventually, journey};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::postbox::{Client, LOGIN, PASSWORD, Scene, say};
use crate::support::provider::{Provider, now};
use crate::support::raw::{read_rest, read_until};
use crate::support::talk::{GREETING, Talker, ended, from, reference, rest, with};
use crate::support::upstream::Upstream;

fn signed_in(scene: &Scene) -> Client {
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
    read_until(&mut client, "a OK in\r\n* 1 EXISTS\r\n");
    client
}

/// Another configuration, in effect.
fn reload(gateway: &Gateway, text: &str) {
    std::fs::write(gateway.config_file(), text).unwrap();
    gateway.command(&["reload"]).expect_code(0);
}

#[test]
fn what_a_login_let_in_ends_with_the_rule_and_stays_where_the_rule_does() {
    let scene = Scene::start("imap");
    scene.travels("anna.holm");
    let mut client = signed_in(&scene);
    reload(&scene.gateway, &scene.text.replace(LOGIN, &format!("{LOGIN}, idle: 20m")));
    say(&mut client, "b NOOP\r\n");
    assert_eq!(read_until(&mut client, "\r\n"), "b OK NOOP done\r\n");
    let (_, greeting) = scene.greeted(DENMARK);
    assert!(greeting.contains("postbox"));
    reload(&scene.gateway, &scene.text.replace("login: when_blocked, ", ""));
    assert_eq!(read_rest(&mut client), "", "it is cut");
    assert_eq!(ended(&scene.gateway, "box", "exemption_ended")["user"]["name"], "anna.holm");
    let (_, said) = scene.greeted(THAILAND);
    assert!(said.starts_with("* BYE "), "{said}");
}

#[test]
fn an_account_that_is_locked_takes_its_connections_with_it() {
    let scene = Scene::start("imap");
    scene.travels("anna.holm");
    let mut client = signed_in(&scene);
    let lock = ["user", "lock", "anna.holm", "--organization", "ballerup"];
    scene.gateway.command(&lock).expect_code(0);
    assert_eq!(read_rest(&mut client), "");
    ended(&scene.gateway, "box", "exemption_ended");
}

#[test]
fn what_an_address_let_in_ends_with_the_rule() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!(
        "upstream: {{servers: [\"{}\"]}}, tcp: {{mail: imap, grants_of: kilden}}",
        server.url()
    );
    let text = with(&http, &[("mail-in", "site: box")], &[("box", &site)])
        .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,");
    let gateway = Gateway::start(&text);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway.grant("anna.holm", "TH", &["kilden", "box"]);
    eventually("the door is open", || {
        Browser::at(&gateway, "kilden.example.dk", THAILAND).open("/").status == 303
    });
    let mut browser = Browser::at(&gateway, "kilden.example.dk", THAILAND);
    browser.sign_in("anna.holm", PASSWORD);
    let page = browser.open("/.geovagt/adresse");
    assert_eq!(browser.press(&page, "/.geovagt/adresse").status, 200);
    for gone in [", grants_of: kilden", " address_grant: 1h,"] {
        let mut client = from(THAILAND, gateway.address("mail-in"));
        assert_eq!(read_until(&mut client, "\r\n"), GREETING);
        let without = text.replace(", grants_of: kilden", "").replace(gone, "");
        reload(&gateway, &without);
        assert_eq!(rest(&mut client), "", "{gone}");
        reload(&gateway, &text);
    }
    let mut client = from(THAILAND, gateway.address("mail-in"));
    assert_eq!(read_until(&mut client, "\r\n"), GREETING, "the grant itself stands");
    ended(&gateway, "box", "exemption_ended");
}

/// Nobody revokes anything: the minute comes.
#[test]
fn a_connection_ends_by_itself_with_the_exemption() {
    let scene = Scene::start("imap");
    let until = jiff::Timestamp::now() + jiff::Span::new().seconds(30);
    let leg = format!("TH {}..{until}", until - jiff::Span::new().hours(1));
    scene.gateway.grant_leg("anna.holm", &leg, &["box", "kilden"], &[]);
    scene.door();
    let mut client = signed_in(&scene);
    say(&mut client, "i IDLE\r\n");
    assert_eq!(read_until(&mut client, "\r\n"), "+ idling\r\n");
    assert_eq!(read_rest(&mut client), "");
    assert!(jiff::Timestamp::now() >= until, "not before its time");
    let end = ended(&scene.gateway, "box", "exemption_ended");
    assert_eq!(end["user"]["name"], "anna.holm");
    let (_, said) = scene.greeted(THAILAND);
    assert!(said.starts_with("* BYE "), "{said}");
}

const WITH_LIMITS: [&str; 3] = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];

fn disk_is_full(scene: &Scene, full: bool) {
    let limit = if full { "--fsize=0:" } else { "--fsize=unlimited:" };
    let pid = scene.gateway.process_id();
    assert!(Command::new("prlimit").args(["--pid", &pid, limit]).status().unwrap().success());
}

/// A gateway whose disk can be filled, and its traveller.
fn with_a_disk(more: &str) -> Scene {
    let scene = Scene::prepare("imap", LOGIN, |text| format!("{text}{more}"), &WITH_LIMITS);
    scene.gateway.add_user("anna.holm", "ballerup", PASSWORD);
    scene.travels("anna.holm");
    scene
}

#[test]
fn without_a_log_no_exemption_opens_and_the_server_hears_of_nobody() {
    let scene = with_a_disk("");
    drop(signed_in(&scene));
    let before = scene.server.heard().len();
    disk_is_full(&scene, true);
    // The very first one finds a log that does not know yet that it cannot write.
    for _ in 0..3 {
        let (mut client, _) = scene.greeted(THAILAND);
        say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
        let said = read_until(&mut client, "\r\n");
        assert!(said.starts_with("* BYE [UNAVAILABLE] "), "{said}");
        assert!(read_until(&mut client, "\r\n").starts_with("a NO [UNAVAILABLE] "));
        reference(&said);
    }
    assert_eq!(scene.server.heard().len(), before);
    // Whoever needs none is served by the same rule as in HTTP: not, until it is written again.
    eventually("permitted connections stop", || {
        scene.greeted(DENMARK).1.starts_with("* BYE [UNAVAILABLE] ")
    });
    disk_is_full(&scene, false);
    eventually("the log is written again", || scene.greeted(DENMARK).1.contains("postbox"));
    eventually("and exemptions open", || {
        let (mut client, _) = scene.greeted(THAILAND);
        say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
        read_until(&mut client, "\r\n").starts_with("* CAPABILITY")
    });
}

#[test]
fn where_the_operator_says_so_it_goes_on_without_a_log() {
    let scene = with_a_disk("audit: {on_failure: allow}\n");
    disk_is_full(&scene, true);
    for _ in 0..3 {
        drop(signed_in(&scene));
        assert!(scene.greeted(DENMARK).1.contains("postbox"));
    }
    assert_eq!(scene.server.heard().len(), 6);
}

#[test]
fn a_server_that_is_away_is_told_to_the_traveller_alone() {
    let scene = Scene::with("imap", LOGIN, |text| {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = text.find("tcp://").unwrap();
        let end = at + text[at..].find('"').unwrap();
        format!("{}tcp://{nobody}{}", &text[..at], &text[end..])
    });
    scene.travels("anna.holm");
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
    let said = read_until(&mut client, "\r\n");
    assert!(said.starts_with("* BYE [UNAVAILABLE] "), "{said}");
    let end = ended(&scene.gateway, "box", "no_upstream");
    assert_eq!(end["user"]["name"], "anna.holm", "{end}");
    assert_eq!(end["geovagt"]["reference"], reference(&said).as_str());
    let (mut client, _) = scene.greeted("61.19.9.9");
    say(&mut client, "a LOGIN anna.holm forkert\r\n");
    assert!(!read_until(&mut client, "\r\n").contains("UNAVAILABLE"));
}

/// A token opens for the person it was given to, under that name, and goes on as it came.
#[test]
fn a_token_is_proven_like_any_other() {
    const SUBJECT: &str = "af7c-anna";
    let provider = Provider::start();
    let entra = provider.configuration("");
    let tokens = format!(
        "{{kind: bearer, issuer: \"{}\", audience: [mail], people_of: entra, timeout: 2s, clock_skew: 0s}}",
        provider.issuer()
    );
    let change = |text: &str| {
        text.replace("identity_providers: [local]", "identity_providers: [entra, tokens]").replace(
            "  local: {kind: local}",
            &format!("  local: {{kind: local}}\n  entra: {entra}\n  tokens: {tokens}"),
        )
    };
    let scene = Scene::prepare("imap", LOGIN, change, &[]);
    let leg = format!("TH {}", journey());
    let who = ["--provider", "entra", "--subject", SUBJECT];
    scene.gateway.grant_leg("anna@example.dk", &leg, &["box", "kilden"], &who);
    let web = scene.gateway.address("web");
    eventually("the door", || {
        get(web, "kilden.example.dk", "/").from(THAILAND).send().status != 403
    });
    let token = |subject: &str, end: i64| {
        let claims = json!({
            "iss": provider.issuer(), "aud": "mail", "sub": subject, "upn": "anna@example.dk",
            "iat": now() - 100, "exp": now() + end,
        });
        provider.key().sign(Some("at+jwt"), &claims)
    };
    let response = |name: &str, token: &str| {
        STANDARD.encode(format!("user={name}\x01auth=Bearer {token}\x01\x01"))
    };
    let good = token(SUBJECT, 3600);
    for wrong in [
        response("anna@example.dk", &token(SUBJECT, -60)),
        response("anna@example.dk", &token("someone-else", 3600)),
        response("anna@example.dk", "a.b.c"),
        // Her own token, for another's mail.
        response("bo@example.dk", &good),
        STANDARD.encode(format!("user=anna@example.dk\x01auth=Basic {good}\x01\x01")),
    ] {
        let (mut client, greeting) = scene.greeted(THAILAND);
        let offers = "AUTH=XOAUTH2 LOGINDISABLED] Ready\r\n";
        assert!(greeting.ends_with(offers), "nothing else can be proven here: {greeting}");
        say(&mut client, &format!("a AUTHENTICATE XOAUTH2 {wrong}\r\n"));
        let said = read_until(&mut client, "\r\n");
        assert!(said.starts_with("* BYE ") && said.contains("plys reference"), "{said}");
    }
    assert!(scene.server.heard().is_empty());
    for said in ["a AUTHENTICATE XOAUTH2 ", "a AUTHENTICATE XOAUTH2\r\n"] {
        let (mut client, _) = scene.greeted(THAILAND);
        let good = response("anna@example.dk", &good);
        say(&mut client, &format!("{said}{good}\r\na NOOP\r\n"));
        read_until(&mut client, "a OK in\r\na OK NOOP done\r\n");
        let heard = scene.server.heard().pop().unwrap();
        let asked = "geovagt CAPABILITY\r\n";
        assert_eq!(heard, format!("a AUTHENTICATE XOAUTH2\r\n{good}\r\n{asked}a NOOP\r\n"));
    }
    // What the server says of a token that it does not take is its own affair, but for its no.
    scene.server.refuses.store(true, Ordering::SeqCst);
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &format!("a AUTHENTICATE XOAUTH2 {}\r\n", response("anna@example.dk", &good)));
    assert_eq!(read_rest(&mut client), "a NO postbox says no\r\n");
}

/// As where TLS ends here.
#[test]
fn a_client_hello_that_fails_leaves_what_a_failed_handshake_leaves() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!("hosts: [\"*\"], upstream: {{servers: [\"{}\"]}}", server.url());
    let gateway = Gateway::start(&with(&http, &[("tls-in", "sites: [box]")], &[("box", &site)]));
    let mut client = from(DENMARK, gateway.address("tls-in"));
    let _ = client.write_all(b"a LOGIN anna secret\r\n");
    read_rest(&mut client);
    eventually("it is counted", || {
        let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
        metrics.lines().any(|line| {
            line.starts_with("geovagt_connections_rejected_total{")
                && line.contains("listener=\"tls-in\"")
                && line.contains("reason=\"tls_handshake\"")
                && line.ends_with(" 1")
        })
    });
    assert!(server.heard().is_empty());
}

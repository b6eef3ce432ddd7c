//! Forward-auth: `/authorize` as a trusted proxy asks it, and as everybody else tries to.

use std::process::Command;

use crate::support::client::{Answer, Request, get};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::outside::entry_of;
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{connect, head};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";

/// A gateway that hears proxies on the loopback; no upstream is ever asked.
fn asked() -> Gateway {
    asked_by("127.0.0.0/8", "")
}

fn asked_by(trusted: &str, more: &str) -> Gateway {
    Gateway::start(&configured(trusted, "http://127.0.0.1:1", more))
}

fn configured(trusted: &str, upstream: &str, more: &str) -> String {
    let kilden = r#"kilden: {organization: ballerup, hosts: [kilden.example.dk], "#;
    let rules = "paths: [{path: /internal/, closed: true}, {path: /admin/, authentication: always}], \
                 acme_challenge: true, ";
    let source = format!("{{trusted_proxies: [{trusted}], source: x_forwarded_for}}");
    configuration(upstream, more)
        .replace(kilden, &format!("{kilden}{rules}"))
        .replace("operations:\n", &format!("operations:\n  client_address: {source}\n"))
}

/// As a proxy asks that was set up right.
fn ask(gateway: &Gateway, host: &str, target: &str, client: &str) -> Request {
    asking(gateway)
        .from(client)
        .header("X-Forwarded-Host", host)
        .header("X-Forwarded-Uri", target)
        .header("X-Forwarded-Method", "GET")
}

fn asking(gateway: &Gateway) -> Request {
    get(gateway.address("operations"), "gateway.internal", "/authorize")
}

fn answers(gateway: &Gateway, answer: &str) -> f64 {
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let name = format!("geovagt_authorize_requests_total{{answer=\"{answer}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

#[test]
fn the_country_decides_and_the_answer_says_what_the_entry_does() {
    let gateway = asked();
    let home = ask(&gateway, HOST, "/sager?nr=1", DENMARK).send();
    assert_eq!((home.status, home.body.len()), (200, 0));
    assert_eq!(home.header("x-geovagt-country"), Some("DK"));
    assert_eq!(home.header("x-geovagt-user"), None);
    assert!(home.header("geovagt-reference").is_some());

    let away = ask(&gateway, HOST, "/sager?nr=1", CHINA).browser().send();
    assert_eq!(away.status, 403);
    assert!(away.text().contains("Kina"), "{}", away.text());
    assert_eq!(away.header("x-geovagt-country"), None);
    let entry = entry_of(&gateway, &away);
    assert_eq!(entry["event"]["reason"], "country_listed");
    assert_eq!(entry["client"]["ip"], CHINA);
    assert_eq!(entry["url"]["domain"], HOST);
    assert_eq!(entry["url"]["path"], "/sager");
    assert_eq!(entry["http"]["request"]["method"], "GET");
    assert_eq!(entry["http"]["response"]["status_code"], 403);
    assert_eq!(entry["geovagt"]["site"], "kilden");
    assert_eq!(entry["geovagt"]["listener"], "operations");
    assert_eq!(entry["geovagt"]["details"]["via"], "forward_auth");

    assert_eq!(ask(&gateway, "nobody.example.dk", "/", DENMARK).send().status, 403);
    assert_eq!(ask(&gateway, "trial.example.dk", "/", CHINA).send().status, 200);
    assert_eq!((answers(&gateway, "allowed"), answers(&gateway, "denied")), (2.0, 2.0));
}

#[test]
fn nobody_but_a_trusted_proxy_is_heard() {
    let gateway = asked_by("10.9.8.0/24", "");
    let stranger = ask(&gateway, HOST, "/", DENMARK).send();
    assert_eq!(stranger.status, 403);
    assert_eq!(stranger.header("x-geovagt-country"), None);
    assert_eq!(answers(&gateway, "untrusted"), 1.0);
    assert_eq!(answers(&gateway, "denied"), 0.0);

    let without = Gateway::start(&configuration("http://127.0.0.1:1", ""));
    assert_eq!(ask(&without, HOST, "/", DENMARK).send().status, 503);
    assert_eq!(answers(&without, "not_configured"), 1.0);
}

#[test]
fn what_is_missing_repeated_or_unreadable_is_never_200() {
    let gateway = asked();
    let all = [
        ("X-Forwarded-For", DENMARK),
        ("X-Forwarded-Host", HOST),
        ("X-Forwarded-Uri", "/"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Proto", "https"),
    ];
    let with = |headers: &[(&str, &str)]| {
        headers.iter().fold(asking(&gateway), |request, (n, v)| request.header(n, v)).send().status
    };
    assert_eq!(with(&all), 200);
    for (index, (name, value)) in all.iter().enumerate() {
        let mut headers = all.to_vec();
        headers.remove(index);
        // Plain HTTP is what a proxy speaks that says nothing of TLS.
        let expected = if *name == "X-Forwarded-Proto" { 200 } else { 400 };
        assert_eq!(with(&headers), expected, "without {name}");
        headers = all.to_vec();
        headers.push((name, value));
        assert_eq!(with(&headers), 400, "{name} twice");
    }
    for (name, value) in [
        ("X-Forwarded-For", "garbage"),
        ("X-Forwarded-For", ""),
        ("X-Forwarded-For", "unknown"),
        ("X-Forwarded-For", "130.225.244.1, garbage"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Host", ""),
        ("X-Forwarded-Host", "kilden.example.dk, other.example.dk"),
        ("X-Forwarded-Host", "kilden.example.dk/x"),
        ("X-Forwarded-Host", "anna@kilden.example.dk"),
        ("X-Forwarded-Uri", ""),
        ("X-Forwarded-Uri", "sager"),
        ("X-Forwarded-Uri", "http://kilden.example.dk/"),
        ("X-Forwarded-Uri", "/a/../b"),
        ("X-Forwarded-Uri", "/a%2fb"),
        ("X-Forwarded-Uri", "/a#b"),
        ("X-Forwarded-Uri", "/a b"),
        ("X-Forwarded-Uri", "/a\\b"),
        ("X-Forwarded-Uri", "/x%"),
        ("X-Forwarded-Uri", "//x/internal/"),
        ("X-Forwarded-Method", ""),
        ("X-Forwarded-Method", "get"),
        ("X-Forwarded-Method", "CONNECT"),
        ("X-Forwarded-Method", "TRACE"),
        ("X-Forwarded-Method", "GE T"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Proto", "https, http"),
    ] {
        let mut headers = all.to_vec();
        headers.retain(|(n, _)| *n != name);
        headers.push((name, value));
        assert_eq!(with(&headers), 403, "{name}: {value}");
    }
    let post = asking(&gateway).method("POST").send();
    assert_eq!(post.status, 405);
}

#[test]
fn the_client_is_the_one_that_the_proxy_appended() {
    let gateway = asked();
    let forged = ask(&gateway, HOST, "/", &format!("{DENMARK}, {CHINA}")).send();
    assert_eq!(forged.status, 403);
    assert_eq!(entry_of(&gateway, &forged)["client"]["ip"], CHINA);
    let real = ask(&gateway, HOST, "/", &format!("{CHINA}, {DENMARK}, 127.0.0.9")).send();
    assert_eq!(real.status, 200);
    let forged = ask(&gateway, HOST, "/", CHINA)
        .header("X-Real-IP", DENMARK)
        .header("Forwarded", &format!("for={DENMARK}"))
        .header("X_Forwarded_For", DENMARK)
        .send();
    assert_eq!(forged.status, 403);
}

#[test]
fn what_a_client_says_in_our_name_is_refused_before_a_proxy_can_hand_it_on() {
    let gateway = asked();
    for name in ["X-Geovagt-User", "x_geovagt_user", "X-GEOVAGT.Country", "Geovagt-Reference"] {
        let answer = ask(&gateway, HOST, "/", DENMARK).header(name, "chief").send();
        assert_eq!(answer.status, 403, "{name}");
        assert_eq!(entry_of(&gateway, &answer)["event"]["reason"], "unclear_request");
    }
    let near = ask(&gateway, HOST, "/", DENMARK).header("X-Geovagtuser", "chief").send();
    assert_eq!(near.status, 200);
}

#[test]
fn path_rules_decide_here_too() {
    let gateway = asked();
    for path in ["/internal/x", "/INTERNAL/", "/%69nternal/", "/internal;x/"] {
        let answer = ask(&gateway, HOST, path, DENMARK).send();
        assert_eq!(answer.status, 403, "{path}");
        let entry = entry_of(&gateway, &answer);
        assert_eq!(entry["event"]["reason"], "path_closed", "{path}");
        assert_eq!(entry["geovagt"]["details"]["path_rule"], "/internal/");
    }
    assert_eq!(ask(&gateway, HOST, "/admin/x", DENMARK).send().status, 401);
    let token = "/.well-known/acme-challenge/abc_DEF-123";
    assert_eq!(ask(&gateway, HOST, token, CHINA).send().status, 200);
    // The proxy would forward what is not ours to take out.
    assert_eq!(ask(&gateway, HOST, token, CHINA).header("Cookie", "a=b").send().status, 403);
    assert_eq!(ask(&gateway, HOST, token, CHINA).basic("a", "b").send().status, 403);
    assert_eq!(ask(&gateway, HOST, token, CHINA).header("Upgrade", "x").send().status, 403);
}

#[test]
fn the_traveller_passes_and_nobody_else_learns_anything() {
    let gateway = asked();
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let thailand = || ask(&gateway, HOST, "/", THAILAND);
    assert_eq!(thailand().basic("anna.holm", PASSWORD).send().status, 403);
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the gateway sees the exemption", || thailand().send().status == 401);
    let asked = thailand().send();
    assert!(asked.header("www-authenticate").unwrap().starts_with("Basic "));

    let passed = thailand().basic("anna.holm", PASSWORD).send();
    assert_eq!(passed.status, 200);
    assert_eq!(passed.header("x-geovagt-user"), Some("anna.holm"));
    assert_eq!(passed.header("x-geovagt-exemption"), Some(id.as_str()));
    assert_eq!(passed.header("x-geovagt-country"), Some("TH"));
    // On disk before the answer.
    let entry = entry_of(&gateway, &passed);
    assert_eq!(entry["event"]["reason"], "travel_exemption");
    assert_eq!(entry["user"]["name"], "anna.holm");
    assert_eq!(entry["geovagt"]["details"]["via"], "forward_auth");

    let told = |answer: Answer| {
        let reference = answer.header("geovagt-reference").unwrap().to_owned();
        (answer.status, answer.text().replace(&reference, "REFERENCE"))
    };
    let wrong = told(thailand().basic("anna.holm", "forkert").send());
    assert_eq!(wrong.0, 403);
    assert_eq!(told(thailand().basic("nobody", PASSWORD).send()), wrong);
    assert_eq!(told(ask(&gateway, HOST, "/", CHINA).basic("anna.holm", PASSWORD).send()).0, 403);
}

#[test]
fn a_browser_is_told_where_to_sign_in_in_the_way_its_proxy_can_hand_on() {
    let gateway = asked();
    let nginx = ask(&gateway, HOST, "/admin/a?b=c", DENMARK).browser().send();
    assert_eq!(nginx.status, 401);
    let place = "/.geovagt/sign-in?next=/admin/a%3Fb%3Dc";
    assert_eq!(nginx.header("location"), Some(place));
    assert_eq!(nginx.header("www-authenticate"), None, "or the browser asks by itself");
    let traefik = get(gateway.address("operations"), "gateway", "/authorize?sign_in=redirect")
        .from(DENMARK)
        .header("X-Forwarded-Host", HOST)
        .header("X-Forwarded-Uri", "/admin/a?b=c")
        .header("X-Forwarded-Method", "GET")
        .browser()
        .send();
    assert_eq!((traefik.status, traefik.header("location")), (303, Some(place)));
    // The pages themselves are on a listener: a sign-in must not go to the site's server.
    let misrouted = ask(&gateway, HOST, "/.geovagt/sign-in", DENMARK).send();
    assert_eq!(misrouted.status, 403);
    assert!(misrouted.text().contains("listeners"), "{}", misrouted.text());
}

#[test]
fn a_site_that_rejects_without_a_byte_says_nothing() {
    let gateway = asked();
    let answer = ask(&gateway, "shut.example.dk", "/", CHINA).browser().send();
    assert_eq!((answer.status, answer.body.len()), (403, 0));
    assert_eq!(answer.header("geovagt-denial"), Some("close"));
    assert_eq!(answer.header("geovagt-reference"), None);
    assert_eq!(ask(&gateway, "shut.example.dk", "/", DENMARK).send().status, 200);
}

#[test]
fn a_head_request_gets_a_whole_answer_for_its_proxy() {
    let gateway = asked();
    let head = asking(&gateway)
        .from(CHINA)
        .header("X-Forwarded-Host", HOST)
        .header("X-Forwarded-Uri", "/")
        .header("X-Forwarded-Method", "HEAD")
        .browser()
        .send();
    assert_eq!((head.status, head.header("content-length")), (403, Some("0")));
}

#[test]
fn envoy_puts_the_path_behind_ours_and_names_it_once() {
    let gateway = asked();
    let envoy = |method: &str, target: &str, client: &str| {
        get(gateway.address("operations"), HOST, &format!("/authorize{target}"))
            .method(method)
            .from(client)
    };
    assert_eq!(envoy("GET", "/sager?nr=1", DENMARK).send().status, 200);
    assert_eq!(envoy("PUT", "/", DENMARK).send().status, 200);
    let away = envoy("PROPFIND", "/sager", CHINA).send();
    assert_eq!(away.status, 403);
    let entry = entry_of(&gateway, &away);
    assert_eq!((&entry["url"]["path"], &entry["url"]["domain"]), (&"/sager".into(), &HOST.into()));
    assert_eq!(entry["http"]["request"]["method"], "PROPFIND");
    assert_eq!(envoy("GET", "/internal/", DENMARK).send().status, 403);
    assert_eq!(envoy("GET", "/x/../internal/", DENMARK).send().status, 403);
    for (name, value) in
        [("X-Forwarded-Uri", "/"), ("X-Forwarded-Host", HOST), ("X-Forwarded-Method", "GET")]
    {
        let both = envoy("GET", "/internal/", DENMARK).header(name, value).send();
        assert_eq!(both.status, 400, "{name}");
    }
    let near = get(gateway.address("operations"), HOST, "/authorizex").from(DENMARK).send();
    assert_eq!(near.status, 404);
}

#[test]
fn the_answer_has_the_cookies_that_are_the_sites() {
    let gateway = asked();
    let cookie = |client: &str, lines: &[&str]| {
        let request = ask(&gateway, HOST, "/", client);
        let request = lines.iter().fold(request, |request, line| request.header("Cookie", line));
        request.send().header("cookie").map(str::to_owned)
    };
    let ours = "__Host-geovagt=x; geovagt-device=y; __Host-geovagt-oidc-3=z";
    let mixed = format!("a=b; {ours}; c=d");
    assert_eq!(cookie(DENMARK, &[&mixed]).as_deref(), Some("a=b; c=d"));
    assert_eq!(cookie(DENMARK, &["a=b", ours, "c=d"]).as_deref(), Some("a=b; c=d"));
    assert_eq!(cookie(DENMARK, &[ours]), None);
    assert_eq!(cookie(DENMARK, &[]), None);
    assert_eq!(cookie(CHINA, &["a=b"]), None, "a no says nothing of them");
}

#[test]
fn without_a_log_or_a_place_nothing_is_permitted() {
    let upstream = Upstream::start();
    let text = configured("127.0.0.0/8", &upstream.url(), "limits: {requests_in_flight: 1}\n");
    let mut gateway = Gateway::prepare(&text);
    // The signal for a file that may not grow would end the process.
    gateway.run_under(&["env", "--ignore-signal=XFSZ"]);
    let at_home = || ask(&gateway, HOST, "/", DENMARK).send();
    let full = |full: bool| {
        let limit = if full { "--fsize=0:" } else { "--fsize=unlimited:" };
        let set = Command::new("prlimit").args(["--pid", &gateway.process_id(), limit]).status();
        assert!(set.unwrap().success());
    };
    assert_eq!(at_home().status, 200);
    full(true);
    eventually("nothing is permitted", || at_home().status == 503);
    assert_eq!(ask(&gateway, HOST, "/", CHINA).send().status, 403);
    full(false);
    eventually("it goes on", || at_home().status == 200);

    // The question before may still hold the place when its answer has long been read.
    let mut hanging = Vec::new();
    eventually("the one place is taken", || {
        hanging.push(connect(gateway.address("web"), &head("/hang", "")));
        at_home().status == 503
    });
    assert_eq!(ask(&gateway, HOST, "/", CHINA).send().status, 403);
    assert!(answers(&gateway, "unavailable") >= 2.0);
    drop(hanging);
    eventually("the place is free", || at_home().status == 200);
}

#[test]
fn check_tells_what_a_proxy_has_to_send() {
    let says = |block: &str| {
        let text = configuration("http://127.0.0.1:1", "")
            .replace("operations:\n", &format!("operations:\n  client_address: {block}\n"));
        let printed = Gateway::prepare(&text).command(&["check", "--static"]);
        (printed.code, format!("{}{}", printed.out, printed.err))
    };
    let (code, said) = says("{trusted_proxies: [10.0.0.1], source: x_forwarded_for}");
    assert_eq!(code, 0, "{said}");
    for block in ["{trusted_proxies: [10.0.0.1], source: forwarded}", "{source: peer}"] {
        let (code, said) = says(block);
        assert_eq!(code, 1, "{block}");
        assert!(said.contains("X-Forwarded-For"), "{said}");
    }
    assert_eq!(says("{trusted_proxies: [0.0.0.0/0], source: x_forwarded_for}").0, 1);
}

//! Logins that belong to a connection (NTLM, Negotiate): one client's connection to one of the
//! upstream's, for nobody else, ended together.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use base64::Engine as _;

use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration_with_upstream, eventually};
use super::support::places::{DENMARK, THAILAND};
use super::support::windows::{Client, Windows};

/// Somebody else in Denmark.
const ANOTHER: &str = "130.225.244.2";
const PASSWORD: &str = "et langt kodeord til rejsen";

fn configured(more: &str) -> String {
    configuration_with_upstream(more, "limits: {connections_per_address: 1000}\n")
}

fn bound(windows: &Windows) -> Gateway {
    Gateway::start(&configured(&format!("servers: [\"{}\"], affinity: connection", windows.url())))
}

fn unbound(windows: &Windows) -> Gateway {
    Gateway::start(&configured(&format!("servers: [\"{}\"]", windows.url())))
}

#[test]
fn a_login_holds_for_the_rest_of_its_connection_and_for_no_other() {
    let windows = Windows::start("a");
    for gateway in [bound(&windows), unbound(&windows)] {
        let (mut anna, mut other) = (Client::of(&gateway), Client::of(&gateway));
        anna.log_in("anna");
        for target in ["/", "/open", "/.geovagt/", "/"] {
            let answer = anna.ask(target, "");
            assert_eq!(answer.status, 200);
            assert!(target == "/.geovagt/" || answer.text() == "anna", "{}", answer.text());
            assert_eq!(other.ask("/open", "").text(), "nobody");
        }
        assert_eq!(other.ask("/", "").status, 401);
        let third = Client::of(&gateway).ask("/open", "");
        assert_eq!(third.text(), "nobody");
        drop((anna, other));
        assert_eq!(Client::of(&gateway).ask("/open", "").text(), "nobody");
    }
}

#[test]
fn a_hundred_at_once_never_see_one_anothers_answers() {
    let windows = Windows::start("a");
    for gateway in [bound(&windows), unbound(&windows)] {
        let begin = Barrier::new(100);
        thread::scope(|scope| {
            for number in 0..100 {
                let (gateway, begin) = (&gateway, &begin);
                scope.spawn(move || {
                    let name = format!("user-{number}");
                    let mut client = Client::of(gateway);
                    begin.wait();
                    assert_eq!(client.ask("/open", "").text(), "nobody");
                    client.log_in(&name);
                    for _ in 0..5 {
                        assert_eq!(client.ask("/", "").text(), name);
                        assert_eq!(Client::of(gateway).ask("/open", "").text(), "nobody");
                    }
                });
            }
        });
    }
}

fn number(answer: &Answer) -> String {
    answer.header("connection-number").expect("an answer of the upstream's").to_owned()
}

/// Nobody has said that the site needs it, and the upstream's own words tell.
#[test]
fn a_challenge_binds_the_connection_that_it_came_over() {
    let windows = Windows::start("a");
    let gateway = unbound(&windows);
    let open = || number(&Client::of(&gateway).ask("/open", ""));
    let first = open();
    eventually("what asks for no login shares connections", || open() == first);
    let mut anna = Client::of(&gateway);
    let hers = number(&anna.ask("/", ""));
    for _ in 0..3 {
        assert_eq!(number(&anna.ask("/open", "")), hers, "it is hers");
        assert_ne!(open(), hers, "and nobody else's");
    }
    let standing = windows.open();
    drop(anna);
    eventually("it has ended with hers", || windows.open() < standing);
    for _ in 0..3 {
        assert_ne!(open(), hers, "nobody has got it back");
    }
    gateway.wait_for_log("the operator is told", |line| {
        line["fields"]["message"].as_str().is_some_and(|text| text.contains("affinity: connection"))
    });
}

#[test]
fn a_login_that_comes_unasked_goes_over_a_connection_of_its_own() {
    let windows = Windows::start("a");
    let gateway = unbound(&windows);
    assert_eq!(Client::of(&gateway).ask("/open", "").header("connection-number"), Some("0"));
    let mut anna = Client::of(&gateway);
    assert_eq!(anna.ask("/", "Authorization: ntlm\r\n").status, 401);
    let begun = anna.ask("/", "Authorization: NTLM\r\n");
    assert_eq!((begun.status, begun.header("connection-number")), (401, Some("1")));
    let ended = anna.ask("/", "Authorization: NTLM anna\r\n");
    assert_eq!(ended.text(), "anna");
    assert_eq!(Client::of(&gateway).ask("/open", "").text(), "nobody");
    assert_eq!(anna.ask("/open", "").text(), "anna");
}

#[test]
fn both_end_when_the_upstream_ends_its_own() {
    let windows = Windows::start("a");
    for gateway in [bound(&windows), unbound(&windows)] {
        let mut waiting = Client::of(&gateway);
        waiting.log_in("anna");
        windows.end_all();
        waiting.assert_ends();
        let mut told = Client::of(&gateway);
        told.log_in("anna");
        let answer = told.ask("/says-close", "");
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("anna", Some("close")));
        told.assert_ends();
        let mut untold = Client::of(&gateway);
        untold.log_in("anna");
        assert_eq!(untold.ask("/closes", "").text(), "anna");
        untold.assert_ends();
    }
}

#[test]
fn both_end_when_the_client_leaves() {
    let windows = Windows::start("a");
    for gateway in [bound(&windows), unbound(&windows)] {
        let mut anna = Client::of(&gateway);
        anna.log_in("anna");
        assert!(windows.open() > 0);
        drop(anna);
        eventually("nothing is left of it", || windows.open() == 0);
    }
}

#[test]
fn nothing_is_asked_again_and_nothing_goes_elsewhere_when_a_bound_connection_breaks() {
    let (a, b) = (Windows::start("a"), Windows::start("b"));
    let gateway = Gateway::start(&configured(&format!(
        "servers: [\"{}\", \"{}\"], affinity: connection, retries: {{attempts: 5}}",
        a.url(),
        b.url()
    )));
    let mut anna = Client::of(&gateway);
    anna.log_in("anna");
    anna.send("/breaks", "");
    anna.assert_ends();
    assert_eq!(a.asked("/breaks") + b.asked("/breaks"), 1);
    eventually("the log says that no answer came", || {
        let printed = gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
        let mut entries = printed
            .out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|entry| entry["url"]["path"] == "/breaks");
        entries.any(|entry| entry["http"]["response"]["status_code"].is_null())
    });
}

#[test]
fn so_many_connections_may_be_bound_and_no_more_used_or_not() {
    let windows = Windows::start("a");
    let server =
        format!("servers: [\"{}\"], connections: {{maximum: 2, wait: 60s}}", windows.url());
    for (more, full) in [(", affinity: connection", 503), ("", 401)] {
        let gateway = Gateway::start(&configured(&format!("{server}{more}")));
        let (mut anna, mut bo) = (Client::of(&gateway), Client::of(&gateway));
        anna.log_in("anna");
        bo.log_in("bo");
        let mut third = Client::of(&gateway);
        assert_eq!(third.ask("/", "").status, full);
        if full == 401 {
            third.assert_ends();
        }
        assert_eq!(Client::of(&gateway).ask("/", "Authorization: NTLM\r\n").status, 503);
        assert_eq!(
            (anna.ask("/", "").text(), bo.ask("/", "").text()),
            ("anna".into(), "bo".into())
        );
        drop(anna);
        eventually("there is room for another", || {
            let mut third = Client::of(&gateway);
            let asked = third.ask("/", "");
            asked.status == 401 && asked.header("connection") != Some("close")
        });
        assert_eq!(bo.ask("/", "").text(), "bo");
    }
}

#[test]
fn check_warns_of_a_proxy_that_may_share_its_connections() {
    let windows = Windows::start("a");
    let binding = format!("servers: [\"{}\"], affinity: connection", windows.url());
    let says = |block: &str, source: &str| {
        let text = configured(block).replace("source: x_forwarded_for", source);
        let said = Gateway::prepare(&text).command(&["check", "--static"]).expect_code(0);
        said.err.contains("the site `kilden` binds logins to connections")
    };
    let plain = format!("servers: [\"{}\"]", windows.url());
    assert!(says(&binding, "source: x_forwarded_for") && says(&binding, "source: forwarded"));
    assert!(!says(&plain, "source: x_forwarded_for"));
    assert!(!says(&binding, "source: proxy_protocol"));
}

/// HAProxy with `http-reuse safe`, say: the connection is one, the people are two.
#[test]
fn two_people_behind_one_connection_of_a_proxy_are_never_taken_for_one_another() {
    let windows = Windows::start("a");
    for gateway in [bound(&windows), unbound(&windows)] {
        let mut proxy = Client::of(&gateway);
        proxy.log_in("anna");
        proxy.speaks_for(ANOTHER);
        assert_eq!(proxy.ask("/open", "").text(), "nobody");
        assert_eq!(proxy.ask("/", "").status, 401);
        proxy.log_in("bo");
        proxy.speaks_for(DENMARK);
        assert_eq!(proxy.ask("/open", "").text(), "nobody", "hers has ended");
        assert_eq!(proxy.ask("/", "").status, 401);
        proxy.speaks_for(ANOTHER);
        assert_ne!(proxy.ask("/open", "").text(), "anna");
        // Halfway through the one's login, the other ends it with a name of its own.
        proxy.speaks_for(DENMARK);
        assert_eq!(proxy.ask("/", "Authorization: NTLM\r\n").status, 401);
        proxy.speaks_for(ANOTHER);
        assert_eq!(proxy.ask("/", "Authorization: NTLM mallory\r\n").status, 401);
        proxy.speaks_for(DENMARK);
        assert_ne!(proxy.ask("/open", "").text(), "mallory");
    }
}

#[test]
fn who_is_logged_in_stays_with_a_server_until_it_is_drained() {
    let (a, b) = (Windows::start("a"), Windows::start("b"));
    let block = |of_a: &str| {
        let (a, b) = (a.url(), b.url());
        format!(
            "servers: [{{url: \"{a}\"{of_a}}}, {{url: \"{b}\", weight: 1}}], affinity: connection"
        )
    };
    let gateway = Gateway::start(&configured(&block("")));
    let (mut clients, mut servers) = (Vec::new(), Vec::new());
    // Each of the gateway's threads takes its own turns.
    while clients.len() < 6 || servers.iter().collect::<BTreeSet<_>>().len() < 2 {
        let mut client = Client::of(&gateway);
        client.log_in(&format!("user-{}", clients.len()));
        servers.push(client.ask("/", "").header("server-name").unwrap().to_owned());
        clients.push(client);
        assert!(clients.len() < 100, "one server gets nobody: {servers:?}");
    }
    std::fs::write(gateway.config_file(), configured(&block(", drain: true"))).unwrap();
    gateway.command(&["reload"]).expect_code(0);
    for (number, (client, server)) in clients.iter_mut().zip(&servers).enumerate() {
        let answer = client.ask("/", "");
        assert_eq!(answer.text(), format!("user-{number}"));
        assert_eq!(answer.header("server-name"), Some(&**server));
        let leaves = answer.header("connection") == Some("close");
        assert_eq!(leaves, server == "a", "{:?}", answer.headers);
        if leaves {
            client.assert_ends();
            let mut again = Client::of(&gateway);
            again.log_in("again");
            assert_eq!(again.ask("/", "").header("server-name"), Some("b"));
        }
    }
    eventually("the drained one is empty", || a.open() == 0);
}

/// Half a login is worth nothing at another server.
#[test]
fn who_is_in_the_middle_of_logging_in_when_a_server_is_drained_is_let_finish() {
    let (a, b) = (Windows::start("a"), Windows::start("b"));
    let block = |servers: String| format!("servers: [{servers}], affinity: connection");
    let gateway = Gateway::start(&configured(&block(format!("\"{}\"", a.url()))));
    let mut anna = Client::of(&gateway);
    assert_eq!(anna.ask("/open", "").header("server-name"), Some("a"));
    let drained = format!("{{url: \"{}\", drain: true}}, \"{}\"", a.url(), b.url());
    std::fs::write(gateway.config_file(), configured(&block(drained))).unwrap();
    gateway.command(&["reload"]).expect_code(0);
    for login in ["", "Authorization: NTLM\r\n"] {
        let answer = anna.ask("/", login);
        assert_eq!((answer.status, answer.header("server-name")), (401, Some("a")));
        assert_ne!(answer.header("connection"), Some("close"), "{login:?}");
    }
    let answer = anna.ask("/", "Authorization: NTLM anna\r\n");
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("anna", Some("close")));
    anna.assert_ends();
}

#[test]
fn the_end_of_an_exemption_ends_both() {
    let windows = Windows::start("a");
    let gateway = bound(&windows);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("she is let in", || {
        let request = get(gateway.address("web"), "kilden.example.dk", "/open").from(THAILAND);
        request.basic("anna.holm", PASSWORD).send().status == 200
    });
    let login = base64::engine::general_purpose::STANDARD.encode(format!("anna.holm:{PASSWORD}"));
    let login = format!("Authorization: Basic {login}\r\n");
    let mut traveller = Client::of(&gateway);
    traveller.speaks_for(THAILAND);
    assert_eq!(traveller.ask("/open", &login).status, 200);
    eventually("hers alone stands", || windows.open() == 1);
    gateway.command(&["exemption", "revoke", &id, "--reason", "Aflyst"]).expect_code(0);
    traveller.assert_ends();
    eventually("the upstream's has ended, too", || windows.open() == 0);
}

/// The same where the upstream's own words have bound it.
#[test]
fn the_end_of_an_exemption_ends_what_a_challenge_has_bound() {
    let windows = Windows::start("a");
    let gateway = unbound(&windows);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("she is let in", || {
        let request = get(gateway.address("web"), "kilden.example.dk", "/open").from(THAILAND);
        request.basic("anna.holm", PASSWORD).send().status == 200
    });
    let login = base64::engine::general_purpose::STANDARD.encode(format!("anna.holm:{PASSWORD}"));
    let mut traveller = Client::of(&gateway);
    traveller.speaks_for(THAILAND);
    let challenge = traveller.ask("/", &format!("Authorization: Basic {login}\r\n"));
    assert_eq!(challenge.header("server-name"), Some("a"), "it is the upstream's");
    gateway.command(&["exemption", "revoke", &id, "--reason", "Aflyst"]).expect_code(0);
    traveller.assert_ends();
}

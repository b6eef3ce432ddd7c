//! Several servers behind one site: who gets a request, and what follows when one fails.

use std::collections::BTreeMap;
use std::thread;

use super::support::backend::Backend;
use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration_with_upstream, eventually};
use super::support::places::DENMARK;
use super::support::raw::{RawUpstream, read_until};

const HOST: &str = "kilden.example.dk";

fn started(block: &str) -> Gateway {
    Gateway::start(&configuration_with_upstream(block, ""))
}

fn ask(gateway: &Gateway, path: &str) -> Answer {
    get(gateway.address("web"), HOST, path).from(DENMARK).send()
}

/// Who answered how many of so many requests, one after the other.
fn names(gateway: &Gateway, count: usize) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for _ in 0..count {
        let answer = ask(gateway, "/");
        assert_eq!(answer.status, 200, "{}", answer.text());
        *names.entry(answer.header("server-name").unwrap().to_owned()).or_default() += 1;
    }
    names
}

fn metric(gateway: &Gateway, name: &str, server: &str) -> Option<f64> {
    let text = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let line = text.lines().find(|line| {
        line.starts_with(&format!("{name}{{")) && line.contains("kilden") && line.contains(server)
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Sends a request that the server holds until it is told to let it go.
fn hold(gateway: &Gateway) -> thread::JoinHandle<Answer> {
    let request = get(gateway.address("web"), HOST, "/hold").from(DENMARK);
    thread::spawn(move || request.send())
}

#[test]
fn each_gets_its_weights_share() {
    let (a, b) = (Backend::start("a"), Backend::start("b"));
    let gateway =
        started(&format!("servers: [\"{}\", {{url: \"{}\", weight: 3}}]", a.url(), b.url()));
    let names = names(&gateway, 80);
    assert!((15..=25).contains(&names["a"]), "{names:?}");
    assert_eq!(a.requests() + b.requests(), 80);
    assert!(a.connections() <= 2 && b.connections() <= 2, "connections are used again");
}

#[test]
fn the_one_with_the_fewest_requests_gets_the_next() {
    let (a, b) = (Backend::start("a"), Backend::start("b"));
    let gateway = started(&format!("servers: [\"{}\", \"{}\"]", a.url(), b.url()));
    let held = hold(&gateway);
    eventually("it is held", || a.requests() + b.requests() == 1);
    let (busy, free) = if a.requests() == 1 { (&a, "b") } else { (&b, "a") };
    assert_eq!(names(&gateway, 20), BTreeMap::from([(free.to_owned(), 20)]));
    busy.release(1);
    assert_eq!(held.join().unwrap().status, 200);
    assert_eq!(names(&gateway, 20).len(), 2, "both again");
}

#[test]
fn a_server_that_is_drained_takes_nothing_new_and_finishes_what_it_has() {
    let (a, b) = (Backend::start("a"), Backend::start("b"));
    let block = format!("servers: [\"{}\"]", a.url());
    let gateway = started(&block);
    let held = hold(&gateway);
    a.wait_for_held(1);
    let drained = format!("servers: [{{url: \"{}\", drain: true}}, \"{}\"]", a.url(), b.url());
    reload(&gateway, &drained);
    assert_eq!(names(&gateway, 10), BTreeMap::from([("b".to_owned(), 10)]));
    a.release(1);
    assert_eq!(held.join().unwrap().header("server-name"), Some("a"));
    let twenty = BTreeMap::from([("b".to_owned(), 20)]);
    assert_eq!(names(&gateway, 20), twenty, "also when it has nothing to do");
    reload(&gateway, &format!("servers: [{{url: \"{}\", drain: true}}]", a.url()));
    let answer = ask(&gateway, "/");
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(a.requests(), 1);
}

fn reload(gateway: &Gateway, block: &str) {
    std::fs::write(gateway.config_file(), configuration_with_upstream(block, "")).unwrap();
    gateway.command(&["reload"]).expect_code(0);
}

#[test]
fn a_reload_keeps_the_connections_of_a_server_that_stays_and_drains_one_that_goes() {
    let (a, b) = (Backend::start("a"), Backend::start("b"));
    let gateway = started(&format!("servers: [\"{}\"]", a.url()));
    let held = hold(&gateway);
    a.wait_for_held(1);
    names(&gateway, 5);
    assert_eq!(a.connections(), 2, "the held one, and one for the others");
    reload(&gateway, &format!("servers: [{{url: \"{}\", weight: 5}}]", a.url()));
    names(&gateway, 5);
    assert_eq!(a.connections(), 2, "the pool is the same");
    eventually("the held request is still counted", || {
        metric(&gateway, "geovagt_upstream_requests_in_flight", &a.url()) == Some(1.0)
    });
    reload(&gateway, &format!("servers: [\"{}\"]", b.url()));
    assert_eq!(names(&gateway, 5), BTreeMap::from([("b".to_owned(), 5)]));
    a.release(1);
    assert_eq!(held.join().unwrap().header("server-name"), Some("a"), "it finishes what it has");
}

#[test]
fn a_server_that_is_down_is_left_out_and_its_requests_go_elsewhere() {
    let (mut a, b) = (Backend::start("a"), Backend::start("b"));
    let block = format!(
        "servers: [\"{}\", \"{}\"], ejection: {{failures: 3, back_off: 1h, longest: 1h}}",
        a.url(),
        b.url()
    );
    let gateway = started(&block);
    assert_eq!(names(&gateway, 10).len(), 2);
    a.stop();
    assert_eq!(names(&gateway, 40), BTreeMap::from([("b".to_owned(), 40)]));
    assert_eq!(metric(&gateway, "geovagt_upstream_ejections_total", &a.url()), Some(1.0));
    assert_eq!(metric(&gateway, "geovagt_upstream_connect_failures_total", &a.url()), Some(3.0));
    assert_eq!(metric(&gateway, "geovagt_upstream_retries_total", "kilden"), Some(3.0));
    eventually("it is seen to be out", || {
        metric(&gateway, "geovagt_upstream_healthy", &a.url()) == Some(0.0)
    });
    assert_eq!(metric(&gateway, "geovagt_upstream_healthy", &b.url()), Some(1.0));
}

#[test]
fn a_server_that_comes_back_after_its_time_out_is_used_again() {
    let (mut a, b) = (Backend::start("a"), Backend::start("b"));
    let block = format!(
        "servers: [\"{}\", \"{}\"], slow_start: 0s, ejection: {{failures: 1, back_off: 100ms}}",
        a.url(),
        b.url()
    );
    let gateway = started(&block);
    let address = a.address.to_string();
    a.stop();
    let _ = names(&gateway, 10);
    let a = Backend::serve("a", super::support::backend::Speaks::Http1, None, &address);
    eventually("it gets requests again", || {
        names(&gateway, 1);
        a.requests() > 0
    });
}

#[test]
fn the_last_server_is_never_left_out() {
    let (mut a, mut b) = (Backend::start("a"), Backend::start("b"));
    let block = format!(
        "servers: [\"{}\", \"{}\"], ejection: {{failures: 1, back_off: 1h, longest: 1h}}",
        a.url(),
        b.url()
    );
    let gateway = started(&block);
    let (at_a, at_b) = (a.address.to_string(), b.address.to_string());
    a.stop();
    b.stop();
    for _ in 0..10 {
        assert_eq!(ask(&gateway, "/").status, 502);
    }
    let http1 = super::support::backend::Speaks::Http1;
    let a = Backend::serve("a", http1, None, &at_a);
    let b = Backend::serve("b", http1, None, &at_b);
    eventually("somebody answers although one was left out for an hour", || {
        ask(&gateway, "/").status == 200
    });
    assert!(a.requests() + b.requests() > 0);
}

#[test]
fn the_only_server_shows_as_out_when_it_is_dead_and_is_asked_all_the_same() {
    let mut only = Backend::start("only");
    let gateway = started(&format!("servers: [\"{}\"]", only.url()));
    let at = only.address.to_string();
    let url = only.url();
    let part = || {
        let ready = get(gateway.address("operations"), "localhost", "/readyz").send();
        assert_eq!(ready.status, 200, "{}", ready.text());
        let parts = ready.json()["parts"].as_array().unwrap().clone();
        parts.into_iter().find(|part| part["name"] == "upstreams").expect("a part")
    };
    let healthy = |value| {
        eventually("the metric says so", || {
            metric(&gateway, "geovagt_upstream_healthy", &url) == Some(value)
        });
    };
    assert_eq!(ask(&gateway, "/").status, 200);
    healthy(1.0);
    assert_eq!((&part()["ready"], &part()["warning"]), (&true.into(), &false.into()));
    only.stop();
    for _ in 0..6 {
        assert_eq!(ask(&gateway, "/").status, 502);
    }
    healthy(0.0);
    let told = part();
    assert_eq!((&told["ready"], &told["warning"]), (&true.into(), &true.into()), "{told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("kilden") && detail.contains(&url), "{detail}");
    gateway.wait_for_log("it is said", |line| {
        let said = line["fields"]["message"].as_str().unwrap_or_default();
        said.contains("there is no other to ask")
    });
    let _again = Backend::serve("only", super::support::backend::Speaks::Http1, None, &at);
    eventually("it is asked all the same", || ask(&gateway, "/").status == 200);
    healthy(1.0);
    assert_eq!(part()["warning"], false);
}

const CHECKED: &str = "slow_start: 0s, health: {path: /health, interval: 100ms, rise: 2, fall: 2}";

#[test]
fn a_server_whose_checks_fail_gets_nothing_until_they_succeed() {
    let (a, b) = (Backend::start("a"), Backend::start("b"));
    let gateway = started(&format!("servers: [\"{}\", \"{}\"], {CHECKED}", a.url(), b.url()));
    assert_eq!(names(&gateway, 20).len(), 2);
    a.set_health(503);
    let healthy = |value| {
        eventually("the check is heard", || {
            metric(&gateway, "geovagt_upstream_healthy", &a.url()) == Some(value)
        });
    };
    healthy(0.0);
    let before = a.requests();
    assert_eq!(names(&gateway, 20), BTreeMap::from([("b".to_owned(), 20)]));
    assert_eq!(a.requests(), before);
    a.set_health(204);
    healthy(1.0);
    assert_eq!(names(&gateway, 20).len(), 2);
}

#[test]
fn where_all_checks_fail_the_servers_are_tried_all_the_same() {
    let (a, b) = (Backend::start("a"), Backend::start("b"));
    let gateway = started(&format!("servers: [\"{}\", \"{}\"], {CHECKED}", a.url(), b.url()));
    a.set_health(500);
    b.set_health(500);
    for server in [&a, &b] {
        eventually("both checks fail", || {
            metric(&gateway, "geovagt_upstream_healthy", &server.url()) == Some(0.0)
        });
    }
    assert_eq!(names(&gateway, 10).values().sum::<usize>(), 10);
}

#[test]
fn a_check_that_breaks_off_is_a_failure() {
    let liar = RawUpstream::start(|mut stream| {
        use std::io::Write as _;
        let head = read_until(&mut stream, "\r\n\r\n");
        let body = if head.starts_with("GET /health") { "cut" } else { "whole body" };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{body}");
    });
    let b = Backend::start("b");
    let gateway = started(&format!("servers: [\"{}\", \"{}\"], {CHECKED}", liar.url(), b.url()));
    eventually("it is out", || {
        metric(&gateway, "geovagt_upstream_healthy", &liar.url()) == Some(0.0)
    });
    assert_eq!(names(&gateway, 10), BTreeMap::from([("b".to_owned(), 10)]));
}

#[test]
fn what_may_be_asked_again_has_a_budget() {
    let (mut a, b) = (Backend::start("a"), Backend::start("b"));
    let block = format!(
        "servers: [\"{}\", \"{}\"], ejection: {{failures: 1000}}, retries: {{percent: 0, floor: 4}}",
        a.url(),
        b.url()
    );
    let gateway = started(&block);
    a.stop();
    let status = || ask(&gateway, "/").status;
    let answers: Vec<u16> = (0..40).map(|_| status()).collect();
    let retried = metric(&gateway, "geovagt_upstream_retries_total", "kilden").unwrap();
    let failed = metric(&gateway, "geovagt_upstream_connect_failures_total", &a.url()).unwrap();
    let unanswered = answers.iter().filter(|status| **status == 502).count();
    assert_eq!(failed, retried + unanswered as f64, "{answers:?}");
    assert!(unanswered > 0 && retried >= 4.0, "{answers:?}");
    // A window is ten seconds: more than two of them this loop cannot have seen on any machine that
    // is of use, and each gives four.
    assert!(retried <= 16.0, "{retried}");
}

#[test]
fn a_post_goes_elsewhere_where_no_connection_came_about_and_is_sent_once() {
    let (mut a, b) = (Backend::start("a"), Backend::start("b"));
    let block =
        format!("servers: [\"{}\", \"{}\"], ejection: {{failures: 1000}}", a.url(), b.url());
    let gateway = started(&block);
    a.stop();
    for _ in 0..10 {
        let mut post = get(gateway.address("web"), HOST, "/").from(DENMARK).method("POST");
        post = post.header("Expect-Nothing", "x");
        assert_eq!(post.send().status, 200);
    }
    assert_eq!(b.requests(), 10);
}

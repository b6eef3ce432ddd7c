//! A lost device: one action, and within a second nothing of the person's goes on anywhere.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::browsing::Browser;
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

fn started() -> (RawUpstream, Gateway) {
    let upstream = RawUpstream::lasting();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for name in ["anna.holm", "bo.lund"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    (upstream, gateway)
}

/// A browser's request with its session, from this address.
fn with_session(browser: &Browser, address: &str, target: &str, more: &str) -> String {
    let cookie = format!("Cookie: geovagt={}\r\n{more}", browser.cookie("geovagt").unwrap());
    head(target, &cookie).replace(DENMARK, address)
}

fn signed_in(gateway: &Gateway, name: &str, address: &str) -> Browser {
    let mut browser = Browser::at(gateway, HOST, address);
    browser.sign_in(name, PASSWORD);
    browser
}

/// Everything that lasts: a stream, a poll, a tunnel and an upload.
fn begin(gateway: &Gateway, browser: &Browser, address: &str) -> Vec<TcpStream> {
    let web = gateway.address("web");
    let mut stream = connect(web, &with_session(browser, address, "/stream", ""));
    read_until(&mut stream, "data: 1");
    let poll = connect(web, &with_session(browser, address, "/poll", ""));
    let mut tunnel = connect(web, &with_session(browser, address, "/tunnel", UPGRADE));
    read_until(&mut tunnel, "open");
    let upload = with_session(browser, address, "/take", "Content-Length: 100000000\r\n");
    let mut upload = connect(web, &upload.replacen("GET ", "POST ", 1));
    upload.write_all(&[b'.'; 4096]).unwrap();
    vec![stream, poll, tunnel, upload]
}

fn all_end(connections: Vec<TcpStream>) {
    for mut connection in connections {
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let rest = read_rest(&mut connection);
        assert!(!rest.contains("0\r\n\r\n"), "what was cut never looks whole: {rest:.200}");
    }
}

fn is_open(connection: &mut TcpStream) -> bool {
    connection.set_nonblocking(true).unwrap();
    let mut buffer = [0; 1];
    let open = match connection.peek(&mut buffer) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    };
    connection.set_nonblocking(false).unwrap();
    open
}

#[test]
fn a_lost_device_ends_exemption_session_and_all_that_runs() {
    let (_upstream, gateway) = started();
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    let web = gateway.address("web");
    eventually("the door is open", || {
        get(web, HOST, "/").from(THAILAND).browser().send().status == 303
    });
    let mut abroad = signed_in(&gateway, "anna.holm", THAILAND);
    let mut home = signed_in(&gateway, "anna.holm", DENMARK);
    let mut bo = signed_in(&gateway, "bo.lund", DENMARK);
    let (there, here) = (begin(&gateway, &abroad, THAILAND), begin(&gateway, &home, DENMARK));
    let mut others = begin(&gateway, &bo, DENMARK);
    let lost = ["exemption", "lost-device", &id, "--reason", "Stjålet i lufthavnen", "--json"];
    let printed = gateway.command(&lost).expect_code(0).json();
    let told = Instant::now();
    assert_eq!(printed["exemptions"], serde_json::json!([id]));
    all_end(there);
    all_end(here);
    let took = told.elapsed();
    eprintln!("everything had ended after {took:?}");
    assert_eq!(abroad.open("/").status, 403);
    // At home the session is no more: Anna is a visitor again, whom the site does not ask.
    let seen = home.open("/.geovagt/");
    assert!(seen.text().contains("Du er ikke logget ind"), "{}", seen.text());
    assert!(bo.open("/.geovagt/").text().contains("bo.lund"));
    assert!(others.iter_mut().all(is_open), "nobody else loses anything");
    // Signing in anew begins something new; the exemption stays away.
    home.sign_in("anna.holm", PASSWORD);
    assert!(home.open("/.geovagt/").text().contains("anna.holm"));
    assert_eq!(home.moved_to(THAILAND).open("/").status, 403);
    for action in ["exemption_revoked", "person_ended"] {
        eventually("it is in the log", || {
            gateway.command(&["audit", "search", "--json", "--action", action]).out.contains("anna")
        });
    }
}

#[test]
fn a_person_is_lost_by_name_too() {
    let (_upstream, gateway) = started();
    let mut anna = signed_in(&gateway, "anna.holm", DENMARK);
    let running = begin(&gateway, &anna, DENMARK);
    let lost = |name: &str| gateway.command(&["user", "lost", name, "--organization", "ballerup"]);
    lost("nobody").expect_code(1);
    lost("anna.holm").expect_code(0);
    all_end(running);
    assert!(anna.open("/.geovagt/").text().contains("Du er ikke logget ind"));
}

#[test]
fn without_an_exemption_a_locked_account_loses_its_connections() {
    let (_upstream, gateway) = started();
    let anna = signed_in(&gateway, "anna.holm", DENMARK);
    let running = begin(&gateway, &anna, DENMARK);
    gateway.command(&["user", "lock", "anna.holm", "--organization", "ballerup"]).expect_code(0);
    all_end(running);
}

#[test]
fn a_connection_ends_with_its_session_and_no_other() {
    let (_upstream, gateway) = started();
    let mut anna = signed_in(&gateway, "anna.holm", DENMARK);
    let elsewhere = signed_in(&gateway, "anna.holm", DENMARK);
    let running = begin(&gateway, &anna, DENMARK);
    let mut others = begin(&gateway, &elsewhere, DENMARK);
    let page = anna.open("/.geovagt/sign-out");
    assert_eq!(anna.press(&page, "/.geovagt/sign-out").status, 200);
    all_end(running);
    assert!(others.iter_mut().all(is_open), "the other session goes on");
}

#[test]
fn a_connection_ends_with_the_device_it_goes_on_by() {
    let (_upstream, gateway) = started();
    let leg = format!("TH {}", crate::support::gateway::journey());
    let line = [
        "exemption",
        "grant",
        "--json",
        "--organization",
        "ballerup",
        "--person",
        "anna.holm",
        "--leg",
        &leg,
        "--purpose",
        "x",
        "--case",
        "1",
        "--site",
        "kilden",
        "--demand",
        "device",
    ];
    let id = gateway.command(&line).expect_code(0).json()["id"].as_str().unwrap().to_owned();
    let link = gateway.command(&["exemption", "link", &id, "--json"]).expect_code(0).json();
    let link = link["link"]
        .as_str()
        .unwrap()
        .strip_prefix("https://kilden.example.dk")
        .unwrap()
        .to_owned();
    let mut anna = signed_in(&gateway, "anna.holm", DENMARK);
    let page = anna.open(&link);
    assert_eq!(anna.press(&page, &link).status, 200);
    let mut there = anna.clone().moved_to(THAILAND);
    eventually("the journey has begun", || there.open("/").status == 200);
    let device = format!("; geovagt-device={}", anna.cookie("geovagt-device").unwrap());
    let request = with_session(&anna, THAILAND, "/stream", "");
    let cookie = format!("geovagt={}", anna.cookie("geovagt").unwrap());
    let request = request.replace(&cookie, &format!("{cookie}{device}"));
    eventually("the device opens the door", || {
        let mut probe = connect(gateway.address("web"), &request.replace("/stream", "/"));
        read_until(&mut probe, "\r\n\r\n").starts_with("HTTP/1.1 200")
    });
    let mut stream = connect(gateway.address("web"), &request);
    read_until(&mut stream, "data: 1");
    let bound = gateway.command(&["exemption", "device", &id, "--json"]).expect_code(0).json();
    let binding = bound[0]["id"].as_str().unwrap();
    gateway.command(&["exemption", "device", &id, "--revoke", binding]).expect_code(0);
    all_end(vec![stream]);
}

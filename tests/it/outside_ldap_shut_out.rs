//! Whoever a real directory shuts out is out everywhere, and stays out whatever happens to the
//! gateway or to the directory meanwhile.

use std::io::Write as _;
use std::time::Duration;

use crate::support::browsing::Browser;
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::slapd::{BASE, PASSWORD, Slapd};

const HOST: &str = "kilden.example.dk";

/// Streams without end at `/stream`, and answers everything else.
fn upstream() -> RawUpstream {
    RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        if head.starts_with("GET /stream ") {
            let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(begin).unwrap();
            while stream.write_all(b"9\r\ndata: 1\n\n\r\n").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        } else {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
    })
}

fn running(provider: &str) -> (RawUpstream, Gateway) {
    let upstream = upstream();
    let text = configuration(&upstream.url(), "")
        .replacen("identity_providers: [local]", "identity_providers: [catalogue]", 1)
        .replacen("identity:\n", &format!("identity:\n{provider}"), 1)
        .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,");
    (upstream, Gateway::start(&text))
}

fn grant(gateway: &Gateway, person: &str) -> String {
    let id = gateway.grant(person, "TH", &["kilden"]);
    door_is_open(gateway);
    id
}

fn door_is_open(gateway: &Gateway) {
    let web = gateway.address("web");
    eventually("the door", || get(web, HOST, "/").from(THAILAND).send().status == 401);
}

fn signed_in(gateway: &Gateway, name: &str) -> Browser {
    let mut browser = Browser::at(gateway, HOST, THAILAND);
    browser.sign_in(name, PASSWORD);
    browser
}

fn session(gateway: &Gateway, browser: &Browser) -> u16 {
    let cookie = format!("geovagt={}", browser.cookie("geovagt").unwrap());
    get(gateway.address("web"), HOST, "/").from(THAILAND).header("Cookie", &cookie).send().status
}

fn basic(gateway: &Gateway, from: &str, password: &str) -> u16 {
    get(gateway.address("web"), HOST, "/").from(from).basic("anna", password).send().status
}

fn lock(slapd: &Slapd, name: &str) {
    slapd.modify(&format!(
        "dn: uid={name},{BASE}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"
    ));
}

#[test]
fn a_reload_while_the_directory_is_away_brings_nobody_back() {
    let mut slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd.provider("    remember: 0s\n"));
    grant(&gateway, "anna");
    let browser = signed_in(&gateway, "anna");
    assert_eq!(session(&gateway, &browser), 200);
    lock(&slapd, "anna");
    assert_eq!(basic(&gateway, "61.19.3.1", PASSWORD), 403);
    assert_eq!(session(&gateway, &browser), 401);
    slapd.stop();
    gateway.signal("HUP");
    gateway.wait_for_log("it reloads", |line| {
        line["fields"]["message"] == "the configuration was taken anew"
    });
    assert_eq!(session(&gateway, &browser), 401);
}

#[test]
fn an_unclear_traveller_keeps_nobody_else_from_being_looked_up() {
    let slapd = Slapd::start();
    let number = |dn: &str, number: u8| {
        slapd.modify(&format!(
            "dn: {dn},{BASE}\nchangetype: modify\nadd: employeeNumber\nemployeeNumber: {number}\n"
        ));
    };
    number("uid=bo", 1);
    number("uid=anna", 2);
    let (_upstream, mut gateway) = running(&slapd.provider("    subject: employeeNumber\n"));
    grant(&gateway, "anna");
    let browser = signed_in(&gateway, "anna");
    assert_eq!(session(&gateway, &browser), 200);
    grant(&gateway, "bo");
    gateway.stop();
    number("cn=en", 1);
    lock(&slapd, "anna");
    gateway.run();
    door_is_open(&gateway);
    eventually("she is looked up after him", || session(&gateway, &browser) == 401);
}

#[test]
fn whom_the_directory_locks_has_neither_an_address_nor_a_stream_left() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd.provider("    remember: 0s\n"));
    grant(&gateway, "anna");
    let page = "/.geovagt/adresse";
    let mut browser = signed_in(&gateway, "anna");
    let asks = browser.open(page);
    assert_eq!(browser.press(&asks, page).status, 200);
    let program = || get(gateway.address("web"), HOST, "/").from(THAILAND).send().status;
    assert_eq!(program(), 200);
    let credentials = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("anna:{PASSWORD}"))
    };
    let request = head("/stream", &format!("Authorization: Basic {credentials}\r\n"));
    // From where there is no grant.
    let request = request.replace(DENMARK, "61.19.4.1");
    let mut stream = connect(gateway.address("web"), &request);
    read_until(&mut stream, "data: 1");
    lock(&slapd, "anna");
    assert_eq!(basic(&gateway, "61.19.3.1", PASSWORD), 403);
    assert_eq!(program(), 401);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let rest = read_rest(&mut stream);
    assert!(!rest.contains("0\r\n\r\n"), "what was cut never looks whole: {rest:.200}");
}

#[test]
fn a_password_from_before_a_lost_device_is_asked_anew() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd.provider("    remember: 10m\n"));
    let id = grant(&gateway, "anna");
    assert_eq!(basic(&gateway, "61.19.3.1", PASSWORD), 200);
    gateway.command(&["exemption", "lost-device", &id, "--reason", "Stjålet"]).expect_code(0);
    slapd.modify(&format!(
        "dn: uid=anna,{BASE}\nchangetype: modify\nreplace: userPassword\nuserPassword: en ny adgangskode 42\n"
    ));
    eventually("the door is closed", || {
        get(gateway.address("web"), HOST, "/").from(THAILAND).send().status == 403
    });
    grant(&gateway, "anna");
    assert_eq!(basic(&gateway, "61.19.3.2", "en ny adgangskode 42"), 200);
    assert_eq!(basic(&gateway, "61.19.3.3", PASSWORD), 403);
}

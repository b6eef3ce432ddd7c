//! Address grants, and the site where people sign in: what opens to programs and to a whole country,
//! and how little of it.

use crate::support::browsing::Browser;
use crate::support::client::{Answer, get};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";
const MAIL: &str = "mail.example.dk";
const PAGE: &str = "/.geovagt/adresse";
/// In the same /64, in the next one: both Thai.
const THAI_V6: [&str; 3] = ["2404:8d00::1", "2404:8d00::ffff:1", "2404:8d00:0:1::1"];

fn started(change: impl Fn(String) -> String) -> (Upstream, Gateway, String) {
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "")
        .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,");
    let gateway = Gateway::start(&change(text));
    for name in ["anna.holm", "bo.lund"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    let id = gateway.grant("anna.holm", "TH", &["kilden", "mail"]);
    let web = gateway.address("web");
    eventually("the door is open", || {
        get(web, HOST, "/").from(THAILAND).browser().send().status == 303
    });
    (upstream, gateway, id)
}

/// A program that can neither sign in nor show anything.
fn program(gateway: &Gateway, host: &str, address: &str) -> Answer {
    get(gateway.address("web"), host, "/EWS/x").from(address).send()
}

fn granted(gateway: &Gateway, address: &str) -> Browser {
    let mut browser = Browser::at(gateway, HOST, address);
    browser.sign_in("anna.holm", PASSWORD);
    let page = browser.open(PAGE);
    assert_eq!(page.status, 200, "{}", page.text());
    let done = browser.press(&page, PAGE);
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("slipper igennem"), "{}", done.text());
    browser
}

#[test]
fn an_address_passes_to_one_site_until_it_is_ended() {
    let (_upstream, gateway, _) = started(|text| text);
    assert_eq!(program(&gateway, HOST, THAILAND).status, 401);
    let mut browser = granted(&gateway, THAILAND);
    let passed = program(&gateway, HOST, THAILAND);
    assert_eq!(passed.status, 200);
    // The upstream is not told that this is Anna: the address does not say so.
    assert!(!passed.text().to_lowercase().contains("x-geovagt-user"), "{}", passed.text());
    // Neither the next address, nor another site, nor another country.
    assert_eq!(program(&gateway, HOST, "61.19.0.2").status, 401);
    assert_eq!(program(&gateway, MAIL, THAILAND).status, 401);
    assert_eq!(program(&gateway, HOST, CHINA).status, 403);
    // It is no sign-in: the gateway's own pages still ask.
    let stranger = get(gateway.address("web"), HOST, PAGE).from(THAILAND).browser().send();
    assert!(!stranger.text().contains("61.19.0.1/32 "), "{}", stranger.text());
    assert_eq!(stranger.status, 403);
    let seen = browser.open("/.geovagt/");
    assert!(seen.text().contains("Slipper igennem uden log-in"), "{}", seen.text());
    let page = browser.open(PAGE);
    assert!(page.text().contains("61.19.0.1/32"), "{}", page.text());
    let ended = browser.press(&page, "/.geovagt/adresse/slut");
    assert!(ended.text().contains("lukket"), "{}", ended.text());
    assert_eq!(program(&gateway, HOST, THAILAND).status, 401);
    for action in ["address_granted", "address_grant_ended"] {
        eventually("it is in the log", || {
            let found = gateway.command(&["audit", "search", "--json", "--action", action]);
            found.out.contains("anna.holm") && found.out.contains(THAILAND)
        });
    }
}

#[test]
fn in_ipv6_a_network_of_64_bits_passes() {
    let (_upstream, gateway, _) = started(|text| text);
    granted(&gateway, THAI_V6[0]);
    assert_eq!(program(&gateway, HOST, THAI_V6[1]).status, 200);
    assert_eq!(program(&gateway, HOST, THAI_V6[2]).status, 401);
}

#[test]
fn nobody_else_begins_or_ends_it() {
    let (_upstream, gateway, _) = started(|text| text);
    // Bo signs in at home, and stands in Thailand with his session: he has no exemption.
    let mut bo = Browser::at(&gateway, HOST, DENMARK);
    bo.sign_in("bo.lund", PASSWORD);
    let token = crate::support::browsing::hidden(&bo.open("/.geovagt/sign-out").text(), "csrf");
    let mut bo = bo.moved_to(THAILAND);
    assert_eq!(bo.post(PAGE, &format!("csrf={token}")).status, 403);
    assert_eq!(program(&gateway, HOST, THAILAND).status, 401);
    // Anna at home begins nothing either: there is nothing to let pass.
    let mut home = Browser::at(&gateway, HOST, DENMARK);
    home.sign_in("anna.holm", PASSWORD);
    let token = crate::support::browsing::hidden(&home.open("/.geovagt/sign-out").text(), "csrf");
    assert_eq!(home.post(PAGE, &format!("csrf={token}")).status, 403);
    // Another site's form, and none, begin nothing; nor does opening the page.
    let mut anna = Browser::at(&gateway, HOST, THAILAND);
    anna.sign_in("anna.holm", PASSWORD);
    assert_eq!(anna.open(PAGE).status, 200);
    anna.post(PAGE, "csrf=AAAA");
    anna.post(PAGE, "");
    assert_eq!(program(&gateway, HOST, THAILAND).status, 401);
    granted(&gateway, THAILAND);
    bo.post("/.geovagt/adresse/slut", &format!("csrf={token}"));
    assert_eq!(program(&gateway, HOST, THAILAND).status, 200);
    // Where the site does not offer it there is no such page.
    let mut mail = Browser::at(&gateway, MAIL, THAILAND);
    mail.sign_in("anna.holm", PASSWORD);
    assert_eq!(mail.open(PAGE).status, 404);
}

#[test]
fn a_grant_outlives_a_restart_and_ends_with_its_exemption() {
    let (_upstream, mut gateway, id) = started(|text| text);
    granted(&gateway, THAILAND);
    assert_eq!(gateway.stop(), Some(0));
    gateway.run();
    assert_eq!(program(&gateway, HOST, THAILAND).status, 200);
    gateway.command(&["exemption", "revoke", &id, "--reason", "x"]).expect_code(0);
    eventually("the grant is over", || program(&gateway, HOST, THAILAND).status == 403);
}

#[test]
fn a_grant_ends_with_its_person() {
    let (_upstream, gateway, _) = started(|text| text);
    granted(&gateway, THAILAND);
    // Another journey of Anna's would let her in again; the grant is over all the same.
    gateway.command(&["user", "lost", "anna.holm", "--organization", "ballerup"]).expect_code(0);
    gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the grant is over", || program(&gateway, HOST, THAILAND).status == 401);
}

#[test]
fn an_address_is_no_answer_where_everybody_is_asked() {
    let (_upstream, gateway, _) = started(|text| {
        text.replace(
            "address_grant: 1h,",
            "address_grant: 1h, paths: [{path: /EWS/, authentication: always}],",
        )
    });
    granted(&gateway, THAILAND);
    assert_eq!(get(gateway.address("web"), HOST, "/").from(THAILAND).send().status, 200);
    assert_eq!(program(&gateway, HOST, THAILAND).status, 401);
}

#[test]
fn the_site_to_sign_in_at_opens_to_the_country_of_a_journey_alone() {
    let (_upstream, gateway, id) = started(|text| {
        text.replace("hosts: [open.example.dk],", "hosts: [open.example.dk], sign_in: true,")
    });
    let login = |address| program(&gateway, "open.example.dk", address).status;
    assert_eq!((login(THAILAND), login(CHINA), login(DENMARK)), (200, 403, 200));
    gateway.command(&["exemption", "close", &id]).expect_code(0);
    eventually("nobody travels there", || login(THAILAND) == 403);
}

#[test]
fn nobodys_password_is_proven_where_a_whole_country_gets_in_to_sign_in() {
    let (_upstream, gateway, _) = started(|text| {
        text.replace("hosts: [open.example.dk],", "hosts: [open.example.dk], sign_in: true,")
            .replace("hosts: [mail.example.dk],", "hosts: [mail.example.dk], sign_in: true,")
    });
    let named = |address: &str| {
        let login = get(gateway.address("web"), "open.example.dk", "/").from(address);
        let answer = login.basic("bo.lund", PASSWORD).send();
        assert_eq!(answer.status, 200);
        answer.text().to_lowercase().contains("x-geovagt-user")
    };
    assert!(!named(THAILAND), "the country is let in, and Bo does not travel");
    assert!(named(DENMARK));
    let mut bo = Browser::at(&gateway, MAIL, THAILAND);
    assert_eq!(bo.open("/").status, 200);
    assert_ne!(bo.try_sign_in("bo.lund", PASSWORD).status, 303);
    assert_eq!(Browser::at(&gateway, MAIL, DENMARK).try_sign_in("bo.lund", PASSWORD).status, 303);
}

/// Whoever has the device in their hands has its address grants too, also where the journey does not
/// demand a device.
#[test]
fn a_device_that_is_taken_back_takes_its_grants_along() {
    let (_upstream, gateway, id) = started(|text| text);
    let link = gateway.command(&["exemption", "link", &id, "--json"]).expect_code(0).json();
    let link = link["link"].as_str().unwrap();
    let link = link.strip_prefix(&format!("https://{HOST}")).unwrap();
    let mut anna = Browser::at(&gateway, HOST, DENMARK);
    anna.sign_in("anna.holm", PASSWORD);
    let page = anna.open(link);
    assert_eq!(anna.press(&page, link).status, 200);
    let mut anna = anna.moved_to(THAILAND);
    let page = anna.open(PAGE);
    assert_eq!(anna.press(&page, PAGE).status, 200);
    granted(&gateway, "61.19.0.2");
    let passes = |address| program(&gateway, HOST, address).status;
    assert_eq!((passes(THAILAND), passes("61.19.0.2")), (200, 200));
    let bound = gateway.command(&["exemption", "device", &id, "--json"]).expect_code(0).json();
    let binding = bound[0]["id"].as_str().unwrap();
    gateway.command(&["exemption", "device", &id, "--revoke", binding]).expect_code(0);
    eventually("its grant is over", || passes(THAILAND) == 401);
    assert_eq!(passes("61.19.0.2"), 200, "another device's goes on");
}

//! One person's data through the pages: seen, deleted, and two together find out whom a pseudonym
//! stands for.

use crate::support::client::get;
use crate::support::desk::{Desk, between};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::CHINA;
use crate::support::upstream::Upstream;

const PASSWORD: &str = "korrekt hest batteri klammer";

fn office(upstream: &Upstream) -> (Gateway, Desk, Desk) {
    let roles =
        "identity_providers: [local]\n    roles: {security: [sofie.lind], dpo: [dorte.krogh]}";
    let admin = "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n";
    let text =
        configuration(&upstream.url(), admin).replacen("identity_providers: [local]", roles, 1);
    let gateway = Gateway::start(&text);
    for name in ["sofie.lind", "dorte.krogh", "anna.holm"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    let at = gateway.address("admin");
    let sign_in = |name| Desk::signed_in(at, name, PASSWORD);
    let (security, officer) = (sign_in("sofie.lind"), sign_in("dorte.krogh"));
    (gateway, security, officer)
}

#[test]
fn two_people_find_out_on_the_pages_whom_a_pseudonym_stands_for() {
    let upstream = Upstream::start();
    let (gateway, security, officer) = office(&upstream);
    let rejected = get(gateway.address("web"), "kilden.example.dk", "/").from(CHINA).send();
    let reference = rejected.header("geovagt-reference").expect("a rejection").to_owned();
    let mut entry = String::new();
    eventually("it is in the log", || {
        entry = gateway.command(&["audit", "search", "--reference", &reference, "--json"]).out;
        !entry.is_empty()
    });
    let order = ["audit", "pseudonymise", "--why", "no_longer_needed", "--by", "Dorte"];
    gateway.command(&order).expect_code(0);
    let entry = gateway.command(&["audit", "search", "--reference", &reference, "--json"]).json();
    let pseudonym = entry["client"]["ip"].as_str().unwrap().to_owned();
    assert!(pseudonym.starts_with("pseudonym:"), "{entry}");
    let ask = |wanted: &str, reason: &str| {
        let wanted: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        security.post("/insight/pseudonyms", &format!("wanted={wanted}&reason={reason}"))
    };
    assert_eq!(ask("anna.holm", "anmeldelse").status, 422, "that is no pseudonym");
    assert_eq!(ask(&pseudonym, "").status, 422, "and nobody asks without a reason");
    let asked = ask(&pseudonym, "anmeldelse");
    assert_eq!(asked.status, 303, "{}", asked.text());
    let own = security.get("/insight/pseudonyms").text();
    assert!(own.contains(&pseudonym), "{own}");
    assert_eq!(between(&own, "action=\"/insight/pseudonyms/", "\""), None, "no answer to oneself");
    let page = officer.get("/insight/pseudonyms").text();
    let id = between(&page, "action=\"/insight/pseudonyms/", "\"").expect("a question").to_owned();
    let answer = format!("/insight/pseudonyms/{id}");
    let refused = security.post(&answer, "");
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(!refused.text().contains(CHINA));
    let told = officer.post(&answer, "");
    assert!(told.status == 200 && told.text().contains(CHINA), "{}", told.text());
    assert_eq!(officer.post(&answer, "").status, 404, "it is told once");
    let done = ["audit", "search", "--json", "--action", "reidentified"];
    eventually("it stands in the log", || gateway.command(&done).out.contains("dorte.krogh"));
}

#[test]
fn a_person_is_seen_and_deleted_on_the_pages() {
    let upstream = Upstream::start();
    let (gateway, security, officer) = office(&upstream);
    let traveller = Desk::signed_in(gateway.address("admin"), "anna.holm", PASSWORD);
    let seen = officer.get("/insight/person?name=anna.holm");
    assert!(
        seen.status == 200 && seen.text().contains("Log-ind i administrationen"),
        "{}",
        seen.text()
    );
    // A journey that came to nothing, with the messages about it.
    let journey = applied(&gateway);
    let withdraw = ["exemption", "withdraw", &journey, "--by", "Bente Lund"];
    gateway.command(&withdraw).expect_code(0);
    let held = |section: &str| {
        let file = officer.get("/insight/person/anna.holm/file/json").json();
        let sections = file["sections"].as_array().unwrap();
        let found = sections.iter().find(|one| one["id"] == section);
        found.map_or(0, |found| found["items"].as_array().unwrap().len())
    };
    assert!(held("notices") > 0 && held("exemptions") == 1);
    for nobody in [&security, &traveller] {
        assert_eq!(nobody.get("/insight/person?name=anna.holm").status, 403);
        assert_eq!(nobody.post("/insight/person/forget", "name=anna.holm").status, 403);
    }
    let without_token = officer.post_with("/insight/person/forget", "name=anna.holm");
    assert_eq!(without_token.status, 403);
    let gone = officer.post("/insight/person/forget", "name=anna.holm");
    assert!(gone.status == 200 && gone.text().contains("Slettet: anna.holm"), "{}", gone.text());
    assert!(gone.text().contains("Konto"), "the account stays, and why is said: {}", gone.text());
    assert_eq!((held("notices"), held("exemptions"), held("accounts")), (0, 1, 1));
    eventually("it stands in the log", || {
        let done = ["audit", "search", "--json", "--action", "person_forgotten"];
        let entries = gateway.command(&done).out;
        entries.contains("anna.holm") && entries.contains("dorte.krogh")
    });
}

fn applied(gateway: &Gateway) -> String {
    let line = [
        "exemption",
        "apply",
        "--organization",
        "ballerup",
        "--person",
        "anna.holm",
        "--leg",
        "TH 2099-01-01..2099-01-08",
        "--site",
        "kilden",
        "--purpose",
        "Studietur",
        "--device",
        "iPad",
        "--telephone",
        "+45 20 00 00 00",
        "--mail",
        "rejse@example.net",
        "--by",
        "Bente Lund",
    ];
    gateway.command(&line).expect_code(0).out.trim().to_owned()
}

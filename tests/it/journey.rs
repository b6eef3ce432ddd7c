//! The journey as people live it: applied for, decided by others, used, prolonged, ended; and the
//! call from in front of the wall.

use crate::support::client::{Answer, get, post_form};
use crate::support::gateway::{
    Gateway, Printed, configuration, eventually, eventually_some, journey, today,
};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";
const HOME: &str = "/.geovagt/hjemme";

fn running() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let configuration = configuration(&upstream.url(), "").replace(
        "two_approvers: [RU, CN]",
        "two_approvers: [RU, CN], lead_days: 0, emergency: {sites: [kilden]}",
    );
    let gateway = Gateway::start(&configuration);
    for name in ["anna.holm", "bo.lund"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    gateway.add_user("eva.egedal", "egedal", PASSWORD);
    (upstream, gateway)
}

fn ask(gateway: &Gateway, host: &str, address: &str) -> Answer {
    get(gateway.address("web"), host, "/").from(address).basic("anna.holm", PASSWORD).send()
}

/// The status that the bound phone gets.
fn from_the_phone(gateway: &Gateway, host: &str, address: &str) -> u16 {
    let path = "/Microsoft-Server-ActiveSync?Cmd=Ping&DeviceId=APPL1&DeviceType=iPad";
    let request = get(gateway.address("web"), host, path).from(address);
    request.basic("anna.holm", PASSWORD).send().status
}

fn apply(gateway: &Gateway, leg: &str, by: &str) -> Printed {
    gateway.command(&[
        "exemption",
        "apply",
        "--json",
        "--organization",
        "ballerup",
        "--person",
        "anna.holm",
        "--leg",
        leg,
        "--site",
        "kilden",
        "--purpose",
        "Studietur",
        "--device",
        "iPad",
        "--device",
        "PC",
        "--telephone",
        "+45 20 00 00 00",
        "--mail",
        "anna@example.net",
        "--by",
        by,
    ])
}

fn applied(gateway: &Gateway, leg: &str) -> String {
    let printed = apply(gateway, leg, "Bente Lund").expect_code(0).json();
    assert_eq!(printed["state"], "applied");
    printed["id"].as_str().unwrap().to_owned()
}

/// A journey that has begun, as an application cannot ask for it by days.
fn from_now_on(codes: &str) -> String {
    let now = jiff::Timestamp::now();
    let soon = now + jiff::SignedDuration::from_secs(2);
    format!("{codes} {soon:.0}..{:.0}", now + jiff::SignedDuration::from_hours(100))
}

fn decide(gateway: &Gateway, step: &str, id: &str, by: &str) -> Printed {
    gateway.command(&["exemption", step, "--json", id, "--by", by])
}

fn listed(gateway: &Gateway, state: &str) -> Vec<String> {
    let list = gateway.command(&["exemption", "list", "--json", "--state", state]);
    let list = list.expect_code(0).json();
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn entries(gateway: &Gateway, arguments: &[&str]) -> Vec<serde_json::Value> {
    let printed = gateway.command(&[&["audit", "search", "--json"], arguments].concat());
    printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_application_opens_once_two_others_have_approved_it() {
    let (_upstream, gateway) = running();
    let id = applied(&gateway, &from_now_on("CN"));
    assert_eq!(listed(&gateway, "applied"), [id.as_str()]);
    for (by, why) in [
        ("bente lund", "the one who applied cannot decide"),
        ("Anna.Holm", "for their own journey"),
    ] {
        let refused = decide(&gateway, "approve", &id, by).expect_code(1);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    let first = decide(&gateway, "approve", &id, "Carl Friis").expect_code(0);
    assert_eq!(first.json()["state"], "awaiting_approval");
    assert!(first.err.contains("waits for one more person"), "{}", first.err);
    assert_eq!(listed(&gateway, "awaiting"), [id.as_str()]);
    decide(&gateway, "approve", &id, "Carl Friis").expect_code(1);
    assert_eq!(ask(&gateway, HOST, CHINA).status, 403);
    decide(&gateway, "approve", &id, "Dorte Bak").expect_code(0);
    gateway.command(&["exemption", "device", &id, "--activesync", "APPL1"]).expect_code(0);
    eventually("the approved application counts", || from_the_phone(&gateway, HOST, CHINA) == 200);
    assert_eq!(ask(&gateway, HOST, CHINA).status, 403, "a device is demanded where two approve");
    assert_eq!(listed(&gateway, "active"), [id.as_str()]);
    assert_eq!(from_the_phone(&gateway, "mail.example.dk", CHINA), 403);
    assert_eq!(from_the_phone(&gateway, HOST, THAILAND), 403);
    let late = decide(&gateway, "refuse", &id, "Erik").code;
    assert_eq!(late, 2, "a refusal has a reason");
    let late = gateway.command(&["exemption", "refuse", &id, "--reason", "nej", "--by", "Erik"]);
    assert!(late.expect_code(1).err.contains("it is active (approved by Dorte Bak at"));
    let shown = gateway.command(&["exemption", "show", "--json", &id]).expect_code(0).json();
    assert_eq!(shown["application"]["devices"], serde_json::json!(["iPad", "PC"]));
    assert_eq!(shown["application"]["mail"], "anna@example.net");
    assert_eq!(shown["application"]["by"]["name"], "Bente Lund");
    assert_eq!(shown["granted_by"]["name"], "Dorte Bak");
    let mut told = Vec::new();
    eventually("every step stands in the log", || {
        told = entries(&gateway, &["--user", "anna.holm"])
            .iter()
            .filter(|entry| entry["geovagt"]["exemption"] == id.as_str())
            .filter(|entry| entry["event"]["action"].as_str().unwrap().starts_with("exemption_"))
            .map(|entry| format!("{} {}", entry["event"]["action"], entry["user"]["name"]))
            .collect();
        told.len() == 3
    });
    assert_eq!(
        told,
        [
            "\"exemption_approved\" \"Dorte Bak\"",
            "\"exemption_approved\" \"Carl Friis\"",
            "\"exemption_applied\" \"Bente Lund\"",
        ]
    );
}

#[test]
fn an_application_is_refused_with_its_reason_or_taken_back() {
    let (_upstream, gateway) = running();
    let bad = apply(&gateway, "TH 2026-01-01..2027-12-08", " ").expect_code(1);
    for part in ["--by is empty", "30 days", "geovagt: nothing was applied for"] {
        assert!(bad.err.contains(part), "{part}: {}", bad.err);
    }
    let id = applied(&gateway, &from_now_on("TH"));
    let reason = "Rejsen er privat, jf. retningslinjens punkt 3";
    let arguments = ["exemption", "refuse", &id, "--by", "Carl Friis", "--reason"];
    gateway.command(&[&arguments[..], &[" "]].concat()).expect_code(1);
    gateway.command(&[&arguments[..], &[reason]].concat()).expect_code(0);
    let shown = gateway.command(&["exemption", "show", &id]).expect_code(0).out;
    assert!(shown.contains("by Carl Friis (") && shown.contains(reason), "{shown}");
    assert_eq!(listed(&gateway, "refused"), [id.as_str()]);
    decide(&gateway, "approve", &id, "Dorte Bak").expect_code(1);
    let other = applied(&gateway, &from_now_on("TH"));
    decide(&gateway, "withdraw", &other, "Carl Friis").expect_code(1);
    decide(&gateway, "withdraw", &other, "Bente Lund").expect_code(0);
    assert_eq!(listed(&gateway, "withdrawn"), [other.as_str()]);
    assert_eq!(ask(&gateway, HOST, THAILAND).status, 403);
}

#[test]
fn a_journey_is_prolonged_by_another_decision() {
    let (_upstream, gateway) = running();
    let leg = format!("TH {}", journey());
    let grant = ["exemption", "grant", "--json", "--organization", "ballerup", "--person"];
    let travels = ["anna.holm", "--leg", &leg, "--site", "kilden", "--purpose", "p"];
    let demands = ["--case", "26/1", "--demand", "device,multi_factor"];
    let old = gateway.command(&[&grant[..], &travels, &demands].concat()).expect_code(0).json();
    let old = old["id"].as_str().unwrap().to_owned();
    let last = today().checked_add(jiff::Span::new().days(12)).unwrap();
    let until = last.to_string();
    let arguments = ["exemption", "extend", "--json", &old, "--until", &until, "--by", "Bente"];
    let bare = gateway.command(&arguments).expect_code(1);
    for part in ["add --device", "add --telephone", "add --mail"] {
        assert!(bare.err.contains(part), "{part}: {}", bare.err);
    }
    let contact = ["--device", "iPad", "--telephone", "20000000", "--mail", "a@example.net"];
    let new = gateway.command(&[&arguments[..], &contact[..]].concat()).expect_code(0).json();
    let new = new["id"].as_str().unwrap();
    // The same once more says which one waits, and what is known need not be said again.
    let again = gateway.command(&[&arguments[..], &contact[..]].concat()).expect_code(1);
    assert!(again.err.contains(&format!("{new} waits for a decision already")), "{}", again.err);
    assert_eq!(listed(&gateway, "applied"), [new]);
    assert_eq!(listed(&gateway, "active"), [old.as_str()]);
    let shown = gateway.command(&["exemption", "show", "--json", new]).expect_code(0).json();
    assert_eq!(shown["application"]["extends"], old.as_str());
    assert_eq!(shown["demands"], serde_json::json!(["device", "multi_factor"]));
    decide(&gateway, "approve", new, "Bente").expect_code(1);
    decide(&gateway, "approve", new, "Carl").expect_code(0);
    assert_eq!(listed(&gateway, "planned"), [new]);
    let far = ["exemption", "extend", new, "--until", "2099-01-01", "--by", "Bente"];
    assert!(gateway.command(&far).expect_code(1).err.contains("30 days"));
    // What ends it ends the time that was added, and says so.
    let closed = gateway.command(&["exemption", "close", "--json", &old]).expect_code(0);
    let followed = serde_json::json!([{ "id": new, "state": "closed" }]);
    assert_eq!(
        (&closed.json()["id"], &closed.json()["extensions"]),
        (&old.clone().into(), &followed)
    );
    assert_eq!(listed(&gateway, "planned"), [""; 0]);
}

#[test]
fn a_revocation_names_all_that_it_ends() {
    let (_upstream, gateway) = running();
    let old = gateway.grant("anna.holm", "TH", &["kilden"]);
    let last = today().checked_add(jiff::Span::new().days(12)).unwrap();
    let (last, by) = (last.to_string(), ["--by", "Bente"]);
    let extend = ["exemption", "extend", "--json", &old, "--until", &last, "--device", "iPad"];
    let reached = ["--telephone", "20000000", "--mail", "a@example.net"];
    let applied = gateway.command(&[&extend[..], &reached, &by].concat()).expect_code(0).json();
    let new = applied["id"].as_str().unwrap();
    let revoke = ["exemption", "revoke", &old, "--reason", "Aflyst"];
    let said = gateway.command(&revoke).expect_code(0);
    assert_eq!(said.out.lines().collect::<Vec<_>>(), [old.as_str(), new]);
    assert!(said.err.contains(&format!("{new}, which gives it more time, is refused")), "{said:?}");
}

#[test]
fn a_reference_that_the_index_does_not_have_is_found_in_the_files() {
    let (_upstream, mut gateway) = running();
    let reference = rejected(&gateway, HOST, THAILAND);
    gateway.stop();
    let index = |suffix: &str| gateway.directory().join(format!("state/log-index.sqlite3{suffix}"));
    assert!(index("").exists());
    let by = |name: &str| call(&gateway, &reference, "anna.holm", name);
    // In the index, whatever the files say; in the files alone; and where the index is no index.
    by("anna.holm").expect_code(1);
    ["", "-wal", "-shm"].iter().for_each(|suffix| drop(std::fs::remove_file(index(suffix))));
    let refused = by("anna.holm").expect_code(1);
    assert!(refused.err.contains("to themselves"), "it is found, and refused: {}", refused.err);
    std::fs::write(index(""), "no database at all").unwrap();
    by("Bente").expect_code(0);
}

/// The reference of a rejection that stands for nobody else.
fn rejected(gateway: &Gateway, host: &str, address: &str) -> String {
    let answer = get(gateway.address("web"), host, "/").from(address).browser().send();
    assert_eq!(answer.status, 403);
    let reference = answer.header("geovagt-reference").unwrap().to_owned();
    eventually("the rejection is in the log", || {
        !entries(gateway, &["--reference", &reference]).is_empty()
    });
    reference
}

fn call(gateway: &Gateway, reference: &str, person: &str, by: &str) -> Printed {
    gateway.command(&[
        "exemption",
        "emergency",
        "--json",
        "--reference",
        reference,
        "--person",
        person,
        "--caller-verified",
        "ringet op på det kendte nummer",
        "--by",
        by,
    ])
}

#[test]
fn a_reference_read_out_opens_this_country_and_system_for_this_person() {
    let (_upstream, gateway) = running();
    let reference = rejected(&gateway, HOST, THAILAND);
    for (person, by, why) in [
        ("anna.holm", "anna.holm", "nobody grants an emergency to themselves"),
        ("eva.egedal", "Bente", "ballerup has no account eva.egedal"),
    ] {
        let refused = call(&gateway, &reference, person, by).expect_code(1);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    let granted = call(&gateway, &reference.to_lowercase(), "anna.holm", "Bente").expect_code(0);
    let id = granted.json()["id"].as_str().unwrap().to_owned();
    assert!(granted.err.contains("unless another person approves it"), "{}", granted.err);
    assert!(granted.json()["confirm_before"].is_string());
    eventually("the traveller passes", || ask(&gateway, HOST, THAILAND).status == 200);
    assert_eq!(ask(&gateway, "mail.example.dk", THAILAND).status, 403);
    assert_eq!(ask(&gateway, HOST, CHINA).status, 403);
    let other = get(gateway.address("web"), HOST, "/").from(THAILAND).basic("bo.lund", PASSWORD);
    assert_eq!(other.send().status, 403);
    for state in ["awaiting", "unconfirmed", "active"] {
        assert_eq!(listed(&gateway, state), [id.as_str()], "{state}");
    }
    let again = call(&gateway, &reference, "anna.holm", "Bente").expect_code(1);
    assert!(again.err.contains(&format!("has led to {id} already")), "{}", again.err);
    decide(&gateway, "approve", &id, "Bente").expect_code(1);
    decide(&gateway, "approve", &id, "Carl").expect_code(0);
    for state in ["awaiting", "unconfirmed"] {
        assert!(listed(&gateway, state).is_empty(), "{state}");
    }
    let shown = gateway.command(&["exemption", "show", "--json", &id]).expect_code(0).json();
    assert_eq!(shown["emergency"]["caller_verified"], "ringet op på det kendte nummer");
    assert_eq!(shown["emergency"]["confirmed"], true);
    let mut actions = Vec::new();
    eventually("the reference leads to the grant too", || {
        actions = entries(&gateway, &["--reference", &reference])
            .iter()
            .map(|entry| entry["event"]["action"].as_str().unwrap().to_owned())
            .collect();
        actions.len() == 2
    });
    assert_eq!(actions, ["exemption_granted", "denied"]);
}

#[test]
fn a_reference_that_shows_no_caller_in_front_of_the_wall_opens_nothing() {
    let (_upstream, gateway) = running();
    let nobody = call(&gateway, "0000-0000", "anna.holm", "Bente").expect_code(1);
    assert!(nobody.err.contains("no rejection with the reference 0000-0000"), "{}", nobody.err);
    let elsewhere = rejected(&gateway, "mail.example.dk", THAILAND);
    let refused = call(&gateway, &elsewhere, "anna.holm", "Bente").expect_code(1);
    assert!(
        refused.err.contains("no emergency for site mail; there are: kilden"),
        "{}",
        refused.err
    );
    let theirs = rejected(&gateway, "www.egedal.example.dk", THAILAND);
    let refused = call(&gateway, &theirs, "eva.egedal", "Bente").expect_code(1);
    assert!(refused.err.contains("egedal has not switched emergencies on"), "{}", refused.err);
    let arguments = ["--organization", "ballerup", "--caller-verified", "x", "--by", "Bente"];
    let arguments = [
        &["exemption", "emergency", "--reference", &theirs, "--person", "anna.holm"],
        &arguments[..],
    ]
    .concat();
    let refused = gateway.command(&arguments).expect_code(1);
    assert!(refused.err.contains("at a site of egedal, not of ballerup"), "{}", refused.err);
    // Two at once are one entry, which shows neither of them.
    let folded = eventually_some("two rejections fold", || {
        let once = || {
            let answer = get(gateway.address("web"), HOST, "/").from(CHINA).send();
            answer.header("geovagt-reference").unwrap().to_owned()
        };
        let (one, other) = (once(), once());
        (one == other).then_some(one)
    });
    eventually("the rejections are in the log", || {
        !entries(&gateway, &["--reference", &folded]).is_empty()
    });
    let refused = call(&gateway, &folded, "anna.holm", "Bente").expect_code(1);
    assert!(refused.err.contains("equal rejections"), "{}", refused.err);
    for address in [THAILAND, CHINA] {
        assert_eq!(ask(&gateway, HOST, address).status, 403);
    }
}

fn hidden(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let start = page.find(&marker).unwrap_or_else(|| panic!("no field {name} in {page}"));
    page[start + marker.len()..].split('"').next().unwrap().to_owned()
}

/// The cookies of somebody who signed in at home: session and form.
fn signed_in(gateway: &Gateway, name: &str, address: &str) -> String {
    let web = gateway.address("web");
    let page = get(web, HOST, "/.geovagt/sign-in").from(address).browser().send();
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let token = hidden(&page.text(), "csrf");
    let password = PASSWORD.replace(' ', "+");
    let form = format!("name={name}&password={password}&csrf={token}&next=%2F");
    let answer = post_form(web, HOST, "/.geovagt/sign-in", &form)
        .from(address)
        .header("Cookie", &cookie)
        .browser()
        .send();
    assert_eq!(answer.status, 303, "{}", answer.text());
    let session = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    format!("{session}; {cookie}")
}

#[test]
fn who_is_home_again_says_so_and_the_door_shuts() {
    let (_upstream, gateway) = running();
    let web = gateway.address("web");
    let stranger = get(web, HOST, HOME).from(DENMARK).browser().send();
    assert_eq!(stranger.status, 303);
    assert!(stranger.header("location").unwrap().ends_with("next=/.geovagt/hjemme"));
    assert_eq!(get(web, HOST, HOME).from(THAILAND).browser().send().status, 403);
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    let theirs = gateway.grant("bo.lund", "TH", &["kilden"]);
    eventually("the traveller passes", || ask(&gateway, HOST, THAILAND).status == 200);
    let cookie = signed_in(&gateway, "anna.holm", DENMARK);
    let page = get(web, HOST, HOME).from(DENMARK).header("Cookie", &cookie).browser().send();
    let text = page.text();
    assert!(text.contains(&id) && !text.contains(&theirs), "{text}");
    let token = hidden(&text, "csrf");
    let post = |cookie: &str, form: &str| {
        post_form(web, HOST, HOME, form).from(DENMARK).header("Cookie", cookie).browser().send()
    };
    let session_alone = cookie.split(';').next().unwrap();
    for (cookie, form) in [
        (cookie.as_str(), format!("exemption={id}")),
        (cookie.as_str(), format!("csrf=x&exemption={id}")),
        (session_alone, format!("csrf={token}&exemption={id}")),
        (cookie.as_str(), format!("csrf={token}")),
        (cookie.as_str(), format!("csrf={token}&exemption={theirs}")),
    ] {
        let answer = post(cookie, &form);
        assert!(!answer.text().contains("Velkommen hjem"), "{form}: {}", answer.text());
    }
    let mut still = listed(&gateway, "active");
    still.sort();
    let mut both = [id.clone(), theirs.clone()];
    both.sort();
    assert_eq!(still, both);
    let done = post(&cookie, &format!("csrf={token}&exemption={id}"));
    assert!(done.text().contains("Velkommen hjem"), "{}", done.text());
    eventually("the door is shut for this person", || ask(&gateway, HOST, THAILAND).status == 403);
    assert_eq!(listed(&gateway, "active"), [theirs.as_str()]);
    assert!(
        post(&cookie, &format!("csrf={token}&exemption={id}")).text().contains("Velkommen hjem")
    );
    let shown = gateway.command(&["exemption", "show", "--json", &id]).expect_code(0).json();
    let last = shown["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (last["action"].as_str(), last["by"]["name"].as_str()),
        (Some("closed"), Some("anna.holm"))
    );
}

#[test]
fn an_end_is_told_once_though_nothing_ends_by_it() {
    let (_upstream, gateway) = running();
    let now = jiff::Timestamp::now();
    let until = now + jiff::SignedDuration::from_secs(2);
    let from = now - jiff::SignedDuration::from_hours(1);
    let leg = format!("TH {from:.0}..{until:.0}");
    let printed = gateway.command(&[
        "exemption",
        "grant",
        "--json",
        "--organization",
        "ballerup",
        "--person",
        "anna.holm",
        "--leg",
        &leg,
        "--site",
        "kilden",
        "--purpose",
        "x",
        "--case",
        "1",
    ]);
    let id = printed.expect_code(0).json()["id"].as_str().unwrap().to_owned();
    let ends = || {
        entries(&gateway, &["--action", "exemption_ended"])
            .iter()
            .filter(|entry| entry["geovagt"]["exemption"] == id.as_str())
            .count()
    };
    eventually("the end stands in the log", || ends() == 1);
    assert_eq!(listed(&gateway, "ended"), [id.as_str()]);
    let shown = gateway.command(&["exemption", "show", &id]).expect_code(0).out;
    assert_eq!(
        shown.matches("ended ").count(),
        1 + usize::from(shown.starts_with(&format!("{id}  ended "))),
        "{shown}"
    );
}

#[test]
fn only_whom_the_organisation_names_decides() {
    let upstream = Upstream::start();
    let configuration = configuration(&upstream.url(), "").replacen(
        "two_approvers: [RU, CN]}",
        "two_approvers: [RU, CN], lead_days: 0}\n    roles: {approver: [\"Carl Friis\"], case_officer: [nobody-here]}",
        1,
    );
    let gateway = Gateway::prepare(&configuration);
    std::fs::create_dir(gateway.directory().join("state")).unwrap();
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = applied(&gateway, &from_now_on("TH"));
    let refused = decide(&gateway, "approve", &id, "Dorte Bak").expect_code(1);
    assert!(refused.err.contains("neither case_officer nor approver"), "{}", refused.err);
    decide(&gateway, "approve", &id, "carl friis").expect_code(0);
    let leg = format!("TH {}", journey());
    let grant = gateway.command(&[
        "exemption",
        "grant",
        "--organization",
        "ballerup",
        "--person",
        "anna.holm",
        "--leg",
        &leg,
        "--site",
        "kilden",
        "--purpose",
        "x",
        "--case",
        "1",
        "--by",
        "Dorte Bak",
    ]);
    assert!(grant.expect_code(1).err.contains("neither case_officer nor approver"));
}

#[test]
fn explain_names_each_exemption_that_does_not_count_and_why() {
    let (_upstream, gateway) = running();
    let id = applied(&gateway, &from_now_on("TH"));
    let explained = || {
        let line = ["explain", THAILAND, "--site", "kilden", "--user", "anna.holm"];
        let printed = gateway.command(&line).expect_code(1);
        printed.out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let waits = format!("but not by {id}, which was applied for and waits for a decision");
    assert!(explained().contains(&waits), "{}", explained());
    gateway.command(&["exemption", "approve", &id, "--by", "Carl Friis"]).expect_code(0);
    let revoke = ["exemption", "revoke", &id, "--reason", "Rejsen er aflyst", "--by", "Carl Friis"];
    gateway.command(&revoke).expect_code(0);
    assert!(
        explained().contains(&format!("but not by {id}, which was revoked")),
        "{}",
        explained()
    );
    let china = ["explain", CHINA, "--site", "kilden", "--user", "anna.holm", "--json"];
    let told = gateway.command(&china).expect_code(1).json();
    assert_eq!(told["other_exemptions"][0]["state"], "revoked");
}

#[test]
fn whoever_grants_without_a_name_is_told_at_once_who_can_approve_it() {
    let (_upstream, gateway) = running();
    let leg = format!("CN {}", journey());
    let line = ["exemption", "grant", "--organization", "ballerup", "--person", "anna.holm"];
    let more = ["--site", "kilden", "--purpose", "Studietur", "--case", "24-1", "--leg", &leg];
    let line = [&line[..], &more].concat();
    let granted = gateway.command(&line).expect_code(0);
    let id = granted.out.trim();
    assert!(granted.err.contains("you gave no --by"), "{}", granted.err);
    let undo = format!("geovagt exemption revoke {id} --reason \"no name\"");
    assert!(granted.err.contains(&undo), "{}", granted.err);
    gateway.command(&["exemption", "approve", id, "--by", "Carl Friis"]).expect_code(1);
    gateway.command(&["exemption", "revoke", id, "--reason", "no name"]).expect_code(0);
    let granted = gateway.command(&[&line[..], &["--by", "Bente Lund"]].concat()).expect_code(0);
    assert!(!granted.err.contains("you gave no --by"), "{}", granted.err);
    let id = granted.out.trim();
    gateway.command(&["exemption", "approve", id, "--by", "Carl Friis"]).expect_code(0);
}

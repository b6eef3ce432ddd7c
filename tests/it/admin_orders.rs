//! Orders to take personal data out of the log, given on the pages and carried out by the running
//! gateway: by one, and by one that was away. Two on one store stand in `outside_node_orders`.

use serde_json::{Value, json};

use crate::support::client::{get, post_form};
use crate::support::desk::{Desk, between, encoded};
use crate::support::gateway::{Gateway, configuration, eventually, eventually_some};
use crate::support::places::CHINA;
use crate::support::upstream::Upstream;

const PASSWORD: &str = "korrekt hest batteri klammer";
const ORDERS: &str = "/insight/orders";
/// A site of the other organisation.
const EGEDAL: &str = "www.egedal.example.dk";

fn office(upstream: &Upstream) -> Gateway {
    let roles = "identity_providers: [local]\n    roles: {dpo: [dorte.krogh]}";
    let admin = "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n";
    let text = configuration(&upstream.url(), admin)
        .replace("two_approvers: [RU, CN]", "two_approvers: [RU]")
        .replacen("identity_providers: [local]", roles, 1);
    let gateway = Gateway::start(&text);
    for name in ["dorte.krogh", "anna.holm"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    gateway.grant("anna.holm", "CN", &["mail"]);
    gateway
}

/// Anna travels: an entry that names her, durable before the answer.
fn travels(gateway: &Gateway, path: &str) {
    eventually("the journey counts", || {
        let answer = get(gateway.address("web"), "mail.example.dk", path)
            .from(CHINA)
            .basic("anna.holm", PASSWORD)
            .send();
        answer.status == 200
    });
}

fn officer(gateway: &Gateway) -> Desk {
    Desk::signed_in(gateway.address("admin"), "dorte.krogh", PASSWORD)
}

pub fn call(desk: &Desk, path: &str, body: &Value) -> Value {
    let page = desk.get("/account").text();
    let token = between(&page, "name=\"csrf\" value=\"", "\"").expect("a token");
    let host = desk.at.to_string();
    let answer = post_form(desk.at, &host, path, &body.to_string())
        .header("Cookie", &desk.cookie)
        .header("Origin", &format!("http://{host}"))
        .header("X-CSRF-Token", token)
        .replacing("Content-Type", "application/json")
        .send();
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
    answer.json()
}

/// Every entry as it stands in the files now.
pub fn entries(gateway: &Gateway) -> Vec<Value> {
    let mut entries = Vec::new();
    for chain in ["allowed", "denied", "people"] {
        let directory = gateway.directory().join("state/audit").join(chain);
        for file in std::fs::read_dir(directory).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            // The last line may be in the making.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let lines = whole.lines().filter(|line| line.contains("\"@timestamp\""));
            entries.extend(lines.map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    entries
}

fn entry_of(gateway: &Gateway, path: &str) -> Option<Value> {
    entries(gateway).into_iter().find(|entry| entry["url"]["path"] == path)
}

/// Where she was let in: the door may have been shut to her first attempts.
pub fn let_in(gateway: &Gateway, path: &str) -> Option<Value> {
    let is_hers =
        |entry: &Value| entry["url"]["path"] == path && entry["geovagt"]["verdict"] == "allow";
    entries(gateway).into_iter().find(is_hers)
}

pub fn verified(gateway: &Gateway) -> Vec<Value> {
    let report = gateway.command(&["audit", "verify", "--json"]).expect_code(0).json();
    report["orders"].as_array().unwrap().clone()
}

fn form(what: &str, more: &str) -> String {
    format!(
        "what={what}&about=one_person&persons={}&since=&until=&why=erasure_request&case=2026-17{more}",
        encoded("Anna.Holm")
    )
}

#[test]
fn a_person_leaves_the_log_by_an_order_of_the_pages() {
    let upstream = Upstream::start();
    let gateway = office(&upstream);
    travels(&gateway, "/hers");
    let desk = officer(&gateway);
    let preview = desk.post("/insight/orders/new", &form("pseudonymise", ""));
    assert_eq!(preview.status, 200, "{}", preview.text());
    let text = preview.text();
    let told = between(&text, "<p class=\"lead\">", "</p>").expect("a number").to_owned();
    let number = between(&text, "name=\"number\" value=\"", "\"").expect("a number").to_owned();
    let entry = let_in(&gateway, "/hers").expect("her entry");
    assert_eq!(entry["user"]["name"], "anna.holm", "nothing is changed by looking");
    let given = desk.post(ORDERS, &form("pseudonymise", &format!("&number={number}&sure=yes")));
    assert_eq!(given.status, 303, "{}", given.text());
    let place = given.header("location").unwrap().to_owned();
    eventually("it is carried out", || desk.get(&place).text().contains("Udført"));
    let page = desk.get(&place).text();
    assert!(page.contains("Ordren er givet og udført.") && page.contains("2026-17"), "{page}");
    assert!(!page.contains("Anna.Holm"), "whom it was about is forgotten: {page}");
    let entry = let_in(&gateway, "/hers").expect("her entry");
    let name = entry["user"]["name"].as_str().unwrap();
    assert!(name.starts_with("pseudonym:"), "{entry}");

    let orders = verified(&gateway);
    let [order] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!((&order["order"], &order["by"]), (&json!(number), &json!("dorte.krogh")));
    assert_eq!(order["case"], "2026-17");
    let changed = order["entries"].as_u64().unwrap();
    assert!(changed >= 2, "{order}");
    assert!(told.starts_with(&format!("{changed} poster i ")), "{told} was told, {order}");
    // The command line's own orders stand beside it.
    let remove = ["audit", "pseudonymise", "--person", "anna.holm", "--remove"];
    let more = ["--why", "mistake", "--organization", "ballerup", "--by", "Sven"];
    gateway.command(&[&remove[..], &more[..]].concat()).expect_code(0);
    eventually("both are listed", || {
        let page = desk.get(ORDERS).text();
        page.contains("Sven") && page.contains("dorte.krogh") && page.contains("Fjern for altid")
    });
    let listed = desk.get("/api/v1/erasure-orders").json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    let of_sven = listed.iter().find(|order| order["by"] == "Sven").unwrap();
    assert_eq!((&of_sven["what"], &of_sven["state"]), (&json!("remove"), &json!("done")));
    let own = desk.get(&format!("{ORDERS}/{}", of_sven["id"].as_str().unwrap()));
    assert!(own.status == 200 && own.text().contains("Det skulle aldrig have stået der"));
    // Each look and each order is an entry, and names nobody whom it was about.
    let ordered = ["audit", "search", "--json", "--action", "erasure_ordered"];
    let ordered = eventually_some("the order is an entry", || {
        let found = gateway.command(&ordered).out;
        (!found.trim().is_empty()).then_some(found)
    });
    assert!(ordered.contains(&number) && ordered.contains("dorte.krogh"), "{ordered}");
    assert!(!ordered.to_lowercase().contains("anna"), "{ordered}");
    for view in ["erasure_forecast", "erasure_orders", "erasure_order"] {
        let view = format!("\"{view}\"");
        let seen = |entry: &Value| entry.to_string().contains(&view);
        assert!(entries(&gateway).iter().any(seen), "{view}");
    }
}

#[test]
fn an_order_waits_for_a_gateway_that_is_away() {
    let upstream = Upstream::start();
    let mut gateway = office(&upstream);
    travels(&gateway, "/hers");
    let desk = officer(&gateway);
    let body = json!({
        "what": "remove", "about": "one_person", "persons": ["anna.holm"], "why": "erasure_request",
    });
    // It ends without warning, right after the order was kept.
    let given = call(&desk, "/api/v1/erasure-orders", &body);
    gateway.signal("KILL");
    assert_eq!(gateway.wait(), None);
    gateway.run();
    let desk = officer(&gateway);
    let place = format!("/api/v1/erasure-orders/{}", given["id"].as_str().unwrap());
    let done = eventually_some("it is carried out", || {
        let order = desk.get(&place).json();
        (order["state"] == "done").then_some(order)
    });
    assert!(done["entries"].as_u64() >= Some(1), "{done}");
    assert_eq!(done["persons"], json!([]));
    let entry = let_in(&gateway, "/hers").expect("the entry stays");
    assert_eq!(entry["user"]["name"], Value::Null, "{entry}");
    let orders = verified(&gateway);
    assert_eq!(orders.len(), 1, "once, under its name: {orders:?}");
    assert_eq!((&orders[0]["order"], &orders[0]["entries"]), (&given["id"], &done["entries"]));
}

#[test]
fn an_order_is_of_ones_own_organisation() {
    let upstream = Upstream::start();
    let gateway = office(&upstream);
    travels(&gateway, "/hers");
    let rejected = get(gateway.address("web"), "kilden.example.dk", "/no").from(CHINA).send();
    assert_eq!(rejected.status, 403);
    // Of the other organisation, from somewhere else.
    let theirs = get(gateway.address("web"), EGEDAL, "/theirs").from("1.0.9.9").send();
    assert_eq!(theirs.status, 403);
    eventually("they are written", || {
        entry_of(&gateway, "/no").is_some() && entry_of(&gateway, "/theirs").is_some()
    });
    let desk = officer(&gateway);
    let body = json!({
        "what": "remove", "about": "everybody", "until": "2099-01-01", "why": "no_longer_needed",
    });
    let told = call(&desk, "/api/v1/erasure-orders/forecast", &body);
    let given = call(&desk, "/api/v1/erasure-orders", &body);
    let place = format!("/api/v1/erasure-orders/{}", given["id"].as_str().unwrap());
    let done = eventually_some("it is carried out", || {
        let order = desk.get(&place).json();
        (order["state"] == "done").then_some(order)
    });
    assert!(done["entries"].as_u64() >= told["entries"].as_u64(), "{done} {told}");
    let mut emptied = 0;
    for entry in entries(&gateway) {
        let own = entry["organization"]["id"] == "ballerup";
        let answers =
            ["erasure_ordered", "deleted"].map(|action| entry["event"]["action"] == action);
        let later = entry["@timestamp"].as_str() > done["given"].as_str();
        if own && !answers.contains(&true) && !later {
            assert_eq!(entry["client"]["ip"], Value::Null, "{entry}");
            assert_eq!(entry["user"]["name"], Value::Null, "{entry}");
            emptied += 1;
        }
    }
    assert!(emptied >= 3, "{emptied}");
    let theirs = entry_of(&gateway, "/theirs").expect("what is another's stays");
    assert_eq!(
        (&theirs["organization"]["id"], &theirs["client"]["ip"]),
        (&json!("egedal"), &json!("1.0.9.9"))
    );
    gateway.command(&["audit", "verify"]).expect_code(0);
}

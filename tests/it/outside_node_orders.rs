//! An order to take personal data out of the log where two gateways stand on one PostgreSQL: each
//! carries it out in its own files, under one name, also one that was away when it was given.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::admin_orders::{call, entries, let_in, verified};
use crate::support::client::get;
use crate::support::desk::Desk;
use crate::support::gateway::{Gateway, configuration, eventually, eventually_some};
use crate::support::places::CHINA;
use crate::support::postgres::{self, Postgres};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "korrekt hest batteri klammer";
const ORDERS: &str = "/api/v1/erasure-orders";

struct Scene {
    one: Gateway,
    two: Gateway,
    _server: Postgres,
    _upstream: Upstream,
}

impl Scene {
    fn start() -> Self {
        let (upstream, server) = (Upstream::start(), Postgres::start());
        let database = server.new_database();
        let url = format!("postgres://geovagt:${{file:secret}}@{}/{database}", server.address);
        let node = || {
            let admin = "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n";
            let more = format!("store: \"{url}\"\n{admin}");
            let roles = "identity_providers: [local]\n    roles: {dpo: [dorte.krogh]}";
            let text = configuration(&upstream.url(), &more)
                .replace("two_approvers: [RU, CN]", "two_approvers: [RU]")
                .replacen("identity_providers: [local]", roles, 1);
            let mut gateway = Gateway::prepare(&text);
            let secret = format!("{}\n", postgres::PASSWORD);
            std::fs::write(gateway.directory().join("secret"), secret).unwrap();
            gateway.run();
            gateway
        };
        let (one, two) = (node(), node());
        for name in ["dorte.krogh", "anna.holm", "bo.lund"] {
            one.add_user(name, "ballerup", PASSWORD);
        }
        for name in ["anna.holm", "bo.lund"] {
            one.grant(name, "CN", &["mail"]);
        }
        // An order waits for whoever has said that it runs.
        eventually("both are known", || {
            server.sql(&database, "SELECT COUNT(*) FROM nodes").trim() == "2"
        });
        let scene = Self { one, two, _server: server, _upstream: upstream };
        for (gateway, node) in scene.both() {
            for name in ["anna.holm", "bo.lund"] {
                travels(gateway, name, &path(name, node));
            }
        }
        scene
    }

    fn both(&self) -> [(&Gateway, &'static str); 2] {
        [(&self.one, "one"), (&self.two, "two")]
    }
}

fn path(name: &str, node: &str) -> String {
    format!("/{name}-at-{node}")
}

fn travels(gateway: &Gateway, name: &str, path: &str) {
    eventually("the journey counts", || {
        let web = gateway.address("web");
        let request = get(web, "mail.example.dk", path).from(CHINA).basic(name, PASSWORD);
        request.send().status == 200
    });
    eventually("it is written", || let_in(gateway, path).is_some());
}

fn officer(gateway: &Gateway) -> Desk {
    Desk::signed_in(gateway.address("admin"), "dorte.krogh", PASSWORD)
}

fn order() -> Value {
    json!({
        "what": "remove", "about": "one_person", "persons": ["anna.holm"], "why": "erasure_request",
    })
}

/// The order as it stands, once it is in this state.
fn once(desk: &Desk, id: &str, state: &str) -> Value {
    eventually_some(state, || {
        let order = desk.get(&format!("{ORDERS}/{id}")).json();
        (order["state"] == state).then_some(order)
    })
}

fn names(gateway: &Gateway, node: &str) -> [Value; 2] {
    ["anna.holm", "bo.lund"].map(|name| {
        let entry = let_in(gateway, &path(name, node)).expect("the entry stays");
        entry["user"]["name"].clone()
    })
}

fn searched(gateway: &Gateway, name: &str) -> usize {
    let search = ["audit", "search", "--json", "--user", name, "--action", "allowed"];
    gateway.command(&search).expect_code(0).out.lines().count()
}

/// Both have done their part: what each has on record adds up to what the order says, nothing names
/// her, and the other traveller is still named.
fn is_done_by_both(scene: &Scene, order: &Value) {
    let id = &order["id"];
    assert_eq!((&order["persons"], &order["state"]), (&json!([]), &json!("done")));
    let parts = order["nodes"].as_array().unwrap();
    let logs: BTreeSet<&str> = parts.iter().map(|part| part["log"].as_str().unwrap()).collect();
    assert_eq!((parts.len(), logs.len()), (2, 2), "{order}");
    assert!(parts.iter().all(|part| part["problem"] == Value::Null), "{order}");
    let mut on_record = BTreeSet::new();
    let mut changed = 0;
    for (gateway, node) in scene.both() {
        assert_eq!(names(gateway, node), [Value::Null, json!("bo.lund")], "{node}");
        let hers = |entry: &Value| entry["user"]["name"] == "anna.holm";
        let later = |entry: &Value| entry["@timestamp"].as_str() > order["given"].as_str();
        assert!(!entries(gateway).iter().any(|entry| hers(entry) && !later(entry)), "{node}");
        let orders = verified(gateway);
        let [one] = orders.as_slice() else { panic!("{node}: once, under its name: {orders:?}") };
        assert_eq!(&one["order"], id, "{node}");
        changed += one["entries"].as_u64().unwrap();
        on_record.insert(one["entries"].as_u64().unwrap());
    }
    assert!(!on_record.contains(&0), "each had something to do: {order}");
    assert_eq!(order["entries"].as_u64(), Some(changed), "{order}");
}

#[test]
fn an_order_is_carried_out_by_both_each_in_its_own_log() {
    let scene = Scene::start();
    for (gateway, node) in scene.both() {
        assert_eq!(names(gateway, node), [json!("anna.holm"), json!("bo.lund")], "{node}");
    }
    let desk = officer(&scene.one);
    let given = call(&desk, ORDERS, &order());
    let id = given["id"].as_str().unwrap();
    let done = once(&desk, id, "done");
    is_done_by_both(&scene, &done);
    // Either tells the same, and the index that they share finds her no more.
    assert_eq!(once(&officer(&scene.two), id, "done"), done);
    for (gateway, node) in scene.both() {
        eventually("the index has both", || searched(gateway, "bo.lund") >= 2);
        assert_eq!(searched(gateway, "anna.holm"), 0, "{node}");
    }
}

#[test]
fn an_order_waits_for_the_one_that_is_away_and_remembers_whom_until_then() {
    let mut scene = Scene::start();
    scene.two.signal("KILL");
    assert_eq!(scene.two.wait(), None);
    let desk = officer(&scene.one);
    let given = call(&desk, ORDERS, &order());
    let id = given["id"].as_str().unwrap();
    let half = eventually_some("the one that is there is done", || {
        let order = desk.get(&format!("{ORDERS}/{id}")).json();
        let nodes = order["nodes"].as_array().unwrap();
        nodes.iter().any(|node| node["state"] == "done").then_some(order)
    });
    assert_eq!(half["state"], "under_way", "{half}");
    assert_eq!(half["persons"], json!(["anna.holm"]), "the other still needs to know: {half}");
    let of = |state: &str| {
        let parts = half["nodes"].as_array().unwrap();
        parts.iter().filter(|part| part["state"] == state).count()
    };
    assert_eq!(of("waiting"), 1, "{half}");
    assert_eq!(names(&scene.two, "two"), [json!("anna.holm"), json!("bo.lund")]);
    scene.two.run();
    let done = once(&desk, id, "done");
    is_done_by_both(&scene, &done);
}

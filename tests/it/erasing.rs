//! Names leave the log while the gateway runs, and what is left proves itself: here and elsewhere.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration, eventually, eventually_some};
use super::support::places::CHINA;
use super::support::upstream::Upstream;

const PASSWORD: &str = "en meget lang adgangskode";

struct Setting {
    gateway: Gateway,
    _upstream: Upstream,
}

fn setting(more: &str) -> Setting {
    let upstream = Upstream::start();
    let configuration = configuration(&upstream.url(), more)
        .replace("two_approvers: [RU, CN]", "two_approvers: [RU]")
        .replacen(
            "    identity_providers: [local]\n",
            "    identity_providers: [local]\n    roles: {dpo: [Dorte], security: [Sven]}\n",
            1,
        );
    let gateway = Gateway::prepare(&configuration);
    std::fs::create_dir(gateway.directory().join("state")).unwrap();
    gateway.add_user("anna", "ballerup", PASSWORD);
    gateway.grant("anna", "CN", &["mail"]);
    Setting { gateway, _upstream: upstream }
}

fn running(more: &str) -> Setting {
    let mut setting = setting(more);
    setting.gateway.run();
    setting
}

impl Setting {
    fn travels(&self, path: &str) -> std::io::Result<Answer> {
        get(self.gateway.address("web"), "mail.example.dk", path)
            .from(CHINA)
            .basic("anna", PASSWORD)
            .try_send()
    }

    fn log(&self) -> PathBuf {
        self.gateway.directory().join("state/audit")
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for chain in ["allowed", "denied", "people"] {
            for entry in std::fs::read_dir(self.log().join(chain)).unwrap() {
                text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
            }
        }
        text
    }

    fn order(&self, more: &[&str]) -> serde_json::Value {
        let order =
            ["audit", "pseudonymise", "--why", "erasure_request", "--by", "Dorte", "--json"];
        let arguments: Vec<&str> = order.iter().chain(more).copied().collect();
        self.gateway.command(&arguments).expect_code(0).json()
    }

    fn key(&self) -> String {
        self.gateway.command(&["audit", "key"]).expect_code(0).out.trim().to_owned()
    }
}

#[test]
fn a_person_leaves_the_log_whether_the_gateway_runs_or_not() {
    let mut setting = running("");
    assert_eq!(setting.travels("/one").unwrap().status, 200);
    let done = setting.order(&["--person", "anna"]);
    assert!(done["entries"].as_u64() >= Some(1), "{done}");
    let text = setting.text();
    assert!(!text.contains("\"anna\"") && text.contains("\"pseudonym:"), "{text}");
    assert_eq!(setting.travels("/two").unwrap().status, 200);
    assert_eq!(setting.gateway.stop(), Some(0));
    let done = setting.order(&["--person", "anna", "--remove", "--case", "2026-17"]);
    assert!(done["entries"].as_u64() >= Some(1), "{done}");
    let text = setting.text();
    assert!(!text.contains("\"anna\"") && !text.contains("\"pseudonym:"), "{text}");
    let report = setting.gateway.command(&["audit", "verify", "--json", "--key", &setting.key()]);
    let report = report.expect_code(0).json();
    let orders = report["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 2, "{report:#}");
    assert_eq!(
        (orders[0]["action"].as_str(), orders[1]["action"].as_str()),
        (Some("pseudonymised"), Some("deleted"))
    );
    assert_eq!(
        (orders[1]["by"].as_str(), orders[1]["case"].as_str()),
        (Some("Dorte"), Some("2026-17"))
    );
    let careless = ["audit", "pseudonymise", "--remove", "--why", "mistake"];
    let refused = setting.gateway.command(&careless).expect_code(1);
    assert!(refused.err.contains("it would empty the log"), "{}", refused.err);
}

#[test]
fn after_kill_9_in_the_midst_of_rewriting_nothing_is_lost_or_half_done() {
    let mut setting = running("");
    let answered = Arc::new(Mutex::new(BTreeSet::new()));
    let number = AtomicUsize::new(0);
    for round in 0..4 {
        assert_eq!(setting.travels("/warm").unwrap().status, 200);
        let seen = answered.lock().unwrap().len();
        let stopped = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stopped.load(Ordering::Relaxed) {
                        let path = format!("/n{}-", number.fetch_add(1, Ordering::Relaxed));
                        match setting.travels(&path) {
                            Ok(answer) if answer.status == 200 => {
                                answered.lock().unwrap().insert(path);
                            }
                            Ok(answer) => panic!("{}", answer.text()),
                            Err(_) => return,
                        }
                    }
                });
            }
            eventually("there is load", || answered.lock().unwrap().len() >= seen + 60);
            scope.spawn(|| {
                let order = ["audit", "pseudonymise", "--person", "anna", "--why", "mistake"];
                let more: &[&str] = if round % 2 == 0 { &["--remove"] } else { &[] };
                let order: Vec<&str> = order.iter().chain(more).copied().collect();
                while !stopped.load(Ordering::Relaxed) {
                    setting.gateway.command(&order);
                }
            });
            let rewriting = setting.log().join("rewriting");
            let staged = || std::fs::read_dir(&rewriting).is_ok_and(|mut all| all.next().is_some());
            let limit = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while !staged() {
                assert!(std::time::Instant::now() < limit, "nothing was rewritten");
            }
            stopped.store(true, Ordering::Relaxed);
            setting.gateway.signal("KILL");
        });
        assert_eq!(setting.gateway.wait(), None, "it ended by the signal");
        setting.gateway.run();
        setting.gateway.command(&["audit", "verify"]).expect_code(0);
    }
    assert!(
        !setting.log().join("rewriting").exists()
            || std::fs::read_dir(setting.log().join("rewriting")).unwrap().next().is_none()
    );
    setting.order(&["--person", "anna", "--remove"]);
    assert_eq!(setting.gateway.stop(), Some(0));
    let key = setting.key();
    setting.gateway.command(&["audit", "verify", "--key", &key]).expect_code(0);
    let text = setting.text();
    let named: Vec<&str> = text.lines().filter(|line| line.contains("\"anna\"")).collect();
    assert!(named.is_empty(), "somebody is still named: {named:#?}");
    for path in answered.lock().unwrap().iter() {
        assert!(text.contains(&format!("\"{path}\"")), "{path} was answered and is lost");
    }
}

#[test]
fn two_people_together_learn_whom_a_pseudonym_stands_for() {
    let setting = running("");
    assert_eq!(setting.travels("/").unwrap().status, 200);
    setting.order(&["--person", "anna"]);
    let search = setting.gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
    let entry: serde_json::Value =
        serde_json::from_str(search.expect_code(0).out.lines().next().unwrap()).unwrap();
    let pseudonym = entry["user"]["name"].as_str().unwrap().to_owned();
    assert!(pseudonym.starts_with("pseudonym:"), "{entry}");
    let run = |more: &[&str], by: &str| {
        let arguments = ["audit", "reidentify"].iter().chain(more).copied();
        let arguments: Vec<&str> =
            arguments.chain(["--organization", "ballerup", "--by", by]).collect();
        setting.gateway.command(&arguments)
    };
    let ask = ["ask", pseudonym.as_str(), "--reason", "politianmeldelse"];
    run(&ask, "Eve").expect_code(1);
    let id = run(&ask, "Dorte").expect_code(0).out.trim().to_owned();
    let same = run(&["answer", &id], "dorte ").expect_code(1);
    assert!(same.err.contains("another person must"), "{}", same.err);
    run(&["answer", &id], "Eve").expect_code(1);
    let told = run(&["answer", &id], "Sven").expect_code(0);
    assert_eq!(told.out.trim(), "user.name: anna");
    run(&["answer", &id], "Sven").expect_code(1);
    eventually("it stands in the log", || {
        let found =
            setting.gateway.command(&["audit", "search", "--json", "--action", "reidentified"]);
        found.out.lines().count() == 1
    });
}

#[test]
fn evidence_is_accepted_elsewhere_by_the_public_key_alone() {
    let setting = running("");
    assert_eq!(setting.travels("/seen").unwrap().status, 200);
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("evidence.tar");
    let out = out.to_str().unwrap();
    let evidence = [
        "audit",
        "evidence",
        "--since",
        "1h",
        "--until",
        "2099-01-01",
        "--person",
        "anna",
        "--out",
        out,
    ];
    let made = setting.gateway.command(&evidence).expect_code(0);
    assert!(made.out.contains("geovagt audit verify"), "{}", made.out);
    setting.gateway.command(&evidence).expect_code(1);
    let key = setting.key();
    let verify = |file: &str, key: &str| {
        std::process::Command::new(super::support::gateway::PROGRAM)
            .args(["--config", "/nowhere", "audit", "verify", file, "--key", key])
            .output()
            .unwrap()
    };
    let accepted = verify(out, &key);
    assert!(accepted.status.success(), "{accepted:?}");
    assert!(String::from_utf8_lossy(&accepted.stdout).starts_with("accepted: "));
    let mut altered = std::fs::read(out).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    std::fs::write(out, altered).unwrap();
    let refused = verify(out, &key);
    assert_eq!(refused.status.code(), Some(1));
    eventually("it stands in the log", || {
        let found =
            setting.gateway.command(&["audit", "search", "--json", "--action", "log_exported"]);
        found.out.lines().count() == 1
    });
}

#[test]
fn insight_shows_a_person_everything_and_leaves_an_entry() {
    let setting = running("");
    assert_eq!(setting.travels("/mine").unwrap().status, 200);
    let person = ["audit", "person", "ballerup", "anna", "--by", "Dorte", "--json"];
    let seen = setting.gateway.command(&person).expect_code(0).json();
    let section = |id: &str| {
        let all = seen["sections"].as_array().unwrap();
        all.iter().find(|section| section["id"] == id).unwrap()["items"].as_array().unwrap().clone()
    };
    assert_eq!(section("exemptions").len(), 1);
    assert!(section("exemption_history").iter().all(|entry| entry["done_by"] == "***"));
    assert!(section("log").iter().any(|entry| entry["url.path"] == "/mine"), "{seen:#}");
    eventually("it stands in the log", || {
        let found =
            setting.gateway.command(&["audit", "search", "--json", "--action", "person_viewed"]);
        found.out.lines().count() == 1
    });
    // A part of a name is nobody, however often somebody has looked.
    for _ in 0..2 {
        let nobody = setting.gateway.command(&["audit", "person", "ballerup", "ann"]);
        let nobody = nobody.expect_code(0);
        assert_eq!(nobody.out, "");
        assert!(nobody.err.contains("nothing is stored about ann of ballerup"), "{nobody:?}");
        assert!(nobody.err.contains("whole login name"), "{nobody:?}");
    }
    let deleted = setting.gateway.command(&["audit", "person", "ballerup", "anna", "--delete"]);
    assert!(deleted.expect_code(0).out.contains("exemptions: stays: an authority keeps"));
}

#[test]
fn heads_are_kept_elsewhere_and_a_collector_that_is_away_shows() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = collector.local_addr().unwrap().port();
    let anchors = format!(
        "audit:\n  anchors:\n    - {{kind: file, path: heads.jsonl, interval: 1s}}\n    - {{kind: syslog, host: 127.0.0.1, port: {port}, security: none, interval: 1s}}\n    - {{kind: syslog, host: 127.0.0.1, port: 9, security: none, interval: 1s}}\n"
    );
    let mut setting = running(&anchors);
    assert_eq!(setting.travels("/").unwrap().status, 200);
    let (mut stream, _) = collector.accept().unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let (length, message) = said.split_once(' ').unwrap();
    assert!(message.len() >= length.parse::<usize>().unwrap());
    assert!(
        message.starts_with("<109>1 20") && message.contains(" geovagt - audit-head - {"),
        "{said}"
    );
    let part = || {
        let ready =
            get(setting.gateway.address("operations"), "localhost", "/readyz").send().json();
        let parts = ready["parts"].as_array().unwrap().clone();
        parts.into_iter().find(|part| part["name"] == "anchors")
    };
    let part = eventually_some("what is away is said", || {
        part().filter(|part| part["detail"].as_str().is_some_and(|d| d.contains(":9: ")))
    });
    assert_eq!(part["warning"], true, "{part}");
    // A part of what was said: each message may stand in a line of the collector's.
    let heads = setting.gateway.directory().join("heads.jsonl");
    let first = eventually_some("heads are in the file", || {
        std::fs::read_to_string(&heads).ok().filter(|text| text.lines().count() >= 3)
    });
    let verify = ["audit", "verify", "--anchors", heads.to_str().unwrap()];
    setting.gateway.command(&verify).expect_code(0);
    setting.order(&["--person", "anna"]);
    eventually("a segment's end is told", || {
        std::fs::read_to_string(&heads).unwrap().contains("\"closed\":true")
    });
    drop(stream);
    assert_eq!(setting.gateway.stop(), Some(0));
    let key = setting.key();
    let verify: Vec<&str> = verify.iter().copied().chain(["--key", &key]).collect();
    setting.gateway.command(&verify).expect_code(0);
    // Somebody who makes the whole log anew is seen by what was kept.
    std::fs::remove_dir_all(setting.log()).unwrap();
    setting.gateway.run();
    assert_eq!(setting.travels("/").unwrap().status, 200);
    assert_eq!(setting.gateway.stop(), Some(0));
    let mut file = std::fs::File::create(&heads).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    let found = setting.gateway.command(&verify).expect_code(1);
    assert!(found.out.contains("anchored elsewhere"), "{}", found.out);
}

#[test]
fn the_key_is_rotated_and_the_retention_is_told() {
    let setting = running("");
    assert_eq!(setting.travels("/").unwrap().status, 200);
    let old = setting.key();
    let new = setting.gateway.command(&["audit", "key", "--rotate"]).expect_code(0).out;
    assert_ne!(old, new.trim());
    assert_eq!(setting.key(), new.trim());
    setting.gateway.command(&["audit", "verify", "--key", &old]).expect_code(0);
    setting.gateway.command(&["audit", "verify", "--key", new.trim()]).expect_code(0);
    let other = format!("ed25519:{}", "7".repeat(64));
    setting.gateway.command(&["audit", "verify", "--key", &other]).expect_code(1);
    let retention = setting.gateway.command(&["audit", "retention", "--now"]).expect_code(0);
    assert!(
        retention.out.contains("denied   kept 400 days; nothing was deleted yet"),
        "{}",
        retention.out
    );
}

//! The log while the gateway runs: a disk that takes nothing, and an end by `kill -9`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::places::{CHINA, DENMARK};
use super::support::upstream::Upstream;

const PASSWORD: &str = "en meget lang adgangskode";
/// Writing beyond the limit is then an error, as on a full disk, and not the end of the process.
const WITH_LIMITS: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\"", ""];

struct Setting {
    gateway: Gateway,
    _upstream: Upstream,
}

/// A gateway with a traveller in China.
fn running(more: &str) -> Setting {
    let upstream = Upstream::start();
    let configuration = configuration(&upstream.url(), more)
        .replace("two_approvers: [RU, CN]", "two_approvers: [RU]");
    let mut gateway = Gateway::prepare(&configuration);
    std::fs::create_dir(gateway.directory().join("state")).unwrap();
    gateway.add_user("anna", "ballerup", PASSWORD);
    gateway.grant("anna", "CN", &["mail"]);
    gateway.run_under(&WITH_LIMITS[..3]);
    Setting { gateway, _upstream: upstream }
}

impl Setting {
    /// No file can grow any more, or all can again.
    fn disk_is_full(&self, full: bool) {
        let limit = if full { "--fsize=0:" } else { "--fsize=unlimited:" };
        let status = Command::new("prlimit")
            .args(["--pid", &self.gateway.process_id(), limit])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn ask(&self, from: &str) -> Answer {
        get(self.gateway.address("web"), "kilden.example.dk", "/").from(from).browser().send()
    }

    fn travels(&self, path: &str) -> std::io::Result<Answer> {
        get(self.gateway.address("web"), "mail.example.dk", path)
            .from(CHINA)
            .basic("anna", PASSWORD)
            .try_send()
    }

    fn readiness(&self) -> Answer {
        get(self.gateway.address("operations"), "localhost", "/readyz").send()
    }

    fn audit_is_ready(&self) -> bool {
        let parts = self.readiness().json()["parts"].clone();
        parts.as_array().unwrap().iter().find(|part| part["name"] == "audit").unwrap()["ready"]
            == true
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_permitted_traffic_until_it_can() {
    let mut setting = running("");
    assert_eq!(setting.ask(DENMARK).status, 200);
    assert_eq!(setting.travels("/").unwrap().status, 200);
    assert!(setting.audit_is_ready());
    setting.disk_is_full(true);
    eventually("permitted traffic stops", || setting.ask(DENMARK).status == 503);
    let stopped = setting.ask(DENMARK);
    assert_eq!(stopped.status, 503);
    let reference = stopped.header("geovagt-reference").expect("a reference").to_owned();
    assert!(stopped.text().contains(&reference));
    assert_eq!(setting.travels("/").unwrap().status, 503);
    let denied = setting.ask(CHINA);
    assert_eq!(denied.status, 403);
    assert!(denied.header("geovagt-reference").is_some());
    assert_eq!(setting.readiness().status, 503);
    assert!(!setting.audit_is_ready());
    setting.gateway.wait_for_log("an error says so", |line| {
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && message.starts_with("the audit log cannot be written")
    });
    setting.disk_is_full(false);
    eventually("it is ready by itself", || setting.readiness().status == 200);
    eventually("traffic goes on", || setting.ask(DENMARK).status == 200);
    assert_eq!(setting.travels("/").unwrap().status, 200);
    assert_eq!(setting.gateway.stop(), Some(0));
    setting.gateway.command(&["audit", "verify"]).expect_code(0);
    let search = ["audit", "search", "--json", "--reason", "audit_unavailable"];
    assert!(!setting.gateway.command(&search).expect_code(0).out.is_empty());
}

#[test]
fn where_the_operator_says_so_traffic_goes_on_without_a_log() {
    let mut setting = running("audit: {on_failure: allow}\n");
    setting.disk_is_full(true);
    assert_eq!(setting.ask(DENMARK).status, 200);
    eventually("the failure is noticed", || !setting.audit_is_ready());
    for _ in 0..5 {
        assert_eq!(setting.ask(DENMARK).status, 200);
        assert_eq!(setting.travels("/").unwrap().status, 200);
        assert_eq!(setting.ask(CHINA).status, 403);
    }
    // What waits is written when there is room.
    setting.disk_is_full(false);
    eventually("it is ready by itself", || setting.audit_is_ready());
    assert_eq!(setting.gateway.stop(), Some(0));
    setting.gateway.command(&["audit", "verify"]).expect_code(0);
    let found = setting.gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
    assert_eq!(found.out.lines().count(), 11);
}

#[test]
fn what_is_lost_at_the_end_is_said() {
    let mut setting = running("audit: {on_failure: allow}\n");
    setting.disk_is_full(true);
    assert_eq!(setting.ask(DENMARK).status, 200);
    eventually("the failure is noticed", || !setting.audit_is_ready());
    assert_eq!(setting.gateway.stop(), Some(0));
    setting.gateway.wait_for_log("it says what is lost", |line| {
        let fields = &line["fields"];
        fields["message"] == "the audit log ends without its last entries"
            && fields["entries"].as_u64() >= Some(1)
    });
    setting.gateway.command(&["audit", "verify"]).expect_code(0);
}

#[test]
fn after_kill_9_under_load_nothing_that_was_answered_is_lost() {
    let mut setting = running("");
    // Proven once, the password is known for a while.
    assert_eq!(setting.travels("/before").unwrap().status, 200);
    let answered = Arc::new(Mutex::new(BTreeSet::new()));
    let number = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
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
            scope.spawn(|| {
                let web = setting.gateway.address("web");
                let ask = |from| get(web, "kilden.example.dk", "/").from(from).try_send();
                while ask(DENMARK).is_ok() && ask(CHINA).is_ok() {}
            });
        }
        eventually("there is load", || answered.lock().unwrap().len() >= 60);
        setting.gateway.signal("KILL");
    });
    assert_eq!(setting.gateway.wait(), None, "it ended by the signal");
    tear_a_line(&setting.gateway);
    setting.gateway.run();
    setting.gateway.wait_for_log("it says what it set aside", |line| {
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        line["level"] == "WARN" && message.contains("was not closed cleanly")
    });
    assert_eq!(setting.ask(DENMARK).status, 200);
    assert_eq!(setting.gateway.stop(), Some(0));
    setting.gateway.command(&["audit", "verify"]).expect_code(0);
    let search = ["audit", "search", "--json", "--user", "anna", "--limit", "100000"];
    let found = setting.gateway.command(&search).expect_code(0).out;
    for path in answered.lock().unwrap().iter() {
        assert!(found.contains(path.as_str()), "{path} was answered and is lost");
    }
}

/// What a kill in the middle of a write leaves.
fn tear_a_line(gateway: &Gateway) {
    let chain = gateway.directory().join("state/audit/allowed");
    let mut segments: Vec<_> =
        std::fs::read_dir(chain).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    let last = segments.iter().rev().find(|path| path.extension().is_some_and(|e| e == "jsonl"));
    let last = last.unwrap_or_else(|| panic!("no segment among {segments:?}"));
    let mut file = std::fs::OpenOptions::new().append(true).open(last).unwrap();
    file.write_all(br#"{"@timestamp":"2026-11-22T10:00:00.000Z","event":{"id"#).unwrap();
}

//! The block log's index: after whatever end nothing is missing in it and nothing stands twice, and
//! the commands answer from it what the files say.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use geovagt::audit::search::{Filter, search};
use geovagt::audit::{Action, Audit, Class, Event, Facts, Options};
use geovagt::client_address::{ClientAddress, UnknownBecause};
use geovagt::clock;
use geovagt::identifier::ListenerId;
use geovagt::lifecycle::Tasks;
use geovagt::log_index::Follower;
use geovagt::policy::{Denial, Reason};
use geovagt::store::Store;
use geovagt::store::log::{LogQuery, Organizations};

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK};
use crate::support::upstream::Upstream;

/// Where the child keeps its state; only a child has it.
const DIRECTORY: &str = "GEOVAGT_TEST_INDEX_DIRECTORY";

fn options(state: &Path) -> Options {
    let mut options = Options::new(state.join("audit"));
    options.flush = Duration::from_millis(2);
    options.segment_bytes = 20_000;
    options
}

#[test]
fn after_a_kill_nothing_is_missing_and_nothing_stands_twice() {
    let state = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "log_index::follows_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY, state.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut indexed = 0;
        while indexed < 20 + round * 5 {
            let line = lines.next().expect("the child follows until it is killed").unwrap();
            indexed += usize::from(line.contains("indexed "));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let indexed = runtime.block_on(async {
        let (audit, opened) = Audit::open(options(state.path()), &Tasks::new()).unwrap();
        assert_eq!(opened.damaged, Vec::<String>::new());
        audit.close().await;
        let store = Store::open(state.path()).await.unwrap();
        let mut follower = Follower::new(state.path().join("audit"), store.log().clone());
        while follower.round().await.unwrap().behind > 0 {}
        let mut indexed = HashMap::<(Class, u64), usize>::new();
        let query = LogQuery::of(Organizations::All);
        let mut before = None;
        loop {
            let page = store.log().search(&query, before, 500).await.unwrap();
            for entry in page.entries {
                *indexed.entry((entry.class, entry.sequence)).or_default() += 1;
            }
            before = page.next;
            if before.is_none() {
                return indexed;
            }
        }
    });
    let everything = Filter::default();
    let filed: HashMap<(Class, u64), usize> = search(&state.path().join("audit"), &everything)
        .unwrap()
        .map(Result::unwrap)
        .filter(|found| found.class != Class::Allowed)
        .map(|found| ((found.class, found.sequence), 1))
        .collect();
    assert!(filed.len() > 100, "{}", filed.len());
    assert_eq!(indexed, filed);
}

#[test]
#[ignore = "the child of the test above, which kills it"]
fn follows_until_it_is_killed() {
    let state = PathBuf::from(std::env::var_os(DIRECTORY).expect("run by the test above"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tasks = Tasks::new();
        let (audit, opened) = Audit::open(options(&state), &tasks).unwrap();
        assert_eq!(opened.damaged, Vec::<String>::new());
        let store = Store::open(&state).await.unwrap();
        let writing = audit.clone();
        tasks.spawn(async move {
            loop {
                for _ in 0..20 {
                    let client = ClientAddress::Unknown(UnknownBecause::Unparsable);
                    let listener = ListenerId::parse("web").unwrap();
                    let mut facts = Facts::new(clock::now(), listener, client);
                    facts.user = Some(hex::encode(clock::random_bytes::<4>()).into());
                    writing.deny(facts, Denial::new(Reason::ClientAddressUnknown));
                }
                let event = Event::new(Action::SignIn, clock::now(), clock::random_bytes());
                writing.record(event).durable().await.unwrap();
            }
        });
        let mut follower = Follower::new(state.join("audit"), store.log().clone());
        loop {
            let round = follower.round().await.unwrap();
            if round.entries > 0 {
                writeln!(std::io::stdout(), "indexed {}", round.entries).unwrap();
            }
        }
    });
}

fn lines(gateway: &Gateway, search: &[&str]) -> Vec<serde_json::Value> {
    let printed = gateway.command(&[&["audit", "search", "--json"], search].concat());
    printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A gateway that has rejected and let in, and has indexed it.
fn gateway_with_a_log(upstream: &Upstream) -> Gateway {
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let web = gateway.address("web");
    for _ in 0..3 {
        assert_eq!(get(web, "kilden.example.dk", "/").from(CHINA).send().status, 403);
        assert_eq!(get(web, "kilden.example.dk", "/").from(DENMARK).send().status, 200);
    }
    eventually("everything is written", || {
        lines(&gateway, &["--action", "allowed"]).len() == 3
            && !lines(&gateway, &["--action", "denied"]).is_empty()
    });
    gateway
}

#[test]
fn a_search_answers_with_and_without_the_index_and_is_itself_an_entry() {
    let upstream = Upstream::start();
    let mut gateway = gateway_with_a_log(&upstream);
    let searched = |gateway: &Gateway| lines(gateway, &["--action", "log_searched"]);
    eventually("the searches are entries", || !searched(&gateway).is_empty());
    let looks = searched(&gateway);
    let look = &looks[looks.len() - 1];
    assert_eq!(look["geovagt"]["details"]["action"], "allowed");
    assert!(look["user"]["effective"]["name"].is_string(), "{look}");
    gateway.command(&["audit", "search", "--client", CHINA]).expect_code(0);
    eventually("who was looked for is told where it can be removed", || {
        let told = |look: &serde_json::Value| {
            let details = &look["geovagt"]["details"];
            let target = look["user"]["target"]["name"].as_str().unwrap_or_default();
            target.starts_with(CHINA) && details["client"] == "yes"
        };
        searched(&gateway).iter().any(told)
    });
    assert_eq!(gateway.stop(), Some(0));
    let denied = ["--action", "denied"];
    let with = gateway.command(&["audit", "search", "--json", "--action", "denied"]);
    assert!(!with.err.contains("files are read"), "{}", with.err);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(
            gateway.directory().join(format!("state/log-index.sqlite3{suffix}")),
        );
    }
    let without = gateway.command(&["audit", "search", "--json", "--action", "denied"]);
    assert!(without.err.contains("the files are read"), "{}", without.err);
    assert_eq!(with.out, without.out);
    assert!(!lines(&gateway, &denied).is_empty());
    let nothing = gateway.command(&["audit", "search", "--country", "KP"]).expect_code(0);
    assert!(nothing.out.is_empty() && nothing.err.contains("nothing was found"), "{}", nothing.err);
    let allowed = lines(&gateway, &["--allowed"]);
    assert!(
        allowed.len() == 3 && allowed.iter().all(|entry| entry["event"]["action"] == "allowed")
    );
    assert!(
        lines(&gateway, &["--without-allowed"]).iter().all(|e| e["event"]["action"] != "allowed")
    );
    // The gateway makes it again.
    gateway.run();
    eventually("the index is made again", || {
        let found = gateway.command(&["audit", "search", "--json", "--action", "denied"]);
        !found.err.contains("the files are read") && found.out == with.out
    });
}

#[test]
fn an_export_says_what_it_is_and_is_itself_an_entry() {
    let upstream = Upstream::start();
    let gateway = gateway_with_a_log(&upstream);
    let path = "/=cmd%7C'%20/C%20calc'!A0";
    let from_china = get(gateway.address("web"), "kilden.example.dk", path).from(CHINA);
    assert_eq!(from_china.send().status, 403);
    let table = gateway.command(&["audit", "export", "--format", "csv", "--country", "CN"]);
    let table = table.expect_code(0).out;
    let rows: Vec<&str> = table.trim_start_matches('\u{feff}').lines().collect();
    assert!(rows[0].starts_with("geovagt audit export,"), "{}", rows[0]);
    assert_eq!(rows[1], "search,country,CN");
    assert!(rows[2].starts_with("timestamp,chain,") && rows.len() > 3);
    assert!(rows[3..].iter().all(|row| row.contains(",CN,")), "{table}");
    let arguments = ["audit", "export", "--format", "jsonl", "--allowed"];
    let file = gateway.command(&arguments).expect_code(0).out;
    assert!(file.starts_with("{\"geovagt_export\""), "{file}");
    assert_eq!(file.lines().count(), 4);
    eventually("the exports are entries", || {
        lines(&gateway, &["--action", "log_exported"]).len() == 2
    });
}

#[test]
fn a_replay_prints_what_would_be_decided_otherwise() {
    let upstream = Upstream::start();
    let mut gateway = gateway_with_a_log(&upstream);
    let log = gateway.command(&["audit", "export", "--format", "jsonl"]).expect_code(0).out;
    let same = gateway.command_with_input(&["replay", "-"], &log);
    assert_eq!((same.code, &*same.out), (0, ""), "{}", same.err);
    assert!(same.err.contains("decided again, 0 differ"), "{}", same.err);
    assert_eq!(gateway.stop(), Some(0));
    let file = gateway.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let allowed = format!("allow_networks: [{{network: {CHINA}/32, reason: agreed}}]");
    let changed = text.replacen("{list: cfcs}", &format!("{{list: cfcs, {allowed}}}"), 1);
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    let differ = gateway.command_with_input(&["replay", "-", "--json"], &log);
    assert_eq!(differ.code, 1, "{}", differ.err);
    let differ = differ.json();
    let first = &differ.as_array().unwrap()[0];
    assert_eq!(first["recorded"]["reason"], "country_listed");
    assert_eq!(first["now"], serde_json::json!({"verdict": "allow", "reason": "allowed_network"}));
    assert!(first["id"].is_string());
    let nothing = gateway.command_with_input(&["replay", "-"], "rubbish\n");
    assert_eq!(nothing.code, 1);
    gateway.command(&["replay", "/does/not/exist"]).expect_code(1);
    gateway.command(&["replay"]).expect_code(2);
}

#[test]
fn the_committees_figures_name_nobody() {
    let upstream = Upstream::start();
    let gateway = gateway_with_a_log(&upstream);
    let now = clock::now().to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap());
    let quarter = format!("{}-Q{}", now.year(), (now.month() - 1) / 3 + 1);
    let arguments = ["audit", "report", "--quarter", &quarter, "--organization", "ballerup"];
    let text = gateway.command(&arguments).expect_code(0);
    assert!(text.out.contains("Rejections by country") && text.out.contains('*'), "{}", text.out);
    assert!(!text.out.contains("CN") && !text.out.contains(CHINA), "{}", text.out);
    let table = gateway.command(&[&arguments[..], &["--format", "csv"]].concat()).expect_code(0);
    assert!(table.out.contains("Rejections by country,total,hidden"), "{}", table.out);
    let json = gateway.command(&[&arguments[..], &["--json"]].concat()).expect_code(0).json();
    assert_eq!(json["quarter"], quarter.as_str());
    gateway.command(&["audit", "report", "--quarter", "2099-Q1"]).expect_code(1);
    gateway.command(&["audit", "report", "--quarter", "2099"]).expect_code(2);
    gateway.command(&["audit", "report", "--organization", "x"]).expect_code(1);
}

#[test]
fn readiness_tells_of_the_index_and_a_store_that_is_slow_keeps_nobody_waiting() {
    let upstream = Upstream::start();
    let gateway = gateway_with_a_log(&upstream);
    let ready = get(gateway.address("operations"), "localhost", "/readyz").send().json();
    let parts = ready["parts"].as_array().unwrap().clone();
    let index = parts.iter().find(|part| part["name"] == "log_index").expect("a part");
    assert_eq!(index["ready"], true, "{index}");
}

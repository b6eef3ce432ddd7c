//! The log survives `kill -9`: nothing whose durability was reported is lost.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use geovagt::audit::search::{Filter, search};
use geovagt::audit::verify::verify;
use geovagt::audit::{Action, Audit, Event, Facts, Options};
use geovagt::client_address::{ClientAddress, UnknownBecause};
use geovagt::clock;
use geovagt::identifier::ListenerId;
use geovagt::lifecycle::Tasks;
use geovagt::policy::{Denial, Reason};

/// Where the child writes its log; only a child has it.
const DIRECTORY: &str = "GEOVAGT_TEST_AUDIT_DIRECTORY";

fn options(directory: &Path) -> Options {
    let mut options = Options::new(directory.to_owned());
    options.flush = Duration::from_millis(2);
    // Small segments, so that the end comes in the middle of a rotation too.
    options.segment_bytes = 20_000;
    options
}

#[test]
fn nothing_durable_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut reported = HashSet::new();
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "audit_kill::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        while seen < 60 + round * 7 {
            let line = lines.next().expect("the child writes until it is killed").unwrap();
            if let Some((_, number)) = line.split_once("durable ") {
                reported.insert(number.to_owned());
                seen += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        reported.extend(lines.map_while(Result::ok).filter_map(|line| {
            // The pipe may end in the middle of a line; whole ones end in a point.
            line.split_once("durable ").map(|(_, n)| n.to_owned()).filter(|n| n.ends_with('.'))
        }));
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (audit, opened) = Audit::open(options(directory.path()), &Tasks::new()).unwrap();
        assert_eq!(opened.damaged, Vec::<String>::new());
        audit.close().await;
    });
    let report = verify(directory.path()).unwrap();
    assert!(report.is_whole(), "{:?}", report.findings);
    let everything = Filter::default();
    let kept: HashSet<String> = search(directory.path(), &everything)
        .unwrap()
        .filter_map(|entry| entry.unwrap().event.details.get("number").cloned())
        .collect();
    assert!(reported.len() >= 5 * 60);
    let lost: Vec<_> = reported.difference(&kept).collect();
    assert!(lost.is_empty(), "reported as durable and lost: {lost:?}");
}

#[test]
#[ignore = "the child of the test above, which kills it"]
fn writes_until_it_is_killed() {
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("run by the test above"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tasks = Tasks::new();
        let (audit, opened) = Audit::open(options(&directory), &tasks).unwrap();
        assert_eq!(opened.damaged, Vec::<String>::new());
        for _ in 0..4 {
            let audit = audit.clone();
            tasks.spawn(async move {
                loop {
                    flood(&audit);
                    let number = format!("{}.", hex::encode(clock::random_bytes::<8>()));
                    let event = Event::new(Action::SignIn, clock::now(), clock::random_bytes());
                    audit.record(event.detail("number", &number)).durable().await.unwrap();
                    writeln!(std::io::stdout(), "durable {number}").unwrap();
                }
            });
        }
        std::future::pending::<()>().await;
    });
}

fn flood(audit: &Audit) {
    for _ in 0..20 {
        let client = ClientAddress::Unknown(UnknownBecause::Unparsable);
        let mut facts = Facts::new(clock::now(), ListenerId::parse("web").unwrap(), client);
        facts.user = Some(hex::encode(clock::random_bytes::<4>()).into());
        audit.deny(facts, Denial::new(Reason::ClientAddressUnknown));
    }
}

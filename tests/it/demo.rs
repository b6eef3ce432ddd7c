//! The demo, held against what the first step ends with: the list, the near misses, the traveller,
//! and a log in which no byte can be altered unseen.

use std::path::PathBuf;
use std::process::Command;

use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::gateway::PROGRAM;
use crate::support::places::{DENMARK, LISTED, NEAR_MISSES, THAILAND};

#[test]
fn the_demo_holds_the_list_and_its_log_shows_every_altered_byte() {
    let mut demo = Demo::start();
    let (name, password) = demo.traveller();
    let status = |address: &str| get(demo.web(), "127.0.0.1", "/").from(address).send().status;
    assert_eq!(status(DENMARK), 200);
    for &(entry, _, v4, v6) in LISTED {
        // The traveller's country asks who it is; everywhere else is the wall.
        let expected = if entry == "TH" { 401 } else { 403 };
        assert_eq!((status(v4), status(v6)), (expected, expected), "{entry}");
        let traveller = get(demo.web(), "127.0.0.1", "/").from(v4).basic(&name, &password).send();
        assert_eq!(traveller.status, if entry == "TH" { 200 } else { 403 }, "{entry}");
    }
    for &(code, address) in NEAR_MISSES {
        assert_eq!(status(address), 200, "{code}");
    }
    let answer =
        get(demo.web(), "127.0.0.1", "/").from(THAILAND).basic("bo.lund", &password).send();
    assert_eq!(answer.status, 403);
    demo.stop();
    let audit = demo.state().join("state/audit");
    assert!(verifies(&demo));
    for chain in ["allowed", "denied", "people"] {
        for file in segments(&audit.join(chain)) {
            let whole = std::fs::read(&file).unwrap();
            for step in 0..12 {
                let mut altered = whole.clone();
                let at = whole.len() * step / 12;
                altered[at] ^= 1;
                std::fs::write(&file, &altered).unwrap();
                assert!(!verifies(&demo), "byte {at} of {}", file.display());
            }
            std::fs::write(&file, &whole).unwrap();
        }
    }
    assert!(verifies(&demo), "put back as it was");
}

fn segments(directory: &std::path::Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect()
}

fn verifies(demo: &Demo) -> bool {
    let output = Command::new(PROGRAM)
        .arg("--config")
        .arg(demo.state().join("gateway.yaml"))
        .args(["audit", "verify"])
        .output()
        .unwrap();
    output.status.success()
}

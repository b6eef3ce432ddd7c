//! The demo, used by somebody who has read nothing: a real Chromium, in both languages, on a phone and
//! on a desk, with scripts and without.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::demo::Demo;
use crate::support::gateway::{Gateway, repository};
use crate::support::outside::{command, npm_packages};

/// What is done, in this order.
const DONE: [&str; 20] = [
    "turned away",
    "granted by two",
    "the traveller is in",
    "the rejection is found",
    "closed, and the open page ended",
    "the device is bound",
    "the traveller is in from China",
    "the page from China ended",
    "five questions",
    "the second approval",
    "extended and refused",
    "let in by telephone",
    "a delegation",
    "applied",
    "home again",
    "a lost device",
    "searched and saved",
    "a review is drawn",
    "evidence",
    "a pasted list",
];

fn everything(scene: [&str; 3]) {
    npm_packages("accessibility");
    let demo = Demo::start();
    let downloads = tempfile::tempdir().unwrap();
    let pictures = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures/newcomer");
    std::fs::create_dir_all(&pictures).unwrap();
    let mut node = command("node");
    node.arg(repository().join("tests/accessibility/newcomer.mjs"))
        .args(scene)
        .env("DOWNLOADS", downloads.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if scene == ["da", "desk", "scripts"] {
        node.env("PICTURES", pictures);
    }
    let mut child = node.spawn().unwrap();
    let printed = demo.printed().join("\n");
    child.stdin.take().unwrap().write_all(printed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let mut lines = said.lines();
    for done in DONE {
        let line = lines.next().unwrap_or_default();
        assert!(line.starts_with(done), "{done:?} was not done: {said}");
    }
    assert_eq!(lines.collect::<Vec<_>>(), ["insight", "the report"]);
    let archive = said.lines().find_map(|line| line.strip_prefix("evidence ")).unwrap();
    is_proven_elsewhere(archive, demo.command(&["audit", "key"]).trim());
}

/// `audit verify` accepts the archive on a machine that knows nothing of the gateway.
fn is_proven_elsewhere(archive: &str, key: &str) {
    let elsewhere = Gateway::prepare("");
    let verify = ["audit", "verify", archive, "--key", key];
    let verified = elsewhere.command(&verify).expect_code(0);
    assert!(verified.out.starts_with("accepted: "), "{verified:?}");
    let mut bytes = std::fs::read(archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(archive, bytes).unwrap();
    elsewhere.command(&verify).expect_code(1);
}

#[test]
fn outside_a_newcomer_on_a_desk_in_danish() {
    everything(["da", "desk", "scripts"]);
}

#[test]
fn outside_a_newcomer_on_a_desk_in_danish_without_scripts() {
    everything(["da", "desk", "plain"]);
}

#[test]
fn outside_a_newcomer_on_a_desk_in_english() {
    everything(["en", "desk", "scripts"]);
}

#[test]
fn outside_a_newcomer_on_a_desk_in_english_without_scripts() {
    everything(["en", "desk", "plain"]);
}

#[test]
fn outside_a_newcomer_on_a_phone_in_danish() {
    everything(["da", "phone", "scripts"]);
}

#[test]
fn outside_a_newcomer_on_a_phone_in_danish_without_scripts() {
    everything(["da", "phone", "plain"]);
}

#[test]
fn outside_a_newcomer_on_a_phone_in_english() {
    everything(["en", "phone", "scripts"]);
}

#[test]
fn outside_a_newcomer_on_a_phone_in_english_without_scripts() {
    everything(["en", "phone", "plain"]);
}

//! `--server`: the command line with a token, in the place of the configuration and the store.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::client::get;
use crate::support::gateway::{Gateway, PROGRAM, configuration, eventually};
use crate::support::places::CHINA;
use crate::support::upstream::Upstream;

/// A gateway, and somebody elsewhere who has a token of it and nothing else.
struct Scene {
    gateway: Gateway,
    elsewhere: tempfile::TempDir,
    url: String,
    upstream: Upstream,
}

impl Scene {
    fn start() -> Self {
        let upstream = Upstream::start();
        let admin = "admin: {bind: [\"127.0.0.1:0\"], tls: {certificates: [{chain: chain.pem, key: key.pem}]}}\n";
        let mut gateway = Gateway::prepare(&configuration(&upstream.url(), admin));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let at = gateway.directory().to_owned();
        std::fs::write(at.join("chain.pem"), made.cert.pem()).unwrap();
        std::fs::write(at.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        gateway.run();
        for name in ["anna.holm", "bo.lund"] {
            gateway.add_user(name, "ballerup", "korrekt hest batteri klammer");
        }
        let url = format!("https://localhost:{}", gateway.address("admin").port());
        Self { gateway, elsewhere: tempfile::tempdir().unwrap(), url, upstream }
    }

    fn token(&self, name: &str, scope: &str, roles: &[&str]) -> PathBuf {
        let mut add = vec![
            "token",
            "add",
            name,
            "--organization",
            "ballerup",
            "--scope",
            scope,
            "--by",
            name,
        ];
        add.extend(roles.iter().flat_map(|role| ["--role", role]));
        let token = self.gateway.command(&add).expect_code(0).out;
        let file = self.elsewhere.path().join(name);
        std::fs::write(&file, token).unwrap();
        file
    }

    /// The command as it runs on another machine, where there is no configuration.
    fn there(&self, token: Option<&PathBuf>, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.elsewhere.path())
            .env_clear()
            .args(["--config", "/nowhere", "--server", &self.url, "--server-ca"])
            .arg(self.gateway.directory().join("chain.pem"));
        if let Some(token) = token {
            command.arg("--token-file").arg(token);
        }
        command.args(arguments).output().unwrap()
    }

    fn done(&self, token: &PathBuf, arguments: &[&str]) -> String {
        let output = self.there(Some(token), arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, token: Option<&PathBuf>, arguments: &[&str], why: &str) {
        let output = self.there(token, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(said.contains(why) && !said.contains("gva_"), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

const GRANT: [&str; 14] = [
    "exemption",
    "grant",
    "--organization",
    "ballerup",
    "--person",
    "anna.holm",
    "--site",
    "kilden",
    "--purpose",
    "Studietur",
    "--case",
    "26/1",
    "--leg",
    "CN 2099-01-01..2099-01-08",
];

#[test]
fn exemptions_are_granted_approved_and_closed_from_another_machine() {
    let scene = Scene::start();
    let clerk = scene.token("Kirsten", "write", &["case_officer", "approver"]);
    let approver = scene.token("Mads", "write", &["approver", "case_officer"]);
    let id = scene.done(&clerk, &GRANT).trim().to_owned();
    assert!(id.starts_with("TE-"), "{id}");
    // It takes another person, there as here.
    scene.refused(Some(&clerk), &["exemption", "approve", &id], "");
    let waits = scene.done(&approver, &["exemption", "list", "--state", "awaiting"]);
    let line = waits.lines().find(|line| line.starts_with(&id)).expect("the exemption");
    for part in ["awaiting", "anna.holm", "2099-01-01", "2099-01-08", "CN", "kilden"] {
        assert!(line.contains(part), "{part}: {waits}");
    }
    assert_eq!(scene.done(&approver, &["exemption", "approve", &id]).trim(), id);
    let shown = scene.done(&clerk, &["exemption", "show", &id]);
    assert!(shown.contains("planned") && shown.contains("2099-01-01..2099-01-08"), "{shown}");
    assert!(shown.contains("approved") && shown.contains("by mads"), "{shown}");
    scene.done(&clerk, &["exemption", "close", &id]);
    let json = scene.done(&clerk, &["exemption", "show", &id, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["id"], &json["state"]), (&id.as_str().into(), &"closed".into()));
    let on_that_machine = scene.gateway.command(&["exemption", "show", &id, "--json"]).json();
    assert_eq!(on_that_machine["state"], "closed");
}

#[test]
fn the_log_is_searched_from_another_machine() {
    let scene = Scene::start();
    let security = scene.token("Sofie", "read", &["security"]);
    let answer = get(scene.gateway.address("web"), "kilden.example.dk", "/").from(CHINA).send();
    let reference = answer.header("geovagt-reference").expect("a rejection").to_owned();
    let search = ["audit", "search", "--reference", &reference];
    let mut found = String::new();
    eventually("it is found", || {
        found = scene.done(&security, &search);
        !found.is_empty()
    });
    assert!(found.contains(&reference) && found.contains("country_listed"), "{found}");
    let json =
        scene.done(&security, &["audit", "search", "--country", "CN", "--since", "1h", "--json"]);
    let entry: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(entry["geovagt"]["reference"], reference.as_str());
    let none = scene.done(&security, &["audit", "search", "--country", "TH", "--json"]);
    assert_eq!(none, "");
    scene.refused(Some(&security), &["audit", "search", "--allowed"], "without --server");
    assert!(!scene.upstream.url().is_empty());
}

#[test]
fn what_does_not_go_says_why_and_shows_no_token() {
    let mut scene = Scene::start();
    let reader = scene.token("Laes", "read", &["case_officer"]);
    let list = ["exemption", "list"];
    scene.refused(None, &list, "--token-file");
    scene.refused(Some(&PathBuf::from("/nowhere/token")), &list, "/nowhere/token");
    // The scope, the organisation, who does it, what a server is not asked for.
    scene.refused(Some(&reader), &GRANT, "");
    let mut elsewhere = GRANT;
    elsewhere[3] = "egedal";
    scene.refused(Some(&reader), &elsewhere, "ballerup");
    scene.refused(Some(&reader), &["exemption", "close", "TE-000000", "--by", "Bo"], "--by");
    scene.refused(Some(&reader), &["exemption", "show", "TE-000000"], "");
    scene.refused(Some(&reader), &["user", "list"], "without --server");
    scene.refused(Some(&reader), &["exemption", "link", "TE-000000"], "without --server");
    let wrong = scene.elsewhere.path().join("wrong");
    std::fs::write(&wrong, "gva_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    scene.refused(Some(&wrong), &list, "token add");
    assert!(scene.there(Some(&reader), &list).status.success());
    // A certificate that nobody vouches for, and nobody there at all.
    let untrusted = Command::new(PROGRAM)
        .env_clear()
        .env("GEOVAGT_TOKEN", std::fs::read_to_string(&reader).unwrap())
        .args(["--server", &scene.url, "exemption", "list"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&untrusted.stderr);
    assert!(untrusted.status.code() == Some(1) && said.contains("--server-ca"), "{said}");
    scene.gateway.stop();
    scene.refused(Some(&reader), &list, "cannot be reached");
}

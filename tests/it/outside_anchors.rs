//! Signed heads of the log kept elsewhere by real receivers: rsyslog over TLS, and a mail server. What
//! they keep shows a log that was made anew.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::authority::Authority;
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually, eventually_some};
use crate::support::outside::{Program, command, free_address};
use crate::support::places::CHINA;
use crate::support::smtp::MailServer;
use crate::support::upstream::Upstream;

/// A collector of Debian's own rsyslog that takes TLS and nothing else.
struct Collector {
    port: u16,
    authority: Authority,
    directory: tempfile::TempDir,
    _program: Program,
}

impl Collector {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "collector-ca");
        let issued = authority.issue("localhost");
        let address = free_address();
        let here = directory.path().display().to_string();
        let configuration = format!(
            r#"global(workDirectory="{here}" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{chain}"
  defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="line" type="string" string="%pri% %app-name% %msgid% %msg%\n")
action(type="omfile" file="{here}/heads" template="line" fileCreateMode="0644")
"#,
            ca = authority.file.display(),
            chain = issued.chain.display(),
            key = issued.key.display(),
            port = address.port(),
        );
        let file = directory.path().join("rsyslog.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut rsyslogd = command("rsyslogd");
        rsyslogd.args(["-n", "-f"]).arg(&file).arg("-i").arg(directory.path().join("pid"));
        let program = Program::start(rsyslogd, &directory.path().join("output"), address);
        Self { port: address.port(), authority, directory, _program: program }
    }

    fn heads(&self) -> PathBuf {
        self.directory.path().join("heads")
    }

    /// The lines that have come whole, each with a head.
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.heads()).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter(|line| line.contains("audit-head"));
        lines.map(str::to_owned).collect()
    }
}

fn travels(gateway: &Gateway) {
    let answer = get(gateway.address("web"), "kilden.example.dk", "/").from(CHINA).send();
    assert_eq!(answer.status, 403);
}

fn anchors(gateway: &Gateway) -> Option<Value> {
    let ready = get(gateway.address("operations"), "localhost", "/readyz").send().json();
    let parts = ready["parts"].as_array().unwrap().clone();
    parts.into_iter().find(|part| part["name"] == "anchors")
}

/// The log is held against what was kept: as it is, and made anew by somebody.
fn proves(mut gateway: Gateway, kept: &Path) {
    let verify = ["audit", "verify", "--anchors", kept.to_str().unwrap()];
    assert_eq!(gateway.stop(), Some(0));
    gateway.command(&verify).expect_code(0);
    std::fs::remove_dir_all(gateway.directory().join("state/audit")).unwrap();
    gateway.run();
    travels(&gateway);
    assert_eq!(gateway.stop(), Some(0));
    let found = gateway.command(&verify).expect_code(1);
    assert!(found.out.contains("anchored elsewhere"), "{}", found.out);
}

#[test]
fn outside_heads_are_kept_by_rsyslog_over_tls() {
    let (collector, upstream) = (Collector::start(), Upstream::start());
    let block = |ca: &Path| {
        format!(
            "audit:\n  anchors:\n    - {{kind: syslog, host: localhost, port: {}, security: tls, ca: \"{}\", interval: 1s}}\n",
            collector.port,
            ca.display()
        )
    };
    // Whose certificate comes from somebody else hears nothing.
    let stranger = Authority::new(collector.directory.path(), "stranger");
    let wrong = Gateway::start(&configuration(&upstream.url(), &block(&stranger.file)));
    travels(&wrong);
    let part =
        eventually_some("it is said", || anchors(&wrong).filter(|part| part["warning"] == true));
    assert!(part["detail"].as_str().unwrap().to_lowercase().contains("certificate"), "{part}");
    drop(wrong);
    assert_eq!(collector.lines(), Vec::<String>::new());

    let gateway =
        Gateway::start(&configuration(&upstream.url(), &block(&collector.authority.file)));
    travels(&gateway);
    // Each chain, twice: framed so that one message is one line.
    eventually("heads are kept", || {
        let lines = collector.lines();
        ["allowed", "denied", "people"].iter().all(|chain| {
            let chain = format!("\"{chain}\"");
            lines.iter().filter(|line| line.contains(&chain)).count() >= 2
        })
    });
    for line in collector.lines() {
        assert!(line.starts_with("109 geovagt audit-head "), "{line}");
        let json = line.split_once(" audit-head ").unwrap().1.trim();
        assert!(serde_json::from_str::<Value>(json).is_ok(), "{line}");
    }
    eventually("all is well", || anchors(&gateway).is_some_and(|part| part["warning"] == false));
    let kept = collector.directory.path().join("kept");
    std::fs::write(&kept, collector.lines().join("\n") + "\n").unwrap();
    proves(gateway, &kept);
}

#[test]
fn outside_heads_are_kept_by_mail() {
    let (server, upstream) = (MailServer::start(), Upstream::start());
    let more = format!(
        "{}audit:\n  anchors:\n    - {{kind: mail, to: [arkiv@example.org, vagt@example.org], interval: 1s}}\n",
        server.configuration("")
    );
    let gateway = Gateway::start(&configuration(&upstream.url(), &more));
    travels(&gateway);
    let heads = |message: &Value| -> Vec<String> {
        let text = message["text"].as_str().unwrap();
        text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect()
    };
    let messages = eventually_some("every chain is told to both", || {
        let messages = server.messages(2);
        let told =
            |to: &str| messages.iter().any(|one| one["to"][0] == to && heads(one).len() >= 3);
        (told("arkiv@example.org") && told("vagt@example.org")).then_some(messages)
    });
    for message in &messages {
        assert_eq!((&message["tls"], &message["defects"]), (&true.into(), &serde_json::json!([])));
        assert!(message["text"].as_str().unwrap().contains("geovagt audit verify --anchors"));
        for head in heads(message) {
            assert!(serde_json::from_str::<Value>(&head).is_ok(), "a head is whole: {head}");
        }
    }
    let kept = gateway.directory().join("from-mail");
    let own = messages.iter().filter(|one| one["to"][0] == "arkiv@example.org");
    let lines: Vec<String> = own.flat_map(heads).collect();
    std::fs::write(&kept, lines.join("\n") + "\n").unwrap();
    proves(gateway, &kept);
}

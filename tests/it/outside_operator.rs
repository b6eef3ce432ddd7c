//! The README followed to the letter on a Debian with systemd and nginx: its own lines are run, so
//! what it says is true. The package, TLS, the units, a restart under load, and afterwards what the
//! metrics and the log say about it.

use std::process::Child;

use crate::support::gateway::{Printed, eventually, repository};
use crate::support::machine::{Machine, bootable};

const HOST: &str = "intranet.example.dk";

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).unwrap()
}

/// The lines of the README's one block of commands that holds this text.
fn lines(text: &str) -> Vec<String> {
    let readme = readme();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut holding = blocks.filter(|block| block.contains(text));
    let block = holding.next().unwrap_or_else(|| panic!("the README has no {text:?}"));
    assert_eq!(holding.next(), None, "two blocks with {text:?}");
    block.lines().map(str::to_owned).collect()
}

/// Runs a line as it stands there.
fn follow(machine: &Machine, line: &str) -> Printed {
    let printed = machine.sh(&format!("cd /root && {line}"));
    assert_eq!(printed.code, 0, "{line}\n{}\n{}", printed.out, printed.err);
    printed
}

/// nginx with the site, its certificate, and an editor that writes what the README says to write.
fn prepare(machine: &Machine) {
    let site = "server { listen 127.0.0.1:8000; location / { return 200 \"intranet\\n\"; } }";
    std::fs::write(machine.path("/etc/nginx/conf.d/intranet.conf"), site).unwrap();
    machine.sh("systemctl restart nginx").expect_code(0);
    let readme = readme();
    let said = readme.split("For TLS add `").nth(1).expect("the README says how TLS is set up");
    let tls = said.split('`').next().unwrap();
    let edit = format!(
        "#!/bin/sh\nset -e\ngrep -qF '    # {tls}' \"$1\"\n\
         sed -i -e 's|^    # \\(tls: \\)|    \\1|' \
         -e 's|\\[\"127.0.0.1:8080\"\\]|[\"0.0.0.0:443\", \"[::]:443\"]|' \"$1\"\n\
         grep -qF '    {tls}' \"$1\"\ngrep -qF '0.0.0.0:443' \"$1\"\n"
    );
    let editor = machine.path("/usr/bin/editor");
    let _ = std::fs::remove_file(&editor);
    std::fs::write(&editor, edit).unwrap();
    machine.sh("chmod 755 /usr/bin/editor").expect_code(0);
}

/// As the README says where: into `/etc/geovagt/tls`, for the group `geovagt`.
fn make_certificate(machine: &Machine) {
    machine
        .sh(&format!(
            "cd /etc/geovagt/tls && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
             -nodes -days 90 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} -keyout key.pem \
             -out fullchain.pem && chgrp geovagt key.pem && chmod 640 key.pem"
        ))
        .expect_code(0);
}

/// From the package to a gateway that says it is ready.
fn install(machine: &Machine) {
    let lines = lines("sudo apt install ./geovagt_");
    let mut steps = lines.iter().map(String::as_str);
    let built = steps.next().expect("the package is built first");
    assert!(built.contains("config/debian/build-deb"), "{built}: as the tests have done it");
    for line in steps {
        follow(machine, line);
        if line.contains("apt install") {
            assert_eq!(machine.property("ActiveState"), "inactive", "it starts nothing yet");
            make_certificate(machine);
        }
    }
    assert_eq!(machine.property("ActiveState"), "active");
    assert_eq!(machine.property("Type"), "notify");
}

/// Clients that believe the one certificate and write down every answer, a line each.
struct Clients<'a> {
    machine: &'a Machine,
    children: Vec<Child>,
}

impl<'a> Clients<'a> {
    fn start(machine: &'a Machine) -> Self {
        let line = format!(
            "while [ ! -e /tmp/enough ]; do curl -sS --max-time 30 --cacert \
             /etc/geovagt/tls/fullchain.pem --resolve {HOST}:443:127.0.0.1 https://{HOST}/ 2>&1; \
             done >>/tmp/answers."
        );
        let start = |number: i32| {
            machine.inside(&["sh", "-c", &format!("{line}{number}")]).spawn().unwrap()
        };
        Self { machine, children: (0..3).map(start).collect() }
    }

    fn answers(&self) -> Vec<String> {
        let all = self.machine.sh("cat /tmp/answers.*").out;
        all.lines().map(str::to_owned).collect()
    }

    /// Waits until they have been answered some more.
    fn go_on(&self) {
        let before = self.answers().len();
        eventually("clients go on", || self.answers().len() > before + 20);
    }

    /// How many answers there were, all of them the site's.
    fn end(mut self) -> usize {
        self.machine.sh("touch /tmp/enough").expect_code(0);
        for child in &mut self.children {
            child.wait().unwrap();
        }
        let answers = self.answers();
        let other: Vec<_> = answers.iter().filter(|answer| *answer != "intranet").collect();
        assert!(other.is_empty(), "{} of {} failed: {other:?}", other.len(), answers.len());
        answers.len()
    }
}

/// The entries of an action in the log.
fn entries(machine: &Machine, action: &str) -> usize {
    let search =
        format!("sudo -u geovagt geovagt audit search --json --limit 1000000 --action {action}");
    machine.sh(&search).expect_code(0).out.lines().count()
}

fn metrics(machine: &Machine) -> String {
    machine.sh("curl -sS http://127.0.0.1:9100/metrics").expect_code(0).out
}

fn started(machine: &Machine) -> String {
    let metrics = metrics(machine);
    let line = metrics.lines().find(|line| line.starts_with("geovagt_start_timestamp_seconds "));
    line.unwrap_or_else(|| panic!("no beginning in\n{metrics}")).to_owned()
}

#[test]
fn an_operator_gets_from_an_empty_debian_to_a_restart_under_load() {
    let machine = Machine::boot(bootable());
    prepare(&machine);
    install(&machine);

    let restart = lines("sudo systemctl restart geovagt");
    let elsewhere = |line: &&String| {
        line.starts_with('#') || line.contains("sudo install ") || line.contains("--take-over")
    };
    let mut restarts = 0;
    let mut clients = None;
    for line in restart.iter().filter(|line| !elsewhere(line)) {
        if !line.contains("systemctl restart") {
            follow(&machine, line);
            continue;
        }
        let before = started(&machine);
        let under_load = Clients::start(&machine);
        for _ in 0..3 {
            under_load.go_on();
            follow(&machine, line);
            restarts += 1;
        }
        under_load.go_on();
        assert_ne!(started(&machine), before, "the metrics say when it began");
        clients = Some(under_load);
    }
    let answered = clients.expect("the README says how it is restarted").end();
    assert_eq!(restarts, 3);

    let health = lines("sudo apt install ./geovagt_");
    follow(&machine, health.last().unwrap());
    let metrics = metrics(&machine);
    for line in ["geovagt_ready 1", "geovagt_requests_total{", "geovagt_certificate_expiry"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("geovagt_upstream_errors_total{"), "nothing failed\n{metrics}");
    // Once with the package, once more for the socket unit, and each restart.
    assert_eq!(
        (entries(&machine, "started"), entries(&machine, "stopped")),
        (2 + restarts, 1 + restarts)
    );
    // An entry reaches the disk within `audit.flush` of its answer.
    eventually("each answer has its entry", || entries(&machine, "allowed") >= answered);
    for line in lines("geovagt audit tail ") {
        if line.contains("audit tail ") || line.contains("audit verify ") {
            follow(&machine, &line);
        }
    }
    let journal = machine.sh("journalctl --no-pager --unit geovagt").expect_code(0).out;
    assert!(journal.contains("ready"), "{journal}");
    assert!(!journal.contains("not permitted"), "the unit forbids what it does\n{journal}");
    eprintln!("{answered} answers over {restarts} restarts, none failed\n{metrics}");
}

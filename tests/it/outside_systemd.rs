//! The units as systemd reads them, and sockets as it passes them on. Debian's package `systemd`.

use std::path::{Path, PathBuf};

use super::support::client::get;
use super::support::gateway::{Gateway, PROGRAM, configuration, eventually, repository};
use super::support::outside::{Program, command, free_address, run};
use super::support::places::DENMARK;
use super::support::upstream::Upstream;

/// The highest exposure that `systemd-analyze security` may find, in tenths; 100 is a service with
/// everything open.
const EXPOSURE: u32 = 16;

/// The units with the program that is tested.
fn units(directory: &Path) -> [PathBuf; 2] {
    ["geovagt.service", "geovagt.socket"].map(|name| {
        let text = std::fs::read_to_string(repository().join("config").join(name)).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, text.replace("/usr/bin/geovagt", PROGRAM)).unwrap();
        path
    })
}

#[test]
fn systemd_understands_the_units() {
    let directory = tempfile::tempdir().unwrap();
    let units = units(directory.path());
    let arguments = ["verify".into(), "--man=no".into()].into_iter().chain(units);
    let output = run("systemd-analyze", arguments.collect::<Vec<PathBuf>>());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.is_empty(), "{text}");
}

#[test]
fn the_service_is_shut_in() {
    let directory = tempfile::tempdir().unwrap();
    let [service, _] = units(directory.path());
    let threshold = format!("--threshold={EXPOSURE}");
    let security = ["security", "--offline=true", "--no-pager", &threshold];
    let output = run("systemd-analyze", security.iter().copied().chain(service.to_str()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Overall exposure level for geovagt.service"), "{text}");
}

#[test]
fn a_socket_that_systemd_passes_on_is_served() {
    let upstream = Upstream::start();
    let gateway = Gateway::prepare(&configuration(&upstream.url(), ""));
    let address = free_address();
    let mut activate = command("systemd-socket-activate");
    activate.args(["--listen", &address.to_string(), "--fdname=web", "--setenv=RUST_LOG=info"]);
    activate.arg(PROGRAM).args(["serve", "--config"]).arg(gateway.config_file());
    let output = gateway.directory().join("activate.output");
    let mut program = Program::start(activate, &output, address);
    let answer = get(address, "kilden.example.dk", "/").from(DENMARK).send();
    assert_eq!(answer.status, 200);
    let web = "\"listener\":\"web\"";
    eventually("it says that it listens there", || {
        let log = program.printed();
        log.lines().any(|line| line.contains(web) && line.contains(&address.to_string()))
    });
    assert!(!program.printed().contains("fits no listener"), "{}", program.printed());
    program.stop();
    gateway.command(&["audit", "verify"]).expect_code(0);
}

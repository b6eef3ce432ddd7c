//! The log on a file system that really is full. Needs root, to mount a small one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use geovagt::audit::search::{Filter, search};
use geovagt::audit::verify::verify;
use geovagt::audit::{Action, Audit, Class, Event, Facts, Options, Unavailable};
use geovagt::client_address::{ClientAddress, UnknownBecause};
use geovagt::clock;
use geovagt::identifier::ListenerId;
use geovagt::lifecycle::Tasks;
use geovagt::policy::{Denial, Reason};

/// A file system of one mebibyte, gone when it is dropped.
struct SmallDisk {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("small");
        fs::create_dir(&path).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&path));
        Self { path, _directory: directory }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("mount and umount are there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} needs root: {said}");
}

fn event(number: usize) -> Event {
    Event::new(Action::SignIn, clock::now(), clock::random_bytes()).detail("number", number)
}

fn deny(audit: &Audit) {
    let client = ClientAddress::Unknown(UnknownBecause::Unparsable);
    let facts = Facts::new(clock::now(), ListenerId::parse("web").unwrap(), client);
    audit.deny(facts, Denial::new(Reason::ClientAddressUnknown));
}

async fn fill(audit: &Audit) -> usize {
    let mut kept = 0;
    while audit.record(event(kept)).durable().await == Ok(()) {
        kept += 1;
    }
    kept
}

fn entries(directory: &Path, action: Action) -> u64 {
    let filter = Filter { action: Some(action), ..Filter::default() };
    search(directory, &filter).unwrap().map(|entry| entry.unwrap().event.count).sum()
}

#[tokio::test]
async fn outside_the_log_survives_a_full_disk() {
    let disk = SmallDisk::mount();
    let directory = disk.path.join("audit");
    let ballast = disk.path.join("ballast");
    fs::write(&ballast, vec![0; 400 * 1024]).unwrap();
    let mut options = Options::new(directory.clone());
    options.flush = Duration::from_millis(5);
    let tasks = Tasks::new();
    let (audit, _) = Audit::open(options, &tasks).unwrap();

    let kept = fill(&audit).await;
    assert!(kept > 50, "{kept}");
    let health = audit.health();
    assert!(!health.ready() && health.error.is_some(), "{health:?}");
    assert_eq!(audit.reserve(Class::Allowed).err(), Some(Unavailable));
    for _ in 0..100 {
        deny(&audit);
    }

    fs::remove_file(&ballast).unwrap();
    while !audit.health().ready() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(audit.reserve(Class::Allowed).is_ok());
    audit.record(event(0)).durable().await.unwrap();
    audit.close().await;
    let report = verify(&directory).unwrap();
    assert!(report.is_whole(), "{:?}", report.findings);
    assert_eq!(entries(&directory, Action::Denied), 100);
    assert_eq!(entries(&directory, Action::SignIn), kept as u64 + 2);
    assert_eq!(audit.health().lost, 0);
}

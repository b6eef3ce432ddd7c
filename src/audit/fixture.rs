//! Small logs for tests.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::disk::{Disk, DiskFile, RealDisk};
use super::event::{Action, Event, Field};
use super::facts::Facts;
use super::options::{Class, Options};
use super::recovery;
use crate::client_address::{ClientAddress, KnownAddress};
use crate::clock;
use crate::identifier::{ListId, ListenerId, OrganizationId, SiteId};
use crate::policy::{
    Admission, Authentication, CountryList, Exemptions, Extent, ListVersion, Location, Mode,
    Permit, Policy, PolicyParts, Proof, Scheduled, Subject, Verdict, decide,
};
use crate::territory::{Country, Territory};

/// A segment of this many bytes holds three entries of [`event`].
pub(super) const THREE: u64 = 3_000;

pub(crate) fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn event(number: u64) -> Event {
    let at = instant(number.try_into().unwrap());
    Event::new(Action::Denied, at, [0; 10])
        .personal(Field::ClientIp, "203.0.113.9")
        .personal(Field::UserAgent, "curl/8")
        .reason("country_listed")
        .detail("number", number)
}

/// Appends the events to the log in this directory, each made durable by itself.
pub(crate) fn write(directory: &Path, segment_bytes: u64, chains: &[(Class, Vec<Event>)]) {
    let options = Options { segment_bytes, ..Options::new(directory.to_owned()) };
    write_with(&options, chains);
}

/// The same, signed with the key that lies beside the log.
pub(super) fn write_signed(state: &Path, segment_bytes: u64, chains: &[(Class, Vec<Event>)]) {
    write_with(&signed(state, segment_bytes), chains);
}

/// A log in `state/audit`, signed with the key in `state`.
pub(super) fn signed(state: &Path, segment_bytes: u64) -> Options {
    let signing_key = Some(state.join(super::sign::FILE_NAME));
    Options { segment_bytes, signing_key, ..Options::new(state.join("audit")) }
}

fn write_with(options: &Options, chains: &[(Class, Vec<Event>)]) {
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new());
    let mut log = recovery::open(options, &disk, instant(0)).unwrap();
    assert_eq!(log.opened.damaged, Vec::<String>::new());
    for (class, events) in chains {
        let ledger = log.ledgers.get_mut(*class);
        for event in events {
            ledger.append([event].into_iter(), clock::random_bytes, instant(0)).unwrap();
        }
        ledger.publish().unwrap();
    }
}

/// Appends the events to one chain, durable all at once.
pub(crate) fn write_at_once(options: &Options, class: Class, events: &[Event]) {
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new());
    let mut log = recovery::open(options, &disk, instant(0)).unwrap();
    let ledger = log.ledgers.get_mut(class);
    ledger.append(events.iter(), clock::random_bytes, instant(0)).unwrap();
    ledger.publish().unwrap();
}

/// A log with this many numbered entries in each chain.
pub(super) fn numbered(directory: &Path, segment_bytes: u64, count: u64) {
    let events = || (1..=count).map(event).collect();
    write(directory, segment_bytes, &Class::ALL.map(|class| (class, events())));
}

/// A permit, made the only way there is: by a decision.
pub(super) fn permit() -> Permit {
    let country = |code| Country::parse(code).unwrap();
    let version = ListVersion {
        version: "1".into(),
        source: "s".into(),
        adopted_by: "a".into(),
        adopted_on: "2025-01-01".parse().unwrap(),
        announced_on: "2025-01-01".parse().unwrap(),
        effective_from: Timestamp::UNIX_EPOCH,
        early_start: None,
        territories: [Territory::country_of(country("CN"))].into_iter().collect(),
    };
    let id = ListId::parse("cfcs").unwrap();
    let list = CountryList::new(id, "n".into(), 14, vec![version]).unwrap();
    let policy = Policy::new(PolicyParts {
        organization: OrganizationId::parse("ballerup").unwrap(),
        site: SiteId::parse("kilden").unwrap(),
        list: Arc::new(list),
        mode: Scheduled::fixed(Mode::Enforce),
        unknown_location: Scheduled::fixed(Admission::Deny),
        private_networks: Admission::Deny,
        allow_networks: vec![],
        deny_networks: vec![],
        corrections: vec![],
        authentication: Authentication::Never,
        exemptions_enabled: false,
        sign_in: false,
        extent: Extent::Site,
    });
    let facts = facts("198.51.100.1");
    let location = Location::Country { country: country("DK"), subdivision: None };
    let subject = Subject { address: facts.client, location, person: None, proof: Proof::NONE };
    match decide(&policy, &subject, &Exemptions::default(), instant(0)) {
        Verdict::Allow(permit) => permit,
        other => panic!("{other:?}"),
    }
}

/// What is known about a request from this address, now.
pub(super) fn facts(ip: &str) -> Facts {
    let address = KnownAddress::new(ip.parse().unwrap()).unwrap();
    let listener = ListenerId::parse("web").unwrap();
    let mut facts = Facts::new(clock::now(), listener, ClientAddress::Known(address));
    facts.site = Some(SiteId::parse("kilden").unwrap());
    facts.path = Some("/".into());
    facts.query = Some("secret=1".into());
    facts
}

/// A disk that fails on demand. What it lets through is really written, and not waited for.
#[derive(Debug, Clone)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<Faults>>,
}

#[derive(Debug)]
struct Faults {
    /// How many bytes still fit.
    room: u64,
    sync_fails: bool,
}

impl FaultyDisk {
    pub(super) fn new() -> Self {
        Self { state: Arc::new(Mutex::new(Faults { room: u64::MAX / 2, sync_fails: false })) }
    }

    pub(super) fn leave_room(&self, bytes: u64) {
        self.state.lock().unwrap().room = bytes;
    }

    pub(super) fn make_room(&self) {
        self.leave_room(u64::MAX / 2);
    }

    pub(super) fn let_sync_fail(&self, fails: bool) {
        self.state.lock().unwrap().sync_fails = fails;
    }

    fn take(&self, bytes: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        let taken = state.room.min(bytes as u64);
        state.room -= taken;
        usize::try_from(taken).unwrap()
    }
}

impl Disk for FaultyDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inner = RealDisk.append(path)?;
        Ok(Box::new(FaultyFile { inner, disk: self.clone() }))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        if self.state.lock().unwrap().room < content.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let new = path.with_extension("new");
        let mut file = RealDisk.append(&new)?;
        file.truncate(0)?;
        file.append(content)?;
        std::fs::rename(new, path)
    }

    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

struct FaultyFile {
    inner: Box<dyn DiskFile>,
    disk: FaultyDisk,
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = self.disk.take(bytes.len());
        self.inner.append(&bytes[..fits])?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.state.lock().unwrap().sync_fails {
            return Err(io::Error::other("input/output error"));
        }
        Ok(())
    }

    fn length(&mut self) -> io::Result<u64> {
        self.inner.length()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let before = self.inner.length()?;
        self.inner.truncate(length)?;
        self.disk.state.lock().unwrap().room += before.saturating_sub(length);
        Ok(())
    }
}

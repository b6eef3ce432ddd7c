//! Small logs for tests.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::disk::RealDisk;
use super::event::{Action, Event, Field};
use super::options::{Class, Options};
use super::recovery;
use crate::clock;

/// A segment of this many bytes holds three entries of [`event`].
pub(super) const THREE: u64 = 3_000;

pub(super) fn instant(second: i64) -> Timestamp {
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
pub(super) fn write(directory: &Path, segment_bytes: u64, chains: &[(Class, Vec<Event>)]) {
    let options = Options { segment_bytes, ..Options::new(directory.to_owned()) };
    let mut log = recovery::open(&options, Arc::new(RealDisk), instant(0)).unwrap();
    assert_eq!(log.opened.damaged, Vec::<String>::new());
    for (class, events) in chains {
        let ledger = log.ledgers.get_mut(*class);
        for event in events {
            ledger.append([event].into_iter(), clock::random_bytes, instant(0)).unwrap();
        }
        ledger.publish().unwrap();
    }
}

/// A log with this many numbered entries in each chain.
pub(super) fn numbered(directory: &Path, segment_bytes: u64, count: u64) {
    let events = || (1..=count).map(event).collect();
    write(directory, segment_bytes, &Class::ALL.map(|class| (class, events())));
}

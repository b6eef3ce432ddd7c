use std::time::Duration;

use tempfile::TempDir;

use super::super::event::{Field, Outcome};
use super::super::fixture::{self, FaultyDisk, facts, permit};
use super::super::place::LONG_EXCHANGE;
use super::super::search::{Filter, search};
use super::super::verify::verify;
use super::*;
use crate::config::AllowedTraffic;
use crate::policy::Reason;

struct Log {
    directory: TempDir,
    disk: FaultyDisk,
    tasks: Tasks,
    audit: Audit,
}

fn open(change: impl FnOnce(&mut Options)) -> Log {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options::new(directory.path().to_owned());
    options.flush = Duration::from_millis(5);
    change(&mut options);
    let (disk, tasks) = (FaultyDisk::new(), Tasks::new());
    let on: Arc<dyn disk::Disk> = Arc::new(disk.clone());
    let (audit, opened) = Audit::open_on(options, &tasks, &on).unwrap();
    assert_eq!(opened, Opened::default());
    Log { directory, disk, tasks, audit }
}

impl Log {
    fn events(&self) -> Vec<Event> {
        let everything = Filter::default();
        let found = search(self.directory.path(), &everything).unwrap();
        found.map(|entry| entry.unwrap().event).collect()
    }

    /// Waits until it is so; the test's own time limit ends what never is.
    async fn until(&self, so: impl Fn(&Self) -> bool) {
        while !so(self) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn close(&self) -> Vec<Event> {
        self.audit.close().await;
        let report = verify(self.directory.path()).unwrap();
        assert!(report.is_whole(), "{:?}", report.findings);
        assert!(report.chains.iter().all(|chain| chain.unflushed == 0));
        self.events()
    }
}

fn sign_in(number: usize) -> Event {
    let at = clock::now();
    Event::new(Action::SignIn, at, clock::random_bytes()).user("anna").detail("number", number)
}

fn denial() -> Denial {
    Denial::new(Reason::CountryListed)
}

#[tokio::test]
async fn what_was_durable_is_on_disk_before_anything_else_happens() {
    let log = open(|options| options.flush = Duration::from_secs(3600));
    log.audit.record(sign_in(1)).durable().await.unwrap();
    let events = log.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].personal.get(Field::UserName).unwrap(), "anna");
    assert!(log.audit.health().ready());
}

#[tokio::test]
async fn an_exchange_is_one_entry_with_its_answer() {
    let log = open(|_| {});
    let place = log.audit.reserve(Class::Allowed).unwrap();
    let entry = place.entry(facts("198.51.100.1"), permit());
    assert_eq!(entry.permit().reason(), Reason::CountryNotListed);
    let reference = *entry.reference();
    let at = clock::now();
    entry.answered(204, at).durable().await.unwrap();
    let events = log.close().await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.action, event.outcome), (Action::Allowed, Outcome::Success));
    assert_eq!((event.status, event.verdict.as_deref()), (Some(204), Some("allow")));
    assert_eq!(event.reason.as_deref(), Some("country_not_listed"));
    assert_eq!(event.reference, Some(reference.short()));
    assert_eq!(event.query, None, "queries are not kept unless asked for");
    assert_eq!(log.audit.health().waiting, 0);
}

#[tokio::test]
async fn queries_are_kept_where_asked_for() {
    let log = open(|options| options.query_strings = true);
    let place = log.audit.reserve(Class::Allowed).unwrap();
    drop(place.entry(facts("198.51.100.1"), permit()).answered(200, clock::now()));
    assert_eq!(log.close().await[0].query.as_deref(), Some("secret=1"));
}

#[tokio::test]
async fn an_exchange_that_breaks_off_is_written_without_an_answer() {
    let log = open(|_| {});
    let place = log.audit.reserve(Class::People).unwrap();
    drop(place.entry(facts("198.51.100.1"), permit()));
    let events = log.close().await;
    assert_eq!((events[0].status, events[0].outcome), (None, Outcome::Unknown));
}

#[tokio::test]
async fn a_place_that_is_not_used_is_free_again() {
    let log = open(|options| options.queue = 1);
    let place = log.audit.reserve(Class::Allowed).unwrap();
    assert!(log.audit.reserve(Class::Allowed).is_err());
    assert!(log.audit.reserve(Class::People).is_ok(), "each class has its own");
    drop(place);
    assert!(log.audit.reserve(Class::Allowed).is_ok());
}

#[tokio::test]
async fn only_a_long_exchange_gets_a_second_entry() {
    let log = open(|_| {});
    for (ip, started) in [
        ("198.51.100.1", clock::instant()),
        ("198.51.100.2", clock::instant().checked_sub(LONG_EXCHANGE * 2).unwrap()),
    ] {
        let place = log.audit.reserve(Class::Allowed).unwrap();
        let entry = place.entry_begun(facts(ip), permit(), started);
        let (receipt, completion) = entry.answered_with_completion(101, clock::now());
        drop(receipt);
        drop(completion);
    }
    let events = log.close().await;
    let of = |ip: &str, action| {
        let is = |event: &&Event| {
            event.action == action && event.personal.get(Field::ClientIp).unwrap() == ip
        };
        events.iter().filter(is).count()
    };
    assert_eq!(
        (of("198.51.100.1", Action::Allowed), of("198.51.100.1", Action::Completed)),
        (1, 0)
    );
    assert_eq!(
        (of("198.51.100.2", Action::Allowed), of("198.51.100.2", Action::Completed)),
        (1, 1)
    );
    let long: Vec<&Event> =
        events.iter().filter(|event| event.milliseconds >= Some(20_000)).collect();
    assert_eq!(long.len(), 1);
    assert_eq!(long[0].action, Action::Completed);
    assert_eq!(log.audit.health().waiting, 0);
}

#[tokio::test]
async fn allowed_traffic_is_kept_as_configured_and_exempt_access_always() {
    for (allowed, kept, counted) in [
        (AllowedTraffic::None, 1, 0),
        (AllowedTraffic::Summary, 2, 3),
        (AllowedTraffic::Requests, 4, 0),
    ] {
        let log = open(|options| options.allowed = allowed);
        for class in [Class::Allowed, Class::Allowed, Class::Allowed, Class::People] {
            let place = log.audit.reserve(class).unwrap();
            drop(place.entry(facts("198.51.100.1"), permit()).answered(200, clock::now()));
        }
        let events = log.close().await;
        assert_eq!(events.len(), kept, "{allowed:?}");
        let summary: Vec<_> = events.iter().filter(|event| event.count > 1).collect();
        assert_eq!(summary.iter().map(|event| event.count).sum::<u64>(), counted);
        for event in summary {
            assert_eq!(event.personal.get(Field::ClientIp), None, "a summary names nobody");
            assert_eq!(event.path, None);
        }
        assert_eq!(log.audit.health().waiting, 0);
    }
}

#[tokio::test]
async fn equal_rejections_fold_and_their_reference_leads_to_the_entry() {
    let log = open(|_| {});
    let first = log.audit.deny(facts("203.0.113.9"), denial());
    let rest: Vec<_> = (0..999).map(|_| log.audit.deny(facts("203.0.113.9"), denial())).collect();
    let events = log.close().await;
    assert_eq!(events.iter().map(|event| event.count).sum::<u64>(), 1000);
    for reference in rest.iter().chain([&first]) {
        let text = Some(reference.short());
        assert!(events.iter().any(|event| event.reference == text));
    }
    assert!(events.len() < 10, "{}", events.len());
}

#[tokio::test]
async fn a_full_disk_stops_forwarding_keeps_denials_exact_and_recovers_by_itself() {
    let log = open(|_| {});
    log.audit.record(sign_in(1)).durable().await.unwrap();
    log.disk.leave_room(500);
    assert_eq!(log.audit.record(sign_in(2)).durable().await, Err(Unavailable));
    assert!(log.audit.reserve(Class::Allowed).is_err());
    assert!(log.audit.reserve(Class::People).is_err());
    let health = log.audit.health();
    assert!(!health.ready() && health.error.is_some(), "{health:?}");
    for _ in 0..500 {
        log.audit.deny(facts("203.0.113.9"), denial());
    }
    log.disk.make_room();
    log.until(|log| log.audit.health().ready()).await;
    assert_eq!(log.audit.health().error, None);
    let place = log.audit.reserve(Class::Allowed).unwrap();
    drop(place);
    let events = log.close().await;
    let denied: u64 = events.iter().filter(|e| e.verdict.is_some()).map(|e| e.count).sum();
    assert_eq!(denied, 500);
    let sign_ins = events.iter().filter(|event| event.action == Action::SignIn).count();
    assert_eq!(sign_ins, 2, "what waited is written once there is room");
    assert_eq!(log.audit.health().lost, 0);
}

#[tokio::test]
async fn a_disk_that_does_not_sync_counts_as_not_written() {
    let log = open(|_| {});
    log.disk.let_sync_fail(true);
    assert_eq!(log.audit.record(sign_in(1)).durable().await, Err(Unavailable));
    assert!(log.audit.reserve(Class::Allowed).is_err());
    log.disk.let_sync_fail(false);
    log.until(|log| log.audit.health().ready()).await;
    assert_eq!(log.close().await.len(), 1);
}

#[tokio::test]
async fn where_the_log_may_fail_what_is_lost_is_counted_and_written_down() {
    let log = open(|options| {
        options.on_failure = Admission::Allow;
        options.queue = 2;
    });
    log.disk.leave_room(0);
    for number in 0..5 {
        let receipt = log.audit.record(sign_in(number));
        assert_eq!(receipt.durable().await, Ok(()), "it goes on");
    }
    let place = log.audit.reserve(Class::People).unwrap();
    let receipt = place.entry(facts("198.51.100.1"), permit()).answered(200, clock::now());
    assert!(!receipt.reached_disk().await, "and an outbox learns the truth");
    assert_eq!(log.audit.health().lost, 4);
    log.disk.make_room();
    log.until(|log| log.audit.health().ready()).await;
    let events = log.close().await;
    let lost: Vec<_> = events.iter().filter(|e| e.action == Action::EntriesLost).collect();
    assert_eq!(lost.iter().map(|event| event.count).sum::<u64>(), 4);
    assert_eq!(events.iter().filter(|e| e.action == Action::SignIn).count(), 2);
}

#[tokio::test]
async fn a_flood_of_rejections_leaves_permitted_people_their_places() {
    let log = open(|options| options.queue = 4);
    log.disk.leave_room(0);
    for number in 0..3000_u32 {
        let ip = std::net::Ipv4Addr::from_bits(0x2000_0000 + number * 256);
        log.audit.deny(facts(&ip.to_string()), denial());
    }
    log.disk.make_room();
    log.until(|log| log.audit.health().ready()).await;
    assert!(log.audit.reserve(Class::Allowed).is_ok());
    let events = log.close().await;
    assert_eq!(events.iter().map(|event| event.count).sum::<u64>(), 3000);
}

#[tokio::test]
async fn the_last_handle_waits_until_everything_is_written() {
    let Log { directory, disk: _, tasks, audit } =
        open(|options| options.flush = Duration::from_secs(3600));
    drop(audit.record(sign_in(1)));
    audit.deny(facts("203.0.113.9"), denial());
    drop(audit);
    let everything = Filter::default();
    assert_eq!(search(directory.path(), &everything).unwrap().count(), 2);
    tasks.stop();
    tasks.finished().await;
}

#[tokio::test]
async fn after_the_end_nothing_is_forwarded_and_nothing_breaks() {
    let log = open(|_| {});
    let place = log.audit.reserve(Class::Allowed).unwrap();
    log.audit.close().await;
    assert!(log.audit.reserve(Class::Allowed).is_err());
    assert_eq!(log.audit.record(sign_in(1)).durable().await, Err(Unavailable));
    let receipt = place.entry(facts("198.51.100.1"), permit()).answered(200, clock::now());
    assert_eq!(receipt.durable().await, Err(Unavailable));
    log.audit.deny(facts("203.0.113.9"), denial());
    assert_eq!(log.audit.health().lost, 3);
    assert!(!log.audit.health().ready());
    log.audit.close().await;
}

#[tokio::test]
async fn at_the_first_stage_of_shutdown_nothing_waits_in_memory() {
    let log = open(|options| options.flush = Duration::from_secs(3600));
    drop(log.audit.record(sign_in(1)));
    log.tasks.stop();
    log.until(|log| log.events().len() == 1).await;
    log.tasks.finished().await;
}

#[tokio::test]
async fn entries_stand_in_the_order_in_which_they_came() {
    let log = open(|options| options.flush = Duration::from_secs(3600));
    let waiting: Vec<_> = (0..200).map(|number| log.audit.record(sign_in(number))).collect();
    for receipt in waiting {
        receipt.durable().await.unwrap();
    }
    let numbers: Vec<String> =
        log.close().await.iter().rev().map(|event| event.details["number"].clone()).collect();
    let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn old_segments_go_and_the_chain_stays_provable() {
    let directory = tempfile::tempdir().unwrap();
    fixture::numbered(directory.path(), fixture::THREE, 7);
    let mut options = Options::new(directory.path().to_owned());
    let day = Duration::from_secs(86_400);
    // The fixture's entries are of January 2027: everything but the newest segment is old in 2030.
    let keep = crate::config::Retention { allowed: day, denied: day, people: day };
    options.retention = Some(keep);
    let real: Arc<dyn disk::Disk> = Arc::new(disk::RealDisk);
    let mut log = super::recovery::open(&options, &real, fixture::instant(0)).unwrap();
    let later = fixture::instant(100_000_000);
    let deleted = super::super::retention::run(directory.path(), &mut log.ledgers, keep, later);
    assert_eq!(deleted.unwrap(), 6);
    let report = verify(directory.path()).unwrap();
    assert!(report.is_whole(), "{:?}", report.findings);
    let everything = Filter::default();
    let left = search(directory.path(), &everything).unwrap().map(Result::unwrap);
    let records = left.filter(|entry| entry.event.action == Action::Deleted).count();
    assert_eq!(records, 3);
    // Two days on, the records of deletion stand in a segment that follows an old one.
    let still_later = fixture::instant(100_000_000 + 2 * 86_400);
    let deleted =
        super::super::retention::run(directory.path(), &mut log.ledgers, keep, still_later);
    assert_eq!(deleted.unwrap(), 1);
    assert!(verify(directory.path()).unwrap().is_whole());

    // What goes without a record is a theft.
    let denied = directory.path().join("denied");
    let fresh = fixture::event(100_000);
    let ledger = log.ledgers.get_mut(Class::Denied);
    ledger.append([&fresh].into_iter(), clock::random_bytes, later).unwrap();
    ledger.publish().unwrap();
    assert!(verify(directory.path()).unwrap().is_whole());
    std::fs::remove_file(denied.join(super::super::segment::file_name(3))).unwrap();
    assert!(!verify(directory.path()).unwrap().is_whole());
}

//! What the counts and their sums must say, on every database: what a question of the entries
//! themselves says.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::super::Store;
use super::contract::{Dice, counts_are_right, follow, log_over, of_kind, these};
use super::sums::Sums;
use super::totals::Summed;
use super::*;
use crate::audit::event::{Action, Field};
use crate::audit::{Class, fixture};

const HOUR: i64 = 3600;

/// Holds every sum against the entries. Gives how many figures that were.
async fn are_right(store: &Store) -> usize {
    let by_kind = store.log().summed_entries().await;
    for sums in Sums::ALL {
        assert_eq!(store.log().summed(sums).await, sums.of(&by_kind), "{sums:?}");
    }
    by_kind.len()
}

/// The same where the first hour was counted whole and not all of it is kept.
async fn are_right_but_for_the_first_hour(store: &Store) {
    let entries = store.log().summed_entries().await;
    let first = entries.keys().map(|(hour, ..)| *hour).min().unwrap();
    let counted = store.log().summed(Sums::Kinds).await;
    assert!(counted.keys().all(|(hour, ..)| *hour >= first), "what is older is gone");
    let later = |all: &Summed| -> Summed {
        all.iter().filter(|((hour, ..), _)| *hour > first).map(|(of, sum)| (*of, *sum)).collect()
    };
    assert_eq!(later(&counted), later(&entries));
    for sums in Sums::ALL {
        assert_eq!(store.log().summed(sums).await, sums.of(&counted), "{sums:?}");
    }
}

async fn every_sum_is_of_the_entries_however_they_came_and_go(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    // A year and more, so that whole blocks are read as one.
    log_over(directory.path(), 17, 300, 130 * HOUR);
    follow(store, directory.path()).await;
    assert!(are_right(store).await > 500);
    counts_are_right(store, &mut Dice::of(23), 400 * 24 * HOUR).await;

    // What is forgotten of people is still counted.
    let mut query = LogQuery::of(Organizations::All);
    query.class = Some(Class::People);
    let page = store.log().search(&query, None, 90).await.unwrap();
    let node = crate::audit::node_in(directory.path()).unwrap().unwrap();
    let redacted = page.entries.iter().map(|entry| {
        let line = crate::audit::chain::redact(entry.class, entry.line.as_bytes(), &Field::ALL);
        String::from_utf8(line.unwrap()).unwrap()
    });
    let redacted: Vec<String> = redacted.collect();
    assert_eq!(store.log().forget(&node, Class::People, &redacted).await.unwrap(), 90);
    assert!(are_right(store).await > 500);

    // What is over goes from every sum; within a block, and with whole blocks before it.
    for _ in 0..2 {
        let all = store.log().summed_entries().await;
        let hours: Vec<i64> = all.keys().map(|(hour, ..)| *hour).collect();
        let third = hours[hours.len() / 3];
        store.log().delete_before_hour(third).await;
        store.log().delete_old_hours().await.unwrap();
        are_right_but_for_the_first_hour(store).await;
        let left = store.log().summed(Sums::Kinds).await;
        assert!(!left.is_empty() && left.len() < all.len());
    }
}

async fn parts_are_put_together_and_nothing_of_them_is_lost(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let options = crate::audit::Options::new(directory.path().to_owned());
    let mut dice = Dice::of(3);
    let mut most = 0;
    for round in 0..110 {
        // Two blocks of hours that are written in turns, some kinds again and again.
        let events: Vec<_> = (0..4)
            .map(|number| {
                let hour = round % 2 * 300 + number % 3;
                let country = ["CN", "RU", "IR", "VN"][dice.roll(4)];
                let mut event =
                    of_kind(Action::Repeated, hour * HOUR + round * 4 + number, country);
                event.count = 1 + dice.roll(300) as u64;
                event
            })
            .collect();
        fixture::write_at_once(&options, Class::Denied, &events);
        follow(store, directory.path()).await;
        most = most.max(store.log().most_parts().await);
    }
    assert!((20..=48).contains(&most), "{most}");
    assert!(store.log().most_parts().await < 48);
    are_right(store).await;
    let query = LogQuery::of(these(&["ballerup"]));
    let counts = store.log().counts(&query, By::Site, &TimeZone::UTC).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.entries).sum::<u64>(), 440);
}

/// What is rare is found behind blocks that have nothing of it, and a page that looked through
/// nothing but such blocks goes on where it stopped.
async fn what_is_rare_is_found_wherever_it_stands(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let rare = [3, 700, 701, 4000, 9000];
    let common = (0..9600).step_by(7).map(|hour| of_kind(Action::Denied, hour * HOUR, "CN"));
    let mut denied: Vec<_> =
        common.chain(rare.map(|hour| of_kind(Action::Denied, hour * HOUR + 9, "TV"))).collect();
    denied.sort_by_key(|event| event.at);
    of_denied(store, directory.path(), denied).await;
    let mut query = LogQuery::of(these(&["ballerup"]));
    query.filter.country = Some("TV".parse().unwrap());
    for units in [1, 9000, i64::MAX] {
        super::search::poor::only(units);
        for at_once in [1, 2, 10] {
            let found = super::contract::everything(store.log(), &query, at_once).await;
            let found: Vec<_> = found.iter().map(|entry| entry.event.at).collect();
            let wanted = rare.map(|hour| crate::audit::fixture::instant(hour * HOUR + 9));
            assert!(found.iter().rev().eq(wanted.iter()), "{units} {at_once}: {found:?}");
        }
        // Within a span that begins and ends within blocks.
        let at = |hour: i64| crate::audit::fixture::instant(hour * HOUR);
        let narrow = query.clone().between(at(700), at(4000) + SignedDuration::from_secs(9));
        assert_eq!(super::contract::everything(store.log(), &narrow, 1).await.len(), 2);
    }
    super::search::poor::only(i64::MAX);
}

async fn of_denied(store: &Store, directory: &Path, denied: Vec<crate::audit::Event>) {
    super::contract::of(store, directory, denied, Vec::new()).await;
}

/// Two names or addresses that are common and hardly ever meet: what meets is found, also by a second
/// address, a network that is wider, and a repeated denial that stands for its network.
async fn somebody_at_an_address_is_found(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let busy = |second: i64, address: &str| {
        let mut event = of_kind(Action::SignIn, second, "DK").user("busy");
        event.personal.set(Field::ClientIp, Some(address.into()));
        event
    };
    let mut people: Vec<_> = (0..400).map(|second| busy(second, "10.1.2.3")).collect();
    people.push(busy(401, "198.51.100.7"));
    people.push(busy(402, "198.51.100.8"));
    people.push(busy(403, "2001:db8:1:2::7"));
    let mut behind = busy(404, "10.9.9.9");
    behind.personal.set(Field::ClientNatIp, Some("198.51.100.7".into()));
    people.push(behind);
    let mut nowhere = busy(405, "10.9.9.9");
    nowhere.personal.set(Field::ClientIp, None);
    people.push(nowhere);
    let mut denied: Vec<_> = (0..400)
        .map(|second| {
            let mut event = of_kind(Action::Denied, second, "CN").user("other");
            event.personal.set(Field::ClientIp, Some("198.51.100.7".into()));
            event
        })
        .collect();
    let mut whole = of_kind(Action::Repeated, 406, "CN").user("busy");
    whole.personal.set(Field::ClientIp, Some("198.51.100.0".into()));
    denied.push(whole);
    super::contract::of(store, directory.path(), denied, people).await;
    for (network, seconds) in [
        ("198.51.100.7/32", vec![406, 404, 401]),
        ("198.51.100.8/31", vec![406, 402]),
        ("198.51.100.0/24", vec![406, 404, 402, 401]),
        ("198.51.0.0/16", vec![406, 404, 402, 401]),
        ("192.0.0.0/4", vec![406, 404, 402, 401]),
        ("2001:db8:1:2::7/128", vec![403]),
        ("2001:db8:1:2::/64", vec![403]),
        ("2001:db8::/32", vec![403]),
        ("2001:db8::/36", vec![403]),
        ("::/0", vec![403]),
        ("2001:db8:1:3::/64", vec![]),
        ("198.51.101.0/24", vec![]),
    ] {
        for units in [1, 900, i64::MAX] {
            super::search::poor::only(units);
            let mut query = LogQuery::of(these(&["ballerup"]));
            query.filter.user = Some("busy".into());
            query.filter.client = Some(network.parse().unwrap());
            let found = super::contract::everything(store.log(), &query, 3).await;
            let wanted = super::contract::through_the_files(directory.path(), &query);
            let found: Vec<_> = found.into_iter().map(|entry| entry.line).collect();
            let lines: Vec<_> = wanted.into_iter().map(|(.., line)| line).collect();
            assert_eq!(found, lines, "{network} {units}");
            assert_eq!(found.len(), seconds.len(), "{network} {units}");
        }
    }
    super::search::poor::only(i64::MAX);
}

/// Runs the whole suite.
pub(in super::super) async fn holds_for_sums<G>(open: &impl AsyncFn() -> (Store, G)) {
    macro_rules! each {
        ($($check:ident)*) => {$({
            let (store, _guard) = open().await;
            $check(&store).await;
            store.close().await;
        })*};
    }
    each! {
        every_sum_is_of_the_entries_however_they_came_and_go
        parts_are_put_together_and_nothing_of_them_is_lost
        what_is_rare_is_found_wherever_it_stands
        somebody_at_an_address_is_found
    }
}

/// What a database of before looks like: turned back to it, and opened again.
pub(in super::super) const BEFORE_SUMS: &str = "
    CREATE TABLE log_counts (organization INTEGER NOT NULL, block INTEGER NOT NULL,
        part INTEGER NOT NULL, counts BLOB NOT NULL, PRIMARY KEY (organization, block, part)) STRICT;
    INSERT INTO log_counts SELECT organization, block, part, counts FROM log_totals WHERE sums = 0;
    DROP TABLE log_totals;
    ALTER TABLE log_marks DROP COLUMN network;
    ALTER TABLE log_marks DROP COLUMN host;
    DELETE FROM schema_steps WHERE number = 17;
";

/// Fills a store whose schema is turned back by `turn_back`, which gives it opened again: nothing of
/// it is lost, every sum is made, and it goes on.
pub(in super::super) async fn what_was_counted_before_is_summed(
    store: Store,
    turn_back: impl AsyncFnOnce(Store) -> Store,
) {
    let directory = tempfile::tempdir().unwrap();
    log_over(directory.path(), 29, 200, 130 * HOUR);
    follow(&store, directory.path()).await;
    let before: BTreeMap<_, _> = store.log().summed(Sums::Kinds).await;
    let store = turn_back(store).await;
    assert_eq!(store.log().summed(Sums::Kinds).await, before);
    assert!(are_right(&store).await > 300);
    counts_are_right(&store, &mut Dice::of(31), 300 * 24 * HOUR).await;
    let mut query = LogQuery::of(Organizations::All);
    query.filter.user = Some("bo".into());
    query.filter.client = Some("203.0.0.0/16".parse().unwrap());
    let found = super::contract::everything(store.log(), &query, 7).await;
    let wanted = super::contract::through_the_files(directory.path(), &query);
    assert!(wanted.len() > 10 && found.len() == wanted.len());
    // Another directory, another node: it goes on.
    let other = tempfile::tempdir().unwrap();
    log_over(other.path(), 30, 50, 130 * HOUR);
    follow(&store, other.path()).await;
    are_right(&store).await;
    store.close().await;
}

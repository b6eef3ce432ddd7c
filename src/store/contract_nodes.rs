//! What every store must do so that several nodes can share it.

use super::contract::{add, at, ballerup};
use super::keys::{FOLLOWED_AFTER, KNOWN_BEFORE};
use super::{Announced, Store, TakenEntry};
use crate::identifier::PolicyId;
use crate::policy::announcement::SeenSettings;
use crate::policy::{Admission, Mode};

pub(super) async fn keys_follow_one_another(store: &Store) {
    let kept = async || {
        let mut keys: Vec<(Option<i64>, Vec<u8>)> = store
            .shared_keys()
            .await
            .unwrap()
            .iter()
            .map(|key| {
                (key.used_from.map(|from| (from - at(0)).get_seconds()), key.secret.to_vec())
            })
            .collect();
        keys.sort();
        keys
    };
    let begins = |keys: &[(Option<i64>, Vec<u8>)]| -> Vec<Option<i64>> {
        keys.iter().map(|(from, _)| *from).collect()
    };
    let renew = async |now| store.renew_shared_keys(at(now)).await.unwrap();
    let (one, two) = tokio::join!(renew(0), renew(0));
    assert_eq!((one, two), ((), ()));
    let first = kept().await;
    assert_eq!(begins(&first), [None, Some(0)], "of two nodes one has made them");
    assert_ne!(first[0].1, first[1].1);
    let day = FOLLOWED_AFTER.as_secs();
    renew(day - 1).await;
    assert_eq!(kept().await, first);
    let number = store.change_number().await.unwrap();
    renew(day).await;
    renew(day + 1).await;
    let second = kept().await;
    let next = day + KNOWN_BEFORE.as_secs();
    assert_eq!(begins(&second), [None, Some(0), Some(next)]);
    assert_eq!(second[..2], first);
    assert!(store.change_number().await.unwrap() > number, "every node is told");
    renew(next + 13 * 3600).await;
    assert_eq!(kept().await, second, "a session of twelve hours still opens");
    renew(next + 15 * 3600).await;
    assert_eq!(kept().await, [second[0].clone(), second[2].clone()]);
}

pub(super) async fn an_entry_is_taken_for_one_log(store: &Store) {
    let names = |taken: &[TakenEntry]| {
        taken.iter().map(|taken| (taken.entry.event.target.clone(), taken.before)).collect()
    };
    let of = |name: &str, before| (name.to_owned(), before);
    let took = async |log: &str, limit, now| -> Vec<(String, bool)> {
        names(&store.take_from_outbox(log, limit, at(now)).await.unwrap())
    };
    assert!(took("a", 10, 0).await.is_empty());
    for name in ["anna", "bo", "carl"] {
        add(store, &ballerup(), name).await;
    }
    assert_eq!(took("a", 2, 0).await, [of("anna", false), of("bo", false)]);
    assert_eq!(took("b", 10, 1).await, [of("carl", false)]);
    assert_eq!(took("a", 10, 2).await, [of("anna", true), of("bo", true)]);
    let waiting = store.outbox(10).await.unwrap();
    store.outbox_done("b", &waiting).await.unwrap();
    assert_eq!(store.outbox(10).await.unwrap(), waiting[..2], "only its own");
    assert!(took("b", 10, 3599).await.is_empty());
    assert_eq!(took("b", 10, 3600).await, [of("anna", false), of("bo", false)]);
    store.outbox_done("a", &waiting).await.unwrap();
    assert_eq!(store.outbox(10).await.unwrap().len(), 2, "they are another's now");
}

pub(super) async fn two_clerks_at_once_take_each_entry_once(store: &Store) {
    for number in 0..20 {
        add(store, &ballerup(), &format!("user-{number}")).await;
    }
    let take = async |log: &str| {
        let mut taken = Vec::new();
        for _ in 0..5 {
            for entry in store.take_from_outbox(log, 3, at(1)).await.unwrap() {
                store.outbox_done(log, std::slice::from_ref(&entry.entry)).await.unwrap();
                taken.push(entry.entry.sequence);
            }
        }
        taken
    };
    let (a, b, c) = tokio::join!(take("a"), take("b"), take("c"));
    let mut all: Vec<i64> = [a, b, c].concat();
    all.sort_unstable();
    let mut once = all.clone();
    once.dedup();
    assert_eq!(all, once);
    assert_eq!(all.len() + store.outbox(100).await.unwrap().len(), 20);
}

pub(super) async fn of_two_who_remember_at_once_the_second_looks_again(store: &Store) {
    let first = store.announced().await.unwrap();
    let settings = |mode| SeenSettings {
        policy: PolicyId::parse("standard").unwrap(),
        mode,
        unknown_location: Admission::Deny,
        first_seen: at(1),
        baseline: true,
    };
    let remember = async |mode, seen: &Announced| {
        store.remember_announced(&[], &[settings(mode)], seen).await.unwrap()
    };
    assert!(remember(Mode::ReportOnly, &first).await);
    assert!(!remember(Mode::Enforce, &first).await);
    let second = store.announced().await.unwrap();
    assert_eq!(second.settings, [settings(Mode::ReportOnly)]);
    assert!(remember(Mode::Enforce, &second).await);
    assert_eq!(store.announced().await.unwrap().settings.len(), 2);
}

//! What the block log's index must do where several nodes fill it, and where many entries are one
//! answer.

use std::path::Path;

use jiff::SignedDuration;

use super::super::Store;
use super::contract::{everything, follow, log, of, of_kind, rewrite_begun, through_the_files};
use super::*;
use crate::audit::event::{Action, Event, Field};
use crate::audit::{Class, Reference};

/// The lines that are found, and those that stand in the files of all nodes, sorted.
async fn found_and_there(store: &Store, directories: &[&Path]) -> (Vec<String>, Vec<String>) {
    let query = LogQuery::of(Organizations::All);
    let found = everything(store.log(), &query, 50).await;
    let mut found: Vec<String> = found.into_iter().map(|entry| entry.line).collect();
    let there = directories.iter().flat_map(|directory| through_the_files(directory, &query));
    let mut there: Vec<String> = there.map(|(_, _, _, line)| line).collect();
    found.sort_unstable();
    there.sort_unstable();
    (found, there)
}

fn node(directory: &Path) -> String {
    crate::audit::node_in(directory).unwrap().unwrap()
}

async fn what_one_node_keeps_no_longer_the_other_keeps(store: &Store) {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (one.path(), two.path());
    // The same instants and sequences at both.
    log(one, 21, 80);
    log(two, 22, 80);
    assert_ne!(node(one), node(two));
    follow(store, one).await;
    follow(store, two).await;
    let (found, there) = found_and_there(store, &[one, two]).await;
    assert_eq!(found.len(), 320);
    assert!(found == there, "both are in it");
    let marks = store.log().marks().await;
    let segments = crate::audit::segment::list(&one.join("denied")).unwrap();
    assert!(segments.len() > 3);
    for (_, path) in &segments[..2] {
        std::fs::remove_file(path).unwrap();
    }
    rewrite_begun(&segments[2].1, Class::Denied);
    follow(store, one).await;
    let (found, there) = found_and_there(store, &[one, two]).await;
    assert!(there.len() < 320, "{}", there.len());
    assert_eq!(found.len(), there.len());
    assert!(found == there, "what the files of both hold, and nothing else");
    assert!(store.log().marks().await < marks, "what led to them is gone");
}

async fn what_one_node_forgets_the_other_still_knows(store: &Store) {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (one.path(), two.path());
    // Each entry of one has its like of the other: of the same instant, chain and sequence.
    let signed_in = |name: &str| {
        let entries = (1..=20).map(|second| of_kind(Action::SignIn, second, "DK").user(name));
        entries.collect::<Vec<Event>>()
    };
    of(store, one, signed_in("anna"), signed_in("anna")).await;
    of(store, two, signed_in("bo"), signed_in("bo")).await;
    let mut query = LogQuery::of(Organizations::All);
    query.filter.user = Some("anna".into());
    query.class = Some(Class::People);
    let hers = everything(store.log(), &query, 50).await;
    assert_eq!(hers.len(), 20);
    let redacted = hers.iter().map(|entry| {
        let line = crate::audit::chain::redact(entry.class, entry.line.as_bytes(), &Field::ALL);
        String::from_utf8(line.unwrap()).unwrap()
    });
    let redacted: Vec<String> = redacted.collect();
    assert_eq!(store.log().forget(&node(one), Class::People, &redacted).await.unwrap(), 20);
    assert!(everything(store.log(), &query, 50).await.is_empty());
    // Neither the other node's, nor those of the same node's other chain.
    query.class = Some(Class::Denied);
    assert_eq!(everything(store.log(), &query, 50).await.len(), 20);
    for class in [Class::People, Class::Denied] {
        let mut query = LogQuery::of(Organizations::All);
        query.filter.user = Some("bo".into());
        query.class = Some(class);
        assert_eq!(everything(store.log(), &query, 50).await.len(), 20, "{class:?}");
    }
}

pub(super) async fn a_reference_of_many_entries_leads_to_all_of_them(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let reference: Reference = "K7QX-2M9D".parse().unwrap();
    let of_the_exchange = |second| {
        let mut event = of_kind(Action::Denied, second, "CN");
        event.reference = Some(reference.short());
        event
    };
    of(store, directory.path(), (0..450).map(of_the_exchange).collect(), Vec::new()).await;
    let wanted = Wanted::Reference(reference);
    let found = store.log().entry(&Organizations::All, &wanted).await.unwrap();
    assert_eq!(found.len(), 450);
}

pub(super) async fn an_entry_that_took_a_while_to_make_is_found_by_its_id(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let drifted = [0, 1, 40, 1500, -40, -1500].map(|milliseconds| {
        let mut event = of_kind(Action::Denied, 10_000 + milliseconds, "CN");
        event.at += SignedDuration::from_millis(milliseconds);
        event
    });
    let ids = drifted.each_ref().map(|event| event.id);
    of(store, directory.path(), drifted.to_vec(), Vec::new()).await;
    for id in ids {
        let found = store.log().entry(&Organizations::All, &Wanted::Id(id)).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.event.id).collect::<Vec<_>>(), [id]);
    }
}

/// What holds where the index is shared: one of SQLite is of one node alone, and begins anew for
/// another.
pub(in super::super) async fn holds_for_nodes<G>(open: &impl AsyncFn() -> (Store, G)) {
    let (store, _guard) = open().await;
    what_one_node_keeps_no_longer_the_other_keeps(&store).await;
    store.close().await;
    let (store, _guard) = open().await;
    what_one_node_forgets_the_other_still_knows(&store).await;
    store.close().await;
}

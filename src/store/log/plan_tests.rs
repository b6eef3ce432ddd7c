//! Every question of the bench at a small log of its generator: is it answered rightly, and by indexes
//! alone?

#[path = "../../../benches/log_index/generator.rs"]
mod generator;
#[expect(dead_code, reason = "the bench asks the rest of it")]
#[path = "../../../benches/log_index/questions.rs"]
mod questions;

use std::cell::RefCell;
use std::collections::BTreeSet;

use generator::{Generator, SEAL};
use questions::{QUESTIONS, Question};
use sqlx::Row;

use super::super::Store;
use super::*;
use crate::audit::Class;
use crate::audit::event::Event;
use crate::audit::options::PerClass;

const ENTRIES: u64 = 20_000;

thread_local! {
    static HEARD: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// What is asked of the database. A test asks on a thread of its own.
pub(super) fn hear(text: &str) {
    HEARD.with_borrow_mut(|heard| heard.insert(text.to_owned()));
}

/// The generator's log, in batches as the follower has them.
async fn fill(store: &Store) -> Vec<(Class, Event)> {
    let all: Vec<(Class, Event)> = Generator::new(ENTRIES).collect();
    let mut bookmarks = PerClass::<Bookmark>::default();
    for some in all.chunks(2000) {
        for class in [Class::Denied, Class::People] {
            let from = *bookmarks.get(class);
            let of_class = some.iter().filter(|(of, _)| *of == class).map(|(_, event)| event);
            let entries: Vec<Taken> = (from.sequence + 1..)
                .zip(of_class)
                .map(|(sequence, event)| Taken::made(class, sequence, event.clone(), &SEAL))
                .collect();
            let to = Bookmark { sequence: from.sequence + entries.len() as u64, ..from };
            *bookmarks.get_mut(class) = to;
            let (node, forgotten) = ("bench".to_owned(), 1);
            let tallied = Vec::new();
            let batch = Batch { node, class, from, to, forgotten, entries, tallied };
            assert!(store.log().write(batch).await.unwrap());
        }
    }
    all
}

/// What SQLite says of how it would answer.
async fn plan(index: &LogIndex, text: &str) -> Vec<String> {
    let mut reading = index.reading().await.unwrap();
    let asked = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")));
    let rows = reading.rows(asked).await.unwrap();
    reading.done().await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

#[tokio::test]
async fn every_question_of_the_bench_is_answered_rightly_and_by_indexes_alone() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).await.unwrap();
    let all = fill(&store).await;
    HEARD.take();
    let mut hits = 0;
    for (name, question) in QUESTIONS {
        for seed in 1..=6 {
            questions::ask(&store, *question, seed).await;
            if let Question::Search(wishes) = question {
                let query = questions::searched(wishes, seed);
                hits += is_right(&store, &all, &query, name).await;
            }
        }
    }
    assert!(hits > 4000, "{hits}");
    let heard = HEARD.take();
    assert!(heard.len() > 30, "{}", heard.len());
    for text in heard {
        let plan = plan(store.log(), &text).await;
        for step in &plan {
            let scans = step.starts_with("SCAN log_") && !step.starts_with("SCAN log_words");
            let sorts = step.contains("TEMP B-TREE FOR ORDER BY");
            // What leads to entries reads no entry.
            let reads = text.starts_with("SELECT entry, kind")
                && step.contains("log_entries")
                && !step.contains("USING COVERING INDEX");
            assert!(!scans && !sorts && !reads, "{text}: {plan:#?}");
            // One network's entries, and nobody else's.
            for (named, index) in [("wide", "log_by_wide_network"), ("network", "log_by_network")] {
                let is_named = text.contains(&format!("organization = $1 AND {named} = $2 "));
                let by_it = step.contains(&format!("{index} (organization=? AND {named}=?"));
                assert!(!is_named || by_it || step.contains("GROUP BY"), "{text}: {plan:#?}");
            }
        }
    }
}

/// Holds a page against the entries themselves; gives how many there are.
async fn is_right(store: &Store, all: &[(Class, Event)], query: &LogQuery, name: &str) -> usize {
    let page = store.log().search(query, None, 50).await.unwrap();
    let mut wanted: Vec<&Event> = all
        .iter()
        .filter(|(class, event)| query.matches(*class, event))
        .map(|(_, event)| event)
        .collect();
    wanted.sort_by_key(|event| std::cmp::Reverse(event.at));
    let found: Vec<_> = page.entries.iter().map(|entry| entry.event.at).collect();
    let wanted: Vec<_> = wanted.iter().take(50).map(|event| event.at).collect();
    assert_eq!(found, wanted, "{name}: {query:?}");
    assert!(page.entries.iter().all(|entry| query.matches(entry.class, &entry.event)));
    found.len()
}

//! What every store must do with orders to take personal data out of the log.

use uuid::Uuid;

use super::contract::{actor, at, ballerup};
use super::{About, ChangeAction, ErasurePart, ErasureWish, PartState, Store};
use crate::identifier::OrganizationId;

fn wish(names: &[&str]) -> ErasureWish {
    ErasureWish {
        removes: true,
        about: About::Person(names.iter().map(ToString::to_string).collect()),
        since: Some(at(-60)),
        before: None,
        why: "erasure_request".to_owned(),
        case: Some("2026-17".to_owned()),
    }
}

fn part(log: &str, state: PartState, entries: u64) -> ErasurePart {
    ErasurePart {
        log: log.to_owned(),
        state,
        looked_at: 2,
        segments: 3,
        entries,
        refused: 0,
        problem: None,
        changed: at(9),
    }
}

pub(super) async fn an_order_waits_for_every_log_and_then_forgets_whom_it_was_about(store: &Store) {
    let (own, by) = (ballerup(), actor("dorte"));
    let other = OrganizationId::parse("furesoe").unwrap();
    let (id, logs) = (Uuid::now_v7(), ["log-a".to_owned(), "log-b".to_owned()]);
    let give = async |organization: &OrganizationId, names: &[&str]| {
        let order = (organization, id);
        store.give_erasure_order(order, &wish(names), &logs, &by, at(0)).await.unwrap()
    };
    assert!(give(&own, &["anna", "local/7"]).await);
    // Sent twice, and a name that another's order bears: what stands is what was given first.
    assert!(!give(&own, &["bo"]).await && !give(&other, &["bo"]).await);
    assert!(store.erasure_order(&other, id).await.unwrap().is_none());
    assert!(store.erasure_orders(&other).await.unwrap().is_empty());
    let order = store.erasure_order(&own, id).await.unwrap().unwrap();
    assert_eq!((&order.wish, order.state()), (&wish(&["anna", "local/7"]), PartState::Waiting));
    assert_eq!((order.given, &order.by, order.parts.len()), (at(0), &by, 2));

    let open = async |log| store.open_erasure_orders(log).await.unwrap();
    assert_eq!(open("log-a").await.len(), 1);
    assert!(open("log-c").await.is_empty());
    store.erasure_part(id, &part("log-a", PartState::UnderWay, 4)).await.unwrap();
    let under_way = &open("log-a").await[0];
    assert_eq!((under_way.state(), under_way.entries()), (PartState::UnderWay, 4));
    store.erasure_part(id, &part("log-a", PartState::Done, 5)).await.unwrap();
    assert!(open("log-a").await.is_empty());
    let half = &open("log-b").await[0];
    assert_eq!(half.wish.about.names(), ["anna", "local/7"], "the other log still needs them");
    let half = store.erasure_order(&own, id).await.unwrap().unwrap();
    assert_eq!((half.state(), half.entries()), (PartState::UnderWay, 5));
    let stuck = ErasurePart {
        problem: Some("the key is gone".to_owned()),
        ..part("log-b", PartState::Waiting, 0)
    };
    store.erasure_part(id, &stuck).await.unwrap();
    assert_eq!(open("log-b").await[0].parts, [stuck]);
    store.erasure_part(id, &part("log-b", PartState::Done, 2)).await.unwrap();
    assert!(open("log-b").await.is_empty());
    let done = store.erasure_orders(&own).await.unwrap().pop().unwrap();
    assert_eq!((done.state(), done.entries()), (PartState::Done, 7));
    assert_eq!((done.wish.about, done.wish.case.as_deref()), (About::Forgotten, Some("2026-17")));

    let waiting = store.outbox(10).await.unwrap();
    let [told] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(told.event.action, ChangeAction::ErasureOrdered);
    assert_eq!(told.event.details.get("order"), Some(&id.to_string()));
    let text = serde_json::to_string(&told.event).unwrap();
    assert!(!text.contains("anna") && !text.contains("local/7"), "{text}");
}

//! What every store must do with the register of outside systems and with the nodes.

use super::contract::{actor, at, ballerup};
use super::{ChangeAction, Node, RuleInPlace, Store, SystemAction, SystemError, SystemFacts};
use crate::identifier::OrganizationId;

fn facts(name: &str, rule: RuleInPlace) -> SystemFacts {
    SystemFacts {
        name: name.to_owned(),
        operator: "Microsoft".to_owned(),
        rule,
        checked_on: Some("2026-11-20".parse().unwrap()),
        checked_by: Some("Bente".to_owned()),
        note: String::new(),
    }
}

pub(super) async fn a_system_keeps_its_history(store: &Store) {
    let (own, by) = (ballerup(), actor("bente"));
    let other = OrganizationId::parse("furesoe").unwrap();
    let first = facts("Mail", RuleInPlace::No);
    let id = store.record_system(&own, &first, &by, at(0)).await.unwrap();
    let second = facts("Mail 365", RuleInPlace::Yes);
    let change = async |organization: &OrganizationId, revision, seconds| {
        store.change_system((organization, &id, revision), &second, &by, at(seconds)).await
    };
    assert!(matches!(change(&other, 1, 1).await, Err(SystemError::Unknown)));
    change(&own, 1, 1).await.unwrap();
    assert!(matches!(change(&own, 1, 2).await, Err(SystemError::Meanwhile)), "an old page");
    let listed = store.outside_systems(&own).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].facts, listed[0].revision), (&second, 2));
    assert!(store.outside_systems(&other).await.unwrap().is_empty());
    assert!(store.outside_system(&other, &id).await.unwrap().is_none());
    let remove = store.remove_system((&other, &id, 2), &by, at(3)).await;
    assert!(matches!(remove, Err(SystemError::Unknown)));
    store.remove_system((&own, &id, 2), &by, at(3)).await.unwrap();
    let again = store.remove_system((&own, &id, 3), &by, at(4)).await;
    assert!(matches!(again, Err(SystemError::Unknown)));
    assert!(store.outside_systems(&own).await.unwrap().is_empty());
    let (system, history) = store.outside_system(&own, &id).await.unwrap().unwrap();
    assert!(system.removed);
    let told: Vec<_> = history.iter().map(|h| (h.revision, h.action, h.facts.rule)).collect();
    assert_eq!(
        told,
        [
            (1, SystemAction::Recorded, RuleInPlace::No),
            (2, SystemAction::Changed, RuleInPlace::Yes),
            (3, SystemAction::Removed, RuleInPlace::Yes),
        ]
    );
    let waiting = store.outbox(10).await.unwrap();
    assert_eq!(waiting.len(), 3, "each change and no attempt has its entry");
    assert!(waiting.iter().all(|entry| {
        entry.event.action == ChangeAction::SystemChanged
            && entry.event.details.get("system") == Some(&id)
    }));
}

pub(super) async fn a_node_is_known_while_it_speaks(store: &Store) {
    let node = |name: &str, seen, problem: &str| Node {
        node: name.to_owned(),
        host: format!("host-{name}"),
        version: "0.1.0".to_owned(),
        started: at(0),
        seen: at(seen),
        problem: problem.to_owned(),
    };
    let number = store.change_number().await.unwrap();
    for said in [node("b", 1, ""), node("a", 2, ""), node("b", 60, "audit")] {
        store.node_runs(&said).await.unwrap();
    }
    assert_eq!(store.nodes(at(60)).await.unwrap(), [node("a", 2, ""), node("b", 60, "audit")]);
    let later = at(14 * 24 * 3600 + 30);
    assert_eq!(store.nodes(later).await.unwrap(), [node("b", 60, "audit")]);
    assert_eq!(store.change_number().await.unwrap(), number, "nobody reloads for it");
}

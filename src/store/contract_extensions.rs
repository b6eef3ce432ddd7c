//! What every store must do with an extension when what it gives more time is ended.

use super::contract::{actor, anna, at};
use super::contract_journey::{applied, request, traveller, with_grounds};
use super::{ChangeAction, Store};
use crate::policy::{ExemptionId, Phase, TravelExemption, validate_extension};

/// A journey that is approved, until hour 1000.
async fn journey(store: &Store) -> TravelExemption {
    let id = applied(store, &actor("bente")).await.id;
    store.approve_exemption(&id, false, &actor("carl"), at(2)).await.unwrap()
}

async fn applied_extension(store: &Store, old: &TravelExemption, until: i64) -> TravelExemption {
    let (_, last) = old.journey().unwrap();
    let mut asked = request(last, at(until));
    asked.application.extends = Some(old.id.clone());
    let valid =
        with_grounds(|grounds| validate_extension(&asked, old, at(100), grounds, at(3)).unwrap());
    store.apply_for_exemption(valid, &actor("bente"), at(3)).await.unwrap()
}

async fn extension(store: &Store, old: &TravelExemption, until: i64) -> TravelExemption {
    let id = applied_extension(store, old, until).await.id;
    store.approve_exemption(&id, false, &actor("carl"), at(4)).await.unwrap()
}

async fn phase(store: &Store, id: &ExemptionId) -> Phase {
    store.exemption(id).await.unwrap().unwrap().exemption.phase(at(201))
}

/// Last row of history and kinds of the messages of an exemption.
async fn told(store: &Store, id: &ExemptionId) -> (String, Option<String>, Vec<&'static str>) {
    let last = store.exemption(id).await.unwrap().unwrap().history.pop().unwrap();
    assert_eq!(last.by.name, "anna.holm");
    let notices = store.notices(None).await.unwrap();
    let own = notices.iter().filter(|notice| notice.exemption == *id);
    let mut kinds: Vec<_> = own.map(|notice| notice.kind.word()).collect();
    kinds.dedup();
    (last.action, last.reason, kinds)
}

async fn forget_log(store: &Store) {
    let waiting = store.take_from_outbox("a", 100, at(5)).await.unwrap();
    let waiting: Vec<_> = waiting.into_iter().map(|taken| taken.entry).collect();
    store.outbox_done("a", &waiting).await.unwrap();
}

async fn log(store: &Store) -> Vec<(ChangeAction, Option<String>)> {
    let entries = store.outbox(20).await.unwrap();
    entries.into_iter().map(|entry| (entry.event.action, entry.event.word)).collect()
}

pub(super) async fn an_extension_ends_with_what_it_extends(store: &Store) {
    let old = journey(store).await;
    let planned = extension(store, &old, 1100).await;
    let further = extension(store, &planned, 1200).await;
    let waiting = applied_extension(store, &further, 1300).await;
    let other = journey(store).await;
    forget_log(store).await;
    let before = store.change_number().await.unwrap();
    store.close_exemption(&old.id, &actor("anna.holm"), at(200)).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), before + 1);
    for id in [&old.id, &planned.id, &further.id] {
        assert_eq!(phase(store, id).await, Phase::Closed);
    }
    assert_eq!(phase(store, &waiting.id).await, Phase::Withdrawn);
    assert_eq!(phase(store, &other.id).await, Phase::Active);
    let closed = ("closed".to_owned(), None, vec!["received", "approved", "closed"]);
    assert_eq!(told(store, &planned.id).await, closed);
    let withdrawn = ("withdrawn".to_owned(), None, vec!["received", "closed"]);
    assert_eq!(told(store, &waiting.id).await, withdrawn);
    let with_it = |word: &str| (ChangeAction::ExemptionClosed, Some(word.to_owned()));
    assert_eq!(
        log(store).await,
        [
            (ChangeAction::ExemptionClosed, None),
            with_it("extension"),
            with_it("extension"),
            with_it("withdrawn"),
        ]
    );
}

pub(super) async fn an_extension_falls_with_a_revocation(store: &Store) {
    let old = journey(store).await;
    let planned = extension(store, &old, 1100).await;
    let waiting = applied_extension(store, &planned, 1200).await;
    forget_log(store).await;
    store.revoke_exemption(&old.id, "aflyst", &actor("anna.holm"), at(200)).await.unwrap();
    assert_eq!(phase(store, &planned.id).await, Phase::Revoked);
    assert_eq!(phase(store, &waiting.id).await, Phase::Refused);
    let why = Some("aflyst".to_owned());
    let revoked = ("revoked".to_owned(), why.clone(), vec!["received", "approved", "revoked"]);
    assert_eq!(told(store, &planned.id).await, revoked);
    let refused = ("refused".to_owned(), why, vec!["received", "refused"]);
    assert_eq!(told(store, &waiting.id).await, refused);
    assert_eq!(
        log(store).await,
        [
            (ChangeAction::ExemptionRevoked, None),
            (ChangeAction::ExemptionRevoked, Some("extension".to_owned())),
            (ChangeAction::ExemptionRefused, Some("extension".to_owned())),
        ]
    );
}

pub(super) async fn a_lost_device_ends_extensions_too(store: &Store) {
    let old = journey(store).await;
    let planned = extension(store, &old, 1100).await;
    let waiting = applied_extension(store, &planned, 1200).await;
    let alone = applied(store, &actor("bente")).await;
    let by = actor("anna.holm");
    let ended = store.end_person(&traveller(), &anna(), "stjålet", &by, at(200)).await.unwrap();
    let mut revoked = ended.exemptions.clone();
    revoked.sort();
    let mut expected = vec![old.id.clone(), planned.id.clone(), waiting.id.clone()];
    expected.sort();
    assert_eq!(revoked, expected);
    assert_eq!(phase(store, &planned.id).await, Phase::Revoked);
    assert_eq!(phase(store, &waiting.id).await, Phase::Refused);
    assert_eq!(phase(store, &alone.id).await, Phase::Applied);
}

pub(super) async fn an_unreadable_exemption_keeps_no_other_from_ending(store: &Store) {
    let broken = journey(store).await;
    let old = journey(store).await;
    let of_old = extension(store, &old, 1100).await;
    let planned = extension(store, &old, 1200).await;
    for id in [&broken.id, &of_old.id] {
        let spoil = sqlx::query("UPDATE exemptions SET user_name = '' WHERE id = $1");
        let mut change = store.begin().await.unwrap();
        change.execute(spoil.bind(id.as_str())).await.unwrap();
        change.commit().await.unwrap();
    }
    assert!(store.exemption(&broken.id).await.is_err());
    store.close_exemption(&old.id, &actor("anna.holm"), at(200)).await.unwrap();
    assert_eq!(phase(store, &planned.id).await, Phase::Closed);
    let other = journey(store).await;
    let by = actor("anna.holm");
    let ended = store.end_person(&traveller(), &anna(), "stjålet", &by, at(201)).await.unwrap();
    assert_eq!(ended.exemptions, [other.id]);
}

//! What must hold of messages on every database.

use jiff::{SignedDuration, Timestamp};

use super::{Channel, Contact, NoticeDetails, NoticeKind, NoticeRecord, NoticeState};
use crate::mail_address::MailAddress;
use crate::policy::ExemptionId;
use crate::store::contract::{actor, add, at, ballerup, grant, leg};
use crate::store::{ChangeAction, ExemptionError, LinkWanted, Store, UnknownNotice};

/// An exemption that counts at once, with its two messages.
async fn granted(store: &Store) -> ExemptionId {
    let subject = add(store, &ballerup(), "anna.holm").await;
    let grant = grant(&subject, vec![leg(&["CN"], 0, 86_400)]);
    store.grant_exemption(grant, &actor("bente"), at(-10)).await.unwrap().id
}

fn kinds(notices: &[NoticeRecord]) -> Vec<(NoticeKind, Channel)> {
    notices.iter().map(|notice| (notice.kind, notice.channel)).collect()
}

pub(in crate::store) async fn a_change_and_its_message_are_one(store: &Store) {
    let id = granted(store).await;
    let waiting = store.waiting_notices().await.unwrap();
    assert_eq!(
        kinds(&waiting),
        [(NoticeKind::Approved, Channel::Mail), (NoticeKind::Approved, Channel::Sms)]
    );
    assert_eq!((waiting[0].created, waiting[0].number), (at(-10), 0));
    assert_eq!(waiting[0].organization, ballerup());
    store.revoke_exemption(&id, "Rejsen er aflyst", &actor("carl"), at(5)).await.unwrap();
    let waiting = store.waiting_notices().await.unwrap();
    let revoked = waiting.iter().find(|n| n.kind == NoticeKind::Revoked).unwrap();
    assert_eq!(revoked.details.reason.as_deref(), Some("Rejsen er aflyst"));
    assert_eq!(revoked.number, 1, "numbers grow");
    // What does not happen causes nothing.
    store.revoke_exemption(&id, "Igen", &actor("carl"), at(6)).await.unwrap_err();
    assert_eq!(store.waiting_notices().await.unwrap().len(), waiting.len());
}

pub(in crate::store) async fn an_occasion_makes_one_message(store: &Store) {
    let id = granted(store).await;
    let before = store.waiting_notices().await.unwrap().len();
    let put = async |occasion: &str| {
        let details = NoticeDetails::default();
        store.put_notice(&id, NoticeKind::EndsTomorrow, occasion, &details, at(9)).await.unwrap()
    };
    assert!(put("2026-12-01").await);
    assert!(!put("2026-12-01").await);
    assert!(put("2026-12-02").await);
    assert_eq!(store.waiting_notices().await.unwrap().len(), before + 4);
}

pub(in crate::store) async fn a_travel_link_goes_with_the_approval_or_after_it(store: &Store) {
    let id = granted(store).await;
    let by = actor("carl");
    let wanted = |host: &str| LinkWanted {
        address: format!("https://{host}/.geovagt/rejse/"),
        devices: 2,
        ends: at(50),
    };
    let links = async || {
        let waiting = store.waiting_notices().await.unwrap();
        let mails = waiting.into_iter().filter(|notice| notice.channel == Channel::Mail);
        mails.map(|notice| notice.details.link_wanted).collect::<Vec<_>>()
    };
    assert_eq!(links().await, [None]);
    store.give_travel_link(&id, wanted("a.dk"), &by, at(1)).await.unwrap();
    assert_eq!(links().await, [Some(wanted("a.dk"))]);
    // It is on its way already.
    let notice = store.waiting_notices().await.unwrap().remove(0);
    let claimed = store.claim_notice(&notice, at(2), lease(at(2))).await.unwrap().unwrap();
    store.give_travel_link(&id, wanted("b.dk"), &by, at(3)).await.unwrap();
    assert_eq!(links().await.len(), 2);
    // However often it is tried, its link is one, and binds as one.
    for now in [at(3), at(4)] {
        store.keep_link_of_notice(&id, "hash", &wanted("a.dk"), now).await.unwrap();
    }
    let link = store.travel_link("hash").await.unwrap().unwrap();
    assert_eq!((link.exemption.id, link.ends, link.most), (id.clone(), at(50), 2));
    assert!(store.end_notice(&claimed, NoticeState::Sent, None, at(4)).await.unwrap());
    assert_eq!(links().await, [Some(wanted("b.dk"))]);
    let sent = store.notices(Some(NoticeState::Sent)).await.unwrap();
    assert_eq!(sent[0].details, NoticeDetails::default(), "what was sent is forgotten");
    let told = store.outbox(20).await.unwrap();
    let made = told.iter().filter(|entry| entry.event.action == ChangeAction::TravelLinkMade);
    assert_eq!(made.count(), 2);
    store.revoke_exemption(&id, "x", &by, at(5)).await.unwrap();
    let error = store.give_travel_link(&id, wanted("c.dk"), &by, at(6)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::Over { .. }), "{error}");
}

pub(in crate::store) async fn an_approval_and_its_link_are_one(store: &Store) {
    let subject = add(store, &ballerup(), "anna.holm").await;
    let grant = grant(&subject, vec![leg(&["RU"], 0, 86_400)]);
    let id = store.grant_exemption(grant, &actor("bente"), at(-10)).await.unwrap().id;
    let link =
        LinkWanted { address: "https://a.dk/.geovagt/rejse/".to_owned(), devices: 2, ends: at(50) };
    let approved = async || {
        let waiting = store.waiting_notices().await.unwrap();
        let mails = waiting.into_iter().filter(|one| one.channel == Channel::Mail);
        let approved = mails.filter(|one| one.kind == NoticeKind::Approved);
        approved.map(|one| one.details.link_wanted).collect::<Vec<_>>()
    };
    // Nobody's own yes counts, and what does not happen brings nothing.
    let own = store.approve_with_link(&id, true, Some(&link), &actor("bente"), at(1)).await;
    own.unwrap_err();
    assert_eq!(approved().await, []);
    store.approve_with_link(&id, true, Some(&link), &actor("carl"), at(2)).await.unwrap();
    assert_eq!(approved().await, [Some(link)]);
    let told = store.outbox(20).await.unwrap();
    let made = told.iter().filter(|entry| entry.event.action == ChangeAction::TravelLinkMade);
    assert_eq!(made.count(), 1);
}

pub(in crate::store) async fn a_link_itself_is_never_kept(store: &Store) {
    let id = granted(store).await;
    let link = Some("https://a.dk/.geovagt/rejse/token".to_owned());
    let details = NoticeDetails { link, ..NoticeDetails::default() };
    store.put_notice(&id, NoticeKind::Approved, "x", &details, at(1)).await.unwrap();
    let kept = store.waiting_notices().await.unwrap();
    assert!(kept.iter().all(|notice| notice.details.link.is_none()));
    assert!(!format!("{details:?}").contains("token"), "{details:?}");
}

fn lease(now: Timestamp) -> Timestamp {
    now + SignedDuration::from_mins(5)
}

pub(in crate::store) async fn one_of_several_senders_gets_a_message(store: &Store) {
    granted(store).await;
    let [notice, ..] = &store.waiting_notices().await.unwrap()[..] else { panic!() };
    let (ours, theirs) = tokio::join!(
        store.claim_notice(notice, at(0), lease(at(0))),
        store.claim_notice(notice, at(0), lease(at(0))),
    );
    let claims: Vec<_> = [ours.unwrap(), theirs.unwrap()].into_iter().flatten().collect();
    let [ours] = &claims[..] else { panic!("{claims:?}") };
    assert_eq!(ours.attempts, 1);
    let seen = &store.waiting_notices().await.unwrap()[0];
    assert!(store.claim_notice(seen, at(299), lease(at(299))).await.unwrap().is_none());
    // Its holder has died: the next one takes over, and the first says nothing about it any more.
    let next = store.claim_notice(seen, at(300), lease(at(300))).await.unwrap().unwrap();
    assert!(!store.end_notice(ours, NoticeState::Sent, None, at(301)).await.unwrap());
    assert!(!store.postpone_notice(ours, at(900), "late").await.unwrap());
    assert_eq!((&next.id, next.attempts), (&notice.id, 2));
    assert!(store.end_notice(&next, NoticeState::Sent, None, at(302)).await.unwrap());
    assert!(store.claim_notice(&next, at(9999), lease(at(9999))).await.unwrap().is_none());
    let sent = store.notices(Some(NoticeState::Sent)).await.unwrap();
    assert_eq!((sent.len(), sent[0].ended), (1, Some(at(302))));
    assert_eq!(sent[0].details, NoticeDetails::default(), "what was sent is forgotten");
}

pub(in crate::store) async fn what_failed_is_tried_again_only_when_somebody_says_so(store: &Store) {
    granted(store).await;
    let notice = store.waiting_notices().await.unwrap().remove(0);
    let claimed = store.claim_notice(&notice, at(0), lease(at(0))).await.unwrap().unwrap();
    assert!(store.postpone_notice(&claimed, at(60), "450 later").await.unwrap());
    let again = store.waiting_notices().await.unwrap().remove(0);
    assert_eq!((again.due, again.problem.as_deref()), (at(60), Some("450 later")));
    let claimed = store.claim_notice(&again, at(60), lease(at(60))).await.unwrap().unwrap();
    let no = Some("550 no such user");
    assert!(store.end_notice(&claimed, NoticeState::Failed, no, at(61)).await.unwrap());
    let failed = store.notices(Some(NoticeState::Failed)).await.unwrap();
    assert_eq!((failed.len(), failed[0].problem.as_deref()), (1, no));
    assert_eq!(failed[0].details, notice.details, "it may be tried again");
    store.retry_notice(&failed[0].id, at(70)).await.unwrap();
    let unknown = store.retry_notice(&failed[0].id, at(71)).await.unwrap_err();
    assert!(matches!(unknown, UnknownNotice::NotFailed(_)));
    let back = store.waiting_notices().await.unwrap();
    let back = back.iter().find(|one| one.id == notice.id).unwrap();
    assert_eq!((back.attempts, back.due), (0, at(70)));
}

pub(in crate::store) async fn an_address_reads_back_and_hurries_what_waits(store: &Store) {
    let id = granted(store).await;
    assert_eq!(store.contact(&id).await.unwrap(), None);
    let notice = store.waiting_notices().await.unwrap().remove(0);
    let claimed = store.claim_notice(&notice, at(0), lease(at(0))).await.unwrap().unwrap();
    store.postpone_notice(&claimed, at(9000), "no address is known").await.unwrap();
    let contact = Contact {
        name: Some("Anna Holm".into()),
        mail: Some(MailAddress::parse("anna@example.org").unwrap()),
        telephone: Some("+45 12 34 56 78".into()),
        sms_mail: None,
        language: Some(crate::language::Language::English),
    };
    store.set_contact(&id, &contact, &actor("bente"), at(30)).await.unwrap();
    assert_eq!(store.contact(&id).await.unwrap(), Some(contact));
    assert_eq!(store.waiting_notices().await.unwrap()[0].due, at(30));
    let told = store.outbox(10).await.unwrap().pop().unwrap();
    assert_eq!(told.event.exemption.as_deref(), Some(id.as_str()));
    assert!(!format!("{told:?}").contains("anna@example.org"), "{told:?}");
    let nobody = ExemptionId::new("TE-000000");
    let contact = Contact::default();
    assert!(store.set_contact(&nobody, &contact, &actor("bente"), at(31)).await.is_err());
    assert_eq!(store.contacts_kept().await.unwrap(), std::slice::from_ref(&id));
    store.forget_contacts(std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(store.contact(&id).await.unwrap(), None);
}

//! Judging what was drawn for the planned review, through its page.

use http::StatusCode;
use uuid::Uuid;

use super::guards::person;
use crate::admin::fixture::Office;
use crate::audit::event::Field;
use crate::audit::{Action, Event};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::log_index::Follower;
use crate::log_review::{Drawn, Period};
use crate::policy::Actor;
use crate::store::{NewReview, Outcome};

const ID: &str = "LR-0000000007";

/// A review of Ballerup in which these entries were drawn.
async fn drawn(office: &Office, chosen: Vec<Uuid>) {
    let by = Actor { name: "sofie.lind".to_owned(), operating_system_user: None };
    let organization = OrganizationId::parse("ballerup").unwrap();
    let period =
        Period { from: "2026-01-01".parse().unwrap(), until: "2026-01-08".parse().unwrap() };
    let new = NewReview {
        id: ID,
        organization: &organization,
        period,
        due: "2026-01-20".parse().unwrap(),
        seed: [7; 32],
        sample: u16::try_from(chosen.len()).unwrap(),
    };
    let store = office.admin.store();
    store.begin_review(&new, &by, clock::now()).await.unwrap();
    let drawn = Drawn { chosen, population: 40 };
    assert!(store.fill_review(&organization, ID, &drawn, &by, clock::now()).await.unwrap());
}

#[tokio::test]
async fn drawn_entries_are_judged_on_the_page_and_the_last_one_finishes_it() {
    let office = Office::open().await;
    drawn(&office, vec![Uuid::now_v7(), Uuid::now_v7()]).await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let page = format!("/review/planned/{ID}");
    let shown = office.get(&mut sofie, &page).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.text.contains(&format!("action=\"{page}/1\"")), "{}", shown.text);
    let first = format!("{page}/1");
    let wrong = office.post(&mut sofie, &first, &[("outcome", "x"), ("note", "")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let long = "x".repeat(501);
    let wrong = office.post(&mut sofie, &first, &[("outcome", "in_order"), ("note", &long)]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let missing = office.post(&mut sofie, &format!("{page}/3"), &[("outcome", "in_order")]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    for (place, outcome) in [(1, "in_order"), (2, "look_closer")] {
        let note = "<b>set</b> på";
        let fields = [("outcome", outcome), ("note", note)];
        let kept = office.post(&mut sofie, &format!("{page}/{place}"), &fields).await;
        assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.text);
        assert_eq!(kept.location(), format!("{page}#item-{place}"));
    }
    let shown = office.get(&mut sofie, &page).await.text;
    assert!(shown.contains("sofie.lind") && !shown.contains("<b>set"), "{shown}");
    assert!(!shown.contains(&format!("action=\"{page}/1\"")), "it is over: {shown}");
    let late = office.post(&mut sofie, &first, &[("outcome", "incident")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let organization = OrganizationId::parse("ballerup").unwrap();
    let kept = office.admin.store().review(&organization, ID).await.unwrap().unwrap();
    assert!(kept.finished.is_some());
    let found: Vec<_> = kept.items.iter().map(|item| item.outcome).collect();
    assert_eq!(found, [Some(Outcome::InOrder), Some(Outcome::LookCloser)]);
    // Whoever only watches sees it and judges nothing.
    let mut dorte = office.signed_in("dorte.krogh").await;
    let refused = office.post(&mut dorte, &first, &[("outcome", "in_order")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_judges_their_own_doing_whatever_they_were_called_then() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let subject = person(&office, &sofie).await;
    let id = format!("{}/{}", subject.provider(), subject.subject());
    let mut events = Vec::new();
    for (name, id) in [("Sofie.Lind", None), ("former.name", Some(&id)), ("anna.holm", None)] {
        let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes()).user(name);
        event.organization = Some("ballerup".into());
        event.personal.set(Field::UserId, id.map(Into::into));
        events.push(event.id);
        assert!(office.admin.audit().record(event).reached_disk().await);
    }
    let directory = office.state.path().join("state/audit");
    let mut follower = Follower::new(directory, office.admin.store().log().clone());
    while follower.round().await.unwrap().behind > 0 {}
    drawn(&office, events).await;
    let page = format!("/review/planned/{ID}");
    for (place, status) in [
        (1, StatusCode::UNPROCESSABLE_ENTITY),
        (2, StatusCode::UNPROCESSABLE_ENTITY),
        (3, StatusCode::SEE_OTHER),
    ] {
        let fields = [("outcome", "in_order"), ("note", "")];
        let answered = office.post(&mut sofie, &format!("{page}/{place}"), &fields).await;
        assert_eq!(answered.status, status, "{place}: {}", answered.text);
    }
    let organization = OrganizationId::parse("ballerup").unwrap();
    let kept = office.admin.store().review(&organization, ID).await.unwrap().unwrap();
    let found: Vec<_> = kept.items.iter().map(|item| item.outcome).collect();
    assert_eq!(found, [None, None, Some(Outcome::InOrder)]);
}

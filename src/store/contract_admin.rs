//! What every store must do for the administration: sessions, second factors, tokens, calls that are
//! made twice, reviews, breach files, saved searches, questions about pseudonyms and orders.

use super::contract::{actor, anna, at, ballerup};
use super::{
    AdminSession, AdminToken, BreachChange, By, Earlier, FactorKind, NewBreach, NewReview, Outcome,
    ReviewError, SaveError, SecondFactorRecord, SessionStage, Store,
};
use crate::identifier::{OrganizationId, ProviderId};
use crate::log_review::{Drawn, Period, Plan};
use crate::policy::{Person, UserName};

fn egedal() -> OrganizationId {
    OrganizationId::parse("egedal").unwrap()
}

fn person(subject: &str) -> Person {
    Person::new(ballerup(), ProviderId::parse("local").unwrap(), subject)
}

fn session(token: &str) -> AdminSession {
    AdminSession {
        token: token.to_owned(),
        proof: "proven".to_owned(),
        roles: "ballerup:security".to_owned(),
        chosen: None,
        stage: SessionStage::Open,
        pending: None,
        failures: 0,
        began: at(0),
        used: at(0),
        ends: at(3600),
    }
}

pub(super) async fn a_session_takes_the_place_of_the_one_before(store: &Store) {
    let number = store.change_number().await.unwrap();
    let (anna, bo) = (person("anna"), person("bo"));
    let half = AdminSession { stage: SessionStage::SecondFactor, ..session("one") };
    store.begin_admin_session(&half, &anna, None).await.unwrap();
    store.set_admin_session_pending("one", Some("challenge")).await.unwrap();
    let kept = store.admin_session("one").await.unwrap().unwrap();
    assert_eq!(kept.stage, SessionStage::SecondFactor);
    assert_eq!(kept.pending.as_deref(), Some("challenge"));
    store.begin_admin_session(&session("two"), &anna, Some("one")).await.unwrap();
    assert!(store.admin_session("one").await.unwrap().is_none(), "nobody goes on with the first");
    store.use_admin_session("two", at(60)).await.unwrap();
    store.choose_in_admin_session("two", "egedal").await.unwrap();
    let kept = store.admin_session("two").await.unwrap().unwrap();
    assert_eq!((kept.used, kept.chosen.as_deref()), (at(60), Some("egedal")));
    assert_eq!((kept.began, kept.ends, kept.proof.as_str()), (at(0), at(3600), "proven"));
    for (token, who) in [("three", &anna), ("four", &bo)] {
        store.begin_admin_session(&session(token), who, None).await.unwrap();
    }
    store.end_admin_sessions_of(&anna, "three").await.unwrap();
    let there = async |token| store.admin_session(token).await.unwrap().is_some();
    assert_eq!(
        (there("two").await, there("three").await, there("four").await),
        (false, true, true)
    );
    store.end_admin_session("four").await.unwrap();
    assert!(!there("four").await);
    assert_eq!(store.change_number().await.unwrap(), number, "no gateway reloads for it");
}

fn factor(id: &str, kind: FactorKind) -> SecondFactorRecord {
    SecondFactorRecord {
        id: id.to_owned(),
        kind,
        label: "Telefon".to_owned(),
        secret: "sealed".to_owned(),
        last_step: 0,
        created: at(0),
        used: None,
    }
}

pub(super) async fn a_code_counts_once_and_attempts_are_counted(store: &Store) {
    let (owner, by) = (person("anna"), actor("anna"));
    for one in [factor("a", FactorKind::Totp), factor("b", FactorKind::Passkey)] {
        store.add_second_factor(&owner, &anna(), &one, &by).await.unwrap();
    }
    assert!(store.second_factors(&person("bo")).await.unwrap().is_empty());
    assert!(store.take_code("a", 7, at(1)).await.unwrap());
    assert!(!store.take_code("a", 7, at(2)).await.unwrap(), "the same code");
    assert!(!store.take_code("a", 6, at(2)).await.unwrap(), "an older code");
    assert!(store.take_code("a", 8, at(3)).await.unwrap());
    store.use_passkey("b", "counted", at(4)).await.unwrap();
    let kept = store.second_factors(&owner).await.unwrap();
    assert_eq!((kept[0].last_step, kept[0].used), (8, Some(at(3))));
    assert_eq!((kept[1].kind, kept[1].secret.as_str()), (FactorKind::Passkey, "counted"));
    for attempt in 0..10 {
        assert!(store.count_code_attempt(&owner, at(attempt)).await.unwrap(), "{attempt}");
    }
    assert!(!store.count_code_attempt(&owner, at(11)).await.unwrap(), "too many");
    assert!(store.count_code_attempt(&person("bo"), at(11)).await.unwrap(), "of each person");
    // Ten more after a while, and the while is twice as long each time, but never a day.
    let minutes = 60;
    let mut last = 9;
    for wait in [15, 30, 60, 120, 240, 240, 240] {
        let next = last + wait * minutes;
        assert!(!store.count_code_attempt(&owner, at(next - 1)).await.unwrap(), "within {wait}");
        for _ in 0..10 {
            assert!(store.count_code_attempt(&owner, at(next)).await.unwrap(), "after {wait}");
        }
        last = next;
    }
    // A day of quiet, or a code that counted, and all begins anew.
    last += 24 * 60 * minutes;
    for _ in 0..10 {
        assert!(store.count_code_attempt(&owner, at(last)).await.unwrap());
    }
    last += 15 * minutes;
    assert!(store.count_code_attempt(&owner, at(last)).await.unwrap(), "the first wait again");
    store.forget_code_attempts(&owner).await.unwrap();
    for _ in 0..10 {
        assert!(store.count_code_attempt(&owner, at(last)).await.unwrap());
    }
    assert!(!store.count_code_attempt(&owner, at(last)).await.unwrap());
    for (id, seconds) in [(Some("a"), 20), (None, 21)] {
        let removed = store.remove_second_factors(&owner, &anna(), id, &by, at(seconds)).await;
        assert_eq!(removed.unwrap(), 1, "{id:?}");
    }
    assert!(store.second_factors(&owner).await.unwrap().is_empty());
}

pub(super) async fn a_token_is_revoked_in_its_own_organization(store: &Store) {
    let token = AdminToken {
        id: "id".to_owned(),
        token: "digest".to_owned(),
        organization: ballerup(),
        label: "Journal".to_owned(),
        scope: "read".to_owned(),
        roles: "security dpo".to_owned(),
        made_by: UserName::parse("sofie.lind").unwrap(),
        proof: Some("proven".to_owned()),
        created: at(0),
        ends: at(3600),
        revoked: None,
        used: None,
    };
    let by = actor("sofie");
    store.add_admin_token(&token, &by).await.unwrap();
    store.use_admin_token("id", at(5)).await.unwrap();
    let kept = store.admin_token("digest").await.unwrap().unwrap();
    assert_eq!((kept.roles.as_str(), kept.used), ("security dpo", Some(at(5))));
    assert!(store.admin_token("other").await.unwrap().is_none());
    assert!(store.admin_tokens(&egedal()).await.unwrap().is_empty());
    assert!(!store.revoke_admin_token(&egedal(), "id", &by, at(6)).await.unwrap());
    assert!(store.revoke_admin_token(&ballerup(), "id", &by, at(7)).await.unwrap());
    assert!(!store.revoke_admin_token(&ballerup(), "id", &by, at(8)).await.unwrap(), "once");
    assert_eq!(store.admin_tokens(&ballerup()).await.unwrap()[0].revoked, Some(at(7)));
}

pub(super) async fn a_call_under_one_name_is_made_once(store: &Store) {
    let begin = async |token: &str, request: &str, seconds: i64| {
        store.begin_idempotent(token, "name", request, at(seconds)).await.unwrap()
    };
    assert_eq!(begin("t", "call", 0).await, Earlier::First);
    assert_eq!(begin("t", "call", 1).await, Earlier::Unanswered);
    assert_eq!(begin("t", "another", 1).await, Earlier::Another);
    assert_eq!(begin("u", "another", 1).await, Earlier::First, "of another token");
    store.end_idempotent("t", "name", Some("answer")).await.unwrap();
    assert_eq!(begin("t", "call", 2).await, Earlier::Answered("answer".to_owned()));
    store.end_idempotent("u", "name", None).await.unwrap();
    assert_eq!(begin("u", "another", 3).await, Earlier::First, "it changed nothing");
    assert_eq!(begin("t", "call", 25 * 3600).await, Earlier::First, "a day later");
    let both = tokio::join!(
        store.begin_idempotent("v", "name", "call", at(0)),
        store.begin_idempotent("v", "name", "call", at(0))
    );
    let firsts = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!(firsts.iter().filter(|one| **one == Earlier::First).count(), 1, "{firsts:?}");
    // Also where the program never comes back.
    let later = at(26 * 3600);
    assert_eq!(store.forget_old_answers(later).await.unwrap(), 2);
    assert_eq!(store.forget_old_answers(later).await.unwrap(), 0);
    assert_eq!(begin("t", "call", 26 * 3600).await, Earlier::Unanswered, "not yet a day old");
}

fn plan(sample: u16) -> Plan {
    Plan { starts: "2026-11-01".parse().unwrap(), every_days: 7, sample, within_days: 14 }
}

pub(super) async fn a_review_is_drawn_once_and_finished_by_its_last_entry(store: &Store) {
    let (own, by) = (ballerup(), actor("sofie"));
    assert!(store.review_plan(&own).await.unwrap().is_none());
    for sample in [9, 2] {
        store.set_review_plan(&own, &plan(sample), &by, at(0)).await.unwrap();
    }
    assert_eq!(store.review_plan(&own).await.unwrap().unwrap().sample, 2);
    assert!(store.review_plan(&egedal()).await.unwrap().is_none());
    let period = Period { from: plan(2).starts, until: "2026-11-08".parse().unwrap() };
    let new = |id| NewReview {
        id,
        organization: &own,
        period,
        due: "2026-11-22".parse().unwrap(),
        seed: [7; 32],
        sample: 2,
    };
    store.begin_review(&new("LR-1"), &by, at(1)).await.unwrap();
    let again = store.begin_review(&new("LR-2"), &by, at(2)).await;
    assert!(matches!(again, Err(ReviewError::Open)), "{again:?}");
    let drawn =
        Drawn { chosen: vec![uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2)], population: 40 };
    let elsewhere = store.fill_review(&egedal(), "LR-1", &drawn, &by, at(3)).await;
    assert!(matches!(elsewhere, Err(ReviewError::Unknown)), "{elsewhere:?}");
    assert!(store.fill_review(&own, "LR-1", &drawn, &by, at(3)).await.unwrap());
    assert!(!store.fill_review(&own, "LR-1", &drawn, &by, at(4)).await.unwrap(), "one draw counts");
    let judge = async |organization: &OrganizationId, place, outcome| {
        store.judge((organization, "LR-1", place), (outcome, Some("set")), &by, at(5)).await
    };
    let elsewhere = judge(&egedal(), 1, Outcome::InOrder).await;
    assert!(matches!(elsewhere, Err(ReviewError::Unknown)), "{elsewhere:?}");
    let missing = judge(&own, 3, Outcome::InOrder).await;
    assert!(matches!(missing, Err(ReviewError::Unknown)), "{missing:?}");
    assert!(!judge(&own, 1, Outcome::InOrder).await.unwrap());
    assert!(judge(&own, 2, Outcome::LookCloser).await.unwrap(), "with the last one it is finished");
    let after = judge(&own, 1, Outcome::Incident).await;
    assert!(matches!(after, Err(ReviewError::Finished)), "{after:?}");
    assert!(store.review(&egedal(), "LR-1").await.unwrap().is_none());
    let kept = store.review(&own, "LR-1").await.unwrap().unwrap();
    assert_eq!((kept.period, kept.population, kept.finished), (period, Some(40), Some(at(5))));
    let found: Vec<_> = kept.items.iter().map(|item| (item.place, item.outcome)).collect();
    assert_eq!(found, [(1, Some(Outcome::InOrder)), (2, Some(Outcome::LookCloser))]);
    let same_days = store.begin_review(&new("LR-3"), &by, at(6)).await;
    assert!(matches!(same_days, Err(ReviewError::Drawn)), "{same_days:?}");
    assert_eq!(store.reviews(&own).await.unwrap().len(), 1);
}

pub(super) async fn a_breach_file_is_added_to_and_reported_once(store: &Store) {
    let (own, by) = (ballerup(), actor("dorte"));
    let persons = ["anna.holm".to_owned()];
    let new = NewBreach {
        id: "BR-1",
        organization: &own,
        title: "Stjålet adgangskode",
        occurred_from: at(0),
        occurred_until: at(10),
        discovered: at(20),
        persons: &persons,
    };
    store.open_breach(&new, &by, at(30)).await.unwrap();
    let more = ["bo.lund".to_owned(), "anna.holm".to_owned()];
    let changes = [
        BreachChange::Note("Den første æøå"),
        BreachChange::Note("Den anden"),
        BreachChange::Persons(&more),
        BreachChange::Reported(at(50)),
    ];
    for change in &changes {
        let elsewhere = store.change_breach((&egedal(), "BR-1"), change, &by, at(40)).await;
        assert!(!elsewhere.unwrap(), "{change:?}");
        assert!(store.change_breach((&own, "BR-1"), change, &by, at(40)).await.unwrap());
    }
    let again = BreachChange::Reported(at(60));
    assert!(!store.change_breach((&own, "BR-1"), &again, &by, at(61)).await.unwrap(), "once");
    assert!(store.breach(&egedal(), "BR-1").await.unwrap().is_none());
    assert!(store.breaches(&egedal()).await.unwrap().is_empty());
    let kept = store.breach(&own, "BR-1").await.unwrap().unwrap();
    assert_eq!(kept.persons, ["anna.holm", "bo.lund"]);
    let notes: Vec<&str> = kept.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes, ["Den første æøå", "Den anden"]);
    assert_eq!(
        (kept.reported, kept.discovered, kept.created_by.as_str()),
        (Some(at(50)), at(20), "dorte")
    );
}

pub(super) async fn a_saved_search_is_its_owners(store: &Store) {
    let (own, sofie, mads) = (ballerup(), person("sofie"), person("mads"));
    for query in ["country=CN", "country=RU"] {
        store.save_search(&own, &sofie, ("Uge", query), at(0)).await.unwrap();
    }
    let kept = store.saved_searches(&own, &sofie).await.unwrap();
    assert_eq!((kept.len(), kept[0].query.as_str()), (1, "country=RU"), "of one name there is one");
    assert!(store.saved_searches(&own, &mads).await.unwrap().is_empty());
    assert!(store.saved_searches(&egedal(), &sofie).await.unwrap().is_empty());
    assert!(!store.forget_search(&own, &mads, &kept[0].id).await.unwrap());
    assert!(store.forget_search(&own, &sofie, &kept[0].id).await.unwrap());
    for number in 0..super::MOST_SAVED {
        store.save_search(&own, &sofie, (&format!("{number}"), ""), at(1)).await.unwrap();
    }
    let full = store.save_search(&own, &sofie, ("en til", ""), at(2)).await;
    assert!(matches!(full, Err(SaveError::TooMany)), "{full:?}");
}

pub(super) async fn a_question_about_a_pseudonym_is_answered_once(store: &Store) {
    let (own, by) = (ballerup(), actor("sofie"));
    let id = store.ask_reidentification(&own, "p_x", "Sag 26/1", &by, at(0)).await.unwrap();
    let on_the_command_line = store.reidentification(&id).await.unwrap().unwrap();
    assert!(!on_the_command_line.is_asked_by(&person("sofie")));
    let herself = person("sofie");
    let proven = By::proven(&by, &herself);
    let id = store.ask_reidentification(&own, "p_x", "Sag 26/1", proven, at(0)).await.unwrap();
    let proven = store.reidentification(&id).await.unwrap().unwrap();
    assert!(proven.is_asked_by(&person("sofie")) && !proven.is_asked_by(&person("mads")));
    assert!(store.reidentifications(&egedal()).await.unwrap().is_empty());
    let asked = store.reidentification(&id).await.unwrap().unwrap();
    assert_eq!((asked.wanted.as_str(), asked.asked_by.name.as_str()), ("p_x", "sofie"));
    assert!(!asked.is_over(at(60)) && asked.is_over(at(8 * 86_400)));
    let dorte = actor("dorte");
    assert!(store.answer_reidentification(&asked, &dorte, at(9)).await.unwrap());
    assert!(!store.answer_reidentification(&asked, &dorte, at(10)).await.unwrap(), "once");
    let kept = store.reidentifications(&own).await.unwrap();
    assert_eq!(
        kept[0].answered.as_ref().map(|(at, by)| (*at, by.name.as_str())),
        Some((at(9), "dorte"))
    );
}

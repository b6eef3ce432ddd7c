//! What every store must do with applications, decisions and emergencies.

use jiff::{SignedDuration, Timestamp};

use super::contract::{actor, anna, at, ballerup};
use super::{By, ChangeAction, ExemptionError, Store};
use crate::identifier::{ListId, ProviderId, SiteId};
use crate::policy::{
    Actor, Application, ApplicationRequest, ApprovalRefused, Authentication, CountryList,
    EmergencyCall, EmergencyRejection, EmergencyScheme, ExemptionId, ExemptionScheme,
    ExemptionState, GrantGrounds, GrantRequest, GrantSite, Leg, ListVersion, Person, Phase, Reason,
    TerritorySet, TravelExemption, ValidApplication, ValidEmergency, emergency,
    validate_application, validate_extension,
};
use crate::territory::Territory;

pub(super) async fn holds<G>(open: &impl AsyncFn() -> (Store, G)) {
    macro_rules! each {
        ($($check:ident)*) => {$({
            let (store, _guard) = open().await;
            $check(&store).await;
            store.close().await;
        })*};
    }
    each! {
        an_application_reads_back_and_counts_once_another_approved
        where_two_must_one_is_not_enough
        an_application_is_refused_with_a_reason_that_is_kept
        an_application_is_taken_back_by_whom_it_belongs_to
        of_two_who_decide_at_once_one_wins_and_the_other_is_told
        a_name_that_is_new_makes_nobody_two
        an_extension_is_decided_anew_and_leaves_the_old_one_alone
        an_emergency_counts_at_once_and_not_for_long
        an_emergency_that_another_approved_goes_on
        one_reference_leads_to_one_emergency
        an_emergency_is_not_repeated_without_a_second_person
        an_end_is_told_once_and_ends_nothing
        every_step_is_told_in_the_log
    }
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn scheme() -> ExemptionScheme {
    ExemptionScheme {
        enabled: true,
        decision: Some("d".into()),
        maximum_days: 30,
        lead_days: 0,
        transit_grace: std::time::Duration::ZERO,
        two_approvers: vec![],
        emergency: Some(EmergencyScheme {
            maximum: std::time::Duration::from_secs(72 * 3600),
            sites: vec![SiteId::parse("mail").unwrap(), SiteId::parse("kilden").unwrap()],
        }),
    }
}

pub(super) fn with_grounds<T>(act: impl FnOnce(GrantGrounds<'_>) -> T) -> T {
    let version = ListVersion {
        version: "1".into(),
        source: "s".into(),
        adopted_by: "a".into(),
        adopted_on: "2025-01-01".parse().unwrap(),
        announced_on: "2025-01-01".parse().unwrap(),
        effective_from: at(-1000),
        early_start: None,
        territories: ["CN", "TH"]
            .iter()
            .map(|c| Territory::parse(c).unwrap())
            .collect::<TerritorySet>(),
    };
    let list = CountryList::new(ListId::parse("cfcs").unwrap(), "n".into(), 14, vec![version]);
    let (list, owner, scheme) = (list.unwrap(), ballerup(), scheme());
    let site = |_: &SiteId| {
        let authentication = Authentication::WhenBlocked;
        Some(GrantSite { organization: &owner, authentication, list: &list })
    };
    let time_zone = &jiff::tz::TimeZone::UTC;
    act(GrantGrounds { scheme: &scheme, time_zone, site: &site, assigned: &|_| true })
}

pub(super) fn traveller() -> Person {
    Person::new(ballerup(), ProviderId::parse("local").unwrap(), "s")
}

pub(super) fn request(from: Timestamp, until: Timestamp) -> ApplicationRequest {
    ApplicationRequest {
        grant: GrantRequest {
            demands: None,
            organization: ballerup(),
            person: traveller(),
            user_name: anna(),
            sites: vec![SiteId::parse("mail").unwrap()],
            legs: vec![Leg { territories: vec![Territory::parse("CN").unwrap()], from, until }],
            purpose: "Venskabsby".into(),
            case_number: String::new(),
        },
        application: Application {
            devices: vec!["iPad".into(), "PC \"7\"".into()],
            telephone: "+45 20 00 00 00".into(),
            mail: "anna@example.net".into(),
            extends: None,
        },
    }
}

fn application() -> ValidApplication {
    with_grounds(|grounds| {
        validate_application(&request(at(100), at(1000)), grounds, at(0)).unwrap()
    })
}

pub(super) async fn applied(store: &Store, by: &Actor) -> TravelExemption {
    store.apply_for_exemption(application(), by, at(1)).await.unwrap()
}

fn call(reference: &str, site: &str, now: Timestamp) -> ValidEmergency {
    let rejection = EmergencyRejection {
        reference: reference.into(),
        at: now,
        organization: Some(ballerup()),
        site: Some(SiteId::parse(site).unwrap()),
        territory: Some(Territory::parse("TH").unwrap()),
        reason: Some(Reason::CountryListed),
        count: 1,
        names_client: true,
    };
    let call = EmergencyCall {
        person: traveller(),
        user_name: anna(),
        caller_verified: "called back on the known number".into(),
        purpose: "Nødadgang".into(),
        case_number: String::new(),
        by: actor("bente"),
    };
    with_grounds(|grounds| emergency(&rejection, &call, grounds, now).unwrap())
}

async fn counts(store: &Store, now: Timestamp) -> Vec<String> {
    let loaded = store.load_exemptions(now).await.unwrap();
    let active = loaded.iter().filter(|one| one.phase(now) == Phase::Active);
    active.map(|one| one.id.to_string()).collect()
}

async fn an_application_reads_back_and_counts_once_another_approved(store: &Store) {
    let clerk = actor("bente");
    let exemption = applied(store, &clerk).await;
    assert_eq!(
        (exemption.state, exemption.phase(at(200))),
        (ExemptionState::Applied, Phase::Applied)
    );
    let record = store.exemption(&exemption.id).await.unwrap().unwrap();
    assert_eq!(record.exemption, exemption);
    let application = record.application.clone().unwrap();
    assert_eq!(application, request(at(100), at(1000)).application);
    assert_eq!((&*record.history[0].action, &record.history[0].by), ("applied", &clerk));
    assert!(counts(store, at(200)).await.is_empty());
    for (by, why) in [
        (actor("bente"), ApprovalRefused::Applicant),
        (actor("anna.holm"), ApprovalRefused::Traveller),
    ] {
        match store.approve_exemption(&exemption.id, false, &by, at(2)).await.unwrap_err() {
            ExemptionError::NotBy { source, .. } => assert_eq!(source, why),
            error => panic!("{error}"),
        }
    }
    assert!(counts(store, at(200)).await.is_empty());
    let approved =
        store.approve_exemption(&exemption.id, false, &actor("carl"), at(3)).await.unwrap();
    assert_eq!(approved.state, ExemptionState::Granted);
    assert_eq!(counts(store, at(200)).await, [exemption.id.as_str()]);
    assert!(counts(store, at(99)).await.is_empty() && counts(store, at(1000)).await.is_empty());
    assert_eq!(store.exemptions_of(&traveller()).await.unwrap().len(), 1);
    let other = Person::new(ballerup(), ProviderId::parse("entra").unwrap(), "s");
    assert!(store.exemptions_of(&other).await.unwrap().is_empty());
}

async fn where_two_must_one_is_not_enough(store: &Store) {
    let id = applied(store, &actor("bente")).await.id;
    let first = store.approve_exemption(&id, true, &actor("carl"), at(2)).await.unwrap();
    assert_eq!(first.state, ExemptionState::AwaitingApproval);
    assert!(counts(store, at(200)).await.is_empty());
    // Neither the same person again, nor the applicant, and what waits for two never needs fewer.
    for by in [actor("carl"), actor("bente")] {
        let error = store.approve_exemption(&id, false, &by, at(3)).await.unwrap_err();
        assert!(matches!(error, ExemptionError::NotBy { .. }), "{error}");
    }
    store.approve_exemption(&id, true, &actor("dorte"), at(4)).await.unwrap();
    assert_eq!(counts(store, at(200)).await, [id.as_str()]);
}

async fn an_application_is_refused_with_a_reason_that_is_kept(store: &Store) {
    let id = applied(store, &actor("bente")).await.id;
    let error = store.refuse_exemption(&id, "nej", &actor("anna.holm"), at(2)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotBy { .. }), "{error}");
    store.refuse_exemption(&id, "Formålet er privat", &actor("carl"), at(2)).await.unwrap();
    let record = store.exemption(&id).await.unwrap().unwrap();
    assert_eq!(record.exemption.phase(at(200)), Phase::Refused);
    let refused = record.first("refused").unwrap();
    assert_eq!(refused.reason.as_deref(), Some("Formålet er privat"));
    let error = store.approve_exemption(&id, false, &actor("dorte"), at(3)).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("it is refused (refused by carl at"), "{said}");
    let error = store.revoke_exemption(&id, "x", &actor("dorte"), at(3)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::Over { phase: Phase::Refused, .. }), "{error}");
    assert!(counts(store, at(200)).await.is_empty());
    // The reason stays where it can be deleted with the exemption.
    let told = store.outbox(10).await.unwrap();
    assert!(!format!("{told:?}").contains("privat"));
}

async fn an_application_is_taken_back_by_whom_it_belongs_to(store: &Store) {
    let id = applied(store, &actor("bente")).await.id;
    let error = store.withdraw_exemption(&id, &actor("carl"), at(2)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotTheApplicant(_)), "{error}");
    for early in [
        store.close_exemption(&id, &actor("bente"), at(2)).await.unwrap_err(),
        store.revoke_exemption(&id, "x", &actor("carl"), at(2)).await.unwrap_err(),
    ] {
        assert!(matches!(early, ExemptionError::NotDecided(_)), "{early}");
    }
    let taken = store.withdraw_exemption(&id, &actor("anna.holm"), at(3)).await.unwrap();
    assert_eq!(taken.state, ExemptionState::Withdrawn);
    let error = store.approve_exemption(&id, false, &actor("carl"), at(4)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotWaiting { phase: Phase::Withdrawn, .. }), "{error}");
    // What nobody applied for cannot be taken back by an applicant.
    let granted = super::contract::grant("s", request(at(100), at(1000)).grant.legs);
    let granted = store.grant_exemption(granted, &actor("bente"), at(1)).await.unwrap().id;
    let error = store.withdraw_exemption(&granted, &actor("bente"), at(2)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotWaiting { .. }), "{error}");
}

async fn of_two_who_decide_at_once_one_wins_and_the_other_is_told(store: &Store) {
    for _ in 0..5 {
        let id = applied(store, &actor("bente")).await.id;
        let (carl, dorte) = (actor("carl"), actor("dorte"));
        let (yes, no) = tokio::join!(
            store.approve_exemption(&id, false, &carl, at(2)),
            store.refuse_exemption(&id, "nej", &dorte, at(2))
        );
        assert_ne!(yes.is_ok(), no.is_ok());
        let error = yes.err().or(no.err()).unwrap();
        assert!(
            matches!(
                error,
                ExemptionError::NotWaiting { .. } | ExemptionError::DecidedMeanwhile(_)
            ),
            "{error}"
        );
        let history = store.exemption(&id).await.unwrap().unwrap().history;
        assert_eq!(history.len(), 2, "{history:?}");
        store.revoke_exemption(&id, "x", &carl, at(3)).await.ok();
    }
    // Two first approvals at once are one approval.
    let id = applied(store, &actor("bente")).await.id;
    let (carl, karl) = (actor("carl"), actor("Carl"));
    let (one, other) = tokio::join!(
        store.approve_exemption(&id, true, &carl, at(2)),
        store.approve_exemption(&id, true, &karl, at(2))
    );
    assert_ne!(one.is_ok(), other.is_ok());
    assert!(counts(store, at(200)).await.is_empty());
}

async fn an_extension_is_decided_anew_and_leaves_the_old_one_alone(store: &Store) {
    let old = applied(store, &actor("bente")).await.id;
    let old = store.approve_exemption(&old, false, &actor("carl"), at(2)).await.unwrap();
    let extension = || {
        let mut asked = request(at(1000), at(2000));
        asked.application.extends = Some(old.id.clone());
        with_grounds(|grounds| validate_extension(&asked, &old, at(100), grounds, at(3)).unwrap())
    };
    let new = store.apply_for_exemption(extension(), &actor("bente"), at(3)).await.unwrap();
    assert_eq!(new.state, ExemptionState::Applied);
    let again = store.apply_for_exemption(extension(), &actor("dorte"), at(3)).await.unwrap_err();
    let (of, one) = (old.id.clone(), new.id.clone());
    let same = matches!(&again, ExemptionError::ExtensionWaits { id, waiting } if (id, waiting) == (&of, &one));
    assert!(same, "{again}");
    let record = store.exemption(&new.id).await.unwrap().unwrap();
    assert_eq!(record.application.unwrap().extends, Some(old.id.clone()));
    assert_eq!(store.exemption(&old.id).await.unwrap().unwrap().exemption, old);
    assert!(counts(store, at(1500)).await.is_empty());
    for device in ["APPL1", "APPL2"] {
        store.bind_activesync(&old.id, device, &actor("carl"), at(3)).await.unwrap();
    }
    let bound = store.bound_devices().await.unwrap();
    let taken_back = bound.iter().find(|device| device.mark == "APPL2").unwrap();
    store.revoke_device(&old.id, &taken_back.id, &actor("carl"), at(3)).await.unwrap();
    store.approve_exemption(&new.id, false, &actor("carl"), at(4)).await.unwrap();
    assert_eq!(counts(store, at(1500)).await, [new.id.as_str()]);
    let bound = store.bound_devices().await.unwrap();
    let taken_along: Vec<_> = bound.iter().filter(|device| device.exemption == new.id).collect();
    assert_eq!(taken_along.iter().map(|device| &*device.mark).collect::<Vec<_>>(), ["APPL1"]);
    store.revoke_exemption(&old.id, "x", &actor("carl"), at(5)).await.unwrap();
    assert!(store.contact(&old.id).await.unwrap().is_some(), "notices go to where it says");
    store.forget_contacts(std::slice::from_ref(&old.id)).await.unwrap();
    assert_eq!(store.contact(&old.id).await.unwrap(), None);
    let forgotten = store.exemption(&old.id).await.unwrap().unwrap().application.unwrap();
    assert_eq!((&*forgotten.mail, &*forgotten.telephone), ("", ""));
    let error = store.apply_for_exemption(extension(), &actor("bente"), at(6)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotExtendable(_)), "{error}");
}

async fn a_name_that_is_new_makes_nobody_two(store: &Store) {
    let (before, after) = (actor("bente"), actor("berta"));
    let bente = Person::new(ballerup(), ProviderId::parse("entra").unwrap(), "7");
    let asked = store.apply_for_exemption(application(), By::proven(&before, &bente), at(1)).await;
    let asked = asked.unwrap();
    let refused = |decided: Result<TravelExemption, ExemptionError>, why: ApprovalRefused| {
        let error = decided.unwrap_err();
        let is_so = matches!(&error, ExemptionError::NotBy { source, .. } if *source == why);
        assert!(is_so, "{error:?}");
    };
    let applicant = ApprovalRefused::Applicant;
    let by = By::proven(&after, &bente);
    refused(store.approve_exemption(&asked.id, false, by, at(2)).await, applicant);
    refused(store.refuse_exemption(&asked.id, "nej", by, at(2)).await, applicant);
    let traveller = By::proven(&after, &asked.person);
    let own = ApprovalRefused::Traveller;
    refused(store.approve_exemption(&asked.id, false, traveller, at(2)).await, own);
    let called = call("K7QX-2M9D", "mail", at(3));
    refused(store.grant_emergency(called, traveller, at(3)).await, own);
    let carl = Person::new(ballerup(), ProviderId::parse("entra").unwrap(), "8");
    let by = By::proven(&after, &carl);
    let approved = store.approve_exemption(&asked.id, false, by, at(4)).await.unwrap();
    assert_eq!(approved.state, ExemptionState::Granted);
}

async fn an_emergency_counts_at_once_and_not_for_long(store: &Store) {
    let now = at(0);
    let by = actor("bente");
    let granted = store.grant_emergency(call("K7QX-2M9D", "mail", now), &by, now).await.unwrap();
    let record = store.exemption(&granted.id).await.unwrap().unwrap();
    assert_eq!(record.exemption, granted);
    let kept = record.emergency.clone().unwrap();
    assert_eq!(
        (&*kept.reference, &*kept.caller_verified),
        ("K7QX-2M9D", "called back on the known number")
    );
    assert!(record.is_unconfirmed(now));
    assert_eq!(granted.state, ExemptionState::Provisional { until: kept.confirm_before });
    assert_eq!(granted.legs[0].until, now + hours(72));
    assert_eq!(granted.sites, [SiteId::parse("mail").unwrap()]);
    let last = kept.confirm_before - SignedDuration::from_secs(1);
    assert!(last < now + hours(72));
    assert_eq!(counts(store, last).await, [granted.id.as_str()]);
    assert!(counts(store, kept.confirm_before).await.is_empty());
    let carl = actor("carl");
    let late = store.approve_exemption(&granted.id, false, &carl, kept.confirm_before);
    let error = late.await.unwrap_err();
    assert!(matches!(error, ExemptionError::TooLate(_)), "{error}");
    assert!(counts(store, kept.confirm_before).await.is_empty());
    let event = store.outbox(10).await.unwrap().pop().unwrap().event;
    assert_eq!(event.action, ChangeAction::ExemptionGranted);
    assert_eq!(event.word.as_deref(), Some("emergency"));
    assert_eq!(event.reference.as_deref(), Some("K7QX-2M9D"));
    assert!(!format!("{event:?}").contains("called back"));
}

async fn an_emergency_that_another_approved_goes_on(store: &Store) {
    let now = at(0);
    let by = actor("bente");
    let granted = store.grant_emergency(call("K7QX-2M9D", "mail", now), &by, now).await.unwrap();
    let ExemptionState::Provisional { until } = granted.state else { panic!("{granted:?}") };
    for other in [actor("bente"), actor("anna.holm")] {
        let error = store.approve_exemption(&granted.id, false, &other, at(1)).await.unwrap_err();
        assert!(matches!(error, ExemptionError::NotBy { .. }), "{error}");
    }
    let error =
        store.refuse_exemption(&granted.id, "nej", &actor("carl"), at(1)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotWaiting { .. }), "{error}");
    store.approve_exemption(&granted.id, false, &actor("carl"), at(2)).await.unwrap();
    assert_eq!(counts(store, until).await, [granted.id.as_str()]);
    assert!(counts(store, now + hours(72)).await.is_empty());
    let record = store.exemption(&granted.id).await.unwrap().unwrap();
    assert_eq!(record.exemption.state, ExemptionState::Granted);
    assert!(!record.is_unconfirmed(at(3)) && record.emergency.is_some());
}

async fn one_reference_leads_to_one_emergency(store: &Store) {
    let by = actor("bente");
    let first = store.grant_emergency(call("K7QX-2M9D", "mail", at(0)), &by, at(0)).await.unwrap();
    let again = store.grant_emergency(call("K7QX-2M9D", "kilden", at(1)), &by, at(1));
    match again.await.unwrap_err() {
        ExemptionError::ReferenceUsed { id, .. } => assert_eq!(id, first.id),
        error => panic!("{error}"),
    }
    // Another system is another rejection, and another emergency.
    store.grant_emergency(call("AAAA-BBBB", "kilden", at(2)), &by, at(2)).await.unwrap();
    let open = store.grant_emergency(call("CCCC-DDDD", "mail", at(3)), &by, at(3)).await;
    assert!(matches!(open.unwrap_err(), ExemptionError::AlreadyOpen(id) if id == first.id));
}

async fn an_emergency_is_not_repeated_without_a_second_person(store: &Store) {
    let by = actor("bente");
    let first = store.grant_emergency(call("K7QX-2M9D", "mail", at(0)), &by, at(0)).await.unwrap();
    let later = at(0) + hours(80);
    assert!(counts(store, later).await.is_empty());
    let again = store.grant_emergency(call("AAAA-BBBB", "mail", later), &by, later).await;
    assert!(matches!(again.unwrap_err(), ExemptionError::Unconfirmed(id) if id == first.id));
    let long_after = at(0) + hours(14 * 24);
    store.grant_emergency(call("CCCC-DDDD", "mail", long_after), &by, long_after).await.unwrap();
}

async fn an_end_is_told_once_and_ends_nothing(store: &Store) {
    let id = applied(store, &actor("bente")).await.id;
    assert!(store.note_ends(at(5000)).await.unwrap().is_empty(), "an application has no end");
    store.approve_exemption(&id, false, &actor("carl"), at(2)).await.unwrap();
    assert!(store.note_ends(at(999)).await.unwrap().is_empty());
    let number = store.change_number().await.unwrap();
    // Two nodes may notice at once.
    let (one, other) = tokio::join!(store.note_ends(at(1000)), store.note_ends(at(1000)));
    assert_eq!([one.unwrap(), other.unwrap()].concat(), std::slice::from_ref(&id));
    assert!(store.note_ends(at(1001)).await.unwrap().is_empty());
    assert_eq!(store.change_number().await.unwrap(), number);
    let record = store.exemption(&id).await.unwrap().unwrap();
    assert_eq!(record.exemption.phase(at(1000)), Phase::Ended);
    assert_eq!(record.history.last().unwrap().action, "ended");
    assert_eq!(record.exemption.state, ExemptionState::Granted);
    let revoked = applied(store, &actor("bente")).await.id;
    store.approve_exemption(&revoked, false, &actor("carl"), at(2)).await.unwrap();
    store.revoke_exemption(&revoked, "x", &actor("carl"), at(3)).await.unwrap();
    assert!(store.note_ends(at(5000)).await.unwrap().is_empty());
    let lapsed = call("K7QX-2M9D", "mail", at(0));
    store.grant_emergency(lapsed, &actor("bente"), at(0)).await.unwrap();
    assert_eq!(store.note_ends(at(0) + hours(80)).await.unwrap().len(), 1);
    let event = store.outbox(20).await.unwrap().pop().unwrap().event;
    assert_eq!(
        (event.action, event.word.as_deref()),
        (ChangeAction::ExemptionEnded, Some("unconfirmed"))
    );
}

async fn every_step_is_told_in_the_log(store: &Store) {
    let own = applied(store, &actor("anna.holm")).await.id;
    let on_behalf = applied(store, &actor("bente")).await.id;
    store.approve_exemption(&own, true, &actor("carl"), at(2)).await.unwrap();
    store.approve_exemption(&own, true, &actor("dorte"), at(3)).await.unwrap();
    store.refuse_exemption(&on_behalf, "nej", &actor("carl"), at(3)).await.unwrap();
    let taken = applied(store, &actor("bente")).await.id;
    store.withdraw_exemption(&taken, &actor("bente"), at(4)).await.unwrap();
    store.close_exemption(&own, &actor("anna.holm"), at(200)).await.unwrap();
    let told: Vec<_> = store
        .outbox(20)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| (entry.event.action, entry.event.word, entry.event.done_by))
        .collect();
    let expected = [
        (ChangeAction::ExemptionApplied, Some("own"), "anna.holm"),
        (ChangeAction::ExemptionApplied, Some("on_behalf"), "bente"),
        (ChangeAction::ExemptionApproved, Some("one_of_two"), "carl"),
        (ChangeAction::ExemptionApproved, None, "dorte"),
        (ChangeAction::ExemptionRefused, None, "carl"),
        (ChangeAction::ExemptionApplied, Some("on_behalf"), "bente"),
        (ChangeAction::ExemptionClosed, Some("withdrawn"), "bente"),
        (ChangeAction::ExemptionClosed, None, "anna.holm"),
    ]
    .map(|(action, word, by)| (action, word.map(str::to_owned), by.to_owned()));
    assert_eq!(told, expected);
    let unknown = ExemptionId::new("TE-ZZZZZZ");
    let error = store.approve_exemption(&unknown, false, &actor("carl"), at(2)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::Unknown(_)), "{error}");
}

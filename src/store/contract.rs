//! What every store must do, whatever database stands behind it.

use jiff::{SignedDuration, Timestamp};

use super::contract_admin::*;
use super::contract_devices::*;
use super::contract_erasure::an_order_waits_for_every_log_and_then_forgets_whom_it_was_about;
use super::contract_extensions::*;
use super::contract_nodes::{
    an_entry_is_taken_for_one_log, keys_follow_one_another,
    of_two_who_remember_at_once_the_second_looks_again, two_clerks_at_once_take_each_entry_once,
};
use super::contract_outside::{
    a_known_person_is_kept_as_described_last, what_a_provider_ended_is_known_until_no_session_lasts,
};
use super::contract_systems::{a_node_is_known_while_it_speaks, a_system_keeps_its_history};
use super::notices::tests::*;
use super::{AccountError, ChangeAction, ExemptionError, NewAccount, Store, contract_journey};
use crate::identifier::{ListId, OrganizationId, PolicyId, ProviderId, SiteId};
use crate::policy::announcement::{SeenSettings, SeenVersion};
use crate::policy::{
    Actor, Authentication, CountryList, Demands, ExemptionId, ExemptionScheme, ExemptionState,
    GrantGrounds, GrantRequest, GrantSite, Leg, ListVersion, Person, Phase, TerritorySet,
    TravelExemption, UserName, ValidGrant, validate,
};
use crate::policy::{Admission, Mode};
use crate::territory::Territory;

/// Runs the whole suite; `open` gives an empty store and whatever must live as long as it.
pub(super) async fn holds<G>(open: impl AsyncFn() -> (Store, G)) {
    macro_rules! each {
        ($($check:ident)*) => {$({
            let (store, _guard) = open().await;
            $check(&store).await;
            store.close().await;
        })*};
    }
    contract_journey::holds(&open).await;
    each! {
        an_extension_ends_with_what_it_extends
        an_extension_falls_with_a_revocation
        a_lost_device_ends_extensions_too
        an_unreadable_exemption_keeps_no_other_from_ending
        a_name_is_one_account_in_its_organization
        an_account_that_changes_gets_another_epoch
        an_exemption_reads_back_as_it_was_granted
        an_exemption_that_needs_two_people_counts_once_another_approved
        an_exemption_ends_once
        a_locked_persons_exemptions_do_not_count
        the_person_of_an_exemption_is_not_removed
        a_name_that_is_taken_is_drawn_again
        an_order_waits_for_every_log_and_then_forgets_whom_it_was_about
        every_change_is_told_once
        keys_follow_one_another
        an_entry_is_taken_for_one_log
        two_clerks_at_once_take_each_entry_once
        what_was_seen_comes_back_and_marks_the_installation
        of_two_who_remember_at_once_the_second_looks_again
        ended_sessions_are_kept_until_they_would_have_ended
        demands_read_back_as_they_were_granted
        a_link_binds_so_many_devices_a_site_and_no_more
        links_are_raced_for_in_vain
        an_activesync_client_is_bound_by_its_number
        an_address_grant_ends_in_each_of_its_ways
        a_lost_device_ends_everything_of_one_person
        a_known_person_is_kept_as_described_last
        what_a_provider_ended_is_known_until_no_session_lasts
        a_change_and_its_message_are_one
        an_occasion_makes_one_message
        one_of_several_senders_gets_a_message
        a_travel_link_goes_with_the_approval_or_after_it
        an_approval_and_its_link_are_one
        a_link_itself_is_never_kept
        what_failed_is_tried_again_only_when_somebody_says_so
        an_address_reads_back_and_hurries_what_waits
        a_session_takes_the_place_of_the_one_before
        a_code_counts_once_and_attempts_are_counted
        a_token_is_revoked_in_its_own_organization
        a_call_under_one_name_is_made_once
        a_review_is_drawn_once_and_finished_by_its_last_entry
        a_breach_file_is_added_to_and_reported_once
        a_saved_search_is_its_owners
        a_question_about_a_pseudonym_is_answered_once
        a_system_keeps_its_history
        a_node_is_known_while_it_speaks
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_796_083_200 + seconds).unwrap()
}

pub(crate) fn ballerup() -> OrganizationId {
    OrganizationId::parse("ballerup").unwrap()
}

pub(crate) fn anna() -> UserName {
    UserName::parse("anna.holm").unwrap()
}

pub(crate) fn actor(name: &str) -> Actor {
    Actor { name: name.into(), operating_system_user: Some(format!("os-{name}")) }
}

pub(crate) async fn add(store: &Store, organization: &OrganizationId, name: &str) -> String {
    let name = UserName::parse(name).unwrap();
    let account = NewAccount { organization, name: &name, password_hash: "$x$" };
    let id = store.add_account(&account, &actor("it"), at(0)).await.unwrap();
    id.as_str().to_owned()
}

pub(crate) fn leg(codes: &[&str], from: i64, until: i64) -> Leg {
    let territories = codes.iter().map(|code| Territory::parse(code).unwrap()).collect();
    Leg { territories, from: at(from), until: at(until) }
}

/// An exemption that no store holds.
pub(crate) fn exemption(legs: Vec<Leg>) -> TravelExemption {
    grant("anna", legs).into_exemption(ExemptionId::new("TE-7K2M9D"))
}

/// A grant as `validate` gives it; RU needs a second person.
pub(crate) fn grant(subject: &str, legs: Vec<Leg>) -> ValidGrant {
    grant_with(subject, legs, None)
}

/// The same with stated demands.
pub(super) fn grant_demanding(subject: &str, demands: Option<Demands>) -> ValidGrant {
    grant_with(subject, vec![leg(&["CN"], 100, 1000)], demands)
}

fn grant_with(subject: &str, legs: Vec<Leg>, demands: Option<Demands>) -> ValidGrant {
    let request = GrantRequest {
        organization: ballerup(),
        person: Person::new(ballerup(), ProviderId::parse("local").unwrap(), subject),
        user_name: anna(),
        sites: vec![SiteId::parse("mail").unwrap(), SiteId::parse("kilden").unwrap()],
        legs,
        purpose: "Venskabsby".into(),
        case_number: "26/1".into(),
        demands,
    };
    let scheme = ExemptionScheme {
        enabled: true,
        decision: Some("d".into()),
        maximum_days: 30,
        lead_days: 5,
        transit_grace: std::time::Duration::ZERO,
        two_approvers: vec![Territory::parse("RU").unwrap()],
        emergency: None,
    };
    let version = ListVersion {
        version: "1".into(),
        source: "s".into(),
        adopted_by: "a".into(),
        adopted_on: "2025-01-01".parse().unwrap(),
        announced_on: "2025-01-01".parse().unwrap(),
        effective_from: at(-1000),
        early_start: None,
        territories: ["CN", "HK", "RU"]
            .iter()
            .map(|c| Territory::parse(c).unwrap())
            .collect::<TerritorySet>(),
    };
    let list = CountryList::new(ListId::parse("cfcs").unwrap(), "n".into(), 14, vec![version]);
    let list = list.unwrap();
    let owner = ballerup();
    let site = |_: &SiteId| {
        Some(GrantSite {
            organization: &owner,
            authentication: Authentication::WhenBlocked,
            list: &list,
        })
    };
    let grounds = GrantGrounds {
        scheme: &scheme,
        time_zone: &jiff::tz::TimeZone::UTC,
        site: &site,
        assigned: &|_| true,
    };
    validate(&request, grounds, at(0)).unwrap()
}

async fn granted(store: &Store, subject: &str) -> TravelExemption {
    let grant = grant(subject, vec![leg(&["CN"], 100, 1000)]);
    store.grant_exemption(grant, &actor("bente"), at(1)).await.unwrap()
}

async fn a_name_is_one_account_in_its_organization(store: &Store) {
    let egedal = OrganizationId::parse("egedal").unwrap();
    let first = add(store, &ballerup(), "Anna.Holm").await;
    let second = add(store, &egedal, "anna.holm").await;
    assert_ne!(first, second);
    let (organization, name) = (ballerup(), anna());
    let again = NewAccount { organization: &organization, name: &name, password_hash: "$y$" };
    let error = store.add_account(&again, &actor("it"), at(1)).await.unwrap_err();
    assert!(matches!(error, AccountError::NameTaken { .. }), "{error}");
    let account = store.account(&ballerup(), &anna()).await.unwrap().unwrap();
    assert_eq!((account.id.as_str(), &*account.password_hash), (first.as_str(), "$x$"));
    assert_eq!((account.created, account.locked, account.epoch), (at(0), false, 0));
    store.remove_account(&ballerup(), &anna(), &actor("it"), at(2)).await.unwrap();
    assert!(store.account(&ballerup(), &anna()).await.unwrap().is_none());
    assert_ne!(add(store, &ballerup(), "anna.holm").await, first);
    assert_eq!(store.accounts().await.unwrap().len(), 2);
}

async fn an_account_that_changes_gets_another_epoch(store: &Store) {
    add(store, &ballerup(), "anna.holm").await;
    let (organization, name, by) = (ballerup(), anna(), actor("it"));
    store.set_password(&organization, &name, "$z$", &by, at(1)).await.unwrap();
    store.set_locked(&organization, &name, true, &by, at(2)).await.unwrap();
    let account = store.account(&organization, &name).await.unwrap().unwrap();
    assert_eq!((&*account.password_hash, account.locked, account.epoch), ("$z$", true, 2));
    assert_eq!((account.created, account.changed), (at(0), at(2)));
    store.set_locked(&organization, &name, false, &by, at(3)).await.unwrap();
    let account = store.account(&organization, &name).await.unwrap().unwrap();
    assert_eq!((account.locked, account.epoch), (false, 3));
    let nobody = UserName::parse("nobody").unwrap();
    for error in [
        store.set_password(&organization, &nobody, "$", &by, at(1)).await.unwrap_err(),
        store.set_locked(&organization, &nobody, true, &by, at(1)).await.unwrap_err(),
        store.remove_account(&organization, &nobody, &by, at(1)).await.unwrap_err(),
    ] {
        assert!(matches!(error, AccountError::Unknown { .. }), "{error}");
    }
}

async fn an_exemption_reads_back_as_it_was_granted(store: &Store) {
    let legs = vec![leg(&["CN", "HK"], 100, 1000), leg(&["CN"], 1000, 2000)];
    let by = actor("bente");
    let exemption = store.grant_exemption(grant("s", legs), &by, at(1)).await.unwrap();
    assert_eq!(exemption.state, ExemptionState::Granted);
    let record = store.exemption(&exemption.id).await.unwrap().unwrap();
    assert_eq!(record.exemption, exemption);
    assert_eq!((record.granted_at, record.granted_by), (at(1), by.clone()));
    let [entry] = record.history.as_slice() else { panic!("{:?}", record.history) };
    assert_eq!((&*entry.action, entry.at, &entry.by), ("granted", at(1), &by));
    assert_eq!(store.load_exemptions(at(1)).await.unwrap(), std::slice::from_ref(&exemption));
    assert_eq!(store.exemptions(Some(&ballerup())).await.unwrap().len(), 1);
    let egedal = OrganizationId::parse("egedal").unwrap();
    assert!(store.exemptions(Some(&egedal)).await.unwrap().is_empty());
    let long_after = at(2000) + SignedDuration::from_hours(24 * 91);
    assert!(store.load_exemptions(long_after).await.unwrap().is_empty());
    let id = exemption.id.as_str();
    assert_eq!((id.len(), id.get(..3)), (9, Some("TE-")));
    assert!(!id[3..].contains(['I', 'L', 'O', 'U']), "{id}");
}

async fn an_exemption_that_needs_two_people_counts_once_another_approved(store: &Store) {
    let legs = vec![leg(&["RU"], 100, 1000)];
    let waiting = store.grant_exemption(grant("s", legs), &actor("bente"), at(1)).await.unwrap();
    assert_eq!(waiting.state, ExemptionState::AwaitingApproval);
    assert!(store.load_exemptions(at(200)).await.unwrap().is_empty());
    for by in [actor("bente"), actor("BENTE "), actor("anna.holm")] {
        let error = store.approve_exemption(&waiting.id, true, &by, at(2)).await.unwrap_err();
        assert!(matches!(error, ExemptionError::NotBy { .. }), "{error}");
    }
    let error =
        store.approve_exemption(&waiting.id, true, &actor("carl"), at(1000)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::TooLate(_)), "{error}");
    assert!(store.load_exemptions(at(200)).await.unwrap().is_empty());
    let number = store.change_number().await.unwrap();
    let approved = store.approve_exemption(&waiting.id, true, &actor("carl"), at(3)).await.unwrap();
    assert_eq!(approved.phase(at(200)), Phase::Active);
    assert!(store.change_number().await.unwrap() > number);
    assert_eq!(store.load_exemptions(at(200)).await.unwrap(), [approved]);
    let error =
        store.approve_exemption(&waiting.id, true, &actor("dorte"), at(4)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NotWaiting { .. }), "{error}");
    let copenhagen = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
    let when = at(3).to_zoned(copenhagen.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    let told = error.told(|_| copenhagen.clone());
    assert!(told.ends_with(&format!("(approved by carl at {when})")), "{told}");
    let history = store.exemption(&waiting.id).await.unwrap().unwrap().history;
    let words: Vec<_> = history.iter().map(|e| (&*e.action, &*e.by.name)).collect();
    assert_eq!(words, [("granted", "bente"), ("approved", "carl")]);
}

async fn an_exemption_ends_once(store: &Store) {
    let by = actor("bente");
    let revoked = granted(store, "s").await;
    store.revoke_exemption(&revoked.id, "device lost", &by, at(200)).await.unwrap();
    assert!(store.load_exemptions(at(200)).await.unwrap().is_empty());
    let record = store.exemption(&revoked.id).await.unwrap().unwrap();
    assert_eq!(record.exemption.phase(at(200)), Phase::Revoked);
    assert_eq!(record.history.last().unwrap().reason.as_deref(), Some("device lost"));
    let closed = granted(store, "s").await;
    store.close_exemption(&closed.id, &by, at(200)).await.unwrap();
    let over = granted(store, "s").await;
    for (id, now) in [(&revoked.id, 201), (&closed.id, 201), (&over.id, 1000)] {
        let error = store.revoke_exemption(id, "again", &by, at(now)).await.unwrap_err();
        assert!(matches!(error, ExemptionError::Over { .. }), "{error}");
        let error = store.close_exemption(id, &by, at(now)).await.unwrap_err();
        assert!(matches!(error, ExemptionError::Over { .. }), "{error}");
    }
    let unknown = ExemptionId::new("TE-ZZZZZZ");
    let error = store.revoke_exemption(&unknown, "x", &by, at(1)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::Unknown(_)), "{error}");
    assert!(store.exemption(&unknown).await.unwrap().is_none());
}

async fn a_locked_persons_exemptions_do_not_count(store: &Store) {
    let subject = add(store, &ballerup(), "anna.holm").await;
    granted(store, &subject).await;
    assert_eq!(store.load_exemptions(at(2)).await.unwrap().len(), 1);
    let (organization, name, by) = (ballerup(), anna(), actor("it"));
    store.set_locked(&organization, &name, true, &by, at(2)).await.unwrap();
    assert!(store.load_exemptions(at(2)).await.unwrap().is_empty());
    store.set_locked(&organization, &name, false, &by, at(3)).await.unwrap();
    assert_eq!(store.load_exemptions(at(2)).await.unwrap().len(), 1);
}

async fn the_person_of_an_exemption_is_not_removed(store: &Store) {
    let subject = add(store, &ballerup(), "anna.holm").await;
    let exemption = granted(store, &subject).await;
    let (organization, name, by) = (ballerup(), anna(), actor("it"));
    let error = store.remove_account(&organization, &name, &by, at(2)).await.unwrap_err();
    assert!(error.to_string().contains(exemption.id.as_str()), "{error}");
    assert!(store.account(&organization, &name).await.unwrap().is_some());
    store.remove_account(&organization, &name, &by, at(1000)).await.unwrap();
}

async fn a_name_that_is_taken_is_drawn_again(store: &Store) {
    let names = |texts: &[&str]| {
        texts.iter().map(|text| ExemptionId::new(text)).collect::<Vec<_>>().into_iter()
    };
    let legs = || vec![leg(&["CN"], 100, 1000)];
    let by = actor("bente");
    let first = store.grant_under(names(&["TE-AAAAAA"]), grant("s", legs()), &by, at(1));
    assert_eq!(first.await.unwrap().id.as_str(), "TE-AAAAAA");
    let both = names(&["TE-AAAAAA", "TE-BBBBBB"]);
    let second = store.grant_under(both, grant("s", legs()), &by, at(1)).await.unwrap();
    assert_eq!(second.id.as_str(), "TE-BBBBBB");
    let none = names(&["TE-AAAAAA", "TE-BBBBBB"]);
    let error = store.grant_under(none, grant("s", legs()), &by, at(1)).await.unwrap_err();
    assert!(matches!(error, ExemptionError::NoFreeName), "{error}");
    assert_eq!(store.exemptions(None).await.unwrap().len(), 2);
}

async fn every_change_is_told_once(store: &Store) {
    let before = store.change_number().await.unwrap();
    let subject = add(store, &ballerup(), "anna.holm").await;
    let exemption = granted(store, &subject).await;
    store.revoke_exemption(&exemption.id, "lost", &actor("carl"), at(2)).await.unwrap();
    store.revoke_exemption(&exemption.id, "lost", &actor("carl"), at(2)).await.unwrap_err();
    assert_eq!(store.change_number().await.unwrap(), before + 3);
    let waiting = store.outbox(10).await.unwrap();
    let told: Vec<_> = waiting.iter().map(|entry| entry.event.action).collect();
    assert_eq!(
        told,
        [ChangeAction::UserAdded, ChangeAction::ExemptionGranted, ChangeAction::ExemptionRevoked]
    );
    let last = &waiting[2];
    assert_eq!(last.created, at(2));
    assert_eq!(last.event.exemption.as_deref(), Some(exemption.id.as_str()));
    assert_eq!((&*last.event.done_by, last.event.done_as.as_deref()), ("carl", Some("os-carl")));
    assert_eq!((&*last.event.target, last.event.word.as_deref()), ("anna.holm", None));
    assert_eq!(store.outbox(1).await.unwrap(), waiting[..1]);
    store.outbox_done("a", &waiting[..2]).await.unwrap();
    assert_eq!(store.outbox(10).await.unwrap(), waiting, "nobody took them");
    assert_eq!(store.take_from_outbox("a", 2, at(2)).await.unwrap().len(), 2);
    store.outbox_done("a", &waiting[..2]).await.unwrap();
    store.outbox_done("a", &waiting[..2]).await.unwrap();
    assert_eq!(store.outbox(10).await.unwrap(), waiting[2..]);
    assert_eq!(store.change_number().await.unwrap(), before + 3);
}

async fn what_was_seen_comes_back_and_marks_the_installation(store: &Store) {
    assert!(store.announced().await.unwrap().first_installation);
    let list = ListId::parse("cfcs").unwrap();
    let version = |first_seen| SeenVersion {
        version: "2025-05".into(),
        digest: [7; 32],
        first_seen: at(first_seen),
        allowed_from: Some(at(5)),
        effective_from: at(5),
        territories: vec![Territory::parse("RU-CE").unwrap()],
        minimum_notice_days: 14,
    };
    let settings = |mode, first_seen| SeenSettings {
        policy: PolicyId::parse("standard").unwrap(),
        mode,
        unknown_location: Admission::Deny,
        first_seen: at(first_seen),
        baseline: true,
    };
    let first = [(list.clone(), version(1))];
    let remember = async |versions: &[(ListId, SeenVersion)], settings: SeenSettings| {
        let seen = store.announced().await.unwrap();
        assert!(store.remember_announced(versions, &[settings], &seen).await.unwrap());
    };
    remember(&first, settings(Mode::ReportOnly, 1)).await;
    let second = [(list.clone(), version(2))];
    remember(&second, settings(Mode::Enforce, 2)).await;
    let announced = store.announced().await.unwrap();
    assert!(!announced.first_installation);
    assert_eq!(announced.of(&list), [version(2)]);
    assert!(announced.of(&ListId::parse("other").unwrap()).is_empty());
    assert_eq!(announced.settings, [settings(Mode::ReportOnly, 1), settings(Mode::Enforce, 2)]);
}

async fn ended_sessions_are_kept_until_they_would_have_ended(store: &Store) {
    let before = store.change_number().await.unwrap();
    store.end_session("a", at(100), at(1)).await.unwrap();
    store.end_session("a", at(100), at(2)).await.unwrap();
    store.end_session("b", at(200), at(99)).await.unwrap();
    assert_eq!(store.ended_sessions().await.unwrap().clear.len(), 2);
    store.end_session("c", at(300), at(100)).await.unwrap();
    let mut kept: Vec<_> =
        store.ended_sessions().await.unwrap().clear.into_iter().map(|(id, _)| id).collect();
    kept.sort();
    assert_eq!(kept, ["b", "c"]);
    assert!(store.change_number().await.unwrap() > before);
}

//! The part of the contract suite about demands, devices, address grants and ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::contract::{actor, anna, at, ballerup, grant_demanding};
use super::{DeviceKind, LinkError, NewAddressGrant, NewBrowser, Store};
use crate::identifier::{ProviderId, SiteId};
use crate::policy::{Demands, Exemptions, Person, Phase, TravelExemption};

fn person(subject: &str) -> Person {
    Person::new(ballerup(), ProviderId::parse("local").unwrap(), subject)
}

async fn granted(store: &Store, subject: &str) -> TravelExemption {
    let valid = grant_demanding(subject, Some(Demands::DEVICE));
    store.grant_exemption(valid, &actor("bente"), at(0)).await.unwrap()
}

fn browser<'a>(site: &'a SiteId, mark: &'a str) -> NewBrowser<'a> {
    NewBrowser { token_hash: "hash", site, mark, label: "Firefox" }
}

fn address_grant(exemption: &TravelExemption, network: &str, ends: Timestamp) -> NewAddressGrant {
    NewAddressGrant {
        person: exemption.person.clone(),
        user_name: exemption.user_name.clone(),
        site: SiteId::parse("mail").unwrap(),
        exemption: exemption.id.clone(),
        network: network.parse().unwrap(),
        multi_factor: true,
        device: Some("mark".into()),
        ends,
    }
}

pub(super) async fn demands_read_back_as_they_were_granted(store: &Store) {
    let both = Demands { multi_factor: true, device: true };
    for demands in [Demands::NONE, Demands::DEVICE, both] {
        let valid = grant_demanding("anna-id", Some(demands));
        let kept = store.grant_exemption(valid, &actor("bente"), at(0)).await.unwrap();
        let read = store.exemption(&kept.id).await.unwrap().unwrap().exemption;
        assert_eq!((read.demands, kept.demands), (demands, demands));
        let loaded = store.load_exemptions(at(1)).await.unwrap();
        let snapshot = Exemptions::new(loaded, |_| Duration::ZERO);
        assert_eq!(snapshot.get(&kept.id).unwrap().demands, demands);
    }
}

pub(super) async fn a_link_binds_so_many_devices_a_site_and_no_more(store: &Store) {
    let (by, now) = (actor("bente"), at(10));
    let exemption = granted(store, "anna-id").await;
    let ends = now.checked_add(SignedDuration::from_hours(1)).unwrap();
    store.make_travel_link(&exemption.id, "hash", (2, ends), &by, now).await.unwrap();
    let (mail, kilden) = (SiteId::parse("mail").unwrap(), SiteId::parse("kilden").unwrap());
    let bind = async |site: &SiteId, mark: &str, who: &str, now| {
        store.bind_browser(browser(site, mark), &person(who), now).await
    };
    assert!(matches!(bind(&mail, "x", "bo-id", now).await, Err(LinkError::Unknown)));
    let first = bind(&mail, "one", "anna-id", now).await.unwrap();
    assert_eq!((first.kind, first.exemption.clone()), (DeviceKind::Browser, exemption.id.clone()));
    bind(&mail, "two", "anna-id", now).await.unwrap();
    assert!(matches!(bind(&mail, "three", "anna-id", now).await, Err(LinkError::UsedUp)));
    bind(&kilden, "one", "anna-id", now).await.unwrap();
    assert!(matches!(bind(&kilden, "late", "anna-id", ends).await, Err(LinkError::Ended)));
    // One that was taken back still counts against the link.
    assert!(store.revoke_device(&exemption.id, &first.id, &by, now).await.unwrap());
    assert!(!store.revoke_device(&exemption.id, &first.id, &by, now).await.unwrap());
    assert!(matches!(bind(&mail, "three", "anna-id", now).await, Err(LinkError::UsedUp)));
    let marks: Vec<String> =
        store.bound_devices().await.unwrap().into_iter().map(|device| device.mark).collect();
    assert_eq!(marks.iter().filter(|mark| *mark == "one").count(), 1, "{marks:?}");
    store.revoke_exemption(&exemption.id, "r", &by, now).await.unwrap();
    assert!(matches!(bind(&kilden, "three", "anna-id", now).await, Err(LinkError::Ended)));
    assert_eq!(store.bound_devices().await.unwrap(), []);
}

pub(super) async fn links_are_raced_for_in_vain(store: &Store) {
    let (by, now) = (actor("bente"), at(10));
    let exemption = granted(store, "anna-id").await;
    store.make_travel_link(&exemption.id, "hash", (1, at(100)), &by, now).await.unwrap();
    let mail = SiteId::parse("mail").unwrap();
    let marks: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    let anna = person("anna-id");
    let bind = |mark| store.bind_browser(browser(&mail, mark), &anna, now);
    let [a, b, c, d, e, f] = std::array::from_fn(|index| bind(marks[index].as_str()));
    let done = tokio::join!(a, b, c, d, e, f);
    let done = [done.0, done.1, done.2, done.3, done.4, done.5];
    assert_eq!(done.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{done:?}");
}

pub(super) async fn an_activesync_client_is_bound_by_its_number(store: &Store) {
    let by = actor("bente");
    let exemption = granted(store, "anna-id").await;
    let device = store.bind_activesync(&exemption.id, "appl1", &by, at(1)).await.unwrap();
    assert_eq!(device.mark, "APPL1");
    assert_eq!(store.bound_devices().await.unwrap(), [device]);
    store.close_exemption(&exemption.id, &by, at(2)).await.unwrap();
    assert!(store.bind_activesync(&exemption.id, "appl2", &by, at(3)).await.is_err());
    assert!(store.make_travel_link(&exemption.id, "h", (1, at(9)), &by, at(3)).await.is_err());
}

pub(super) async fn an_address_grant_ends_in_each_of_its_ways(store: &Store) {
    let exemption = granted(store, "anna-id").await;
    let mail = SiteId::parse("mail").unwrap();
    let begin = async |network: &str, now, ends| {
        store.grant_address(address_grant(&exemption, network, ends), now).await.unwrap()
    };
    let networks = async |now| -> Vec<String> {
        let running = store.address_grants(now).await.unwrap();
        running.iter().map(|kept| kept.grant.network.to_string()).collect()
    };
    let kept = begin("1.1.1.1/32", at(1), at(50)).await;
    assert_eq!(store.address_grants(at(2)).await.unwrap(), [kept]);
    assert_eq!(networks(at(50)).await, Vec::<String>::new());
    begin("1.1.1.1/32", at(2), at(90)).await;
    assert_eq!(networks(at(3)).await, ["1.1.1.1/32"], "the same place again is one grant");
    for (second, network) in [(4, "1.1.1.2/32"), (5, "1.1.1.3/32"), (6, "2001:db8::/64")] {
        begin(network, at(second), at(90)).await;
    }
    assert_eq!(networks(at(7)).await, ["1.1.1.2/32", "1.1.1.3/32", "2001:db8::/64"]);
    let elsewhere = SiteId::parse("kilden").unwrap();
    assert_eq!(store.end_address_grants(&exemption.person, &elsewhere, at(8)).await.unwrap(), 0);
    assert_eq!(store.end_address_grants(&person("bo-id"), &mail, at(8)).await.unwrap(), 0);
    assert_eq!(store.end_address_grants(&exemption.person, &mail, at(8)).await.unwrap(), 3);
    assert_eq!(networks(at(9)).await, Vec::<String>::new());
    begin("1.1.1.1/32", at(10), at(90)).await;
    store.revoke_exemption(&exemption.id, "r", &actor("bente"), at(11)).await.unwrap();
    assert_eq!(networks(at(12)).await, Vec::<String>::new());
}

pub(super) async fn a_lost_device_ends_everything_of_one_person(store: &Store) {
    let by = actor("bente");
    let (first, second) = (granted(store, "anna-id").await, granted(store, "anna-id").await);
    let other = granted(store, "bo-id").await;
    for exemption in [&first, &other] {
        store.bind_activesync(&exemption.id, "appl1", &by, at(1)).await.unwrap();
        let grant = address_grant(exemption, "1.1.1.1/32", at(90));
        store.grant_address(grant, at(1)).await.unwrap();
    }
    let waiting = store.take_from_outbox("a", 100, at(1)).await.unwrap();
    let waiting: Vec<_> = waiting.into_iter().map(|taken| taken.entry).collect();
    store.outbox_done("a", &waiting).await.unwrap();
    let before = store.change_number().await.unwrap();
    let ended = store.end_person(&first.person, &anna(), "stjålet", &by, at(20)).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), before + 1);
    let mut ids = vec![first.id.clone(), second.id.clone()];
    ids.sort();
    let mut revoked = ended.exemptions.clone();
    revoked.sort();
    assert_eq!((revoked, ended.devices, ended.grants), (ids, 1, 1));
    for id in [&first.id, &second.id] {
        let record = store.exemption(id).await.unwrap().unwrap();
        assert_eq!(record.exemption.phase(at(21)), Phase::Revoked);
        let last = record.history.last().unwrap();
        assert_eq!((last.action.as_str(), last.reason.as_deref()), ("revoked", Some("stjålet")));
    }
    assert_eq!(store.person_ends().await.unwrap().clear, [(first.person.clone(), at(20))]);
    let bound = store.bound_devices().await.unwrap();
    assert!(bound.iter().all(|device| device.exemption == other.id) && bound.len() == 1);
    let passing = store.address_grants(at(21)).await.unwrap();
    assert!(passing.iter().all(|kept| kept.grant.exemption == other.id) && passing.len() == 1);
    let told: Vec<String> = store
        .outbox(100)
        .await
        .unwrap()
        .iter()
        .map(|entry| format!("{:?}", entry.event.action))
        .collect();
    assert_eq!(told, ["ExemptionRevoked", "ExemptionRevoked", "PersonEnded"]);
    store.end_person(&first.person, &anna(), "igen", &by, at(30)).await.unwrap();
    assert_eq!(store.person_ends().await.unwrap().clear, [(first.person.clone(), at(30))]);
    // By a node whose clock is behind; and with fractions, whose text sorts another way.
    store.end_person(&first.person, &anna(), "bagud", &by, at(25)).await.unwrap();
    assert_eq!(store.person_ends().await.unwrap().clear, [(first.person.clone(), at(30))]);
    let later = at(30).checked_add(SignedDuration::from_millis(5)).unwrap();
    for now in [later, at(30)] {
        store.end_person(&first.person, &anna(), "igen", &by, now).await.unwrap();
        assert_eq!(store.person_ends().await.unwrap().clear, [(first.person.clone(), later)]);
    }
}

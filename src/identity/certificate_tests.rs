use std::collections::BTreeMap;

use super::*;
use crate::identity::Identity;
use crate::policy::Actor;
use crate::store::{KnownPerson, Store};

fn organization() -> OrganizationId {
    OrganizationId::parse("ballerup").unwrap()
}

fn provider(id: &str) -> ProviderId {
    ProviderId::parse(id).unwrap()
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn person(subject: &str) -> Person {
    Person::new(organization(), provider("entra"), subject)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_796_083_200 + second).unwrap()
}

fn known(subject: &str, user_name: &str) -> KnownPerson {
    KnownPerson {
        person: person(subject),
        user_name: name(user_name),
        display_name: None,
        mail: None,
        telephone: None,
        last_seen: at(0),
    }
}

struct Scene {
    authenticator: Authenticator,
    store: Store,
    _state: tempfile::TempDir,
}

async fn scene() -> Scene {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).await.unwrap();
    store.remember_person(&known("oid-bo", "bo@example.dk")).await.unwrap();
    let local = BTreeMap::from([(organization(), provider("local"))]);
    let authenticator = Authenticator::open(&store, local, at(0)).await.unwrap();
    Scene { authenticator, store, _state: state }
}

impl Scene {
    /// Whom a certificate of this name is taken for while these hold exemptions.
    fn named(&self, shown: &str, held: &[(&str, &str)]) -> Option<Identity> {
        let holders = |visit: &mut dyn FnMut(&Person, &UserName)| {
            for (subject, user_name) in held {
                visit(&person(subject), &name(user_name));
            }
        };
        self.authenticator.certified(&Certified {
            organization: &organization(),
            provider: &provider("ipads"),
            people_of: Some(&provider("entra")),
            name: shown,
            issued: at(10),
            holders: &holders,
        })
    }

    fn subject(&self, shown: &str, held: &[(&str, &str)]) -> Option<String> {
        self.named(shown, held).map(|identity| identity.person().subject().to_owned())
    }
}

#[tokio::test]
async fn a_certificate_names_one_person_of_an_outside_provider_or_nobody() {
    let scene = scene().await;
    let anna = [("oid-anna", "anna@example.dk")];
    let found = |subject: &str| Some(subject.to_owned());
    assert_eq!(scene.subject("Anna@example.dk", &anna), found("oid-anna"));
    assert_eq!(scene.subject("anna@example.dk", &[]), None, "nobody of that name is known");
    assert_eq!(scene.subject("bo@example.dk", &[]), found("oid-bo"), "who has signed in before");
    assert_eq!(scene.subject("bo@example.dk", &[("oid-bo", "bo@example.dk")]), found("oid-bo"));
    // Two who answer to the name: nobody.
    assert_eq!(scene.subject("bo@example.dk", &[("oid-new", "bo@example.dk")]), None);
    // Whoever signs in while the gateway runs is known without a reload.
    scene.authenticator.learn_name(&person("oid-eva"), &name("eva@example.dk"));
    assert_eq!(scene.subject("eva@example.dk", &[]), found("oid-eva"));
    scene.authenticator.reload(at(1)).await.unwrap();
    assert_eq!(scene.subject("bo@example.dk", &[]), found("oid-bo"));
}

#[tokio::test]
async fn the_end_of_an_outside_person_ends_the_certificates_from_before() {
    let scene = scene().await;
    let anna = [("oid-anna", "anna@example.dk")];
    let identity = scene.named("anna@example.dk", &anna).unwrap();
    assert!(scene.authenticator.still_counts(&identity, at(12)));
    let by = Actor { name: "it".into(), operating_system_user: None };
    let (lost, called) = (person("oid-anna"), name("anna@example.dk"));
    scene.store.end_person(&lost, &called, "x", &by, at(11)).await.unwrap();
    scene.authenticator.reload(at(11)).await.unwrap();
    assert!(scene.named("anna@example.dk", &anna).is_none());
    assert!(!scene.authenticator.still_counts(&identity, at(12)));
}

#[tokio::test]
async fn the_cookie_of_a_device_is_one_organisations() {
    let scene = scene().await;
    let mark = Authenticator::new_mark();
    let cookie = scene.authenticator.device_cookie(&organization(), &mark, (at(0), at(9)), true);
    let pair = cookie.unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::COOKIE, pair.parse().unwrap());
    let read = |owner: &str| {
        let owner = OrganizationId::parse(owner).unwrap();
        scene.authenticator.browser_mark(&owner, &headers, true)
    };
    assert_eq!(read("ballerup"), Some(mark));
    assert_eq!(read("egedal"), None);
}

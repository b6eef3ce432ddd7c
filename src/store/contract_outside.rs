//! What every store must do about people whom outside providers prove.

use super::contract::{anna, at, ballerup};
use super::{KnownPerson, LogoutOf, ProviderLogout, Store};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::Person;

fn entra() -> ProviderId {
    ProviderId::parse("entra").unwrap()
}

pub(super) async fn a_known_person_is_kept_as_described_last(store: &Store) {
    let other = OrganizationId::parse("egedal").unwrap();
    let known = |organization: &OrganizationId, mail: Option<&str>, seconds| KnownPerson {
        person: Person::new(organization.clone(), entra(), "af7c"),
        user_name: anna(),
        display_name: Some("Anna Høj".to_owned()),
        mail: mail.map(str::to_owned),
        telephone: None,
        last_seen: at(seconds),
    };
    let before = store.change_number().await.unwrap();
    store.remember_person(&known(&ballerup(), None, 0)).await.unwrap();
    store.remember_person(&known(&ballerup(), Some("anna@example.dk"), 60)).await.unwrap();
    store.remember_person(&known(&other, None, 30)).await.unwrap();
    let found = store.known_people(&ballerup()).await.unwrap();
    assert_eq!(found, [known(&ballerup(), Some("anna@example.dk"), 60)]);
    assert_eq!(store.known_people(&other).await.unwrap(), [known(&other, None, 30)]);
    assert_eq!(store.change_number().await.unwrap(), before, "no gateway has to look");
    store.remember_person(&known(&other, None, 401 * 86_400)).await.unwrap();
    assert!(store.known_people(&ballerup()).await.unwrap().is_empty(), "not seen for so long");
}

pub(super) async fn what_a_provider_ended_is_known_until_no_session_lasts(store: &Store) {
    let logout = |of: LogoutOf, seconds| ProviderLogout { provider: entra(), of, at: at(seconds) };
    let session = |name: &str, seconds| logout(LogoutOf::Session(name.to_owned()), seconds);
    let subject = |name: &str, seconds| logout(LogoutOf::Subject(name.to_owned()), seconds);
    let before = store.change_number().await.unwrap();
    store.end_provider_sessions(&session("s", 0)).await.unwrap();
    store.end_provider_sessions(&subject("s", 10)).await.unwrap();
    store.end_provider_sessions(&session("s", 20)).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), before + 3, "every gateway looks");
    let mut found = store.provider_logouts().await.unwrap().clear;
    found.sort_by_key(|logout| logout.at);
    assert_eq!(found, [subject("s", 10), session("s", 20)]);
    store.end_provider_sessions(&session("t", 3 * 86_400)).await.unwrap();
    assert_eq!(store.provider_logouts().await.unwrap().clear, [session("t", 3 * 86_400)]);
}

//! What every store must do about people whom outside providers prove.

use super::contract::{anna, at, ballerup};
use super::{KnownPerson, LogoutOf, ProviderLogout, Store};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};

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
    assert_eq!(store.change_number().await.unwrap(), before + 1, "a name that is new");
    store.remember_person(&known(&ballerup(), Some("anna@example.dk"), 60)).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), before + 1, "the name is known everywhere");
    store.remember_person(&known(&other, None, 30)).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), before + 2, "somebody else");
    let found = store.known_people(&ballerup()).await.unwrap();
    assert_eq!(found, [known(&ballerup(), Some("anna@example.dk"), 60)]);
    assert_eq!(store.known_people(&other).await.unwrap(), [known(&other, None, 30)]);
    let renamed = UserName::parse("anna.ny").unwrap();
    let renamed = KnownPerson { user_name: renamed, ..known(&other, None, 40) };
    store.remember_person(&renamed).await.unwrap();
    assert_eq!(store.change_number().await.unwrap(), before + 3, "another name");
    let later = KnownPerson { last_seen: at(401 * 86_400), ..renamed };
    store.remember_person(&later).await.unwrap();
    assert!(store.known_people(&ballerup()).await.unwrap().is_empty(), "not seen for so long");
    assert_eq!(store.change_number().await.unwrap(), before + 4, "a name that is forgotten");
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

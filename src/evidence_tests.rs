use super::*;
use crate::audit::Options;
use crate::lifecycle::Tasks;

fn event(user: &str, organization: &str) -> Event {
    let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes()).user(user);
    event.organization = Some(organization.into());
    event.rule = Some(("cfcs".into(), "2025-05".into()));
    event
}

#[tokio::test]
async fn an_archive_is_on_record_before_it_is_there_and_proves_itself() {
    let directory = tempfile::tempdir().unwrap();
    let mut loaded = crate::config::load(Path::new("config/gateway.yaml")).unwrap();
    loaded.config.state_directory = directory.path().to_owned();
    let store = Store::open(directory.path()).await.unwrap();
    let tasks = Tasks::new();
    let (audit, _) = Audit::open(Options::from_config(&loaded.config), &tasks).unwrap();
    for (user, organization) in [("anna", "ballerup"), ("bo", "ballerup"), ("anna", "herlev")] {
        assert!(audit.record(event(user, organization)).reached_disk().await);
    }
    let by = Actor { name: "sven".into(), operating_system_user: Some("sven".into()) };
    let wanted = Wanted {
        organizations: vec![OrganizationId::parse("ballerup").unwrap()],
        persons: vec!["Anna".into()],
        ..Wanted::default()
    };
    let out = directory.path().join("evidence.tar");
    let made = make(&loaded, &store, Recorder::Log(&audit), &wanted, &by, &out).await.unwrap();
    assert_eq!(made.entries, 1);
    let archive = std::fs::read(&out).unwrap();
    assert_eq!(made.bytes, archive.len() as u64);
    let key = sign::PublicKey::parse(&made.key).unwrap();
    let accepted = evidence::accept(&archive, key).unwrap();
    assert_eq!(accepted.entries, 1);
    for file in ["lists.json", "databases.json", "exemptions.json", "search.json", "readme.txt"] {
        assert!(accepted.files.iter().any(|name| name == file), "{file}");
    }
    assert!(String::from_utf8_lossy(&archive).contains("announced_on"), "the version that decided");
    // Nothing is written over, and what could not be made is not there.
    let again = make(&loaded, &store, Recorder::Log(&audit), &wanted, &by, &out).await;
    assert!(matches!(again, Err(EvidenceError::Io(_))));
    assert_eq!(std::fs::read(&out).unwrap(), archive);
    audit.close().await;
    let other = directory.path().join("other.tar");
    let refused = make(&loaded, &store, Recorder::Log(&audit), &wanted, &by, &other).await;
    assert!(matches!(refused, Err(EvidenceError::NotRecorded)), "{refused:?}");
    assert!(!other.exists());
    let by_outbox = make(&loaded, &store, Recorder::Outbox(&store), &wanted, &by, &other).await;
    assert_eq!(by_outbox.unwrap().entries, 1);
    let told = store.outbox(10).await.unwrap().pop().unwrap().event;
    assert_eq!(told.details.get("entries").map(String::as_str), Some("1"));
    assert_eq!((told.done_by.as_str(), told.organization.as_str()), ("sven", "ballerup"));
}

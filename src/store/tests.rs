//! SQLite's own ways: the file, its mode, damage, locks, other programs' databases.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool};
use tempfile::TempDir;

use super::connections::Ways;
use super::contract::{actor, add, anna, at, ballerup, grant, grant_demanding};
use super::{
    FILE_NAME, KnownPerson, LogoutOf, NewAddressGrant, NewBrowser, Place, ProviderLogout, Store,
    StoreError, contract, sqlite,
};
use crate::identifier::{ProviderId, SiteId};
use crate::policy::{Demands, ExemptionId, Leg, Person, UserName};
use crate::territory::Territory;

async fn open() -> (Store, TempDir) {
    let state = tempfile::tempdir().unwrap();
    (Store::open(state.path()).await.unwrap(), state)
}

async fn raw(state: &Path) -> SqlitePool {
    let options =
        SqliteConnectOptions::new().filename(state.join(FILE_NAME)).create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

/// A store whose connections are told this instead of what they are told elsewhere.
fn with_greeting(state: &Path, greeting: &'static str) -> Store {
    let ways = Ways { greeting: Some(greeting), ..sqlite::WAYS };
    let connections = sqlite::connections_with(&state.join(FILE_NAME), ways).unwrap();
    Store { connections, url: None, log: super::LogIndex::in_file(state) }
}

async fn refusal(state: &Path) -> StoreError {
    match Store::open(state).await {
        Err(error) => error,
        Ok(_) => panic!("the store opened"),
    }
}

#[tokio::test]
async fn it_holds_the_contract() {
    contract::holds(open).await;
}

#[tokio::test]
async fn its_files_are_closed_to_others_and_its_writes_are_durable() {
    let (store, state) = open().await;
    add(&store, &ballerup(), "anna.holm").await;
    let modes: Vec<_> = std::fs::read_dir(state.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert!(modes.len() >= 2 && modes.iter().all(|&mode| mode == 0o600), "{modes:?}");
    let pragma = async |sql: &'static str| {
        let row = store.row(sqlx::query(sql)).await.unwrap().unwrap();
        store.text(&row, "found").unwrap()
    };
    assert_eq!(pragma("SELECT journal_mode AS found FROM pragma_journal_mode").await, "wal");
    assert_eq!(
        pragma("SELECT CAST(synchronous AS TEXT) AS found FROM pragma_synchronous").await,
        "2"
    );
    assert_eq!(
        pragma("SELECT CAST(foreign_keys AS TEXT) AS found FROM pragma_foreign_keys").await,
        "1"
    );
    store.close().await;
    std::fs::set_permissions(state.path().join(FILE_NAME), Permissions::from_mode(0o644)).unwrap();
    Store::open(state.path()).await.unwrap();
    let mode = std::fs::metadata(state.path().join(FILE_NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn two_handles_see_each_others_changes() {
    let (one, state) = open().await;
    let two = Store::open(state.path()).await.unwrap();
    let before = two.change_number().await.unwrap();
    add(&one, &ballerup(), "anna.holm").await;
    assert_eq!(two.change_number().await.unwrap(), before + 1);
    assert!(two.account(&ballerup(), &anna()).await.unwrap().is_some());
    two.verify().await.unwrap();
}

#[tokio::test]
async fn two_programs_that_start_at_once_make_one_schema() {
    let state = tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(Store::open(state.path()), Store::open(state.path()));
    assert_eq!(one.unwrap().change_number().await.unwrap(), 0);
    assert_eq!(two.unwrap().change_number().await.unwrap(), 0);
}

#[tokio::test]
async fn the_history_is_only_ever_added_to() {
    let (store, state) = open().await;
    let legs = vec![Leg {
        territories: vec![Territory::parse("CN").unwrap()],
        from: at(10),
        until: at(20),
    }];
    store.grant_exemption(grant("s", legs), &actor("bente"), at(1)).await.unwrap();
    let pool = raw(state.path()).await;
    for sql in [
        "UPDATE exemption_history SET done_by = 'carl'",
        "DELETE FROM exemption_history",
        "REPLACE INTO exemption_history SELECT sequence, exemption, 'revoked', at, done_by, done_as, reason, NULL, NULL, NULL FROM exemption_history",
    ] {
        let error = sqlx::query(sql).execute(&pool).await.unwrap_err();
        assert!(error.to_string().contains("only ever added to"), "{sql}: {error}");
    }
    let record = &store.exemptions(None).await.unwrap()[0];
    assert_eq!((&*record.history[0].action, &*record.history[0].by.name), ("granted", "bente"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_opens_nothing_and_hides_no_other() {
    let (store, state) = open().await;
    add(&store, &ballerup(), "bo").await;
    add(&store, &ballerup(), "anna.holm").await;
    let legs = || {
        let territories = vec![Territory::parse("CN").unwrap()];
        vec![Leg { territories, from: at(10), until: at(20) }]
    };
    let by = actor("bente");
    let broken = store.grant_exemption(grant("s", legs()), &by, at(1)).await.unwrap();
    let whole = store.grant_exemption(grant("s", legs()), &by, at(2)).await.unwrap();
    let pool = raw(state.path()).await;
    for sql in [
        "UPDATE accounts SET name = 'a:b' WHERE name = 'bo'",
        "UPDATE exemption_legs SET ends = 'later' WHERE exemption = ?",
    ] {
        let query = sqlx::query(sql);
        let query = if sql.contains('?') { query.bind(broken.id.as_str()) } else { query };
        assert_eq!(query.execute(&pool).await.unwrap().rows_affected(), 1);
    }
    assert_eq!(store.accounts().await.unwrap().len(), 1);
    assert_eq!(store.load_exemptions(at(1)).await.unwrap(), [whole]);
    let error = store.exemption(&broken.id).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

/// Anna and Bo each have everything that a gateway reads when something has changed; Anna's comes
/// first in every table.
async fn two_of_everything(store: &Store) -> [ExemptionId; 2] {
    let (mail, by) = (SiteId::parse("mail").unwrap(), actor("bente"));
    let mut ids = Vec::new();
    for (number, subject) in ["anna-id", "bo-id"].into_iter().enumerate() {
        add(store, &ballerup(), subject).await;
        let valid = grant_demanding(subject, Some(Demands::DEVICE));
        let exemption = store.grant_exemption(valid, &by, at(1)).await.unwrap();
        store.make_travel_link(&exemption.id, subject, (5, at(900)), &by, at(2)).await.unwrap();
        let browser = NewBrowser { token_hash: subject, site: &mail, mark: subject, label: "x" };
        store.bind_browser(browser, &exemption.person, at(3)).await.unwrap();
        let grant = NewAddressGrant {
            person: exemption.person.clone(),
            user_name: exemption.user_name.clone(),
            site: mail.clone(),
            exemption: exemption.id.clone(),
            network: format!("192.0.2.{number}/32").parse().unwrap(),
            multi_factor: false,
            device: None,
            ends: at(900),
        };
        store.grant_address(grant, at(4)).await.unwrap();
        let person = Person::new(ballerup(), ProviderId::parse("entra").unwrap(), subject);
        store.end_person(&person, &anna(), "tabt", &by, at(5)).await.unwrap();
        store.end_session(subject, at(900), at(6)).await.unwrap();
        let provider = person.provider().clone();
        let of = LogoutOf::Session(subject.to_owned());
        store.end_provider_sessions(&ProviderLogout { provider, of, at: at(7) }).await.unwrap();
        let (display_name, mail, telephone) = (None, None, None);
        let user_name = UserName::parse(subject).unwrap();
        let last_seen = at(8);
        let known = KnownPerson { person, user_name, display_name, mail, telephone, last_seen };
        store.remember_person(&known).await.unwrap();
        store.renew_shared_keys(at(number as i64 * 90 * 86_400)).await.unwrap();
        ids.push(exemption.id);
    }
    ids.try_into().unwrap()
}

/// Whatever of Anna's a disk has spoilt: Bo's is read, and what ended has ended.
#[tokio::test]
async fn octets_that_are_no_text_end_what_they_may_concern_and_hold_up_nobody_else() {
    let (store, state) = open().await;
    let [_, of_bo] = two_of_everything(&store).await;
    let pool = raw(state.path()).await;
    let mut spoil = pool.acquire().await.unwrap();
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *spoil).await.unwrap();
    sqlx::query("PRAGMA ignore_check_constraints = ON").execute(&mut *spoil).await.unwrap();
    sqlx::query("DROP TRIGGER exemption_history_is_not_changed")
        .execute(&mut *spoil)
        .await
        .unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c
         WHERE t.schema = 'main' AND t.type = 'table' AND c.type = 'TEXT'
           AND t.name NOT IN ('schema_steps', 'meta') AND t.name NOT LIKE 'sqlite%'
         ORDER BY 1, 2",
    )
    .fetch_all(&mut *spoil)
    .await
    .unwrap();
    let person = |subject| Person::new(ballerup(), ProviderId::parse("entra").unwrap(), subject);
    let mut spoilt = 0;
    for (table, column) in columns {
        let first = format!("rowid = (SELECT min(rowid) FROM {table})");
        let kept: Option<(Option<String>,)> =
            sqlx::query_as(AssertSqlSafe(format!("SELECT {column} FROM {table} WHERE {first}")))
                .fetch_optional(&mut *spoil)
                .await
                .unwrap();
        let Some((Some(kept),)) = kept else { continue };
        let set = format!("UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE {first}");
        let write = async |octets: Vec<u8>, spoil: &mut SqliteConnection| {
            let set = sqlx::query(AssertSqlSafe(set.clone())).bind(octets);
            set.execute(spoil).await.unwrap();
        };
        write([kept.as_bytes(), b"\xff"].concat(), &mut spoil).await;
        spoilt += 1;
        let place = format!("{table}.{column}");
        let ends = store.person_ends().await.expect(&place);
        let ended = |person: &Person| {
            ends.clear.iter().any(|(one, _)| one == person)
                || ends.unclear.iter().any(|one| one.may_concern(person))
        };
        assert!(ended(&person("anna-id")) && ended(&person("bo-id")), "{place}");
        let whole = column == "provider" || column == "organization" || column == "subject";
        assert!(whole || !ended(&person("eva-id")), "{place}");
        let sessions = store.ended_sessions().await.expect(&place);
        assert_eq!(sessions.clear.len() + sessions.unclear.len(), 2, "{place}");
        let logouts = store.provider_logouts().await.expect(&place);
        assert_eq!(logouts.clear.len() + logouts.unclear.len(), 2, "{place}");
        assert!(!store.shared_keys().await.expect(&place).is_empty(), "{place}");
        let accounts = store.accounts().await.expect(&place);
        assert!(accounts.iter().any(|account| account.name.as_str() == "bo-id"), "{place}");
        let known = store.known_names().await.expect(&place);
        assert!(known.iter().any(|(_, name)| name.as_str() == "bo-id"), "{place}");
        let effective = store.load_exemptions(at(200)).await.expect(&place);
        assert!(effective.iter().any(|one| one.id == of_bo), "{place}");
        let devices = store.bound_devices().await.expect(&place);
        assert!(devices.iter().any(|device| device.exemption == of_bo), "{place}");
        let grants = store.address_grants(at(200)).await.expect(&place);
        assert!(grants.iter().any(|kept| kept.grant.exemption == of_bo), "{place}");
        store.outbox(1000).await.expect(&place);
        store.note_ends(at(200)).await.expect(&place);
        write(kept.into_bytes(), &mut spoil).await;
    }
    assert!(spoilt > 60, "{spoilt} columns");
    assert_eq!(store.load_exemptions(at(200)).await.unwrap().len(), 2, "all is as it was");
}

#[tokio::test]
async fn a_missing_directory_and_a_directory_in_its_place_are_named() {
    let state = tempfile::tempdir().unwrap();
    let missing = state.path().join("none");
    assert!(
        matches!(refusal(&missing).await, StoreError::DirectoryMissing(path) if path == missing)
    );
    std::fs::create_dir(state.path().join(FILE_NAME)).unwrap();
    assert!(matches!(refusal(state.path()).await, StoreError::NotAFile(_)));
}

#[tokio::test]
async fn rubbish_and_damage_are_refused() {
    for rubbish in [&b"<html>not found</html>\n"[..], &[0xff; 8192], b"SQLite format 3\0 cut"] {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join(FILE_NAME), rubbish).unwrap();
        let error = refusal(state.path()).await;
        assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    }
    let (store, state) = open().await;
    for number in 0..200 {
        add(&store, &ballerup(), &format!("user-{number}")).await;
    }
    store.close().await;
    let path = state.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length - 4096].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let found = match Store::open(state.path()).await {
        Err(error) => error,
        Ok(store) => store.verify().await.unwrap_err(),
    };
    assert!(matches!(found, StoreError::Damaged(_)), "{found:?}");
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let pool = raw(state.path()).await;
    sqlx::query("CREATE TABLE theirs (x)").execute(&pool).await.unwrap();
    pool.close().await;
    assert!(matches!(refusal(state.path()).await, StoreError::Foreign(_)));
}

#[tokio::test]
async fn a_newer_or_differing_schema_is_left_alone() {
    let (store, state) = open().await;
    store.close().await;
    let pool = raw(state.path()).await;
    sqlx::query("INSERT INTO schema_steps VALUES (99, 'x')").execute(&pool).await.unwrap();
    assert!(matches!(refusal(state.path()).await, StoreError::Newer { found: 99, .. }));
    sqlx::query("DELETE FROM schema_steps WHERE number = 99").execute(&pool).await.unwrap();
    Store::open(state.path()).await.unwrap().close().await;
    sqlx::query("UPDATE schema_steps SET checksum = 'x'").execute(&pool).await.unwrap();
    assert!(matches!(refusal(state.path()).await, StoreError::SchemaDiffers { step: 1, .. }));
}

#[tokio::test]
async fn every_sentence_names_the_file_and_a_way_out() {
    let path = Path::new("/var/lib/geovagt/geovagt.sqlite3").to_owned();
    let place = Place::of_file(&path);
    for error in [
        StoreError::DirectoryMissing("/var/lib/geovagt".into()),
        StoreError::NotAFile(path.clone()),
        StoreError::ReadOnly(place.clone()),
        StoreError::Damaged(place.clone()),
        StoreError::Foreign(place.clone()),
        StoreError::Newer { place: place.clone(), found: 2, known: 1 },
        StoreError::SchemaDiffers { place: place.clone(), step: 1 },
        StoreError::Busy(place.clone()),
        StoreError::DiskFull(place.clone()),
        StoreError::Unreachable { place: place.clone(), source: sqlx::Error::PoolClosed },
        StoreError::NoAnswer(place.clone()),
        StoreError::PerhapsKept(place),
    ] {
        let text = error.to_string();
        assert!(text.contains("/var/lib/geovagt"), "{text}");
        assert!(text.contains([';', ',']), "no way out: {text}");
    }
}

#[tokio::test]
async fn a_store_that_another_program_keeps_locked_says_so() {
    let (_store, state) = open().await;
    let impatient = with_greeting(state.path(), "PRAGMA busy_timeout = 0");
    impatient.connections.prepare().await.unwrap();
    let pool = raw(state.path()).await;
    let mut held = pool.acquire().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut *held).await.unwrap();
    let error = impatient.end_session("a", at(1), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy(_)), "{error:?}");
    assert_eq!(impatient.change_number().await.unwrap(), 0);
}

#[tokio::test]
async fn a_change_that_fails_half_way_leaves_nothing() {
    let (store, state) = open().await;
    sqlx::query("CREATE TRIGGER t BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END")
        .execute(&raw(state.path()).await)
        .await
        .unwrap();
    let legs = vec![Leg {
        territories: vec![Territory::parse("CN").unwrap()],
        from: at(10),
        until: at(20),
    }];
    store.grant_exemption(grant("s", legs), &actor("bente"), at(1)).await.unwrap_err();
    assert!(store.exemptions(None).await.unwrap().is_empty());
    assert_eq!(store.change_number().await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_disk_says_so() {
    let (store, state) = open().await;
    store.close().await;
    let full = with_greeting(state.path(), "PRAGMA max_page_count = 1");
    let mut ends = Ok(());
    for number in 0..2000 {
        ends = full.end_session(&format!("{number:0100}"), at(10), at(0)).await;
        if ends.is_err() {
            break;
        }
    }
    assert!(matches!(ends, Err(StoreError::DiskFull(_))), "{ends:?}");
}

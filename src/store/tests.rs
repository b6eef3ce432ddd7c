//! SQLite's own ways: the file, its mode, damage, locks, other programs' databases.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;

use super::connections::Ways;
use super::contract::{actor, add, anna, at, ballerup, grant};
use super::{FILE_NAME, Place, Store, StoreError, contract, sqlite};
use crate::policy::Leg;
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

//! The store on a real PostgreSQL.

use std::net::SocketAddr;

use super::contract::{actor, add, anna, at, ballerup, grant};
use super::server::{PASSWORD, PgBouncer, Postgres};
use super::{PostgresUrl, Store, StoreError, contract};
use crate::policy::Leg;
use crate::territory::Territory;

fn store(url: &str) -> Store {
    let url = PostgresUrl::parse(url, std::path::Path::new("/")).unwrap();
    Store::postgres(&url).unwrap()
}

/// The address of a database, with the password, as if the server stood at `at`.
fn url_at(at: SocketAddr, database: &str) -> String {
    // As the configuration writes `hemmelig/kode@#1`.
    assert_eq!(PASSWORD, "hemmelig/kode@#1");
    format!("postgres://geovagt:hemmelig%2Fkode%40%231@{at}/{database}")
}

fn url(server: &Postgres, database: &str) -> String {
    url_at(server.address, database)
}

fn legs() -> Vec<Leg> {
    vec![Leg { territories: vec![Territory::parse("CN").unwrap()], from: at(10), until: at(20) }]
}

#[tokio::test]
async fn it_holds_the_contract() {
    let server = Postgres::start();
    contract::holds(async || (store(&url(&server, &server.new_database())), ())).await;
}

#[tokio::test]
async fn its_log_index_holds_the_contract() {
    let server = Postgres::start();
    let pooler = PgBouncer::start(server.address);
    let open = async || (store(&url_at(pooler.address, &server.new_database())), ());
    super::log::contract::holds(&open).await;
    super::log::contract_nodes::holds_for_nodes(&open).await;
    super::log::contract_sums::holds_for_sums(&open).await;
}

#[tokio::test]
async fn what_its_log_index_counted_before_is_summed() {
    use super::log::contract_sums::{BEFORE_SUMS, what_was_counted_before_is_summed};
    let server = Postgres::start();
    let database = server.new_database();
    let url = url(&server, &database);
    what_was_counted_before_is_summed(store(&url), async |filled| {
        filled.close().await;
        server.sql(
            &database,
            &super::wording::wording(BEFORE_SUMS, super::wording::Database::Postgres),
        );
        let key = "(organization, mark, entry, kind, folded, family)";
        server.sql(&database, &format!("ALTER TABLE log_marks ADD PRIMARY KEY {key}"));
        store(&url)
    })
    .await;
}

#[tokio::test]
async fn it_holds_the_contract_behind_a_pooler_in_transaction_mode() {
    let server = Postgres::start();
    let pooler = PgBouncer::start(server.address);
    let open = async || (store(&url_at(pooler.address, &server.new_database())), ());
    contract::holds(open).await;
}

#[tokio::test]
async fn two_nodes_that_start_at_once_make_one_schema() {
    let server = Postgres::start();
    let url = url(&server, &server.new_database());
    let (one, two) = (store(&url), store(&url));
    let (first, second) = tokio::join!(one.change_number(), two.change_number());
    assert_eq!((first.unwrap(), second.unwrap()), (0, 0));
}

#[tokio::test]
async fn the_history_is_only_ever_added_to() {
    let server = Postgres::start();
    let database = server.new_database();
    let store = store(&url(&server, &database));
    store.grant_exemption(grant("s", legs()), &actor("bente"), at(1)).await.unwrap();
    for sql in [
        "UPDATE exemption_history SET done_by = 'carl'",
        "DELETE FROM exemption_history",
        "TRUNCATE exemption_history",
        "INSERT INTO exemption_history (sequence, exemption, action, at, done_by) \
         SELECT sequence, exemption, 'revoked', at, 'carl' FROM exemption_history",
    ] {
        assert!(!server.try_sql(&database, sql), "{sql}");
    }
    let record = &store.exemptions(None).await.unwrap()[0];
    assert_eq!((&*record.history[0].action, &*record.history[0].by.name), ("granted", "bente"));
}

#[tokio::test]
async fn another_programs_database_and_another_schema_are_left_alone() {
    let server = Postgres::start();
    let theirs = server.new_database();
    server.sql(&theirs, "CREATE TABLE theirs (x INTEGER)");
    let error = store(&url(&server, &theirs)).change_number().await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign(_)) && !error.is_away(), "{error:?}");
    let ours = server.new_database();
    let url = url(&server, &ours);
    store(&url).change_number().await.unwrap();
    server.sql(&ours, "INSERT INTO schema_steps VALUES (99, 'x')");
    let error = store(&url).change_number().await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }) && !error.is_away(), "{error:?}");
    server.sql(&ours, "DELETE FROM schema_steps WHERE number = 99");
    server.sql(&ours, "UPDATE schema_steps SET checksum = 'x'");
    let error = store(&url).change_number().await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaDiffers { step: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_or_database_and_no_server_are_said_without_the_password() {
    let server = Postgres::start();
    let there = url(&server, "postgres");
    let wrong = there.replace("hemmelig", "hunter2");
    let nowhere = "postgres://geovagt:hunter2@127.0.0.1:1/geovagt";
    let unknown = url(&server, "none");
    for url in [wrong.as_str(), nowhere, unknown.as_str()] {
        let error = store(url).change_number().await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        let said = format!("{error:?} {}", crate::telemetry::chain(&error));
        assert!(!said.contains("hunter2") && !said.contains("hemmelig"), "{said}");
    }
}

#[tokio::test]
async fn after_a_restart_of_the_server_the_next_query_is_answered() {
    let mut server = Postgres::start();
    let store = store(&url(&server, &server.new_database()));
    add(&store, &ballerup(), "anna.holm").await;
    let asked = || store.accounts();
    let (one, two, three) = tokio::join!(asked(), asked(), asked());
    assert!([one, two, three].into_iter().all(|accounts| accounts.unwrap().len() == 1));
    server.stop();
    let error = store.accounts().await.unwrap_err();
    assert!(error.is_away(), "{error:?}");
    server.start_again();
    assert!(store.account(&ballerup(), &anna()).await.unwrap().is_some());
    let mut idle = store.connections.idle_count();
    assert_eq!(idle, 1, "the broken connections are forgotten");
    server.stop();
    server.start_again();
    assert!(store.account(&ballerup(), &anna()).await.unwrap().is_some());
    idle = store.connections.idle_count();
    assert_eq!(idle, 1);
}

#[tokio::test]
async fn changes_of_two_nodes_happen_one_after_another() {
    let server = Postgres::start();
    let url = url(&server, &server.new_database());
    let (one, two) = (store(&url), store(&url));
    let exemption = one.grant_exemption(grant("s", legs()), &actor("bente"), at(1)).await.unwrap();
    let (carl, dorte) = (actor("carl"), actor("dorte"));
    // The second waits for the first, and then sees that there is nothing left to revoke.
    let held = one.begin().await.unwrap();
    let revoking = two.revoke_exemption(&exemption.id, "lost", &dorte, at(2));
    let mut revoking = std::pin::pin!(revoking);
    let early = tokio::time::timeout(std::time::Duration::from_millis(500), &mut revoking).await;
    assert!(early.is_err(), "a change does not overtake another");
    drop(held);
    revoking.await.unwrap();
    let mut at_once = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        let (id, by) = (exemption.id.clone(), carl.clone());
        at_once.spawn(async move { store.revoke_exemption(&id, "lost", &by, at(2)).await.is_ok() });
    }
    assert!(at_once.join_all().await.iter().all(|revoked| !revoked));
    assert_eq!(one.change_number().await.unwrap(), 2);
    assert_eq!(one.outbox(10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn whoever_waits_too_long_for_another_is_told_and_a_dead_nodes_change_is_ended() {
    let server = Postgres::start();
    let url = url(&server, &server.new_database());
    let (dead, alive) = (store(&url), store(&url));
    let mut held = dead.begin().await.unwrap();
    // One that is at work is waited for, and not for ever.
    let at_work = async {
        loop {
            held.rows(sqlx::query("SELECT 1 AS n")).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let error = tokio::select! {
        waited = alive.end_session("a", at(100), at(1)) => waited.unwrap_err(),
        () = at_work => unreachable!("it works on"),
    };
    assert!(matches!(error, StoreError::Busy(_)), "{error:?}");
    // Neither closed nor continued, as of a node that is cut off: ended before anybody waits in vain.
    let held = std::mem::ManuallyDrop::new(held);
    alive.end_session("a", at(100), at(1)).await.unwrap();
    drop(std::mem::ManuallyDrop::into_inner(held));
}

#[tokio::test]
async fn a_change_of_another_node_is_heard() {
    let server = Postgres::start();
    let url = url(&server, &server.new_database());
    let (one, two) = (store(&url), store(&url));
    let mut changes = two.changes().await.unwrap();
    add(&one, &ballerup(), "anna.holm").await;
    tokio::time::timeout(std::time::Duration::from_secs(30), changes.next()).await.unwrap();
    assert!(two.account(&ballerup(), &anna()).await.unwrap().is_some());
    drop(server);
    let ended = tokio::time::timeout(std::time::Duration::from_millis(300), changes.next()).await;
    assert!(ended.is_err(), "a listener that is cut off does not spin");
}

#[tokio::test]
async fn nobody_listens_through_a_pooler() {
    let server = Postgres::start();
    for ignored in ["extra_float_digits", "extra_float_digits, options"] {
        let pooler = PgBouncer::start_ignoring(server.address, ignored);
        let store = store(&url_at(pooler.address, &server.new_database()));
        let hears = store.changes().await.is_ok_and(|changes| changes.hears());
        assert!(!hears, "{ignored}");
        for number in 0..20 {
            add(&store, &ballerup(), &format!("user-{number}")).await;
        }
    }
}

//! What an older store holds comes through the step of the journey whole.

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use super::contract::{actor, at};
use super::{FILE_NAME, Store};
use crate::policy::{ExemptionId, ExemptionState, Phase};

const FIRST_STEP: &str = include_str!("schema/0001_people.sql");

async fn raw(state: &std::path::Path) -> SqlitePool {
    let options =
        SqliteConnectOptions::new().filename(state.join(FILE_NAME)).create_if_missing(true);
    SqlitePool::connect_with(options.foreign_keys(true)).await.unwrap()
}

/// A store as it was before there were applications: one exemption in each state, with history.
async fn older(state: &std::path::Path) {
    let pool = raw(state).await;
    let claim = "PRAGMA application_id = 0x67656f76;
        CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT;";
    sqlx::raw_sql(claim).execute(&pool).await.unwrap();
    sqlx::raw_sql(FIRST_STEP).execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO schema_steps VALUES (1, ?)")
        .bind(hex::encode(Sha256::digest(FIRST_STEP)))
        .execute(&pool)
        .await
        .unwrap();
    for (number, state) in ["awaiting_approval", "granted", "revoked", "closed"].iter().enumerate()
    {
        let id = format!("TE-00000{number}");
        sqlx::query(
            "INSERT INTO exemptions VALUES (?, 'ballerup', 'local', 's', 'anna.holm', 'p', 'c', ?,
                                            ?, 'bente', 'os-bente')",
        )
        .bind(&id)
        .bind(*state)
        .bind(at(0).to_string())
        .execute(&pool)
        .await
        .unwrap();
        sqlx::query("INSERT INTO exemption_legs VALUES (?, 0, 'CN', ?, ?)")
            .bind(&id)
            .bind(at(100).to_string())
            .bind(at(1000).to_string())
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query("INSERT INTO exemption_sites VALUES (?, 'mail')")
            .bind(&id)
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO exemption_history (exemption, action, at, done_by, reason)
             VALUES (?, 'granted', ?, 'bente', 'r')",
        )
        .bind(&id)
        .bind(at(0).to_string())
        .execute(&pool)
        .await
        .unwrap();
    }
    pool.close().await;
}

#[tokio::test]
async fn exemptions_and_their_history_come_through_whole() {
    let state = tempfile::tempdir().unwrap();
    older(state.path()).await;
    let store = Store::open(state.path()).await.unwrap();
    store.verify().await.unwrap();
    let records = store.exemptions(None).await.unwrap();
    let states: Vec<&str> = records.iter().map(|record| record.exemption.state.word()).collect();
    assert_eq!(states, ["awaiting_approval", "granted", "revoked", "closed"]);
    for record in &records {
        assert_eq!(record.exemption.journey(), Some((at(100), at(1000))));
        assert_eq!((record.exemption.sites.len(), record.granted_by.clone()), (1, actor("bente")));
        assert_eq!(record.history[0].reason.as_deref(), Some("r"));
        assert!(record.application.is_none() && record.emergency.is_none());
    }
    let waiting = ExemptionId::new("TE-000000");
    let approved = store.approve_exemption(&waiting, true, &actor("carl"), at(1)).await.unwrap();
    assert_eq!(approved.state, ExemptionState::Granted);
    assert_eq!(approved.phase(at(100)), Phase::Active);
    store.close().await;
    let pool = raw(state.path()).await;
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&pool).await.unwrap();
    assert!(broken.is_empty());
    for sql in [
        "INSERT INTO exemption_sites VALUES ('TE-NONE', 'mail')",
        "UPDATE exemption_history SET done_by = 'carl'",
        "UPDATE exemptions SET state = 'perhaps'",
        "UPDATE exemptions SET state = 'provisional'",
    ] {
        assert!(sqlx::query(sql).execute(&pool).await.is_err(), "{sql}");
    }
}

//! The index on SQLite.

use super::super::Store;
use super::contract;
use super::contract_sums::{self, BEFORE_SUMS};

async fn open() -> (Store, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    (Store::open(state.path()).await.unwrap(), state)
}

#[tokio::test]
async fn it_holds_the_contract() {
    contract::holds(&open).await;
}

#[tokio::test]
async fn its_sums_hold_the_contract() {
    contract_sums::holds_for_sums(&open).await;
}

#[tokio::test]
async fn what_was_counted_before_is_summed() {
    let (store, state) = open().await;
    contract_sums::what_was_counted_before_is_summed(store, async |store| {
        let mut change = store.log().begin().await.unwrap();
        change.lent().execute_step(BEFORE_SUMS.to_owned()).await.unwrap();
        change.commit_quietly().await.unwrap();
        store.close().await;
        Store::open(state.path()).await.unwrap()
    })
    .await;
}

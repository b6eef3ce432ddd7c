//! The index on SQLite.

use super::super::Store;
use super::contract;

async fn open() -> (Store, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    (Store::open(state.path()).await.unwrap(), state)
}

#[tokio::test]
async fn it_holds_the_contract() {
    contract::holds(&open).await;
}

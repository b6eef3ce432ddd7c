//! A reload beside others that put something in effect.

use std::time::Duration;

use super::*;
use crate::app::{Running, start};

pub(in crate::app) async fn running(directory: &std::path::Path) -> Running {
    let root = env!("CARGO_MANIFEST_DIR");
    let file = directory.join("gateway.yaml");
    let text = format!(
        r#"state_directory: state
geoip: {{database: "{root}/geoip/test-country.mmdb", warn_after: 3650d}}
country_lists: {{cfcs: "{root}/config/lists/cfcs.yaml"}}
policies: {{standard: {{list: cfcs}}}}
organizations: {{ballerup: {{name: Ballerup Kommune, policy: standard}}}}
listeners: [{{name: web, bind: ["127.0.0.1:0"]}}]
sites:
  kilden: {{organization: ballerup, hosts: [kilden.example.dk], upstream: {{servers: ["http://127.0.0.1:9"]}}}}
"#
    );
    std::fs::write(&file, text).unwrap();
    let loaded = config::load(&file).unwrap();
    start(loaded, None).await.unwrap()
}

/// Runs a reload for as long as it could need many times over, and says whether it ended.
async fn ends_meanwhile(reload: &mut (impl Future<Output = Reply> + Unpin)) -> bool {
    tokio::time::timeout(Duration::from_millis(500), reload).await.is_ok()
}

#[tokio::test]
async fn a_reload_waits_for_whoever_takes_people_or_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let running = running(directory.path()).await;
    let app = running.app.clone();
    let people = app.state.taking_people.lock().await;
    let mut reload = Box::pin(reload_and_log(&app));
    assert!(!ends_meanwhile(&mut reload).await);
    drop(people);
    let text = "the configuration is in effect; listeners: 1 (before: 1), sites: 1 (before: 1), \
                organisations: 1, policies: 1";
    assert_eq!(reload.await.text, text);
    let database = app.state.taking_database.lock().await;
    let mut reload = Box::pin(reload_and_log(&app));
    assert!(!ends_meanwhile(&mut reload).await);
    drop(database);
    assert!(reload.await.ok);
    running.stop().await;
}

//! What directories tell, from time to time, about those who travel now: the names under which they
//! may come, and whether they are shut out there.
//!
//! Asks nothing while nobody travels, and nothing on a stranger's word.

use std::collections::BTreeSet;
use std::time::Duration;

use super::App;
use crate::clock;
use crate::policy::{Person, Phase};

/// Somebody whose journey began is looked up within this time.
const EVERY: Duration = Duration::from_secs(10);

/// Starts to look.
pub(super) fn spawn(app: &App) {
    let watching = app.clone();
    app.tasks.spawn(async move {
        let stopping = watching.tasks.stopping();
        let looking = async {
            loop {
                tokio::time::sleep(EVERY).await;
                look(&watching).await;
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = looking => {}
        }
    });
}

async fn look(app: &App) {
    let directories = app.authenticator.directories();
    if directories.is_empty() {
        return;
    }
    let now = clock::now();
    let travelling: BTreeSet<Person> = app
        .gateway
        .snapshot()
        .exemptions
        .iter()
        .filter(|exemption| exemption.phase(now) == Phase::Active)
        .map(|exemption| exemption.person.clone())
        .collect();
    directories.look_after(&travelling, now).await;
}

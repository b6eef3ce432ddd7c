//! The lists against what only this machine knows: what the database can tell, and what was
//! announced here before.

use crate::app::{self, Policies};
use crate::clock;
use crate::config::{Finding, Loaded, StoreLocation, lock_findings, settings_findings, visibility};
use crate::geoip::{Database, Requirements};
use crate::policy::Mode;
use crate::store::{FILE_NAME, StoreError};
use crate::telemetry::chain;

/// Whether the database sees every territory on the lists.
pub(super) fn seen_by_the_database(loaded: &Loaded) -> Vec<Finding> {
    let now = clock::now();
    // A database that does not open is another check's finding.
    let Ok(database) = Database::open(&loaded.config.geoip.database, &Requirements::new(now))
    else {
        return Vec::new();
    };
    let lists = loaded.lists.values();
    lists.flat_map(|l| visibility(l, |t| database.sees(t), now, &loaded.sources)).collect()
}

/// Whether there are sites where nobody is rejected: easily forgotten, and nothing else says it.
pub(super) fn that_only_report(loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let only_reports =
        |policy| config.policies.get(policy).map(|p| p.mode) == Some(Mode::ReportOnly);
    let sites: Vec<&str> = config
        .sites
        .values()
        .filter(|site| only_reports(&site.policy))
        .map(|site| site.id.as_str())
        .collect();
    if sites.is_empty() {
        return Vec::new();
    }
    let sites = sites.join(", ");
    let finding = Finding::note(format!("nobody is rejected for their country: {sites}"));
    vec![finding.with_help("`mode: report_only` only counts and lets in; `mode: enforce` rejects")]
}

/// Whether the lists and settings may take effect as they stand, by the announcement lock. Nothing
/// is remembered by having looked.
pub(super) fn announced_in_time(loaded: &Loaded) -> Vec<Finding> {
    let shared = loaded.config.store != StoreLocation::Sqlite;
    if !shared && !loaded.config.state_directory.join(FILE_NAME).exists() {
        return Vec::new();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let inspected = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(inspect(loaded)).map_err(|error| chain(&error)));
    inspected.unwrap_or_else(|problem| {
        let help = if shared {
            "until its store answers, a gateway that starts lets nobody sign in and knows no exemption"
        } else {
            "the gateway does not start without its store; put back a backup of it"
        };
        vec![Finding::error(problem).with_help(help)]
    })
}

async fn inspect(loaded: &Loaded) -> Result<Vec<Finding>, StoreError> {
    let store = app::store::open(&loaded.config).await?;
    let inspection = Policies::inspect(loaded, &store, clock::now()).await;
    store.close().await;
    let inspection = inspection?;
    let locked = inspection.reports.iter().filter_map(|(id, report)| {
        Some(lock_findings(loaded.lists.get(id)?, report, &loaded.sources))
    });
    let waiting = inspection.settings.iter().map(settings_findings);
    Ok(locked.chain(waiting).flatten().collect())
}

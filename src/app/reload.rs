//! The configuration taken anew while the gateway runs: whole, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio::net::UnixListener;
use tokio::sync::Mutex;

use super::policies::Policies;
use super::{App, announcements, snapshot, watch};
use crate::config::{self, Config, Loaded, Provider};
use crate::control::{self, Reply};
use crate::geoip::Database;
use crate::identifier::{OrganizationId, ProviderId};
use crate::{clock, telemetry};

/// What is in effect, beside the snapshot that requests see.
#[derive(Debug)]
pub(crate) struct Current {
    loaded: ArcSwap<Loaded>,
    store_ready: AtomicBool,
    /// One reload at a time.
    reloading: Mutex<()>,
}

impl Current {
    pub(super) fn new(loaded: Loaded) -> Self {
        Self {
            loaded: ArcSwap::from_pointee(loaded),
            store_ready: AtomicBool::new(true),
            reloading: Mutex::new(()),
        }
    }

    pub(super) fn loaded(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    pub(super) fn store_ready(&self) -> bool {
        self.store_ready.load(Ordering::Relaxed)
    }

    pub(super) fn set_store_ready(&self, ready: bool) {
        self.store_ready.store(ready, Ordering::Relaxed);
    }
}

/// Answers `geovagt reload`.
pub(super) fn spawn(app: &App, control: UnixListener) {
    let (tasks, reloading) = (app.tasks.clone(), app.clone());
    app.tasks.spawn(async move {
        control::serve(control, tasks, || reload_and_log(&reloading)).await;
    });
}

/// Reloads, counts it, and says in the log how it went.
pub(super) async fn reload_and_log(app: &App) -> Reply {
    let reply = match reload(app).await {
        Ok(text) => Reply { ok: true, text },
        Err(text) => Reply { ok: false, text },
    };
    let outcome = if reply.ok { "success" } else { "failure" };
    metrics::counter!("geovagt_reloads_total", "outcome" => outcome).increment(1);
    if reply.ok {
        tracing::info!(change = reply.text, "the configuration was taken anew");
    } else {
        tracing::error!(
            error = reply.text,
            "the new configuration is refused; the old one stays in effect"
        );
    }
    reply
}

async fn reload(app: &App) -> Result<String, String> {
    let _one = app.state.reloading.lock().await;
    let before = app.state.loaded();
    let file = before.config.file.clone();
    let loaded = tokio::task::spawn_blocking(move || config::load(&file))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|findings| errors(&findings))?;
    fixed(&before.config, &loaded.config)?;
    let now = clock::now();
    let policies = Policies::resolve(&loaded, &app.store, now)
        .await
        .map_err(|error| telemetry::chain(&error))?;
    let database = database(app, &before, &loaded).await?;
    let exemptions =
        app.store.load_exemptions(now).await.map_err(|error| telemetry::chain(&error))?;
    let doors = app.doors.load(&loaded.config).map_err(|error| telemetry::chain(&error))?;
    app.authenticator
        .reload_with(providers(&loaded.config), now)
        .await
        .map_err(|error| telemetry::chain(&error))?;
    let next = snapshot::snapshot(&loaded, &policies, exemptions, database);
    let changed = describe(&before.config, &loaded.config);
    app.doors.replace(doors);
    app.gateway.replace(|_| next.clone());
    app.state.loaded.store(Arc::new(loaded));
    announcements::policy_loaded(app, &changed);
    Ok(changed)
}

/// The database of the new configuration: the running one where the file is the same.
async fn database(app: &App, before: &Loaded, loaded: &Loaded) -> Result<Arc<Database>, String> {
    let running = Arc::clone(&app.gateway.snapshot().database);
    if before.config.geoip.database == loaded.config.geoip.database {
        return Ok(running);
    }
    let path = loaded.config.geoip.database.clone();
    let requirements = watch::requirements(loaded, clock::now());
    tokio::task::spawn_blocking(move || Database::open(&path, &requirements))
        .await
        .map_err(|error| error.to_string())?
        .map(Arc::new)
        .map_err(|error| telemetry::chain(&error))
}

/// What only a restart can change. Refused rather than half taken.
fn fixed(before: &Config, after: &Config) -> Result<(), String> {
    let mut needs_restart = Vec::new();
    if before.state_directory != after.state_directory || before.store != after.store {
        needs_restart.push("state_directory and store");
    }
    let sockets = |config: &Config| -> Vec<_> {
        config.listeners.iter().map(|l| (l.name.clone(), l.bind.clone(), l.close_denied)).collect()
    };
    if sockets(before) != sockets(after) {
        needs_restart.push("listeners");
    }
    if before.operations != after.operations {
        needs_restart.push("operations");
    }
    if before.audit != after.audit {
        needs_restart.push("audit");
    }
    if before.limits != after.limits || before.threads != after.threads {
        needs_restart.push("limits and threads");
    }
    if needs_restart.is_empty() {
        return Ok(());
    }
    Err(format!(
        "a reload cannot change {}; restart the gateway to take them",
        needs_restart.join(", ")
    ))
}

fn describe(before: &Config, after: &Config) -> String {
    let sites = after.sites.len();
    let was = before.sites.len();
    format!(
        "{sites} sites (before: {was}), {} organisations, {} policies are in effect",
        after.organizations.len(),
        after.policies.len()
    )
}

fn errors(findings: &[config::Finding]) -> String {
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == config::Severity::Error)
        .map(|finding| match &finding.place {
            Some(place) => format!(
                "{}:{}:{}: {}",
                place.file.display(),
                place.line,
                place.column,
                finding.message
            ),
            None => finding.message.clone(),
        })
        .collect();
    errors.join("; ")
}

/// The provider under which each organisation's local accounts are known.
pub(super) fn providers(config: &Config) -> BTreeMap<OrganizationId, ProviderId> {
    let local = |organization: &crate::config::Organization| {
        organization
            .identity_providers
            .iter()
            .find(|id| matches!(config.identity.get(*id), Some(Provider::Local)))
            .cloned()
    };
    config
        .organizations
        .iter()
        .filter_map(|(id, organization)| Some((id.clone(), local(organization)?)))
        .collect()
}

//! The configuration taken anew while the gateway runs: whole, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::net::UnixListener;
use tokio::sync::Mutex;

use super::policies::Policies;
use super::{App, announcements, snapshot, watch};
use crate::config::{self, Config, Loaded, Provider};
use crate::control::{self, Reply};
use crate::geoip::{AsnDatabase, Database, Watch};
use crate::identifier::{OrganizationId, ProviderId};
use crate::{clock, telemetry};

/// What is in effect, beside the snapshot that requests see.
#[derive(Debug)]
pub(crate) struct Current {
    loaded: ArcSwap<Loaded>,
    store_ready: AtomicBool,
    database_watch: ArcSwap<Watch>,
    /// One reload at a time.
    reloading: Mutex<()>,
    /// Held by whoever takes a database, or the people, from before the reading until it is in
    /// effect. Else a reload could put back what it had read before an update or a revocation.
    pub(super) taking_database: Mutex<()>,
    pub(super) taking_people: Mutex<()>,
}

impl Current {
    /// `database_watch` was made before the database was opened.
    pub(super) fn new(loaded: Loaded, database_watch: Watch) -> Self {
        Self {
            loaded: ArcSwap::from_pointee(loaded),
            store_ready: AtomicBool::new(true),
            database_watch: ArcSwap::from_pointee(database_watch),
            reloading: Mutex::new(()),
            taking_database: Mutex::new(()),
            taking_people: Mutex::new(()),
        }
    }

    pub(super) fn database_watch(&self) -> Arc<Watch> {
        self.database_watch.load_full()
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
    let doors = app.doors.load(&loaded.config).map_err(|error| telemetry::chain(&error))?;
    let upstreams = app.gateway.upstreams.prepare(&loaded.config);
    let upstreams = upstreams.map_err(|error| telemetry::chain(&error))?;
    let opened = database(app, &before, &loaded).await?;
    let systems = autonomous_systems(&loaded, now).await?;
    let _database = app.state.taking_database.lock().await;
    let database = match &opened {
        Some((_, database)) => Arc::clone(database),
        None => running_database(app, &loaded)?,
    };
    let people = app.state.taking_people.lock().await;
    let exemptions =
        app.store.load_exemptions(now).await.map_err(|error| telemetry::chain(&error))?;
    app.authenticator
        .reload_with(providers(&loaded.config), now)
        .await
        .map_err(|error| telemetry::chain(&error))?;
    let next = snapshot::snapshot(&loaded, &policies, exemptions, database, systems, &upstreams);
    let changed = describe(&before.config, &loaded.config, &policies);
    app.doors.replace(doors);
    app.gateway.replace(|_| next.clone());
    app.gateway.upstreams.take(&upstreams);
    app.gateway.floods.configure(&loaded.config);
    drop(people);
    let loaded = Arc::new(loaded);
    app.state.loaded.store(Arc::clone(&loaded));
    if let Some((watch, database)) = opened {
        app.state.database_watch.store(Arc::new(watch));
        announcements::database_loaded(&app.audit, &database);
        watch::keep(&loaded, database).await;
    }
    announcements::policy_loaded(app, &changed);
    Ok(changed)
}

/// Read anew at each reload: it is for the log alone, and nothing watches its file.
async fn autonomous_systems(
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Option<Arc<AsnDatabase>>, String> {
    let loaded = loaded.clone();
    tokio::task::spawn_blocking(move || watch::open_autonomous_systems(&loaded, now))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| telemetry::chain(&error))
}

/// The database of the new configuration, unless the file is the same.
async fn database(
    app: &App,
    before: &Loaded,
    loaded: &Loaded,
) -> Result<Option<(Watch, Arc<Database>)>, String> {
    if before.config.geoip.database == loaded.config.geoip.database {
        return running_database(app, loaded).map(|_| None);
    }
    let path = loaded.config.geoip.database.clone();
    let requirements = watch::requirements(loaded, clock::now());
    let open = move || {
        let watch = Watch::new(&path);
        Database::open(&path, &requirements).map(|database| (watch, Arc::new(database)))
    };
    tokio::task::spawn_blocking(open)
        .await
        .map_err(|error| error.to_string())?
        .map(Some)
        .map_err(|error| telemetry::chain(&error))
}

/// The database in use, where it knows what the new lists name.
fn running_database(app: &App, loaded: &Loaded) -> Result<Arc<Database>, String> {
    let running = Arc::clone(&app.gateway.snapshot().database);
    let requirements = watch::requirements(loaded, clock::now());
    requirements.check(&running).map_err(|error| telemetry::chain(&error))?;
    Ok(running)
}

/// What only a restart can change. Refused rather than half taken.
fn fixed(before: &Config, after: &Config) -> Result<(), String> {
    let mut needs_restart = Vec::new();
    if before.state_directory != after.state_directory || before.store != after.store {
        needs_restart.push("state_directory and store");
    }
    let sockets = |config: &Config| -> Vec<_> {
        config.listeners.iter().map(|l| (l.name.clone(), l.bind.clone(), l.denial)).collect()
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

/// What is in effect from now on, and what still waits for its notice.
fn describe(before: &Config, after: &Config, policies: &Policies) -> String {
    let mut text = format!(
        "the configuration is in effect; sites: {} (before: {}), organisations: {}, policies: {}",
        after.sites.len(),
        before.sites.len(),
        after.organizations.len(),
        after.policies.len()
    );
    for wait in policies.waiting() {
        text.push_str("\nbut ");
        text.push_str(&wait);
    }
    text
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

#[cfg(test)]
mod tests;

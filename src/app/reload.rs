//! The configuration taken anew while the gateway runs: whole, or not at all.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::telemetry::Metrics;
use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use tokio::net::UnixListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use super::policies::{Judged, Policies};
use super::store::Standing;
use super::{App, announcements, erasing, hand_over, open_files, snapshot, watch};
use crate::audit;
use crate::config::{self, Config, Loaded, Provider};
use crate::control::{self, Reply};
use crate::geoip::{AsnDatabase, Database, Watch};
use crate::identifier::{OrganizationId, ProviderId};
use crate::identity::{Directories, Providers};
use crate::listen::Inherited;
use crate::service_manager::ServiceManager;
use crate::{clock, telemetry};

/// What is in effect, beside the snapshot that requests see.
#[derive(Debug)]
pub(crate) struct Current {
    state_directory: std::path::PathBuf,
    loaded: ArcSwap<Loaded>,
    handing_over: AtomicBool,
    database_watch: ArcSwap<Watch>,
    systems_watch: ArcSwapOption<Watch>,
    /// Why the file that is configured is not the database in use.
    database_refused: ArcSwapOption<String>,
    /// How delivering notices goes.
    pub(super) notices: crate::notice::deliver::Status,
    /// How keeping heads elsewhere goes.
    pub(super) anchors: super::anchors::Status,
    /// Whether planned reviews of the log are overdue.
    pub(super) reviews: super::reviews::Status,
    pub(super) store: Standing,
    pub(super) outbox: Outbox,
    pub(super) metrics: Option<Metrics>,
    pub(super) manager: ServiceManager,
    /// Another process serves and this one ends.
    pub(super) handed_over: CancellationToken,
    /// Whether this process appends changes from the outbox; held while it does.
    pub(super) outbox_is_ours: Mutex<bool>,
    /// One reload at a time.
    pub(super) reloading: Mutex<()>,
    /// Held by whoever takes a database, or the people, from before the reading until it is in
    /// effect. Else a reload could put back what it had read before an update or a revocation.
    pub(super) taking_database: Mutex<()>,
    pub(super) taking_people: Mutex<()>,
}

impl Current {
    /// The watches were made before the databases were opened.
    pub(super) fn new(
        loaded: Loaded,
        database_watch: Watch,
        systems_watch: Option<Watch>,
        (store, outbox): (Standing, Outbox),
        metrics: Option<Metrics>,
        manager: ServiceManager,
    ) -> Self {
        Self {
            state_directory: loaded.config.state_directory.clone(),
            loaded: ArcSwap::from_pointee(loaded),
            handing_over: AtomicBool::new(false),
            database_watch: ArcSwap::from_pointee(database_watch),
            systems_watch: ArcSwapOption::from_pointee(systems_watch),
            database_refused: ArcSwapOption::empty(),
            notices: crate::notice::deliver::Status::default(),
            anchors: super::anchors::Status::default(),
            reviews: super::reviews::Status::default(),
            store,
            outbox,
            metrics,
            manager,
            handed_over: CancellationToken::new(),
            outbox_is_ours: Mutex::new(true),
            reloading: Mutex::new(()),
            taking_database: Mutex::new(()),
            taking_people: Mutex::new(()),
        }
    }

    pub(super) fn database_watch(&self) -> Arc<Watch> {
        self.database_watch.load_full()
    }

    pub(super) fn systems_watch(&self) -> Option<Arc<Watch>> {
        self.systems_watch.load_full()
    }

    pub(super) fn database_refused(&self) -> Option<Arc<String>> {
        self.database_refused.load_full()
    }

    pub(super) fn set_database_refused(&self, why: Option<String>) {
        self.database_refused.store(why.map(Arc::new));
    }

    /// Where everything of this node is kept; a reload does not change it.
    pub(super) fn state_directory(&self) -> &std::path::Path {
        &self.state_directory
    }

    /// Whether accepting rests because another process is about to serve.
    pub(super) fn is_handing_over(&self) -> bool {
        self.handing_over.load(Ordering::Relaxed)
    }

    pub(super) fn set_handing_over(&self, handing_over: bool) {
        self.handing_over.store(handing_over, Ordering::Relaxed);
    }

    pub(super) fn loaded(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }
}

/// Answers `geovagt reload` and `geovagt serve --take-over`.
pub(super) fn spawn(app: &App, control: UnixListener) {
    app.tasks.spawn(control::serve(control, app.tasks.clone(), Commands(app.clone())));
}

struct Commands(App);

impl control::Requests for Commands {
    async fn reload(&self) -> Reply {
        reload_and_log(&self.0).await
    }

    async fn audit(&self, line: &str) -> Reply {
        erasing::obey(&self.0, line).await
    }

    fn take_over(&self, line: &str, stream: UnixStream) {
        let (app, line) = (self.0.clone(), line.to_owned());
        self.0.tasks.spawn(async move { hand_over::hand_over(&app, &line, stream).await });
    }
}

/// Reloads, counts it, and says in the log how it went.
pub(super) async fn reload_and_log(app: &App) -> Reply {
    app.state.manager.reloading();
    let reply = match reload(app).await {
        Ok(text) => Reply { ok: true, text },
        Err(text) => Reply { ok: false, text },
    };
    let outcome = if reply.ok { "success" } else { "failure" };
    metrics::counter!("geovagt_reloads_total", "outcome" => outcome).increment(1);
    app.state.manager.ready(&match reply.ok {
        true => app.status(),
        false => format!("{}; the last reload was refused", app.status()),
    });
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
    let judged = Judged::judge(&loaded, &app.store, now).await.map_err(in_words)?;
    let policies = judged.policies().map_err(in_words)?;
    let upstreams = app.gateway.upstreams.prepare(&loaded.config).map_err(in_words)?;
    let directories = Directories::prepare(&loaded.config, &app.authenticator.directories());
    let directories = directories.map_err(in_words)?;
    let providers_outside = Providers::prepare(&loaded.config).map_err(in_words)?;
    let opened = database(app, &before, &loaded).await?;
    let systems_watch = loaded.config.geoip.asn.as_deref().map(Watch::new).map(Arc::new);
    let systems = autonomous_systems(&loaded, now).await?;
    let _database = app.state.taking_database.lock().await;
    let database = match &opened {
        Some((_, database)) => Arc::clone(database),
        None => running_database(app, &loaded)?,
    };
    let people = app.state.taking_people.lock().await;
    let exemptions = app.store.load_exemptions(now).await.map_err(in_words)?;
    let accounts = app.authenticator.read(now).await.map_err(in_words)?;
    // Sockets last: from here on new ones take connections that would be lost in a refusal.
    let listening =
        app.listening.prepare(&loaded.config, &mut Inherited::nothing()).map_err(in_words)?;
    judged.remember(&loaded, &app.store, now).await.map_err(in_words)?;
    app.state.store.judged();
    // Nothing can fail any more.
    app.authenticator.take(accounts, providers(&loaded.config), now);
    app.authenticator.take_directories(directories);
    app.authenticator.take_providers(providers_outside);
    let next = snapshot::snapshot(&loaded, policies, exemptions, database, systems, &upstreams);
    let changed = describe(&before.config, &loaded.config, policies);
    app.gateway.replace(|_| next.clone());
    app.gateway.upstreams.take(&upstreams);
    app.gateway.floods.configure(&loaded.config);
    let limits = &loaded.config.limits;
    let (places, share) = (limits.requests_in_flight, limits.requests_per_address);
    app.gateway.limit.resize(places, share);
    app.listening.commit(app, &loaded.config, listening);
    app.audit.change(&audit::Options::from_config(&loaded.config));
    open_files::check(&loaded.config);
    drop(people);
    let loaded = Arc::new(loaded);
    app.state.loaded.store(Arc::clone(&loaded));
    app.state.systems_watch.store(systems_watch);
    if let Some((watch, database)) = opened {
        app.state.database_watch.store(Arc::new(watch));
        app.state.set_database_refused(None);
        announcements::database_loaded(&app.audit, &database);
        watch::keep(&loaded, database).await;
    }
    announcements::policy_loaded(app, &changed);
    Ok(changed)
}

fn in_words(error: impl std::error::Error + 'static) -> String {
    telemetry::chain(&error)
}

/// Read anew at each reload.
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
    let changed = [
        ("state_directory", before.state_directory != after.state_directory),
        ("store", before.store != after.store),
        ("threads", before.threads != after.threads),
    ];
    let needs_restart: Vec<&str> =
        changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect();
    if needs_restart.is_empty() {
        return Ok(());
    }
    Err(format!(
        "a reload cannot change {}, which needs a restart; restart the gateway, or put it back",
        needs_restart.join(", ")
    ))
}

/// What is in effect from now on, and what still waits for its notice.
fn describe(before: &Config, after: &Config, policies: &Policies) -> String {
    let mut text = format!(
        "the configuration is in effect; listeners: {} (before: {}), sites: {} (before: {}), \
         organisations: {}, policies: {}",
        after.listeners.len(),
        before.listeners.len(),
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
            .find(|id| matches!(config.identity.get(*id), Some(Provider::Local(_))))
            .cloned()
    };
    config
        .organizations
        .iter()
        .filter_map(|(id, organization)| Some((id.clone(), local(organization)?)))
        .collect()
}

#[cfg(test)]
pub(super) mod tests;

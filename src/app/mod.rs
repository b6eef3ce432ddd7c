//! The only wiring: opens what is kept, binds what listens, puts the rooms together, runs them.
//!
//! Always holds: nothing listens before everything it needs is open and checked; a reload either
//! takes effect whole or changes nothing.

mod administration;
mod anchors;
mod announcements;
mod certificates;
mod descriptors;
mod directories;
mod ends;
mod erasing;
mod floods;
mod hand_over;
mod log_index;
mod notices;
mod odd_use;
pub mod open_files;
pub mod outbox;
mod policies;
mod readiness;
mod reload;
mod reviews;
mod serve;
mod snapshot;
mod sockets;
mod standing;
pub mod store;
mod view;
mod watch;
mod watchdog;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::store::Standing;
use hand_over::Predecessor;
pub use hand_over::TakeOverError;
use outbox::{Outbox, OutboxError};
use policies::Judged;
pub use policies::{Inspection, Policies, PoliciesError};
pub use view::View;

use crate::audit::{self, Audit};
use crate::config::{Config, Loaded};
use crate::gateway::Gateway;
use crate::gateway::limits::RequestLimit;
use crate::geoip::{DatabaseError, Watch};
use crate::identifier::ListenerId;
use crate::identity::{
    Authenticator, AuthenticatorError, Directories, LdapError, ProviderError, Providers,
};
use crate::lifecycle::{Signals, Tasks};
use crate::listen::{BindError, DoorError, Inherited};
use crate::service_manager::ServiceManager;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::upstream::{PrepareError, Upstreams};
use crate::{clock, control};

/// How long closing the log and the store may take.
const TO_CLOSE: Duration = Duration::from_secs(10);

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state directory.
    #[error("the state directory {} cannot be made; create it and give it to the gateway's user", .0.display())]
    StateDirectory(PathBuf, #[source] std::io::Error),
    /// The store.
    #[error("the store does not open")]
    Store(#[from] StoreError),
    /// The store, of which not even its being there can be seen.
    #[error("the store {} cannot be looked at; run this as the gateway's user", .0.display())]
    StoreUnseen(PathBuf, #[source] std::io::Error),
    /// The way of changes into the log.
    #[error("changes cannot be written into the log")]
    Outbox(#[from] OutboxError),
    /// The log.
    #[error("the audit log does not open")]
    Audit(#[from] audit::OpenError),
    /// The database.
    #[error("the GeoIP database is refused")]
    Database(#[from] DatabaseError),
    /// The lists and settings.
    #[error("the policy cannot take effect")]
    Policies(#[from] PoliciesError),
    /// The accounts.
    #[error("people cannot be identified")]
    Identity(#[from] AuthenticatorError),
    /// A directory.
    #[error("a directory cannot be used")]
    Directory(#[from] LdapError),
    /// How an outside provider is asked.
    #[error("an identity provider cannot be asked")]
    Provider(#[source] ProviderError),
    /// A listener.
    #[error("a listener cannot be opened")]
    Bind(#[from] BindError),
    /// A certificate.
    #[error("a certificate cannot be used")]
    Tls(#[from] DoorError),
    /// The certificates of an upstream.
    #[error(transparent)]
    Upstream(#[from] PrepareError),
    /// The socket for commands.
    #[error(transparent)]
    Control(#[from] control::ControlError),
    /// The signals.
    #[error("the operating system does not hand over signals")]
    Signals(#[source] std::io::Error),
    /// The operations listener.
    #[error("the operations listener {0} cannot be opened")]
    Operations(SocketAddr, #[source] std::io::Error),
    /// The administration's listener.
    #[error("the administration's listener {0} cannot be opened")]
    Admin(SocketAddr, #[source] std::io::Error),
    /// The gateway whose place should be taken.
    #[error(transparent)]
    TakeOver(#[from] TakeOverError),
    /// A thread died.
    #[error("starting was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
    /// A listener's address that overlaps one that this gateway still listens on.
    #[error(
        "{wanted} cannot be opened while this gateway itself listens on {ours}; take {ours} out with one reload and put {wanted} in with the next, or restart"
    )]
    Overlap {
        /// The new one.
        wanted: SocketAddr,
        /// The one that is there.
        ours: SocketAddr,
    },
}

/// What everything that runs beside the requests is given.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: Store,
    pub(crate) audit: Audit,
    pub(crate) authenticator: Authenticator,
    pub(crate) listening: Arc<sockets::Listening>,
    pub(crate) state: Arc<reload::Current>,
    pub(crate) tasks: Tasks,
}

/// A gateway that runs.
#[derive(Debug)]
pub struct Running {
    app: App,
    signals: Signals,
    /// Where each listener listens, port 0 resolved.
    pub addresses: Vec<(ListenerId, SocketAddr)>,
    /// Where the operations pages are.
    pub operations: Vec<SocketAddr>,
    /// Where the administration is.
    pub admin: Vec<SocketAddr>,
}

/// What a gateway finds around it when it starts.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Renders the metrics.
    pub metrics: Option<Metrics>,
    /// Sockets that somebody else has opened already.
    pub inherited: Inherited,
    /// Who wants to know how it is.
    pub manager: ServiceManager,
    /// Takes the place of the gateway that runs, if one does.
    pub take_over: bool,
}

/// Opens everything and starts to serve.
///
/// # Errors
/// [`StartError`]: nothing listens then.
pub async fn start(loaded: Loaded, metrics: Option<Metrics>) -> Result<Running, StartError> {
    start_with(loaded, Surroundings { metrics, ..Surroundings::default() }).await
}

/// The same, with what is there already.
///
/// # Errors
/// [`StartError`]: nothing is served then, and a gateway that ran before goes on.
pub async fn start_with(loaded: Loaded, surroundings: Surroundings) -> Result<Running, StartError> {
    // First of all: a reload that is asked for while everything opens must not end the process.
    let signals = Signals::listen().map_err(StartError::Signals)?;
    let Surroundings { metrics, mut inherited, manager, take_over } = surroundings;
    let now = clock::now();
    let tasks = Tasks::new();
    let config = &loaded.config;
    for finding in &loaded.findings {
        tracing::warn!(finding = %finding.message, "the configuration has a finding");
    }
    make_private(&config.state_directory)?;
    let predecessor =
        if take_over { find_predecessor(config, &mut inherited).await? } else { None };
    let store = store::open(config).await?;
    let absence = store::absence(&store).await?;
    // The log of a gateway that runs can be had only when everything else is ready.
    let log = match predecessor {
        None => Some(open_log(config, &tasks)?),
        Some(_) => None,
    };
    let judged = match absence {
        None => Judged::judge(&loaded, &store, now).await?,
        Some(_) => Judged::without_memory(&loaded, now),
    };
    let policies = judged.policies()?;
    let database_watch = Watch::new(&config.geoip.database);
    let (database, refused) = watch::open_database(&loaded, now)?;
    let database = Arc::new(database);
    let exemptions = match absence {
        None => store.load_exemptions(now).await?,
        Some(_) => Vec::new(),
    };
    let systems_watch = config.geoip.asn.as_deref().map(Watch::new);
    let systems = watch::open_autonomous_systems(&loaded, now)?;
    let upstreams = Upstreams::new(tasks.clone());
    let prepared = upstreams.prepare(config)?;
    let database_now = Arc::clone(&database);
    let snapshot =
        snapshot::snapshot(&loaded, policies, exemptions, database_now, systems, &prepared);
    let (directory, providers) = (&config.state_directory, reload::providers(config));
    let authenticator = match absence {
        None => Authenticator::open(&store, providers, now).await?,
        Some(_) => Authenticator::without_people(&store, providers),
    };
    authenticator.take_directories(Directories::prepare(config, &Directories::default())?);
    authenticator.take_providers(Providers::prepare(config).map_err(StartError::Provider)?);
    let outbox = Outbox::open(directory, &audit::Options::from_config(config).directory)?;
    open_files::check(config);
    let listening = Arc::new(sockets::Listening::new(config));
    let sockets = listening.prepare(config, &mut inherited)?;
    for address in inherited.left() {
        tracing::warn!(%address, "a socket that was passed to the gateway fits no listener and is closed");
    }
    drop(inherited);
    let (predecessor, audit) = match (predecessor, log) {
        (Some(predecessor), _) => {
            let predecessor = release(predecessor).await?;
            (Some(predecessor), open_log(config, &tasks)?)
        }
        (None, Some(log)) => (None, log),
        (None, None) => (None, open_log(config, &tasks)?),
    };
    if absence.is_none() {
        judged.remember(&loaded, &store, now).await?;
    }
    let control = control::listen(&config.state_directory)?;
    let gateway = Arc::new(Gateway::new(
        snapshot,
        audit.clone(),
        authenticator.clone(),
        upstreams,
        RequestLimit::new(config.limits.requests_in_flight, config.limits.requests_per_address),
        tasks.clone(),
    ));
    gateway.upstreams.take(&prepared);
    let standing = (Standing::at_start(absence.as_ref(), now), outbox);
    let current = reload::Current::new(
        loaded,
        database_watch,
        systems_watch,
        standing,
        metrics.clone(),
        manager,
    );
    current.set_database_refused(refused);
    let state = Arc::new(current);
    let app = App { gateway, store, audit, authenticator, listening, state, tasks };
    app.gateway.floods.configure(&app.gateway.snapshot().config);
    announcements::started(&app);
    app.listening.commit(&app, &app.state.loaded().config, sockets);
    if let Some(predecessor) = predecessor {
        predecessor.serving(&app);
    }
    watch::spawn(&app, metrics);
    ends::spawn(&app);
    notices::spawn(&app);
    reviews::spawn(&app);
    odd_use::spawn(&app);
    log_index::spawn(&app);
    erasing::spawn(&app);
    anchors::spawn(&app);
    floods::spawn(&app);
    directories::spawn(&app);
    watchdog::spawn(&app);
    standing::spawn(&app);
    reload::spawn(&app, control);
    let (addresses, operations) = (app.listening.addresses(), app.listening.operations());
    let admin = app.listening.admin();
    Ok(Running { app, signals, addresses, operations, admin })
}

fn open_log(config: &Config, tasks: &Tasks) -> Result<Audit, StartError> {
    let (audit, opened) = Audit::open(audit::Options::from_config(config), tasks)?;
    log_opened(&opened);
    Ok(audit)
}

async fn find_predecessor(
    config: &Config,
    inherited: &mut Inherited,
) -> Result<Option<Predecessor>, StartError> {
    let directory = config.state_directory.clone();
    let found = tokio::task::spawn_blocking(move || Predecessor::find(&directory)).await;
    let Some((predecessor, sockets)) = found.map_err(StartError::Interrupted)?? else {
        tracing::info!("no gateway runs here: there is no place to take");
        return Ok(None);
    };
    *inherited = sockets;
    Ok(Some(predecessor))
}

async fn release(predecessor: Predecessor) -> Result<Predecessor, StartError> {
    let releasing = move || predecessor.release().map(|()| predecessor);
    let released = tokio::task::spawn_blocking(releasing).await;
    Ok(released.map_err(StartError::Interrupted)??)
}

impl App {
    /// One sentence for whoever asks the service manager.
    fn status(&self) -> String {
        let config = &self.state.loaded().config;
        let (sites, listeners) = (config.sites.len(), config.listeners.len());
        format!("Serving {sites} sites on {listeners} listeners")
    }
}

impl Running {
    /// Where the listener of this name listens.
    #[must_use]
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        let found = self.addresses.iter().find(|(name, _)| name.as_str() == listener);
        found.map(|(_, address)| *address)
    }

    /// Says where it listens, serves until a signal says to stop or another process has taken its
    /// place, and ends in two stages: first nothing new begins and what runs may finish; then, after
    /// the grace or at a second signal, what is left is cut.
    pub async fn until_stopped(mut self) {
        self.announce();
        let app = &self.app;
        let cause = tokio::select! {
            signal = self.signals.stop(|| reload::reload_and_log(app)) => signal,
            () = app.state.handed_over.cancelled() => "take-over",
        };
        tracing::info!(
            signal = cause,
            "stopping; open exchanges may finish; a second signal cuts them"
        );
        self.stop().await;
    }

    /// Says where it listens, and that it is ready.
    pub fn announce(&self) {
        for (listener, address) in &self.addresses {
            tracing::info!(listener = listener.as_str(), %address, "listening");
        }
        for address in &self.operations {
            tracing::info!(listener = "operations", %address, "listening");
        }
        for address in &self.admin {
            tracing::info!(listener = "admin", %address, "listening");
        }
        self.app.state.manager.ready(&self.app.status());
        tracing::info!("ready");
    }

    /// Ends in two stages and closes what is kept.
    pub async fn stop(self) {
        let Self { app, mut signals, .. } = self;
        let patience = app.state.loaded().config.limits.drain_timeout;
        app.state.manager.stopping(patience + TO_CLOSE);
        app.tasks.stop();
        app.listening.close();
        let impatient = tokio::select! {
            () = app.tasks.finished() => None,
            () = tokio::time::sleep(patience) => Some("the grace is over"),
            signal = signals.stop(|| async {}) => Some(signal),
            () = watch::people_to_the_end(&app) => None,
        };
        if let Some(cause) = impatient {
            tracing::warn!(cause, left = app.tasks.count(), "what is left is cut");
            app.tasks.abort();
            app.tasks.finished().await;
        }
        if !app.state.handed_over.is_cancelled() {
            announcements::stopped(&app).await;
        }
        app.audit.close().await;
        app.store.close().await;
        tracing::info!("stopped");
    }
}

fn make_private(directory: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| StartError::StateDirectory(directory.to_owned(), error))
}

fn log_opened(opened: &audit::Opened) {
    for sentence in &opened.recovered {
        tracing::warn!(what = sentence, "the audit log was not closed cleanly and was recovered");
    }
    for sentence in &opened.damaged {
        tracing::error!(
            what = sentence,
            "the audit log is damaged; look at it with `geovagt audit verify`"
        );
    }
}

//! What changes while the gateway runs, looked at from outside the requests: the store, the
//! database file, certificates, and the outbox of the log.
//!
//! Looking again and again rather than waiting to be told: it survives renames, other machines'
//! file systems and missed events, and a look costs nearly nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{App, announcements, certificates, snapshot, store};
use crate::clock;
use crate::config::{Config, Loaded};
use crate::geoip::{self, AsnDatabase, Database, DatabaseError, Look, Requirements};
use crate::listen::{Door, Reloaded};
use crate::policy::CountryList;
use crate::store::StoreError;
use crate::telemetry::Metrics;
use crate::territory::Territory;

/// A new file is seen within this time and a little more.
const FILES_EVERY: Duration = Duration::from_secs(1);
/// The observations of so long are kept singly.
const METRICS_EVERY: Duration = Duration::from_secs(5);

/// Opens the database that the configuration names, or the last good one. It has to know the
/// countries on the lists. With it comes why the one that is named was refused.
pub(super) fn open_database(
    loaded: &Loaded,
    now: Timestamp,
) -> Result<(Database, Option<String>), DatabaseError> {
    let config = &loaded.config;
    let requirements = requirements(loaded, now);
    let opened =
        geoip::open_or_last_good(&config.geoip.database, &config.state_directory, &requirements)?;
    if let Some(error) = &opened.instead_of {
        refused(error, "the GeoIP database is refused; the last good one is used");
    }
    taken(config, &opened.database);
    Ok((opened.database, opened.instead_of.map(|error| crate::telemetry::chain(&error))))
}

/// Opens the database of autonomous systems, where the configuration names one.
pub(super) fn open_autonomous_systems(
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Option<Arc<AsnDatabase>>, DatabaseError> {
    let path = loaded.config.geoip.asn.as_ref();
    path.map(|path| AsnDatabase::open(path, now).map(Arc::new)).transpose()
}

/// What a database has to hold to be of use for these lists.
pub(super) fn requirements(loaded: &Loaded, now: Timestamp) -> Requirements {
    let territories = loaded
        .lists
        .values()
        .flat_map(|list| list.versions())
        .flat_map(|version| version.territories.to_vec());
    Requirements::new(now).knowing(territories).telling(alone(loaded, now))
}

/// The subdivisions that stand on a list, now or later, without their country.
fn alone(loaded: &Loaded, now: Timestamp) -> Vec<Territory> {
    let to_come = |list: &CountryList| -> Vec<Territory> {
        let in_force = list.in_force(now).map_or(Timestamp::MIN, |v| v.effective_from);
        let versions = list.versions().iter().filter(|v| v.effective_from >= in_force);
        versions
            .flat_map(|version| {
                let on_it = &version.territories;
                let country = |part: &Territory| Territory::country_of(part.country());
                let is_alone =
                    move |part: &Territory| *part != country(part) && !on_it.names(country(part));
                on_it.to_vec().into_iter().filter(is_alone)
            })
            .collect()
    };
    loaded.lists.values().flat_map(|list| to_come(list)).collect()
}

/// Starts the watchers.
pub(super) fn spawn(app: &App, metrics: Option<Metrics>) {
    let (store_app, files_app) = (app.clone(), app.clone());
    app.tasks.spawn(async move { store::watch(&store_app).await });
    app.tasks.spawn(async move { watch_files(&files_app).await });
    if let Some(metrics) = metrics {
        let stopping = app.tasks.stopping();
        app.tasks.spawn(async move { keep_metrics_small(&metrics, &stopping).await });
    }
}

/// Observations wait in memory until somebody asks for the metrics, or for this.
async fn keep_metrics_small(metrics: &Metrics, stopping: &CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(METRICS_EVERY) => metrics.run_upkeep(),
            () = stopping.cancelled() => return,
        }
    }
}

/// Goes on taking people while the gateway ends: who loses an exemption meanwhile loses what is
/// still open. Never returns.
pub(super) async fn people_to_the_end(app: &App) {
    let mut seen = app.store.change_number().await.ok();
    loop {
        tokio::time::sleep(store::EVERY).await;
        let number = app.store.change_number().await.ok();
        if number != seen && take_people(app, clock::now()).await.is_ok() {
            seen = number;
        }
    }
}

/// Takes exemptions and accounts anew from the store.
pub(super) async fn take_people(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let _taking = app.state.taking_people.lock().await;
    let exemptions = app.store.load_exemptions(now).await?;
    app.authenticator.reload(now).await?;
    app.gateway.replace(|current| {
        let exemptions = Arc::new(snapshot::arrange(&current.config, exemptions.clone()));
        crate::gateway::Snapshot { exemptions, ..current.clone() }
    });
    metrics::gauge!("geovagt_exemptions").set(exemptions.len() as f64);
    Ok(())
}

async fn watch_files(app: &App) {
    let stopping = app.tasks.stopping();
    let mut said = certificates::Said::default();
    said.tell(&app.listening.doors(), clock::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(FILES_EVERY) => {}
            () = stopping.cancelled() => return,
        }
        let doors = app.listening.doors();
        if tokio::task::spawn_blocking(move || reload_certificates(&doors)).await.is_err() {
            tracing::error!("looking at the certificates failed; the old ones go on serving");
        }
        said.tell(&app.listening.doors(), clock::now());
        look_at_database(app).await;
        look_at_systems(app).await;
    }
}

/// Takes certificates anew whose files have changed; a bad one leaves the old one serving.
fn reload_certificates(doors: &[Arc<Door>]) {
    for door in doors {
        match door.reload_certificates() {
            Ok(Reloaded::Unchanged) => {}
            Ok(Reloaded::Replaced) => {
                tracing::info!(listener = door.name().as_str(), "new certificates are in use");
            }
            Err(error) => tracing::error!(
                listener = door.name().as_str(),
                error = crate::telemetry::chain(&error),
                "the new certificates are refused; the old ones go on serving"
            ),
        }
    }
}

/// A new database takes the place of the running one, unless it is refused: then the old one goes
/// on serving.
async fn look_at_database(app: &App) {
    // A reload waits meanwhile: it could name another file, or lists that this one does not know.
    let _taking = app.state.taking_database.lock().await;
    let (loaded, watch) = (app.state.loaded(), app.state.database_watch());
    let running = Arc::clone(&app.gateway.snapshot().database);
    let requirements = requirements(&loaded, clock::now());
    let look = move || watch.look(&running, &requirements);
    match tokio::task::spawn_blocking(look).await {
        Ok(Look::Unchanged) => {}
        Ok(Look::Running) => app.state.set_database_refused(None),
        Ok(Look::New(database)) => {
            app.state.set_database_refused(None);
            use_database(app, &loaded, Arc::new(*database)).await;
        }
        Ok(Look::Refused(error)) => {
            refused(&error, REFUSED);
            app.state.set_database_refused(Some(crate::telemetry::chain(&error)));
        }
        Err(error) => refused(&error, REFUSED),
    }
}

/// The same for the database of autonomous systems, which goes to the log alone.
async fn look_at_systems(app: &App) {
    let _taking = app.state.taking_database.lock().await;
    let Some(watch) = app.state.systems_watch() else { return };
    let loaded = app.state.loaded();
    let look = move || watch.changed().then(|| open_autonomous_systems(&loaded, clock::now()));
    match tokio::task::spawn_blocking(look).await {
        Ok(None) => {}
        Ok(Some(Ok(systems))) => {
            app.gateway.replace(|current| crate::gateway::Snapshot {
                autonomous_systems: systems.clone(),
                ..current.clone()
            });
            tracing::info!("a new database of autonomous systems is in use");
        }
        Ok(Some(Err(error))) => refused(&error, SYSTEMS_REFUSED),
        Err(error) => refused(&error, SYSTEMS_REFUSED),
    }
}

const SYSTEMS_REFUSED: &str =
    "the new database of autonomous systems is refused; the old one goes on serving";

async fn use_database(app: &App, loaded: &Arc<Loaded>, database: Arc<Database>) {
    app.gateway.replace(|current| crate::gateway::Snapshot {
        database: Arc::clone(&database),
        ..current.clone()
    });
    tracing::info!(built = %database.info().built, "a new GeoIP database is in use");
    announcements::database_loaded(&app.audit, &database);
    keep(loaded, database).await;
}

/// What follows once a database is in use, off the threads that serve.
pub(super) async fn keep(loaded: &Arc<Loaded>, database: Arc<Database>) {
    let loaded = Arc::clone(loaded);
    let keeping = tokio::task::spawn_blocking(move || taken(&loaded.config, &database));
    if keeping.await.is_err() {
        tracing::warn!("no copy of the GeoIP database was kept");
    }
}

const REFUSED: &str = "the new GeoIP database is refused; the old one goes on serving";

fn refused(error: &(dyn std::error::Error + 'static), consequence: &str) {
    metrics::counter!("geovagt_geoip_load_failures_total").increment(1);
    tracing::error!(error = crate::telemetry::chain(error), "{consequence}");
}

/// What follows once a database is in use: metrics, a warning about its age, the copy to fall back
/// on.
fn taken(config: &Config, database: &Database) {
    metrics::gauge!("geovagt_geoip_build_timestamp_seconds")
        .set(database.info().built.as_second() as f64);
    let age = database.age(clock::now());
    if age > config.geoip.warn_after {
        tracing::warn!(
            days = age.as_secs() / 86_400,
            "the GeoIP database is old; replace the file with a new one"
        );
    }
    if let Err(error) = geoip::store_last_good(database, &config.state_directory) {
        tracing::warn!(
            error = crate::telemetry::chain(&error),
            "no copy of the GeoIP database was kept"
        );
    }
}

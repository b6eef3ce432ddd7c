//! How the parts are, for `/readyz`: a gateway that would reject everybody must not look healthy.

use super::{App, anchors, certificates, log_index, notices, reviews};
use crate::clock;
use crate::operations::{Part, Readiness};
use crate::oversight::{UpstreamServer, UpstreamStanding};
use crate::policy::Mode;

/// Under so many percent of the disk it is said that there is little room.
const LITTLE_ROOM: u64 = 10;

/// Asks each part when somebody asks.
pub(super) fn readiness(app: &App) -> Readiness {
    let app = app.clone();
    std::sync::Arc::new(move || {
        let parts = [policy(&app), database(&app), audit(&app), store(&app), log_index::part(&app)];
        let others = certificates(&app)
            .into_iter()
            .chain(refused_certificates(&app))
            .chain(disk(&app))
            .chain(upstreams(&app))
            .chain(directory(&app))
            .chain(notices::part(&app))
            .chain(reviews::part(&app))
            .chain(anchors::part(&app));
        parts.into_iter().chain(others).collect()
    })
}

fn policy(app: &App) -> Part {
    let snapshot = app.gateway.snapshot();
    let now = clock::now();
    let without: Vec<&str> = snapshot
        .sites
        .all()
        .iter()
        .filter(|site| site.policy().list_version(now).is_none())
        .map(|site| site.site.id.as_str())
        .collect();
    let mut detail = match (snapshot.sites.all().len(), without.as_slice()) {
        (0, _) => "no site is configured".to_owned(),
        (sites, []) => format!("{sites} sites, each with a list in force"),
        (_, sites) => format!("no list is in force yet for {}", sites.join(", ")),
    };
    let reporting: Vec<&str> = snapshot
        .sites
        .all()
        .iter()
        .filter(|site| site.policy().mode(now) == Mode::ReportOnly)
        .map(|site| site.site.id.as_str())
        .collect();
    if !reporting.is_empty() {
        let sites = reporting.join(", ");
        detail.push_str(&format!(
            "; `report_only`, so nobody is rejected for their country: {sites}"
        ));
    }
    let ready = !snapshot.sites.all().is_empty();
    let warning = !without.is_empty() || !reporting.is_empty();
    Part { name: "policy", ready, warning, detail }
}

fn database(app: &App) -> Part {
    let database = &app.gateway.snapshot().database;
    let age = clock::now().duration_since(database.info().built).as_hours() / 24;
    let built = database.info().built.strftime("%Y-%m-%d");
    let mut detail = format!("built {built}, {age} days ago");
    let refused = app.state.database_refused();
    if let Some(why) = &refused {
        detail.push_str("; a newer file is refused: ");
        detail.push_str(why);
    }
    let old = database.age(clock::now()) > app.state.loaded().config.geoip.warn_after;
    Part { name: "database", ready: true, warning: refused.is_some() || old, detail }
}

/// Where TLS is spoken. An expired certificate is served on: without one nobody could connect at all.
fn certificates(app: &App) -> Option<Part> {
    let now = clock::now();
    let all = certificates::all(&app.listening.doors(), now);
    let first = all.iter().filter_map(|c| c.not_after).min();
    let warnings: Vec<String> = all.iter().filter_map(|c| c.warning(now)).collect();
    let detail = match (warnings.as_slice(), first) {
        ([], Some(first)) => format!("valid, the first until {}", first.strftime("%Y-%m-%d")),
        ([], None) => "valid".to_owned(),
        (warnings, _) => warnings.join("; "),
    };
    let warning = !warnings.is_empty();
    (!all.is_empty()).then_some(Part { name: "certificates", ready: true, warning, detail })
}

/// Where files have been put in place that cannot be served: those from before are, until they end or
/// somebody starts the gateway anew.
fn refused_certificates(app: &App) -> Option<Part> {
    let of = |door: &std::sync::Arc<crate::listen::Door>| {
        door.certificates_refused().map(|why| format!("{}: {why}", door.name()))
    };
    let refused: Vec<String> = app.listening.doors().iter().filter_map(of).collect();
    let detail = format!(
        "the new files are refused and the old ones served; a gateway that starts now would not: {}",
        refused.join("; ")
    );
    let part = Part { name: "certificate_files", ready: true, warning: true, detail };
    (!refused.is_empty()).then_some(part)
}

/// How much room there is for the log: without any, nobody is let in whose entry could not be kept.
fn disk(app: &App) -> Option<Part> {
    let directory = app.audit.directory();
    let found = rustix::fs::statvfs(directory).ok()?;
    let free = found.f_bavail.saturating_mul(100).checked_div(found.f_blocks)?;
    let mebibytes = found.f_bavail.saturating_mul(found.f_frsize) >> 20;
    let at = directory.display();
    let detail = format!("{free} % of the disk of {at} is free, {mebibytes} MiB");
    Some(Part { name: "disk", ready: true, warning: free < LITTLE_ROOM, detail })
}

/// The servers behind the sites. One that is out is a warning: the gateway does its work, and another
/// gateway would meet the same server.
fn upstreams(app: &App) -> Option<Part> {
    let snapshot = app.gateway.snapshot();
    let all: Vec<_> = snapshot.sites.all().iter().flat_map(|s| s.servers.standing()).collect();
    let out = |server: &UpstreamServer| match server.standing {
        UpstreamStanding::In | UpstreamStanding::Draining => None,
        UpstreamStanding::Ejected => Some(format!("{}: {} fails", server.site, server.server)),
        UpstreamStanding::Down => {
            Some(format!("{}: {} fails its health checks", server.site, server.server))
        }
    };
    let out: Vec<String> = all.iter().filter_map(out).collect();
    let warning = !out.is_empty();
    let detail = match (warning, all.len()) {
        (false, 1) => "1 server, not out".to_owned(),
        (false, servers) => format!("{servers} servers, none out"),
        (true, servers) => format!("{} of {servers} servers out: {}", out.len(), out.join("; ")),
    };
    (!all.is_empty()).then_some(Part { name: "upstreams", ready: true, warning, detail })
}

/// Where people of a directory sign in. One that is away rejects them and nobody else.
fn directory(app: &App) -> Option<Part> {
    let directories = app.authenticator.directories();
    let told: Vec<(String, bool)> = directories
        .health()
        .map(|(provider, health)| {
            let answered = match health.answered {
                Some(at) => format!("answered last at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
                None => "was not asked yet".to_owned(),
            };
            match health.failed {
                Some(why) => (format!("{provider} does not answer: {why}; {answered}"), true),
                None => (format!("{provider} {answered}"), false),
            }
        })
        .collect();
    let warning = told.iter().any(|(_, failed)| *failed);
    let detail = told.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("; ");
    (!told.is_empty()).then_some(Part { name: "directory", ready: true, warning, detail })
}

fn audit(app: &App) -> Part {
    let health = app.audit.health();
    let detail = match (&health.error, health.damaged.as_slice()) {
        (Some(error), _) => error.clone(),
        (None, []) => format!("{} entries wait, {} lost", health.waiting, health.lost),
        (None, damaged) => format!("damaged: {}", damaged.join("; ")),
    };
    Part { name: "audit", ready: health.writing, warning: !health.damaged.is_empty(), detail }
}

/// One that others share may be away without harm to the traffic: taking every node out of service
/// then would do more.
fn store(app: &App) -> Part {
    let (mut detail, mut warning) = app.state.store.in_words();
    let unclear = app.authenticator.unclear_ends();
    if unclear > 0 {
        warning = true;
        detail.push_str(&format!(
            "; {unclear} rows that end something cannot be read, and whatever they may be about has ended: see the log"
        ));
    }
    let ready = app.store.is_shared() || !app.state.store.is_away();
    Part { name: "store", ready, warning, detail }
}

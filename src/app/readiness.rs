//! How the parts are, for `/readyz`: a gateway that would reject everybody must not look healthy.

use super::App;
use crate::clock;
use crate::operations::{Part, Readiness};

/// Asks each part when somebody asks.
pub(super) fn readiness(app: &App) -> Readiness {
    let app = app.clone();
    std::sync::Arc::new(move || vec![policy(&app), database(&app), audit(&app), store(&app)])
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
    let detail = match (snapshot.sites.all().len(), without.as_slice()) {
        (0, _) => "no site is configured".to_owned(),
        (sites, []) => format!("{sites} sites, each with a list in force"),
        (_, sites) => format!("no list is in force yet for {}", sites.join(", ")),
    };
    Part { name: "policy", ready: !snapshot.sites.all().is_empty(), detail }
}

fn database(app: &App) -> Part {
    let database = &app.gateway.snapshot().database;
    let age = clock::now().duration_since(database.info().built).as_hours() / 24;
    Part {
        name: "database",
        ready: true,
        detail: format!("built {}, {age} days ago", database.info().built.strftime("%Y-%m-%d")),
    }
}

fn audit(app: &App) -> Part {
    let health = app.audit.health();
    let detail = match (&health.error, health.damaged.as_slice()) {
        (Some(error), _) => error.clone(),
        (None, []) => format!("{} entries wait, {} lost", health.waiting, health.lost),
        (None, damaged) => format!("damaged: {}", damaged.join("; ")),
    };
    Part { name: "audit", ready: health.writing, detail }
}

fn store(app: &App) -> Part {
    let ready = app.state.store_ready();
    let detail = if ready { "answers" } else { "does not answer; the last snapshot is in use" };
    Part { name: "store", ready, detail: detail.to_owned() }
}

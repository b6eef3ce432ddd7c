//! What the administration is given of the gateway that runs.

use std::sync::Arc;

use super::{App, readiness};
use crate::admin::{Admin, InEffect};
use crate::config::Loaded;
use crate::geoip::Database;
use crate::operations::{Part, Readiness};
use crate::policy::Exemptions;

/// The administration of this gateway.
pub(super) fn administration(app: &App) -> Admin {
    let in_effect = Running { app: app.clone(), readiness: readiness::readiness(app) };
    let (store, audit) = (app.store.clone(), app.audit.clone());
    Admin::new(store, audit, app.authenticator.clone(), Box::new(in_effect))
}

struct Running {
    app: App,
    readiness: Readiness,
}

impl InEffect for Running {
    fn loaded(&self) -> Arc<Loaded> {
        self.app.state.loaded()
    }

    fn database(&self) -> Arc<Database> {
        Arc::clone(&self.app.gateway.snapshot().database)
    }

    fn exemptions(&self) -> Arc<Exemptions> {
        Arc::clone(&self.app.gateway.snapshot().exemptions)
    }

    fn parts(&self) -> Vec<Part> {
        (self.readiness)()
    }
}

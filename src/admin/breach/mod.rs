//! The breach file: what happened when and to whom, the 72 hours, notes, and the evidence.
//!
//! Security keeps the files; the data protection officer reads them. Always holds: reading one is an
//! entry in the log; notes are only added to; the clock counts hours from the discovery.

mod actions;
mod api;
mod evidence;
mod pages;
pub(crate) mod words;

pub(super) use api::Documentation;

use super::review::{REVIEWER, WATCHER};
use super::{Right, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    let (reviewer, watcher) = (Right::Roles(REVIEWER), Right::Roles(WATCHER));
    routes
        .get("/breach", watcher, pages::list)
        .post("/breach", reviewer, pages::open)
        .get("/breach/{id}", watcher, pages::one)
        .post("/breach/{id}", reviewer, pages::change)
        .post("/breach/{id}/evidence", reviewer, pages::export)
        .get("/api/v1/breaches", watcher, api::list)
        .post("/api/v1/breaches", reviewer, api::open)
        .get("/api/v1/breaches/{id}", watcher, api::one)
        .patch("/api/v1/breaches/{id}", reviewer, api::change)
        .post("/api/v1/breaches/{id}/evidence", reviewer, api::export)
}

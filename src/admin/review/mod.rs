//! The reviewer's questions as views, and the planned review of the log.
//!
//! Security reviews; the data protection officer sees who looked and how the review stands. Always
//! holds: each view is an entry in the log; what is drawn follows from a number that stood in the
//! log before (see `crate::log_review`).

mod api;
mod home;
mod looked;
mod planned;
mod table;
mod views;
pub(crate) mod words;

pub(super) use api::Documentation;

use super::{Right, Routes};
use crate::config::Role;

/// Who reviews.
pub(crate) const REVIEWER: &[Role] = &[Role::Security];
/// Who sees that it is done.
pub(crate) const WATCHER: &[Role] = &[Role::Security, Role::DataProtectionOfficer];

pub(super) fn routes(routes: Routes) -> Routes {
    let (reviewer, watcher) = (Right::Roles(REVIEWER), Right::Roles(WATCHER));
    routes
        .get("/review", watcher, views::questions)
        .get("/review/wrong", reviewer, views::wrong)
        .get("/review/surges", reviewer, views::surges)
        .get("/review/odd", reviewer, views::odd)
        .get("/review/looked", watcher, views::looked)
        .get("/review/planned", watcher, planned::page)
        .post("/review/planned/plan", reviewer, planned::plan)
        .post("/review/planned/begin", reviewer, planned::begin)
        .get("/review/planned/{id}", watcher, planned::one)
        .post("/review/planned/{id}/{place}", reviewer, planned::judge)
        .get("/api/v1/reviews", watcher, api::list)
        .post("/api/v1/reviews", reviewer, api::begin)
        .put("/api/v1/reviews/plan", reviewer, api::plan)
        .get("/api/v1/reviews/{id}", watcher, api::one)
        .put("/api/v1/reviews/{id}/entries/{place}", reviewer, api::judge)
}

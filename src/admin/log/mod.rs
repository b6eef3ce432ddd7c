//! The block log: search, one entry in words, charts, files, and reading along.
//!
//! Security searches; whoever answers the telephone finds what a reference leads to and nothing
//! else. Pages and API both call [`actions`]. Always holds: each look is an entry, written before
//! anything is shown; the organisation is the visitor's.

pub(crate) mod actions;
mod api;
mod charts;
mod csv_cell;
mod export;
pub(crate) mod form;
mod glossary;
mod live;
pub(crate) mod pages;
pub(crate) mod query;
pub(crate) mod reasons;
mod removed;
mod today;
pub(crate) mod told;
mod usual;
pub(crate) mod words;

pub(super) use api::Documentation;

use super::{Right, Routes};
use crate::config::Role;

/// Who searches the log.
pub(crate) const READER: &[Role] = &[Role::Security];
/// Who is told references over the telephone.
pub(crate) const FINDER: &[Role] = &[Role::Operator, Role::CaseOfficer, Role::Security];
/// Who reads a reason anywhere.
const EXPLAINED_TO: &[Role] =
    &[Role::Operator, Role::CaseOfficer, Role::Security, Role::DataProtectionOfficer];
/// Who comes by at all.
const VISITOR: &[Role] = &[Role::Security, Role::DataProtectionOfficer];

pub(super) fn routes(routes: Routes) -> Routes {
    let reader = Right::Roles(READER);
    routes
        .get("/log", Right::Roles(VISITOR), pages::list)
        .get("/log/find", Right::Roles(FINDER), pages::find)
        .get("/log/entry/{id}", reader, pages::entry)
        .get("/log/reasons", Right::Roles(EXPLAINED_TO), glossary::page)
        .get("/log/charts", reader, pages::drawn)
        .get("/log/export", reader, pages::exported)
        .get("/log/live", reader, pages::live)
        .get("/log/live/events", reader, live::events)
        .post("/log/saved", reader, pages::save)
        .post("/log/saved/{id}/remove", reader, pages::forget)
        .get("/api/v1/log", reader, api::search)
        .get("/api/v1/log/counts", reader, api::counts)
        .get("/api/v1/log/export", reader, api::exported)
        .get("/api/v1/log/{id}", reader, api::entry)
}

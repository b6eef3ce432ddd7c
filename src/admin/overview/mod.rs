//! Is all well? The first page: how the parts are, what passed, where from, who travels, what waits.
//!
//! Always holds: an operator of the centre sees the health of every organisation and nobody's travel;
//! who travels is shown only to those who may see it, and only after the entry of the look; where that
//! entry cannot be written the page says so and shows the rest.

mod actions;
mod api;
mod health;
pub(in crate::admin) mod map;
mod pages;
mod words;

pub(super) use api::Documentation;
pub(super) use pages::routes;

/// Those who see who travels.
pub(in crate::admin) const TRAVEL: &[crate::config::Role] =
    &[crate::config::Role::CaseOfficer, crate::config::Role::Approver];

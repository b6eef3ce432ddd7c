//! What would happen? The decision about a request that nobody has sent, in words.
//!
//! Always holds: it is the same function that decides about real requests; the site is one of the
//! visitor's organisation; a question about a named person is a look at that person's travel and
//! leaves its entry first.

mod actions;
mod api;
mod pages;
mod words;

pub(super) use actions::ASKERS;
pub(super) use api::Documentation;
pub(super) use pages::routes;

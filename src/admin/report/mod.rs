//! The committee's figures of a quarter: no persons, and no figure that leads to one.
//!
//! Always holds: the figures are those of the organisation that is looked at, made and suppressed by
//! the same function as `geovagt audit report`.

mod api;
mod pages;
mod words;

pub(super) use api::Documentation;
pub(super) use pages::routes;

//! Orders to take personal values out of the log: giving one, its receipt, and what became of it and
//! of those that the command line and the configuration gave.
//!
//! Always holds: an order given here is of the visitor's organisation and of nobody's own entries; it
//! is given only after what it would change was shown; each look and each order is an entry of the
//! log. The running gateways carry orders out (`app::erasing`), beside the pages.

mod actions;
mod api;
mod pages;
mod recorded;
mod words;

pub(super) use api::Documentation;
pub(super) use pages::routes;

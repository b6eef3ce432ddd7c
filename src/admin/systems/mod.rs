//! The register of systems that others run: whether the rule is in place there, who looked and when.
//!
//! Always holds: whoever has a role in the organisation may read it, operators and security staff
//! change it; each change keeps what was before; nothing of another organisation is ever there.

mod actions;
mod api;
mod pages;
mod words;

pub(super) use api::Documentation;
pub(super) use pages::routes;

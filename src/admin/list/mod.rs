//! The list: in force, announced and earlier; what changes for whom; what was pasted; what others
//! have set; the list as others read it.
//!
//! Always holds: nothing here changes a list, for lists are files of the operator; a name is shown
//! only to those who may see people, and only after the entry of the look; history is read-only.

mod actions;
mod api;
mod forecast;
mod letters;
mod pages;
mod people_page;
mod tools;
mod words;

pub(super) use actions::{Standing, standings};
pub(super) use api::Documentation;
pub(super) use pages::routes;
pub(super) use tools::file;
pub(super) use words::reporting;

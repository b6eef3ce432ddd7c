//! The list of routes, and everything that somebody who should not could try.

mod forms;
mod overview;
mod routes;
mod sessions;
mod tokens;

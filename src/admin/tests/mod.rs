//! The list of routes, and everything that somebody who should not could try.

mod attacks;
mod calls;
mod forms;
mod guards;
mod ones_own;
mod orders;
mod others;
mod overview;
mod reviews;
mod roles;
mod routes;
mod sessions;
mod tokens;

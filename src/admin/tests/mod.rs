//! The list of routes, and everything that somebody who should not could try.

mod attacks;
mod calls;
mod forms;
mod guards;
mod meant_for;
mod ones_own;
mod orders;
mod others;
mod overview;
mod reviews;
mod roles;
mod routes;
mod second_steps;
mod sessions;
mod token_ends;
mod tokens;

//! `geovagt demo`: everything on this machine, with nothing installed, to look at it.
//!
//! Sample sites, fronts that stand for places, a configuration of two organisations, a traveller, a
//! mailbox for what is sent, and a page to start from. Nothing of it is reached outside the demo and
//! the tests.

pub mod fronts;
pub mod places;
pub mod post;
pub mod sample;
pub mod start;
pub mod state;
mod web;

//! `geovagt demo`: everything on this machine, with nothing installed, to look at it.
//!
//! Sample sites, fronts that stand for places, a configuration of two organisations, and a
//! traveller. Nothing of it is reached outside the demo and the tests.

pub mod fronts;
pub mod places;
pub mod sample;
pub mod state;

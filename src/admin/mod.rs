//! The rooms in which people work.

pub mod chart;
mod overview;

//! The rooms in which people work.

pub mod chart;

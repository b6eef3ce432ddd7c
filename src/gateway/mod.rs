//! (being built)

pub mod canonical;
pub mod headers;

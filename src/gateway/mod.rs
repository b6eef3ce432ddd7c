//! (being built)

pub mod canonical;
pub mod headers;
pub mod pages;

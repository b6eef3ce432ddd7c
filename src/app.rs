//! (being built)

pub mod outbox;

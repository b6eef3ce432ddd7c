//! Insight and deletion: what is stored about one person, how long things are kept and the proof that
//! they went, and whom a pseudonym stands for, which takes two.
//!
//! Always holds: whoever is shown what is stored about somebody has left the entry first, on disk; a
//! person is one of the visitor's organisation; of two who reveal a pseudonym neither is the other.

mod actions;
mod api;
mod pages;
mod reveal;
mod words;

pub(super) use api::Documentation;
pub(super) use pages::routes;

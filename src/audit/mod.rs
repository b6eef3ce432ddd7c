//! The log: what was decided for whom and when, kept so that it can be trusted later.
//!
//! The request path takes a place ([`Audit::reserve`]) before anything is forwarded and hands over an
//! entry when the answer's head is known; rejections go through [`Audit::deny`], which folds equal
//! ones under a budget of their own. One writer thread appends to three hash-chained logs
//! ([`Class`]), flushes in groups and keeps the flushed head of each chain apart from its segments.
//! [`event`], [`mod@line`], [`chain`], [`fold`], [`tree`], [`pseudonym`] and [`order`] are pure; files
//! are touched in [`disk`], [`ledger`], [`recovery`], [`search`] and [`verify`], and where something
//! leaves the log or is signed: `retention`, `rewrite`, `sealed`, [`sign`], [`records`], [`evidence`].
//!
//! An [`order::Order`] takes personal values out of closed segments, which keep their chain; its
//! records stand in the chain of people. Heads and ends of segments are signed ([`sign`]).
//!
//! May use `policy`, `client_address`, `identifier`, `config` types, `clock` and `lifecycle`.
//!
//! Always holds: nothing here blocks the request path; an entry whose [`Receipt`] was durable is on
//! disk and in its chain; what cannot be kept is counted, never forgotten; a log that does not hold
//! together is never continued as if it did.

pub mod chain;
pub mod disk;
mod erasing;
pub mod event;
pub mod evidence;
pub mod facts;
#[cfg(test)]
pub(crate) mod fixture;
pub mod fold;
pub mod forecast;
mod handle;
pub mod head;
mod keeping;
mod keys;
pub mod ledger;
pub mod line;
pub mod options;
pub mod order;
mod place;
pub mod pseudonym;
mod queue;
mod receipt;
pub mod records;
pub mod recovery;
mod reference;
mod relay;
mod retention;
mod rewrite;
mod sealed;
pub mod search;
pub mod segment;
mod sighting;
pub mod sign;
mod text;
pub mod tree;
pub mod verify;
mod writer;

pub use erasing::{EraseError, Erased, Pass, Ready, Rewritten, Step, oldest_segment};
pub use event::{Action, Event, Outcome};
pub use facts::Facts;
pub use fold::Rejection;
pub use handle::Audit;
pub use options::{Class, Health, OpenError, Opened, Options, Unavailable};
pub use place::{Completion, Ending, Entry, Place};
pub use receipt::Receipt;
pub(crate) use recovery::node_in;
pub use reference::{InvalidReference, Reference};
pub use relay::NotHandedOver;
pub use sealed::{is_sealed_in, open_sealed};
pub use sighting::Sighting;
pub use text::terminal_safe;

/// The sequence and the content of a line, none of it proven.
pub(crate) fn line_event(line: &[u8]) -> Option<(u64, Event)> {
    line::read(line).ok().map(|read| (read.sequence, read.event))
}

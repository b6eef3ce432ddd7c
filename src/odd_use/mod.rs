//! Use of an exemption that looks odd: flagged for people to look at, never punished.
//!
//! Fed beside the request path from what goes to the log of people whom somebody has proven; the
//! channel is bounded, and what does not fit is counted and not seen. [`judge`] and [`device`] are
//! pure; what was seen is in the store, so that a restart and other nodes know it.
//!
//! May use `store`, `policy` and `audit`'s sightings. Always holds: nothing here is asked by a
//! decision, and nothing here can change an exemption; neither `policy` nor `gateway` nor `identity`
//! knows this room.

pub mod device;
pub mod judge;
pub(crate) mod watch;

#[cfg(test)]
mod tests;

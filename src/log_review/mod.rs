//! The planned review of the log: which span of days is due, which entries are drawn, what somebody
//! found of each. And the breach file with its clock.
//!
//! `plan`, `draw` and `breach` are pure; `conduct` uses the store. Time and randomness come in
//! as arguments. The administration, the command line and the readiness all ask here.
//!
//! Always holds: a span is reviewed once, in order, and none can be left out; which entries are
//! drawn follows from a random seed alone, so that whoever holds the log and the seed draws the same
//! again; nobody judges what they did themselves.

mod breach;
mod conduct;
mod draw;
mod plan;

pub use breach::{Clock, deadline};
pub use conduct::{ConductError, Progress, Reviewed};
pub use draw::{Draw, Drawn, EACH, Group, SEED_LENGTH, group_of, pick};
pub use plan::{InvalidPlan, Period, Plan, Standing};

//! What people do with a journey, whoever asks: the command line and the administration call the
//! same functions.
//!
//! Each takes what somebody asked for and gives either what can be kept, or everything that stands
//! in the way at once, as a [`Trouble`] that each side says in its own words. What is kept is for the
//! store; what may become of an exemption is for [`crate::policy::take_step`].
//!
//! May use `config`, `store`, `policy`, `identity`, `audit` and `log_index`; knows no argument of a
//! command and no HTTP. Always holds: nothing is granted to somebody whom nobody has found, and nobody
//! is found by what they chose themselves.

pub(crate) mod ask;
pub(crate) mod contact;
pub(crate) mod decision;
pub(crate) mod directory;
pub(crate) mod emergency;
pub(crate) mod known;
pub(crate) mod link;
pub(crate) mod person;
pub(crate) mod request;
mod text;
mod trouble;

pub(crate) use text::{TextFault, check_text};
pub(crate) use trouble::Trouble;

/// The longest reason for a refusal or a revocation, in characters.
pub(crate) const LONGEST_REASON: usize = 2000;
/// The longest account of how a device was lost, in characters.
pub(crate) const LONGEST_LOSS: usize = 500;

/// An error and its causes on one line.
pub(crate) fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    crate::telemetry::chain(error)
}

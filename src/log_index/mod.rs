//! The block log beside the requests: its index kept up with the segments, and what people ask of
//! both.
//!
//! [`Follower`] reads the segments of denials and people behind the writer and puts them into
//! [`crate::store::log`]; [`Search`] asks the index, what the index has not seen yet, and the segments
//! of allowed traffic, as one. May use `audit` and `store`.
//!
//! Always holds: nothing of the traffic waits for this; the files are the truth, and the index only
//! ever holds what was flushed to them.

mod export;
mod follow;
mod read;
mod report;
mod search;
mod tally;

pub use export::{Export, Format, Head, harmless};
pub use follow::{FollowError, Follower, Round};
pub use report::{Figure, InvalidQuarter, Quarter, Report, Subject, Table};
pub use search::{Allowed, LookError, Search};

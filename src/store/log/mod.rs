//! The block log's index: denials and people of every node, to be searched by everything they are
//! searched for, and counted by the hour.
//!
//! It holds nothing that the segments do not hold, can be thrown away and is made again from them.
//! On SQLite it is a file of its own beside the store, so that neither waits for the other; on
//! PostgreSQL it stands in the same database. May use the types of `audit`; `crate::log_index`
//! follows the segments and fills it.
//!
//! Always holds: entries and the bookmark behind them are one transaction, so that after any end
//! nothing is missing and nothing stands twice; who asks for certain organisations is given nothing
//! of another; what was forgotten in a segment is forgotten here by [`LogIndex::forget`].

mod block;
#[cfg(test)]
pub(super) mod contract;
#[cfg(test)]
pub(super) mod contract_nodes;
#[cfg(test)]
pub(super) mod contract_sums;
mod counts;
mod forget;
mod guide;
mod handle;
mod key;
mod kinds;
mod plan;
#[cfg(test)]
mod plan_tests;
mod query;
mod review;
mod row;
mod search;
mod sums;
mod surges;
#[cfg(test)]
mod tests;
mod totals;
mod write;
mod wrong;

pub use handle::{LogIndex, Standing};
pub use query::{By, Count, Cursor, LogEntry, LogQuery, Organizations, Page, Wanted};
pub use review::LOOKS;
pub use row::Taken;
pub(super) use sums::make_sums;
pub use surges::{Surge, Surges};
pub use write::{Batch, Bookmark, Bookmarks, Tallied};
pub use wrong::{Because, Home, ProbablyWrong};

/// The name of the index in the state directory, where the store is SQLite.
pub const LOG_INDEX_FILE_NAME: &str = "log-index.sqlite3";

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

#[cfg(test)]
pub(super) mod contract;
mod counts;
mod handle;
mod key;
mod query;
mod review;
mod row;
mod search;
#[cfg(test)]
mod tests;
mod write;

pub use handle::{LogIndex, Standing};
pub use query::{By, Count, Cursor, LogEntry, LogQuery, Organizations, Page, Wanted};
pub use review::{Because, Home, LOOKS, ProbablyWrong, Surge, Surges};
pub use row::Taken;
pub use write::{Batch, Bookmark, Bookmarks, Tallied};

/// The name of the index in the state directory, where the store is SQLite.
pub const LOG_INDEX_FILE_NAME: &str = "log-index.sqlite3";

//! From an address to a [`Location`](crate::policy::Location), by a MaxMind-format database.
//!
//! May use `maxminddb`, files, and the types of [`crate::policy`], [`crate::territory`] and
//! [`crate::client_address`]; names no socket and makes no outbound look-up.
//!
//! Always holds:
//! - A file is read whole (never mapped: a file that is cut in place would kill the process) and
//!   verified whole before anything is located with it. What fails is refused with a sentence.
//! - A [`Database`] never changes. Whoever wants a newer one opens it beside the running one.
//! - Private and special-purpose networks are decided here (`special`), whatever a file says.
//! - No answer is "not in the database" where the file could not have told: a file without IPv6
//!   gives [`Location::AddressUnknown`](crate::policy::Location::AddressUnknown) for IPv6
//!   addresses, so that `unknown_location: allow` does not open a whole address family.
//!
//! The way of a file: `file` reads, `load` walks the search tree (`tree`) and the records
//! (`data`, `record`) into `segments`, `database` judges whether it is plausible and
//! compiles the `table` that [`Database::locate`] asks.

mod asn;
mod data;
mod database;
mod error;
mod file;
mod info;
mod install;
mod load;
mod record;
mod requirements;
mod segments;
mod special;
mod table;
mod tree;
mod watch;

pub use asn::AsnDatabase;
pub use database::{Database, Located};
pub use error::{DatabaseError, FileKind, Problem};
pub use info::{Coverage, Info, Layout, is_db_ip};
pub use install::{Installed, Opened, install, open_or_last_good, store_last_good};
pub use requirements::Requirements;
pub use watch::{Look, Watch};

#[cfg(test)]
mod tests;

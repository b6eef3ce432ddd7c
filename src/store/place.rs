//! Where a store is, in words that hold no secret.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What messages call a store: a file, or a database on a host. Never with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Place(Arc<str>);

impl Place {
    pub(super) fn of_file(path: &Path) -> Self {
        Self(path.display().to_string().into())
    }

    pub(super) fn of_database(name: &str, host: &str, port: u16) -> Self {
        Self(format!("{name} on {host}:{port}").into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! How the log is kept, and what can be said about its health.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{AllowedTraffic, Retention};
use crate::policy::{Admission, Permit};

/// The three chains, each with its own segments and retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Allowed traffic.
    Allowed,
    /// Rejections.
    Denied,
    /// Sign-ins, exempt access, administration.
    People,
}

impl Class {
    /// The three chains.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::People];

    /// The chain that an exchange with this permit belongs to.
    #[must_use]
    pub fn of(permit: &Permit) -> Self {
        if permit.exemption().is_some() { Self::People } else { Self::Allowed }
    }

    /// The chain's name and directory.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::People => "people",
        }
    }

    /// The chain with this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One value for each chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerClass<T> {
    /// Of allowed traffic.
    pub allowed: T,
    /// Of rejections.
    pub denied: T,
    /// Of people.
    pub people: T,
}

impl<T> PerClass<T> {
    /// Makes the value of each chain.
    pub fn from_fn(mut make: impl FnMut(Class) -> T) -> Self {
        Self {
            allowed: make(Class::Allowed),
            denied: make(Class::Denied),
            people: make(Class::People),
        }
    }

    /// The value of one chain.
    pub fn get(&self, class: Class) -> &T {
        match class {
            Class::Allowed => &self.allowed,
            Class::Denied => &self.denied,
            Class::People => &self.people,
        }
    }

    /// The value of one chain, to change.
    pub fn get_mut(&mut self, class: Class) -> &mut T {
        match class {
            Class::Allowed => &mut self.allowed,
            Class::Denied => &mut self.denied,
            Class::People => &mut self.people,
        }
    }
}

/// How the log is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// `state_directory/audit`; made where it does not exist.
    pub directory: PathBuf,
    /// At most this long in memory.
    pub flush: Duration,
    /// Whether permitted traffic goes on while no entry can be kept.
    pub on_failure: Admission,
    /// How allowed traffic of people without an exemption is kept.
    pub allowed: AllowedTraffic,
    /// Whether the query is kept.
    pub query_strings: bool,
    /// A segment is closed when it has reached this many bytes, and each day.
    pub segment_bytes: u64,
    /// How many entries of each chain may wait, those of exchanges under way included.
    pub queue: usize,
    /// How long whole segments are kept; none: for ever.
    pub retention: Option<Retention>,
    /// Where the key lies with which heads and the ends of segments are signed; none: nobody signs.
    pub signing_key: Option<PathBuf>,
}

impl Options {
    /// The defaults of the contract, in this directory.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            flush: Duration::from_millis(200),
            on_failure: Admission::Deny,
            allowed: AllowedTraffic::Requests,
            query_strings: false,
            segment_bytes: 64 * 1024 * 1024,
            queue: 65_536,
            retention: None,
            signing_key: None,
        }
    }

    /// What the configuration says, in `state_directory/audit`.
    #[must_use]
    pub fn from_config(config: &crate::config::Config) -> Self {
        Self {
            flush: config.audit.flush,
            on_failure: config.audit.on_failure,
            allowed: config.audit.allowed,
            query_strings: config.audit.query_strings,
            retention: Some(config.audit.retention),
            signing_key: Some(config.state_directory.join(super::sign::FILE_NAME)),
            ..Self::new(config.state_directory.join("audit"))
        }
    }
}

/// No entry can be kept now, and the configuration says to stop then (`audit_unavailable`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct Unavailable;

/// Why the log does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("the audit log in {} is in use by a running gateway", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// A file or directory cannot be read or written.
    #[error("the audit log cannot be opened: {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// What was found on opening; say it in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// One sentence for each thing that was recovered or set aside after an unclean end.
    pub recovered: Vec<String>,
    /// One sentence for each chain that holds less or other than its head says. Somebody must look.
    pub damaged: Vec<String>,
    /// How many entries each chain has had.
    pub entries: PerClass<u64>,
}

/// How the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether entries reach the disk.
    pub writing: bool,
    /// Why they do not.
    pub error: Option<String>,
    /// How many entries wait, those of exchanges under way included.
    pub waiting: usize,
    /// How many entries could not be kept since the start.
    pub lost: u64,
    /// What was found damaged on opening.
    pub damaged: Vec<String>,
}

impl Health {
    /// Whether the log is as it should be. Damage found on opening does not stop traffic; it is
    /// shown.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.writing
    }
}

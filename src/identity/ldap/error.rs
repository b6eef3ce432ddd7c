//! What can go wrong with a directory.

use std::path::PathBuf;

/// Why a directory gave no answer that counts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LdapError {
    /// The file with the authorities.
    #[error("the authorities in {} cannot be used: {why}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The operating system's authorities.
    #[error("the operating system's certificates cannot be read; name a `ca`")]
    System(#[source] rustls::Error),
    /// No protected connection came about: nobody there, StartTLS refused, a certificate that is not
    /// the server's.
    #[error("{server} cannot be reached over TLS")]
    Connect {
        /// The server.
        server: String,
        /// What happened.
        #[source]
        source: Box<ldap3::LdapError>,
    },
    /// Too slow.
    #[error("{0} did not answer in time")]
    Slow(String),
    /// The connection broke.
    #[error("the connection to the directory broke")]
    Broken,
    /// The library failed.
    #[error("the directory was not understood")]
    Library(#[source] Box<ldap3::LdapError>),
    /// The service account's bind was refused.
    #[error(
        "the directory does not take the service account (result {code}); see `bind_dn` and `bind_password`"
    )]
    ServiceAccount {
        /// The result code (RFC 4511 appendix A).
        code: u32,
    },
    /// A search failed.
    #[error(
        "the directory refuses the search (result {code}); see `base` and what the service account may read"
    )]
    Search {
        /// The result code.
        code: u32,
    },
    /// It answered a bind with neither yes nor no.
    #[error("the directory is in no state to check a password (result {code})")]
    Bind {
        /// The result code.
        code: u32,
    },
    /// Something was about to be bound without a name or a password, which means nobody and is
    /// answered with yes (RFC 4513 section 5.1.2).
    #[error("a bind without a name or a password proves nothing and is not sent")]
    Unauthenticated,
    /// More than one entry.
    #[error("more than one entry answers to the name; see `filter` and `base`")]
    Ambiguous,
    /// An entry without what makes it a person.
    #[error(
        "the entry has no single value of `{0}`; see `subject` and what the service account may read"
    )]
    NoSubject(String),
    /// Every connection is in use.
    #[error("every connection to the directory is in use")]
    Busy,
}

impl LdapError {
    /// Whether it tells what the directory holds, not how it is.
    pub(super) fn is_about_entries(&self) -> bool {
        matches!(self, Self::Ambiguous | Self::NoSubject(_))
    }
}

//! A request that nobody has sent, to be decided about as if somebody had.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::policy::{Holdings, Person, UserName};

/// A request that nobody has sent.
#[derive(Debug, Clone, Copy)]
pub struct Hypothetical<'a> {
    /// The client's address.
    pub address: IpAddr,
    /// The path, as it would go on to the upstream.
    pub path: &'a str,
    /// Who it is, taken as proven in every respect.
    pub person: Option<(&'a UserName, &'a Person)>,
    /// What that person holds; told where none of it lets them in.
    pub holdings: Holdings<'a>,
    /// When.
    pub at: Timestamp,
}

/// Why nothing is decided about a request: it would be answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is answered with 400: {why}")]
pub struct Ambiguous {
    /// The path.
    pub path: String,
    /// What can be read two ways.
    pub why: String,
}

//! `operations` and `admin`

use std::net::SocketAddr;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::binds::Binds;
use super::checker::{Checker, Text};
use super::listeners::{RawClientAddress, RawTls, Tls};
use crate::client_address::AddressSource;

/// `operations`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Whose word `/authorize` takes; none: it answers 503.
    pub client_address: Option<AddressSource>,
}

/// `admin`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Required off loopback.
    pub tls: Option<Tls>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOperations {
    bind: Option<Spanned<Vec<Text>>>,
    /// Default none.
    client_address: Option<Spanned<RawClientAddress>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    bind: Option<Spanned<Vec<Text>>>,
    /// Default none: plain HTTP, on loopback alone.
    tls: Option<Spanned<RawTls>>,
}

pub(super) fn operations(
    raw: &Spanned<RawOperations>,
    binds: &mut Binds,
    check: &mut Checker<'_>,
) -> Option<Operations> {
    let bind = check
        .required(&raw.value.bind, "bind", raw.referenced)
        .and_then(|addresses| binds.check(addresses, check));
    let client_address = match &raw.value.client_address {
        Some(source) => {
            check.warn(
                source.referenced,
                "`/authorize` is not in this version; this has no effect",
                "leave it for later, or remove it",
            );
            source.value.check(source.referenced, check).map(Some)
        }
        None => Some(None),
    };
    Some(Operations { bind: bind?, client_address: client_address? })
}

pub(super) fn admin(
    raw: &Spanned<RawAdmin>,
    binds: &mut Binds,
    check: &mut Checker<'_>,
) -> Option<Admin> {
    check.warn(
        raw.referenced,
        "there is no administration in this version; `admin` opens no listener",
        "leave it for later, or remove it",
    );
    let bind = check
        .required(&raw.value.bind, "bind", raw.referenced)
        .and_then(|addresses| binds.check(addresses, check));
    let tls = match &raw.value.tls {
        Some(tls) => tls.value.check(tls.referenced, check).map(Some),
        None => Some(None),
    };
    let (bind, tls) = (bind?, tls?);
    if tls.is_none() && bind.iter().any(|address| !address.ip().is_loopback()) {
        check.refuse(
            raw.value.bind.as_ref().map_or(raw.referenced, |bind| bind.referenced),
            "the administration without TLS may listen on loopback alone",
            "write 127.0.0.1 or [::1], or add `tls:`",
        );
        return None;
    }
    Some(Admin { bind, tls })
}

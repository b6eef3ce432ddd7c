//! `operations` and `admin`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::binds::Binds;
use super::checker::{Checker, Text};
use super::listeners::{RawClientAddress, RawTls, Tls};
use crate::client_address::{AddressSource, HeaderSource};

/// `operations`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Whose word `/authorize` takes; none: it answers 503.
    pub client_address: Option<Arc<AddressSource>>,
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
        Some(source) => asking_proxies(source, check).map(Some),
        None => Some(None),
    };
    Some(Operations { bind: bind?, client_address: client_address? })
}

fn asking_proxies(
    raw: &Spanned<RawClientAddress>,
    check: &mut Checker<'_>,
) -> Option<Arc<AddressSource>> {
    let source = raw.value.check(raw.referenced, check)?;
    if source.source != HeaderSource::XForwardedFor {
        check.refuse(
            raw.referenced,
            "a proxy that asks `/authorize` says in X-Forwarded-For who the client is",
            "write `source: x_forwarded_for`, and let the proxy set that header",
        );
        return None;
    }
    Some(Arc::new(source))
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
        Some(tls) => tls.value.check(tls.referenced, &BTreeMap::new(), check).map(Some),
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

//! `operations`

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::binds::Binds;
use super::checker::{Checker, Text};
use super::listeners::RawClientAddress;
use crate::client_address::{AddressSource, HeaderSource};

/// `operations`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Whose word `/authorize` takes; none: it answers 503.
    pub client_address: Option<Arc<AddressSource>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOperations {
    bind: Option<Spanned<Vec<Text>>>,
    /// Default none.
    client_address: Option<Spanned<RawClientAddress>>,
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

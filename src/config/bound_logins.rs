//! Logins that belong to a connection, behind a proxy that may share its connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_yaml::Spanned;

use super::Affinity;
use super::checker::Checker;
use super::listeners::RawListener;
use super::sites::Site;
use crate::identifier::SiteId;

/// Warns of each listener whose proxies name clients in a header while a site binds logins to
/// connections: requests of two people of one address may come over one connection there, and nothing
/// tells which of them has logged in. A PROXY protocol header is of one client's connection.
pub(super) fn check(
    listeners: &[Spanned<RawListener>],
    sites: &BTreeMap<SiteId, Arc<Site>>,
    check: &mut Checker<'_>,
) {
    let binds = |site: &&Arc<Site>| site.upstream.affinity == Affinity::Connection;
    let Some(site) = sites.values().find(binds) else { return };
    for at in listeners.iter().filter_map(|listener| listener.value.by_header_at()) {
        let says = format!(
            "the site `{}` binds logins to connections, and a proxy that names clients in a header may \
             share one among people of one address, who are then taken for one another",
            site.id
        );
        let help = "keep its clients' connections apart (HAProxy: `http-reuse never`; nginx: no \
                    `keepalive` in the upstream), or take `source: proxy_protocol`";
        check.warn(at, says, help);
    }
}

//! Whether the person who is about to apply a configuration would lock himself out.

use std::net::IpAddr;

use crate::config::{Finding, Loaded, Site, process_environment};

/// Warns for each site that would reject the address that the operator's own session comes from.
///
/// The decision is made where database and exemptions are known; until that is wired in, nothing is
/// said about it.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let Some(address) = operator_address(&process_environment) else { return Vec::new() };
    locked_out(loaded, address, |_, _| None)
}

/// The address at the other end of the session this runs in, as the SSH server tells it.
fn operator_address(environment: &dyn Fn(&str) -> Option<String>) -> Option<IpAddr> {
    let connection = environment("SSH_CONNECTION").or_else(|| environment("SSH_CLIENT"))?;
    connection.split_whitespace().next()?.parse().ok()
}

/// One warning a site that would reject the address; `rejection` gives the reason, or none.
fn locked_out(
    loaded: &Loaded,
    address: IpAddr,
    rejection: impl Fn(&Site, IpAddr) -> Option<String>,
) -> Vec<Finding> {
    let sites = loaded.config.sites.values();
    sites
        .filter_map(|site| {
            let reason = rejection(site, address)?;
            Some(
                Finding::warning(format!(
                    "you come from {address}, and the site `{}` would reject you: {reason}",
                    site.id
                ))
                .with_help(format!(
                    "if you must reach it from there, add the network to `allow_networks` of the \
                     policy `{}`",
                    site.policy
                )),
            )
        })
        .collect()
}

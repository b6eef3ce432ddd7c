//! Whether the person who is about to apply a configuration would lock himself out.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::client_address::{ClientAddress, KnownAddress};
use crate::config::{Finding, Loaded, process_environment};
use crate::geoip::{Database, Requirements};
use crate::policy::{Exemptions, Location, Proof, Subject, Verdict, decide};

/// Warns of each site that would reject the address that the operator's own session comes from.
/// Exemptions are left out: whoever administers the gateway should not need one.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let Some(address) = operator_address(&process_environment) else { return Vec::new() };
    let now = crate::clock::now();
    // A database that cannot be opened is another check's finding.
    let Ok(database) = Database::open(&loaded.config.geoip.database, &Requirements::new(now))
    else {
        return Vec::new();
    };
    let location = database.locate(&address).location;
    locked_out(loaded, address, location, now)
}

/// The address at the other end of the session this runs in, as the SSH server tells it.
fn operator_address(environment: &dyn Fn(&str) -> Option<String>) -> Option<ClientAddress> {
    let connection = environment("SSH_CONNECTION").or_else(|| environment("SSH_CLIENT"))?;
    let address: IpAddr = connection.split_whitespace().next()?.parse().ok()?;
    KnownAddress::new(address).ok().map(ClientAddress::Known)
}

/// One warning a site that would reject the address.
fn locked_out(
    loaded: &Loaded,
    address: ClientAddress,
    location: Location,
    now: Timestamp,
) -> Vec<Finding> {
    let ClientAddress::Known(known) = address else { return Vec::new() };
    let subject = Subject { address, location, person: None, proof: Proof::NONE };
    let nobody = Exemptions::default();
    let mut findings = Vec::new();
    for site in loaded.config.sites.values() {
        let Some(policy) = loaded.policy(site) else { continue };
        if let Verdict::Deny(denial) = decide(&policy, &subject, &nobody, now) {
            let finding = Finding::warning(format!(
                "you come from {}, and the site `{}` would reject you: {}",
                known.seen(),
                site.id,
                denial.reason()
            ));
            findings.push(finding.with_help(format!(
                "if you must reach it from there, add your network to `allow_networks` of the policy \
                 `{}`; `geovagt explain {}` shows each step",
                site.policy,
                known.seen()
            )));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::sample;

    #[test]
    fn the_operator_is_told_which_site_would_reject_him() {
        let loaded = sample::loaded();
        let now = sample::now();
        let said = |address: &str, location| {
            let address = operator_address(&|name| {
                (name == "SSH_CONNECTION").then(|| format!("{address} 5022 192.0.2.1 22"))
            });
            let findings = locked_out(&loaded, address.unwrap(), location, now);
            findings.into_iter().map(|f| f.message).collect::<Vec<_>>()
        };
        let at = |country| Location::Country {
            country: crate::territory::Country::parse(country).unwrap(),
            subdivision: None,
        };
        assert_eq!(said("80.62.0.1", at("DK")), [""; 0]);
        assert_eq!(
            said("1.2.4.8", at("CN")),
            ["you come from 1.2.4.8, and the site `kilden` would reject you: country_listed"]
        );
        assert_eq!(
            said("10.0.0.5", Location::PrivateNetwork),
            [
                "you come from 10.0.0.5, and the site `kilden` would reject you: denied_private_network"
            ]
        );
        assert_eq!(said("192.0.2.7", Location::NotInDatabase), [""; 0], "on the allow networks");
    }

    #[test]
    fn a_session_that_tells_no_address_is_left_alone() {
        for connection in ["", "UNKNOWN 1 2 3", "0.0.0.0 1 2 3"] {
            let environment = |name: &str| (name == "SSH_CLIENT").then(|| connection.to_owned());
            assert!(operator_address(&environment).is_none(), "{connection:?}");
        }
        assert!(operator_address(&|_| None).is_none());
    }
}

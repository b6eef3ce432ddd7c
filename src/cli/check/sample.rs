//! A small whole configuration for the tests of the checks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Loaded, SourceFile, Surroundings, examine_source};
use crate::identifier::ListId;
use crate::policy::{CountryList, ListVersion};
use crate::territory::Territory;

pub(super) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// One site of one organisation, whose list holds China.
pub(super) fn loaded() -> Loaded {
    in_directory(Path::new("/nonexistent"), "[kilden.example.dk]")
}

/// The same with its files in a directory, answering for other hosts.
pub(super) fn in_directory(directory: &Path, hosts: &str) -> Loaded {
    made(directory, hosts, "", "")
}

/// The same with more at the end, and more about the organisation.
pub(super) fn with(more: &str, organization: &str) -> Loaded {
    made(Path::new("/nonexistent"), "[kilden.example.dk]", more, organization)
}

fn made(directory: &Path, hosts: &str, more: &str, organization: &str) -> Loaded {
    let text = format!(
        "
state_directory: state
geoip: {{database: country.mmdb}}
country_lists: {{cfcs: cfcs.yaml}}
policies:
  standard: {{list: cfcs, allow_networks: [{{network: 192.0.2.0/24, reason: operators}}]}}
organizations: {{b: {{name: B, policy: standard{organization}}}}}
listeners:
  - name: web
    bind: [\"127.0.0.1:0\"]
    tls: {{certificates: [{{chain: chain.pem, key: key.pem}}]}}
sites:
  kilden: {{organization: b, hosts: {hosts}, upstream: {{servers: [\"http://10.1.0.10\"]}}}}
{more}"
    );
    let surroundings = Surroundings { environment: &|_| None, now: now(), static_only: true };
    let examined =
        examine_source(SourceFile::new(directory.join("gateway.yaml"), &text), surroundings);
    assert!(examined.config.is_some(), "{:#?}", examined.findings);
    Loaded {
        config: examined.config.unwrap(),
        findings: Vec::new(),
        lists: BTreeMap::from([(ListId::parse("cfcs").unwrap(), Arc::new(china()))]),
        sources: Vec::new(),
    }
}

fn china() -> CountryList {
    let version = ListVersion {
        version: "2025-05".into(),
        source: "s".into(),
        adopted_by: "a".into(),
        adopted_on: "2025-03-27".parse().unwrap(),
        announced_on: "2025-03-27".parse().unwrap(),
        effective_from: "2025-05-11T22:00:00Z".parse().unwrap(),
        early_start: None,
        territories: [Territory::parse("CN").unwrap()].into_iter().collect(),
    };
    CountryList::new(ListId::parse("cfcs").unwrap(), "n".into(), 14, vec![version]).unwrap()
}

//! What `check` says about the authorities of managed devices and their revocation lists.

use jiff::Timestamp;

use crate::config::{ClientCertificate, Finding, Loaded, Provider};
use crate::identifier::ProviderId;
use crate::listen::ExaminedAuthority;
use crate::telemetry;

/// Each authority can be used, takes devices back, and neither it nor its lists have expired.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    check_at(loaded, crate::clock::now())
}

fn check_at(loaded: &Loaded, now: Timestamp) -> Vec<Finding> {
    let providers = loaded.config.identity.iter().filter_map(|(id, provider)| match provider {
        Provider::ClientCertificate(rules) => Some((id, rules)),
        _ => None,
    });
    providers.flat_map(|(id, rules)| of_provider(id, rules, now)).collect()
}

fn of_provider(id: &ProviderId, rules: &ClientCertificate, now: Timestamp) -> Vec<Finding> {
    let examined = match ExaminedAuthority::read(rules) {
        Ok(examined) => examined,
        Err(error) => {
            let says =
                format!("certificates of `{id}` cannot be taken: {}", telemetry::chain(&error));
            return vec![
                Finding::error(says).with_help("name good PEM files under `ca` and `crl`"),
            ];
        }
    };
    let mut findings = Vec::new();
    if rules.crl.is_empty() {
        let says = format!(
            "`{id}` has no revocation list: a device that is lost or sold is let in until its certificate ends"
        );
        findings
            .push(Finding::warning(says).with_help("name the lists of its authority under `crl`"));
    }
    if !examined.ends.is_empty() && examined.ends.iter().all(|end| *end <= now) {
        let ca = rules.ca.display();
        findings.push(
            Finding::error(format!("the authority {ca} of `{id}` has ended: nobody of it gets in"))
                .with_help("name the one that issues certificates now under `ca`"),
        );
    }
    for (path, due) in examined.next_lists.iter().filter(|(_, due)| *due <= now) {
        let path = path.display();
        findings.push(
            Finding::error(format!(
                "the revocation list {path} of `{id}` ended at {due}: nobody it speaks for gets in"
            ))
            .with_help("fetch the new one; a new file is taken up without a restart"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::cli::check::sample;
    use crate::config::CertificateName;

    fn issue(directory: &Path, ca_until: i32, list_until: i32) {
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(ca_until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let issuer = rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap();
        std::fs::write(directory.join("ca.pem"), issuer.pem()).unwrap();
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(list_until, 1, 1),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap().pem().unwrap();
        std::fs::write(directory.join("a.crl"), list).unwrap();
    }

    fn messages(directory: &Path, with_list: bool) -> String {
        let mut loaded = sample::in_directory(directory, "[a.dk]");
        let rules = ClientCertificate {
            ca: directory.join("ca.pem"),
            crl: if with_list { vec![directory.join("a.crl")] } else { Vec::new() },
            name: CertificateName::Mail,
            people_of: None,
        };
        let id = ProviderId::parse("ipads").unwrap();
        loaded.config.identity.insert(id, Provider::ClientCertificate(Arc::new(rules)));
        let findings = check_at(&loaded, sample::now());
        let root = format!("{}/", directory.display());
        let said = |f: &Finding| format!("{:?}: {}", f.severity, f.message.replace(&root, ""));
        findings.iter().map(said).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_would_let_a_lost_device_in_or_everybody_out_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let missing = messages(here, true);
        assert!(missing.starts_with("Error: certificates of `ipads` cannot be taken"), "{missing}");
        issue(here, 2090, 2089);
        assert_eq!(messages(here, true), "");
        let without = messages(here, false);
        assert!(without.starts_with("Warning: `ipads` has no revocation list"), "{without}");
        issue(here, 2090, 2026);
        let old = messages(here, true);
        assert!(old.starts_with("Error: the revocation list a.crl of `ipads` ended at"), "{old}");
        issue(here, 2025, 2089);
        let ended = messages(here, true);
        assert!(ended.starts_with("Error: the authority ca.pem of `ipads` has ended"), "{ended}");
        std::fs::write(here.join("a.crl"), "no list").unwrap();
        assert!(messages(here, true).contains("revocation list"), "{}", messages(here, true));
    }
}

//! What `check` says about the files that TLS to upstreams needs.

use crate::config::{Finding, Loaded};
use crate::{telemetry, upstream};

/// The authorities, certificates and keys can be read and used.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let sites = loaded.config.sites.values();
    sites
        .filter_map(|site| {
            let error = upstream::examine(&site.upstream).err()?;
            let says = format!("the site `{}`: {}", site.id, telemetry::chain(&error));
            Some(Finding::error(says).with_help("name good PEM files under its `upstream.tls`"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::sample;
    use std::sync::Arc;

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let mut loaded = sample::loaded();
        let (id, site) = loaded.config.sites.first_key_value().unwrap();
        let (id, mut site) = (id.clone(), site.as_ref().clone());
        site.upstream.servers[0].url = "https://10.1.0.10".parse().unwrap();
        site.upstream.tls.ca = Some(path.clone());
        loaded.config.sites.insert(id, Arc::new(site));
        let said = |loaded: &Loaded| check(loaded).pop().map(|f| f.message).unwrap_or_default();
        let missing = said(&loaded);
        assert!(missing.contains("cannot read") && missing.contains("ca.pem"), "{missing}");
        std::fs::write(&path, "no certificate").unwrap();
        let empty = said(&loaded);
        assert!(empty.contains("holds no certificate"), "{empty}");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["ca".to_owned()]).unwrap();
        std::fs::write(&path, certificate.self_signed(&key).unwrap().pem()).unwrap();
        assert!(check(&loaded).is_empty());
    }
}

//! What `check` says about certificates: they can be read, the key belongs to them, they are valid
//! now and for some time, and each host of a TLS listener has one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::{Span, Timestamp};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use crate::config::{CertificateFiles, Finding, HostPattern, Listener, Loaded};
use crate::identifier::SiteId;
use crate::listen::validity;

/// From how many days before its end a certificate warns.
const DAYS_BEFORE_END: i64 = 14;

/// Every certificate of every listener, the administration's too.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    check_at(loaded, crate::clock::now())
}

fn check_at(loaded: &Loaded, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let admin = loaded.config.admin.iter().filter_map(|admin| admin.tls.as_ref());
    for files in admin.flat_map(|tls| &tls.certificates) {
        if let Err(finding) = leaf(files, now, &mut findings) {
            findings.push(finding);
        }
    }
    for listener in &loaded.config.listeners {
        let Some(tls) = &listener.tls else { continue };
        let mut leaves = Vec::new();
        for files in &tls.certificates {
            match leaf(files, now, &mut findings) {
                Ok(leaf) => leaves.push(leaf),
                Err(finding) => findings.push(finding),
            }
        }
        if leaves.len() == tls.certificates.len() {
            findings.extend(uncovered(loaded, listener, &leaves));
        }
    }
    findings
}

/// The leaf of one chain, where chain and key can be used together.
fn leaf(
    files: &CertificateFiles,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Result<CertificateDer<'static>, Finding> {
    let chain = chain(&files.chain)?;
    let key = key(&files.key)?;
    findings.extend(exposed(&files.key));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain.clone(), key, &provider).map_err(|error| {
        let (chain, key) = (files.chain.display(), files.key.display());
        match error {
            rustls::Error::InconsistentKeys(_) => {
                Finding::error(format!("the key {key} does not belong to the certificate {chain}"))
                    .with_help("name the key that the certificate was issued for")
            }
            other => Finding::error(format!("{chain} and {key} cannot be used: {other}"))
                .with_help("look at both with `openssl x509 -text` and `openssl pkey -text`"),
        }
    })?;
    let leaf = chain.into_iter().next().ok_or_else(|| no_certificate(&files.chain))?;
    findings.extend(expiry(&files.chain, &leaf, now));
    Ok(leaf)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Finding> {
    let pem = read(path, "certificate")?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(path, &error))?;
    if chain.is_empty() { Err(no_certificate(path)) } else { Ok(chain) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Finding> {
    PrivateKeyDer::from_pem_slice(&read(path, "key")?).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            Finding::error(format!("{} holds no private key that can be used", path.display()))
                .with_help("it must be PEM (PKCS#8, SEC1 or PKCS#1), not encrypted")
        }
        other => not_pem(path, &other),
    })
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Finding> {
    crate::config::read_bytes(path, 1 << 20).map_err(|why| {
        Finding::error(format!("cannot read the {what} {}: {why}", path.display()))
            .with_help(why.way_out())
    })
}

fn not_pem(path: &Path, error: &rustls::pki_types::pem::Error) -> Finding {
    Finding::error(format!("{} is not PEM: {error}", path.display()))
        .with_help("it must be text with a -----BEGIN … line")
}

fn no_certificate(path: &Path) -> Finding {
    Finding::error(format!("{} holds no certificate", path.display()))
        .with_help("it must hold the certificate first and then those that issued it, as PEM")
}

/// A key that other users can read.
fn exposed(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o007 != 0).then(|| {
        Finding::warning(format!("every user of this machine can read the key {}", path.display()))
            .with_help(format!("chmod 640 {}", path.display()))
    })
}

fn expiry(path: &Path, leaf: &CertificateDer<'_>, now: Timestamp) -> Option<Finding> {
    let path = path.display();
    let Some(validity) = validity(leaf) else {
        return Some(
            Finding::warning(format!("cannot tell until when the certificate {path} is valid"))
                .with_help("look at it with `openssl x509 -dates`"),
        );
    };
    let soon = now.checked_add(Span::new().hours(24 * DAYS_BEFORE_END)).unwrap_or(now);
    let (from, until) = (validity.not_before, validity.not_after);
    let finding = if until <= now {
        Finding::error(format!("the certificate {path} ended at {until}"))
    } else if from > now {
        Finding::error(format!("the certificate {path} is valid only from {from}"))
    } else if until <= soon {
        Finding::warning(format!("the certificate {path} ends soon, at {until}"))
    } else {
        return None;
    };
    Some(finding.with_help("renew it; a new file is taken up without a restart"))
}

/// Hosts for which no certificate of a listener is good.
fn uncovered(loaded: &Loaded, listener: &Listener, leaves: &[CertificateDer<'_>]) -> Vec<Finding> {
    let parsed: Vec<ParsedCertificate<'_>> =
        leaves.iter().filter_map(|leaf| ParsedCertificate::try_from(leaf).ok()).collect();
    let covered = |name: &ServerName<'_>| {
        parsed.iter().any(|leaf| rustls::client::verify_server_name(leaf, name).is_ok())
    };
    let sites = &loaded.config.sites;
    let serves = |site: &SiteId, is_http: bool| match &listener.tcp {
        None => is_http,
        Some(route) => route.sites().contains(site),
    };
    let served = sites.iter().filter(|(id, site)| serves(id, site.tcp.is_none()));
    let hosts = served.flat_map(|(_, site)| &site.hosts);
    hosts
        .filter_map(|host| {
            let name = ServerName::try_from(probe(host)?).ok()?;
            (!covered(&name)).then(|| {
                Finding::warning(format!(
                    "no certificate of the listener `{}` is good for the host {host}",
                    listener.name
                ))
                .with_help("add one to its `tls.certificates`, or browsers will refuse to go on")
            })
        })
        .collect()
}

/// A host that the pattern takes.
fn probe(host: &HostPattern) -> Option<String> {
    match host {
        HostPattern::Exact(host) => {
            Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
        }
        HostPattern::Suffix(suffix) => Some(format!("any.{suffix}")),
        HostPattern::Any => None,
    }
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;

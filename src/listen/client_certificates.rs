//! Certificates that clients show: whose authorities count, and what a shown one says.
//!
//! Always holds: a chain is verified up to the authority of one provider, never of another's; a
//! revocation list that has expired, or is silent on an issuer, closes; a certificate that was good
//! in the handshake is verified anew while its connection lasts. A new list that cannot be used
//! leaves the old one in place, until that expires.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::alternative_names::alternative_name;
use super::certificates::{CertificateError, Fingerprint, Reloaded, fingerprint};
use super::validity::{next_update, validity};
use crate::config::{CertificateName, ClientCertificate, ClientCertificates};
use crate::identifier::ProviderId;
use crate::pem_file::PemFile;

/// A shown certificate is verified anew after this long at the latest.
const VERIFIED_FOR: i64 = 10;

/// The authorities of one listener.
#[derive(Debug)]
pub(super) struct Authorities {
    rules: ClientCertificates,
    current: ArcSwap<Vec<Authority>>,
    tried: Mutex<Vec<Option<Fingerprint>>>,
    /// Grows with each new list.
    generation: AtomicU64,
    algorithms: WebPkiSupportedAlgorithms,
    hints: Vec<DistinguishedName>,
}

#[derive(Debug)]
struct Authority {
    provider: ProviderId,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// A certificate that a client has shown, and proven to hold the key of.
#[derive(Debug)]
pub struct ShownCertificate {
    chain: Vec<CertificateDer<'static>>,
    authorities: Arc<Authorities>,
    verified: Mutex<Option<Verified>>,
}

#[derive(Debug)]
struct Verified {
    generation: u64,
    at: Timestamp,
    providers: Vec<ProviderId>,
}

impl PartialEq for ShownCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for ShownCertificate {}

impl Authorities {
    pub(super) fn load(rules: &ClientCertificates) -> Result<Self, CertificateError> {
        let tried = fingerprints(rules);
        let current = load(rules)?;
        let hints = current.iter().flat_map(|one| one.verifier.root_hint_subjects()).cloned();
        Ok(Self {
            hints: hints.collect(),
            rules: rules.clone(),
            current: ArcSwap::from_pointee(current),
            tried: Mutex::new(tried),
            generation: AtomicU64::new(0),
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        })
    }

    /// Reads authorities and lists anew where a file has changed.
    pub(super) fn reload_if_changed(&self) -> Result<Reloaded, CertificateError> {
        let now = fingerprints(&self.rules);
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if *tried == now {
            return Ok(Reloaded::Unchanged);
        }
        *tried = now;
        drop(tried);
        self.current.store(Arc::new(load(&self.rules)?));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(Reloaded::Replaced)
    }

    /// Whether a host's clients are asked for a certificate.
    pub(super) fn concern(&self, server_name: Option<&str>) -> bool {
        let hosts = &self.rules.hosts;
        hosts.is_empty()
            || server_name.is_some_and(|name| {
                let name = name.to_ascii_lowercase();
                hosts.iter().any(|pattern| pattern.matches(&name))
            })
    }

    /// Those under whose authority a chain is good at this instant.
    fn accepting(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Vec<ProviderId> {
        let Some((leaf, intermediates)) = chain.split_first() else { return Vec::new() };
        let current = self.current.load();
        let good =
            |one: &&Authority| one.verifier.verify_client_cert(leaf, intermediates, now).is_ok();
        current.iter().filter(good).map(|one| one.provider.clone()).collect()
    }
}

impl ClientCertVerifier for Authorities {
    fn client_auth_mandatory(&self) -> bool {
        self.rules.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let mut refused = rustls::Error::General("no authority is configured".to_owned());
        for one in self.current.load().iter() {
            match one.verifier.verify_client_cert(end_entity, intermediates, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ShownCertificate {
    pub(super) fn new(chain: &[CertificateDer<'_>], authorities: Arc<Authorities>) -> Self {
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        Self { chain, authorities, verified: Mutex::default() }
    }

    /// The providers under whose authority it is good now.
    #[must_use]
    pub fn accepted_by(&self, now: Timestamp) -> Vec<ProviderId> {
        let generation = self.authorities.generation.load(Ordering::Acquire);
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*verified
            && known.generation == generation
            && (0..VERIFIED_FOR).contains(&now.duration_since(known.at).as_secs())
        {
            return known.providers.clone();
        }
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let unix = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let providers = self.authorities.accepting(&self.chain, unix);
        *verified = Some(Verified { generation, at: now, providers: providers.clone() });
        providers
    }

    /// From when on it is valid.
    #[must_use]
    pub fn issued(&self) -> Option<Timestamp> {
        Some(validity(self.chain.first()?)?.not_before)
    }

    /// The one alternative name of this kind; none where there is none, or more than one.
    #[must_use]
    pub fn name(&self, kind: CertificateName) -> Option<String> {
        alternative_name(self.chain.first()?, kind)
    }
}

fn load(rules: &ClientCertificates) -> Result<Vec<Authority>, CertificateError> {
    rules
        .authorities
        .iter()
        .map(|(provider, one)| {
            Ok(Authority { provider: provider.clone(), verifier: verifier(one)? })
        })
        .collect()
}

/// What the files of a provider hold, for whoever only looks.
#[derive(Debug)]
pub(crate) struct ExaminedAuthority {
    /// Until when each certificate of the authority is valid.
    pub(crate) ends: Vec<Timestamp>,
    /// When the next revocation list is due, by the file with this one.
    pub(crate) next_lists: Vec<(PathBuf, Timestamp)>,
}

impl ExaminedAuthority {
    /// Reads them as the gateway does.
    ///
    /// # Errors
    /// [`CertificateError`] where they cannot be used.
    pub(crate) fn read(rules: &ClientCertificate) -> Result<Self, CertificateError> {
        verifier(rules)?;
        let authorities = certificates(rules)?;
        let ends = authorities.iter().filter_map(|one| Some(validity(one)?.not_after)).collect();
        let mut next_lists = Vec::new();
        for path in &rules.crl {
            let due = lists(path)?.into_iter().filter_map(|list| next_update(&list));
            next_lists.extend(due.map(|due| (path.clone(), due)));
        }
        Ok(Self { ends, next_lists })
    }
}

fn certificates(
    rules: &ClientCertificate,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    Ok(PemFile::read(&rules.ca)?.certificates()?)
}

fn lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, CertificateError> {
    Ok(PemFile::read(path)?.revocation_lists()?)
}

fn verifier(rules: &ClientCertificate) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(rules)? {
        roots
            .add(certificate)
            .map_err(|source| CertificateError::Authority { path: rules.ca.clone(), source })?;
    }
    let mut all = Vec::new();
    for path in &rules.crl {
        all.extend(lists(path)?);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if !all.is_empty() {
        builder = builder.with_crls(all).enforce_revocation_expiration();
    }
    builder.build().map_err(|source| CertificateError::Lists { path: rules.ca.clone(), source })
}

fn fingerprints(rules: &ClientCertificates) -> Vec<Option<Fingerprint>> {
    let files = rules.authorities.iter().flat_map(|(_, one)| one.crl.iter().chain([&one.ca]));
    files.map(|path| fingerprint(path)).collect()
}

//! Certificates by server name, loaded anew when their files change.
//!
//! Always holds: what is served is a chain whose key fits. A bad new file leaves the old in place.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::validity::validity;
use crate::config::CertificateFiles;
use crate::pem_file::{PemFile, PemFileError};
use crate::telemetry;

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file that cannot be read, or holds nothing of the kind.
    #[error(transparent)]
    File(#[from] PemFileError),
    /// The certificate itself is broken.
    #[error("the first certificate in {} is not valid X.509", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: webpki::Error,
    },
    /// The key is not the first certificate's, or is of a kind that is not known.
    #[error(
        "the key in {} does not fit the first certificate in {}; the chain begins with the server's own certificate",
        key.display(), chain.display()
    )]
    Key {
        /// The chain.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
        /// What TLS said.
        source: rustls::Error,
    },
    /// A certificate that cannot be an authority.
    #[error("the certificate in {} cannot be an authority for clients", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What TLS said.
        source: rustls::Error,
    },
    /// Revocation lists that cannot be used.
    #[error("the revocation lists that belong to {} cannot be used", path.display())]
    Lists {
        /// The authority's file.
        path: PathBuf,
        /// What TLS said.
        source: rustls::server::VerifierBuilderError,
    },
    /// `tls` without certificates.
    #[error("no certificate is configured")]
    None,
}

/// What [`Certificates::reload_if_changed`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The files are those that are served, or those that have been refused already.
    Unchanged,
    /// New certificates are served from now on.
    Replaced,
}

/// The certificates of one listener.
#[derive(Debug)]
pub struct Certificates {
    files: Vec<CertificateFiles>,
    current: ArcSwap<ByName>,
    tried: Mutex<Tried>,
}

/// The files as they were looked at last, and why they are not served, where they are not.
#[derive(Debug)]
struct Tried {
    files: Vec<Option<Fingerprint>>,
    refused: Option<String>,
}

/// Until when one certificate is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The file it is in.
    pub chain: PathBuf,
    /// The end of its validity (RFC 5280 section 4.1.2.5); none where that cannot be read.
    pub not_after: Option<Timestamp>,
}

#[derive(Debug)]
struct ByName {
    expiries: Vec<Expiry>,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what stands behind `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    first: Arc<CertifiedKey>,
}

/// Enough to see that a file has been written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Certificates {
    /// Loads every chain and key.
    ///
    /// # Errors
    /// [`CertificateError`] for the first that cannot be used.
    pub fn load(files: &[CertificateFiles]) -> Result<Self, CertificateError> {
        let tried = fingerprints(files);
        let current = ByName::load(files)?;
        Ok(Self {
            files: files.to_vec(),
            current: ArcSwap::from_pointee(current),
            tried: Mutex::new(Tried { files: tried, refused: None }),
        })
    }

    /// Looks at the files and, where one has changed, loads them all. Reads files: call it off the
    /// threads that serve. Refused files are named once, until they change again.
    ///
    /// # Errors
    /// [`CertificateError`] where the new files cannot be used; the old ones are served on.
    pub fn reload_if_changed(&self) -> Result<Reloaded, CertificateError> {
        // Taken before the files are read: a change in between is seen at the next look.
        let now = fingerprints(&self.files);
        let mut tried = self.lock_tried();
        if tried.files == now {
            return Ok(Reloaded::Unchanged);
        }
        tried.files = now;
        drop(tried);
        let loaded = ByName::load(&self.files);
        self.lock_tried().refused = loaded.as_ref().err().map(|error| telemetry::chain(error));
        self.current.store(Arc::new(loaded?));
        Ok(Reloaded::Replaced)
    }

    /// Why the files as they are now are not served; none where they are.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.lock_tried().refused.clone()
    }

    fn lock_tried(&self) -> MutexGuard<'_, Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when those that are served are valid.
    #[must_use]
    pub fn expiries(&self) -> Vec<Expiry> {
        self.current.load().expiries.clone()
    }

    fn named(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let current = self.current.load();
        let found = name.and_then(|name| current.find(&name.to_ascii_lowercase()));
        Arc::clone(found.unwrap_or(&current.first))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.named(hello.server_name()))
    }
}

impl ByName {
    fn load(files: &[CertificateFiles]) -> Result<Self, CertificateError> {
        let (mut exact, mut wildcard, mut first) = (HashMap::new(), HashMap::new(), None);
        let mut expiries = Vec::new();
        for pair in files {
            let certified = Arc::new(certified_key(pair)?);
            for name in names(&certified, &pair.chain)? {
                // The first that names a host serves it.
                match name.strip_prefix("*.") {
                    Some(suffix) => {
                        wildcard.entry(suffix.to_owned()).or_insert_with(|| Arc::clone(&certified))
                    }
                    None => exact.entry(name).or_insert_with(|| Arc::clone(&certified)),
                };
            }
            let leaf = certified.cert.first();
            expiries.push(Expiry {
                chain: pair.chain.clone(),
                not_after: leaf.and_then(|leaf| Some(validity(leaf)?.not_after)),
            });
            first.get_or_insert(certified);
        }
        let first = first.ok_or(CertificateError::None)?;
        Ok(Self { expiries, exact, wildcard, first })
    }

    /// A wildcard stands for exactly one label (RFC 6125 section 6.4.3).
    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let parent = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        self.exact.get(name).or_else(parent)
    }
}

fn certified_key(pair: &CertificateFiles) -> Result<CertifiedKey, CertificateError> {
    let chain = PemFile::read(&pair.chain)?.certificates()?;
    let key = PemFile::read(&pair.key)?.private_key()?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|source| {
        CertificateError::Key { chain: pair.chain.clone(), key: pair.key.clone(), source }
    })
}

fn names(certified: &CertifiedKey, chain: &Path) -> Result<Vec<String>, CertificateError> {
    let Some(leaf) = certified.cert.first() else { return Ok(Vec::new()) };
    let leaf = webpki::EndEntityCert::try_from(leaf)
        .map_err(|source| CertificateError::Certificate { path: chain.to_owned(), source })?;
    Ok(leaf.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

fn fingerprints(files: &[CertificateFiles]) -> Vec<Option<Fingerprint>> {
    files.iter().flat_map(|pair| [&pair.chain, &pair.key]).map(|path| fingerprint(path)).collect()
}

pub(super) fn fingerprint(path: &Path) -> Option<Fingerprint> {
    let metadata = fs::metadata(path).ok()?;
    Some(Fingerprint {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    })
}

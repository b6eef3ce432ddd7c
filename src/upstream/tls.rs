//! TLS to upstreams: whom to trust, and what to show.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};

use crate::config::{UpstreamProtocol, UpstreamTls};
use crate::pem_file::{PemFile, PemFileError};

/// Why TLS to an upstream cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read, or holds nothing of the kind.
    #[error(transparent)]
    File(#[from] PemFileError),
    /// An authority's certificate is broken.
    #[error("{} holds a certificate that cannot be used", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The key is not the certificate's.
    #[error("{} and {} cannot be used together", chain.display(), key.display())]
    Key {
        /// The chain.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
        /// What TLS said.
        #[source]
        source: rustls::Error,
    },
    /// A server whose name no certificate can carry, so that it could not be told from another.
    #[error(
        "no certificate can name `{0}`; say under `tls` which `server_name` its certificate has"
    )]
    Name(String),
    /// The operating system's certificate store.
    #[error(
        "the operating system's certificates cannot be read; name a `ca` or install ca-certificates"
    )]
    System(#[source] rustls::Error),
}

/// How TLS is spoken to the servers of a site.
#[derive(Debug)]
pub(super) struct ClientTls {
    /// As the site's `protocol` says.
    pub(super) any: Arc<ClientConfig>,
    /// For what only HTTP/1.1 can do.
    pub(super) http1: Arc<ClientConfig>,
    /// For bytes of any protocol: none is agreed on.
    pub(super) bytes: Arc<ClientConfig>,
    /// What was read from the files: whether a reload brings something else.
    digest: [u8; 32],
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.any.alpn_protocols == other.any.alpn_protocols
    }
}

/// What the operating system trusts; read once, where a site needs it.
#[derive(Debug, Default)]
pub(super) struct SystemTrust(OnceLock<Arc<dyn ServerCertVerifier>>);

impl SystemTrust {
    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        if let Some(verifier) = self.0.get() {
            return Ok(Arc::clone(verifier));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            rustls_platform_verifier::Verifier::new(provider).map_err(TlsError::System)?;
        Ok(Arc::clone(self.0.get_or_init(|| Arc::new(verifier))))
    }
}

/// TLS to somebody whom the gateway itself asks something, over HTTP/1.1: whom to trust, nothing to
/// show.
pub(crate) fn trusting(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let tls = UpstreamTls { ca: ca.map(Path::to_owned), ..UpstreamTls::default() };
    Ok(load(&tls, UpstreamProtocol::Http1, &SystemTrust::default())?.http1)
}

/// Reads what the configuration names.
pub(super) fn load(
    tls: &UpstreamTls,
    protocol: UpstreamProtocol,
    system: &SystemTrust,
) -> Result<ClientTls, TlsError> {
    let mut digest = Sha256::new();
    let builder = ClientConfig::builder();
    let builder = match &tls.ca {
        Some(path) => {
            let file = PemFile::read(path)?;
            digest.update(file.octets());
            builder.with_root_certificates(authorities(path, &file)?)
        }
        None => builder.dangerous().with_custom_certificate_verifier(system.verifier()?),
    };
    let mut config = match &tls.certificate {
        Some(files) => {
            let (chain, key) = (PemFile::read(&files.chain)?, PemFile::read(&files.key)?);
            digest.update([0]);
            digest.update(chain.octets());
            digest.update(key.octets());
            let (chain, key) = (chain.certificates()?, key.private_key()?);
            builder.with_client_auth_cert(chain, key).map_err(|source| TlsError::Key {
                chain: files.chain.clone(),
                key: files.key.clone(),
                source,
            })?
        }
        None => builder.with_no_client_auth(),
    };
    let bytes = Arc::new(config.clone());
    let (http1, http2) = (b"http/1.1".to_vec(), b"h2".to_vec());
    config.alpn_protocols = vec![http1.clone()];
    let only_http1 = Arc::new(config.clone());
    config.alpn_protocols = match protocol {
        UpstreamProtocol::Auto => vec![http2, http1],
        UpstreamProtocol::Http1 => vec![http1],
        UpstreamProtocol::Http2 => vec![http2],
    };
    let digest = digest.finalize().into();
    Ok(ClientTls { any: Arc::new(config), http1: only_http1, bytes, digest })
}

/// How TLS is spoken to a server that is no upstream: without a protocol in it and without showing a
/// certificate. Reads files, so call it off the threads that serve.
pub(crate) fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder();
    let builder = match ca {
        Some(path) => builder.with_root_certificates(authorities(path, &PemFile::read(path)?)?),
        None => {
            let verifier = SystemTrust::default().verifier()?;
            builder.dangerous().with_custom_certificate_verifier(verifier)
        }
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn authorities(path: &Path, file: &PemFile<'_>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Authority { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

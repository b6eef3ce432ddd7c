//! A certificate authority of one's own, and what it issues, as files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

/// An authority with its certificate in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate.
    pub file: PathBuf,
}

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, in this directory under this name.
    pub fn new(directory: &Path, name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(parameters, key).unwrap();
        let file = directory.join(format!("{name}.pem"));
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A certificate for this name.
    pub fn issue(&self, name: &str) -> Issued {
        self.issue_for(name, &[name])
    }

    /// A certificate for these names, in files that are called by `name`.
    pub fn issue_for(&self, name: &str, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.signed(name, &CertificateParams::new(names).unwrap())
    }

    /// A certificate for this name that ended long ago.
    pub fn issue_expired(&self, name: &str) -> Issued {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2023, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2024, 1, 1);
        self.signed(&format!("{name}-expired"), &parameters)
    }

    fn signed(&self, name: &str, parameters: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let base = self.file.with_extension("");
        let issued = Issued {
            chain: PathBuf::from(format!("{}-{name}.pem", base.display())),
            key: PathBuf::from(format!("{}-{name}.key", base.display())),
        };
        std::fs::write(&issued.chain, certificate.pem()).unwrap();
        std::fs::write(&issued.key, key.serialize_pem()).unwrap();
        issued
    }

    /// What trusts this authority alone.
    pub fn roots(&self) -> Arc<rustls::RootCertStore> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.file).unwrap()).unwrap();
        Arc::new(roots)
    }

    /// A server with a certificate for this name, which speaks these; `clients` is the authority
    /// that its clients must come from.
    pub fn server(
        &self,
        name: &str,
        protocols: &[&str],
        clients: Option<&Self>,
    ) -> rustls::ServerConfig {
        let mut config = Self::server_with(&self.issue(name), clients);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    /// A server with this certificate; `clients` as for `server`.
    pub fn server_with(issued: &Issued, clients: Option<&Self>) -> rustls::ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(authority.roots(), provider)
                    .build()
                    .unwrap(),
            ),
        };
        builder
            .with_single_cert(
                vec![CertificateDer::from_pem_file(&issued.chain).unwrap()],
                PrivateKeyDer::from_pem_file(&issued.key).unwrap(),
            )
            .unwrap()
    }
}

//! What is wrong with the certificate that a server showed us, in words that say what to do.
//!
//! TLS libraries name the rule that was broken; whoever reads a log at midnight wants to know which
//! certificate to change. Wherever an error is told with its causes, this is told with it.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// What to do about it, where a certificate is what an error comes from.
pub(crate) fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(wrong) = certificate_error(error) {
            return about(wrong);
        }
        next = error.source();
    }
    None
}

fn certificate_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CertificateError> {
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let tls = match within {
        Some(within) => within.downcast_ref::<rustls::Error>(),
        None => error.downcast_ref::<rustls::Error>(),
    };
    match tls? {
        rustls::Error::InvalidCertificate(wrong) => Some(wrong),
        _ => None,
    }
}

fn about(wrong: &CertificateError) -> Option<&'static str> {
    match wrong {
        CertificateError::Other(other)
            if other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
        {
            Some(
                "the server shows the certificate of an authority, as self-signed ones mostly are; \
                 give the server one that an authority has issued and name the authority's as `ca`, \
                 or make a self-signed one with basicConstraints=CA:FALSE and name that as `ca`",
            )
        }
        CertificateError::UnknownIssuer => Some(
            "nobody who is trusted here has issued the server's certificate; name the certificate \
             of the authority that did as `ca`",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Some("the server's certificate has another name; write the name that stands in it")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Some("the server's certificate has run out, or this machine's clock is wrong")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;
    use crate::telemetry;

    struct Own {
        certificate: CertificateDer<'static>,
        key: KeyPair,
    }

    fn self_signed(is_authority: bool) -> Own {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["dc.example.dk".to_owned()]).unwrap();
        let common_name = if is_authority { "authority" } else { "dc" };
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.is_ca = match is_authority {
            true => IsCa::Ca(BasicConstraints::Unconstrained),
            false => IsCa::ExplicitNoCa,
        };
        Own { certificate: params.self_signed(&key).unwrap().der().clone(), key }
    }

    /// How TLS ends where this is trusted and that is shown.
    fn shake_hands(trusted: &Own, shown: &Own, name: &str) -> Result<(), io::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.certificate.clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
        let chain = vec![shown.certificate.clone()];
        let server = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server.unwrap())).unwrap();
        for _ in 0..4 {
            let mut said = Vec::new();
            client.write_tls(&mut said).unwrap();
            server.read_tls(&mut said.as_slice()).unwrap();
            let _ = server.process_new_packets();
            let mut answered = Vec::new();
            server.write_tls(&mut answered).unwrap();
            client.read_tls(&mut answered.as_slice()).unwrap();
            client
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        assert!(!client.is_handshaking());
        Ok(())
    }

    #[test]
    fn an_error_of_tls_says_which_certificate_to_change_and_the_advice_holds() {
        let (authority, plain) = (self_signed(true), self_signed(false));
        let told = |trusted, shown, name| {
            let error = shake_hands(trusted, shown, name).unwrap_err();
            telemetry::chain(&error)
        };
        let own = told(&authority, &authority, "dc.example.dk");
        assert!(own.contains("CaUsedAsEndEntity") && own.contains("CA:FALSE"), "{own}");
        let stranger = told(&authority, &plain, "dc.example.dk");
        assert!(stranger.contains("of the authority that did as `ca`"), "{stranger}");
        let name = told(&plain, &plain, "other.example.dk");
        assert!(name.contains("write the name that stands in it"), "{name}");
        shake_hands(&plain, &plain, "dc.example.dk").unwrap();
        assert_eq!(advice(&io::Error::other("no TLS")), None);
    }
}

//! The gateway shows a provider which client it is by a signature instead of a secret
//! (`private_key_jwt`: RFC 7523, OpenID Connect Core section 9).
//!
//! Always holds: the key never leaves this process; an assertion is made for one request, is
//! addressed to one provider, and is over before anybody could make use of it elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls::InconsistentKeys;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::clock;
use crate::config::ClientKey;
use crate::pem_file::{PemFile, PemFileError};

/// What a weaker key signs, no provider should take.
const FEWEST_RSA_OCTETS: usize = 256;
/// So many seconds an assertion lasts: a provider's clock may be a little off.
const LASTS: i64 = 60;

/// Why a client's key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientKeyError {
    /// A file that cannot be read, or holds nothing of the kind.
    #[error(transparent)]
    File(#[from] PemFileError),
    /// A key with which nothing can be signed that a provider takes.
    #[error(
        "{} holds neither an RSA key of 2048 bits or more nor one on P-256; make another: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        .0.display()
    )]
    Kind(PathBuf),
    /// The certificate is another key's.
    #[error(
        "{} is not the certificate of the key in {}; name the two that belong together",
        certificate.display(),
        key.display()
    )]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
}

/// A key that signs.
enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

/// Makes assertions.
pub(super) struct Assertions {
    signer: Signer,
    header: String,
}

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertions")
    }
}

impl Assertions {
    /// Reads the key, and the certificate where there is one.
    pub(super) fn read(settings: &ClientKey) -> Result<Self, ClientKeyError> {
        let path = &settings.key;
        let key = PemFile::read(path)?.private_key()?;
        let signer = Signer::of(&key).ok_or_else(|| ClientKeyError::Kind(path.clone()))?;
        let mut header = Map::new();
        let mut say = |name: &str, value: &str| header.insert(name.to_owned(), json!(value));
        say("alg", signer.algorithm());
        say("typ", "JWT");
        if let Some(id) = &settings.key_id {
            say("kid", id);
        }
        if let Some(certificate) = &settings.certificate {
            let der = certificate_of(certificate, path, &key)?;
            let thumbprint = |by| URL_SAFE_NO_PAD.encode(digest::digest(by, &der));
            // Entra ID takes either, AD FS the older one.
            say("x5t#S256", &thumbprint(&digest::SHA256));
            say("x5t", &thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY));
        }
        Ok(Self { signer, header: URL_SAFE_NO_PAD.encode(Value::Object(header).to_string()) })
    }

    /// An assertion for one request. None only where the library fails.
    pub(super) fn make(
        &self,
        client: &str,
        audience: &str,
        now: Timestamp,
    ) -> Option<Zeroizing<String>> {
        let now = now.as_second();
        let claims = json!({
            "iss": client,
            "sub": client,
            "aud": audience,
            "jti": URL_SAFE_NO_PAD.encode(clock::random_bytes::<16>()),
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(LASTS),
        });
        let mut token = Zeroizing::new(self.header.clone());
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Some(token)
    }
}

impl Signer {
    fn of(key: &PrivateKeyDer<'_>) -> Option<Self> {
        let (rsa, p256) = match key {
            PrivateKeyDer::Pkcs1(key) => (RsaKeyPair::from_der(key.secret_pkcs1_der()).ok(), None),
            PrivateKeyDer::Sec1(key) => {
                let p256 = &ECDSA_P256_SHA256_FIXED_SIGNING;
                (None, EcdsaKeyPair::from_private_key_der(p256, key.secret_sec1_der()).ok())
            }
            PrivateKeyDer::Pkcs8(key) => {
                let der = key.secret_pkcs8_der();
                let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                (RsaKeyPair::from_pkcs8(der).ok(), p256.ok())
            }
            _ => (None, None),
        };
        let strong = |key: &RsaKeyPair| key.public_modulus_len() >= FEWEST_RSA_OCTETS;
        rsa.filter(strong).map(Self::Rsa).or(p256.map(Self::P256))
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(key) => Some(key.sign(&random, message).ok()?.as_ref().to_vec()),
        }
    }
}

/// The certificate of a key, where it is that.
fn certificate_of(
    path: &Path,
    key_path: &Path,
    key: &PrivateKeyDer<'static>,
) -> Result<CertificateDer<'static>, ClientKeyError> {
    let certificate = PemFile::read(path)?.certificates()?.swap_remove(0);
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(key)
        .map_err(|_| ClientKeyError::Kind(key_path.to_owned()))?;
    let both = CertifiedKey::new(vec![certificate.clone()], Arc::clone(&signing));
    match both.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certificate),
        Err(_) => {
            Err(ClientKeyError::Mismatch { certificate: path.to_owned(), key: key_path.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AssertionAudience;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    };

    fn settings(directory: &Path, pem: &str) -> ClientKey {
        let key = directory.join("key.pem");
        std::fs::write(&key, pem).unwrap();
        let audience = AssertionAudience::TokenEndpoint;
        ClientKey { key, certificate: None, key_id: None, audience }
    }

    fn parts(token: &str) -> (Value, Value, Vec<u8>, String) {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { panic!("{token}") };
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let json = |text: &str| serde_json::from_slice(&decoded(text)).unwrap();
        (json(header), json(claims), decoded(signature), format!("{header}.{claims}"))
    }

    #[test]
    fn an_assertion_is_signed_by_the_key_for_one_request() {
        let directory = tempfile::tempdir().unwrap();
        let now = "2026-12-01T08:00:00Z".parse().unwrap();
        for algorithm in [&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let mut settings = settings(directory.path(), &key.serialize_pem());
            settings.key_id = Some("nøgle 1".to_owned());
            let assertions = Assertions::read(&settings).unwrap();
            let make = || assertions.make("geovagt", "https://idp/token", now).unwrap();
            let (header, claims, signature, signed) = parts(&make());
            let (name, by, public): (_, &'static dyn VerificationAlgorithm, _) =
                match &assertions.signer {
                    Signer::Rsa(key) => {
                        ("RS256", &RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref().to_vec())
                    }
                    Signer::P256(key) => {
                        ("ES256", &ECDSA_P256_SHA256_FIXED, key.public_key().as_ref().to_vec())
                    }
                };
            UnparsedPublicKey::new(by, public).verify(signed.as_bytes(), &signature).unwrap();
            assert_eq!(header, json!({"alg": name, "typ": "JWT", "kid": "nøgle 1"}));
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!("geovagt"), &json!("geovagt")));
            assert_eq!(claims["aud"], "https://idp/token");
            assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
            assert_ne!(parts(&make()).1["jti"], claims["jti"], "none is made twice");
        }
    }

    #[test]
    fn a_certificate_must_be_of_the_key_and_is_named_by_its_thumbprints() {
        let directory = tempfile::tempdir().unwrap();
        let issue = || rcgen::generate_simple_self_signed(["geovagt".to_owned()]).unwrap();
        let (own, other) = (issue(), issue());
        let mut settings = settings(directory.path(), &own.signing_key.serialize_pem());
        let path = directory.path().join("certificate.pem");
        settings.certificate = Some(path.clone());
        std::fs::write(&path, own.cert.pem()).unwrap();
        let made = Assertions::read(&settings).unwrap();
        let (header, ..) = parts(&made.make("g", "a", Timestamp::UNIX_EPOCH).unwrap());
        let digest = digest::digest(&digest::SHA256, own.cert.der());
        assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(digest));
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, own.cert.der());
        assert_eq!(
            (&header["alg"], &header["x5t"]),
            (&json!("ES256"), &json!(URL_SAFE_NO_PAD.encode(digest)))
        );
        std::fs::write(&path, other.cert.pem()).unwrap();
        let wrong = Assertions::read(&settings).unwrap_err();
        assert!(matches!(wrong, ClientKeyError::Mismatch { .. }), "{wrong}");
        std::fs::write(&path, "rubbish").unwrap();
        let wrong = Assertions::read(&settings).unwrap_err();
        assert!(matches!(wrong, ClientKeyError::File(PemFileError::Content { .. })), "{wrong}");
    }

    #[test]
    fn a_key_that_no_provider_takes_is_refused_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let unfit = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let settings = settings(directory.path(), &unfit.serialize_pem());
        let wrong = Assertions::read(&settings).unwrap_err();
        assert!(matches!(wrong, ClientKeyError::Kind(_)), "{wrong}");
        assert!(!format!("{wrong:?} {wrong}").contains("PRIVATE"));
        std::fs::remove_file(&settings.key).unwrap();
        let wrong = Assertions::read(&settings).unwrap_err();
        assert!(matches!(wrong, ClientKeyError::File(PemFileError::Read { .. })), "{wrong}");
    }
}

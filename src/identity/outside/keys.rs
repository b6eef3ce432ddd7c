//! The public keys of an issuer, as far as they can sign a token for us.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::client::Silence;

/// An issuer has a few keys; a document with more is not one.
const MOST_KEYS: usize = 100;
/// 2048 bits, in base64url without padding; a shorter modulus is no key any more.
const SHORTEST_MODULUS: usize = 341;

/// The keys of one issuer.
pub(super) struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517). A key that we cannot use is left out; a secret never is one.
    pub(super) fn read(document: &[u8], from: &str) -> Result<Self, Silence> {
        let nonsense = |why: &str| Silence::Nonsense(from.to_owned(), why.to_owned());
        let document: Document =
            serde_json::from_slice(document).map_err(|_| nonsense("it is no set of keys"))?;
        if document.keys.len() > MOST_KEYS {
            return Err(nonsense("it has more keys than any issuer needs"));
        }
        let keys: Vec<Key> = document.keys.into_iter().filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err(nonsense("none of its keys can be used"));
        }
        Ok(Self(keys))
    }

    /// The key that a token says it was signed with. A token that names none is believed only where
    /// there is no choice.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fit = self.0.iter().filter(|key| {
            key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id)
        });
        match (fit.next(), fit.next()) {
            (Some(key), None) => Some(&key.key),
            _ => None,
        }
    }
}

impl Key {
    fn read(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let mut algorithms = algorithms(&jwk.algorithm)?;
        if let Some(named) = jwk.common.key_algorithm {
            let named = named.to_string();
            algorithms.retain(|algorithm| format!("{algorithm:?}") == named);
        }
        if !signs || algorithms.is_empty() {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

/// What a key of this shape can sign with; none for a secret, which would let whoever reads it sign.
fn algorithms(shape: &AlgorithmParameters) -> Option<Vec<Algorithm>> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match shape {
        AlgorithmParameters::RSA(rsa) if rsa.n.len() >= SHORTEST_MODULUS => {
            Some(vec![RS256, RS384, RS512, PS256, PS384, PS512])
        }
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => Some(vec![ES256]),
            EllipticCurve::P384 => Some(vec![ES384]),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            Some(vec![EdDSA])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(keys: &serde_json::Value) -> Option<KeySet> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes(), "x").ok()
    }

    /// 2048 bits.
    fn modulus() -> String {
        format!("{}A", "n".repeat(341))
    }

    #[test]
    fn a_secret_a_short_key_and_a_key_for_encryption_are_no_keys_of_ours() {
        let n = modulus();
        assert!(read(&json!([{"kty": "RSA", "n": n, "e": "AQAB"}])).is_some());
        for key in [
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": "RSA", "n": format!("{}A", "n".repeat(171)), "e": "AQAB"}),
            json!({"kty": "RSA", "n": n, "e": "AQAB", "use": "enc"}),
            json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RSA-OAEP"}),
            json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
            json!("rubbish"),
        ] {
            assert!(read(&json!([key.clone()])).is_none(), "{key}");
        }
        assert!(read(&json!([])).is_none());
    }

    #[test]
    fn a_key_is_found_by_its_name_for_what_it_signs_with() {
        let n = modulus();
        let keys = read(&json!([
            {"kty": "RSA", "kid": "a", "n": n, "e": "AQAB", "alg": "RS256"},
            {"kty": "RSA", "kid": "b", "n": n, "e": "AQAB"},
        ]))
        .unwrap();
        assert!(keys.find(Some("a"), Algorithm::RS256).is_some());
        assert!(keys.find(Some("a"), Algorithm::PS256).is_none());
        assert!(keys.find(Some("b"), Algorithm::PS256).is_some());
        assert!(keys.find(Some("c"), Algorithm::RS256).is_none());
        assert!(keys.find(None, Algorithm::RS256).is_none(), "there is a choice");
        assert!(keys.find(None, Algorithm::PS256).is_some(), "there is none");
        assert!(keys.find(Some("a"), Algorithm::HS256).is_none());
    }
}

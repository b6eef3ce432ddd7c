//! The session cookie: sealed, for one organisation, ended by idleness, by its age, by signing out
//! and by any change of the account.
//!
//! Over TLS the cookie is `__Host-geovagt`: a browser takes it from this very host alone and sends it
//! to no other. A plain listener (the demo on loopback) cannot set such a cookie, so there it is
//! `geovagt`; neither name is taken where the other belongs.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::outside::Proof;
use crate::clock;

pub(super) const SESSION_COOKIE: &str = "geovagt";
/// A session ends this long after it began, whatever happens.
pub(super) const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// A session ends this long after its last renewal.
pub(super) const IDLE: SignedDuration = SignedDuration::from_mins(60);
/// A session is renewed when its last renewal is this old.
const RENEW_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How far the clocks of two nodes may differ.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);

const BOUND_TO: &[u8] = b"geovagt session 1";
/// A browser keeps 4096 bytes with name and attributes.
const LONGEST_VALUE: usize = 3800;

/// What is sealed in the cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) organization: String,
    pub(super) provider: String,
    pub(super) subject: String,
    pub(super) epoch: i64,
    pub(super) life: Life,
    /// What an outside provider proved; none for a local account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outside: Option<Proof>,
}

/// When a session began and was last renewed, and its own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Life {
    pub(super) id: String,
    pub(super) began: Timestamp,
    pub(super) renewed: Timestamp,
}

impl Life {
    pub(super) fn begin(now: Timestamp) -> Self {
        Self { id: hex::encode(clock::random_bytes::<16>()), began: now, renewed: now }
    }

    pub(super) fn ends(&self) -> Timestamp {
        self.began.checked_add(LONGEST).unwrap_or(Timestamp::MIN)
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let from_the_future = |instant: Timestamp| instant.duration_since(now) > CLOCK_DIFFERENCE;
        now >= self.ends()
            || now.duration_since(self.renewed) >= IDLE
            || from_the_future(self.began)
            || from_the_future(self.renewed)
    }

    /// The same session, renewed; none where that is not due.
    pub(super) fn renew(&self, now: Timestamp) -> Option<Self> {
        let due = now.duration_since(self.renewed) >= RENEW_AFTER && !self.is_over(now);
        due.then(|| Self { renewed: now, ..self.clone() })
    }
}

/// Seals and opens cookies.
pub(super) struct Seal(LessSafeKey);

impl Seal {
    #[expect(clippy::expect_used, reason = "the key has the length of the algorithm")]
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).expect("a key of 32 bytes fits");
        Self(LessSafeKey::new(key))
    }

    /// None only where the library fails.
    pub(super) fn close(&self, content: &impl Serialize) -> Option<String> {
        let nonce = clock::random_bytes::<NONCE_LEN>();
        let mut sealed = serde_json::to_vec(content).ok()?;
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(unique, Aad::from(BOUND_TO), &mut sealed).ok()?;
        let value = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        (value.len() <= LONGEST_VALUE).then_some(value)
    }

    pub(super) fn open<T: DeserializeOwned>(&self, value: &str) -> Option<T> {
        if value.len() > LONGEST_VALUE {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(BOUND_TO), &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }
}

/// The value of our cookie of this name. None where it is there twice: a second one can only come
/// from somebody who wants to be taken for the first.
pub(super) fn cookie_value<'a>(
    headers: &'a HeaderMap,
    name: &str,
    secure: bool,
) -> Option<&'a str> {
    cookie_value_named(headers, &full_name(name, secure))
}

/// The same by the whole name.
pub(super) fn cookie_value_named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = values_named(headers, name.to_owned());
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// Every value of our cookie of this name.
pub(super) fn cookie_values<'a>(
    headers: &'a HeaderMap,
    name: &str,
    secure: bool,
) -> impl Iterator<Item = &'a str> {
    values_named(headers, full_name(name, secure))
}

fn values_named(headers: &HeaderMap, name: String) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
        .filter_map(move |(found, value)| (found == name).then_some(value))
}

/// A `Set-Cookie` that keeps `value` until the browser ends.
pub(super) fn set_cookie(name: &str, value: &str, secure: bool) -> HeaderValue {
    header(&format!("{}={value}; {}", full_name(name, secure), attributes(secure)))
}

/// A `Set-Cookie` that keeps `value` for so many seconds.
pub(super) fn lasting_cookie(name: &str, value: &str, secure: bool, seconds: i64) -> HeaderValue {
    let (name, attributes) = (full_name(name, secure), attributes(secure));
    header(&format!("{name}={value}; Max-Age={seconds}; {attributes}"))
}

/// A `Set-Cookie` with a whole name and attributes of its own.
pub(super) fn cookie_with(name: &str, value: &str, attributes: &str) -> HeaderValue {
    header(&format!("{name}={value}; {attributes}"))
}

/// A `Set-Cookie` that removes the cookie.
pub(super) fn remove_cookie(name: &str, secure: bool) -> HeaderValue {
    header(&format!("{}=; Max-Age=0; {}", full_name(name, secure), attributes(secure)))
}

fn full_name(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

fn attributes(secure: bool) -> &'static str {
    if secure { "Path=/; Secure; HttpOnly; SameSite=Lax" } else { "Path=/; HttpOnly; SameSite=Lax" }
}

/// Our values are base64url, so this never fails; an empty header would set nothing.
fn header(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content() -> Content {
        Content {
            organization: "ballerup".into(),
            provider: "local".into(),
            subject: "s".into(),
            epoch: 3,
            life: Life::begin("2026-12-01T08:00:00Z".parse().unwrap()),
            outside: None,
        }
    }

    #[test]
    fn what_is_sealed_opens_and_tells_nothing() {
        let seal = Seal::new(&[1; 32]);
        let value = seal.close(&content()).unwrap();
        assert_eq!(seal.open::<Content>(&value).unwrap().subject, "s");
        assert_ne!(value, seal.close(&content()).unwrap());
        assert!(
            !String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(&value).unwrap()).contains("ballerup")
        );
        assert!(Seal::new(&[2; 32]).open::<Content>(&value).is_none());
    }

    proptest! {
        #[test]
        fn any_other_byte_breaks_the_seal(position: prop::sample::Index, bit in 0_u8..8) {
            let seal = Seal::new(&[1; 32]);
            let mut bytes = URL_SAFE_NO_PAD.decode(seal.close(&content()).unwrap()).unwrap();
            let position = position.index(bytes.len());
            bytes[position] ^= 1 << bit;
            prop_assert!(seal.open::<Content>(&URL_SAFE_NO_PAD.encode(&bytes)).is_none());
            bytes[position] ^= 1 << bit;
            bytes.truncate(position);
            prop_assert!(seal.open::<Content>(&URL_SAFE_NO_PAD.encode(&bytes)).is_none());
        }

        #[test]
        fn rubbish_opens_nothing(text in ".{0,200}") {
            prop_assert!(Seal::new(&[1; 32]).open::<Content>(&text).is_none());
        }
    }

    #[test]
    fn the_cookie_is_taken_by_its_exact_name_and_only_once() {
        let read = |lines: &[&str], secure| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            cookie_value(&headers, SESSION_COOKIE, secure).map(str::to_owned)
        };
        assert_eq!(read(&["a=b; __Host-geovagt=v; c=d"], true).as_deref(), Some("v"));
        assert_eq!(read(&["a=b", "__Host-geovagt=v=="], true).as_deref(), Some("v=="));
        assert_eq!(read(&["geovagt=v"], false).as_deref(), Some("v"));
        for (line, secure) in [
            ("geovagt=v", true),
            ("__Host-geovagt=v", false),
            ("__host-geovagt=v", true),
            ("__HOST-GEOVAGT=v", true),
            ("__Host-geovagt =v", true),
            ("__Host-geovagt", true),
            ("x__Host-geovagt=v", true),
            ("__Host-geovagt=v; __Host-geovagt=v", true),
            ("__Host-geovagt-form=v", true),
        ] {
            assert_eq!(read(&[line], secure), None, "{line}");
        }
        assert_eq!(read(&["__Host-geovagt=v", "__Host-geovagt=w"], true), None);
    }

    #[test]
    fn the_cookie_stays_on_this_host_over_tls() {
        let set = set_cookie(SESSION_COOKIE, "v", true);
        assert_eq!(set, "__Host-geovagt=v; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert!(set.is_sensitive());
        assert_eq!(
            remove_cookie(SESSION_COOKIE, true),
            "__Host-geovagt=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            set_cookie(SESSION_COOKIE, "v", false),
            "geovagt=v; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_session_ends_by_idleness_by_age_and_when_it_comes_from_the_future() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let life = Life::begin(at("2026-12-01T08:00:00Z"));
        assert!(!life.is_over(at("2026-12-01T08:59:59Z")));
        assert!(life.is_over(at("2026-12-01T09:00:00Z")));
        assert!(!life.is_over(at("2026-12-01T07:59:30Z")));
        assert!(life.is_over(at("2026-12-01T07:58:59Z")));
        assert_eq!(life.renew(at("2026-12-01T08:04:59Z")), None);
        assert_eq!(life.renew(at("2026-12-01T09:00:00Z")), None);
        let mut kept_busy = life.clone();
        let mut now = life.began;
        while let Some(renewed) = {
            now += SignedDuration::from_mins(30);
            kept_busy.renew(now)
        } {
            assert_eq!((&renewed.id, renewed.began), (&life.id, life.began));
            kept_busy = renewed;
        }
        assert_eq!(now, at("2026-12-01T20:00:00Z"));
        assert!(kept_busy.is_over(now));
    }
}

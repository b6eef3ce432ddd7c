//! The device that a request comes from, where it is known: by the cookie that the travel link left
//! on it, or by the DeviceId that an ActiveSync client sends with every request.
//!
//! Always holds: the cookie says which device it is and nothing else; to which exemptions a device
//! is bound stands in the store, so that taking a binding back counts at once and everywhere. A
//! DeviceId is no secret between client and server, and proves no person: it only lets somebody be
//! asked who they are.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::session::{cookie_value, lasting_cookie};
use super::{Authenticator, form};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::{Device, ExemptionId};
use crate::store::DeviceKind;

pub(super) const COOKIE: &str = "geovagt-device";
const ACTIVESYNC: &str = "/microsoft-server-activesync";
const BOUND_TO: &[u8] = b"geovagt device 1";
const LONGEST_VALUE: usize = 512;
/// Longer than any client's (MS-ASHTTP section 2.2.1.1.1.1.1).
const LONGEST_DEVICE_ID: usize = 64;
/// Browsers keep no cookie longer than about this.
const LONGEST_COOKIE: i64 = 400 * 86_400;

/// A device that is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownDevice {
    /// One that was bound to exemptions.
    Bound {
        /// How it is known again.
        kind: DeviceKind,
        /// By what.
        mark: String,
        /// To which it is bound now.
        exemptions: Vec<ExemptionId>,
    },
    /// One that the organisation manages.
    Managed,
}

impl KnownDevice {
    /// As the policy looks at it.
    #[must_use]
    pub fn proof(&self) -> Device<'_> {
        match self {
            Self::Bound { exemptions, .. } => Device::Bound(exemptions),
            Self::Managed => Device::Managed,
        }
    }

    /// By what a bound one is known again.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        match self {
            Self::Bound { mark, .. } => Some(mark),
            Self::Managed => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    organization: String,
    mark: String,
}

/// Seals and opens the cookies of devices.
pub(super) struct DeviceSeal(LessSafeKey);

impl DeviceSeal {
    #[expect(clippy::expect_used, reason = "the key has the length of the algorithm")]
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).expect("a key of 32 bytes fits");
        Self(LessSafeKey::new(key))
    }

    fn close(&self, content: &Content) -> Option<String> {
        let nonce = clock::random_bytes::<NONCE_LEN>();
        let mut sealed = serde_json::to_vec(content).ok()?;
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(unique, Aad::from(BOUND_TO), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, value: &str) -> Option<Content> {
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

/// Whether a request may tell from which device it comes: for most the answer is no, quickly.
#[must_use]
pub fn may_name_a_device(headers: &HeaderMap, path: &str) -> bool {
    let named = |line: &HeaderValue| memchr::memmem::find(line.as_bytes(), COOKIE.as_bytes());
    headers.get_all(http::header::COOKIE).iter().any(|line| named(line).is_some())
        || is_activesync(path)
}

fn is_activesync(path: &str) -> bool {
    let here = path.get(..ACTIVESYNC.len());
    here.is_some_and(|here| here.eq_ignore_ascii_case(ACTIVESYNC))
        && matches!(path.get(ACTIVESYNC.len()..), Some("" | "/"))
}

impl Authenticator {
    /// The known device that a request to a site of this organisation comes from.
    #[must_use]
    pub fn device(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
        target: &PathAndQuery,
    ) -> Option<KnownDevice> {
        if let Some(mark) = self.browser_mark(organization, headers, secure)
            && let Some(device) = self.bound(organization, DeviceKind::Browser, &mark)
        {
            return Some(device);
        }
        self.bound(organization, DeviceKind::ActiveSync, &activesync_device(target)?)
    }

    /// The same device by what it is bound to now.
    #[must_use]
    pub fn device_now(
        &self,
        organization: &OrganizationId,
        device: &KnownDevice,
    ) -> Option<KnownDevice> {
        match device {
            KnownDevice::Managed => Some(KnownDevice::Managed),
            KnownDevice::Bound { kind, mark, .. } => self.bound(organization, *kind, mark),
        }
    }

    /// The mark in the request's cookie, whatever it is bound to.
    #[must_use]
    pub fn browser_mark(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
    ) -> Option<String> {
        let content = self.device_seal().open(cookie_value(headers, COOKIE, secure)?)?;
        (content.organization == organization.as_str()).then_some(content.mark)
    }

    /// A mark for a browser that has none.
    #[must_use]
    pub fn new_mark() -> String {
        hex::encode(clock::random_bytes::<16>())
    }

    /// A `Set-Cookie` that leaves the mark on the device, for a little longer than it is of use.
    #[must_use]
    pub fn device_cookie(
        &self,
        organization: &OrganizationId,
        mark: &str,
        (now, until): (Timestamp, Timestamp),
        secure: bool,
    ) -> Option<HeaderValue> {
        let content = Content { organization: organization.to_string(), mark: mark.to_owned() };
        let value = self.device_seal().close(&content)?;
        let seconds = (until.duration_since(now).as_secs() + 86_400).clamp(0, LONGEST_COOKIE);
        Some(lasting_cookie(COOKIE, &value, secure, seconds))
    }

    fn bound(
        &self,
        organization: &OrganizationId,
        kind: DeviceKind,
        mark: &str,
    ) -> Option<KnownDevice> {
        let kept = self.0.kept.load();
        let exemptions = kept.exemptions_of(organization, kind, mark);
        (!exemptions.is_empty()).then(|| KnownDevice::Bound {
            kind,
            mark: mark.to_owned(),
            exemptions,
        })
    }
}

/// The DeviceId of an ActiveSync request, in upper case, from either form of its query (MS-ASHTTP
/// section 2.2.1.1.1). None where it could be read in two ways.
fn activesync_device(target: &PathAndQuery) -> Option<String> {
    let query = target.query().filter(|_| is_activesync(target.path()))?;
    let bytes = if query.contains('&') { plain(query)? } else { encoded(query)? };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if text.bytes().all(|b| b.is_ascii_alphanumeric()) => text.to_owned(),
        _ => hex::encode(&bytes),
    };
    (1..=LONGEST_DEVICE_ID).contains(&text.len()).then(|| text.to_ascii_uppercase())
}

fn plain(query: &str) -> Option<Vec<u8>> {
    let mut found = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.eq_ignore_ascii_case("deviceid").then_some(value)
    });
    match (found.next(), found.next()) {
        (Some(value), None) => form::percent_decode(value.as_bytes(), false),
        _ => None,
    }
}

/// Version, command, two octets of language, then the length of the DeviceId and itself.
fn encoded(query: &str) -> Option<Vec<u8>> {
    let octets = STANDARD.decode(query).ok()?;
    let (&length, rest) = octets.get(4..)?.split_first()?;
    rest.get(..usize::from(length)).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device_of(target: &str) -> Option<String> {
        activesync_device(&target.parse().unwrap())
    }

    #[test]
    fn the_device_id_is_read_from_both_forms_of_the_query() {
        let at = |query: &str| device_of(&format!("/Microsoft-Server-ActiveSync?{query}"));
        let expected = Some("APPLDLXKQ0ABC1".to_owned());
        assert_eq!(at("Cmd=Sync&User=anna&DeviceId=ApplDLXKQ0ABC1&DeviceType=iPad"), expected);
        assert_eq!(at("cmd=Ping&deviceid=appldlxkq0abc1"), expected);
        let mut octets = vec![0x91, 0, 9, 4, 14];
        octets.extend(b"ApplDLXKQ0ABC1");
        octets.extend([4, 1, 2, 3, 4, 4]);
        octets.extend(b"iPad");
        assert_eq!(at(&STANDARD.encode(&octets)), expected);
        let mut binary = vec![0x91, 0, 9, 4, 2, 0xfe, 0x01];
        binary.push(0);
        assert_eq!(at(&STANDARD.encode(&binary)), Some("FE01".to_owned()));
    }

    #[test]
    fn what_could_be_another_device_is_none() {
        let long = "A".repeat(LONGEST_DEVICE_ID + 1);
        for target in [
            "/Microsoft-Server-ActiveSync".to_owned(),
            "/Microsoft-Server-ActiveSync?Cmd=Sync&User=anna".to_owned(),
            "/Microsoft-Server-ActiveSync?DeviceId=A&DeviceId=B".to_owned(),
            "/Microsoft-Server-ActiveSync?DeviceId=A&deviceid=A".to_owned(),
            "/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=".to_owned(),
            "/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=%4".to_owned(),
            format!("/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId={long}"),
            "/Microsoft-Server-ActiveSync?kQAJBA5B".to_owned(),
            "/Microsoft-Server-ActiveSyncX?Cmd=Sync&DeviceId=A".to_owned(),
            "/owa/?Cmd=Sync&DeviceId=A".to_owned(),
        ] {
            assert_eq!(device_of(&target), None, "{target}");
        }
    }

    #[test]
    fn a_cookie_of_a_device_opens_under_its_own_key_alone() {
        let seal = DeviceSeal::new(&[1; 32]);
        let content = Content { organization: "ballerup".into(), mark: "m".into() };
        let value = seal.close(&content).unwrap();
        assert_eq!(seal.open(&value).unwrap().mark, "m");
        assert!(DeviceSeal::new(&[2; 32]).open(&value).is_none());
        assert!(seal.open(&value[1..]).is_none());
        assert!(seal.open(&"a".repeat(LONGEST_VALUE + 1)).is_none());
    }
}

//! The sign-in form: what stands in it, and the proof that our own page sent it.
//!
//! The page carries a token that belongs to a cookie only this host can set. Without it another
//! site could sign a visitor in as somebody else.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::session::{cookie_value, set_cookie};
use super::{Next, Password};
use crate::clock;
use crate::identifier::OrganizationId;

/// Bodies longer than this are not read.
pub const MAXIMUM_FORM_LENGTH: usize = 16 * 1024;

/// The names of the form's fields.
pub mod field {
    /// The login name.
    pub const NAME: &str = "name";
    /// The password.
    pub const PASSWORD: &str = "password";
    /// Where to go afterwards.
    pub const NEXT: &str = "next";
    /// The token of [`super::FormGuard`].
    pub const TOKEN: &str = "csrf";
}

pub(super) const COOKIE: &str = "geovagt-form";

/// A form that our own page sent. Its content is not proven yet.
#[derive(Debug)]
pub struct SignInForm {
    pub(super) name: String,
    pub(super) password: Password,
    next: Next,
}

/// What the page with the form needs.
#[derive(Debug, Clone)]
pub struct FormGuard {
    /// The value of the hidden field [`field::TOKEN`].
    pub token: String,
    /// A `Set-Cookie` to send with the page; none where the client has its cookie.
    pub set_cookie: Option<HeaderValue>,
}

/// Why a form was not taken. The client gets the form again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Too long, not URL-encoded, a field missing or there twice.
    #[error("the form cannot be read")]
    Malformed,
    /// Sent by another site, or too old a page.
    #[error("the form was not sent by our own page")]
    Foreign,
}

impl SignInForm {
    /// Where to go after signing in.
    #[must_use]
    pub fn next(&self) -> &Next {
        &self.next
    }
}

/// Makes and checks tokens.
pub(super) struct Guard {
    key: hmac::Key,
}

impl Guard {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    pub(super) fn page(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
    ) -> FormGuard {
        if let Some(value) = cookie_value(headers, COOKIE, secure).filter(|v| is_cookie(v)) {
            return FormGuard { token: self.token(organization, value), set_cookie: None };
        }
        let value = URL_SAFE_NO_PAD.encode(clock::random_bytes::<18>());
        let token = self.token(organization, &value);
        FormGuard { token, set_cookie: Some(set_cookie(COOKIE, &value, secure)) }
    }

    pub(super) fn read(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
        body: &[u8],
    ) -> Result<SignInForm, FormError> {
        let fields = Fields::read(body).ok_or(FormError::Malformed)?;
        let cookie = cookie_value(headers, COOKIE, secure)
            .filter(|value| is_cookie(value))
            .ok_or(FormError::Foreign)?;
        let expected = self.token(organization, cookie);
        constant_time::verify_slices_are_equal(expected.as_bytes(), fields.token.as_bytes())
            .map_err(|_| FormError::Foreign)?;
        Ok(SignInForm {
            name: fields.name,
            password: fields.password,
            next: Next::new(&fields.next.unwrap_or_default()),
        })
    }

    /// Whether a body that is no sign-in form was sent by our own page.
    pub(super) fn vouches(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
        body: &[u8],
    ) -> bool {
        let Ok(body) = std::str::from_utf8(body) else { return false };
        let prefix = format!("{}=", field::TOKEN);
        let sent = body.split('&').find_map(|pair| pair.strip_prefix(prefix.as_str()));
        let cookie = cookie_value(headers, COOKIE, secure).filter(|value| is_cookie(value));
        let (Some(sent), Some(cookie)) = (sent, cookie) else { return false };
        let expected = self.token(organization, cookie);
        constant_time::verify_slices_are_equal(expected.as_bytes(), sent.as_bytes()).is_ok()
    }

    fn token(&self, organization: &OrganizationId, cookie: &str) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(organization.as_str().as_bytes());
        context.update(b"\0");
        context.update(cookie.as_bytes());
        URL_SAFE_NO_PAD.encode(context.sign().as_ref())
    }
}

fn is_cookie(value: &str) -> bool {
    value.len() == 24
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

struct Fields {
    name: String,
    password: Password,
    next: Option<String>,
    token: String,
}

impl Fields {
    fn read(body: &[u8]) -> Option<Self> {
        if body.len() > MAXIMUM_FORM_LENGTH {
            return None;
        }
        let (mut name, mut password, mut next, mut token) = (None, None, None, None);
        for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|&byte| byte == b'=')?;
            let (key, value) = (pair.get(..equals)?, pair.get(equals + 1..)?);
            let slot = match percent_decode(key, true)?.as_slice() {
                key if key == field::NAME.as_bytes() => &mut name,
                key if key == field::PASSWORD.as_bytes() => &mut password,
                key if key == field::NEXT.as_bytes() => &mut next,
                key if key == field::TOKEN.as_bytes() => &mut token,
                _ => continue,
            };
            let value = Zeroizing::new(percent_decode(value, true)?);
            let text = Zeroizing::new(std::str::from_utf8(&value).ok()?.to_owned());
            if slot.replace(text).is_some() {
                return None;
            }
        }
        let plain = |text: Zeroizing<String>| (*text).clone();
        Some(Self {
            name: name.map(plain)?,
            password: Password::new(password.map(plain)?),
            next: next.map(plain),
            token: token.map(plain)?,
        })
    }
}

/// Takes `%XX` back, and `+` where it stands for a space; none where a `%` has no two digits.
pub(super) fn percent_decode(text: &[u8], plus_is_space: bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(*rest.next()?).to_digit(16)?;
                let low = char::from(*rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE as COOKIE_HEADER;

    use super::*;

    fn organization(name: &str) -> OrganizationId {
        OrganizationId::parse(name).unwrap()
    }

    struct Page {
        guard: Guard,
        headers: HeaderMap,
        token: String,
    }

    fn page() -> Page {
        let guard = Guard::new(&[7; 32]);
        let shown = guard.page(&organization("ballerup"), &HeaderMap::new(), true);
        let cookie = shown.set_cookie.unwrap().to_str().unwrap().to_owned();
        assert!(cookie.starts_with("__Host-geovagt-form="), "{cookie}");
        let mut headers = HeaderMap::new();
        let pair = cookie.split(';').next().unwrap();
        headers.insert(COOKIE_HEADER, HeaderValue::from_str(pair).unwrap());
        Page { guard, headers, token: shown.token }
    }

    #[test]
    fn our_own_page_is_read() {
        let Page { guard, headers, token } = page();
        let body =
            format!("name=anna&password=r%C3%B8d+gr%C3%B8d%2B&next=%2Fowa%2F&csrf={token}&x=y");
        let form = guard.read(&organization("ballerup"), &headers, true, body.as_bytes()).unwrap();
        assert_eq!(form.name, "anna");
        assert_eq!(form.password.reveal(), "rød grød+");
        assert_eq!(form.next().as_str(), "/owa/");
        let again = guard.page(&organization("ballerup"), &headers, true);
        assert_eq!(again.token, token);
        assert!(again.set_cookie.is_none());
    }

    #[test]
    fn a_form_from_elsewhere_is_not() {
        let Page { guard, headers, token } = page();
        let read = |organization_name: &str, headers: &HeaderMap, secure, token: &str| {
            let body = format!("name=anna&password=x&csrf={token}");
            guard
                .read(&organization(organization_name), headers, secure, body.as_bytes())
                .map(|form| form.name)
        };
        assert!(read("ballerup", &headers, true, &token).is_ok());
        assert_eq!(read("ballerup", &headers, true, ""), Err(FormError::Foreign));
        assert_eq!(read("ballerup", &headers, true, &token[1..]), Err(FormError::Foreign));
        assert_eq!(read("ballerup", &HeaderMap::new(), true, &token), Err(FormError::Foreign));
        assert_eq!(read("egedal", &headers, true, &token), Err(FormError::Foreign));
        assert_eq!(read("ballerup", &headers, false, &token), Err(FormError::Foreign));
        let mut twice = headers.clone();
        twice.append(COOKIE_HEADER, headers[COOKIE_HEADER].clone());
        assert_eq!(read("ballerup", &twice, true, &token), Err(FormError::Foreign));
    }

    #[test]
    fn a_body_that_can_be_read_two_ways_is_not_read() {
        let Page { guard, headers, token } = page();
        for body in [
            String::new(),
            "name=anna".to_owned(),
            format!("name=anna&password=x&name=bo&csrf={token}"),
            format!("name=anna&password=%zz&csrf={token}"),
            format!("name=anna&password=%ff&csrf={token}"),
            format!("name=anna&password=%2&csrf={token}"),
            format!("name&password=x&csrf={token}"),
            format!("name=anna&password={}&csrf={token}", "x".repeat(MAXIMUM_FORM_LENGTH)),
        ] {
            let read = guard.read(&organization("ballerup"), &headers, true, body.as_bytes());
            assert_eq!(read.err(), Some(FormError::Malformed), "{body:.60}");
        }
    }
}

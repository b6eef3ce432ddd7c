//! What the protocols share: SASL's PLAIN (RFC 4616) and XOAUTH2, in base64. PURE.
//!
//! Always holds: nobody speaks in somebody else's name here; what can be read two ways proves nobody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Credentials, Offer, text_of};

/// A way to say who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    Xoauth2,
}

impl Mechanism {
    /// The one that is named, where it is offered.
    pub(super) fn named(word: &[u8], offer: Offer) -> Option<Self> {
        if word.eq_ignore_ascii_case(b"PLAIN") && offer.password {
            Some(Self::Plain)
        } else if word.eq_ignore_ascii_case(b"XOAUTH2") && offer.token {
            Some(Self::Xoauth2)
        } else {
            None
        }
    }

    /// Those that are offered.
    pub(super) fn offered(offer: Offer) -> impl Iterator<Item = &'static str> {
        let all = [(offer.password, "PLAIN"), (offer.token, "XOAUTH2")];
        all.into_iter().filter_map(|(offered, word)| offered.then_some(word))
    }

    /// Reads a response.
    pub(super) fn read(self, response: &[u8]) -> Credentials {
        let Some(bytes) = decode(response) else { return Credentials::Unreadable };
        match self {
            Self::Plain => plain(&bytes),
            Self::Xoauth2 => xoauth2(&bytes).unwrap_or(Credentials::Unreadable),
        }
    }
}

/// From base64; `=` stands for nothing (RFC 4954 section 4).
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if text == b"=" {
        return Some(Zeroizing::default());
    }
    STANDARD.decode(text).ok().map(Zeroizing::new)
}

/// Whom to act as may be said only where it is who one is.
fn plain(bytes: &[u8]) -> Credentials {
    let mut parts = bytes.split(|byte| *byte == 0);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(acts_as), Some(name), Some(password), None)
            if acts_as.is_empty() || acts_as == name =>
        {
            Credentials::password(name, password)
        }
        _ => Credentials::Unreadable,
    }
}

fn xoauth2(bytes: &[u8]) -> Option<Credentials> {
    let rest = bytes.strip_prefix(b"user=")?.strip_suffix(b"\x01\x01")?;
    let at = rest.iter().position(|byte| *byte == 1)?;
    let (name, rest) = rest.split_at_checked(at)?;
    let rest = rest.strip_prefix(b"\x01auth=")?;
    let (scheme, token) = rest.split_at_checked(b"Bearer ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return None;
    }
    let owned = |text: &str| Zeroizing::new(text.to_owned());
    Some(Credentials::Token { name: owned(text_of(name)?), token: owned(text_of(token)?) })
}

/// A login as a response of its mechanism; none where there is none to be said.
pub(super) fn response(credentials: &Credentials) -> Option<(&'static str, Zeroizing<String>)> {
    match credentials {
        Credentials::Password { name, password } => {
            let text = Zeroizing::new(format!("\0{}\0{}", **name, password.reveal()));
            Some(("PLAIN", encode(&text)))
        }
        Credentials::Token { name, token } => {
            let (name, token) = (&**name, &**token);
            let text = Zeroizing::new(format!("user={name}\x01auth=Bearer {token}\x01\x01"));
            Some(("XOAUTH2", encode(&text)))
        }
        Credentials::Unreadable => None,
    }
}

/// To base64.
pub(super) fn encode(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mechanism: Mechanism, text: &[u8]) -> String {
        match mechanism.read(STANDARD.encode(text).as_bytes()) {
            Credentials::Password { name, password } => {
                format!("{} / {}", *name, password.reveal())
            }
            Credentials::Token { name, token } => format!("{} : {}", *name, *token),
            Credentials::Unreadable => "-".to_owned(),
        }
    }

    #[test]
    fn plain_is_name_and_password_and_nobody_else() {
        let says = |text: &[u8]| read(Mechanism::Plain, text);
        assert_eq!(says(b"\0anna\0a b:c"), "anna / a b:c");
        assert_eq!(says(b"anna\0anna\0x"), "anna / x");
        assert_eq!(says("\0åse\0rødgrød".as_bytes()), "åse / rødgrød");
        for text in [
            &b"bo\0anna\0x"[..],
            b"anna\0x",
            b"\0anna\0x\0y",
            b"\0anna\0x\r\nMAIL FROM:<>",
            b"\0an\nna\0x",
            b"\0\xe5se\0x",
            b"",
        ] {
            assert_eq!(says(text), "-", "{text:?}");
        }
        assert!(matches!(Mechanism::Plain.read(b"%%%"), Credentials::Unreadable));
        assert!(matches!(Mechanism::Plain.read(b"AGFubmEAeA"), Credentials::Unreadable));
        assert!(matches!(Mechanism::Plain.read(b"="), Credentials::Unreadable));
    }

    #[test]
    fn xoauth2_is_a_name_and_a_token() {
        let says = |text: &[u8]| read(Mechanism::Xoauth2, text);
        assert_eq!(says(b"user=anna@b.dk\x01auth=Bearer a.b.c\x01\x01"), "anna@b.dk : a.b.c");
        assert_eq!(says(b"user=anna\x01auth=bearer t\x01\x01"), "anna : t");
        for text in [
            &b"user=anna\x01auth=Bearer t\x01"[..],
            b"user=anna\x01auth=Basic t\x01\x01",
            b"user=anna\x01host=x\x01auth=Bearer t\x01\x01",
            b"user=anna\x01auth=Bearer t\x01port=1\x01\x01",
            b"auth=Bearer t\x01\x01",
            b"user=anna\x01\x01",
            b"user=an\r\nna\x01auth=Bearer t\x01\x01",
        ] {
            assert_eq!(says(text), "-", "{text:?}");
        }
    }

    #[test]
    fn what_is_said_again_is_what_was_said() {
        for (mechanism, text) in [
            (Mechanism::Plain, &b"\0anna\0a\"b\\ c"[..]),
            (Mechanism::Xoauth2, b"user=anna\x01auth=Bearer a.b\x01\x01"),
        ] {
            let said = STANDARD.encode(text);
            let (_, again) = response(&mechanism.read(said.as_bytes())).unwrap();
            assert_eq!(*again, said);
        }
        assert!(response(&Credentials::Unreadable).is_none());
    }

    #[test]
    fn only_what_can_be_proven_is_offered() {
        let both = Offer { password: true, token: true };
        let passwords = Offer { token: false, ..both };
        assert_eq!(Mechanism::named(b"plain", both), Some(Mechanism::Plain));
        assert_eq!(Mechanism::named(b"XOAUTH2", both), Some(Mechanism::Xoauth2));
        assert_eq!(Mechanism::named(b"XOAUTH2", passwords), None);
        assert_eq!(Mechanism::named(b"CRAM-MD5", both), None);
        assert_eq!(Mechanism::offered(passwords).collect::<Vec<_>>(), ["PLAIN"]);
    }
}

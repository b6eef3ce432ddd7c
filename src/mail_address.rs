//! A mail address that can be written into a header and an envelope without a second thought.
//!
//! PURE. Narrower than RFC 5321 allows: no quoted local part, no address literal, ASCII alone (a
//! domain of another script in its ASCII form). Nothing that passes here can end a header line or
//! name a second recipient.

use std::fmt;
use std::sync::Arc;

/// RFC 5321 section 4.5.3.1.1.
const LONGEST_LOCAL_PART: usize = 64;
/// RFC 5321 section 4.5.3.1.3, without the angle brackets.
const LONGEST: usize = 254;

/// One mail address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailAddress {
    text: Arc<str>,
    at: usize,
}

/// Why a text is no mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a mail address is written like anna.holm@example.dk, without spaces, quotes or brackets")]
pub struct InvalidMailAddress;

impl MailAddress {
    /// Reads an address. Its domain is compared in lower case.
    ///
    /// # Errors
    /// [`InvalidMailAddress`] where it is none, or of a form that nobody uses.
    pub fn parse(text: &str) -> Result<Self, InvalidMailAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidMailAddress)?;
        let fits = text.len() <= LONGEST && local.len() <= LONGEST_LOCAL_PART;
        if !fits || !is_local_part(local) || !is_domain(domain) {
            return Err(InvalidMailAddress);
        }
        let text = format!("{local}@{}", domain.to_ascii_lowercase());
        Ok(Self { at: local.len(), text: Arc::from(text) })
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands behind it, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

/// `dot-atom-text` of RFC 5322 section 3.2.3.
fn is_local_part(text: &str) -> bool {
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    text.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

/// At least two labels of RFC 1123 section 2.1, the last of them no number.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let named = |top: &str| top.chars().any(|c| c.is_ascii_alphabetic());
    text.split('.').all(label)
        && text.rsplit_once('.').is_some_and(|(_, top)| top.len() >= 2 && named(top))
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_has_a_local_part_and_a_domain() {
        let address = MailAddress::parse("Anna.Holm+rejse@Example.DK").unwrap();
        assert_eq!(address.as_str(), "Anna.Holm+rejse@example.dk");
        assert_eq!((address.local_part(), address.domain()), ("Anna.Holm+rejse", "example.dk"));
        for text in ["4512345678@sms.example.dk", "o'neill@example.org", "a@xn--bger-gra.dk"] {
            assert!(MailAddress::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_no_address() {
        for text in [
            "",
            "anna",
            "@example.dk",
            "anna@",
            "anna@example",
            "a@b@example.dk",
            ".a@example.dk",
            "a..b@example.dk",
            "a.@example.dk",
            "a b@example.dk",
            "a@exa mple.dk",
            "a@-x.dk",
            "a@x-.dk",
            "a@.dk",
            "a@x.",
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            "\"a\"@example.dk",
            "<a@example.dk>",
            "a@example.dk>",
            "a@example.dk,b@example.dk",
            "a@example.dk;x",
            "a@example.dk\r\nBcc: b@example.dk",
            "a\n@example.dk",
            "a@example.dk\0",
            "å@example.dk",
            "a@børge.dk",
            " a@example.dk",
            "a@example.dk ",
            "a(b)@example.dk",
            "a@example.d",
        ] {
            assert_eq!(MailAddress::parse(text), Err(InvalidMailAddress), "{text:?}");
        }
        assert!(MailAddress::parse(&format!("{}@example.dk", "a".repeat(65))).is_err());
        assert!(MailAddress::parse(&format!("a@{}dk", "abcdefghi.".repeat(26))).is_err());
    }

    proptest! {
        #[test]
        fn whatever_passes_is_one_word_with_one_at(text in "[ -~\r\n]{0,20}@[ -~\r\n]{0,20}") {
            if let Ok(address) = MailAddress::parse(&text) {
                let harmless = |c: char| c.is_ascii_graphic() && !"<>,;:\"()[]\\".contains(c);
                prop_assert!(address.as_str().chars().all(harmless));
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
                prop_assert!(address.as_str().parse::<lettre::Address>().is_ok());
            }
        }
    }
}

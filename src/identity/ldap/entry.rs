//! What the directory says about one person. PURE.

use std::fmt::Write as _;

use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;
use sha2::{Digest as _, Sha256};

/// One entry, attribute by attribute, in octets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// Whether the directory lets the person in, as far as the entry itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing speaks against it.
    Good,
    /// A lock is noted whose time may be over: the directory knows, once it is asked.
    PerhapsLocked,
    /// Disabled or locked.
    Locked,
}

/// What is asked for beside what the operator names.
pub(super) const STANDING_ATTRIBUTES: [&str; 10] = [
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "pwdAccountLockedTime",
    "nsAccountLock",
    "loginDisabled",
    "memberOf",
    "pwdLastSet",
    "pwdChangedTime",
    "krbLastPwdChange",
    "displayName",
];

/// Those that change with the password and with nothing else.
const PASSWORD_ATTRIBUTES: [&str; 3] = ["pwdLastSet", "pwdChangedTime", "krbLastPwdChange"];

/// `ADS_UF_ACCOUNTDISABLE` and `ADS_UF_LOCKOUT`.
const DISABLED: u64 = 0x2;
const LOCKED_OUT: u64 = 0x10;
/// Locked until somebody takes it away (draft-behera-ldap-password-policy).
const FOR_GOOD: &[u8] = b"000001010000Z";

impl Entry {
    /// None where it is not built as RFC 4511 section 4.5.2 says.
    pub(super) fn read(entry: ResultEntry) -> Option<Self> {
        let mut parts = entry.0.match_id(4)?.expect_constructed()?.into_iter();
        let dn = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let attributes = parts
            .next()?
            .expect_constructed()?
            .into_iter()
            .map(attribute)
            .collect::<Option<_>>()?;
        Some(Self { dn, attributes })
    }

    pub(super) fn values(&self, name: &str) -> &[Vec<u8>] {
        let is = |described: &str| {
            // An option may follow: `memberOf;range=0-1499`.
            described.split(';').next().is_some_and(|bare| bare.eq_ignore_ascii_case(name))
        };
        self.attributes
            .iter()
            .find(|(described, values)| is(described) && !values.is_empty())
            .map_or(&[], |(_, values)| values.as_slice())
    }

    /// The one value of an attribute, as text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.values(name) {
            [value] => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    /// Every value of an attribute that is text.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// What the person is called for good: exactly one value, in one spelling.
    pub(super) fn subject(&self, attribute: &str) -> Option<String> {
        let [value] = self.values(attribute) else { return None };
        if attribute.eq_ignore_ascii_case("objectGUID") {
            return guid(value);
        }
        let readable = std::str::from_utf8(value).ok().filter(|text| {
            !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control)
        });
        match readable {
            Some(text) if attribute.eq_ignore_ascii_case("entryUUID") => Some(text.to_lowercase()),
            Some(text) => Some(text.to_owned()),
            None if (1..=100).contains(&value.len()) => Some(hex::encode(value)),
            None => None,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let bits = |name| self.text(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let has = |name, bit: u64| bits(name).cast_unsigned() & bit != 0;
        let yes = |name| self.texts(name).any(|text| text.eq_ignore_ascii_case("true"));
        if has("userAccountControl", DISABLED)
            || has("msDS-User-Account-Control-Computed", LOCKED_OUT)
            || yes("nsAccountLock")
            || yes("loginDisabled")
        {
            return Standing::Locked;
        }
        match self.values("pwdAccountLockedTime") {
            [] => Standing::Good,
            [since] if since.as_slice() != FOR_GOOD => Standing::PerhapsLocked,
            _ => Standing::Locked,
        }
    }

    /// Stands for the password as it is now; none where the directory does not tell.
    pub(super) fn password_state(&self) -> Option<[u8; 32]> {
        let mut digest = Sha256::new();
        let mut told = false;
        for name in PASSWORD_ATTRIBUTES {
            for value in self.values(name) {
                digest.update(name);
                digest.update(value.len().to_be_bytes());
                digest.update(value);
                told = true;
            }
        }
        told.then(|| digest.finalize().into())
    }
}

fn attribute(tag: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let mut parts = tag.expect_constructed()?.into_iter();
    let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    let values = parts.next()?.expect_constructed()?.into_iter();
    Some((name, values.map(StructureTag::expect_primitive).collect::<Option<_>>()?))
}

/// As Microsoft's tools write it: the first three groups have their octets reversed.
fn guid(value: &[u8]) -> Option<String> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    if value.len() != ORDER.len() {
        return None;
    }
    let mut text = String::with_capacity(36);
    for (position, index) in ORDER.into_iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a text never fails.
        let _ = write!(text, "{:02x}", value.get(index)?);
    }
    Some(text)
}

/// The octets of a subject, as they are compared in a filter.
pub(super) fn subject_octets(attribute: &str, subject: &str) -> Vec<u8> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    if attribute.eq_ignore_ascii_case("objectGUID")
        && let Ok(octets) = hex::decode(subject.replace('-', ""))
        && octets.len() == ORDER.len()
    {
        return ORDER.into_iter().filter_map(|index| octets.get(index).copied()).collect();
    }
    subject.as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[u8])]) -> Entry {
        let mut entry = Entry { dn: "uid=anna,dc=x".into(), attributes: Vec::new() };
        for (name, value) in attributes {
            match entry.attributes.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(value.to_vec()),
                None => entry.attributes.push(((*name).to_owned(), vec![value.to_vec()])),
            }
        }
        entry
    }

    #[test]
    fn a_subject_is_one_value_in_one_spelling() {
        let octets: Vec<u8> = (1..=16).collect();
        let active = entry(&[("objectGUID", &octets)]);
        let subject = active.subject("objectguid").unwrap();
        assert_eq!(subject, "04030201-0605-0807-090a-0b0c0d0e0f10");
        assert_eq!(subject_octets("objectGUID", &subject), octets);
        let open = entry(&[("entryUUID", b"6D2A-B")]);
        assert_eq!(open.subject("entryUUID").unwrap(), "6d2a-b");
        assert_eq!(entry(&[("employeeNumber", b"A17")]).subject("employeeNumber").unwrap(), "A17");
        assert_eq!(entry(&[("GUID", b"\xff\x00")]).subject("GUID").unwrap(), "ff00");
        for (attributes, name) in [
            (vec![], "entryUUID"),
            (vec![("entryUUID", &b""[..])], "entryUUID"),
            (vec![("entryUUID", b"a"), ("entryUUID", b"b")], "entryUUID"),
            (vec![("objectGUID", b"short")], "objectGUID"),
        ] {
            assert_eq!(entry(&attributes).subject(name), None, "{attributes:?}");
        }
    }

    #[test]
    fn who_is_disabled_or_locked_is_known_before_anything_is_asked() {
        for (name, value, expected) in [
            ("userAccountControl", "512", Standing::Good),
            ("userAccountControl", "514", Standing::Locked),
            ("userAccountControl", "-2147483134", Standing::Locked),
            ("msDS-User-Account-Control-Computed", "16", Standing::Locked),
            ("msDS-User-Account-Control-Computed", "0", Standing::Good),
            ("pwdAccountLockedTime", "000001010000Z", Standing::Locked),
            ("pwdAccountLockedTime", "20261122080000Z", Standing::PerhapsLocked),
            ("nsAccountLock", "TRUE", Standing::Locked),
            ("nsAccountLock", "FALSE", Standing::Good),
            ("loginDisabled", "true", Standing::Locked),
            ("displayName", "514", Standing::Good),
        ] {
            let found = entry(&[(name, value.as_bytes())]).standing();
            assert_eq!(found, expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_changed_password_is_another_state() {
        let state = |value: &[u8]| entry(&[("pwdLastSet", value)]).password_state();
        assert_eq!(state(b"1"), state(b"1"));
        assert_ne!(state(b"1"), state(b"2"));
        assert_eq!(entry(&[("whenChanged", b"1")]).password_state(), None);
    }

    #[test]
    fn attributes_are_found_in_any_case_and_with_options() {
        let entry = entry(&[("MEMBEROF;range=0-1", b"cn=a"), ("memberOf", b"")]);
        assert_eq!(entry.texts("memberof").collect::<Vec<_>>(), ["cn=a"]);
    }
}

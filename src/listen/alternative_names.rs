//! Subject alternative names of a certificate (RFC 5280 section 4.2.1.6), read from its DER.
//!
//! Always holds: what can be read in two ways gives none: a name that is there twice, an extension
//! that is, text that is not plain.

use super::validity::{element, expect};
use crate::config::CertificateName;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const UTF8_STRING: u8 = 0x0c;
const INTEGER: u8 = 0x02;
const EXPLICIT_VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const OTHER_NAME: u8 = 0xa0;
const OTHER_NAME_VALUE: u8 = 0xa0;
const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.4.1.311.20.2.3
const USER_PRINCIPAL_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

/// The one alternative name of this kind.
pub(super) fn alternative_name(certificate: &[u8], kind: CertificateName) -> Option<String> {
    let mut names = general_names(certificate)?;
    let mut found = None;
    while !names.is_empty() {
        let (tag, content, rest) = element(names)?;
        names = rest;
        let value = match (kind, tag) {
            (CertificateName::Mail, RFC822_NAME) | (CertificateName::Dns, DNS_NAME) => content,
            (CertificateName::UserPrincipalName, OTHER_NAME) => match principal(content)? {
                Some(value) => value,
                None => continue,
            },
            _ => continue,
        };
        if found.replace(value).is_some() {
            return None;
        }
    }
    let text = std::str::from_utf8(found?).ok()?;
    let plain = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    plain.then(|| text.to_lowercase())
}

/// An otherName's value where it is a user principal name; the outer none where it is malformed.
fn principal(other_name: &[u8]) -> Option<Option<&[u8]>> {
    let (kind, rest) = expect(other_name, OBJECT_IDENTIFIER)?;
    if kind != USER_PRINCIPAL_NAME {
        return Some(None);
    }
    let (value, rest) = expect(rest, OTHER_NAME_VALUE)?;
    let (text, more) = expect(value, UTF8_STRING)?;
    (rest.is_empty() && more.is_empty()).then_some(Some(text))
}

fn general_names(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (to_be_signed, _) = expect(certificate, SEQUENCE)?;
    let rest = match element(to_be_signed)? {
        (EXPLICIT_VERSION, _, rest) => rest,
        _ => to_be_signed,
    };
    let (_serial_number, rest) = expect(rest, INTEGER)?;
    // Signature algorithm, issuer, validity, subject, public key.
    let mut rest = (0..5).try_fold(rest, |rest, _| Some(expect(rest, SEQUENCE)?.1))?;
    let extensions = loop {
        let (tag, content, after) = element(rest)?;
        if tag == EXTENSIONS {
            break content;
        }
        rest = after;
    };
    let (mut extensions, _) = expect(extensions, SEQUENCE)?;
    let mut found = None;
    while !extensions.is_empty() {
        let (extension, rest) = expect(extensions, SEQUENCE)?;
        extensions = rest;
        let (identifier, rest) = expect(extension, OBJECT_IDENTIFIER)?;
        if identifier != SUBJECT_ALTERNATIVE_NAME {
            continue;
        }
        let rest = match element(rest)? {
            (BOOLEAN, _, rest) => rest,
            _ => rest,
        };
        let (value, _) = expect(rest, OCTET_STRING)?;
        if found.replace(expect(value, SEQUENCE)?.0).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, OtherNameValue, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.subject_alt_names = names;
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    fn upn(text: &str) -> SanType {
        let kind = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
        SanType::OtherName((kind, OtherNameValue::Utf8String(text.into())))
    }

    fn mail(text: &str) -> SanType {
        SanType::Rfc822Name(text.try_into().unwrap())
    }

    #[test]
    fn each_kind_of_name_is_read_and_no_other_is_taken_for_it() {
        use CertificateName::{Dns, Mail, UserPrincipalName};
        let dns = SanType::DnsName("ipad-7.example.dk".try_into().unwrap());
        let all = certificate(vec![dns, upn("Anna.Holm@Example.dk"), mail("anna@example.dk")]);
        let name = |kind| alternative_name(&all, kind);
        assert_eq!(name(UserPrincipalName).as_deref(), Some("anna.holm@example.dk"));
        assert_eq!(name(Mail).as_deref(), Some("anna@example.dk"));
        assert_eq!(name(Dns).as_deref(), Some("ipad-7.example.dk"));
        let one = certificate(vec![mail("anna@example.dk")]);
        assert_eq!(alternative_name(&one, UserPrincipalName), None);
        assert_eq!(alternative_name(&certificate(vec![]), Mail), None);
        let kind = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 4];
        let other = SanType::OtherName((kind, OtherNameValue::Utf8String("anna".into())));
        assert_eq!(alternative_name(&certificate(vec![other]), UserPrincipalName), None);
    }

    #[test]
    fn two_names_are_none() {
        let kind = CertificateName::UserPrincipalName;
        assert_eq!(alternative_name(&certificate(vec![upn("anna"), upn("bo")]), kind), None);
        assert_eq!(alternative_name(&certificate(vec![upn("an\nna")]), kind), None);
        assert_eq!(alternative_name(&certificate(vec![upn(" anna")]), kind), None);
        assert_eq!(alternative_name(&certificate(vec![upn("")]), kind), None);
    }

    #[test]
    fn a_certificate_cut_anywhere_gives_none_and_never_another_name() {
        let whole = certificate(vec![upn("anna.holm@example.dk")]);
        for end in 0..whole.len() {
            let name = alternative_name(&whole[..end], CertificateName::UserPrincipalName);
            assert_eq!(name, None, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_gives_none_and_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            prop_assert_eq!(alternative_name(&bytes, CertificateName::Mail), None);
        }
    }
}

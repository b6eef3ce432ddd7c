//! From when to when a certificate is valid (RFC 5280 section 4.1.2.5), read from its DER.
//!
//! Reads only as far as the validity; what is not as expected gives none, never a guess.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `notBefore` and `notAfter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The validity of a certificate in DER.
pub(crate) fn validity(certificate: &[u8]) -> Option<Validity> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (to_be_signed, _) = expect(certificate, SEQUENCE)?;
    let rest = match element(to_be_signed)? {
        (EXPLICIT_VERSION, _, rest) => rest,
        _ => to_be_signed,
    };
    let (_serial_number, rest) = expect(rest, INTEGER)?;
    let (_signature_algorithm, rest) = expect(rest, SEQUENCE)?;
    let (_issuer, rest) = expect(rest, SEQUENCE)?;
    let (validity, _) = expect(rest, SEQUENCE)?;
    let (not_before, rest) = instant(validity)?;
    let (not_after, _) = instant(rest)?;
    Some(Validity { not_before, not_after })
}

/// When the next revocation list is due after this one in DER (RFC 5280 section 5.1.2.5); none where
/// that cannot be read, or does not stand there.
pub(crate) fn next_update(list: &[u8]) -> Option<Timestamp> {
    let (list, _) = expect(list, SEQUENCE)?;
    let (to_be_signed, _) = expect(list, SEQUENCE)?;
    let rest = match element(to_be_signed)? {
        (INTEGER, _, rest) => rest,
        _ => to_be_signed,
    };
    let (_signature_algorithm, rest) = expect(rest, SEQUENCE)?;
    let (_issuer, rest) = expect(rest, SEQUENCE)?;
    let (_this_update, rest) = instant(rest)?;
    Some(instant(rest)?.0)
}

pub(super) fn expect(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(tag, _, _)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

/// Tag, content, and what follows.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0_usize, |length, &digit| (length << 8) | usize::from(digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn instant(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, content, rest) = element(bytes)?;
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Years from 50 on belong to the last century.
        UTC_TIME if text.len() == 12 && text >= "50" => format!("19{text}"),
        UTC_TIME if text.len() == 12 => format!("20{text}"),
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some((TimeZone::UTC.to_timestamp(time).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn certificate(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["a.dk".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let validity = validity(&certificate((1999, 12, 31), (2050, 1, 2))).unwrap();
        assert_eq!(validity.not_before, "1999-12-31T00:00:00Z".parse().unwrap());
        assert_eq!(validity.not_after, "2050-01-02T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_revocation_list_says_when_the_next_is_due() {
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let issuer = rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap();
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 1, 1),
            next_update: rcgen::date_time_ymd(2026, 2, 1),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap().der().to_vec();
        assert_eq!(next_update(&list), Some("2026-02-01T00:00:00Z".parse().unwrap()));
        for end in 0..list.len() {
            assert_eq!(next_update(&list[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn a_certificate_cut_anywhere_gives_none_or_the_same() {
        let whole = certificate((2026, 1, 1), (2027, 1, 1));
        for end in 0..whole.len() {
            assert_eq!(validity(&whole[..end]), None, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_gives_none_and_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            prop_assert_eq!(validity(&bytes), None);
        }
    }
}

//! Search filters (RFC 4515) from what the operator wrote and what a stranger claims. PURE.
//!
//! Always holds: a value is a value, whatever it looks like: it ends no condition and begins none.
//! Distinguished names (RFC 4514) are never put together here: the directory says them, and they go
//! back to it as they came, in a bind whole, in a filter as a value.

use std::fmt::Write as _;

/// Fills each place with its value. A value that looks like a place stays a value.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        let found =
            values.iter().find_map(|(place, value)| Some((from.strip_prefix(place)?, value)));
        rest = match found {
            Some((after, value)) => {
                filled.push_str(&escaped(value));
                after
            }
            None => {
                filled.push('{');
                from.get(1..).unwrap_or_default()
            }
        };
    }
    filled.push_str(rest);
    filled
}

/// RFC 4515 section 3: what is not plainly a letter, a digit or a harmless mark is written in
/// hexadecimal.
pub(super) fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'@') {
            text.push(char::from(byte));
        } else {
            // Writing to a text never fails.
            let _ = write!(text, "\\{byte:02x}");
        }
    }
    text
}

/// Octets as a value.
pub(super) fn escaped_octets(value: &[u8]) -> String {
    value.iter().fold(String::with_capacity(value.len() * 3), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_stays_a_value() {
        let fill = |user: &str| {
            fill(
                "(&(a=b)(|(uid={user})(mail={login})))",
                &[("{user}", user), ("{login}", "anna@x.dk")],
            )
        };
        assert_eq!(fill("anna"), "(&(a=b)(|(uid=anna)(mail=anna@x.dk)))");
        assert_eq!(fill("*"), "(&(a=b)(|(uid=\\2a)(mail=anna@x.dk)))");
        assert_eq!(fill("a)(uid=*"), "(&(a=b)(|(uid=a\\29\\28uid\\3d\\2a)(mail=anna@x.dk)))");
        assert_eq!(fill("{login}"), "(&(a=b)(|(uid=\\7blogin\\7d)(mail=anna@x.dk)))");
        assert_eq!(fill("a\\2a\0"), "(&(a=b)(|(uid=a\\5c2a\\00)(mail=anna@x.dk)))");
        assert_eq!(fill("æ"), "(&(a=b)(|(uid=\\c3\\a6)(mail=anna@x.dk)))");
        assert_eq!(super::fill("{a}{user", &[("{user}", "x")]), "{a}{user");
        assert_eq!(escaped_octets(&[0, 255]), "\\00\\ff");
    }

    proptest! {
        /// The library's own reader finds one comparison, and in it the very octets.
        #[test]
        fn the_filter_reads_back_as_one_comparison(value in any::<String>()) {
            let filter = fill("(uid={user})", &[("{user}", &value)]);
            let mut expected = vec![0xa3];
            let length = |n: usize| match n {
                0..128 => vec![u8::try_from(n).unwrap()],
                128..256 => vec![0x81, u8::try_from(n).unwrap()],
                _ => vec![0x82, u8::try_from(n / 256).unwrap(), u8::try_from(n % 256).unwrap()],
            };
            let mut inner = vec![4, 3, b'u', b'i', b'd', 4];
            inner.extend(length(value.len()));
            inner.extend(value.as_bytes());
            expected.extend(length(inner.len()));
            expected.extend(inner);
            let read = ldap3::parse_filter(&filter).unwrap();
            let mut octets = Default::default();
            ldap3::asn1::write::encode_into(&mut octets, ldap3::asn1::ASNTag::into_structure(read))
                .unwrap();
            prop_assert_eq!(octets.to_vec(), expected);
        }
    }
}

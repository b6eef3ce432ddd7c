//! The `Authorization` header with Basic credentials (RFC 7617), read strictly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::Password;

/// Longer headers hold no name and password of ours.
const MAXIMUM_LENGTH: usize = 4096;

/// What the client claims.
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: Password,
}

/// Reads name and password. None for another scheme, for anything but one well-formed base64 text
/// of UTF-8, and for control characters in it.
pub(super) fn read(header: &HeaderValue) -> Option<Credentials> {
    let text = header.to_str().ok().filter(|text| text.len() <= MAXIMUM_LENGTH)?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(encoded.trim_matches(' ')).ok()?);
    let decoded = std::str::from_utf8(&bytes).ok()?;
    if decoded.chars().any(char::is_control) {
        return None;
    }
    let (name, password) = decoded.split_once(':')?;
    Some(Credentials { name: name.to_owned(), password: Password::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        let header = HeaderValue::from_bytes(text.as_bytes()).unwrap();
        read(&header).map(|c| (c.name, c.password.reveal().to_owned()))
    }

    fn encoded(text: &[u8]) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn the_name_ends_at_the_first_colon() {
        let parts = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(parsed(&encoded(b"anna:a:b:")), parts("anna", "a:b:"));
        assert_eq!(parsed(&encoded("anna:rødgrød".as_bytes())), parts("anna", "rødgrød"));
        assert_eq!(parsed("bASIC   YW5uYTpi"), parts("anna", "b"));
        assert_eq!(parsed(&encoded(b":")), parts("", ""));
    }

    #[test]
    fn what_can_be_read_two_ways_is_not_read() {
        for text in [
            "",
            "Basic",
            "Basic ",
            "Bearer YW5uYTpi",
            "BasicYW5uYTpi",
            "Basic YW5uYTpi YW5uYTpi",
            "Basic YW5uYTpi, Basic YW5uYTpi",
            "Basic YW5uYT\tpi",
            "Basic YW5uYTpiYw",
            "Basic YW5u!YTpi",
        ] {
            assert!(parsed(text).is_none(), "{text:?}");
        }
        for bytes in [&b"anna"[..], b"an\0na:b", b"anna:b\r\nX: y", b"anna:\xe6\xf8\xe5"] {
            assert!(parsed(&encoded(bytes)).is_none(), "{bytes:?}");
        }
        assert!(parsed(&encoded(&[b'a'; 4000])).is_none());
    }
}

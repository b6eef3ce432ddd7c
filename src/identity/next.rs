//! Where somebody goes after signing in: a path on the same host, or the root.

/// A path and query on the host that the client already talks to. Anything that a browser could
/// read as another place becomes `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next(String);

const MAXIMUM_LENGTH: usize = 2048;
/// Pages that would turn a sign-in into something else.
const NEVER: [&str; 3] = ["/.geovagt/sign-in", "/.geovagt/sign-out", "/.geovagt/callback"];

impl Next {
    /// Takes the path and query that the client came with, or from a form that anybody may have
    /// filled in.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if is_harmless(text) { Self(text.to_owned()) } else { Self::root() }
    }

    /// Takes the value of a query parameter, percent-encoded as it stands in an address.
    #[must_use]
    pub fn from_parameter(value: &str) -> Self {
        percent_decoded(value)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map_or_else(Self::root, |text| Self::new(&text))
    }

    /// `/`
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// For the `Location` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_harmless(text: &str) -> bool {
    if text.len() > MAXIMUM_LENGTH || !text.starts_with('/') {
        return false;
    }
    let visible =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'<' | b'>' | b'"');
    if !text.bytes().all(visible) {
        return false;
    }
    let path = text.split('?').next().unwrap_or_default();
    let Some(read) = percent_decoded(path) else { return false };
    let Some(query_read) = percent_decoded(text) else { return false };
    if query_read.iter().any(u8::is_ascii_control) {
        return false;
    }
    let segments: Vec<&[u8]> = read.split(|byte| matches!(byte, b'/' | b'\\')).collect();
    let dotted = |segment: &&[u8]| matches!(**segment, [b'.'] | [b'.', b'.']);
    let inner = segments.get(1..segments.len().saturating_sub(1)).unwrap_or_default();
    let doubled = inner.iter().any(|segment| segment.is_empty());
    let spaced = read.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'\\');
    let first_is_encoded = read.get(1).is_some_and(|byte| matches!(byte, b'/' | b'%'));
    let lower = read.to_ascii_lowercase();
    let elsewhere = NEVER.iter().any(|page| lower.starts_with(page.as_bytes()));
    !(segments.iter().any(dotted) || doubled || spaced || first_is_encoded || elsewhere)
}

/// The bytes once decoded; none where a `%` is not followed by two hexadecimal digits.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    super::form::percent_decode(text.as_bytes(), false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_on_this_host_is_kept() {
        for text in [
            "/",
            "/a/b",
            "/a/b/",
            "/owa/?id=1&x=%20y",
            "/m%C3%B8der?q=a/b//c",
            "/a@b",
            "/.geovagt/",
        ] {
            assert_eq!(Next::new(text).as_str(), text);
        }
    }

    #[test]
    fn anything_a_browser_could_read_as_another_place_is_not() {
        for text in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/%2fevil.example",
            "/%2F/evil.example",
            "/%5cevil.example",
            "/%09/evil.example",
            "/%0d%0aLocation:x",
            "/a?b=%0d%0aSet-Cookie:x",
            "https://evil.example",
            "https:evil.example",
            "/a\r\nSet-Cookie: x",
            " //evil.example",
            "/ /evil.example",
            "/%20/evil.example",
            "//user@evil.example",
            "/./",
            "/.//evil.example",
            "/a/..//evil.example",
            "/%2e%2e//evil.example",
            "/a//b",
            "/a#b",
            "/æ",
            "/%",
            "/%zz",
            "/%252fevil.example/%zz",
            "javascript:alert(1)",
            "/.geovagt/sign-out",
            "/.GEOVAGT/sign-in?next=/",
            "/.geovagt/sign%2Dout",
            "/\"onload=x",
        ] {
            assert_eq!(Next::new(text).as_str(), "/", "{text:?}");
        }
        assert_eq!(Next::new(&format!("/{}", "a".repeat(3000))).as_str(), "/");
    }

    fn fragments() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "/",
            "//",
            "\\",
            "@",
            ":",
            "?",
            "#",
            ".",
            "..",
            "%2f",
            "%5C",
            "%09",
            "%0a",
            "%2e",
            " ",
            "\t",
            "\n",
            "evil.example",
            "https:",
            "javascript:",
            "a",
            "\u{a0}",
            "\u{3002}",
            "[",
            "]",
            "&",
            "=",
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn it_never_leaves_the_host(text in prop_oneof![fragments(), any::<String>(), "/\\PC{0,20}"]) {
            let next = Next::new(&text);
            let here = url::Url::parse("https://kilden.example.dk/.geovagt/sign-in").unwrap();
            let there = here.join(next.as_str()).unwrap();
            prop_assert_eq!(there.origin(), here.origin());
            prop_assert_eq!(there.username(), "");
            prop_assert!(!there.path().starts_with("//"));
            prop_assert!(http::HeaderValue::from_str(next.as_str()).is_ok());
        }
    }
}

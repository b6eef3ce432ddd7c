//! The path of a path rule, and the ways in which upstreams may read a request's path.
//!
//! PURE. What goes on to the upstream is the path as it came, so two readings are made of it: the
//! *plain* one, octet for octet, and the *loosest*, which takes together all that any known server
//! takes together: case, percent encoding to any depth, parameters behind `;`, what stands behind
//! `:` or an encoded `?`, empty segments, dots and spaces at a segment's end. Every other reading
//! lies between the two. What even the loosest cannot read in one way is [`UnclearPath`].

use std::fmt;

/// How often a path may be encoded over and over; more is nobody's honest address.
const MOST_DECODINGS: usize = 4;

/// The path of a rule: ASCII segments, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePath {
    written: String,
    segments: Vec<String>,
}

/// Why a text is no path of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRulePath {
    /// It does not begin with `/`.
    #[error("does not begin with a slash")]
    NoSlash,
    /// It has an empty segment, or one of dots.
    #[error("has an empty or a dot segment")]
    Segment,
    /// It has a character that a rule cannot be compared by.
    #[error("has a character other than ASCII letters, digits and -._~!$&'()*+,=@")]
    Character,
}

/// A path that no rule can be held against: even its loosest reading can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path can be read in more than one way")]
pub struct UnclearPath;

impl RulePath {
    /// Reads the path of a rule. A slash at the end means nothing: `/ecp` and `/ecp/` are the same
    /// rule, which holds for `/ecp` and for everything below it.
    ///
    /// # Errors
    /// [`InvalidRulePath`]
    pub fn parse(text: &str) -> Result<Self, InvalidRulePath> {
        let rest = text.strip_prefix('/').ok_or(InvalidRulePath::NoSlash)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,=@/".contains(&b);
        if !rest.bytes().all(plain) {
            return Err(InvalidRulePath::Character);
        }
        if rest.is_empty() {
            let whole = text == "/";
            return if whole { Ok(Self::whole()) } else { Err(InvalidRulePath::Segment) };
        }
        if rest.split('/').any(|segment| segment.is_empty() || segment.ends_with('.')) {
            return Err(InvalidRulePath::Segment);
        }
        let segments = rest.split('/').map(str::to_owned).collect();
        Ok(Self { written: text.to_owned(), segments })
    }

    fn whole() -> Self {
        Self { written: "/".to_owned(), segments: Vec::new() }
    }

    /// As the operator wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// How many segments it has: the longer of two rules that hold decides.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.segments.len()
    }

    /// Whether two rules hold for the same paths.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.depth() == other.depth() && self.is_above(&Loosest::of_rule(other))
    }

    /// Whether this path, octet for octet, lies at or below the rule's.
    pub(super) fn holds_plainly(&self, path: &str) -> bool {
        let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
        self.segments.iter().all(|own| segments.next() == Some(own))
    }

    /// Whether the loosest reading lies at or below the rule's.
    pub(super) fn is_above(&self, path: &Loosest) -> bool {
        path.segments.len() >= self.segments.len()
            && self
                .segments
                .iter()
                .zip(&path.segments)
                .all(|(own, its)| own.eq_ignore_ascii_case(its))
    }
}

impl fmt::Display for RulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The loosest reading of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loosest {
    segments: Vec<String>,
}

impl Loosest {
    fn of_rule(rule: &RulePath) -> Self {
        Self { segments: rule.segments.clone() }
    }

    /// Reads a path in the loosest way.
    pub(super) fn read(path: &str) -> Result<Self, UnclearPath> {
        // Some servers take what follows for a host.
        if path.starts_with("//") {
            return Err(UnclearPath);
        }
        let decoded = decoded(path)?;
        let upto = decoded.find(['?', '#']).unwrap_or(decoded.len());
        let (path, _) = decoded.split_at_checked(upto).ok_or(UnclearPath)?;
        let segments = path.split('/').map(segment).filter(|s| *s != Ok(String::new()));
        Ok(Self { segments: segments.collect::<Result<_, _>>()? })
    }
}

/// One segment without what servers cut off, letters folded.
fn segment(text: &str) -> Result<String, UnclearPath> {
    if has_session_part(text) {
        return Err(UnclearPath);
    }
    let cut = text.split([';', ':']).next().unwrap_or_default();
    let trimmed = cut.trim_end_matches(['.', ' ', '\u{a0}']);
    if trimmed.is_empty() && !cut.is_empty() {
        return Err(UnclearPath);
    }
    // Up and down again: a long s, a dotless i and a Kelvin sign meet their ASCII likenesses; and so
    // does an i with a dot above, whose dot is left over.
    let folded = trimmed.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    Ok(folded.filter(|letter| *letter != '\u{307}').collect())
}

/// Whether ASP.NET would take a part out of it, wherever that stands: `(S(...))`, `(A(...)F(...))`.
fn has_session_part(text: &str) -> bool {
    let begins =
        |three: &[u8]| matches!(three, [b'(', letter, b'('] if letter.is_ascii_alphabetic());
    text.as_bytes().windows(3).any(begins)
}

/// Decoded until nothing encoded is left. A separator, a backslash or a control character that only
/// then shows, or octets that hide one, leave it unclear.
fn decoded(path: &str) -> Result<String, UnclearPath> {
    let mut bytes = path.as_bytes().to_vec();
    let separators = bytes.iter().filter(|b| **b == b'/').count();
    for _ in 0..MOST_DECODINGS {
        let next = decoded_once(&bytes);
        if next.len() == bytes.len() {
            let hidden = bytes.iter().any(|b| matches!(b, b'\\' | 0..=0x1f | 0x7f));
            let slashes = bytes.iter().filter(|b| **b == b'/').count();
            if hidden || slashes != separators || has_overlong(&bytes) {
                return Err(UnclearPath);
            }
            return Ok(String::from_utf8(bytes).unwrap_or_else(|error| latin1(error.as_bytes())));
        }
        bytes = next;
    }
    Err(UnclearPath)
}

fn decoded_once(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        let octet = (*first == b'%')
            .then(|| digit(0).zip(digit(1)))
            .flatten()
            .and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        let taken = if octet.is_some() { 3 } else { 1 };
        decoded.push(octet.unwrap_or(*first));
        rest = rest.get(taken..).unwrap_or_default();
    }
    decoded
}

/// Octets that a careless decoder of UTF-8 takes for a shorter character (RFC 3629 section 10).
fn has_overlong(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| {
        matches!(pair, [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f])
    })
}

/// Old servers of the region write their letters so.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> RulePath {
        RulePath::parse(text).unwrap()
    }

    #[test]
    fn a_rule_is_written_in_plain_segments() {
        for text in ["/", "/ecp", "/ecp/", "/a.b/c-d_e~f", "/Microsoft-Server-ActiveSync"] {
            assert_eq!(rule(text).as_str(), text);
        }
        for (text, because) in [
            ("", InvalidRulePath::NoSlash),
            ("ecp/", InvalidRulePath::NoSlash),
            ("//", InvalidRulePath::Segment),
            ("/a//b", InvalidRulePath::Segment),
            ("//a", InvalidRulePath::Segment),
            ("/a/../b", InvalidRulePath::Segment),
            ("/a./b", InvalidRulePath::Segment),
            ("/%65cp/", InvalidRulePath::Character),
            ("/ecp;x/", InvalidRulePath::Character),
            ("/a?b", InvalidRulePath::Character),
            ("/a b", InvalidRulePath::Character),
            ("/børn", InvalidRulePath::Character),
            ("/a\\b", InvalidRulePath::Character),
            ("/c:d", InvalidRulePath::Character),
        ] {
            assert_eq!(RulePath::parse(text), Err(because), "{text:?}");
        }
    }

    #[test]
    fn a_rule_holds_at_segment_boundaries_alone() {
        let holds = |path: &str, text: &str| {
            (rule(path).holds_plainly(text), rule(path).is_above(&Loosest::read(text).unwrap()))
        };
        for written in ["/ecp", "/ecp/"] {
            for text in ["/ecp", "/ecp/", "/ecp/default.aspx", "/ecp/a/b"] {
                assert_eq!(holds(written, text), (true, true), "{written} {text}");
            }
            for text in ["/ecpx", "/ecp.aspx", "/ec", "/", "/owa/ecp/", "/ecp-x/"] {
                assert_eq!(holds(written, text), (false, false), "{written} {text}");
            }
        }
        assert_eq!(holds("/", "/anything"), (true, true));
        assert!(rule("/ecp").is_same(&rule("/ECP/")) && !rule("/ecp").is_same(&rule("/ecp/a")));
    }

    #[test]
    fn the_loosest_reading_finds_the_rule_behind_every_spelling() {
        for text in [
            "/ECP/",
            "/%65cp/",
            "/%65%63%70",
            "/%2565cp/",
            "/%252565cp/",
            "/ecp;x/",
            "/ecp;jsessionid=1",
            "/;a/ecp/",
            "/ecp%3bx/",
            "/ecp//x",
            "/ecp./",
            "/ecp.../x",
            "/ecp%20/",
            "/ecp%20.%20/",
            "/ecp:$i30:$INDEX_ALLOCATION/x",
            "/ecp::$DATA",
            "/ecp%3fx",
            "/ecp%23x",
            "/ecp%253fx",
        ] {
            assert!(rule("/ecp/").is_above(&Loosest::read(text).unwrap()), "{text}");
        }
        assert!(rule("/a/b").is_above(&Loosest::read("/a//b").unwrap()));
        assert!(rule("/ski").is_above(&Loosest::read("/%C5%BF%E2%84%AA%C4%B1").unwrap()));
        assert!(rule("/internal").is_above(&Loosest::read("/%C4%B0nternal%C2%A0").unwrap()));
        for text in ["/ecpx", "/%65cpx", "/x;/ecp", "/ecp%C3%A9/", "/b%E5d/"] {
            assert!(!rule("/ecp/").is_above(&Loosest::read(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_hides_a_separator_is_unclear() {
        for text in [
            "//host/ecp/",
            "/a%252fecp",
            "/a/%252e%252e/ecp",
            "/a/%252e/ecp",
            "/a%255cecp",
            "/(S(x))/ecp/",
            "/(a(x))/ecp/",
            "/e(S(x))cp/",
            "/(S(x)F(y))/ecp/x",
            "/%28S%28x))/ecp/",
            "/a%2500",
            "/a/.%20/ecp",
            "/a/..%20/ecp",
            "/a/.../ecp",
            "/%20/ecp",
            "/a%c0%afecp",
            "/%c0%ae%c0%ae/ecp",
            "/%e0%80%afecp",
            "/%25252525252565cp",
        ] {
            assert_eq!(Loosest::read(text), Err(UnclearPath), "{text}");
        }
    }

    proptest::proptest! {
        /// What holds octet for octet holds in the loosest reading: it never loses a rule.
        #[test]
        fn the_loosest_reading_holds_whatever_the_plain_one_does(
            path in "/[a-cA-C]{1,2}(/[a-c]{1,2}){0,2}",
            behind in "(/[a-zA-Z0-9%;:. ~?#æ]{0,6}){0,3}",
        ) {
            let text = format!("{path}{behind}");
            let rule = rule(&path);
            proptest::prop_assert!(rule.holds_plainly(&text));
            if let Ok(loosest) = Loosest::read(&text) {
                proptest::prop_assert!(rule.is_above(&loosest));
            }
        }
    }
}

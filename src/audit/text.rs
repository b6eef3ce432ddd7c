//! Text from strangers, made fit for a log line and for a terminal.
//!
//! PURE.

use std::borrow::Cow;

/// The mark of a value that was cut.
const ELLIPSIS: &str = "…";

/// At most `maximum` bytes of the text, ending in an ellipsis where something was cut. Cutting what
/// was cut gives the same again.
pub(crate) fn capped(text: &str, maximum: usize) -> Cow<'_, str> {
    if text.len() <= maximum {
        return Cow::Borrowed(text);
    }
    let mut end = maximum.saturating_sub(ELLIPSIS.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = text.get(..end).unwrap_or_default().to_owned();
    cut.push_str(ELLIPSIS);
    Cow::Owned(cut)
}

/// The path without its segments that name somebody, each `*`: those that hold an `@`, as mail
/// addresses do (`/owa/anna.holm@example.dk/`), and those that are this person's name
/// (`/dav/calendars/anna.holm/`). What a path says enters the chain as it stands and cannot be taken
/// out again.
pub(crate) fn without_names<'p>(path: &'p str, name: Option<&str>) -> Cow<'p, str> {
    let is_name = |segment: &str| {
        segment.contains('@')
            || segment.as_bytes().windows(3).any(|three| three.eq_ignore_ascii_case(b"%40"))
            || name.is_some_and(|name| segment.eq_ignore_ascii_case(name))
    };
    // Most paths show at once that they hold none.
    let may_hold_one = name.is_some() || path.bytes().any(|byte| matches!(byte, b'@' | b'%'));
    if !may_hold_one || !path.split('/').any(is_name) {
        return Cow::Borrowed(path);
    }
    let segments: Vec<&str> =
        path.split('/').map(|segment| if is_name(segment) { "*" } else { segment }).collect();
    Cow::Owned(segments.join("/"))
}

/// Whether a character could act on a terminal, break a line or turn the reading direction.
fn acts(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Appends the text as a JSON string in which every character that could act is escaped.
pub(crate) fn push_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let (eights, rest) = text.as_bytes().as_chunks::<8>();
    // Without an early end, so that many bytes are looked at together.
    let plain = eights.iter().fold(true, |plain, eight| plain & are_plain(*eight))
        && rest.iter().all(|byte| is_plain(*byte));
    if plain {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_escaped(out, text);
    }
    out.push(b'"');
}

/// [`is_plain`] of eight bytes at a time: in each byte of the number, its highest bit says no.
fn are_plain(bytes: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let word = u64::from_ne_bytes(bytes);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    // A byte that is not ASCII has its highest bit set; below it, borrowing cannot mislead, because
    // only whether any bit is set is asked.
    let unfit = word | below(word, b' '.into()) | is(b'"') | is(b'\\') | is(0x7f);
    unfit & HIGH == 0
}

/// Whether a byte is a character of its own that stands for itself in JSON and acts on nothing.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut plain = 0;
    for (index, c) in text.char_indices() {
        if c != '"' && c != '\\' && !acts(c) {
            continue;
        }
        out.extend_from_slice(text.as_bytes().get(plain..index).unwrap_or_default());
        plain = index + c.len_utf8();
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    out.extend_from_slice(hex::encode(unit.to_be_bytes()).as_bytes());
                }
            }
        }
    }
    out.extend_from_slice(text.as_bytes().get(plain..).unwrap_or_default());
}

/// The text with every character that could act on a terminal written out, as `\u{1b}`.
#[must_use]
pub fn terminal_safe(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        push_json_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_that_acts_survives() {
        let nasty = "a\n{\"x\":1}\r\u{1b}[2J\u{7f}\u{9b}31m\u{202e}gpj\u{2028}\u{2066}\u{e0041}\0";
        let written = json(nasty);
        assert!(!written.contains(acts), "{written:?}");
        assert!(written.contains("\\n") || written.contains("\\u000a"));
        assert!(!terminal_safe(nasty).contains(acts));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), nasty);
        assert_eq!(terminal_safe("Kilden æøå"), "Kilden æøå");
    }

    #[test]
    fn a_path_in_the_log_names_nobody() {
        let anna = Some("anna.holm");
        for (path, name, written) in [
            ("/owa/anna.holm@ballerup.dk/x", None, "/owa/*/x"),
            ("/owa/anna.holm%40ballerup.dk", None, "/owa/*"),
            (
                "/remote.php/dav/calendars/Anna.Holm/personal/",
                anna,
                "/remote.php/dav/calendars/*/personal/",
            ),
            ("/remote.php/dav/calendars/anna.holm/", None, "/remote.php/dav/calendars/anna.holm/"),
            ("/anna.holms/side%20to", anna, "/anna.holms/side%20to"),
            ("/@", None, "/*"),
            ("*", None, "*"),
            ("/", anna, "/"),
        ] {
            assert_eq!(without_names(path, name), written, "{path}");
        }
    }

    #[test]
    fn a_cut_shows_and_falls_between_characters() {
        assert_eq!(capped("abcdef", 6), "abcdef");
        assert_eq!(capped("abcdefg", 6), "abc…");
        assert_eq!(capped("aæææææ", 7), "aæ…");
    }

    proptest! {
        #[test]
        fn every_text_comes_back_from_one_plain_line(text: String, maximum in 3_usize..40) {
            let written = json(&text);
            prop_assert!(!written.contains(acts));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.clone());
            let once = capped(&text, maximum).into_owned();
            prop_assert!(once.len() <= maximum);
            prop_assert_eq!(capped(&once, maximum), once.as_str());
            prop_assert!(!terminal_safe(&text).contains(acts));
        }
    }
}

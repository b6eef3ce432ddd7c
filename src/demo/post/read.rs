//! A message as a person reads it. PURE.
//!
//! Knows as much of MIME (RFC 2045, 2047) as the gateway writes. What it cannot read it shows as it
//! came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a letter says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::demo) struct Content {
    pub(in crate::demo) from: String,
    pub(in crate::demo) subject: String,
    pub(in crate::demo) text: String,
    /// The journey as a calendar has it.
    pub(in crate::demo) calendar: Option<String>,
}

pub(super) fn read(message: &str) -> Content {
    let whole = Part::of(message);
    let mut content = Content {
        from: words(whole.header("from").unwrap_or_default()),
        subject: words(whole.header("subject").unwrap_or_default()),
        ..Content::default()
    };
    for part in whole.parts() {
        match part.kind() {
            "text/calendar" => content.calendar = Some(part.text()),
            _ => content.text.push_str(&part.text()),
        }
    }
    content
}

/// Headers in front of a body.
struct Part<'a> {
    head: String,
    body: &'a str,
}

impl<'a> Part<'a> {
    fn of(text: &'a str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        Self { head: head.replace("\r\n ", " ").replace("\r\n\t", " "), body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| {
            line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        let line = self.head.split("\r\n").find(named)?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    fn kind(&self) -> &str {
        let kind = self.header("content-type").unwrap_or("text/plain");
        kind.split(';').next().unwrap_or_default().trim()
    }

    fn boundary(&self) -> Option<&str> {
        let kind = self.header("content-type").filter(|_| self.kind().starts_with("multipart/"))?;
        let (_, rest) = kind.split_once("boundary=")?;
        rest.split([';', ' ']).next().map(|boundary| boundary.trim_matches('"'))
    }

    /// What it is made of; itself, where it is not made of parts.
    fn parts(self) -> Vec<Self> {
        let Some(boundary) = self.boundary().filter(|boundary| !boundary.is_empty()) else {
            return vec![self];
        };
        let between = self.body.split(&format!("--{boundary}")).collect::<Vec<_>>();
        let inside = between.into_iter().skip(1).take_while(|part| !part.starts_with("--"));
        inside.map(|part| Part::of(part.trim_start())).collect()
    }

    fn text(&self) -> String {
        let encoding = self.header("content-transfer-encoding").unwrap_or_default();
        let text = match encoding.to_ascii_lowercase().as_str() {
            "base64" => {
                let packed: String = self.body.split_whitespace().collect();
                STANDARD.decode(packed).map(|bytes| in_utf8(&bytes))
            }
            "quoted-printable" => Ok(in_utf8(&unquoted(&self.body.replace("=\r\n", "")))),
            _ => Ok(self.body.to_owned()),
        };
        text.unwrap_or_else(|_| self.body.to_owned()).replace("\r\n", "\n")
    }
}

/// A header's value with its encoded words (`=?utf-8?b?…?=`) decoded.
fn words(value: &str) -> String {
    let mut read = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("=?") {
        // Between two encoded words the space belongs to the encoding.
        if !(before.trim().is_empty() && rest.len() < value.len()) {
            read.push_str(before);
        }
        let mut fields = after.splitn(3, '?');
        let (Some(_), Some(way), Some(tail)) = (fields.next(), fields.next(), fields.next()) else {
            return value.to_owned();
        };
        let Some((text, behind)) = tail.split_once("?=") else { return value.to_owned() };
        let bytes = match way {
            "b" | "B" => STANDARD.decode(text).unwrap_or_default(),
            _ => unquoted(&text.replace('_', " ")),
        };
        read.push_str(&in_utf8(&bytes));
        rest = behind;
    }
    read + rest
}

/// `=C3=B8` is `ø`.
fn unquoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'=');
        match hex.and_then(|hex| hex::decode(hex).ok()) {
            Some(octet) => {
                bytes.extend(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

fn in_utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

//! A form that may bring a file (`multipart/form-data`, RFC 7578), read as far as we need it: fields
//! and files as text.
//!
//! Always holds: what is no form, or is cut off, is refused, and nothing of it is taken.

use axum::extract::{FromRequest, Request};
use http::header;

use crate::admin::{Fields, Refusal};

/// The largest file with its form.
const LARGEST: usize = 2 * 1024 * 1024;

/// The fields of a form, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Upload(Vec<(String, Vec<u8>)>);

impl Upload {
    /// The first field of this name as text; spreadsheets of old write Windows-1252.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (_, bytes) = self.0.iter().find(|(known, _)| known == name)?;
        Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(windows).collect(),
        })
    }
}

/// A byte of Windows-1252, as far as names and days are written with it.
fn windows(byte: u8) -> char {
    match byte {
        0x80 => '€',
        0x91 | 0x92 => '’',
        0x93 | 0x94 => '"',
        0x96 => '–',
        0x81..=0x9f => '\u{fffd}',
        other => char::from(other),
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let boundary = kind
            .strip_prefix("multipart/form-data; boundary=")
            .map(|text| text.trim_matches('"').to_owned());
        let bytes = axum::body::to_bytes(request.into_body(), LARGEST)
            .await
            .map_err(|_| Refusal::TooLarge)?;
        match boundary {
            Some(boundary) => parts(&bytes, &boundary)
                .map(Self)
                .ok_or_else(|| Refusal::Invalid("multipart/form-data".to_owned())),
            None => {
                let fields = Fields::read(&bytes);
                let field = |(name, value): (&str, &str)| (name.to_owned(), value.into());
                Ok(Self(fields.iter().map(field).collect()))
            }
        }
    }
}

/// The parts between the boundaries; none where the last one is not closed.
fn parts(body: &[u8], boundary: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let (open, between) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(open.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        let end = memchr::memmem::find(rest, between.as_bytes())?;
        let (part, after) = rest.split_at_checked(end)?;
        let head = memchr::memmem::find(part, b"\r\n\r\n")?;
        let (head, content) = part.split_at_checked(head)?;
        let name = name_of(std::str::from_utf8(head).ok()?)?;
        parts.push((name, content.get(4..)?.to_vec()));
        let after = after.get(between.len()..)?;
        match after.strip_prefix(b"\r\n") {
            Some(next) => rest = next,
            None => return after.starts_with(b"--").then_some(parts),
        }
    }
}

/// The name of a field in the head of its part.
fn name_of(head: &str) -> Option<String> {
    let disposition = head.split("\r\n").find(|line| {
        line.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("content-disposition:"))
    })?;
    let name = disposition.split(';').find_map(|part| part.trim().strip_prefix("name="))?;
    Some(name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[(&str, &[u8])], end: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend_from_slice(
                format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(end.as_bytes());
        body
    }

    #[test]
    fn fields_and_files_are_read_as_text() {
        let sent = body(
            &[
                ("name=\"csrf\"", b"00ff"),
                ("name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv", b"S\xf8ren\r\n--y"),
            ],
            "--x--\r\n",
        );
        let upload = Upload(parts(&sent, "x").unwrap());
        assert_eq!(upload.text("csrf").as_deref(), Some("00ff"));
        assert_eq!(upload.text("file").as_deref(), Some("Søren\r\n--y"));
        assert_eq!(upload.text("filename"), None);
    }

    #[test]
    fn what_is_cut_off_or_no_form_is_refused() {
        let whole = body(&[("name=\"a\"", b"b")], "--x--\r\n");
        assert!(parts(&whole, "x").is_some());
        for cut in 0..whole.len() - 4 {
            assert_eq!(parts(&whole[..cut], "x"), None, "{cut}");
        }
        assert_eq!(parts(&whole, "y"), None);
        assert_eq!(parts(b"--x\r\nX: y\r\n\r\nb\r\n--x--", "x"), None);
    }
}

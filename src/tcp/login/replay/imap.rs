//! IMAP: the greeting, the command in as many parts as it needs, and the answer with its tag. A server
//! that has not said with its yes what it offers is asked, before the client hears of the yes.

use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::super::{Credentials, Login, Means, sasl};
use super::{Both, NotReplayed, Part, part};

pub(super) async fn say(
    login: &Login,
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
) -> Result<(), NotReplayed> {
    let greeting = both.hear().await?;
    if super::offers(&greeting, b"UNAUTHENTICATE") {
        return Err(NotReplayed::Anew("UNAUTHENTICATE"));
    }
    if begins(&greeting, b"* BYE") {
        return both.refused(&greeting).await;
    }
    // One that takes everybody as signed in already is none of ours.
    if !begins(&greeting, b"* OK") {
        return Err(NotReplayed::Unclear);
    }
    let parts = parts(login).ok_or(NotReplayed::Unclear)?;
    let last = parts.len().saturating_sub(1);
    let mut offered = false;
    for (number, part) in parts.iter().enumerate() {
        both.say(part).await?;
        if number < last && answer(login.tag.as_bytes(), both, &mut offered).await?.is_some() {
            // It had not heard the whole of it yet.
            return Err(NotReplayed::Unclear);
        }
    }
    // A server may explain why it takes no token, and then waits to be told that this was heard.
    let mut explained = false;
    let yes = loop {
        if let Some(yes) = answer(login.tag.as_bytes(), both, &mut offered).await? {
            break yes;
        }
        if std::mem::replace(&mut explained, true) {
            return Err(NotReplayed::Unclear);
        }
        both.say(b"\r\n").await?;
    };
    if !offered {
        both.say(&[OURS, b" CAPABILITY\r\n"].concat()).await?;
        let known = answer(OURS, both, &mut offered).await?;
        if known.is_none() || !offered {
            return Err(NotReplayed::Unclear);
        }
    }
    both.tell(&yes).await
}

/// The tag of our own question. It is answered before the client's next command goes on.
const OURS: &[u8] = b"geovagt";

/// Hears until the server has said yes, which is given, or asks for more: none. A no is an error.
/// `offered` becomes true where it says what it offers.
async fn answer(
    tag: &[u8],
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
    offered: &mut bool,
) -> Result<Option<Vec<u8>>, NotReplayed> {
    loop {
        let line = both.hear().await?;
        // RFC 8437.
        if super::offers(&line, b"UNAUTHENTICATE") {
            return Err(NotReplayed::Anew("UNAUTHENTICATE"));
        }
        if begins(&line, b"+") {
            return Ok(None);
        }
        let tagged = line.strip_prefix(tag).and_then(|l| l.strip_prefix(b" "));
        match tagged {
            Some(words) if begins(words, b"OK") => {
                *offered |= begins(words, b"OK [CAPABILITY ");
                return Ok(Some(line));
            }
            Some(_) if tag == OURS => return Err(NotReplayed::Unclear),
            Some(_) => both.refused(&line).await?,
            None => {
                *offered |= begins(&line, b"* CAPABILITY ");
                both.tell(&line).await?;
            }
        }
    }
}

fn begins(line: &[u8], start: &[u8]) -> bool {
    line.get(..start.len()).is_some_and(|first| first.eq_ignore_ascii_case(start))
}

/// The command: after each part but the last the server has to ask for the next.
fn parts(login: &Login) -> Option<Vec<Part>> {
    let tag = login.tag.as_bytes();
    match (&login.credentials, login.means) {
        (Credentials::Password { name, password }, Means::Plainly) => {
            let mut parts = vec![part(&[tag, b" LOGIN "])];
            push_string(&mut parts, name.as_bytes())?;
            append(&mut parts, b" ")?;
            push_string(&mut parts, password.reveal().as_bytes())?;
            append(&mut parts, b"\r\n")?;
            Some(parts)
        }
        (credentials, _) => {
            let (mechanism, response) = sasl::response(credentials)?;
            let command = part(&[tag, b" AUTHENTICATE ", mechanism.as_bytes(), b"\r\n"]);
            Some(vec![command, part(&[response.as_bytes(), b"\r\n"])])
        }
    }
}

/// In quotes where that can be, and else as a literal.
fn push_string(parts: &mut Vec<Part>, text: &[u8]) -> Option<()> {
    let printable = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
    if !text.iter().all(printable) {
        append(parts, format!("{{{}}}\r\n", text.len()).as_bytes())?;
        parts.push(Zeroizing::new(text.to_vec()));
        return Some(());
    }
    let mut quoted = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
    quoted.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    append(parts, &quoted)
}

fn append(parts: &mut [Part], bytes: &[u8]) -> Option<()> {
    super::super::talk::append(parts.last_mut()?, bytes);
    Some(())
}

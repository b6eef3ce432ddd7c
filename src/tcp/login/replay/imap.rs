//! IMAP: the greeting, the command in as many parts as it needs, and the answer with its tag.

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
    for (number, part) in parts.iter().enumerate() {
        both.say(part).await?;
        if number < last && answer(login, both).await? == Answer::Done {
            // It had not heard the whole of it yet.
            return Err(NotReplayed::Unclear);
        }
    }
    // A server may explain why it takes no token, and then waits to be told that this was heard.
    let mut explained = false;
    while answer(login, both).await? == Answer::GoOn {
        if std::mem::replace(&mut explained, true) {
            return Err(NotReplayed::Unclear);
        }
        both.say(b"\r\n").await?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    GoOn,
    Done,
}

/// Hears until the server asks for more, or has said yes; a no is an error.
async fn answer(
    login: &Login,
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
) -> Result<Answer, NotReplayed> {
    loop {
        let line = both.hear().await?;
        // RFC 8437.
        if super::offers(&line, b"UNAUTHENTICATE") {
            return Err(NotReplayed::Anew("UNAUTHENTICATE"));
        }
        if begins(&line, b"+") {
            return Ok(Answer::GoOn);
        }
        let tagged = line.strip_prefix(login.tag.as_bytes()).and_then(|l| l.strip_prefix(b" "));
        match tagged {
            Some(words) if begins(words, b"OK") => {
                both.tell(&line).await?;
                return Ok(Answer::Done);
            }
            Some(_) => both.refused(&line).await?,
            None => both.tell(&line).await?,
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

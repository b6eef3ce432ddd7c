//! SMTP: the client's own EHLO, and then by what the server offers.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::{Credentials, Login, sasl};
use super::{Both, NotReplayed, Part, part};

pub(super) async fn say(
    login: &Login,
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
) -> Result<(), NotReplayed> {
    expect(both, b"220").await?;
    both.say(&part(&[b"EHLO ", login.hello.as_bytes(), b"\r\n"])).await?;
    let offers = expect(both, b"250").await?;
    // RFC 3207 section 4.2: what was known of the client is forgotten then.
    if super::offers(&offers, b"STARTTLS") {
        return Err(NotReplayed::Anew("STARTTLS"));
    }
    let parts = parts(&login.credentials, takes_plain(&offers)).ok_or(NotReplayed::Unclear)?;
    let last = parts.len().saturating_sub(1);
    for (number, part) in parts.iter().enumerate() {
        both.say(part).await?;
        if number < last {
            expect(both, b"334").await?;
        }
    }
    let mut answer = reply(both).await?;
    // A server may explain why it takes no token, and then waits to be told that this was heard.
    if answer.starts_with(b"334") {
        both.say(b"\r\n").await?;
        answer = reply(both).await?;
    }
    if answer.starts_with(b"235") { both.tell(&answer).await } else { both.refused(&answer).await }
}

/// A whole reply with this code; another one is the server's no.
async fn expect(
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
    code: &[u8; 3],
) -> Result<Vec<u8>, NotReplayed> {
    let reply = reply(both).await?;
    if reply.starts_with(code) {
        return Ok(reply);
    }
    // What would be a yes, or a question, to the client is nothing that it may hear here.
    if matches!(reply.first(), Some(b'4' | b'5')) {
        both.refused(&reply).await?;
    }
    Err(NotReplayed::Unclear)
}

/// A reply of as many lines as it has: all but the last have a hyphen after the code.
async fn reply(
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
) -> Result<Vec<u8>, NotReplayed> {
    let mut reply = Vec::new();
    loop {
        let line = both.hear().await?;
        let goes_on = line.get(3) == Some(&b'-');
        reply.extend(line);
        if !goes_on {
            return Ok(reply);
        }
    }
}

fn takes_plain(offers: &[u8]) -> bool {
    let words = offers.to_ascii_uppercase();
    let lines = words.split(|byte| *byte == b'\n');
    let of_auth = |line: &&[u8]| matches!(line.get(4..9), Some(b"AUTH " | b"AUTH="));
    lines.filter(of_auth).any(|line| {
        let mechanisms = line.get(9..).unwrap_or_default().trim_ascii().split(|byte| *byte == b' ');
        mechanisms.into_iter().any(|word| word == b"PLAIN")
    })
}

fn parts(credentials: &Credentials, plain: bool) -> Option<Vec<Part>> {
    if let (Credentials::Password { name, password }, false) = (credentials, plain) {
        let (name, password) = (sasl::encode(name), sasl::encode(password.reveal()));
        return Some(vec![
            part(&[b"AUTH LOGIN\r\n"]),
            part(&[name.as_bytes(), b"\r\n"]),
            part(&[password.as_bytes(), b"\r\n"]),
        ]);
    }
    let (mechanism, response) = sasl::response(credentials)?;
    let command = part(&[b"AUTH ", mechanism.as_bytes(), b"\r\n"]);
    Some(vec![command, part(&[response.as_bytes(), b"\r\n"])])
}

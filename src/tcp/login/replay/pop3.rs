//! POP3: each part gets a line.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::{Credentials, Login, Means, sasl};
use super::{Both, NotReplayed, Part, part};

pub(super) async fn say(
    login: &Login,
    both: &mut Both<'_, impl AsyncRead + AsyncWrite + Unpin, impl AsyncWrite + Unpin>,
) -> Result<(), NotReplayed> {
    let greeting = both.hear().await?;
    if !greeting.starts_with(b"+OK") {
        return both.refused(&greeting).await;
    }
    let parts = parts(login).ok_or(NotReplayed::Unclear)?;
    let last = parts.len().saturating_sub(1);
    let mut line = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        both.say(part).await?;
        line = both.hear().await?;
        if number < last && !line.starts_with(b"+") {
            return both.refused(&line).await;
        }
    }
    // A server may explain why it takes no token, and then waits to be told that this was heard.
    if line.starts_with(b"+ ") {
        both.say(b"\r\n").await?;
        line = both.hear().await?;
    }
    if line.starts_with(b"+OK") { both.tell(&line).await } else { both.refused(&line).await }
}

fn parts(login: &Login) -> Option<Vec<Part>> {
    match (&login.credentials, login.means) {
        (Credentials::Password { name, password }, Means::Plainly) => Some(vec![
            part(&[b"USER ", name.as_bytes(), b"\r\n"]),
            part(&[b"PASS ", password.reveal().as_bytes(), b"\r\n"]),
        ]),
        (credentials, _) => {
            let (mechanism, response) = sasl::response(credentials)?;
            let command = part(&[b"AUTH ", mechanism.as_bytes(), b"\r\n"]);
            Some(vec![command, part(&[response.as_bytes(), b"\r\n"])])
        }
    }
}

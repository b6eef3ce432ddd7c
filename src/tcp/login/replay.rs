//! The same login once more, to the server, which has the last word.
//!
//! Always holds: it is said once, put together anew from what was understood; the server is heard out
//! before each part; what it answers reaches the client; where it says no the connection ends, so that
//! nobody signs in as somebody else where one person's exemption has opened; and a server that offers
//! to forget who has signed in (STARTTLS in SMTP, UNAUTHENTICATE in IMAP) is not signed in to.

mod imap;
mod lines;
mod pop3;
mod smtp;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Login;
use crate::config::MailProtocol;
use lines::Lines;

/// How long a server may take for all of it. Many wait for some seconds before they say no.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the client is not signed in.
#[derive(Debug, thiserror::Error)]
pub(in crate::tcp) enum NotReplayed {
    #[error("the server has refused the login")]
    Refused,
    #[error("the server has said what cannot be understood at this place")]
    Unclear,
    #[error(
        "the server offers {0}, by which a client signs in anew as anybody, unseen by the gateway; \
         turn that off where the gateway comes in (Postfix: smtpd_tls_security_level=none there)"
    )]
    Anew(&'static str),
    #[error("the connection to the server broke before it had answered the login")]
    Server(#[source] std::io::Error),
    #[error("the client left before its login was answered")]
    Client(#[source] std::io::Error),
    #[error("the server took too long to answer the login")]
    Slow,
}

/// A part of the login.
type Part = Zeroizing<Vec<u8>>;

/// Says it, and lets the client hear the answer and what the server said after its yes.
pub(in crate::tcp) async fn replay(
    login: &Login,
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    client: &mut (impl AsyncWrite + Unpin),
) -> Result<(), NotReplayed> {
    let mut both = Both { server: Lines::new(server), client };
    let said = async {
        match login.protocol {
            MailProtocol::Imap => imap::say(login, &mut both).await,
            MailProtocol::Pop3 => pop3::say(login, &mut both).await,
            MailProtocol::Smtp => smtp::say(login, &mut both).await,
        }
    };
    timeout(PATIENCE, said).await.unwrap_or(Err(NotReplayed::Slow))?;
    let rest = both.server.take_rest();
    both.tell(&rest).await
}

/// Both ends.
struct Both<'a, S, C> {
    server: Lines<'a, S>,
    client: &'a mut C,
}

impl<S: AsyncRead + AsyncWrite + Unpin, C: AsyncWrite + Unpin> Both<'_, S, C> {
    async fn hear(&mut self) -> Result<Vec<u8>, NotReplayed> {
        self.server.line().await
    }

    async fn say(&mut self, part: &[u8]) -> Result<(), NotReplayed> {
        self.server.say(part).await
    }

    /// Lets the client hear what the server said.
    async fn tell(&mut self, line: &[u8]) -> Result<(), NotReplayed> {
        self.client.write_all(line).await.map_err(NotReplayed::Client)?;
        self.client.flush().await.map_err(NotReplayed::Client)
    }

    /// The server's no.
    async fn refused(&mut self, line: &[u8]) -> Result<(), NotReplayed> {
        self.tell(line).await?;
        Err(NotReplayed::Refused)
    }
}

/// Whether a line, or a reply of several, offers this.
fn offers(reply: &[u8], what: &[u8]) -> bool {
    let words = reply.split(|byte| !byte.is_ascii_alphanumeric());
    words.into_iter().any(|word| word.eq_ignore_ascii_case(what))
}

fn part(pieces: &[&[u8]]) -> Part {
    Zeroizing::new(pieces.concat())
}

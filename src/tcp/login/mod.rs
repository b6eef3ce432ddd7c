//! The traveller's login: read here, proven here, and then said again to the mail server.
//!
//! One way, from top to bottom: `talk` greets the client and hears it in the words of its protocol
//! (`imap`, `pop3`, `smtp`, with `sasl` for what they share), `prove` asks the identity providers,
//! and after the decision and the entry in the log `replay` says the same login to the server.
//!
//! Always holds: only where a door is open (somebody with an exemption for this place and site
//! travels now) and TLS ends here is anybody heard at all; before the proof not one byte reaches a
//! server; a connection has one attempt, and whatever fails ends in the same words; what was typed is
//! wiped from memory, and never printed.

mod imap;
mod pop3;
mod prove;
mod replay;
mod sasl;
mod smtp;
mod talk;

use std::fmt;

use tokio::time::timeout;
use zeroize::Zeroizing;

use super::contact::{Admitted, Contact};
use super::mail::Turn;
use super::rejection;
use crate::clock;
use crate::config::{MailProtocol, Provider};
use crate::gateway::limits::AwaitedLogin;
use crate::identity::{Identity, Password};
use crate::listen::Stream;
use crate::policy::{Denial, Reason};
pub(super) use replay::{NotReplayed, replay};
use talk::{Dialogue, Heard, Over, Patience};

/// What a mail program says to prove who its owner is, and how it said it.
pub(super) struct Login {
    pub(super) protocol: MailProtocol,
    /// IMAP's name for the command, which its answer has to bear.
    pub(super) tag: String,
    /// The name by which an SMTP client has introduced itself.
    hello: String,
    means: Means,
    credentials: Credentials,
}

/// By which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// LOGIN, USER and PASS, AUTH LOGIN.
    Plainly,
    /// AUTHENTICATE, AUTH.
    Sasl,
}

enum Credentials {
    Password {
        name: Zeroizing<String>,
        password: Password,
    },
    Token {
        name: Zeroizing<String>,
        token: Zeroizing<String>,
    },
    /// Proves nobody, and is tried as such: at the same cost and within the same limits.
    Unreadable,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({:?}, {:?})", self.protocol, self.means)
    }
}

/// What may be offered because it can be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offer {
    password: bool,
    token: bool,
}

/// Somebody who may come in, and what is still to be said for them.
pub(super) struct Invited {
    pub(super) admitted: Admitted,
    pub(super) login: Login,
    /// What the client said after its login.
    pub(super) ahead: Zeroizing<Vec<u8>>,
    pub(super) stream: Stream,
}

/// Hears who it is, and decides anew by that. None where the connection has ended.
pub(super) async fn invite(contact: &mut Contact<'_>, mut stream: Stream) -> Option<Invited> {
    let protocol = contact.tcp()?.mail?;
    let Some(place) = contact.gateway.logins.enter(contact.client, clock::instant()) else {
        rejection::reject(contact, &Denial::new(Reason::Overload), Turn::Greeting, stream).await;
        return None;
    };
    let (login, ahead) = match hear(contact, &mut stream, protocol, &place).await {
        Ok(heard) => heard,
        Err(over) => {
            turn_away(contact, over, stream).await;
            return None;
        }
    };
    // What may have changed meanwhile has changed, and the log tells when the login came.
    contact.renew();
    match prove::prove(contact, &login.credentials).await.and_then(|who| admit(contact, who)) {
        Some(admitted) => Some(Invited { admitted, login, ahead, stream }),
        None => {
            let denial = Denial::new(Reason::CountryListed);
            let turn = Turn::Login { tag: &login.tag };
            rejection::reject(contact, &denial, turn, stream).await;
            None
        }
    }
}

/// The decision about somebody who has been proven, as things are now.
fn admit(contact: &mut Contact<'_>, identity: Identity) -> Option<Admitted> {
    contact.renew();
    contact.admit_proven(identity)
}

async fn hear(
    contact: &Contact<'_>,
    stream: &mut Stream,
    protocol: MailProtocol,
    place: &AwaitedLogin,
) -> Result<Heard, Over> {
    let offer = offer(contact);
    let dialogue = match protocol {
        MailProtocol::Imap => Dialogue::Imap(imap::Imap::new(offer)),
        MailProtocol::Pop3 => Dialogue::Pop3(pop3::Pop3::new(offer)),
        MailProtocol::Smtp => Dialogue::Smtp(smtp::Smtp::new(offer)),
    };
    let limit = contact.tcp().map_or_else(Default::default, |tcp| tcp.login_timeout);
    let stopping = contact.gateway.tasks.stopping();
    tokio::select! {
        heard = timeout(limit, talk::talk(stream, dialogue, Patience::default())) => {
            heard.unwrap_or(Err(Over::TooMuch))
        }
        () = place.lost() => Err(Over::TooMuch),
        () = stopping.cancelled() => Err(Over::Left),
    }
}

/// Who has not said who they are: they are rejected as anybody is, and the log has them.
async fn turn_away(contact: &Contact<'_>, over: Over, stream: Stream) {
    let denial = Denial::new(Reason::CountryListed);
    match over {
        Over::TooMuch => rejection::reject(contact, &denial, Turn::Greeting, stream).await,
        Over::Left => {
            rejection::record(contact, &denial);
            rejection::close(stream, &contact.gateway.tasks.stopping()).await;
        }
    }
}

/// What the site's identity providers can prove of what a mail program says.
fn offer(contact: &Contact<'_>) -> Offer {
    let taken = &contact.site.site.identity_providers;
    let by_password = |provider: &Provider| provider.proves_passwords();
    let identity = &contact.snapshot.config.identity;
    Offer {
        password: taken.iter().filter_map(|id| identity.get(id)).any(by_password),
        token: contact.gateway.authenticator.takes_bearer(taken),
    }
}

/// A text without what would end a line or a string on its way to a server, or none.
fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

impl Credentials {
    fn password(name: &[u8], password: &[u8]) -> Self {
        match (text_of(name), text_of(password)) {
            (Some(name), Some(password)) => Self::Password {
                name: Zeroizing::new(name.to_owned()),
                password: Password::new(password.to_owned()),
            },
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests;

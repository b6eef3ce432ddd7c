//! Saying no: in one line where it can be read, and then a clean end.
//!
//! Always holds: every rejection has an entry in the log whose reference is what the client reads;
//! nobody who is rejected is kept for longer than a moment.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::contact::Contact;
use super::mail::{self, No, Told, Turn};
use crate::audit::{Reference, Rejection};
use crate::config::{DenialStyle, MailProtocol};
use crate::listen::Stream;
use crate::policy::{Denial, Reason};

/// How long a client may take to hear it and go.
const FAREWELL: Duration = Duration::from_secs(5);
/// More of what it says meanwhile is not read.
const MOST_BYTES: u64 = 16 << 10;
/// More commands are not answered.
const MOST_COMMANDS: usize = 8;

/// Writes the rejection down, says it, and ends.
pub(super) async fn reject(contact: &Contact<'_>, denial: &Denial, turn: Turn<'_>, stream: Stream) {
    let reference = record(contact, denial);
    let no = match denial.reason() {
        // These are about the gateway and not about the client.
        Reason::Overload | Reason::AuditUnavailable => No::NotNow,
        _ if contact.site.site.denial == DenialStyle::Close => {
            return close(stream, &contact.gateway.tasks.stopping()).await;
        }
        _ => No::Rejected,
    };
    say(contact, (no, turn), &reference, stream).await;
}

/// Writes the rejection down.
pub(super) fn record(contact: &Contact<'_>, denial: &Denial) -> Reference {
    let reason = denial.reason();
    let site = &contact.site.site;
    let facts = contact.facts(None);
    let (listener, location) = (&contact.connection.listener, facts.location);
    let rejection =
        Rejection::new(contact.now, contact.client, location, listener, reason).by(&site.id, None);
    contact.site.traffic.decided(reason);
    contact.gateway.audit.deny_with(rejection, || facts)
}

/// Says it where what is spoken can be read, and ends.
pub(super) async fn say(
    contact: &Contact<'_>,
    (no, turn): (No, Turn<'_>),
    reference: &Reference,
    stream: Stream,
) {
    let stopping = contact.gateway.tasks.stopping();
    let Some(protocol) = spoken(contact) else { return close(stream, &stopping).await };
    let organization = &contact.site.organization;
    let told = Told {
        language: organization.language,
        phone: organization.contact.phone.as_deref(),
        reference: &reference.to_string(),
    };
    let line = mail::line(protocol, no, turn, told);
    tokio::select! {
        _ = timeout(FAREWELL, farewell(stream, protocol, no, &line)) => {}
        () = stopping.cancelled() => {}
    }
}

/// The mail protocol that a word of ours would be understood in; none inside TLS that passes through.
fn spoken(contact: &Contact<'_>) -> Option<MailProtocol> {
    contact.tcp()?.mail.filter(|_| !contact.is_hidden)
}

/// Ends a connection without a word.
pub(super) async fn close(mut stream: Stream, stopping: &CancellationToken) {
    tokio::select! {
        _ = timeout(FAREWELL, end(&mut stream)) => {}
        () = stopping.cancelled() => {}
    }
}

async fn farewell(
    mut stream: Stream,
    protocol: MailProtocol,
    no: No,
    line: &str,
) -> std::io::Result<()> {
    stream.write_all(line.as_bytes()).await?;
    stream.flush().await?;
    if protocol == MailProtocol::Smtp && no == No::Rejected {
        answer_until_quit(&mut stream, line).await?;
    }
    end(&mut stream).await
}

async fn answer_until_quit(stream: &mut Stream, line: &str) -> std::io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader.take(MOST_BYTES));
    for _ in 0..MOST_COMMANDS {
        let mut command = Vec::new();
        if reader.read_until(b'\n', &mut command).await? == 0 {
            break;
        }
        let (answer, last) = mail::after_rejection(line, &String::from_utf8_lossy(&command));
        writer.write_all(answer.as_bytes()).await?;
        writer.flush().await?;
        if last {
            break;
        }
    }
    Ok(())
}

/// Our end of the connection, and then the client's: where something of it is unread, the kernel
/// would take back what we have said.
async fn end(stream: &mut Stream) -> std::io::Result<()> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MOST_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}

//! The receiving side of SMTP (RFC 5321), as far as the gateway speaks it.
//!
//! Always holds: whatever does not begin as SMTP ends the connection at once, so that a form of some
//! web page that is sent here delivers nothing.

use std::time::Duration;

use tokio::io::BufStream;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};
use tokio::net::{TcpListener, TcpStream};

use super::Post;
use crate::clock;
use crate::lifecycle::Tasks;

/// Ours have a tenth of it.
const LONGEST_MESSAGE: usize = 1 << 20;
/// RFC 5321 section 4.5.3.1.6, twice.
const LONGEST_LINE: u64 = 2000;
const MOST_RECEIVERS: usize = 10;
/// Whoever says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Takes mail until shutdown.
pub async fn serve(listener: TcpListener, post: Post, tasks: Tasks) {
    let stopping = tasks.stopping();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: give the others time to end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (post, stopping) = (post.clone(), stopping.clone());
        tasks.spawn(async move {
            tokio::select! {
                ended = converse(stream, &post) => if let Err(error) = ended {
                    tracing::debug!(%error, "a conversation with the demo's mail server broke");
                },
                () = stopping.cancelled() => {}
            }
        });
    }
}

/// What has been said of the letter that comes.
#[derive(Debug, Default)]
struct Envelope {
    sender: bool,
    receivers: Vec<String>,
}

async fn converse(stream: TcpStream, post: &Post) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let mut envelope = Envelope::default();
    say(&mut stream, "220 demo.localhost ESMTP").await?;
    while let Some(line) = line(&mut stream).await? {
        let said = line.trim_end();
        let command = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match command.as_str() {
            "EHLO" | "HELO" => {
                envelope = Envelope::default();
                "250 demo.localhost"
            }
            "MAIL" => {
                envelope = Envelope { sender: true, receivers: Vec::new() };
                "250 OK"
            }
            "RCPT" => match address(said) {
                Some(to) if envelope.sender && envelope.receivers.len() < MOST_RECEIVERS => {
                    envelope.receivers.push(to.to_owned());
                    "250 OK"
                }
                _ => "503 not now",
            },
            "DATA" if envelope.receivers.is_empty() => "503 to whom?",
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let Some(message) = message(&mut stream).await? else { return Ok(()) };
                let to = std::mem::take(&mut envelope).receivers;
                post.take(&to, &message, clock::now());
                "250 it is in the mailbox"
            }
            "RSET" => {
                envelope = Envelope::default();
                "250 OK"
            }
            "NOOP" => "250 OK",
            "QUIT" => return say(&mut stream, "221 goodbye").await,
            _ => return say(&mut stream, "500 this is a mail server").await,
        };
        say(&mut stream, answer).await?;
    }
    Ok(())
}

/// `RCPT TO:<anna@example.net>`
fn address(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    (!address.is_empty()).then_some(address)
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), answer: &str) -> std::io::Result<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// The next line with its end; none when there is no more, or it is too long for one.
async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut read = Vec::new();
    let mut limited = stream.take(LONGEST_LINE);
    let reading = tokio::time::timeout(SILENCE, limited.read_until(b'\n', &mut read));
    if reading.await.is_err() || !read.ends_with(b"\n") {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&read).into_owned()))
}

/// Everything up to the lone dot; none where it is too much, or breaks off.
async fn message(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut message = String::new();
    while let Some(line) = line(stream).await? {
        if line == ".\r\n" {
            return Ok(Some(message));
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
        if message.len() > LONGEST_MESSAGE {
            return Ok(None);
        }
    }
    Ok(None)
}

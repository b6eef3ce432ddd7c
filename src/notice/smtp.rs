//! The conversation with the mail server.
//!
//! Always holds: with StartTLS nothing is said before TLS but that it is wanted, and what somebody in
//! between has put behind the server's consent is refused, not read as said under TLS; the
//! certificate is the host's; a password goes out under TLS alone, or to this machine.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::message::Post;
use crate::config::{Smtp, SmtpSecurity};
use crate::upstream::{TlsError, client_config};

/// Why a letter did not get to the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpError {
    /// No connection.
    #[error("the mail server {host}:{port} cannot be reached")]
    Unreachable {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It takes too long.
    #[error("the mail server does not answer in time")]
    TimedOut,
    /// The certificates to trust.
    #[error("TLS to the mail server cannot be set up")]
    Trust(#[from] TlsError),
    /// TLS.
    #[error("TLS with the mail server fails; its certificate has to be valid for {host}")]
    Tls {
        /// Its host.
        host: String,
        /// What TLS said.
        source: std::io::Error,
    },
    /// It has no StartTLS.
    #[error("the mail server does not offer StartTLS; nothing was sent")]
    NoStartTls,
    /// Something came where only the consent to StartTLS may.
    #[error("the mail server's answer to StartTLS is not one answer; nothing was sent")]
    Injected,
    /// It is no mail server, or does not want to be ours.
    #[error("the mail server does not let us in: {0}")]
    Unwelcome(String),
    /// The letter is refused for good.
    #[error("the mail server refuses the message: {0}")]
    Refused(String),
    /// Not now.
    #[error("the mail server defers the message: {0}")]
    Deferred(String),
}

impl SmtpError {
    /// Whether another attempt would get the same answer.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether it is the letter's own trouble, and not the server's with all letters.
    #[must_use]
    pub fn is_about_the_letter(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Deferred(_))
    }
}

/// A server that has let us in.
pub struct Session {
    connection: AsyncSmtpConnection,
    timeout: Duration,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, protects the connection and signs in.
    ///
    /// # Errors
    /// [`SmtpError`]: nothing was sent.
    pub async fn open(smtp: &Smtp, our_name: &str) -> Result<Self, SmtpError> {
        let opening = async {
            let stream = connect(smtp, our_name).await?;
            let hello = ClientId::Domain(our_name.to_owned());
            let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello)
                .await
                .map_err(|error| unwelcome(&error))?;
            if let Some((user, password)) = &smtp.login {
                let login = Credentials::new(user.clone(), password.expose().to_owned());
                let ways = [Mechanism::Plain, Mechanism::Login];
                connection.auth(&ways, &login).await.map_err(|error| unwelcome(&error))?;
            }
            Ok(Self { connection, timeout: smtp.timeout })
        };
        tokio::time::timeout(smtp.timeout, opening).await.map_err(|_| SmtpError::TimedOut)?
    }

    /// Hands a letter over. After an error the session is of no use any more.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub async fn send(&mut self, post: &Post) -> Result<(), SmtpError> {
        let sending = self.connection.send(&post.envelope, &post.message);
        match tokio::time::timeout(self.timeout, sending).await {
            Err(_) => Err(SmtpError::TimedOut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let said = in_words(&error);
                Err(if error.is_permanent() && !is_about_us(&error) {
                    SmtpError::Refused(said)
                } else if error.status().is_some() {
                    SmtpError::Deferred(said)
                } else {
                    SmtpError::Unwelcome(said)
                })
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        // Whatever it answers: everything has been handed over.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.connection.quit()).await;
    }
}

/// RFC 4954 section 6, RFC 5321 section 4.2.3: the login, or too much of anything, not this letter.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    matches!(code, Some(421 | 500..=504 | 521 | 530 | 534 | 535 | 538))
}

fn unwelcome(error: &lettre::transport::smtp::Error) -> SmtpError {
    SmtpError::Unwelcome(in_words(error))
}

/// An answer as one short line: it comes from elsewhere and is shown on terminals.
fn in_words(error: &lettre::transport::smtp::Error) -> String {
    super::plain(&crate::telemetry::chain(error)).chars().take(300).collect()
}

async fn connect(smtp: &Smtp, our_name: &str) -> Result<Box<dyn AsyncTokioStream>, SmtpError> {
    let (host, port) = (smtp.host.clone(), smtp.port);
    let tcp = TcpStream::connect((host.as_str(), port))
        .await
        .map_err(|source| SmtpError::Unreachable { host: host.clone(), port, source })?;
    match smtp.security {
        SmtpSecurity::None => Ok(Box::new(tcp)),
        SmtpSecurity::Tls => Ok(Box::new(Protected::new(protect(smtp, tcp).await?, b""))),
        SmtpSecurity::StartTls => {
            let mut tcp = tcp;
            ask_for_tls(&mut tcp, our_name).await?;
            // There is no second greeting under TLS, and lettre waits for one.
            Ok(Box::new(Protected::new(protect(smtp, tcp).await?, b"220 TLS\r\n")))
        }
    }
}

async fn protect(
    smtp: &Smtp,
    tcp: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, SmtpError> {
    let ca = smtp.ca.clone();
    let config = tokio::task::spawn_blocking(move || client_config(ca.as_deref()));
    let config: Arc<ClientConfig> = config.await.map_err(|_| SmtpError::TimedOut)??;
    let host = smtp.host.clone();
    let tls = |source| SmtpError::Tls { host: host.clone(), source };
    let name =
        ServerName::try_from(host.clone()).map_err(|error| tls(std::io::Error::other(error)))?;
    TlsConnector::from(config).connect(name, tcp).await.map_err(tls)
}

/// RFC 3207, up to the server's consent.
async fn ask_for_tls(tcp: &mut TcpStream, our_name: &str) -> Result<(), SmtpError> {
    let greeting = answer(tcp).await?;
    if !greeting.starts_with("220") {
        return Err(SmtpError::Unwelcome(super::plain(&greeting)));
    }
    let offered = ask(tcp, &format!("EHLO {our_name}\r\n")).await?;
    let offers = |line: &str| {
        line.get(4..).is_some_and(|word| word.trim_end().eq_ignore_ascii_case("STARTTLS"))
    };
    if !offered.starts_with("250") || !offered.lines().any(offers) {
        return Err(SmtpError::NoStartTls);
    }
    let consent = ask(tcp, "STARTTLS\r\n").await?;
    if consent.starts_with("220") { Ok(()) } else { Err(SmtpError::NoStartTls) }
}

async fn ask(tcp: &mut TcpStream, line: &str) -> Result<String, SmtpError> {
    tcp.write_all(line.as_bytes()).await.map_err(|error| broke(&error))?;
    answer(tcp).await
}

/// One answer, which may have several lines, and nothing behind it.
async fn answer(tcp: &mut TcpStream) -> Result<String, SmtpError> {
    const LONGEST: usize = 16 << 10;
    let mut read = Vec::new();
    loop {
        let mut part = [0; 1024];
        let length = tcp.read(&mut part).await.map_err(|error| broke(&error))?;
        read.extend_from_slice(part.get(..length).unwrap_or_default());
        if length == 0 || read.len() > LONGEST {
            return Err(SmtpError::Unwelcome("the connection ends inside an answer".to_owned()));
        }
        if let Some(end) = last_line_end(&read) {
            let whole = end == read.len();
            return if whole {
                Ok(String::from_utf8_lossy(&read).into_owned())
            } else {
                Err(SmtpError::Injected)
            };
        }
    }
}

/// Where the first line ends that has no hyphen behind its code.
fn last_line_end(read: &[u8]) -> Option<usize> {
    let mut end = 0;
    for line in read.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        if line.ends_with(b"\n") && line.get(3) != Some(&b'-') {
            return Some(end);
        }
    }
    None
}

fn broke(error: &std::io::Error) -> SmtpError {
    SmtpError::Unwelcome(error.to_string())
}

/// A protected connection with what is read from it first.
#[derive(Debug)]
struct Protected {
    stream: tokio_rustls::client::TlsStream<TcpStream>,
    first: &'static [u8],
}

impl Protected {
    fn new(stream: tokio_rustls::client::TlsStream<TcpStream>, first: &'static [u8]) -> Self {
        Self { stream, first }
    }
}

impl AsyncTokioStream for Protected {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Protected {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            let (now, later) = self.first.split_at(length);
            buffer.put_slice(now);
            self.first = later;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Protected {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;

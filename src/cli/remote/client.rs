//! The API of another machine's administration, asked from here.
//!
//! Always holds: the token is read from a file or the environment, goes to the named server alone and
//! never over a wire in the clear, and stands in no message; a question has an end in time and bytes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::Elsewhere;
use crate::config::process_environment;

/// No answer is longer.
const LONGEST_ANSWER: usize = 64 << 20;
/// No token is longer.
const LONGEST_TOKEN: usize = 1024;
/// How long a question may take; the server itself gives up sooner.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server, and what it is asked with.
pub(super) struct Client {
    url: Uri,
    token: HeaderValue,
    tls: Option<Arc<ClientConfig>>,
}

/// What a server says.
pub(super) enum Said {
    /// It is done; the answer.
    Yes(Value),
    /// It is not done, and why.
    No(String),
}

impl Client {
    /// The server that the arguments name, and its token.
    pub(super) fn open(arguments: &Elsewhere, url: &Uri) -> anyhow::Result<Self> {
        let host = url.host().unwrap_or_default();
        let tls = match url.scheme_str() {
            _ if host.is_empty() || !matches!(url.path(), "" | "/") || url.query().is_some() => {
                bail!("--server {url} is no server; write it as https://gateway.example.dk:9443")
            }
            Some("https") => Some(crate::upstream::trusting(arguments.server_ca.as_deref())?),
            Some("http") => {
                ensure!(
                    is_this_machine(host),
                    "a token does not go to {host} in the clear; write https:// (http:// is for this machine alone)"
                );
                None
            }
            _ => bail!("--server {url} begins with neither https:// nor http://"),
        };
        Ok(Self { url: url.clone(), token: token(arguments)?, tls })
    }

    /// Asks for something.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Said> {
        self.ask(&Method::GET, path, None).await
    }

    /// Has something done.
    pub(super) async fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Said> {
        self.ask(&Method::POST, path, body).await
    }

    async fn ask(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Said> {
        let asked = tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await;
        let (status, body) = asked.with_context(|| {
            format!("{} gave no answer in {} s", self.url, PATIENCE.as_secs())
        })??;
        self.understood(status, &body)
    }

    fn understood(&self, status: StatusCode, body: &Bytes) -> anyhow::Result<Said> {
        let read: Result<Value, _> = serde_json::from_slice(body);
        if status.is_success() {
            let value = read.with_context(|| {
                format!("{} does not answer as geovagt does; is it the administration?", self.url)
            })?;
            return Ok(Said::Yes(value));
        }
        if status == StatusCode::UNAUTHORIZED {
            return Ok(Said::No(format!(
                "{} does not take the token: it has ended or was revoked, or whoever made it has no role any more; `geovagt token add` on that machine makes another",
                self.url
            )));
        }
        let detail =
            read.ok().and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
        Ok(Said::No(detail.unwrap_or_else(|| format!("{} says {status}", self.url))))
    }

    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = self.request(method, path, body)?;
        let host = self.url.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.url.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((bare, port))
            .await
            .with_context(|| format!("{} cannot be reached", self.url))?;
        let broken_off = || match *method {
            Method::GET => format!("{} gave no whole answer", self.url),
            _ => format!(
                "{} gave no whole answer; see whether it was done before you ask again",
                self.url
            ),
        };
        let Some(tls) = &self.tls else {
            return talk(stream, request).await.with_context(broken_off);
        };
        let name = ServerName::try_from(bare.to_owned())?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        let stream = stream.with_context(|| {
            format!(
                "{} does not prove who it is; --server-ca FILE names a certificate authority of your own",
                self.url
            )
        })?;
        talk(stream, request).await.with_context(broken_off)
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let host = self.url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(AUTHORIZATION, self.token.clone())
            .header(ACCEPT, "application/json")
            .header(ACCEPT_LANGUAGE, "en")
            .header(USER_AGENT, "geovagt");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        Ok(request.body(Full::new(Bytes::from(bytes)))?)
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = |address: std::net::IpAddr| address.is_loopback();
    bare.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(loopback)
}

/// The token as a header, which no `Debug` shows.
fn token(arguments: &Elsewhere) -> anyhow::Result<HeaderValue> {
    let in_environment = || process_environment("GEOVAGT_TOKEN").map(Zeroizing::new);
    let text = match (&arguments.token_file, in_environment()) {
        (Some(file), _) => read(file)?,
        (None, Some(text)) => text,
        (None, None) => bail!(
            "a server asks for a token: name a file with --token-file, or put it into the environment as GEOVAGT_TOKEN"
        ),
    };
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= LONGEST_TOKEN && text.is_ascii();
    ensure!(fits, "the token is not one that `geovagt token add` printed");
    let mut value = HeaderValue::from_str(&Zeroizing::new(format!("Bearer {text}")))
        .context("the token is not one that `geovagt token add` printed")?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    text.with_context(|| format!("the token cannot be read from {}", file.display()))
}

async fn talk<S>(stream: S, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let asking = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        anyhow::Ok((status, body.map_err(|error| anyhow::anyhow!(error))?.to_bytes()))
    };
    let driving = async {
        // Its end shows in the answer.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = asking => answer,
        () = driving => bail!("the server ended the connection"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(token_file: Option<&Path>) -> Elsewhere {
        Elsewhere { server: None, token_file: token_file.map(Path::to_owned), server_ca: None }
    }

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "gva_abc\n").unwrap();
        let open = |url: &str| Client::open(&arguments(Some(file.path())), &url.parse().unwrap());
        for good in ["http://127.0.0.1:9443", "http://[::1]:1/", "http://localhost", "https://g.dk"]
        {
            assert!(open(good).is_ok(), "{good}");
        }
        for bad in [
            "http://g.dk",
            "http://10.0.0.1:9443",
            "http://0.0.0.0",
            "http://127.0.0.1@g.dk",
            "http://127.0.0.1.g.dk",
            "http://localhost.g.dk",
            "ftp://localhost",
            "https://g.dk/x",
            "https://g.dk?x",
            "/",
        ] {
            assert!(open(bad).is_err(), "{bad}");
        }
        let client = open("http://localhost").unwrap();
        assert!(client.token.is_sensitive() && !format!("{:?}", client.token).contains("abc"));
    }

    #[test]
    fn what_is_no_token_is_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "a".repeat(LONGEST_TOKEN + 1);
        for text in ["", " \n", "gva_ø", "a\nb", &long] {
            std::fs::write(file.path(), text).unwrap();
            let error = token(&arguments(Some(file.path()))).unwrap_err().to_string();
            assert!(error.contains("token add"), "{text:?}: {error}");
        }
    }
}

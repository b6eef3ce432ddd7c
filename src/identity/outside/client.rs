//! How a provider is asked: our own client, a connection a question.
//!
//! Always holds: a question has an end in time and in bytes, and no redirect is followed: what a
//! provider publishes stands where the configuration or its own document says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::Reach;
use crate::telemetry;
use crate::upstream::TlsError;

/// No document of a provider is longer.
const MOST_BYTES: usize = 512 * 1024;

/// Why a provider gave no answer that can be used. For the log alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Silence {
    #[error("{0} cannot be connected to: {1}")]
    Unreachable(String, String),
    #[error("{0} did not answer within the time that is allowed")]
    Slow(String),
    #[error("{0} answered with more than {MOST_BYTES} bytes, or stopped in the middle")]
    Broken(String),
    #[error("{0} answered with status {1}")]
    Status(String, StatusCode),
    #[error("{0} answered with something that is not what was asked for: {1}")]
    Nonsense(String, String),
    #[error("it was asked a moment ago and gave no answer")]
    Recently,
}

/// Asks one provider.
pub(super) struct Client {
    tls: Arc<ClientConfig>,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(reach: &Reach) -> Result<Self, TlsError> {
        let tls = crate::upstream::trusting(reach.ca.as_deref())?;
        Ok(Self { tls, timeout: reach.timeout })
    }

    /// A document, as JSON.
    pub(super) async fn get(&self, uri: &Uri) -> Result<Bytes, Silence> {
        let (status, body) = self.ask(&Method::GET, uri, None, String::new()).await?;
        if status != StatusCode::OK {
            return Err(Silence::Status(uri.to_string(), status));
        }
        Ok(body)
    }

    /// Sends a form; whatever the status is, the answer's body may say why.
    pub(super) async fn post(
        &self,
        uri: &Uri,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<(StatusCode, Bytes), Silence> {
        self.ask(&Method::POST, uri, authorization, form).await
    }

    async fn ask(
        &self,
        method: &Method,
        uri: &Uri,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<(StatusCode, Bytes), Silence> {
        let asking = async {
            let request = request(method, uri, authorization, form)
                .map_err(|error| Silence::Nonsense(uri.to_string(), error.to_string()))?;
            let unreachable = |error: std::io::Error| {
                Silence::Unreachable(uri.to_string(), telemetry::chain(&error))
            };
            let host = uri.host().unwrap_or_default();
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let is_https = uri.scheme_str() == Some("https");
            let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
            let stream = TcpStream::connect((bare, port)).await.map_err(unreachable)?;
            if !is_https {
                return exchange(stream, request, uri).await;
            }
            let name = ServerName::try_from(bare.to_owned())
                .map_err(|error| Silence::Nonsense(uri.to_string(), error.to_string()))?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let stream = connector.connect(name, stream).await.map_err(unreachable)?;
            exchange(stream, request, uri).await
        };
        tokio::time::timeout(self.timeout, asking)
            .await
            .unwrap_or_else(|_| Err(Silence::Slow(uri.to_string())))
    }
}

fn request(
    method: &Method,
    uri: &Uri,
    authorization: Option<HeaderValue>,
    form: String,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "geovagt");
    if *method == Method::POST {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if let Some(mut value) = authorization {
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Full::new(Bytes::from(form)))
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    uri: &Uri,
) -> Result<(StatusCode, Bytes), Silence>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |_| Silence::Broken(uri.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|_| Silence::Broken(uri.to_string()))?;
        Ok((status, body.to_bytes()))
    };
    let driving = async {
        // Its end shows in the answer.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = asking => answer,
        () = driving => Err(Silence::Broken(uri.to_string())),
    }
}

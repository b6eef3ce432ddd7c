//! hyper in front, hyper-util's pooled client behind, and nothing between.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::{Settings, accepted, close_all};
use crate::entrance::Entrance;

/// What one entrance does with every request.
#[derive(Clone)]
enum Does {
    Forward(Box<(Client<HttpConnector, Incoming>, String)>),
    Reject,
}

pub(super) async fn serve(settings: Settings) -> anyhow::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let forward = Does::Forward(Box::new((client, settings.upstream.to_string())));
    let mut entrances = tokio::task::JoinSet::new();
    for entrance in Entrance::ALL {
        let listener = settings.listen(entrance).await?;
        let tls = entrance.is_tls().then(|| settings.tls.clone());
        match entrance {
            Entrance::Close | Entrance::CloseTls => {
                entrances.spawn(close_all(listener));
            }
            Entrance::Forward | Entrance::ForwardTls => {
                entrances.spawn(accept(listener, tls, forward.clone()));
            }
            Entrance::Reject | Entrance::RejectTls => {
                entrances.spawn(accept(listener, tls, Does::Reject));
            }
        }
    }
    while let Some(ended) = entrances.join_next().await {
        ended??;
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
    does: Does,
) -> anyhow::Result<()> {
    loop {
        let stream = accepted(&listener).await?;
        let (tls, does) = (tls.clone(), does.clone());
        tokio::spawn(async move {
            // A client that breaks off is not what is measured.
            match tls {
                None => connection(stream, false, does).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        connection(stream, http2, does).await;
                    }
                }
            }
        });
    }
}

async fn connection<S>(stream: S, http2: bool, does: Does)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(does.clone(), request));
    let io = TokioIo::new(stream);
    if http2 {
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(io, service).await;
    }
}

async fn answer(
    does: Does,
    mut request: Request<Incoming>,
) -> anyhow::Result<Response<BoxBody<Bytes, hyper::Error>>> {
    match does {
        Does::Forward(to) => {
            let (client, upstream) = *to;
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            *request.uri_mut() =
                Uri::builder().scheme("http").authority(upstream).path_and_query(path).build()?;
            *request.version_mut() = hyper::Version::HTTP_11;
            Ok(client.request(request).await?.map(BodyExt::boxed))
        }
        Does::Reject => {
            let page = Full::new(Bytes::from_static(crate::floors::PAGE));
            let mut answer = Response::new(page.map_err(|never| match never {}).boxed());
            *answer.status_mut() = StatusCode::FORBIDDEN;
            Ok(answer)
        }
    }
}

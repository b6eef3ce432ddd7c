//! A login that belongs to a connection does not go over HTTP/2: it is not offered where such logins
//! are configured, and a request that turns out to need one is sent back to HTTP/1.1.

use std::sync::Arc;

use http::{Request, Response};
use rustls::pki_types::ServerName;

use super::support::authority::Authority;
use super::support::client::get;
use super::support::gateway::{Gateway, PATIENCE, configuration_with_upstream};
use super::support::http2::{Seen, exchange, started_with_tls};
use super::support::places::DENMARK;
use super::support::windows::Windows;

fn ask(gateway: &Gateway, authority: &Authority, target: &str, login: Option<&str>) -> Seen {
    let mut request = Request::builder()
        .uri(format!("https://kilden.example.dk{target}"))
        .header("x-forwarded-for", DENMARK);
    if let Some(login) = login {
        request = request.header("authorization", login);
    }
    exchange(gateway.address("secure"), authority, request.body(()).unwrap(), "")
}

fn assert_is_sent_back(seen: &Seen) {
    assert!(seen.head.is_none(), "{seen:?}");
    let reason = seen.end.as_ref().unwrap_err().reason();
    assert_eq!(reason, Some(h2::Reason::HTTP_1_1_REQUIRED), "{seen:?}");
}

#[test]
fn what_needs_a_login_of_the_connections_is_sent_back_and_the_rest_goes_on() {
    let windows = Windows::start("a");
    let (gateway, authority, _files) =
        started_with_tls(&format!("servers: [\"{}\"]", windows.url()));
    let plain = ask(&gateway, &authority, "/open", None);
    assert_eq!(plain.body, b"nobody");
    assert_is_sent_back(&ask(&gateway, &authority, "/", None));
    assert_eq!(windows.asked("/"), 1);
    for login in ["NTLM", "Negotiate oRQwEg==", "ntlm anna"] {
        assert_is_sent_back(&ask(&gateway, &authority, "/", Some(login)));
    }
    assert_eq!(windows.asked("/"), 1, "none of these has reached the upstream");
    assert_eq!(ask(&gateway, &authority, "/open", Some("Basic dTpw")).body, b"nobody");
}

/// What TLS agrees on with a client that would like HTTP/2.
fn agreed(gateway: &Gateway, authority: &Authority, name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tcp = std::net::TcpStream::connect(gateway.address("secure")).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    while session.is_handshaking() {
        if let Err(error) = session.complete_io(&mut tcp) {
            // The certificate is another host's; what was agreed on is known by then.
            assert!(error.to_string().contains("not valid for name"), "{error}");
            break;
        }
    }
    session.alpn_protocol().unwrap().to_vec()
}

#[test]
fn http2_is_offered_for_all_hosts_but_those_that_need_such_logins() {
    let windows = Windows::start("a");
    let server = format!("servers: [\"{}\"]", windows.url());
    let (gateway, authority, _files) = started_with_tls(&format!("{server}, affinity: connection"));
    assert_eq!(agreed(&gateway, &authority, "kilden.example.dk"), b"http/1.1");
    assert_eq!(agreed(&gateway, &authority, "open.example.dk"), b"h2");
    let (gateway, authority, _files) = started_with_tls(&server);
    assert_eq!(agreed(&gateway, &authority, "kilden.example.dk"), b"h2");
}

/// IIS: HTTP/2 is agreed on, and what needs a Windows login is sent back from it. Gives its address.
fn iis(authority: &Authority, runtime: &tokio::runtime::Runtime) -> std::net::SocketAddr {
    let config = authority.server("iis.example.dk", &["h2", "http/1.1"], None);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let Ok(mut speaking) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((_, mut respond))) = speaking.accept().await {
                        respond.send_reset(h2::Reason::HTTP_1_1_REQUIRED);
                    }
                    return;
                }
                let answer = hyper::service::service_fn(|_| async {
                    let text =
                        http_body_util::Full::new(bytes::Bytes::from_static(b"over HTTP/1.1"));
                    Ok::<_, std::convert::Infallible>(Response::new(text))
                });
                let stream = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(stream, answer)
                    .await;
            });
        }
    });
    address
}

#[test]
fn an_upstream_that_sends_requests_back_from_http2_gets_them_over_http1() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = iis(&authority, &runtime);
    let block = format!(
        "servers: [\"https://{address}\"], tls: {{ca: \"{}\", server_name: iis.example.dk}}",
        authority.file.display()
    );
    let gateway = Gateway::start(&configuration_with_upstream(&block, ""));
    for _ in 0..3 {
        let request = get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK);
        let answer = request.send();
        assert_eq!((answer.status, answer.text().as_str()), (200, "over HTTP/1.1"));
    }
}

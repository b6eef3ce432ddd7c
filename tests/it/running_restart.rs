//! A restart under load: nobody is refused, nothing is lost, and the log is one.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;

use super::support::client::get;
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::places::DENMARK;
use super::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use super::support::upstream::Upstream;

/// Clients that go on asking until they are told to end.
struct Load {
    ends: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Two that connect for each request and two that keep their connection.
    fn start(to: SocketAddr) -> Self {
        let mut load = Self {
            ends: Arc::default(),
            answered: Arc::default(),
            connections: Arc::default(),
            clients: Vec::new(),
        };
        for _ in 0..2 {
            load.client(move |_| {
                let answer = get(to, "kilden.example.dk", "/").from(DENMARK).try_send();
                assert_eq!(answer.expect("an answer").status, 200);
            });
            let (mut kept, connections) = (None, Arc::clone(&load.connections));
            load.client(move |_| ask_on(&mut kept, to, &connections));
        }
        load
    }

    fn client(&mut self, mut ask: impl FnMut(usize) + Send + 'static) {
        let (ends, answered) = (Arc::clone(&self.ends), Arc::clone(&self.answered));
        self.clients.push(std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                ask(answered.fetch_add(1, Ordering::Relaxed));
            }
        }));
    }

    fn wait_for_more(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        eventually("clients go on", || {
            self.clients.iter().for_each(|client| assert!(!client.is_finished(), "one failed"));
            self.answered.load(Ordering::Relaxed) > before + 20
        });
    }

    /// Ends them and gives the number of answers.
    fn end(self) -> usize {
        self.ends.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("no request failed");
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// One request on a connection that is kept; anew where the other side has ended it, as each client
/// does with a request that is safe to repeat and of whose answer not a byte has come (RFC 9112
/// section 9.3.1). On a connection that is new, it has to be answered.
fn ask_on(kept: &mut Option<TcpStream>, to: SocketAddr, connections: &AtomicUsize) {
    if let Some(stream) = kept.as_mut() {
        match ask(stream) {
            Ok(Some(goes_on)) => {
                if !goes_on {
                    *kept = None;
                }
                return;
            }
            Ok(None) => {}
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                "{error}"
            ),
        }
    }
    connections.fetch_add(1, Ordering::Relaxed);
    let mut stream = TcpStream::connect(to).expect("a connection");
    let goes_on = ask(&mut stream).expect("an answer").expect("an answer on a new connection");
    *kept = goes_on.then_some(stream);
}

/// Whether the connection goes on after a whole answer; none where it had ended.
fn ask(stream: &mut TcpStream) -> std::io::Result<Option<bool>> {
    stream.write_all(head("/", "").as_bytes())?;
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.expect("a length").parse::<usize>().unwrap() {
                return Ok(Some(!head.contains("connection: close")));
            }
        }
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            assert!(answer.is_empty(), "an answer was cut");
            return Ok(None);
        }
        answer.extend_from_slice(&bytes[..count]);
    }
}

fn entries(gateway: &Gateway, action: &str) -> usize {
    let search = ["audit", "search", "--json", "--action", action, "--limit", "1000000"];
    gateway.command(&search).expect_code(0).out.lines().count()
}

fn assert_log_is_whole(gateway: &Gateway, answered: usize) {
    gateway.command(&["audit", "verify"]).expect_code(0);
    let entries = entries(gateway, "allowed");
    assert!(entries >= answered, "{entries} entries of {answered} answers");
    let lost = |line: &serde_json::Value| line.to_string().contains("lost");
    assert!(!gateway.log().iter().any(lost), "{:#?}", gateway.log());
}

#[test]
fn five_take_overs_fail_no_request() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let web = gateway.address("web");
    let load = Load::start(web);
    for _ in 0..5 {
        load.wait_for_more();
        let before = gateway.process_id();
        let mut old = gateway.take_over();
        assert_ne!(gateway.process_id(), before);
        assert_eq!(gateway.address("web"), web, "the same socket");
        assert_eq!(old.wait().unwrap().code(), Some(0));
        load.wait_for_more();
    }
    assert!(load.connections.load(Ordering::Relaxed) >= 2 * 6, "kept connections began anew");
    let answered = load.end();
    assert_eq!(gateway.stop(), Some(0));
    assert_log_is_whole(&gateway, answered);
    assert_eq!((entries(&gateway, "started"), entries(&gateway, "stopped")), (6, 6));
    eprintln!("{answered} answers");
}

#[test]
fn five_restarts_with_a_socket_that_stays_fail_no_request() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::prepare(&configuration(&upstream.url(), ""));
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = socket.local_addr().unwrap();
    gateway.run_with_socket(&socket);
    assert_eq!(gateway.address("web"), web);
    let load = Load::start(web);
    for _ in 0..5 {
        load.wait_for_more();
        assert_eq!(gateway.stop(), Some(0));
        gateway.run_with_socket(&socket);
    }
    load.wait_for_more();
    let answered = load.end();
    assert_eq!(gateway.stop(), Some(0));
    assert_log_is_whole(&gateway, answered);
}

/// A client that keeps one HTTP/2 connection and is told by GOAWAY to open another: each request that
/// it sends is answered.
#[test]
fn take_overs_fail_no_request_over_http2() {
    let upstream = Upstream::start();
    let secure = "  - name: secure\n    bind: [\"127.0.0.1:0\"]\n    \
                  tls: {certificates: [{chain: chain.pem, key: key.pem}]}\n    \
                  client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}\nsites:\n";
    let text = configuration(&upstream.url(), "").replacen("sites:\n", secure, 1);
    let mut gateway = Gateway::prepare(&text);
    let made = rcgen::generate_simple_self_signed(vec!["kilden.example.dk".to_owned()]).unwrap();
    let pem = |name: &str, text: String| {
        std::fs::write(gateway.directory().join(name), text).unwrap();
    };
    pem("key.pem", made.signing_key.serialize_pem());
    pem("chain.pem", made.cert.pem());
    gateway.run();
    let mut client = Http2::new(gateway.address("secure"), made.cert.der().clone());
    let mut load = Load {
        ends: Arc::default(),
        answered: Arc::default(),
        connections: Arc::clone(&client.connections),
        clients: Vec::new(),
    };
    load.client(move |_| client.ask());
    for _ in 0..3 {
        load.wait_for_more();
        assert_eq!(gateway.take_over().wait().unwrap().code(), Some(0));
    }
    load.wait_for_more();
    assert_eq!(load.connections.load(Ordering::Relaxed), 4, "one for each gateway");
    let answered = load.end();
    assert_eq!(gateway.stop(), Some(0));
    assert_log_is_whole(&gateway, answered);
}

struct Http2 {
    runtime: tokio::runtime::Runtime,
    to: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    sender: Option<http2::SendRequest<Empty<bytes::Bytes>>>,
    connections: Arc<AtomicUsize>,
}

impl Http2 {
    fn new(to: SocketAddr, trusted: rustls::pki_types::CertificateDer<'static>) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self { runtime, to, tls: Arc::new(tls), sender: None, connections: Arc::default() }
    }

    async fn connect(
        to: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
    ) -> http2::SendRequest<Empty<bytes::Bytes>> {
        let tcp = tokio::net::TcpStream::connect(to).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("kilden.example.dk").unwrap();
        let tls = tokio_rustls::TlsConnector::from(tls).connect(name, tcp).await.unwrap();
        let executor = hyper_util::rt::TokioExecutor::new();
        let io = hyper_util::rt::TokioIo::new(tls);
        let (sender, connection) = http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    fn ask(&mut self) {
        let request = hyper::Request::get("https://kilden.example.dk/")
            .header("X-Forwarded-For", DENMARK)
            .body(Empty::new())
            .unwrap();
        let (to, tls, connections) =
            (self.to, Arc::clone(&self.tls), Arc::clone(&self.connections));
        let mut kept = self.sender.take();
        self.sender = Some(self.runtime.block_on(async move {
            loop {
                let mut sender = match kept.take() {
                    Some(sender) => sender,
                    None => {
                        connections.fetch_add(1, Ordering::Relaxed);
                        Self::connect(to, Arc::clone(&tls)).await
                    }
                };
                // Fails where the connection has ended with nothing under way.
                if sender.ready().await.is_err() {
                    continue;
                }
                match sender.send_request(request.clone()).await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), 200);
                        answer.into_body().collect().await.expect("a whole answer");
                        return sender;
                    }
                    // Never sent: the connection was ending.
                    Err(error) if error.is_canceled() => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }));
    }
}

/// What the old one still does when the new one serves already: it is finished there, and its entry
/// stands in the log that the new one writes.
#[test]
fn an_exchange_outlives_the_take_over_and_its_entries_are_kept() {
    let (go_on, told) = channel::<()>();
    let told = std::sync::Mutex::new(told);
    let upstream = RawUpstream::start(move |mut stream| {
        let asked = read_until(&mut stream, "\r\n\r\n");
        if asked.contains("/quick") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nquick");
            return;
        }
        told.lock().unwrap().recv().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let mut slow = connect(gateway.address("web"), &head("/slow", ""));
    let quick = || get(gateway.address("web"), "kilden.example.dk", "/quick").from(DENMARK).send();
    assert_eq!(quick().status, 200);
    let mut old = gateway.take_over();
    let quick = || get(gateway.address("web"), "kilden.example.dk", "/quick").from(DENMARK).send();
    assert_eq!(quick().status, 200, "the new one serves while the old one is busy");
    assert!(old.try_wait().unwrap().is_none());
    go_on.send(()).unwrap();
    assert!(read_rest(&mut slow).ends_with("late"));
    assert_eq!(old.wait().unwrap().code(), Some(0));
    eventually("its entry is in the log", || {
        let search = ["audit", "search", "--json", "--action", "allowed"];
        gateway.command(&search).expect_code(0).out.contains("\"/slow\"")
    });
    assert_eq!(gateway.stop(), Some(0));
    assert_log_is_whole(&gateway, 3);
}

/// One that cannot start takes nobody's place.
#[test]
fn a_successor_that_does_not_start_leaves_the_old_one_serving() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let text = configuration(&upstream.url(), "");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let blocker = TcpListener::bind(taken).unwrap();
    let other = format!("  - name: other\n    bind: [\"{taken}\"]\nsites:\n");
    std::fs::write(gateway.config_file(), text.replace("sites:\n", &other)).unwrap();
    let printed = gateway.command(&["serve", "--take-over"]).expect_code(1);
    assert!(printed.err.contains("listener other cannot listen on"), "{printed:?}");
    gateway.wait_for_log("the old one says so", |line| {
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        message.contains("did not take this gateway's place")
    });
    let status =
        || get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK).send().status;
    assert_eq!(status(), 200);
    std::fs::write(gateway.config_file(), text).unwrap();
    gateway.command(&["reload"]).expect_code(0);
    drop(blocker);
    assert_eq!(gateway.take_over().wait().unwrap().code(), Some(0));
    assert_eq!(gateway.stop(), Some(0));
    assert_log_is_whole(&gateway, 1);
}

/// The new one dies when the old one has given everything up: the old one takes it back.
#[test]
fn a_successor_that_dies_after_the_release_is_replaced_by_the_old_one() {
    use std::os::unix::net::UnixStream;

    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let mut stream = UnixStream::connect(gateway.directory().join("state/control.sock")).unwrap();
    // Descriptors that come along are not asked for, and are closed by the kernel.
    stream.write_all(b"take-over 1 4711\n").unwrap();
    let mut offer = [0; 4096];
    let count = stream.read(&mut offer).unwrap();
    assert!(String::from_utf8_lossy(&offer[..count]).contains("\"ok\":true"));
    stream.write_all(b"ready\n").unwrap();
    let count = stream.read(&mut offer).unwrap();
    assert_eq!(&offer[..count], b"released\n");
    let web = gateway.address("web");
    let waiting =
        std::thread::spawn(move || get(web, "kilden.example.dk", "/").from(DENMARK).send().status);
    let begun = TcpStream::connect(web);
    assert!(begun.is_ok(), "connections wait in the kernel");
    drop(stream);
    assert_eq!(waiting.join().unwrap(), 200, "who waited is served");
    assert_eq!(gateway.stop(), Some(0));
    assert_log_is_whole(&gateway, 1);
    assert_eq!((entries(&gateway, "started"), entries(&gateway, "stopped")), (2, 2));
}

#[test]
fn taking_over_from_nobody_is_a_start_and_from_another_version_is_refused() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::prepare(&configuration(&upstream.url(), ""));
    gateway.launch(&[], &["--take-over"], std::process::Stdio::null());
    let mut stream =
        std::os::unix::net::UnixStream::connect(gateway.directory().join("state/control.sock"))
            .unwrap();
    stream.write_all(b"take-over 999 1\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"ok\":false") && answer.contains("another version"), "{answer}");
    assert_eq!(gateway.stop(), Some(0));
}

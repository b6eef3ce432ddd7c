//! HTTP/2 to the upstream: gRPC's trailers, GOAWAY, stream limits, and answers that end early.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};

use super::support::authority::Authority;
use super::support::backend::{Backend, Speaks};
use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, eventually};
use super::support::http2::{FrameServer, Seen, Then, exchange, say, started_with_tls};
use super::support::places::DENMARK;
use super::support::raw::{RawUpstream, connect, head, read_rest, read_until};

const HOST: &str = "kilden.example.dk";

fn ask(gateway: &Gateway, path: &str) -> Answer {
    get(gateway.address("web"), HOST, path).from(DENMARK).send()
}

fn ask_http2(gateway: &Gateway, authority: &Authority, path: &str, body: &'static str) -> Seen {
    let request = Request::builder()
        .method(if body.is_empty() { "GET" } else { "POST" })
        .uri(format!("https://{HOST}{path}"))
        .header("x-forwarded-for", DENMARK)
        .header("te", "trailers")
        .body(())
        .unwrap();
    exchange(gateway.address("secure"), authority, request, body)
}

#[test]
fn both_versions_downstream_reach_an_http2_server() {
    let server = Backend::serve("a", Speaks::Http2, None, "127.0.0.1:0");
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, authority, _directory) = started_with_tls(&block);
    let seen = ask(&gateway, "/a?b=c").json();
    assert_eq!((&seen["version"], &seen["target"]), (&"HTTP/2.0".into(), &"/a?b=c".into()));
    assert_eq!((&seen["authority"], &seen["host"]), (&HOST.into(), &serde_json::Value::Null));
    assert_eq!(seen["connection"], serde_json::Value::Null);
    let seen = ask_http2(&gateway, &authority, "/d", "body");
    let told: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!((&told["version"], &told["body"]), (&"HTTP/2.0".into(), &"body".into()));
    assert_eq!(told["te"], "trailers", "gRPC servers ask for it");
    for _ in 0..20 {
        assert_eq!(ask(&gateway, "/").status, 200);
    }
    assert_eq!(server.connections(), 1, "all on one connection");
}

/// Long limits are armed late, by whoever looks after the exchange: both servers have to look.
#[test]
fn a_server_that_never_answers_is_given_up_after_a_long_limit_too() {
    let server = Backend::start("a");
    let block = format!("servers: [\"{}\"], timeouts: {{response: 5s}}", server.url());
    let (gateway, authority, _directory) = started_with_tls(&block);
    thread::scope(|scope| {
        let http1 = scope.spawn(|| ask(&gateway, "/hold").status);
        let http2 = scope
            .spawn(|| ask_http2(&gateway, &authority, "/hold", "").head.map(|head| head.status));
        assert_eq!(http1.join().unwrap(), 504);
        assert_eq!(http2.join().unwrap().unwrap(), 504);
    });
}

/// As gRPC does it: the status stands behind the body.
fn grpc_server() -> FrameServer {
    FrameServer::start(100, |mut asked| {
        assert_eq!(asked.request.headers()["te"], "trailers");
        let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
        let mut body = asked.respond.send_response(head, false).unwrap();
        body.send_data(Bytes::from_static(b"\0\0\0\0\x02ok"), false).unwrap();
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", "7".parse().unwrap());
        trailers.insert("geovagt-reference", "FORGED".parse().unwrap());
        body.send_trailers(trailers).unwrap();
        Then::Stays
    })
}

#[test]
fn trailers_come_through() {
    let server = grpc_server();
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, authority, _directory) = started_with_tls(&block);
    let seen = ask_http2(&gateway, &authority, "/pkg.Service/Method", "\0\0\0\0\x02hi");
    let head = seen.head.expect("a head");
    assert_eq!(
        (head.status.as_u16(), &head.headers["content-type"]),
        (200, &"application/grpc".parse().unwrap())
    );
    assert_eq!(seen.body, b"\0\0\0\0\x02ok");
    let trailers = seen.end.unwrap().expect("trailers");
    assert_eq!(trailers.get("grpc-status").unwrap(), "7");
    assert!(!trailers.contains_key("geovagt-reference"), "only we give references");
}

#[test]
fn a_connection_that_goes_away_is_replaced_without_a_failure() {
    let server = FrameServer::start(100, |mut asked| {
        say(&mut asked.respond, "ok");
        Then::GoesAway
    });
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, _authority, _directory) = started_with_tls(&block);
    for number in 1..=10 {
        assert_eq!(ask(&gateway, "/").status, 200, "{number}");
        let post = get(gateway.address("web"), HOST, "/").from(DENMARK).method("POST");
        assert_eq!(post.send().status, 200, "{number}");
    }
    assert!(server.connections() > 1);
}

/// The server's connections end under requests that it has, that are on their way, and that still
/// wait for the server to say how many it takes. Whatever becomes of a POST, it arrives once.
#[test]
fn no_post_arrives_twice_where_connections_end() {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrived);
    let server = FrameServer::start(4, move |mut asked| {
        seen.lock().unwrap().push(asked.request.uri().path().to_owned());
        match asked.stream % 5 {
            4 => Then::Dies,
            3 => Then::GoesAway,
            _ => {
                say(&mut asked.respond, "ok");
                Then::Stays
            }
        }
    });
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, _authority, _directory) = started_with_tls(&block);
    let answered: Vec<(String, u16)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|client| {
                let web = gateway.address("web");
                scope.spawn(move || {
                    let ask = |number: usize| {
                        let path = format!("/{client}/{number}");
                        let post = get(web, HOST, &path).from(DENMARK).method("POST");
                        let status = post.send().status;
                        (path, status)
                    };
                    (0..12).map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let arrived = arrived.lock().unwrap();
    for (path, status) in &answered {
        let times = arrived.iter().filter(|arrived| *arrived == path).count();
        assert!(times <= 1, "{path} arrived {times} times and was answered with {status}");
        assert!([200, 502].contains(status), "{path}: {status}");
        assert!(*status != 200 || times == 1, "{path} has an answer and never arrived");
    }
    let good = answered.iter().filter(|(_, status)| *status == 200).count();
    assert!(good > 0 && good < answered.len(), "{good} of {}", answered.len());
}

#[test]
fn a_stream_that_the_server_refuses_is_asked_again() {
    let server = FrameServer::start(100, |mut asked| {
        if asked.connection == 0 && asked.stream == 1 {
            asked.respond.send_reset(h2::Reason::REFUSED_STREAM);
        } else {
            say(&mut asked.respond, "ok");
        }
        Then::Stays
    });
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, _authority, _directory) = started_with_tls(&block);
    for number in 0..3 {
        assert_eq!(ask(&gateway, "/").status, 200, "{number}");
    }
}

#[test]
fn more_requests_than_a_connection_takes_get_another_one() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = Arc::clone(&held);
    let server = FrameServer::start(1, move |asked| {
        holding.lock().unwrap().push(asked.respond);
        Then::Stays
    });
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, _authority, _directory) = started_with_tls(&block);
    let asking: Vec<_> = (0..3)
        .map(|count| {
            let request = get(gateway.address("web"), HOST, "/").from(DENMARK);
            let asking = thread::spawn(move || request.send());
            eventually("the server has it", || held.lock().unwrap().len() == count + 1);
            asking
        })
        .collect();
    assert_eq!(server.connections(), 3);
    for respond in held.lock().unwrap().iter_mut() {
        say(respond, "ok");
    }
    for asking in asking {
        assert_eq!(asking.join().unwrap().status, 200);
    }
}

#[test]
fn an_http2_answer_that_breaks_off_never_looks_whole() {
    let server = FrameServer::start(100, |mut asked| {
        let mut body = asked.respond.send_response(Response::new(()), false).unwrap();
        body.send_data(Bytes::from_static(b"only this"), false).unwrap();
        thread::spawn(move || {
            // The bytes go out before the reset takes them back.
            thread::sleep(std::time::Duration::from_millis(300));
            body.send_reset(h2::Reason::INTERNAL_ERROR);
        });
        Then::Stays
    });
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let (gateway, authority, _directory) = started_with_tls(&block);
    let mut client = connect(gateway.address("web"), &head("/", "Connection: close\r\n"));
    let received = read_rest(&mut client).to_lowercase();
    assert!(received.contains("transfer-encoding: chunked\r\n"), "{received}");
    assert!(received.contains("only this") && !received.contains("\r\n0\r\n"), "{received}");
    let seen = ask_http2(&gateway, &authority, "/", "");
    assert_eq!(seen.body, b"only this");
    assert!(seen.end.unwrap_err().is_reset());
}

#[test]
fn an_http1_answer_that_breaks_off_resets_the_clients_stream() {
    const CUT: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ];
    let server = RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        let number: usize = head[5..6].parse().unwrap();
        stream.write_all(CUT[number]).unwrap();
    });
    let (gateway, authority, _directory) =
        started_with_tls(&format!("servers: [\"{}\"]", server.url()));
    for number in 0..CUT.len() {
        let seen = ask_http2(&gateway, &authority, &format!("/{number}"), "");
        assert!(seen.end.unwrap_err().is_reset(), "{number}");
    }
}

#[test]
fn a_websocket_goes_over_http1_where_the_others_go_over_http2() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let config = authority.server("127.0.0.1", &["h2", "http/1.1"], None);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let address = tls_echo(config, &asked);
    let block =
        format!("servers: [\"https://{address}\"], tls: {{ca: \"{}\"}}", authority.file.display());
    let (gateway, _authority, _directory) = started_with_tls(&block);
    let more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut client = connect(gateway.address("web"), &head("/chat", more));
    let answer = read_until(&mut client, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    client.write_all(b"ping").unwrap();
    assert_eq!(read_until(&mut client, "ping"), "ping");
    assert_eq!(*asked.lock().unwrap(), ["http/1.1"]);
}

/// Switches protocols after the first head and then says what it hears; notes what ALPN agreed on.
fn tls_echo(
    config: rustls::ServerConfig,
    agreed: &Arc<Mutex<Vec<String>>>,
) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (config, agreed) = (Arc::new(config), Arc::clone(agreed));
    thread::spawn(move || {
        use std::io::Read as _;
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut session, &mut socket);
            let (mut bytes, mut heard) = ([0], Vec::new());
            while !heard.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut bytes).unwrap();
                heard.extend(bytes);
            }
            let name = stream.conn.alpn_protocol().unwrap_or_default();
            agreed.lock().unwrap().push(String::from_utf8_lossy(name).into_owned());
            let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                          Upgrade: websocket\r\n\r\n";
            stream.write_all(switch.as_bytes()).unwrap();
            while stream.read_exact(&mut bytes).is_ok() {
                stream.write_all(&bytes).unwrap();
            }
        }
    });
    address
}

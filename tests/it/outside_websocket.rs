//! WebSocket through the gateway: peers from crates.io (tungstenite) and from npm (`ws`).

use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, accept, client};

use crate::support::client::get;
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually, repository};
use crate::support::outside::{Program, command, free_address, npm_packages};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

fn connect(gateway: &Gateway, from: &str) -> Result<WebSocket<TcpStream>, Box<Error>> {
    connect_as(gateway, from, None)
}

/// Connects from an address, with a login in the form of HTTP Basic.
fn connect_as(
    gateway: &Gateway,
    from: &str,
    login: Option<&str>,
) -> Result<WebSocket<TcpStream>, Box<Error>> {
    let to = gateway.address("web");
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{HOST}:{}/chat?a=b", to.port()).into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
    if let Some(login) = login {
        request.headers_mut().insert("authorization", format!("Basic {login}").parse().unwrap());
    }
    match client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(error)) => Err(Box::new(error)),
        Err(HandshakeError::Interrupted(_)) => panic!("the handshake stopped half-way"),
    }
}

/// Echoes on every connection; the receiver gets the close frame that each one ended with.
fn echo_server() -> (SocketAddr, Receiver<Option<CloseFrame>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, closed) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut socket = accept(stream).unwrap();
                loop {
                    match socket.read() {
                        Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                            socket.send(message).unwrap();
                        }
                        Ok(Message::Close(frame)) => drop(sender.send(frame)),
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
            });
        }
    });
    (address, closed)
}

fn farewell() -> CloseFrame {
    CloseFrame { code: CloseCode::Library(4001), reason: "farvel".into() }
}

/// Sends a small, a large and an empty message and says goodbye in due form.
fn converse(socket: &mut WebSocket<TcpStream>) {
    let large: Vec<u8> = (0..1_u32 << 20).map(|n| n.to_le_bytes()[(n % 3) as usize]).collect();
    for message in [Message::text("æøå"), Message::binary(large), Message::text("")] {
        socket.send(message.clone()).unwrap();
        assert!(socket.read().unwrap() == message, "another message came back");
    }
    socket.send(Message::Ping("er du der?".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("er du der?".into()));
    socket.close(Some(farewell())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Close(Some(farewell())));
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn outside_websocket_between_peers_of_tungstenite() {
    let (server, closed) = echo_server();
    let gateway = Gateway::start(&configuration(&format!("http://{server}"), ""));
    converse(&mut connect(&gateway, DENMARK).unwrap());
    assert_eq!(closed.recv_timeout(PATIENCE).unwrap(), Some(farewell()));
}

#[test]
fn outside_websocket_with_a_server_of_npm() {
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut node = command("node");
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    node.arg(peer()).args(["serve", &ip, &port]);
    let server = Program::start(node, &directory.path().join("output"), address);
    let gateway = Gateway::start(&configuration(&format!("http://{address}"), ""));
    let mut socket = connect(&gateway, DENMARK).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text(format!("hello {DENMARK} DK")));
    converse(&mut socket);
    drop(socket);
    eventually("the server was told goodbye", || server.printed().contains("closed 4001 farvel"));
}

#[test]
fn outside_websocket_with_a_client_of_npm() {
    let (server, closed) = echo_server();
    let gateway = Gateway::start(&configuration(&format!("http://{server}"), ""));
    let url = format!("ws://{}/chat", gateway.address("web"));
    let talk = |from: &str| {
        let mut node = command("node");
        node.arg(peer()).args(["talk", &url, &format!("Host={HOST}")]);
        let output = node.arg(format!("X-Forwarded-For={from}")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let large = hex::encode(Sha256::digest("Ø".repeat(1 << 19)));
    assert_eq!(talk(DENMARK), format!("goddag\næøå\n{large}\nclosed 4001 farvel\n"));
    assert_eq!(closed.recv_timeout(PATIENCE).unwrap(), Some(farewell()));
    assert_eq!(talk(CHINA), "refused 403\n");
}

#[test]
fn outside_websocket_from_a_listed_country_never_reaches_the_server() {
    let (server, _closed) = echo_server();
    let gateway = Gateway::start(&configuration(&format!("http://{server}"), ""));
    match connect(&gateway, CHINA).map_err(|error| *error) {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 403);
            assert!(response.headers().contains_key("geovagt-reference"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn outside_websocket_is_the_only_upgrade_that_goes_on() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for protocol in ["h2c", "TLS/1.0", "websocket, h2c", "h2c, websocket"] {
        let answer = get(gateway.address("web"), HOST, "/")
            .from(DENMARK)
            .header("Connection", "Upgrade, HTTP2-Settings")
            .header("Upgrade", protocol)
            .header("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")
            .send();
        assert_eq!(answer.status, 200, "{protocol}: {}", answer.text());
        let seen = answer.json();
        for (name, value) in seen["headers"].as_array().unwrap().iter().map(|f| (&f[0], &f[1])) {
            assert!(name != "upgrade" && name != "http2-settings", "{protocol}: {name}: {value}");
        }
    }
}

#[test]
fn outside_websocket_ends_when_the_exemption_is_revoked() {
    let (server, _closed) = echo_server();
    let gateway = Gateway::start(&configuration(&format!("http://{server}"), ""));
    gateway.add_user("anna.holm", "ballerup", "et langt kodeord til rejsen");
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    let login =
        base64::engine::general_purpose::STANDARD.encode("anna.holm:et langt kodeord til rejsen");
    let mut socket = None;
    eventually("the gateway knows the exemption", || {
        socket = connect_as(&gateway, THAILAND, Some(&login)).ok();
        socket.is_some()
    });
    let mut socket = socket.unwrap();
    socket.send(Message::text("goddag")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("goddag"));

    gateway.command(&["exemption", "revoke", &id, "--reason", "Aflyst"]).expect_code(0);
    // A read that merely runs out of time would be an error of another kind.
    let ended = socket.read();
    let is_cut = match &ended {
        Err(Error::Protocol(_) | Error::ConnectionClosed) => true,
        Err(Error::Io(error)) => !matches!(error.kind(), WouldBlock | TimedOut),
        Ok(_) | Err(_) => false,
    };
    assert!(is_cut, "{ended:?}");
}

/// Forty cases of RFC 6455, good and bad, and what a good client does at length.
#[test]
fn outside_websocket_behaves_through_the_gateway_as_it_does_without() {
    let directory = repository().join("tests/websocket");
    let python = directory.join(".venv/bin/python");
    assert!(python.exists(), "tests/run installs websockets into {}", python.display());
    let (address, output) = (free_address(), tempfile::tempdir().unwrap());
    let speak = |words: &[&str]| {
        let mut peer = command(python.to_str().unwrap());
        peer.arg(directory.join("conformance.py")).args(words);
        peer
    };
    let port = address.port().to_string();
    let _server = Program::start(speak(&["serve", &port]), &output.path().join("server"), address);
    let gateway = Gateway::start(&configuration(&format!("http://{address}"), ""));
    let transcript = |to: SocketAddr| {
        let asked = speak(&["ask", &to.port().to_string(), HOST, DENMARK]).output().unwrap();
        assert!(asked.status.success(), "{asked:?}");
        String::from_utf8(asked.stdout).unwrap()
    };
    let direct = transcript(address);
    assert_eq!(direct.lines().count(), 42, "{direct}");
    for says in
        ["text in three frames → 81 616263 | 88 03e8\n", "large in frames True\n", "order True\n"]
    {
        assert!(direct.contains(says), "{direct}");
    }
    assert_eq!(transcript(gateway.address("web")), direct);
}

/// The script that speaks with `ws` from npm.
fn peer() -> std::path::PathBuf {
    npm_packages("websocket");
    repository().join("tests/websocket/peer.mjs")
}

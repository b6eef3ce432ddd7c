use super::*;
use crate::client_address::{ClientAddress, KnownAddress};
use std::time::Duration;

fn open(_: ConnectionAddress) -> Gate {
    Gate::Open
}

async fn exchange(running: &Running, bytes: &[u8]) -> String {
    let mut client = TcpStream::connect(running.address).await.unwrap();
    let _ = client.write_all(bytes).await;
    let _ = client.shutdown().await;
    read_all(&mut client).await
}

fn settled(ip: &str) -> ConnectionAddress {
    let known = KnownAddress::new(ip.parse().unwrap()).unwrap();
    ConnectionAddress::Settled(ClientAddress::Known(known))
}

#[tokio::test]
async fn the_peer_is_the_client_where_nothing_else_is_said() {
    let running = run(&listener(HeaderSource::Peer, &[]), ConnectionLimits::default(), open, tell);
    assert!(exchange(&running, b"").await.starts_with(&format!("{:?}", settled("127.0.0.1"))));
    let headers = listener(HeaderSource::XForwardedFor, &["127.0.0.0/8"]);
    let running = run(&headers, ConnectionLimits::default(), open, tell);
    assert!(exchange(&running, b"").await.starts_with("PerRequest"));
}

#[tokio::test]
async fn a_trusted_proxy_states_the_client_and_nobody_else_does() {
    let preamble = b"PROXY TCP4 5.6.7.8 9.9.9.9 1 443\r\n";
    let trusted = listener(HeaderSource::ProxyProtocol, &["127.0.0.0/8"]);
    let running = run(&trusted, ConnectionLimits::default(), open, tell);
    assert!(exchange(&running, preamble).await.starts_with(&format!("{:?}", settled("5.6.7.8"))));
    assert!(exchange(&running, b"PROXY UNKNOWN\r\n").await.contains("Unknown(NotStated)"));
    // A trusted proxy without a preamble is a mistake, never the client.
    assert_eq!(exchange(&running, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await, "");
    assert_eq!(exchange(&running, b"").await, "");

    let echo = |mut accepted: Accepted| async move {
        let mut bytes = [0; 64];
        if let Ok(length) = accepted.stream.read(&mut bytes).await {
            let _ = accepted.stream.write_all(&bytes[..length]).await;
        }
    };
    let untrusted = listener(HeaderSource::ProxyProtocol, &["10.0.0.0/8"]);
    let running = run(&untrusted, ConnectionLimits::default(), open, echo);
    assert_eq!(exchange(&running, preamble).await, "");
    assert_eq!(exchange(&running, b"EHLO").await, "EHLO");
    let running = run(&trusted, ConnectionLimits::default(), open, echo);
    assert_eq!(exchange(&running, &[preamble.as_slice(), b"EHLO"].concat()).await, "EHLO");
}

#[tokio::test]
async fn a_closed_gate_sends_no_byte_and_makes_no_handshake() {
    let directory = tempfile::tempdir().unwrap();
    let (files, root) = write_certificate(directory.path(), "a", &["a.dk"]);
    let listener = with_tls(listener(HeaderSource::ProxyProtocol, &["127.0.0.0/8"]), &[files]);
    let gate = |address| if address == settled("5.6.7.8") { Gate::Close } else { Gate::Open };
    let running = run(&listener, ConnectionLimits::default(), gate, tell);
    let preamble = |ip: &str| format!("PROXY TCP4 {ip} 9.9.9.9 1 443\r\n");
    assert_eq!(exchange(&running, preamble("5.6.7.8").as_bytes()).await, "");

    let mut tcp = TcpStream::connect(running.address).await.unwrap();
    tcp.write_all(preamble("5.6.7.9").as_bytes()).await.unwrap();
    let name = ServerName::try_from("a.dk").unwrap();
    let connector = tokio_rustls::TlsConnector::from(trusting(&[root], &[]));
    let mut client = connector.connect(name, tcp).await.unwrap();
    assert!(read_all(&mut client).await.starts_with(&format!("{:?}", settled("5.6.7.9"))));
}

/// By its peer a client is known before anything is spent on it: no task, no place, no port that
/// waits on our side. The client sees the end at once.
#[tokio::test]
async fn a_peer_is_closed_with_a_reset_in_the_accept_loop() {
    let handled = |_: Accepted| async { panic!("a closed connection was served") };
    let gate = |_| Gate::Close;
    let limits = ConnectionLimits::new(1, 1);
    let running = run(&listener(HeaderSource::Peer, &[]), limits.clone(), gate, handled);
    let place = limits.admit().unwrap();
    for _ in 0..100 {
        // The reset can come before this side has looked whether it is connected.
        let end = match TcpStream::connect(running.address).await {
            Ok(mut client) => client.read(&mut [0]).await,
            Err(error) => Err(error),
        };
        assert_eq!(end.map_err(|e| e.kind()), Err(std::io::ErrorKind::ConnectionReset));
        assert_eq!(running.tasks.count(), 1, "nothing but the accept loop");
    }
    drop(place);
    assert_eq!(limits.open(), 0);
}

/// Connections of clients that will be rejected are few, and are served all the same.
#[tokio::test]
async fn those_who_go_last_are_served_and_limited() {
    let hold = |accepted: Accepted| async move {
        let mut stream = accepted.stream;
        let _ = stream.write_all(b"in").await;
        let _ = stream.read(&mut [0]).await;
    };
    let gate = |_| Gate::Last;
    for (source, preamble) in [
        (HeaderSource::Peer, ""),
        (HeaderSource::ProxyProtocol, "PROXY TCP4 5.6.7.8 9.9.9.9 1 443\r\n"),
    ] {
        let trusted: &[&str] = if preamble.is_empty() { &[] } else { &["127.0.0.0/8"] };
        let running = run(&listener(source, trusted), ConnectionLimits::new(8, 99), gate, hold);
        let hello = async || {
            let mut client = TcpStream::connect(running.address).await?;
            client.write_all(preamble.as_bytes()).await?;
            client.read_exact(&mut [0; 2]).await.map(|_| client)
        };
        let _held = (hello().await.unwrap(), hello().await.unwrap());
        assert!(hello().await.is_err(), "{source:?}");
    }
}

#[tokio::test]
async fn one_address_cannot_take_all_places_and_a_proxy_is_not_one_address() {
    let hold = |accepted: Accepted| async move {
        let mut stream = accepted.stream;
        let _ = stream.write_all(b"in").await;
        let mut end = [0];
        let _ = stream.read(&mut end).await;
    };
    let hello = async |running: &Running, preamble: &[u8]| {
        let mut client = TcpStream::connect(running.address).await.unwrap();
        client.write_all(preamble).await.unwrap();
        let mut bytes = [0; 2];
        client.read_exact(&mut bytes).await.map(|_| client)
    };
    let limits = || ConnectionLimits::new(3, 2);
    let running = run(&listener(HeaderSource::Peer, &[]), limits(), open, hold);
    let (first, _second) =
        (hello(&running, b"").await.unwrap(), hello(&running, b"").await.unwrap());
    assert!(hello(&running, b"").await.is_err());
    drop(first);
    while running.door.limits().open() > 1 {
        tokio::task::yield_now().await;
    }
    let _third = hello(&running, b"").await.unwrap();

    let proxied = listener(HeaderSource::ProxyProtocol, &[&format!("{}/32", loopback())]);
    let running = run(&proxied, limits(), open, hold);
    let from = |ip: &str| format!("PROXY TCP4 {ip} 9.9.9.9 1 443\r\n").into_bytes();
    let _places = (
        hello(&running, &from("5.6.7.8")).await.unwrap(),
        hello(&running, &from("5.6.7.8")).await.unwrap(),
    );
    assert!(hello(&running, &from("5.6.7.8")).await.is_err());
    let _other = hello(&running, &from("5.6.7.9")).await.unwrap();
    // The total is reached, whoever comes.
    assert!(hello(&running, &from("5.6.7.10")).await.is_err());
}

#[tokio::test]
async fn accepting_ends_when_it_is_asked_to() {
    let running = run(&listener(HeaderSource::Peer, &[]), ConnectionLimits::default(), open, tell);
    assert!(!exchange(&running, b"").await.is_empty());
    running.tasks.stop();
    tokio::time::timeout(Duration::from_secs(10), running.tasks.finished()).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn settings_can_be_replaced_while_it_serves() {
    let before = listener(HeaderSource::Peer, &[]);
    let running = run(&before, ConnectionLimits::default(), open, tell);
    assert!(exchange(&running, b"").await.starts_with("Settled"));
    let after = listener(HeaderSource::Forwarded, &["127.0.0.0/8"]);
    running.door.replace(DoorSettings::load(&after, &config::Http1Names::default()).unwrap());
    assert!(exchange(&running, b"").await.starts_with("PerRequest"));
}

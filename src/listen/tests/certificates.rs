use super::*;
use crate::pem_file::PemFileError;

fn everything(_: ConnectionAddress) -> Gate {
    Gate::Open
}

fn serving(files: &[CertificateFiles]) -> Running {
    let listener = with_tls(listener(HeaderSource::Peer, &[]), files);
    run(&listener, ConnectionLimits::default(), everything, tell)
}

/// Whether a client that trusts `root` alone gets through to `host`.
async fn serves(address: SocketAddr, host: &str, root: &CertificateDer<'static>) -> bool {
    connect_tls(address, host, &trusting(std::slice::from_ref(root), &[])).await.is_ok()
}

#[tokio::test]
async fn the_certificate_follows_the_server_name() {
    let directory = tempfile::tempdir().unwrap();
    let (first, first_root) = write_certificate(directory.path(), "a", &["a.dk", "x.b.dk"]);
    let (second, second_root) = write_certificate(directory.path(), "b", &["*.b.dk", "B.dk"]);
    let running = serving(&[first, second]);
    for (host, is_first, is_second) in [
        ("a.dk", true, false),
        ("A.DK", true, false),
        ("x.b.dk", true, false),
        ("y.b.dk", false, true),
        ("b.dk", false, true),
    ] {
        assert_eq!(serves(running.address, host, &first_root).await, is_first, "{host}");
        assert_eq!(serves(running.address, host, &second_root).await, is_second, "{host}");
    }
    // Two labels below a wildcard are not under it; no name at all gets the first.
    let certificates = &running.door.settings().tls;
    assert!(certificates.is_some());
    for host in ["z.y.b.dk", "other.dk"] {
        assert!(!serves(running.address, host, &second_root).await, "{host}");
    }
}

#[tokio::test]
async fn new_files_are_served_and_bad_ones_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let (files, old) = write_certificate(directory.path(), "a", &["a.dk"]);
    let running = serving(std::slice::from_ref(&files));
    let reload = || running.door.reload_certificates();
    assert_eq!(reload().unwrap(), Reloaded::Unchanged);

    let elsewhere = tempfile::tempdir().unwrap();
    let (next, new) = write_certificate(elsewhere.path(), "a", &["a.dk"]);
    // The chain alone is half of a renewal: refused once, and the old one is served on.
    std::fs::copy(&next.chain, &files.chain).unwrap();
    assert!(matches!(reload().unwrap_err(), CertificateError::Key { .. }));
    assert_eq!(reload().unwrap(), Reloaded::Unchanged);
    assert!(serves(running.address, "a.dk", &old).await);

    std::fs::copy(&next.key, &files.key).unwrap();
    assert_eq!(reload().unwrap(), Reloaded::Replaced);
    assert!(serves(running.address, "a.dk", &new).await);
    assert!(!serves(running.address, "a.dk", &old).await);

    for rubbish in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&files.chain, rubbish).unwrap();
        assert!(reload().is_err(), "{rubbish}");
        assert!(serves(running.address, "a.dk", &new).await);
    }
    std::fs::remove_file(&files.chain).unwrap();
    let gone = reload().unwrap_err();
    assert!(matches!(gone, CertificateError::File(PemFileError::Read { .. })), "{gone}");
    assert!(serves(running.address, "a.dk", &new).await);
}

#[test]
fn a_certificate_that_cannot_be_used_is_an_error_at_load() {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = write_certificate(directory.path(), "a", &["a.dk"]);
    let (second, _) = write_certificate(directory.path(), "b", &["a.dk"]);
    let mixed = CertificateFiles { chain: first.chain.clone(), key: second.key.clone() };
    let text = Certificates::load(&[mixed]).unwrap_err().to_string();
    assert!(text.contains("b.key does not fit") && text.contains("a.pem"), "{text}");
    let swapped = CertificateFiles { chain: first.key.clone(), key: first.chain.clone() };
    let text = Certificates::load(&[swapped]).unwrap_err().to_string();
    assert!(text.contains("a.key holds no certificate"), "{text}");
    let long = directory.path().join("long");
    std::fs::write(&long, vec![b'a'; 1024 * 1024 + 1]).unwrap();
    for chain in [directory.path().join("none"), directory.path().to_owned(), long] {
        let files = CertificateFiles { chain, key: first.key.clone() };
        let wrong = Certificates::load(&[files]).unwrap_err();
        assert!(matches!(wrong, CertificateError::File(PemFileError::Read { .. })), "{wrong}");
    }
    assert!(matches!(Certificates::load(&[]).unwrap_err(), CertificateError::None));
}

#[tokio::test]
async fn plain_http_on_a_tls_port_gets_no_page() {
    let directory = tempfile::tempdir().unwrap();
    let (files, _) = write_certificate(directory.path(), "a", &["a.dk"]);
    let running = serving(&[files]);
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a.dk\r\n\r\n").await.unwrap();
    assert!(!read_all(&mut client).await.contains("HTTP"));
}

#[tokio::test]
async fn a_silent_handshake_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (files, _) = write_certificate(directory.path(), "a", &["a.dk"]);
    let certificates = Arc::new(Certificates::load(&[files]).unwrap());
    let acceptor = tls::acceptor(&certificates, None, &[], None).unwrap();
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
    let (tcp, _) = socket.accept().await.unwrap();
    let limit = std::time::Duration::from_millis(1);
    let ended = tls::handshake(&acceptor, stream::Wire::new(tcp), limit, None).await;
    assert!(matches!(ended, Err(tls::HandshakeError::TooSlow)));
}

#[tokio::test]
async fn the_facts_of_the_handshake_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (files, root) = write_certificate(directory.path(), "a", &["a.dk", "b.dk"]);
    let running = serving(&[files]);
    let config = trusting(&[root], &["h2", "http/1.1"]);
    let mut client = connect_tls(running.address, "B.dk", &config).await.unwrap();
    let told = read_all(&mut client).await;
    assert!(told.contains("server_name: Some(\"b.dk\")"), "{told}");
    assert!(told.contains("Http2") && told.contains("\"1.3\""), "{told}");
}

#[tokio::test]
async fn early_data_is_not_offered() {
    let directory = tempfile::tempdir().unwrap();
    let (files, root) = write_certificate(directory.path(), "a", &["a.dk"]);
    let running = serving(&[files]);
    let mut config = Arc::unwrap_or_clone(trusting(&[root], &[]));
    config.enable_early_data = true;
    let config = Arc::new(config);
    for _ in 0..2 {
        let mut client = connect_tls(running.address, "a.dk", &config).await.unwrap();
        assert!(client.get_mut().1.early_data().is_none());
        read_all(&mut client).await;
    }
}

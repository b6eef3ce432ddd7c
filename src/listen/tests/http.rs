use super::super::http::{CloseConnection, HttpLimits, serve};
use super::*;
use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;

async fn answer(
    request: Request<Incoming>,
    facts: Arc<ConnectionFacts>,
    _watch: Arc<Watch>,
) -> Result<Response<Full<Bytes>>, CloseConnection> {
    if request.uri().path() == "/close" {
        return Err(CloseConnection);
    }
    let text = format!("{:?} {:?}", request.version(), facts.client_address(request.headers()));
    Ok(Response::new(Full::new(text.into())))
}

fn serving(listener: &config::Listener, limits: HttpLimits) -> Running {
    let service = Arc::new(answer);
    let tasks = Tasks::new();
    let settings = DoorSettings::load(listener, &config::Http1Names::default()).unwrap();
    let door = Arc::new(Door::new(listener.name.clone(), settings, ConnectionLimits::default()));
    let socket = bind(listener).unwrap().remove(0);
    let address = socket.local_addr().unwrap();
    let owner = tasks.clone();
    let handle = move |accepted| serve(accepted, limits, Arc::clone(&service), owner.clone());
    tasks.spawn(accept(Arc::new(socket), Arc::clone(&door), tasks.clone(), |_| Gate::Open, handle));
    Running { address, door, tasks }
}

fn plain() -> config::Listener {
    listener(HeaderSource::XForwardedFor, &["127.0.0.0/8"])
}

async fn exchange(running: &Running, request: &str) -> String {
    let mut client = TcpStream::connect(running.address).await.unwrap();
    let _ = client.write_all(request.as_bytes()).await;
    read_all(&mut client).await
}

const LAST: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn each_request_has_its_own_client() {
    let running = serving(&plain(), HttpLimits::default());
    let first = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 5.6.7.8\r\n\r\n";
    let both = exchange(&running, &format!("{first}{LAST}")).await;
    assert!(both.contains("HTTP/1.1 Known(KnownAddress { seen: 5.6.7.8"), "{both}");
    assert!(both.contains("HTTP/1.1 Unknown(HeaderMissing)"), "{both}");
}

#[tokio::test]
async fn closing_sends_no_byte() {
    let running = serving(&plain(), HttpLimits::default());
    assert_eq!(exchange(&running, "GET /close HTTP/1.1\r\nHost: a\r\n\r\n").await, "");
}

#[tokio::test]
async fn heads_are_limited() {
    let limits = HttpLimits { head_bytes: 8 * 1024, head_lines: 20, ..HttpLimits::default() };
    let running = serving(&plain(), limits);
    let with = |line: &str| LAST.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
    let status = async |line: &str| {
        let answer = exchange(&running, &with(line)).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status("a: b").await, "200");
    assert_eq!(status(&format!("a: {}", "b".repeat(8 * 1024))).await, "431");
    assert_eq!(status(&vec!["a: b"; 20].join("\r\n")).await, "431");
    // hyper refuses these before anything of ours sees them.
    assert_eq!(status("a: b\r\n folded").await, "400");
    assert_eq!(status("a : b").await, "400");
    assert_eq!(status("a: b\0").await, "400");
    assert_eq!(status("Transfer-Encoding: gzip").await, "400");
    assert_eq!(status("Content-Length: 1\r\nContent-Length: 2").await, "400");
}

#[tokio::test]
async fn a_slow_head_is_cut() {
    let limits = HttpLimits { head_time: Duration::from_millis(50), ..HttpLimits::default() };
    let running = serving(&plain(), limits);
    for beginning in ["", "GET / HTTP/1.1\r\nHost:"] {
        let answer = exchange(&running, beginning).await;
        assert!(!answer.contains("200"), "{answer}");
    }
}

#[tokio::test]
async fn a_later_head_has_its_time_from_its_first_octet_and_idling_has_another() {
    let limits = HttpLimits { head_time: Duration::from_millis(200), ..HttpLimits::default() };
    let running = serving(&plain(), limits);
    let mut client = TcpStream::connect(running.address).await.unwrap();
    let mut buffer = vec![0; 4096];
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a.dk\r\n\r\n").await.unwrap();
        let read = client.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
        // Longer than a head may take: idling is not a slow head.
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    client.write_all(b"GET / HT").await.unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(30), client.read(&mut buffer)).await;
    assert!(matches!(cut.unwrap(), Ok(0) | Err(_)), "a head that never ends is cut");
}

#[tokio::test]
async fn http2_is_spoken_where_it_was_agreed() {
    let directory = tempfile::tempdir().unwrap();
    let (files, root) = write_certificate(directory.path(), "a", &["a.dk"]);
    let running = serving(&with_tls(plain(), &[files]), HttpLimits::default());
    let tls = connect_tls(running.address, "a.dk", &trusting(&[root], &["h2"])).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
            .await
            .unwrap();
    let clients = Tasks::new();
    clients.spawn(async move { drop(connection.await) });
    let request = |path: &str| {
        Request::get(format!("https://a.dk{path}"))
            .header("x-forwarded-for", "5.6.7.8")
            .body(Empty::<Bytes>::new())
            .unwrap()
    };
    let response = sender.send_request(request("/")).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"HTTP/2.0 Known(KnownAddress { seen: 5.6.7.8"), "{body:?}");
    assert!(sender.send_request(request("/close")).await.is_err());
    tokio::time::timeout(Duration::from_secs(10), async {
        while running.door.limits().open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

/// A request that is on its way when the end begins is answered, and is told that it is the last:
/// the first of its connection, which has cost a handshake, and one of a connection that is kept.
#[tokio::test]
async fn a_request_on_its_way_is_answered_before_the_end() {
    let running = serving(&plain(), HttpLimits::default());
    let mut fresh = TcpStream::connect(running.address).await.unwrap();
    let mut kept = TcpStream::connect(running.address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    kept.write_all(request).await.unwrap();
    assert!(kept.read(&mut [0; 4096]).await.unwrap() > 0);
    while running.door.limits().open() < 2 {
        tokio::task::yield_now().await;
    }
    running.tasks.stop();
    // Everybody learns of the end before the requests come.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    kept.write_all(request).await.unwrap();
    fresh.write_all(request).await.unwrap();
    for client in [&mut fresh, &mut kept] {
        let answer = read_all(client).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    running.tasks.finished().await;
}

#[tokio::test]
async fn an_idle_http2_connection_ends() {
    let directory = tempfile::tempdir().unwrap();
    let (files, root) = write_certificate(directory.path(), "a", &["a.dk"]);
    let limits = HttpLimits { idle: Duration::from_millis(20), ..HttpLimits::default() };
    let running = serving(&with_tls(plain(), &[files]), limits);
    let config = trusting(&[root], &["h2"]);
    // One that speaks HTTP/2 and asks nothing, and one that says nothing at all.
    let silent = connect_tls(running.address, "a.dk", &config).await.unwrap();
    let speaking = connect_tls(running.address, "a.dk", &config).await.unwrap();
    let (_sender, connection) = hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(
        TokioExecutor::new(),
        TokioIo::new(speaking),
    )
    .await
    .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        let mut silent = silent;
        let (_, rest) = tokio::join!(connection, read_all(&mut silent));
        rest
    });
    assert!(ended.await.is_ok());
}

#[tokio::test]
async fn stopping_finishes_what_is_begun_and_takes_nothing_new() {
    let running = serving(&plain(), HttpLimits::default());
    let silent = TcpStream::connect(running.address).await.unwrap();
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    running.tasks.stop();
    let ended = tokio::time::timeout(Duration::from_secs(10), running.tasks.finished()).await;
    assert!(ended.is_ok(), "{} tasks left", running.tasks.count());
    drop(silent);
}

#[tokio::test]
async fn framing_in_doubt_is_a_bad_request_and_the_end() {
    let running = serving(&plain(), HttpLimits::default());
    for head in [
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let answer = exchange(&running, &format!("{head}{LAST}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head:?} {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?} {answer}");
        // Behind a good request on the same connection as well.
        let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = exchange(&running, &format!("{first}{head}{LAST}")).await;
        assert!(answer.contains("HTTP/1.1 400"), "{head:?} {answer}");
        assert_eq!(answer.matches("200 OK").count(), 1, "{head:?} {answer}");
    }
}

#[tokio::test]
async fn after_an_upgrade_the_octets_are_not_http() {
    let service = |mut request: Request<Incoming>, _: Arc<ConnectionFacts>, _: Arc<Watch>| async move {
        let upgrade = hyper::upgrade::on(&mut request);
        let echo = async move {
            let mut stream = TokioIo::new(upgrade.await.unwrap());
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        };
        ECHOES.with(|tasks| tasks.spawn(echo));
        let switching = Response::builder().status(101).header("connection", "upgrade");
        Ok(switching.header("upgrade", "websocket").body(Empty::<Bytes>::new()).unwrap())
    };
    let owner = Tasks::new();
    let handle = {
        let (owner, service) = (owner.clone(), Arc::new(service));
        move |accepted| serve(accepted, HttpLimits::default(), Arc::clone(&service), owner.clone())
    };
    let running = run(&plain(), ConnectionLimits::default(), |_| Gate::Open, handle);
    let mut client = TcpStream::connect(running.address).await.unwrap();
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.write_all(ask.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    // The place is held for as long as the upgraded connection lives.
    assert_eq!(running.door.limits().open(), 1);
    client.write_all(b"\n\0\r\n\xff").await.unwrap();
    assert_eq!(read_all(&mut client).await.as_bytes()[..4], *b"\n\0\r\n");
    while running.door.limits().open() > 0 {
        tokio::task::yield_now().await;
    }
}

thread_local! {
    static ECHOES: Tasks = Tasks::new();
}

//! Bodies that stop making progress: who may be silent, who may not, and what is given back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::client::get;
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::secure;

/// Long enough for two windows of a second and two looks at each.
const LONGER: Duration = Duration::from_secs(5);
const SHORT: &str = "limits: {body_timeout: 1s, requests_in_flight: 1}\n";

fn in_flight(gateway: &Gateway) -> String {
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let line = metrics.lines().find(|line| line.starts_with("geovagt_requests_in_flight"));
    line.and_then(|line| line.split(' ').nth(1)).unwrap_or("none").to_owned()
}

fn nothing_is_in_flight(gateway: &Gateway) {
    eventually("the place is given back", || in_flight(gateway) == "0");
}

/// The closing entry of the exchange with this path: how it ended, and the octets up and down.
fn ending(gateway: &Gateway, path: &str) -> (String, u64, u64) {
    let mut entry = serde_json::Value::Null;
    eventually("the log says how it ended", || {
        let found =
            gateway.command(&["audit", "search", "--json", "--action", "completed"]).expect_code(0);
        let mut entries = found.out.lines().map(|line| serde_json::from_str(line).unwrap());
        entry = entries.find(|e: &serde_json::Value| e["url"]["path"] == path).unwrap_or_default();
        !entry.is_null()
    });
    let detail = |name: &str| entry["geovagt"]["details"][name].as_str().unwrap().to_owned();
    let number = |name: &str| detail(name).parse().unwrap();
    (detail("ended"), number("request_bytes"), number("response_bytes"))
}

/// An upstream that hands over all that it has read when its connection ends.
fn recording() -> (RawUpstream, Receiver<String>) {
    let (sender, received) = channel();
    let sender = Mutex::new(sender);
    let upstream = RawUpstream::start(move |mut stream| {
        let text = read_rest(&mut stream);
        sender.lock().unwrap().send(text).unwrap();
    });
    (upstream, received)
}

fn upload(more: &str) -> String {
    head("/upload", more).replace("GET ", "PUT ")
}

#[test]
fn an_upload_that_stalls_is_answered_with_408_and_gives_its_place_back() {
    let (upstream, received) = recording();
    let gateway = Gateway::start(&configuration(&upstream.url(), SHORT));
    let mut client =
        connect(gateway.address("web"), &(upload("Content-Length: 100\r\n") + "only this"));
    let answer = read_rest(&mut client);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.to_lowercase().contains("geovagt-reference: "), "{answer}");
    let upward = received.recv_timeout(PATIENCE).unwrap();
    assert!(upward.ends_with("\r\n\r\nonly this"), "{upward}");
    nothing_is_in_flight(&gateway);
    eventually("the log says so", || {
        let found = gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
        found.out.contains("\"status_code\":408")
    });
}

#[test]
fn drops_do_not_keep_an_upload_alive_and_a_slow_one_goes_through() {
    let (upstream, _received) = recording();
    let limits = "limits: {body_timeout: 2s, body_rate: 500}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let send_slowly = |piece: &[u8]| {
        let mut client = connect(gateway.address("web"), &upload("Content-Length: 1000000\r\n"));
        client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        // Anything but a reader that is still waiting is an answer, or the end.
        (0..80).any(|_| {
            let _ = client.write_all(piece);
            let waits = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
            let error = client.read_exact(&mut [0]).err().map(|error| error.kind());
            !error.is_some_and(|kind| waits.contains(&kind))
        })
    };
    assert!(send_slowly(b"."), "ten octets a second are too few");
    assert!(!send_slowly(&[b'.'; 400]), "four thousand a second are enough");
}

#[test]
fn an_upload_is_not_blamed_for_an_upstream_that_does_not_read() {
    let (released, waiting) = channel::<()>();
    let waiting = Mutex::new(waiting);
    let upstream = RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        waiting.lock().unwrap().recv().unwrap();
        let mut left = 32 << 20;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            left -= stream.read(&mut buffer).unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntook").unwrap();
    });
    let gateway = Gateway::start(&configuration(&upstream.url(), SHORT));
    let length = 32 << 20;
    let mut client =
        connect(gateway.address("web"), &upload(&format!("Content-Length: {length}\r\n")));
    let mut writing = client.try_clone().unwrap();
    let writer = std::thread::spawn(move || writing.write_all(&vec![b'.'; length]));
    std::thread::sleep(LONGER);
    released.send(()).unwrap();
    writer.join().unwrap().unwrap();
    let answer = read_until(&mut client, "took");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_stream_of_both_directions_may_pause_once_it_is_answered() {
    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap();
        // 5 CR LF "later" CR LF
        read_until(&mut stream, "later\r\n");
        stream.write_all(b"heard").unwrap();
    });
    let gateway = Gateway::start(&configuration(&upstream.url(), SHORT));
    let mut client = connect(gateway.address("web"), &upload("Transfer-Encoding: chunked\r\n"));
    read_until(&mut client, "\r\n\r\n");
    std::thread::sleep(LONGER);
    client.write_all(b"5\r\nlater\r\n0\r\n\r\n").unwrap();
    read_until(&mut client, "heard");
}

/// Answers with this many octets, as fast as they are taken.
fn plentiful(octets: usize) -> RawUpstream {
    RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {octets}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let piece = vec![b'.'; 1 << 16];
        let mut left = octets;
        while left > 0 {
            let count = left.min(piece.len());
            if stream.write_all(&piece[..count]).is_err() {
                return;
            }
            left -= count;
        }
    })
}

/// A client whose kernel takes little ahead of what it reads.
fn connect_narrow(gateway: &Gateway) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    socket.connect(&gateway.address("web").into()).unwrap();
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_download_that_nobody_reads_gives_its_place_back() {
    const OCTETS: usize = 64 << 20;
    let upstream = plentiful(OCTETS);
    let gateway = Gateway::start(&configuration(&upstream.url(), SHORT));
    let mut client = connect(gateway.address("web"), &head("/", ""));
    read_until(&mut client, "\r\n\r\n");
    nothing_is_in_flight(&gateway);
    let (how, _, down) = ending(&gateway, "/");
    assert_eq!(how, "client_stalled");
    assert!(down < OCTETS as u64);
    assert!(read_rest(&mut client).len() < OCTETS, "what was cut never looks whole");
}

#[test]
fn a_slow_reader_gets_everything() {
    const OCTETS: usize = 12 << 20;
    let upstream = plentiful(OCTETS);
    let limits = "limits: {body_timeout: 3s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let mut client = connect_narrow(&gateway);
    client.write_all(head("/", "").as_bytes()).unwrap();
    read_until(&mut client, "\r\n\r\n");
    let mut buffer = vec![0; 256 << 10];
    let mut left = OCTETS;
    while left > 0 {
        std::thread::sleep(Duration::from_millis(50));
        let count = client.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "{left} octets are missing");
        left -= count;
    }
}

#[test]
fn an_upstream_may_be_silent_for_long_but_not_for_ever() {
    let (tell, told) = channel::<&'static str>();
    let told = Mutex::new(told);
    let upstream = RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").unwrap();
        for event in told.lock().unwrap().iter() {
            stream.write_all(event.as_bytes()).unwrap();
        }
    });
    let limits = "limits: {body_timeout: 1s, upstream_body_timeout: 8s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let mut client = connect(gateway.address("web"), &head("/events", ""));
    read_until(&mut client, "\r\n\r\n");
    std::thread::sleep(LONGER);
    tell.send("data: late\n\n").unwrap();
    read_until(&mut client, "data: late\n\n");
    let rest = read_rest(&mut client);
    assert!(!rest.contains("0\r\n\r\n"), "what was cut never looks whole: {rest}");
    assert_eq!(ending(&gateway, "/events"), ("upstream_stalled".into(), 0, 12));
    drop(tell);
}

#[test]
fn a_stream_of_http2_that_is_not_read_is_reset_and_the_others_go_on() {
    let upstream = plentiful(3 << 20);
    let gateway = secure::gateway_with_tls(&upstream.url(), "limits: {body_timeout: 1s}\n");
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let unread = secure::request("GET", "/unread", None).body(()).unwrap();
        let (unread, _) = client.send_request(unread, true).unwrap();
        let mut unread = unread.await.unwrap().into_body();
        // One that is read meanwhile, slowly, in steps of its window.
        let read = secure::request("GET", "/read", None).body(()).unwrap();
        let (read, _) = client.send_request(read, true).unwrap();
        let mut read = read.await.unwrap().into_body();
        let mut octets = 0;
        while let Some(data) = read.data().await {
            let data = data.unwrap();
            octets += data.len();
            tokio::time::sleep(Duration::from_millis(10)).await;
            read.flow_control().release_capacity(data.len()).unwrap();
        }
        assert_eq!(octets, 3 << 20);
        nothing_is_in_flight(&gateway);
        let mut error = None;
        while let Some(data) = unread.data().await {
            match data {
                Ok(_) => {}
                Err(cut) => {
                    error = Some(cut);
                    break;
                }
            }
        }
        assert!(error.expect("it was cut").is_reset());
    });
    assert_eq!(ending(&gateway, "/unread").0, "client_stalled");
}

#[test]
fn an_upload_over_http2_that_stalls_is_answered_with_408() {
    let (upstream, _received) = recording();
    let gateway = secure::gateway_with_tls(&upstream.url(), "limits: {body_timeout: 1s}\n");
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let request = secure::request("PUT", "/upload", None).body(()).unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data("only this".into(), false).unwrap();
        assert_eq!(answer.await.unwrap().status(), 408);
    });
}

//! A real nginx behind the gateway, and servers that are gone, slow or no servers at all.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use sha2::{Digest as _, Sha256};

use crate::support::client::{Answer, Request, get, post_form, raw};
use crate::support::gateway::{Gateway, PATIENCE, configuration};
use crate::support::outside::{Nginx, entry};
use crate::support::places::DENMARK;

const HOST: &str = "kilden.example.dk";

/// Keeps each uploaded body in a file and says in the answer which one and how it came.
const LOCATIONS: &str = "
    location /upload {
      client_body_in_file_only on;
      proxy_pass http://@NGINX@/kept;
      add_header X-Kept-In $request_body_file always;
      add_header X-Came-As \"length=$http_content_length coding=$http_transfer_encoding\" always;
    }
    location /kept { return 200 \"$request_method $http_content_length\"; }
";

fn from_denmark(gateway: &Gateway, target: &str) -> Request {
    get(gateway.address("web"), HOST, target).from(DENMARK)
}

/// Bytes that do not repeat soon, so that a lost or doubled piece shows.
fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(step).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The file in which nginx kept an upload.
fn kept(answer: &Answer) -> Vec<u8> {
    std::fs::read(answer.header("x-kept-in").expect("nginx says where")).unwrap()
}

#[test]
fn outside_nginx_get_head_and_range() {
    let nginx = Nginx::start(LOCATIONS);
    std::fs::write(nginx.html().join("hello.txt"), "goddag fra nginx\n").unwrap();
    let gateway = Gateway::start(&configuration(&nginx.url(), ""));

    let whole = from_denmark(&gateway, "/hello.txt").send();
    assert_eq!((whole.status, whole.text().as_str()), (200, "goddag fra nginx\n"));
    let tag = whole.header("etag").expect("nginx sends one").to_owned();

    let head = from_denmark(&gateway, "/hello.txt").method("HEAD").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("17"));

    let part = from_denmark(&gateway, "/hello.txt").header("Range", "bytes=7-9").send();
    assert_eq!((part.status, part.text().as_str()), (206, "fra"));
    assert_eq!(part.header("content-range"), Some("bytes 7-9/17"));

    let unchanged = from_denmark(&gateway, "/hello.txt").header("If-None-Match", &tag).send();
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(from_denmark(&gateway, "/missing").send().status, 404);
}

#[test]
fn outside_nginx_receives_bodies_as_they_were_sent() {
    let nginx = Nginx::start(LOCATIONS);
    let gateway = Gateway::start(&configuration(&nginx.url(), ""));
    let web = gateway.address("web");

    let form = post_form(web, HOST, "/upload", "navn=S%C3%B8ren").from(DENMARK).send();
    assert_eq!((form.status, form.text().as_str()), (200, "POST 15"));
    assert_eq!(kept(&form), b"navn=S%C3%B8ren");

    let body = bytes(3 << 20);
    let mut request = format!(
        "PUT /upload HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {DENMARK}\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    for chunk in body.chunks(70_001) {
        write!(request, "{:x}\r\n", chunk.len()).unwrap();
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let chunked = raw(web, &request).unwrap();
    assert_eq!(chunked.status, 200, "{}", chunked.text());
    assert_eq!(chunked.header("x-came-as"), Some("length= coding=chunked"));
    assert_eq!(sha256(&kept(&chunked)), sha256(&body));
}

#[test]
fn outside_nginx_eight_mebibytes_arrive_whole() {
    let nginx = Nginx::start(LOCATIONS);
    let body = bytes(8 << 20);
    std::fs::write(nginx.html().join("large.bin"), &body).unwrap();
    let gateway = Gateway::start(&configuration(&nginx.url(), ""));
    let answer = from_denmark(&gateway, "/large.bin").send();
    assert_eq!(answer.status, 200);
    assert_eq!(sha256(&answer.body), sha256(&body));
}

#[test]
fn outside_nginx_stopped_is_502_and_started_again_is_200() {
    let mut nginx = Nginx::start(LOCATIONS);
    std::fs::write(nginx.html().join("hello.txt"), "goddag\n").unwrap();
    let gateway = Gateway::start(&configuration(&nginx.url(), ""));
    assert_eq!(from_denmark(&gateway, "/hello.txt").send().status, 200);

    nginx.stop();
    let answer = from_denmark(&gateway, "/hello.txt").browser().send();
    assert_trouble(&gateway, &answer, 502);

    nginx.start_again();
    assert_eq!(from_denmark(&gateway, "/hello.txt").send().status, 200);
}

#[test]
fn outside_nginx_behind_which_nothing_answers_is_504() {
    let silent = server(|stream| {
        let mut received = Vec::new();
        let _ = (&stream).read_to_end(&mut received);
    });
    let slow = format!("location /slow {{ proxy_pass http://{silent}; }}");
    let nginx = Nginx::start(&slow);
    let limits = "limits: {upstream_response_timeout: 300ms}";
    let gateway = Gateway::start(&configuration(&nginx.url(), limits));
    let answer = from_denmark(&gateway, "/slow").browser().send();
    assert_trouble(&gateway, &answer, 504);
}

#[test]
fn outside_a_server_that_talks_nonsense_is_502() {
    let garbage = server(|stream| {
        let _ = (&stream).read(&mut [0; 4096]);
        let _ = (&stream).write_all(b"220 mail.example.dk ESMTP\r\n\0\x01\x02\r\n\r\n");
    });
    let gateway = Gateway::start(&configuration(&format!("http://{garbage}"), ""));
    let answer = from_denmark(&gateway, "/").browser().send();
    assert_trouble(&gateway, &answer, 502);
    assert!(!answer.text().contains("ESMTP"));
}

#[test]
fn outside_an_answer_streams_while_it_is_made() {
    let (seen, first_half_seen): (Sender<()>, Receiver<()>) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
        // Goes on only when the client holds the first half: a gateway that waits for the whole
        // would wait for ever.
        first_half_seen.recv_timeout(PATIENCE).expect("the first half went through");
        stream.write_all(b"after").unwrap();
    });
    let gateway = Gateway::start(&configuration(&format!("http://{address}"), ""));
    let mut client = TcpStream::connect(gateway.address("web")).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {DENMARK}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(request.as_bytes()).unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"first") {
        let mut piece = [0; 1024];
        let count = client.read(&mut piece).unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&piece[..count]);
    }
    seen.send(()).unwrap();
    client.read_to_end(&mut received).unwrap();
    assert!(received.ends_with(b"firstafter"));
    serving.join().unwrap();
}

/// The calm page, with a reference that leads to the entry.
fn assert_trouble(gateway: &Gateway, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let reference = answer.header("geovagt-reference").expect("a reference").to_owned();
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    let page = answer.text();
    assert!(page.contains(&reference) && page.contains("Ballerup Kommune"), "{page}");
    assert!(!page.contains("127.0.0.1") && !page.contains("hyper"), "{page}");
    let entry = entry(gateway, &reference);
    assert_eq!(entry["http"]["response"]["status_code"], status);
    assert_eq!(entry["client"]["ip"], DENMARK);
}

/// A server that does one thing with each connection, as long as the test's process lives.
fn server(serve: impl Fn(TcpStream) + Send + Copy + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

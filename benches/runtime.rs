//! One work-stealing runtime, or a runtime per core with SO_REUSEPORT?
//!
//! A bare hyper reverse proxy in both shapes, each in a process of its own, driven in turns by the
//! same load; prints the proxy's CPU milliseconds per 1,000 requests (from /proc, so that what the
//! generator takes does not count), the median of the rounds and their spread.
//!
//! Measured before choosing, on 2 cores shared with generator and upstream: a runtime per core takes
//! 0.94 to 0.97 of the shared one's CPU (15.5-16 against 16-17 ms, single rounds 15 to 20). That is
//! within the spread, so the gateway has one work-stealing runtime, in which a slow task holds up no
//! core's connections. On more cores, measure again.
//!
//! `cargo bench --bench runtime [-- ROUNDS REQUESTS]`
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement stops at the first thing that is not as expected"
)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

const CONNECTIONS: usize = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("proxy") => proxy(&arguments[2], arguments[3].parse().unwrap()),
        Some("upstream") => upstream(),
        _ => measure(&arguments),
    }
}

fn measure(arguments: &[String]) {
    let numbers: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(7);
    let requests = numbers.get(1).copied().unwrap_or(20_000);
    let (_upstream, upstream) = start(&["upstream"]);
    let shapes = ["shared", "per_core"];
    let proxies: Vec<(Child, SocketAddr)> =
        shapes.iter().map(|shape| start(&["proxy", shape, &upstream.to_string()])).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut figures = vec![Vec::new(); shapes.len()];
    for round in 0..=rounds {
        for (index, (child, address)) in proxies.iter().enumerate() {
            let before = cpu_milliseconds(child.id());
            runtime.block_on(load(*address, requests));
            let spent = cpu_milliseconds(child.id()) - before;
            if round > 0 {
                figures[index].push(spent * 1000.0 / requests as f64);
            }
        }
    }
    println!("CPU ms of the proxy per 1,000 requests, {rounds} rounds of {requests} requests");
    let mut medians = Vec::new();
    for (shape, figures) in shapes.iter().zip(&mut figures) {
        figures.sort_by(f64::total_cmp);
        let median = figures[figures.len() / 2];
        medians.push(median);
        println!(
            "{shape:>9}: median {median:6.1}  lowest {:6.1}  highest {:6.1}",
            figures[0],
            figures[figures.len() - 1]
        );
    }
    println!("per_core / shared: {:.3}", medians[1] / medians[0]);
    for (mut child, _) in proxies {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn start(arguments: &[&str]) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().expect("the address it listens on"))
}

/// User and system time of a process (fields 14 and 15 of /proc/PID/stat), in milliseconds.
fn cpu_milliseconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    ticks as f64 * 10.0
}

async fn load(to: SocketAddr, requests: usize) {
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            tokio::spawn(async move {
                let stream = tokio::net::TcpStream::connect(to).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                for _ in 0..requests / CONNECTIONS {
                    let request = Request::get("/")
                        .header("host", "bench.example.dk")
                        .body(Empty::<Bytes>::new())
                        .unwrap();
                    let response = sender.send_request(request).await.unwrap();
                    assert_eq!(response.status(), 200);
                    response.into_body().collect().await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

fn upstream() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let body = Bytes::from(vec![b'x'; 1024]);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let body = body.clone();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |_| {
                    let body = body.clone();
                    async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
}

fn proxy(shape: &str, upstream: SocketAddr) {
    let cores = std::thread::available_parallelism().unwrap().get();
    let first = reuse_port("127.0.0.1:0".parse().unwrap());
    let address = first.local_addr().unwrap();
    if shape == "shared" {
        println!("{address}");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(accept(first, upstream));
        return;
    }
    let mut listeners = vec![first];
    listeners.extend((1..cores).map(|_| reuse_port(address)));
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(accept(listener, upstream));
            })
        })
        .collect();
    println!("{address}");
    for thread in threads {
        thread.join().unwrap();
    }
}

fn reuse_port(address: SocketAddr) -> std::net::TcpListener {
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(1024).unwrap();
    socket.into()
}

async fn accept(listener: std::net::TcpListener, upstream: SocketAddr) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector, Incoming> =
        Client::builder(TokioExecutor::new()).build(connector);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let client = client.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
                let client = client.clone();
                let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
                *request.uri_mut() = format!("http://{upstream}{path}").parse().unwrap();
                async move { client.request(request).await }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

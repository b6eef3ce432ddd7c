//! Does a flood from a place that is rejected leave the latency of permitted people alone?
//!
//! The real program with three TLS listeners (the page, `denial: adaptive`, `denial: close`). Permitted
//! people ask at a steady pace on connections that stay open; meanwhile rejected clients flood with
//! (a) requests on open connections, (b) new connections with a request, (c) TLS handshakes. Prints
//! the permitted people's p50 and p99, alone and under each flood, their ratio, and what the gateway
//! spent on 1,000 events of the flood.
//!
//! The gateway has the first core to itself, everything else the last; the flood's generator is in a
//! process of its own with a low priority. Where a row's generator could not send more, the gateway
//! was not busy: look at the events per second.
//!
//! `cargo bench --bench flood [-- SECONDS LISTENER…]`; `GEOVAGT_PROGRAM` names another build.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement stops at the first thing that is not as expected"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HOST: &str = "kilden.example.dk";
/// Let in by `allow_networks`.
const PERMITTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// A private network, and so rejected.
const REJECTED: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);
const LISTENERS: [&str; 3] = ["page", "adaptive", "close"];
/// With so many events a second: what one generator can send to each listener beside measuring.
const FLOODS: [(&str, u32); 3] = [("keep-alive", 2000), ("connections", 300), ("handshakes", 300)];
const FLOODERS: u32 = 64;
const PEOPLE: usize = 8;
const PACE: Duration = Duration::from_millis(10);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("upstream") => upstream(),
        Some("flood") => {
            flood(&arguments[2], arguments[3].parse().unwrap(), arguments[4].parse().unwrap());
        }
        Some("measure") => measure(&arguments),
        _ => {
            let cores = std::thread::available_parallelism().unwrap().to_string();
            let arguments: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
            let measured = this_program(&[&["measure"], arguments.as_slice()].concat(), 0)
                .env("CORES", cores)
                .status();
            assert!(measured.unwrap().success());
        }
    }
}

fn measure(arguments: &[String]) {
    let seconds = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(5_u64);
    let time = Duration::from_secs(seconds);
    let (mut upstream, at) = start(&["upstream"]);
    let named = |name: &&str| arguments.iter().any(|argument| argument == name);
    let mut chosen: Vec<&str> = LISTENERS.into_iter().filter(named).collect();
    if chosen.is_empty() {
        chosen.extend(LISTENERS);
    }
    let gateway = Gateway::start(at, &chosen);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!(
        "permitted people: {PEOPLE} connections, one request each {PACE:?}; {seconds} s a row"
    );
    println!(
        "{:>9} {:>12} {:>9} {:>9} {:>7} {:>7} {:>10} {:>12}",
        "listener", "flood", "p50 us", "p99 us", "p50 x", "p99 x", "events/s", "CPU ms/1000"
    );
    for listener in chosen {
        let to = gateway.addresses[listener];
        let before = gateway.cpu_milliseconds();
        let alone = runtime.block_on(people(to, time));
        let idle = gateway.cpu_milliseconds() - before;
        row(listener, "none", &alone, &alone, None);
        for (kind, rate) in FLOODS {
            let (mut flooder, lines) =
                start_lines(&["flood", kind, &to.to_string(), &rate.to_string()]);
            // An adaptive listener has seen what it is by now.
            std::thread::sleep(Duration::from_secs(1));
            let before = gateway.cpu_milliseconds();
            let counted = lines.load(Ordering::Relaxed);
            let began = Instant::now();
            let under = runtime.block_on(people(to, time));
            let took = began.elapsed().as_secs_f64();
            let events = lines.load(Ordering::Relaxed) - counted;
            let spent = gateway.cpu_milliseconds() - before - idle;
            flooder.kill().unwrap();
            flooder.wait().unwrap();
            row(listener, kind, &under, &alone, Some((events, took, spent)));
        }
    }
    upstream.kill().unwrap();
    upstream.wait().unwrap();
}

fn row(
    listener: &str,
    flood: &str,
    times: &[Duration],
    alone: &[Duration],
    cost: Option<(u64, f64, f64)>,
) {
    let at = |times: &[Duration], share: f64| {
        times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6
    };
    let (p50, p99) = (at(times, 0.5), at(times, 0.99));
    print!(
        "{listener:>9} {flood:>12} {p50:>9.0} {p99:>9.0} {:>7.2} {:>7.2}",
        p50 / at(alone, 0.5),
        p99 / at(alone, 0.99)
    );
    match cost {
        Some((events, took, spent)) => {
            println!(" {:>10.0} {:>12.1}", events as f64 / took, spent * 1000.0 / events as f64);
        }
        None => println!(),
    }
}

/// What permitted people wait for an answer, sorted.
async fn people(to: SocketAddr, time: Duration) -> Vec<Duration> {
    let mut all = Vec::new();
    let one = |number: usize| async move {
        let mut stream = connect_tls(to, PERMITTED).await.expect("a permitted connection");
        let mut times = Vec::new();
        let end = Instant::now() + time;
        tokio::time::sleep(PACE * u32::try_from(number).unwrap() / PEOPLE as u32).await;
        while Instant::now() < end {
            let began = Instant::now();
            let status = ask(&mut stream).await.expect("an answer");
            times.push(began.elapsed());
            assert_eq!(status, 200);
            tokio::time::sleep(PACE.saturating_sub(began.elapsed())).await;
        }
        times
    };
    let mut set = tokio::task::JoinSet::new();
    for number in 0..PEOPLE {
        set.spawn(one(number));
    }
    while let Some(times) = set.join_next().await {
        all.extend(times.unwrap());
    }
    all.sort();
    all
}

/// Sends a request and reads its answer; gives the status.
async fn ask(stream: &mut TlsStream<TcpStream>) -> std::io::Result<u16> {
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = vec![0; 16 * 1024];
    let mut length = 0;
    loop {
        let read = stream.read(&mut bytes[length..]).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        let text = String::from_utf8_lossy(&bytes[..length]);
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let head = text[..end].to_ascii_lowercase();
        let body: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |value| value.trim().parse().unwrap());
        if length >= end + 4 + body {
            return Ok(head[9..12].parse().unwrap());
        }
    }
}

async fn connect(to: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

async fn connect_tls(to: SocketAddr, from: Ipv4Addr) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let name = ServerName::try_from(HOST).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, connect(to, from).await?).await
}

/// The certificate is the bench's own.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Floods until it is killed; prints a line for every hundred events.
fn flood(kind: &str, to: SocketAddr, rate: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut set = tokio::task::JoinSet::new();
        let events = Arc::new(AtomicU64::new(0));
        let pace = Duration::from_secs(1) * FLOODERS / rate;
        for number in 0..FLOODERS {
            let (kind, events) = (kind.to_owned(), Arc::clone(&events));
            set.spawn(async move {
                tokio::time::sleep(pace * number / FLOODERS).await;
                let mut pace = tokio::time::interval(pace);
                pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                loop {
                    one_connection(&kind, to, &events, &mut pace).await;
                }
            });
        }
        set.join_next().await;
    });
}

async fn one_connection(
    kind: &str,
    to: SocketAddr,
    events: &AtomicU64,
    pace: &mut tokio::time::Interval,
) {
    pace.tick().await;
    let counted = || {
        if (events.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(100) {
            println!("100");
        }
    };
    match kind {
        "handshakes" => {
            let _ = connect_tls(to, REJECTED).await;
            counted();
        }
        "connections" => {
            if let Ok(mut stream) = connect_tls(to, REJECTED).await {
                let _ = ask(&mut stream).await;
            }
            counted();
        }
        _ => {
            let Ok(mut stream) = connect_tls(to, REJECTED).await else { return counted() };
            while ask(&mut stream).await.is_ok() {
                counted();
                pace.tick().await;
            }
        }
    }
}

struct Gateway {
    child: Child,
    addresses: BTreeMap<String, SocketAddr>,
    _directory: tempfile::TempDir,
}

impl Gateway {
    fn start(upstream: SocketAddr, chosen: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        std::fs::write(directory.path().join("a.pem"), made.cert.pem()).unwrap();
        std::fs::write(directory.path().join("a.key"), made.signing_key.serialize_pem()).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).display();
        let program = std::env::var("GEOVAGT_PROGRAM");
        let listener = |name: &str| {
            let denial = match name {
                "page" => "",
                "adaptive" => "denial: adaptive",
                _ => "denial: close",
            };
            format!(
                "  - name: {name}\n    bind: [\"127.0.0.1:0\"]\n    tls: {{certificates: [{{chain: a.pem, key: a.key}}]}}\n    {denial}\n"
            )
        };
        let listeners: String = chosen.iter().map(|name| listener(name)).collect();
        let configuration = format!(
            r#"state_directory: state
geoip: {{database: "{root}/geoip/country.mmdb", warn_after: 3650d}}
country_lists: {{cfcs: "{root}/config/lists/cfcs.yaml"}}
policies:
  standard:
    list: cfcs
    allow_networks: [{{network: {PERMITTED}/32, reason: people}}]
organizations:
  ballerup: {{name: Ballerup Kommune, policy: standard, identity_providers: [local]}}
listeners:
{listeners}sites:
  kilden: {{organization: ballerup, hosts: [{HOST}], upstream: {{servers: ["http://{upstream}"]}}}}
identity: {{local: {{kind: local}}}}
"#
        );
        let file = directory.path().join("gateway.yaml");
        std::fs::write(&file, configuration).unwrap();
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_geovagt").to_owned());
        let mut child = on_core(0, 0, &program)
            .args(["serve", "--config"])
            .arg(&file)
            .env("GEOVAGT_THREADS", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut addresses = BTreeMap::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "the gateway ended");
            let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else {
                panic!("{line}")
            };
            let fields = &value["fields"];
            match fields["message"].as_str() {
                Some("listening") => {
                    let name = fields["listener"].as_str().unwrap().to_owned();
                    let at = fields["address"].as_str().unwrap().parse().unwrap();
                    addresses.insert(name, at);
                }
                Some("ready") => break,
                _ => {}
            }
        }
        std::thread::spawn(move || {
            let _ = stderr.read_to_end(&mut Vec::new());
        });
        Self { child, addresses, _directory: directory }
    }

    /// What all its threads have computed, to the nanosecond.
    fn cpu_milliseconds(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let spent = threads.map(|thread| {
            let schedstat = thread.unwrap().path().join("schedstat");
            let text = std::fs::read_to_string(schedstat).unwrap_or_default();
            text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
        });
        spent.sum()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command on one core (counted from the first; more than there are: the last) and with a nice
/// value. Without `taskset` it runs anywhere.
fn on_core(core: usize, nice: i32, program: &str) -> Command {
    // Whoever is on one core already is told how many there are.
    let cores = std::env::var("CORES").map_or_else(
        |_| std::thread::available_parallelism().unwrap().get(),
        |cores| cores.parse().unwrap(),
    );
    let core = core.min(cores - 1).to_string();
    if Command::new("taskset").arg("--version").output().is_err() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core, "nice", "-n", &nice.to_string(), program]);
    command
}

fn this_program(arguments: &[&str], nice: i32) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = on_core(usize::MAX, nice, program.to_str().unwrap());
    command.args(arguments);
    command
}

fn start(arguments: &[&str]) -> (Child, SocketAddr) {
    let mut child = this_program(arguments, 0).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().expect("the address it listens on"))
}

/// Starts a flood; the counter follows the events it tells of.
fn start_lines(arguments: &[&str]) -> (Child, Arc<AtomicU64>) {
    let mut child = this_program(arguments, 10).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let events = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&events);
    std::thread::spawn(move || {
        for _ in BufReader::new(stdout).lines().map_while(Result::ok) {
            counted.fetch_add(100, Ordering::Relaxed);
        }
    });
    (child, events)
}

fn upstream() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let body = Bytes::from(vec![b'x'; 1024]);
        let mut set = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let body = body.clone();
            set.spawn(async move {
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

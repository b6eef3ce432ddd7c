//! A flood of what is rejected leaves permitted people alone, and every rejection is counted.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::support::client::get;
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually};
use crate::support::places::DENMARK;
use crate::support::raw;
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

/// A connection from another address of the loopback.
fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let from: SocketAddr = format!("{from}:0").parse().unwrap();
    socket.bind(&from.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The usual configuration, in which 127.0.0.1 may pass and the rest of the loopback may not.
fn letting_one_in(upstream: &Upstream, more: &str) -> Gateway {
    let rule = "{list: cfcs, allow_networks: [{network: 127.0.0.1/32, reason: permitted}]}";
    let text = configuration(&upstream.url(), more)
        .replace("  standard: {list: cfcs}\n", &format!("  standard: {rule}\n"));
    Gateway::start(&text)
}

/// Sends a request on an open connection and gives the status.
fn ask(stream: &mut TcpStream, client: Option<&str>) -> u16 {
    let more = client.map(|ip| format!("X-Forwarded-For: {ip}\r\n")).unwrap_or_default();
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = vec![0; 32 * 1024];
    let mut length = 0;
    loop {
        let read = stream.read(&mut bytes[length..]).unwrap();
        assert!(read > 0, "the connection ended");
        length += read;
        let text = String::from_utf8_lossy(&bytes[..length]).to_ascii_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let body = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length == end + 4 + body.unwrap().trim().parse::<usize>().unwrap() {
            return text[9..12].parse().unwrap();
        }
    }
}

fn denied(gateway: &Gateway, filter: &[&str]) -> (usize, u64) {
    let search = ["audit", "search", "--json", "--limit", "1000000"];
    let printed = gateway.command(&[&search, filter].concat());
    let entries =
        printed.out.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    entries
        .filter(|entry| entry["geovagt"]["verdict"] == "deny")
        .fold((0, 0), |(n, sum), entry| (n + 1, sum + entry["geovagt"]["count"].as_u64().unwrap()))
}

#[test]
fn fifty_thousand_rejections_take_nothing_from_permitted_people() {
    const REJECTIONS: u64 = 50_000;
    let upstream = Upstream::start();
    let gateway = letting_one_in(&upstream, "limits: {requests_in_flight: 8, connections: 64}\n");
    let direct = gateway.address("direct");
    let (rejected, flooding) = (AtomicU64::new(0), AtomicBool::new(true));
    let permitted = std::thread::scope(|scope| {
        for number in 0..8 {
            let (rejected, flooding) = (&rejected, &flooding);
            scope.spawn(move || {
                let mut stream = connect_from(&format!("127.0.{}.1", 2 + number), direct);
                while rejected.fetch_add(1, Ordering::Relaxed) < REJECTIONS {
                    assert_eq!(ask(&mut stream, None), 403);
                }
                rejected.fetch_sub(1, Ordering::Relaxed);
                flooding.store(false, Ordering::Relaxed);
            });
        }
        let mut stream = connect_from("127.0.0.1", direct);
        let mut permitted = 0;
        while flooding.load(Ordering::Relaxed) {
            assert_eq!(ask(&mut stream, None), 200);
            assert_eq!(get(direct, HOST, "/").send().status, 200, "on a new connection");
            permitted += 2;
        }
        permitted
    });
    assert!(permitted > 10, "{permitted} permitted requests beside the flood");
    eventually("each rejection is counted", || {
        denied(&gateway, &["--reason", "denied_private_network"]).1 == REJECTIONS
    });
    let health = get(gateway.address("operations"), "localhost", "/readyz").send();
    assert_eq!(health.status, 200, "{}", health.text());
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(metrics.contains("geovagt_audit_lost_total 0"), "{metrics}");
}

#[test]
fn rejected_clients_cannot_take_the_last_connection() {
    let upstream = Upstream::start();
    let gateway = letting_one_in(&upstream, "limits: {connections: 40}\n");
    let direct = gateway.address("direct");
    let mut held = Vec::new();
    for number in 0..100 {
        held.push(connect_from(&format!("127.0.{}.1", 2 + number % 50), direct));
    }
    eventually("all of them have been looked at", || {
        let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
        metrics
            .lines()
            .any(|line| line.contains("reason=\"limit_denied\"") && line.ends_with(" 90"))
    });
    let mut permitted: Vec<_> = (0..30).map(|_| connect_from("127.0.0.1", direct)).collect();
    for stream in &mut permitted {
        assert_eq!(ask(stream, None), 200);
    }
    // The rejected keep their quarter of the places, and are answered.
    assert_eq!(ask(&mut held[0], None), 403);
}

/// As from a botnet: behind a proxy, each request from a network of its own.
#[test]
fn rejections_from_very_many_networks_are_counted_exactly_in_few_entries() {
    const NETWORKS: u32 = 30_000;
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let mut stream = raw::connect(gateway.address("web"), "");
    for number in 0..NETWORKS {
        // 36.128.0.0/10 is China's.
        let client =
            std::net::Ipv4Addr::from_bits((36 << 24 | 128 << 16) + (number % 16_000) * 256);
        assert_eq!(ask(&mut stream, Some(&client.to_string())), 403);
    }
    assert_eq!(ask(&mut stream, Some(DENMARK)), 200);
    let mut entries = 0;
    eventually("each rejection is counted", || {
        let (found, sum) = denied(&gateway, &["--country", "CN"]);
        entries = found;
        sum == u64::from(NETWORKS)
    });
    assert!(entries <= 25_000, "{entries}");
}

/// A thread's name and its nice value (proc(5): the name may hold spaces, the 19th field is nice).
fn threads(process: &str) -> Vec<(String, i32)> {
    let of_one = |task: std::fs::DirEntry| {
        // One that has ended meanwhile is none.
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        Some((name.to_owned(), rest.split_whitespace().nth(16)?.parse().ok()?))
    };
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks.filter_map(|task| of_one(task.unwrap())).collect()
}

#[test]
fn what_indexes_the_log_has_no_weight_beside_the_traffic() {
    let upstream = Upstream::start();
    let gateway = letting_one_in(&upstream, "");
    let mut stream = connect_from("127.0.3.1", gateway.address("direct"));
    assert_eq!(ask(&mut stream, None), 403);
    let process = gateway.process_id();
    // The gateway begins with the weight of whoever started it.
    let begun = threads(&std::process::id().to_string())[0].1;
    eventually(
        "a thread of little weight writes the index, and none of the traffic's is one",
        || {
            let found = threads(&process);
            let light = |name: &str| found.iter().any(|(n, nice)| n == name && *nice == 19);
            let traffic = found.iter().filter(|(name, _)| name == "geovagt" || name == "audit");
            assert!(traffic.clone().count() > 0, "{found:?}");
            light("log-index")
                && light("sqlx-sqlite-wor")
                && traffic.clone().all(|(_, nice)| *nice == begun)
        },
    );
}

//! Windows logins with real clients and real servers: NTLM (curl, pyspnego) and Negotiate with
//! Kerberos (curl, MIT's KDC, Apache's mod_auth_gssapi).

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::thread;

use super::support::gateway::{Gateway, configuration_with_upstream, eventually, repository};
use super::support::http2::started_with_tls;
use super::support::kerberos::Realm;
use super::support::outside::{Program, command, curl, free_address};
use super::support::places::DENMARK;

const LIMITS: &str = "limits: {connections_per_address: 1000}\n";

/// A server that demands NTLM of these people, whose passwords are their names.
struct NtlmServer {
    address: SocketAddr,
    _program: Program,
    _directory: tempfile::TempDir,
}

impl NtlmServer {
    fn start(people: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut users = String::new();
        for number in 0..people {
            writeln!(users, "KOMMUNE:user-{number}:user-{number}").unwrap();
        }
        let file = directory.path().join("users");
        std::fs::write(&file, users).unwrap();
        let python = repository().join("tests/windows/.venv/bin/python");
        assert!(python.exists(), "tests/run installs pyspnego into {}", python.display());
        let address = free_address();
        let mut serve = command(python.to_str().unwrap());
        serve.arg(repository().join("tests/windows/server.py")).arg(address.to_string()).arg(&file);
        let program = Program::start(serve, &directory.path().join("output"), address);
        Self { address, _program: program, _directory: directory }
    }
}

fn gateway(upstream: SocketAddr, more: &str) -> Gateway {
    let block = format!("servers: [\"http://{upstream}\"]{more}");
    Gateway::start(&configuration_with_upstream(&block, LIMITS))
}

fn through(gateway: &Gateway) -> (String, String) {
    let to = gateway.address("web");
    let connect = format!("kilden.example.dk:80:{}:{}", to.ip(), to.port());
    (connect, format!("X-Forwarded-For: {DENMARK}"))
}

/// Three requests of one connection, as curl makes them; what they answered, a line each.
fn ntlm(gateway: &Gateway, login: &str) -> Vec<String> {
    let (connect, from) = through(gateway);
    let url = "http://kilden.example.dk/ews/exchange.asmx";
    let mut all = vec!["--connect-to", &connect, "-H", &from, "--ntlm", "-u", login];
    all.extend(["-w", "\n", "-d", "<soap/>", url, url, url]);
    let (code, printed) = curl(&all);
    assert_eq!(code, 0, "{printed}");
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn outside_a_hundred_log_in_by_ntlm_at_once_and_nobody_sees_anothers_answer() {
    let server = NtlmServer::start(100);
    for more in [", affinity: connection", ""] {
        let gateway = gateway(server.address, more);
        thread::scope(|scope| {
            for number in 0..100 {
                let gateway = &gateway;
                scope.spawn(move || {
                    let login = format!("KOMMUNE\\user-{number}:user-{number}");
                    let own = format!("KOMMUNE\\user-{number} POST 7");
                    assert_eq!(ntlm(gateway, &login), [&*own, &own, &own]);
                });
                scope.spawn(move || {
                    let (connect, from) = through(gateway);
                    let url = "http://kilden.example.dk/owa/";
                    let all = ["--connect-to", &connect, "-H", &from, "-w", "%{http_code}", url];
                    assert_eq!(curl(&all), (0, "401".to_owned()), "nobody has logged in here");
                });
            }
        });
        let wrong = ntlm(&gateway, "KOMMUNE\\user-1:user-2");
        assert!(wrong.iter().all(String::is_empty), "{wrong:?}");
    }
}

/// curl begins with HTTP/2, is sent back, and logs in over HTTP/1.1: what browsers do with IIS.
#[test]
fn outside_a_client_that_is_sent_back_from_http2_logs_in() {
    let server = NtlmServer::start(2);
    let block = format!("servers: [\"http://{}\"]", server.address);
    let (gateway, _authority, files) = started_with_tls(&block);
    let to = gateway.address("secure");
    let connect = format!("kilden.example.dk:443:{}:{}", to.ip(), to.port());
    let from = format!("X-Forwarded-For: {DENMARK}");
    let authority = files.path().join("ca.pem");
    let url = "https://kilden.example.dk/";
    let all = ["--connect-to", &connect, "-H", &from, "--cacert", authority.to_str().unwrap()];
    let more = ["--http2", "--anyauth", "-u", "KOMMUNE\\user-1:user-1", "-w", " %{http_version}"];
    let (code, printed) = curl(&[&all[..], &more, &[url]].concat());
    assert_eq!((code, printed.as_str()), (0, "KOMMUNE\\user-1 GET 0 1.1"));
    gateway.wait_for_log("the upstream's challenge came after HTTP/2", |line| {
        line["fields"]["message"].as_str().is_some_and(|text| text.contains("affinity: connection"))
    });
    eventually("the request that was sent back is in the log", || {
        let printed = gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
        printed.out.contains("\"status_code\":421")
    });
}

#[test]
fn outside_people_with_tickets_log_in_by_negotiate_and_are_not_taken_for_one_another() {
    let people: Vec<String> = (0..20).map(|number| format!("person-{number}")).collect();
    let realm = Realm::start(&people);
    for more in [", affinity: connection", ""] {
        let gateway = gateway(realm.web, more);
        let (connect, from) = through(&gateway);
        let url = "http://kilden.example.dk/side.txt";
        let plain = ["-s", "-o", "/dev/null", "--max-time", "60", "--connect-to", &connect];
        let shown = "%{http_code} %header{x-user}\n";
        thread::scope(|scope| {
            for person in &people {
                let (realm, from) = (&realm, &from);
                scope.spawn(move || {
                    let mut curl = realm.as_person("curl", person);
                    curl.args(plain).args(["-H", from, "--negotiate", "-u", ":", "-w", shown]);
                    let output = curl.args([url, "-o", "/dev/null", url]).output().unwrap();
                    let line = format!("200 {person}@KOMMUNE.TEST\n");
                    assert_eq!(String::from_utf8_lossy(&output.stdout), line.repeat(2));
                });
                scope.spawn(move || {
                    let mut all = plain[1..].to_vec();
                    all.extend(["-H", from, "-w", "%{http_code}", url]);
                    assert_eq!(curl(&all), (0, "401".to_owned()), "nobody has logged in here");
                });
            }
        });
    }
}

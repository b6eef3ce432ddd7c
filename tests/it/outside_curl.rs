//! curl as the client: HTTP/1.1 and HTTP/2 over TLS, certificates by SNI, the PROXY protocol.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration};
use crate::support::outside::{curl, entry, entry_of};
use crate::support::places::{CHINA, DENMARK};
use crate::support::upstream::Upstream;

/// Two hosts, each with a certificate of its own that names nothing else.
const HOSTS: [&str; 2] = ["kilden.example.dk", "mail.example.dk"];

/// A gateway with one more listener, `tls`, and the upstream behind it.
fn gateway_with_tls() -> (Gateway, Upstream) {
    let upstream = Upstream::start();
    let listener = "listeners:
  - name: tls
    bind: [\"127.0.0.1:0\"]
    tls:
      certificates:
        - {chain: kilden.example.dk.pem, key: kilden.example.dk.key}
        - {chain: mail.example.dk.pem, key: mail.example.dk.key}
    client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}
";
    let text = configuration(&upstream.url(), "").replace("listeners:\n", listener);
    let mut gateway = Gateway::prepare(&text);
    for host in HOSTS {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let file = |end: &str| gateway.directory().join(format!("{host}.{end}"));
        std::fs::write(file("pem"), made.cert.pem()).unwrap();
        std::fs::write(file("key"), made.signing_key.serialize_pem()).unwrap();
    }
    gateway.run();
    (gateway, upstream)
}

fn certificate(gateway: &Gateway, host: &str) -> PathBuf {
    gateway.directory().join(format!("{host}.pem"))
}

/// Asks for `https://HOST/` with curl as a client in Denmark does; more arguments before it.
fn https(gateway: &Gateway, host: &str, arguments: &[&str]) -> (i32, String) {
    let to = gateway.address("tls");
    let resolve = format!("{host}:{}:{}", to.port(), to.ip());
    let url = format!("https://{host}:{}/", to.port());
    let from = format!("X-Forwarded-For: {DENMARK}");
    let mut all = vec!["--resolve", &resolve, "-H", &from];
    all.extend(arguments);
    all.push(&url);
    curl(&all)
}

const SHORT: [&str; 4] = ["-o", "/dev/null", "-w", "%{http_version} %{http_code}"];

#[test]
fn outside_curl_speaks_http_1_and_2_over_tls() {
    let (gateway, _upstream) = gateway_with_tls();
    for (version, expected) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        for tls in ["--tlsv1.2", "--tlsv1.3"] {
            let mut arguments = vec!["-k", version, tls, "--tls-max", &tls[6..]];
            arguments.extend(SHORT);
            let (code, printed) = https(&gateway, HOSTS[0], &arguments);
            assert_eq!((code, printed.as_str()), (0, expected), "{version} {tls}");
        }
    }
    let (code, _) = https(&gateway, HOSTS[0], &["-k", "--tls-max", "1.1"]);
    assert_eq!(code, 35, "TLS 1.1 is no longer spoken");
}

#[test]
fn outside_curl_is_told_apart_by_country_over_http_2() {
    let (gateway, _upstream) = gateway_with_tls();
    let to = gateway.address("tls");
    let resolve = format!("{}:{}:{}", HOSTS[0], to.port(), to.ip());
    let url = format!("https://{}:{}/", HOSTS[0], to.port());
    let from = format!("X-Forwarded-For: {CHINA}");
    let write = ["-D", "-", "-o", "/dev/null"];
    let (code, head) =
        curl(&[&write[..], &["-k", "--http2", "--resolve", &resolve, "-H", &from, &url]].concat());
    assert_eq!(code, 0);
    assert!(head.starts_with("HTTP/2 403"), "{head}");
    assert!(head.contains("geovagt-reference: "), "{head}");
}

#[test]
fn outside_curl_gets_the_certificate_of_the_name_it_asks_for() {
    let (gateway, _upstream) = gateway_with_tls();
    for (host, other) in [(HOSTS[0], HOSTS[1]), (HOSTS[1], HOSTS[0])] {
        let (own, strange) = (certificate(&gateway, host), certificate(&gateway, other));
        let with = |trusted: &PathBuf| {
            let mut arguments = vec!["--cacert", trusted.to_str().unwrap()];
            arguments.extend(SHORT);
            https(&gateway, host, &arguments)
        };
        assert_eq!(with(&own), (0, "2 200".to_owned()), "{host}");
        assert_eq!(with(&strange).0, 60, "{host} must not show the certificate of {other}");
    }
}

#[test]
fn outside_curl_cannot_ask_one_host_on_the_connection_of_another() {
    let (gateway, _upstream) = gateway_with_tls();
    let other = format!("Host: {}", HOSTS[1]);
    for (version, expected) in [("--http1.1", "1.1 421"), ("--http2", "2 421")] {
        let mut arguments = vec!["-k", version, "-H", &other];
        arguments.extend(SHORT);
        assert_eq!(https(&gateway, HOSTS[0], &arguments), (0, expected.to_owned()));
    }
}

#[test]
fn outside_curl_uploads_over_http_2() {
    let (gateway, _upstream) = gateway_with_tls();
    let (code, printed) = https(&gateway, HOSTS[0], &["-k", "--http2", "-d", "navn=Åse"]);
    assert_eq!(code, 0);
    let seen: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&seen["method"], &seen["body"]), (&"POST".into(), &"navn=Åse".into()));
}

/// `curl --haproxy-protocol` says its own address, which is the loopback.
fn with_proxy_header(to: SocketAddr) -> (i32, String) {
    let host = format!("Host: {}", HOSTS[0]);
    let url = format!("http://{to}/");
    curl(&[&SHORT[..], &["--haproxy-protocol", "-H", &host, &url]].concat())
}

#[test]
fn outside_curl_with_a_proxy_header_from_a_trusted_peer() {
    let upstream = Upstream::start();
    // Only 127.0.0.1 is a proxy here: its header may then name another address of the loopback.
    let narrow = configuration(&upstream.url(), "").replace("[127.0.0.0/8]", "[127.0.0.1/32]");
    let gateway = Gateway::start(&narrow);
    let to = gateway.address("proxied");
    let preamble = b"PROXY TCP4 127.0.0.2 127.0.0.1 40000 80\r\n";
    let answer = get(to, HOSTS[0], "/").preamble(preamble).send();
    assert_eq!(answer.status, 403);
    let denied = entry_of(&gateway, &answer);
    assert_eq!(denied["event"]["reason"], "denied_private_network");
    assert_eq!(denied["client"]["ip"], "127.0.0.2");

    let private = "policies:\n  standard: {list: cfcs, private_networks: allow}\n  \
                   reporting: {list: cfcs, mode: report_only}\n";
    let from = narrow.find("policies:").unwrap();
    let until = narrow.find("organizations:").unwrap();
    let mut open = narrow.clone();
    open.replace_range(from..until, private);
    let gateway = Gateway::start(&open);
    let to = gateway.address("proxied");
    assert_eq!(get(to, HOSTS[0], "/").preamble(preamble).send().status, 200);
    // curl names 127.0.0.1, which is a trusted proxy itself and so no client.
    assert_eq!(with_proxy_header(to), (0, "1.1 403".to_owned()));
    let host = format!("Host: {}", HOSTS[0]);
    let reference = ["-o", "/dev/null", "-w", "%header{geovagt-reference}", "--haproxy-protocol"];
    let url = format!("http://{to}/");
    let (_, reference) = curl(&[&reference[..], &["-H", &host, &url]].concat());
    assert_eq!(entry(&gateway, &reference)["event"]["reason"], "client_address_unknown");
}

#[test]
fn outside_curl_with_a_proxy_header_from_an_untrusted_peer_gets_no_byte() {
    let upstream = Upstream::start();
    let strange = configuration(&upstream.url(), "").replace(
        "client_address: {trusted_proxies: [127.0.0.0/8], source: proxy_protocol}",
        "client_address: {trusted_proxies: [192.0.2.0/24], source: proxy_protocol}",
    );
    let gateway = Gateway::start(&strange);
    let (code, printed) = with_proxy_header(gateway.address("proxied"));
    assert!([52, 56].contains(&code), "curl ended with {code}: {printed}");
    assert_eq!(printed, "0 000");
}

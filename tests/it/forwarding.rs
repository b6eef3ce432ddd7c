//! What reaches the upstream, and what comes back.

use std::io::Write as _;

use crate::support::client::{get, raw};
use crate::support::gateway::{Gateway, configuration};
use crate::support::places::{CHINA, DENMARK};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::secure;
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

fn started() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    (upstream, gateway)
}

#[test]
fn the_upstream_gets_our_statements_and_nobody_elses() {
    let (_upstream, gateway) = started();
    let answer = get(gateway.address("web"), HOST, "/a%20b?c=d%2Fe")
        .from(DENMARK)
        .header("X-Geovagt-User", "mayor")
        .header("X_Geovagt_Country", "DK")
        .header("X-Geovagt-Exemption", "TE-000000")
        .header("X-Forwarded-Host", "evil.example")
        .header("Forwarded", "for=1.1.1.1")
        .header("X-Real-IP", "1.1.1.1")
        .header("Connection", "X-Forwarded-For")
        .header("Cookie", "a=1; geovagt=forged; b=2")
        .header("Accept", "application/json")
        .send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("geovagt-reference"), None, "only we give references");
    let seen = answer.json();
    assert_eq!(seen["target"], "/a%20b?c=d%2Fe");
    let fields: Vec<(String, String)> = serde_json::from_value(seen["headers"].clone()).unwrap();
    let all = |name: &str| -> Vec<&str> {
        fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    };
    assert_eq!(all("x-forwarded-for"), [DENMARK]);
    assert_eq!(all("x-forwarded-proto"), ["http"]);
    assert_eq!(all("x-forwarded-host"), [HOST]);
    assert_eq!(all("x-geovagt-country"), ["DK"]);
    assert_eq!(all("host"), [HOST]);
    assert_eq!(all("cookie"), ["a=1; b=2"]);
    assert!(all("x-geovagt-user").is_empty() && all("x-geovagt-exemption").is_empty());
    assert!(all("x_geovagt_country").is_empty() && all("x-real-ip").is_empty());
    assert_eq!(all("x-request-id").len(), 1);
}

#[test]
fn what_can_be_read_two_ways_is_refused_with_a_reference() {
    let (_upstream, gateway) = started();
    let web = gateway.address("web");
    for target in ["/a/../b", "/%2e%2e/b", "/a%2fb", "/a%5cb", "/a\\b", "/a%00b", "/%zz"] {
        let answer = get(web, HOST, target).from(DENMARK).send();
        assert_eq!(answer.status, 400, "{target}");
    }
    let unknown = get(web, "nobody.example.dk", "/").from(DENMARK).send();
    assert_eq!(unknown.status, 404);
    assert!(unknown.header("geovagt-reference").is_some());
    let two_hosts = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nHost: mail.example.dk\r\nX-Forwarded-For: {DENMARK}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(raw(web, two_hosts.as_bytes()).unwrap().status, 400);
}

#[test]
fn the_client_address_comes_from_trusted_proxies_alone() {
    let (_upstream, gateway) = started();
    let status = |listener: &str, value: Option<&str>| {
        let request = get(gateway.address(listener), HOST, "/");
        value.map_or_else(|| request.clone(), |v| request.clone().from(v)).send().status
    };
    assert_eq!(status("web", Some(DENMARK)), 200);
    assert_eq!(status("web", Some(&format!("{DENMARK}, {CHINA}"))), 403);
    assert_eq!(status("web", Some(&format!("{CHINA}, {DENMARK}"))), 200);
    assert_eq!(status("web", None), 403, "a trusted proxy without a header");
    assert_eq!(status("web", Some("nonsense")), 403);
    assert_eq!(status("web", Some("127.0.0.1")), 403, "only proxies in the chain");
    assert_eq!(status("direct", None), 403, "a private network");
    assert_eq!(status("direct", Some(DENMARK)), 403, "a header from a private peer");
}

#[test]
fn the_proxy_protocol_says_who_the_client_is() {
    let (_upstream, gateway) = started();
    let proxied = gateway.address("proxied");
    let preamble = |ip: &str| format!("PROXY TCP4 {ip} 127.0.0.1 40000 80\r\n");
    let status = |bytes: &str| {
        get(proxied, HOST, "/").preamble(bytes.as_bytes()).try_send().map(|a| a.status).ok()
    };
    assert_eq!(status(&preamble(DENMARK)), Some(200));
    assert_eq!(status(&preamble(CHINA)), Some(403));
    assert_eq!(status("PROXY UNKNOWN\r\n"), Some(403));
    assert_ne!(status("PROXY TCP4 nonsense\r\n"), Some(200));
    assert_ne!(status(""), Some(200));
}

/// An upstream that tries to sign people in and out with us, before its answer, in it, and where it
/// becomes a tunnel.
fn meddling() -> RawUpstream {
    RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        let cookies = "Set-Cookie: own=1; Path=/\r\nSet-Cookie: __Host-geovagt=x; Secure; Path=/\r\n\
                       set-cookie:  geovagt=; Max-Age=0\r\nSet-Cookie: =geovagt-form=x\r\n\
                       Set-Cookie: __Host-geovagt-device=x; Secure; Path=/\r\n";
        let answer = if head.contains("pgrade: websocket") {
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                 Upgrade: websocket\r\n{cookies}\r\n"
            )
        } else {
            format!(
                "HTTP/1.1 103 Early Hints\r\n{cookies}\r\nHTTP/1.1 200 OK\r\n{cookies}\
                 Content-Length: 2\r\n\r\nok"
            )
        };
        stream.write_all(answer.as_bytes()).unwrap();
    })
}

#[test]
fn no_upstream_sets_or_deletes_a_cookie_of_ours() {
    let upstream = meddling();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    for (more, status) in [("Connection: close\r\n", "HTTP/1.1 200"), (upgrade, "HTTP/1.1 101")] {
        let answer = read_rest(&mut connect(gateway.address("web"), &head("/", more)));
        assert!(answer.contains(status), "{answer}");
        assert!(answer.to_lowercase().contains("set-cookie: own=1; path=/\r\n"), "{answer}");
        assert!(!answer.contains("geovagt"), "{answer}");
    }
    let gateway = secure::gateway_with_tls(&upstream.url(), "");
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let request = secure::request("GET", "/", None).body(()).unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        let answer = answer.await.unwrap();
        let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["own=1; Path=/"]);
    });
}

/// RFC 9112 section 2.3: each side says its own version.
#[test]
fn an_old_upstreams_version_is_not_ours() {
    let upstream = RawUpstream::saying(b"HTTP/1.0 200 OK\r\n\r\nold");
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let ask = |request: &str| read_rest(&mut connect(gateway.address("web"), request));
    let answer = ask(&head("/", "Connection: close\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("old"), "{answer}");
    let answer = ask(&head("/", "").replace("HTTP/1.1", "HTTP/1.0"));
    assert!(
        answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nold"),
        "{answer}"
    );
}

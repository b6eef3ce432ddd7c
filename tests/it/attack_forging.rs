//! Strangers who speak in the gateway's name to the upstream.

use crate::support::client::raw;
use crate::support::gateway::{Gateway, configuration};
use crate::support::places::{CHINA, DENMARK};
use crate::support::recorder::Recorder;

fn running() -> (Recorder, Gateway) {
    let upstream = Recorder::start();
    let forwarded = r#"  - name: standard
    bind: ["127.0.0.1:0"]
    client_address: {trusted_proxies: [127.0.0.0/8], source: forwarded}
sites:"#;
    let configuration = configuration(&upstream.url(), "").replace("sites:", forwarded);
    let gateway = Gateway::start(&configuration);
    (upstream, gateway)
}

fn reached(gateway: &Gateway, listener: &str, request: &str) -> String {
    let answer = raw(gateway.address(listener), request.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{request}\n{}", answer.text());
    assert_eq!(answer.header("x-geovagt-user"), None);
    assert_ne!(answer.header("geovagt-reference"), Some("FORGED"));
    answer.text().to_lowercase()
}

#[test]
fn no_spelling_of_a_name_of_ours_goes_on() {
    let (_upstream, gateway) = running();
    let names = [
        "X-Geovagt-User",
        "x_geovagt_user",
        "X.Geovagt.User",
        "X-GEOVAGT_COUNTRY",
        "X~Geovagt'User",
        "X-Geovagt-Exemption",
        "Geovagt-Reference",
        "X_Forwarded_For",
        "X-Forwarded.Host",
        "Forwarded",
        "X-Forwarded",
        "X_Request_Id",
        "X-Real-IP",
        "X_Real.IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Originating-IP",
        "X-Envoy-External-Address",
        "X-Remote-Addr",
        "X-Azure-ClientIP",
        "Proxy",
        "X-Forwarded-User",
        "X_Forwarded_Groups",
        "Remote-User",
        "REMOTE_USER",
        "X-Remote.User",
        "X-Auth-Request-Email",
        "X-Authenticated-User",
        "X-WEBAUTH-USER",
        "X-SSL-Client-Verify",
    ];
    for name in names {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n\
             {name}: forged\r\n{name}: forged\r\nConnection: close, x-forwarded-for, x-forwarded-host, \
             x-geovagt-country, x-request-id, host\r\n\r\n"
        );
        let seen = reached(&gateway, "web", &request);
        assert!(!seen.contains("forged"), "{name}: {seen}");
        for ours in [
            &*format!("x-forwarded-for: {DENMARK}"),
            "x-geovagt-country: dk",
            "x-request-id",
            "\r\nhost: kilden.example.dk\r\n",
        ] {
            assert_eq!(seen.matches(ours).count(), 1, "{name} {ours}: {seen}");
        }
    }
}

#[test]
fn what_stands_behind_a_body_says_nothing_in_our_name() {
    let (_upstream, gateway) = running();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\nTE: trailers\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Geovagt-User, X_Geovagt_Country, X-Forwarded-For, \
         X-Checksum, Connection, Host, Set-Cookie\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\
         X-Geovagt-User: forged\r\nX_Geovagt_Country: forged\r\nX-Forwarded-For: 9.9.9.9\r\n\
         X-Checksum: kept\r\nConnection: forged\r\nHost: forged\r\nSet-Cookie: forged\r\n\r\n"
    );
    let seen = reached(&gateway, "web", &request);
    let (_, behind) = seen.split_once("\r\n0\r\n").unwrap();
    assert_eq!(behind, "x-checksum: kept\r\n\r\n", "{seen}");
}

/// A client cannot say for itself that it came over TLS where the proxy in front does not write
/// `X-Forwarded-Proto`.
#[test]
fn only_a_trusted_proxy_says_what_the_client_spoke() {
    let (_upstream, gateway) = running();
    let request = |lines: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: kilden.example.dk\r\n{lines}X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
        )
    };
    let believed = reached(&gateway, "web", &request(&format!("X-Forwarded-For: {DENMARK}\r\n")));
    assert!(believed.contains("\r\nx-forwarded-proto: https\r\n"), "{believed}");
    let preamble = format!("PROXY TCP4 {DENMARK} 9.9.9.9 1 443\r\n{}", request(""));
    let plain = format!("Forwarded: for={DENMARK};proto=http\r\n");
    let twice = format!("X-Forwarded-For: {DENMARK}\r\nX-Forwarded-Proto: http\r\n");
    for (listener, request) in
        [("proxied", preamble), ("standard", request(&plain)), ("web", request(&twice))]
    {
        let seen = reached(&gateway, listener, &request);
        assert!(seen.contains("\r\nx-forwarded-proto: http\r\n"), "{listener}: {seen}");
        assert!(seen.contains("proto=http\r\n"), "{listener}: {seen}");
    }
}

/// Every way of writing an address that means another one, or none.
#[test]
fn no_spelling_of_an_address_opens() {
    let (_upstream, gateway) = running();
    let thousand = format!("{DENMARK},").repeat(1000) + DENMARK;
    let addresses = [
        CHINA,
        "130.225.244.1, 1.2.4.8",
        "::ffff:1.2.4.8",
        "[::ffff:102:408]:443",
        "64:ff9b::102:408",
        "2002:102:408::1",
        "2001::fefd:fbf7",
        "130.225.244.1,",
        ",130.225.244.1,",
        "fe80::1%eth0",
        "130.225.244.1%0",
        "0x82.225.244.1",
        "0202.0341.0364.01",
        "2195846145",
        "130.225.62465",
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "fd00::1",
        "169.254.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "unknown",
        "_hidden",
        "",
        "\"130.225.244.1\"",
        "for=130.225.244.1",
        "130.225.244.1 1.2.4.8",
        "130.225.244.1;1.2.4.8",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2002:7f00:1::",
        "::130.225.244.1",
        "::ffff:0:130.225.244.1",
        "64:ff9b:1::82e1:f401",
        "130.225.244.1:",
        "130.225.244.1:99999",
        "[130.225.244.1]",
        &thousand,
    ];
    for address in addresses {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {address}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(gateway.address("web"), request.as_bytes()).unwrap();
        assert_eq!(answer.status, 403, "{address}");
    }
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let version_2 = |command, family, body: &[u8]| {
        let length = u8::try_from(body.len()).unwrap();
        [signature.as_slice(), &[command, family, 0, length], body].concat()
    };
    let danish = [130, 225, 244, 1, 9, 9, 9, 9, 0, 1, 1, 187];
    let mapped = [[0; 10].as_slice(), &[255, 255, 1, 2, 4, 8], &[0; 20]].concat();
    let request = b"GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: 130.225.244.1\r\nConnection: close\r\n\r\n";
    for (what, preamble) in [
        ("none", vec![]),
        ("unknown", b"PROXY UNKNOWN 130.225.244.1 9.9.9.9 1 2\r\n".to_vec()),
        ("listed", b"PROXY TCP4 1.2.4.8 9.9.9.9 1 443\r\n".to_vec()),
        (
            "two",
            b"PROXY TCP4 1.2.4.8 9.9.9.9 1 443\r\nPROXY TCP4 130.225.244.1 9.9.9.9 1 443\r\n"
                .to_vec(),
        ),
        ("local", version_2(0x20, 0x11, &danish)),
        ("datagram", version_2(0x21, 0x12, &danish)),
        ("unspecified", version_2(0x21, 0x00, &danish)),
        ("wrong family", version_2(0x21, 0x21, &danish)),
        ("mapped", version_2(0x21, 0x21, &mapped)),
        ("endless field", version_2(0x21, 0x11, &[danish.as_slice(), &[4, 255, 255]].concat())),
        ("too long", [signature.as_slice(), &[0x21, 0x11, 255, 255], &danish].concat()),
    ] {
        let answer = raw(gateway.address("proxied"), &[&preamble, request.as_slice()].concat());
        assert!(answer.map_or(true, |a| [400, 403].contains(&a.status)), "{what}");
    }
    let untrusted = [b"PROXY TCP4 130.225.244.1 9.9.9.9 1 443\r\n".as_slice(), request].concat();
    let answer = raw(gateway.address("direct"), &untrusted);
    assert!(answer.map_or(true, |a| a.status != 200));
}

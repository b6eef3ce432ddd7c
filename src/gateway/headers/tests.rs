//! Header hygiene against the ways it has been got around.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

fn shown(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> =
        headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn prepared(lines: &[(&str, &str)]) -> Vec<String> {
    shown(&request_headers(&map(lines), false))
}

const OURS: Statements<'_> = Statements {
    client: IpAddr::V4(std::net::Ipv4Addr::new(5, 6, 7, 8)),
    proto: "https",
    host: "kilden.example.dk",
    country: None,
    user: None,
    exemption: None,
    request_id: "0190",
};

use std::net::IpAddr;

#[test]
fn every_spelling_of_a_statement_is_gone() {
    for name in [
        "X-Forwarded-For",
        "x_forwarded_for",
        "X.Forwarded.For",
        "x-forwarded_for",
        "X~Forwarded!For",
        "X-Forwarded-Anything",
        "X-Forwarded-Prefix",
        "Forwarded",
        "X-Forwarded",
        "Forwarded-For",
        "X-Real-IP",
        "x_real_ip",
        "X-Geovagt-Country",
        "x_geovagt_user",
        "X-Geovagt-Exemption",
        "X-Geovagt-Later",
        "Geovagt-Reference",
        "geovagt_reference",
        "X-Request-Id",
        "X_Request_ID",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "Client-IP",
        "X-Cluster-Client-Ip",
        "X-Original-URL",
        "X-Original-Host",
        "X_Rewrite_URL",
        "X-Forwarded-User",
        "X_Forwarded_Email",
        "X-Remote-User",
        "Remote-User",
        "remote_groups",
        "X-Auth-Request-User",
        "X-Authenticated-User",
        "X-WEBAUTH-USER",
        "X-SSL-Client-S-DN",
    ] {
        assert!(prepared(&[(name, "1.1.1.1"), (name, "2.2.2.2")]).is_empty(), "{name}");
    }
    for name in
        ["X-Forward", "X-Geo", "X-Requested-With", "X-Original", "Via", "X-MS-Client-IP", "Referer"]
    {
        assert_eq!(prepared(&[(name, "a")]).len(), 1, "{name}");
    }
}

#[test]
fn connection_headers_end_here() {
    let gone = prepared(&[
        ("connection", "keep-alive, X-Own,, \"odd\""),
        ("connection", "Close"),
        ("x-own", "a"),
        ("keep-alive", "5"),
        ("Keep_Alive", "5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("proxy-authenticate", "Basic"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("Transfer_Encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAM"),
        ("accept", "*/*"),
        ("trailer", "x-sum"),
    ]);
    assert_eq!(gone, ["accept: */*", "trailer: x-sum"]);
    assert_eq!(prepared(&[("te", "gzip, Trailers")]), ["connection: TE", "te: trailers"]);
}

#[test]
fn connection_cannot_take_away_what_the_upstream_needs() {
    let kept = [
        ("host", "kilden.example.dk"),
        ("authorization", "Basic x"),
        ("cookie", "a=b"),
        ("content-length", "5"),
        ("sec-websocket-key", "k"),
    ];
    let options = "Host, Authorization, Cookie, Content-Length, Sec-WebSocket-Key";
    let mut lines = vec![("connection", options)];
    lines.extend(kept);
    assert_eq!(prepared(&lines).len(), kept.len());
}

#[test]
fn connection_cannot_take_away_what_we_set() {
    let options = "X-Forwarded-Host, X-Forwarded-For, X-Geovagt-User, X-Geovagt-Country, Forwarded";
    let mut headers = map(&[("connection", options), ("x-forwarded-host", "evil")]);
    headers = request_headers(&headers, false);
    set_ours(&mut headers, &OURS).unwrap();
    assert_eq!(
        shown(&headers),
        [
            "forwarded: for=5.6.7.8;host=kilden.example.dk;proto=https",
            "x-forwarded-for: 5.6.7.8",
            "x-forwarded-host: kilden.example.dk",
            "x-forwarded-proto: https",
            "x-request-id: 0190",
        ]
    );
}

#[test]
fn statements_are_written_so_that_they_can_be_read() {
    let mut headers = HeaderMap::new();
    let full = Statements {
        client: "2a02:26f0::1".parse().unwrap(),
        host: "[::1]:8443",
        country: Some("CN".parse().unwrap()),
        user: Some("søren %0a\r\nX-Geovagt-User: mayor"),
        exemption: Some("R-2026-1"),
        ..OURS
    };
    set_ours(&mut headers, &full).unwrap();
    assert_eq!(
        shown(&headers),
        [
            "forwarded: for=\"[2a02:26f0::1]\";host=\"[::1]:8443\";proto=https",
            "x-forwarded-for: 2a02:26f0::1",
            "x-forwarded-host: [::1]:8443",
            "x-forwarded-proto: https",
            "x-geovagt-country: CN",
            "x-geovagt-exemption: R-2026-1",
            "x-geovagt-user: s%C3%B8ren%20%250a%0D%0AX-Geovagt-User:%20mayor",
            "x-request-id: 0190",
        ]
    );
    // What is not stated any more does not stand any more.
    set_ours(&mut headers, &OURS).unwrap();
    assert!(!headers.contains_key("x-geovagt-user"));
    let broken = Statements { request_id: "a\nb", ..OURS };
    assert_eq!(set_ours(&mut headers, &broken).unwrap_err().0, "x-request-id");
}

#[test]
fn websocket_is_the_one_upgrade_that_goes_on() {
    let lines = [
        ("connection", "keep-alive, Upgrade, Cookie"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "k"),
        ("cookie", "a=b"),
    ];
    let mut headers = map(&lines);
    headers = request_headers(&headers, true);
    assert_eq!(
        shown(&headers),
        ["connection: Upgrade", "cookie: a=b", "sec-websocket-key: k", "upgrade: websocket"]
    );
    let mut answer = map(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
    prepare_response(&mut answer, false);
    assert!(answer.is_empty());
}

#[test]
fn an_upstream_cannot_speak_for_us() {
    let mut answer = map(&[
        ("Geovagt-Reference", "AAAA-AAAA"),
        ("geovagt_reference", "AAAA-AAAA"),
        ("X-Geovagt-User", "anna"),
        ("connection", "Set-Cookie, X-Own"),
        ("x-own", "a"),
        ("set-cookie", "a=b"),
        ("set-cookie", "c=d"),
        ("proxy-authenticate", "Basic"),
        ("transfer-encoding", "chunked"),
        ("www-authenticate", "Negotiate"),
        ("x-request-id", "theirs"),
    ]);
    prepare_response(&mut answer, false);
    assert_eq!(
        shown(&answer),
        [
            "set-cookie: a=b",
            "set-cookie: c=d",
            "www-authenticate: Negotiate",
            "x-request-id: theirs"
        ]
    );
}

#[test]
fn our_cookies_stay_with_us() {
    let names = ["__Host-geovagt", "__Host-geovagt-*"];
    for (lines, expected) in [
        (&["a=b; c=d"][..], &["a=b; c=d"][..]),
        (&["a=b; __Host-geovagt=s; c=d"], &["a=b; c=d"]),
        (&["__Host-geovagt=s; c=d"], &["c=d"]),
        (&["c=d; __Host-geovagt=s"], &["c=d"]),
        (&["c=d;__Host-geovagt=s;;e"], &["c=d;;e"]),
        (&["__Host-geovagt=s"], &[]),
        (&["__Host-geovagt=s", "a=b"], &["a=b"]),
        (&["__HOST-GEOVAGT = s; a=\"x;__Host-geovagt-door=t\""], &["a=\"x"]),
        (&["__Host-geovagt-door=t; __Host-geovagtx=1"], &["__Host-geovagtx=1"]),
        (&["__Host-geovagt"], &[]),
        (&["a=__Host-geovagt=s"], &["a=__Host-geovagt=s"]),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
        let mut headers = map(&lines);
        strip_gateway_cookies(&mut headers, &names);
        let left: Vec<_> =
            headers.get_all("cookie").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
        assert_eq!(left, expected, "{lines:?}");
    }
}

#[test]
fn an_upstream_neither_sets_nor_deletes_a_cookie_of_ours() {
    let names = ["__Host-geovagt", "geovagt", "geovagt-form"];
    for ours in [
        "__Host-geovagt=x; Path=/; Secure",
        "geovagt=; Max-Age=0",
        " \tgeovagt =x",
        "geovagt",
        "=geovagt=x",
        " = =geovagt",
        "GEOVAGT-FORM=x",
    ] {
        let mut answer = map(&[("set-cookie", "a=b"), ("x-own", "1"), ("set-cookie", "c=geovagt")]);
        answer.append("set-cookie", HeaderValue::from_str(ours).unwrap());
        answer.append("set-cookie", HeaderValue::from_static("geovagtx=1; geovagt=x"));
        keep_gateway_cookies(&mut answer, &names);
        let left: Vec<_> = answer.get_all("set-cookie").iter().collect();
        assert_eq!(left, ["a=b", "c=geovagt", "geovagtx=1; geovagt=x"], "{ours:?}");
        assert_eq!(answer["x-own"], "1");
    }
}

#[test]
fn a_login_goes_in_every_spelling() {
    let mut headers = map(&[("authorization", "Basic x"), ("AUTHORIZATION", "y"), ("a", "b")]);
    strip_authorization(&mut headers);
    assert_eq!(shown(&headers), ["a: b"]);
}

proptest! {
    /// Whatever separators and cases are mixed into a name of ours, it does not pass.
    #[test]
    fn no_spelling_passes(
        name in prop::sample::select(vec!["x-forwarded-for", "x-geovagt-user", "x-real-ip", "forwarded"]),
        separators in prop::collection::vec(prop::sample::select(b"-_.~!*'+^`|#$%&".to_vec()), 3),
        upper: u32,
    ) {
        let mut separators = separators.into_iter().cycle();
        let spelled: Vec<u8> = name.bytes().enumerate().map(|(at, b)| match b {
            b'-' => separators.next().unwrap(),
            b if upper >> (at % 32) & 1 == 1 => b.to_ascii_uppercase(),
            b => b,
        }).collect();
        let spelled = String::from_utf8(spelled).unwrap();
        prop_assert!(prepared(&[(&spelled, "forged")]).is_empty(), "{}", spelled);
    }

    /// Whatever stands in `Connection`, nothing of ours is lost and nothing forged goes on.
    #[test]
    fn no_connection_header_reaches_ours(options in "[ -~]{0,80}") {
        let mut headers = map(&[("connection", &options), ("x-geovagt-user", "forged"), ("cookie", "c")]);
        headers = request_headers(&headers, false);
        prop_assert!(!headers.contains_key("x-geovagt-user"));
        prop_assert!(headers.contains_key("cookie"));
        set_ours(&mut headers, &Statements { user: Some("anna"), ..OURS }).unwrap();
        prop_assert_eq!(headers.get("x-geovagt-user").unwrap(), "anna");
        prop_assert!(!headers.contains_key("connection"));
    }

    /// A user's name can be read back, and never ends a line.
    #[test]
    fn a_user_name_can_be_read_back(name in ".{1,40}") {
        let mut headers = HeaderMap::new();
        set_ours(&mut headers, &Statements { user: Some(&name), ..OURS }).unwrap();
        let text = headers.get("x-geovagt-user").unwrap().to_str().unwrap().to_owned();
        let mut decoded = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                decoded.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
            } else {
                decoded.push(byte);
            }
        }
        prop_assert_eq!(String::from_utf8(decoded).unwrap(), name);
    }
}

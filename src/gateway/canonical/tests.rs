//! Requests that can be read in two ways, each refused with its reason.

use http::{Request, request::Builder};
use proptest::prelude::*;

use super::*;

fn request(target: &str) -> Builder {
    Request::get(target).header("host", "kilden.example.dk")
}

fn read(builder: Builder, sni: Option<&str>) -> Result<Canonical, Ambiguous> {
    canonical(&builder.body(()).unwrap().into_parts().0, sni)
}

fn path(target: &str) -> Result<String, Ambiguous> {
    let Ok(uri) = target.parse::<http::Uri>() else { return Err(Ambiguous::TargetCharacter) };
    let builder = Request::get(uri).header("host", "kilden.example.dk");
    read(builder, None).map(|c| c.path_and_query().to_string())
}

#[test]
fn an_ordinary_request_goes_on_byte_for_byte() {
    for target in [
        "/",
        "/a/b?c=d",
        "/EWS/Exchange.asmx",
        "/remote.php/dav/files/anna/R%C3%A6k%20k%25e.txt",
        "//a///b",
        "/a;b=c/d",
        "/a.b/..c/c../...",
        "/.geovagt/",
        "/?next=/../%2f%00\\100%",
        "/~anna/[x]",
    ] {
        assert_eq!(path(target).as_deref(), Ok(target));
    }
    let read = read(request("/a?b"), None).unwrap();
    assert_eq!((read.host(), read.port(), read.path()), ("kilden.example.dk", None, "/a"));
    assert!(!read.asks_for_websocket());
}

#[test]
fn a_path_that_can_be_resolved_in_two_ways_is_refused() {
    use Ambiguous::{DotSegment, EncodedSeparator, PercentEncoding, Target, TargetCharacter};
    for (target, expected) in [
        ("/..", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/.", DotSegment),
        ("/a/..;x=1/b", DotSegment),
        ("/a/.;/b", DotSegment),
        ("/%2e%2e/a", EncodedSeparator),
        ("/.%2E/a", EncodedSeparator),
        ("/a%2fb", EncodedSeparator),
        ("/a%2Fb", EncodedSeparator),
        ("/a%5cb", EncodedSeparator),
        ("/a\\b", EncodedSeparator),
        ("/a%00", EncodedSeparator),
        ("/a%0d%0aX:y", EncodedSeparator),
        ("/a%7f", EncodedSeparator),
        ("/%", PercentEncoding),
        ("/a%2", PercentEncoding),
        ("/a%zz", PercentEncoding),
        ("/a%+1", PercentEncoding),
        ("/a%u002f", PercentEncoding),
        ("/æ", TargetCharacter),
        ("/?æ", TargetCharacter),
        ("*", Target),
        ("ftp://kilden.example.dk/", Target),
    ] {
        assert_eq!(path(target), Err(expected), "{target}");
    }
}

#[test]
fn the_host_is_named_once() {
    let bare = || Request::get("/");
    assert_eq!(read(bare(), None), Err(Ambiguous::HostMissing));
    assert_eq!(read(bare().header("host", ""), None), Err(Ambiguous::HostInvalid));
    let twice = bare().header("host", "a.dk").header("host", "a.dk");
    assert_eq!(read(twice, None), Err(Ambiguous::HostRepeated));
    let user = bare().header("host", "a.dk@b.dk");
    assert_eq!(read(user, None), Err(Ambiguous::HostInvalid));
    let comma = bare().header("host", "a.dk, b.dk");
    assert_eq!(read(comma, None), Err(Ambiguous::HostInvalid));
}

#[test]
fn an_absolute_target_names_the_same_host() {
    for (target, expected) in [
        ("http://kilden.example.dk/a", Ok("/a")),
        ("https://KILDEN.example.dk./a", Ok("/a")),
        ("http://kilden.example.dk", Ok("/")),
        ("http://kilden.example.dk?q", Ok("/?q")),
        ("http://other.example.dk/a", Err(Ambiguous::HostsDiffer)),
        ("http://kilden.example.dk:80/a", Err(Ambiguous::HostsDiffer)),
        ("http://x@kilden.example.dk/a", Err(Ambiguous::HostInvalid)),
    ] {
        let read = read(request(target), None).map(|c| c.path_and_query().to_string());
        assert_eq!(read.as_deref(), expected.as_deref(), "{target}");
    }
    let absolute = Request::get("http://kilden.example.dk/");
    assert_eq!(read(absolute, None), Err(Ambiguous::HostMissing));
    let second = |host: Option<&str>| {
        let builder = Request::get("https://a.dk/").version(Version::HTTP_2);
        let builder = match host {
            Some(host) => builder.header("host", host),
            None => builder,
        };
        read(builder, Some("a.dk")).map(|c| c.authority().to_owned())
    };
    assert_eq!(second(None).as_deref(), Ok("a.dk"));
    assert_eq!(second(Some("A.dk")).as_deref(), Ok("a.dk"));
    assert_eq!(second(Some("b.dk")), Err(Ambiguous::HostsDiffer));
}

#[test]
fn the_host_is_the_one_of_the_tls_connection() {
    let with = |host: &str, sni| read(Request::get("/").header("host", host), sni).err();
    assert_eq!(with("kilden.example.dk", Some("kilden.example.dk")), None);
    assert_eq!(with("Kilden.Example.dk.:443", Some("KILDEN.example.DK.")), None);
    assert_eq!(with("kilden.example.dk", None), None);
    for host in ["other.example.dk", "example.dk", "127.0.0.1", "[::1]"] {
        assert_eq!(with(host, Some("kilden.example.dk")), Some(Ambiguous::OtherConnection));
    }
    assert_eq!(Ambiguous::OtherConnection.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[test]
fn methods_that_are_not_served() {
    for method in ["CONNECT", "TRACE", "TRACK", "get", "Post"] {
        let refused = read(request("/").method(method), None).unwrap_err();
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    for method in ["PROPFIND", "VERSION-CONTROL", "RPC_IN_DATA", "OPTIONS", "REPORT"] {
        assert!(read(request("/").method(method), None).is_ok(), "{method}");
    }
}

#[test]
fn an_asterisk_is_for_options_alone() {
    let about_the_server = read(request("*").method("OPTIONS"), None).unwrap();
    assert!(about_the_server.is_about_the_server());
    assert_eq!(about_the_server.path(), "*");
    assert!(!read(request("/*").method("OPTIONS"), None).unwrap().is_about_the_server());
    for method in ["GET", "HEAD", "POST", "PROPFIND"] {
        assert_eq!(read(request("*").method(method), None), Err(Ambiguous::Target), "{method}");
    }
    assert_eq!(canonical_path("*"), Err(Ambiguous::Target));
}

#[test]
fn the_length_can_be_read_in_one_way() {
    let framed = |lines: &[(&str, &str)]| {
        let builder = lines.iter().fold(request("/"), |b, (n, v)| b.header(*n, *v));
        read(builder, None).is_ok()
    };
    assert!(framed(&[("content-length", "0")]));
    assert!(framed(&[("content-length", "1234567")]));
    assert!(framed(&[("transfer-encoding", "Chunked")]));
    for lines in [
        &[("content-length", "5"), ("transfer-encoding", "chunked")][..],
        &[("content-length", "5"), ("content-length", "5")],
        &[("content-length", "5, 5")],
        &[("content-length", "+5")],
        &[("content-length", "0x5")],
        &[("content-length", "")],
        &[("content-length", "9999999999999999999")],
        &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "chunked, identity")],
        &[("transfer-encoding", "xchunked")],
        &[("transfer-encoding", "")],
    ] {
        assert!(!framed(lines), "{lines:?}");
    }
    for version in [Version::HTTP_10, Version::HTTP_2] {
        let chunked = request("/").version(version).header("transfer-encoding", "chunked");
        assert_eq!(read(chunked, None), Err(Ambiguous::Framing), "{version:?}");
    }
    assert!(framed(&[("expect", "100-Continue")]));
    assert!(!framed(&[("expect", "200-ok")]));
}

#[test]
fn only_websocket_is_an_upgrade() {
    let asks = |version, method, connection: &str, upgrade: &str| {
        let builder = request("/").version(version).method(method);
        let builder = builder.header("connection", connection).header("upgrade", upgrade);
        read(builder, None).unwrap().asks_for_websocket()
    };
    let (one, get) = (Version::HTTP_11, "GET");
    assert!(asks(one, get, "keep-alive, Upgrade", "WebSocket"));
    assert!(!asks(one, get, "keep-alive", "websocket"));
    assert!(!asks(one, get, "Upgrade, HTTP2-Settings", "h2c"));
    assert!(!asks(one, get, "Upgrade", "websocket, h2c"));
    assert!(!asks(one, "POST", "Upgrade", "websocket"));
    assert!(!asks(Version::HTTP_2, get, "Upgrade", "websocket"));
    assert!(!asks(Version::HTTP_10, get, "Upgrade", "websocket"));
}

proptest! {
    /// A path that is accepted means the same after decoding, resolving and cutting parameters, in
    /// whatever order a reader does it.
    #[test]
    fn an_accepted_path_has_no_second_meaning(target in "/([a-c./\\\\;%25eEfF]|%2e|%2F|\\.\\.){0,12}") {
        let Ok(accepted) = path(&target) else { return Ok(()) };
        prop_assert_eq!(&accepted, &target);
        let decoded: String = {
            let mut out = Vec::new();
            let mut bytes = target.bytes();
            while let Some(byte) = bytes.next() {
                let mut pair = || [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(if byte == b'%' {
                    u8::from_str_radix(std::str::from_utf8(&pair()).unwrap(), 16).unwrap()
                } else { byte });
            }
            String::from_utf8_lossy(&out).into_owned()
        };
        let segments = |text: &str| text.split('/').count();
        prop_assert_eq!(segments(&decoded), segments(&target));
        for segment in decoded.split(['/', '\\']) {
            let name = segment.split(';').next().unwrap();
            prop_assert!(name != "." && name != "..");
        }
    }
}

//! An exchange that lasts ends when its permission does, and the client sees that it was cut.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use base64::Engine as _;

use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::THAILAND;
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::secure;

const PASSWORD: &str = "et langt kodeord til rejsen";

/// Streams what it is told to at `/stream`, never answers at `/poll`, sends without end at
/// `/endless`, and answers everything else.
fn upstream() -> (RawUpstream, Sender<&'static str>) {
    let (tell, told) = channel::<&'static str>();
    let told = Mutex::new(told);
    let upstream = RawUpstream::start(move |mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        match head.split(' ').nth(1).unwrap() {
            "/stream" => {
                stream.write_all(begin).unwrap();
                for event in told.lock().unwrap().iter() {
                    let _ = write!(stream, "{:x}\r\n{event}\r\n", event.len());
                }
            }
            "/poll" => drop(read_rest(&mut stream)),
            tunnel if tunnel.starts_with("/tunnel") => {
                let accept = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                               Upgrade: websocket\r\n\r\nopen";
                stream.write_all(accept).unwrap();
                let mut said = [0; 5];
                stream.read_exact(&mut said).unwrap();
                stream.write_all(b"you too").unwrap();
                if tunnel == "/tunnel" {
                    read_rest(&mut stream);
                } else {
                    // What was short has no entry of its end. With octets unread, and none of them
                    // waited for, the connection is reset.
                    read_until(&mut stream, "reset");
                    std::thread::sleep(std::time::Duration::from_secs(12));
                }
            }
            "/endless" => {
                stream.write_all(begin).unwrap();
                let chunk = format!("10000\r\n{}\r\n", ".".repeat(0x10000));
                while stream.write_all(chunk.as_bytes()).is_ok() {}
            }
            _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap(),
        }
    });
    (upstream, tell)
}

fn login() -> String {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("anna.holm:{PASSWORD}"));
    format!("Basic {login}")
}

/// A traveller's request, from Thailand.
fn travelling(target: &str) -> String {
    let danish = head(target, &format!("Authorization: {}\r\n", login()));
    danish.replace(crate::support::places::DENMARK, THAILAND)
}

/// Anna has an exemption that the gateway knows; gives its id.
fn let_in(gateway: &Gateway) -> String {
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the gateway knows the exemption", || {
        let mut client = connect(gateway.address("web"), &travelling("/"));
        read_until(&mut client, "\r\n").starts_with("HTTP/1.1 200 ")
    });
    id
}

fn revoke(gateway: &Gateway, id: &str) {
    gateway.command(&["exemption", "revoke", id, "--reason", "Aflyst"]).expect_code(0);
}

/// The newest entry with this action and path that says how the exchange ended.
fn ended(gateway: &Gateway, action: &str, path: &str) -> serde_json::Value {
    let mut found = None;
    eventually("the log says how it ended", || {
        let printed = gateway.command(&["audit", "search", "--json", "--action", action]);
        found = printed
            .out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .find(|e| e["url"]["path"] == path && !e["geovagt"]["details"]["ended"].is_null());
        found.is_some()
    });
    found.unwrap()["geovagt"]["details"].clone()
}

fn begin(gateway: &Gateway, target: &str) -> TcpStream {
    connect(gateway.address("web"), &travelling(target))
}

#[test]
fn a_stream_is_cut_when_the_exemption_is_revoked() {
    let (upstream, tell) = upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let id = let_in(&gateway);
    let mut client = begin(&gateway, "/stream");
    tell.send("data: one\n\n").unwrap();
    read_until(&mut client, "data: one\n\n");
    revoke(&gateway, &id);
    let rest = read_rest(&mut client);
    assert!(!rest.contains("0\r\n\r\n"), "what was cut never looks whole: {rest}");
    let how = ended(&gateway, "completed", "/stream");
    assert_eq!(how["ended"], "exemption_ended");
    assert_eq!(how["because"], "country_listed", "{how}");
    assert_eq!(how["response_bytes"], "11");
    drop(tell);
}

#[test]
fn the_log_knows_what_a_tunnel_carried_that_was_cut_or_broke() {
    let (upstream, _tell) = upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let id = let_in(&gateway);
    let enter = |path: &str| {
        let upgrade = "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        let request = travelling(path).replace("\r\n\r\n", upgrade);
        let mut client = connect(gateway.address("web"), &request);
        assert!(read_until(&mut client, "open").starts_with("HTTP/1.1 101 "));
        client.write_all(b"hello").unwrap();
        read_until(&mut client, "you too");
        client
    };
    let carried = |path: &str| {
        let how = ended(&gateway, "completed", path);
        ["ended", "request_bytes", "response_bytes"]
            .map(|name| how[name].as_str().unwrap().to_owned())
    };
    let mut broken = enter("/tunnel-breaks");
    broken.write_all(b"reset and what nobody reads").unwrap();
    read_rest(&mut broken);
    assert_eq!(carried("/tunnel-breaks"), ["cut_by_upstream", "32", "11"]);
    let mut client = enter("/tunnel");
    revoke(&gateway, &id);
    read_rest(&mut client);
    assert_eq!(carried("/tunnel"), ["exemption_ended", "5", "11"]);
}

#[test]
fn a_poll_is_cut_while_its_answer_is_awaited() {
    let (upstream, _tell) = upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let id = let_in(&gateway);
    let mut client = begin(&gateway, "/poll");
    revoke(&gateway, &id);
    assert_eq!(read_rest(&mut client), "");
    assert_eq!(ended(&gateway, "allowed", "/poll")["ended"], "exemption_ended");
}

#[test]
fn a_download_is_cut_also_while_nobody_reads_it() {
    let (upstream, _tell) = upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let id = let_in(&gateway);
    let mut client = begin(&gateway, "/endless");
    read_until(&mut client, "\r\n\r\n");
    revoke(&gateway, &id);
    // Ended by the gateway long before the client's patience would count.
    assert_eq!(ended(&gateway, "completed", "/endless")["ended"], "exemption_ended");
    read_rest(&mut client);
}

#[test]
fn a_policy_that_changes_ends_what_it_would_not_let_in() {
    let (upstream, tell) = upstream();
    let text = configuration(&upstream.url(), "");
    let lenient = text.replace(
        "kilden: {organization: ballerup,",
        "kilden: {organization: ballerup, policy: reporting,",
    );
    assert_ne!(text, lenient);
    let gateway = Gateway::start(&lenient);
    let visitor =
        head("/stream", "").replace(crate::support::places::DENMARK, crate::support::places::CHINA);
    let mut client = connect(gateway.address("web"), &visitor);
    tell.send("data: one\n\n").unwrap();
    read_until(&mut client, "data: one\n\n");
    std::fs::write(gateway.config_file(), text).unwrap();
    gateway.signal("HUP");
    let rest = read_rest(&mut client);
    assert!(!rest.contains("0\r\n\r\n"), "{rest}");
    let how = ended(&gateway, "completed", "/stream");
    assert_eq!(
        (&how["ended"], &how["because"]),
        (&"permission_ended".into(), &"country_listed".into())
    );
    drop(tell);
}

#[test]
fn a_stream_of_http2_is_reset_alone() {
    let (upstream, tell) = upstream();
    let gateway = secure::gateway_with_tls(&upstream.url(), "");
    let id = let_in(&gateway);
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let ask = |path: &str| {
            let request = secure::request("GET", path, Some(THAILAND));
            request.header("authorization", login()).body(()).unwrap()
        };
        let (streaming, _) = client.send_request(ask("/stream"), true).unwrap();
        let mut streaming = streaming.await.unwrap().into_body();
        tell.send("data: one\n\n").unwrap();
        assert_eq!(streaming.data().await.unwrap().unwrap(), "data: one\n\n");
        let (endless, _) = client.send_request(ask("/endless"), true).unwrap();
        let mut endless = endless.await.unwrap().into_body();
        let (poll, _) = client.send_request(ask("/poll"), true).unwrap();
        revoke(&gateway, &id);
        let cut = streaming.data().await.expect("no clean end").unwrap_err();
        assert!(cut.is_reset(), "{cut}");
        poll.await.unwrap_err();
        loop {
            let data = endless.data().await.expect("no clean end");
            if data.is_err() {
                break;
            }
        }
        // The connection serves on: a Dane behind the same proxy is answered.
        let danish = secure::request("GET", "/", None).body(()).unwrap();
        let (answer, _) = client.send_request(danish, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
    });
    assert_eq!(ended(&gateway, "completed", "/endless")["ended"], "exemption_ended");
    drop(tell);
}

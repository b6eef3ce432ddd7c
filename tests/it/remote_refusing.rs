//! `--server` against a server that this test pretends to be: what is asked of it and what is not, and
//! what becomes of an answer that is wrong, hostile, or none.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::gateway::PROGRAM;

const TOKEN: &str = "gva_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

/// What is sent back for a request; none: the connection ends without an answer.
type Answers = dyn Fn(&str) -> Option<Vec<u8>> + Send;

/// A server that answers as the test says.
struct Pretender {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Pretender {
    fn start(answers: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = answer(stream, &kept, &answers);
            }
        });
        Self { url, asked }
    }

    /// One that takes the token, and then answers as the test says.
    fn taking_tokens(answers: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        Self::start(move |asked| match asked.starts_with("GET /api/v1/session ") {
            true => {
                said(200, &json!({"organization": "ballerup", "time_zone": "Europe/Copenhagen"}))
            }
            false => answers(asked),
        })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new(PROGRAM)
            .env_clear()
            .env("GEOVAGT_TOKEN", TOKEN)
            .args(["--config", "/nowhere", "--server", &self.url])
            .args(arguments)
            .output()
            .unwrap();
        for printed in [&output.stdout, &output.stderr] {
            let printed = String::from_utf8_lossy(printed);
            assert!(!printed.contains(TOKEN), "{arguments:?}: {printed}");
            assert!(!printed.contains('\u{1b}'), "{arguments:?}: {printed}");
        }
        output
    }

    fn refused(&self, arguments: &[&str], why: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(said.contains(why), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }

    /// What was asked for since the last time, the session left out.
    fn asked(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.asked.lock().unwrap());
        all.into_iter().filter(|asked| !asked.starts_with("GET /api/v1/session ")).collect()
    }
}

/// Takes one request as it stands, and answers it.
fn answer(
    mut stream: TcpStream,
    asked: &Mutex<Vec<String>>,
    answers: &Answers,
) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut room = [0; 4096];
    let whole = loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest);
            if body.len() >= length.lines().next().unwrap().parse().unwrap() {
                break text;
            }
        }
        match stream.read(&mut room)? {
            0 => return Ok(()),
            read => received.extend_from_slice(&room[..read]),
        }
    };
    asked.lock().unwrap().push(whole.clone());
    match answers(&whole) {
        Some(answer) => stream.write_all(&answer),
        None => Ok(()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an answer as the pretender takes it")]
fn said(status: u16, body: &Value) -> Option<Vec<u8>> {
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}", body.len());
    Some(format!("{head}\r\n\r\n{body}").into_bytes())
}

const GRANT: [&str; 12] = [
    "--person",
    "anna.holm",
    "--site",
    "kilden",
    "--purpose",
    "Studietur",
    "--case",
    "26/1",
    "--leg",
    "CN 2099-01-01..2099-01-08",
    "--organization",
    "ballerup",
];
const REACHED: [&str; 6] =
    ["--device", "PC", "--telephone", "+45 20 00 00 00", "--mail", "a@example.net"];

fn line(command: &str, parts: &[&[&'static str]]) -> Vec<String> {
    let mut line = vec!["exemption".to_owned(), command.to_owned()];
    line.extend(parts.iter().flat_map(|part| part.iter()).map(ToString::to_string));
    line
}

fn egedal(mut line: Vec<String>) -> Vec<String> {
    let last = line.iter().rposition(|word| word == "ballerup").unwrap();
    "egedal".clone_into(&mut line[last]);
    line
}

#[test]
fn what_a_server_cannot_be_told_is_not_sent_without_it() {
    let server = Pretender::taking_tokens(|_| said(200, &json!({"id": "TE-000000"})));
    let id: &[&str] = &["TE-7K2M9D"];
    let by: &[&str] = &["--by", "Sven"];
    let reason: &[&str] = &["--reason", "x"];
    let longer: &[&str] = &["--until", "2099-01-12"];
    let call: &[&str] =
        &["--reference", "K7QX-2M9D", "--person", "anna.holm", "--caller-verified", "kendt"];
    let other = "one of the organisation ballerup, and not of egedal";
    for (line, why) in [
        (line("grant", &[&GRANT, by]), "--by"),
        (line("apply", &[&GRANT, &REACHED, by]), "--by"),
        (line("extend", &[id, longer, by]), "--by"),
        (line("emergency", &[call, by]), "--by"),
        (line("approve", &[id, by]), "--by"),
        (line("withdraw", &[id, by]), "--by"),
        (line("close", &[id, by]), "--by"),
        (line("refuse", &[id, reason, by]), "--by"),
        (line("revoke", &[id, reason, by]), "--by"),
        (egedal(line("grant", &[&GRANT])), other),
        (egedal(line("apply", &[&REACHED, &GRANT])), other),
        (line("emergency", &[call, &["--organization", "egedal"]]), other),
        (line("list", &[&["--organization", "egedal"]]), other),
        (line("grant", &[&GRANT, &["--demand", "none"]]), "--demand"),
        (line("extend", &[id, longer, &["--device", "PC"]]), "--device"),
        (line("extend", &[id, longer, &["--telephone", "+45 20 00 00 01"]]), "--telephone"),
        (line("extend", &[id, longer, &["--mail", "b@example.net"]]), "--mail"),
        (line("emergency", &[call, &["--provider", "entra"]]), "--provider"),
        (line("grant", &[&GRANT, &["--provider", "entra"]]), "--subject"),
        (line("apply", &[&GRANT, &REACHED, &["--provider", "entra"]]), "--subject"),
        (line("grant", &[&GRANT, &["--leg", "CN"]]), "no leg"),
        (line("apply", &[&GRANT, &REACHED, &["--leg", "CN 2099-01-01"]]), "no leg"),
    ] {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        server.refused(&line, why);
        assert_eq!(server.asked(), Vec::<String>::new(), "{line:?}");
    }
    // And with what it can be told, it is told all of it.
    let more: &[&str] = &["--provider", "entra", "--subject", "7"];
    let line = line("grant", &[&GRANT, more]);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    assert!(server.run(&line).status.success());
    let asked = server.asked();
    let [asked] = asked.as_slice() else { panic!("{asked:?}") };
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /api/v1/exemptions HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_lowercase().contains(&format!("authorization: bearer {}", TOKEN.to_lowercase()))
    );
    let body: Value = serde_json::from_str(body).unwrap();
    let leg = json!({"territories": ["CN"], "from": "2099-01-01", "until": "2099-01-08"});
    assert_eq!(
        body,
        json!({
            "kind": "grant", "person": "anna.holm", "subject": "entra/7", "legs": [leg],
            "sites": ["kilden"], "purpose": "Studietur", "case_number": "26/1",
        })
    );
}

#[test]
fn a_search_goes_on_from_page_to_page_up_to_its_limit() {
    let entry = |number: u8| json!({"@timestamp": format!("2026-11-22T03:00:0{number}Z")});
    let server = Pretender::taking_tokens(move |asked| {
        let first = !asked.contains("before=");
        match first {
            true => said(200, &json!({"entries": [entry(1), entry(2)], "next": "a&b"})),
            false => said(200, &json!({"entries": [entry(3)], "next": null})),
        }
    });
    let found = |limit: &str| {
        let output =
            server.run(&["audit", "search", "--json", "--country", "CN", "--limit", limit]);
        assert!(output.status.success(), "{output:?}");
        let paths: Vec<String> =
            server.asked().iter().map(|a| a.split(' ').nth(1).unwrap().to_owned()).collect();
        (String::from_utf8(output.stdout).unwrap().lines().count(), paths)
    };
    let (lines, asked) = found("3");
    assert_eq!(lines, 3);
    let [first, second] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(first.contains("country=CN") && first.ends_with("&limit=3"), "{first}");
    assert!(second.contains("country=CN") && second.ends_with("&limit=1&before=a%26b"), "{second}");
    let (lines, asked) = found("2");
    assert_eq!((lines, asked.len()), (2, 1), "no page more than is wanted");
    let (lines, asked) = found("5000");
    assert_eq!((lines, asked.len()), (3, 2), "nor after the last");
    assert!(asked[0].ends_with("&limit=1000") && asked[1].contains("&limit=1000&"), "{asked:?}");
    let told = server.run(&["audit", "search", "--limit", "2"]);
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("2 entries shown"), "{told}");
}

#[test]
fn a_list_shows_what_holds_and_a_name_stays_a_name() {
    let server = Pretender::taking_tokens(|_| {
        said(
            200,
            &json!([
                {"id": "TE-000001", "state": "active"},
                {"id": "TE-000002", "state": "planned"},
                {"id": "TE-000003", "state": "planned", "unconfirmed": true},
                {"id": "TE-000004", "state": "awaiting_approval"},
            ]),
        )
    });
    for (state, wanted) in [
        ("active", &["TE-000001"][..]),
        ("planned", &["TE-000002", "TE-000003"]),
        ("unconfirmed", &["TE-000003"]),
        ("awaiting", &["TE-000003", "TE-000004"]),
        ("closed", &[]),
    ] {
        let output = server.run(&["exemption", "list", "--json", "--state", state]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let ids: Vec<&str> =
            found.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted, "{state}");
    }
    server.asked();
    assert!(server.run(&["exemption", "list", "--person", " a&b=c d "]).status.success());
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /api/v1/exemptions?person=a%26b%3Dc%20d HTTP"), "{asked:?}");
}

#[test]
fn whatever_the_server_answers_is_told_in_one_line_and_is_no_success() {
    type Case = (fn(&str) -> Option<Vec<u8>>, &'static str);
    let cases: [Case; 6] = [
        (|_| said(409, &json!({"detail": "it is \u{1b}[2Jover"})), "geovagt: it is \\u{1b}[2Jover"),
        (|_| said(500, &json!("\u{1b}")), "says 500"),
        (|_| said(401, &json!({"detail": "x"})), "geovagt token add"),
        (
            |_| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".to_vec()),
            "is it the administration?",
        ),
        (|_| None, "gave no whole answer"),
        (
            |_| {
                Some(
                    b"HTTP/1.1 307 x\r\nlocation: /api/v1/other\r\ncontent-length: 0\r\n\r\n"
                        .to_vec(),
                )
            },
            "says 307",
        ),
    ];
    for (answers, why) in cases {
        let server = Pretender::taking_tokens(answers);
        server.refused(&["exemption", "close", "TE-7K2M9D"], why);
        assert_eq!(server.asked().len(), 1, "{why}: asked once, and not again elsewhere");
        let all = Pretender::start(answers);
        all.refused(&["exemption", "close", "TE-7K2M9D"], why);
        assert_eq!(all.asked(), Vec::<String>::new(), "{why}: nothing before it is let in");
    }
    // A token that counts no longer.
    let server = Pretender::start(|_| said(200, &json!({"name": null})));
    server.refused(&["exemption", "close", "TE-7K2M9D"], "geovagt token add");
    assert_eq!(server.asked(), Vec::<String>::new());
    let server = Pretender::taking_tokens(|_| said(200, &json!({"id": "TE\u{1b}[2J"})));
    let output = server.run(&["exemption", "close", "TE-7K2M9D"]);
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Pretender {
        url: format!("http://{}", listener.local_addr().unwrap()),
        asked: Arc::default(),
    };
    let (ended, has_ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut room) = (Vec::new(), [0; 4096]);
        while !request.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut room).unwrap();
            assert!(read > 0, "the client asks");
            request.extend_from_slice(&room[..read]);
        }
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[";
        let mut sent = stream.write_all(head);
        let mut bytes = 0_usize;
        let piece = [b' '; 1 << 16];
        while sent.is_ok() {
            sent = stream.write_all(&piece);
            bytes += piece.len();
        }
        ended.send(bytes).unwrap();
    });
    server.refused(&["exemption", "list"], "gave no whole answer");
    let bytes = has_ended.recv_timeout(crate::support::gateway::PATIENCE).unwrap();
    // What lies in the buffers of the system is sent and never taken.
    assert!((64 << 20..160 << 20).contains(&bytes), "{bytes}");
}

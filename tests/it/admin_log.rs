//! The block log's pages: what is found, who may look, what every look leaves behind, and that
//! nothing a stranger sent does anything.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::desk::{Desk, between, encoded};
use crate::support::gateway::eventually;

const CHINA: &str = "1.0.1.1";
/// Begins the link to an entry; the page's script has the bare path.
const ENTRY: &str = "href=\"/log/entry/";
const SCRIPT: &str = "<script>alert(1)</script>";

/// Somebody from China is rejected, with script wherever it can be put; gives the reference.
fn rejected(demo: &Demo) -> String {
    let target = "/%3Cscript%3Ealert(1)%3C/script%3E";
    let answer = get(demo.web(), "127.0.0.1", target)
        .from(CHINA)
        .header("User-Agent", &format!("=cmd|'/c calc'!A0 {SCRIPT}"))
        .basic(&format!("=1+1{SCRIPT}"), "x")
        .send();
    assert_eq!(answer.status, 403, "{}", answer.text());
    answer.header("geovagt-reference").expect("a reference").to_owned()
}

/// Waits until the index has the entry.
fn indexed(desk: &Desk, reference: &str) {
    eventually("the entry is found", || {
        desk.get(&format!("/log?reference={reference}")).text().contains(ENTRY)
    });
}

fn log_has(demo: &Demo, action: &str, part: &str) -> bool {
    let found = demo.command(&["audit", "search", "--json", "--action", action]);
    found.lines().any(|line| line.contains(part))
}

#[test]
fn a_reference_leads_to_the_entry_in_words() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let reference = rejected(&demo);
    indexed(&desk, &reference);
    let list = desk.get(&format!("/log?reference={}", reference.to_lowercase()));
    assert_eq!(list.status, 200);
    let id = between(&list.text(), ENTRY, "\"").unwrap().to_owned();
    let page = desk.get(&format!("/log/entry/{id}")).text();
    for part in [
        "Hvorfor blev det sådan?",
        "Forespørgslen kom fra 1.0.1.1.",
        "placerede adressen i Kina",
        "Kina står på listen",
        "Svaret blev derfor: ✕ afvist. Landet står på listen.",
        "Svaret ville være det samme i dag.",
        &reference,
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let english = desk.get_english(&format!("/log/entry/{id}")).text();
    for part in ["Why did it go like that?", "China stands on the list", "the same today"] {
        assert!(english.contains(part), "{part} in {english}");
    }
    // Whoever answers the telephone finds it by the reference alone.
    let clerk = Desk::of(&demo, "kirsten.vang");
    let found = clerk.get(&format!("/log/find?reference={reference}"));
    assert!(found.status == 200 && found.text().contains("Kina"), "{}", found.text());
    assert!(!found.text().contains("Alt om denne person"));
    assert_eq!(clerk.get(&format!("/log/entry/{id}")).status, 403);
    assert_eq!(clerk.get("/log/find?reference=123").status, 422);
    assert_eq!(clerk.get("/log/find?reference=ZZZZ-ZZZZ").status, 404);
}

#[test]
fn nothing_that_a_stranger_sent_does_anything() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let reference = rejected(&demo);
    indexed(&desk, &reference);
    let list = desk.get(&format!("/log?reference={reference}")).text();
    let id = between(&list, ENTRY, "\"").unwrap().to_owned();
    for target in [
        format!("/log?reference={reference}"),
        format!("/log/entry/{id}"),
        format!("/log/live?reference={reference}"),
        format!("/log?user={}&span=7d", encoded(SCRIPT)),
        format!("/log?country={}", encoded(SCRIPT)),
        format!("/log/charts?site={}", encoded(&format!("\">{SCRIPT}"))),
        format!("/review/looked?user={}", encoded(SCRIPT)),
    ] {
        let page = desk.get(&target).text();
        assert!(!page.contains(SCRIPT), "{target}: {page}");
        assert!(!page.contains("<script>alert"), "{target}");
    }
    let entry = desk.get(&format!("/log/entry/{id}")).text();
    assert!(entry.contains("&#60;script&#62;") || entry.contains("&lt;script&gt;"), "{entry}");

    let csv = desk.get(&format!("/log/export?form=csv&reference={reference}"));
    assert!(
        csv.header("content-disposition")
            .unwrap()
            .starts_with("attachment; filename=\"geovagt-log-ballerup-")
    );
    let text = csv.text();
    assert!(text.starts_with("\u{feff}\"# organization\";\"ballerup\"\r\n"), "{text}");
    assert!(text.contains(&format!("\"# reference\";\"{reference}\"")), "{text}");
    assert!(text.contains("\"'=cmd|"), "a formula is text: {text}");
    assert!(text.trim_end().ends_with("\"# entries\";\"1\";\"all\""), "{text}");
    for cell in text.split([';', '\r', '\n']) {
        let bare = cell.trim_start_matches('\u{feff}').trim_matches('"').trim_start();
        assert!(!bare.starts_with(['=', '+', '-', '@']), "{cell}");
    }

    let lines = desk.get(&format!("/log/export?form=jsonl&reference={reference}")).text();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["geovagt_export"]["reference"], reference.as_str());
    assert_eq!(lines[1]["geovagt"]["reference"], reference.as_str());
    assert_eq!(lines[2]["geovagt_export_end"]["entries"], 1);
    eventually("both are in the log", || {
        log_has(&demo, "log_exported", "csv") && log_has(&demo, "log_exported", "jsonl")
    });
}

#[test]
fn each_look_is_an_entry_that_the_data_protection_officer_sees() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    assert_eq!(desk.get("/log?user=anna.holm&span=24h").status, 200);
    assert!(log_has(&demo, "log_searched", "sofie.lind"), "before the answer, not after it");
    let dpo = Desk::of(&demo, "dorte.krogh");
    eventually("the look is shown", || {
        let page = dpo.get("/review/looked?user=anna.holm").text();
        page.contains("sofie.lind")
            && page.contains("anna.holm")
            && page.contains("Opslag i loggen")
    });
    // She sees who looked, and searches nothing herself.
    let log = dpo.get("/log");
    assert_eq!((log.status, log.header("location")), (303, Some("/review")));
    for target in ["/log/charts", "/log/live", "/log/export?form=csv", "/review/wrong"] {
        assert_eq!(dpo.get(target).status, 403, "{target}");
    }
}

#[test]
fn only_security_searches_and_nobody_of_another_organisation_finds_anything() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let reference = rejected(&demo);
    indexed(&desk, &reference);
    let pages = [
        "/log",
        "/log/charts",
        "/log/live",
        "/log/live/events",
        "/log/export?form=csv",
        "/log/entry/0192f0c1-0000-7000-8000-000000000000",
        "/review",
        "/review/wrong",
        "/review/surges",
        "/review/odd",
        "/review/looked",
        "/review/planned",
        "/breach",
    ];
    for name in ["kirsten.vang", "mads.bro", "ole.drift", "anna.holm"] {
        let other = Desk::of(&demo, name);
        for page in pages {
            assert_eq!(other.get(page).status, 403, "{name} {page}");
        }
    }
    for page in pages {
        let stranger = get(desk.at, &desk.at.to_string(), page).browser().send();
        assert_eq!(stranger.status, 401, "{page}");
        assert!(!stranger.text().contains(&reference));
    }
    // Another organisation's site rejects somebody: that reference leads nowhere here.
    let other = get(demo.web(), "egedal.localhost", "/").from(CHINA).send();
    let foreign = other.header("geovagt-reference").expect("a reference").to_owned();
    eventually("the other entry is written", || {
        demo.command(&["audit", "search", "--json", "--reference", &foreign]).contains("egedal")
    });
    let again = rejected(&demo);
    indexed(&desk, &again);
    assert_eq!(desk.get(&format!("/log/find?reference={foreign}")).status, 404);
    let listed = desk.get(&format!("/log?reference={foreign}&organization=egedal")).text();
    assert!(listed.contains("Intet i loggen svarer til det."), "{listed}");
}

#[test]
fn what_cannot_be_read_is_told_at_its_field_and_nothing_is_lost() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let page = desk.get("/log?since=i+g%C3%A5r&country=Kinax&user=anna.holm");
    assert_eq!(page.status, 422);
    let text = page.text();
    for part in [
        "href=\"#f-since\"",
        "id=\"e-since\"",
        "Mente du Kina?",
        "value=\"anna.holm\"",
        "value=\"i går\"",
        "aria-invalid=\"true\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for bad in ["zzz", "-1", "ffffffffffffffffff", "%00"] {
        let page = desk.get(&format!("/log?before={bad}"));
        assert_eq!(page.status, 422, "{bad}");
        assert!(page.text().contains("Begynd forfra med søgningen"), "{bad}");
    }
    for (target, status) in [
        ("/log/entry/no-uuid", 404),
        ("/log/entry/..%2f..%2fetc%2fpasswd", 404),
        ("/log/export?form=exe", 404),
        ("/log/export?form=csv&since=x", 422),
        ("/log/live?since=x", 422),
        ("/log/live/events?after=x", 404),
        ("/review/wrong?span=9y", 422),
        ("/review/planned/LR-0000000000", 404),
        ("/breach/BR-0000000000", 404),
    ] {
        assert_eq!(desk.get(target).status, status, "{target}");
    }
}

#[test]
fn pages_follow_one_another_without_a_gap() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let mut last = String::new();
    for number in 0..66 {
        // Another network than just before, so that they are not folded into one.
        let network = [1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15][number % 11];
        let from = format!("1.0.{network}.1");
        let answer = get(demo.web(), "127.0.0.1", &format!("/{number}")).from(&from).send();
        if let Some(reference) = answer.header("geovagt-reference") {
            last = reference.to_owned();
        }
        std::thread::sleep(Duration::from_millis(120));
    }
    indexed(&desk, &last);
    let mut seen = Vec::new();
    let mut target = "/log?span=24h".to_owned();
    for _ in 0..10 {
        let page = desk.get(&target).text();
        seen.extend(page.split(ENTRY).skip(1).map(|rest| rest[..36].to_owned()));
        if !page.contains("\" rel=\"next\"") {
            break;
        }
        let link = page.rsplit_once("\" rel=\"next\"").unwrap().0.rsplit_once("href=\"").unwrap().1;
        assert!(link.contains("span=24h"), "the filters stay: {link}");
        target = link.replace("&#38;", "&").replace("&amp;", "&");
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "no entry stands twice");
    assert!(seen.len() > 50, "{}", seen.len());
}

#[test]
fn a_search_is_kept_for_its_owner_alone() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let kept = desk.post("/log/saved", "name=Kina+%3Cb%3E&query=country%3DCN%26span%3D24h");
    assert_eq!(kept.status, 303, "{}", kept.text());
    let page = desk.get("/log").text();
    assert!(page.contains("Kina &#60;b&#62;") || page.contains("Kina &lt;b&gt;"), "{page}");
    assert!(page.contains("/log?country=CN&#38;span=24h"), "{page}");
    let id = between(&page, "/log/saved/", "/remove").unwrap().to_owned();
    let nameless = desk.post("/log/saved", "name=&query=country%3DCN");
    assert_eq!(nameless.status, 422);
    assert!(nameless.text().contains("Giv søgningen et navn"));
    // Without the token of the pages nothing happens.
    assert_eq!(desk.post_with(&format!("/log/saved/{id}/remove"), "csrf=0").status, 403);
    assert_eq!(desk.post_with("/log/saved", "name=x&query=").status, 403);
    assert_eq!(desk.post(&format!("/log/saved/{id}/remove"), "").status, 303);
    assert_eq!(desk.post(&format!("/log/saved/{id}/remove"), "").status, 404);
    assert!(!desk.get("/log").text().contains("/log/saved/"));
}

/// An open stream of the live log.
fn follow(desk: &Desk) -> TcpStream {
    let mut stream = TcpStream::connect(desk.at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let host = desk.at;
    let cookie = &desk.cookie;
    write!(
        stream,
        "GET /log/live/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n"
    )
    .unwrap();
    stream
}

/// Reads until the text comes; gives everything that came.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut received = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).expect("more comes");
        received.extend_from_slice(&piece[..read]);
        let shown = String::from_utf8_lossy(&received).into_owned();
        if shown.contains(text) {
            return shown;
        }
        assert!(read > 0, "it ended without {text}: {shown}");
    }
}

#[test]
fn the_live_log_follows_and_ends_with_the_session() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let mut stream = follow(&desk);
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
    let reference = rejected(&demo);
    let event = read_until(&mut stream, &reference);
    assert!(event.contains("event: entries"), "{event}");
    assert_eq!(desk.post("/sign-out", "").status, 303);
    let end = read_until(&mut stream, "event: end");
    assert!(
        !end.contains("event: entries") || end.ends_with("event: end\ndata: {}\n\n\r\n"),
        "{end}"
    );
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(desk.get("/log").status, 401);
}

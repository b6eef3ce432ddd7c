//! What a stranger can try where a mail program's login is read, byte by byte.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::Shutdown;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::gateway::{eventually, journey};
use crate::support::outside;
use crate::support::places::THAILAND;
use crate::support::postbox::{Client, LOGIN, PASSWORD, Scene, say};
use crate::support::raw::{read_rest, read_until};
use crate::support::talk::{entry, reference};

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// An answer with its reference taken out of it.
fn seen(answer: &str) -> String {
    answer.replace(&reference(answer), "REFERENCE")
}

fn failures(scene: &Scene) -> Vec<serde_json::Value> {
    let search = ["audit", "search", "--action", "sign_in_failed", "--limit", "1000", "--json"];
    let found = scene.gateway.command(&search).expect_code(0).out;
    found.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Another network for each.
fn thai(number: usize) -> String {
    format!("61.19.{}.{}", number / 250, number % 250 + 1)
}

/// Wrong password, wrong person, nobody, what cannot be read: one answer, and no server hears of it.
#[test]
fn nobody_learns_what_was_wrong_and_the_server_learns_nothing() {
    let plain = base64;
    let sasl = |text: &str| format!("a AUTHENTICATE PLAIN {}\r\n", plain(text));
    let imap = vec![
        "a LOGIN anna.holm forkert\r\n".to_owned(),
        format!("a LOGIN bo.lund \"{PASSWORD}\"\r\n"),
        format!("a LOGIN carl \"{PASSWORD}\"\r\n"),
        format!("a LOGIN nobody \"{PASSWORD}\"\r\n"),
        "a LOGIN anna.holm \"\"\r\n".to_owned(),
        "a LOGIN \"\" \"\"\r\n".to_owned(),
        // More than one line in a name or a password.
        format!("a LOGIN {{17+}}\r\nanna.holm\r\na OK x \"{PASSWORD}\"\r\n"),
        "a LOGIN anna.holm {24+}\r\nx\r\nb LOGIN bo.lund xxxxx\r\n".to_owned(),
        "a LOGIN anna.holm {1+}\r\n\0\r\n".to_owned(),
        sasl("\0anna.holm\0forkert"),
        // Anna's own password, in somebody else's name.
        sasl(&format!("bo.lund\0anna.holm\0{PASSWORD}")),
        sasl(&format!("\0anna.holm\0{PASSWORD}\0")),
        sasl("\0anna.holm"),
        "a AUTHENTICATE PLAIN %%%%\r\n".to_owned(),
        "a AUTHENTICATE PLAIN\r\n\r\n".to_owned(),
        "a AUTHENTICATE PLAIN =\r\n".to_owned(),
    ];
    let pop3 = vec![
        "USER anna.holm\r\nPASS forkert\r\n".to_owned(),
        format!("USER bo.lund\r\nPASS {PASSWORD}\r\n"),
        format!("USER nobody\r\nPASS {PASSWORD}\r\n"),
        format!("AUTH PLAIN {}\r\n", plain(&format!("bo.lund\0anna.holm\0{PASSWORD}"))),
        "AUTH PLAIN !\r\n".to_owned(),
    ];
    let smtp = vec![
        format!("EHLO x\r\nAUTH PLAIN {}\r\n", plain("\0anna.holm\0forkert")),
        format!("EHLO x\r\nAUTH PLAIN {}\r\n", plain(&format!("\0bo.lund\0{PASSWORD}"))),
        format!("EHLO x\r\nAUTH LOGIN\r\n{}\r\n{}\r\n", plain("nobody"), plain(PASSWORD)),
        "EHLO x\r\nAUTH LOGIN !\r\n!\r\n".to_owned(),
        "EHLO x\r\nAUTH PLAIN =\r\n".to_owned(),
    ];
    for (kind, all) in [("imap", imap), ("pop3", pop3), ("smtp", smtp)] {
        let scene = Scene::start(kind);
        scene.gateway.add_user("carl", "ballerup", PASSWORD);
        scene.gateway.grant("carl", "TH", &["box"]);
        let lock = ["user", "lock", "carl", "--organization", "ballerup"];
        scene.gateway.command(&lock).expect_code(0);
        scene.travels("anna.holm");
        let mut answers = BTreeSet::new();
        for (number, said) in all.iter().enumerate() {
            let (mut client, _) = scene.greeted(&thai(number));
            say(&mut client, said);
            client.sock.shutdown(Shutdown::Write).unwrap();
            let answer = read_rest(&mut client);
            // What it was asked on the way is the same for everybody, too.
            let last = answer.lines().filter(|line| line.contains("plys reference"));
            let last: Vec<_> = last.map(seen).collect();
            assert!(!last.is_empty(), "{said:?}: {answer}");
            let found = outside::entry(&scene.gateway, &reference(&answer));
            assert_eq!(found["event"]["action"], "denied", "{said:?}");
            assert_eq!(found["event"]["reason"], "country_listed");
            assert!(found["user"]["name"].is_null());
            answers.insert(last);
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(scene.server.heard().is_empty(), "{:?}", scene.server.heard());
        eventually("each of them is in the log of people", || failures(&scene).len() == all.len());
        let failures = failures(&scene);
        assert!(failures.iter().all(|found| found["geovagt"]["site"] == "box"));
        let line = failures.iter().map(ToString::to_string).collect::<String>();
        for why in ["wrong_password", "not_eligible", "malformed"] {
            assert!(line.contains(why), "{why}: {line}");
        }
        assert!(!line.contains("forkert") && !line.contains(PASSWORD), "{line}");
    }
}

/// Whoever goes beyond a limit is rejected as anybody is, and the server hears nothing.
#[test]
fn the_limits_come_first() {
    let scene = Scene::with("imap", &format!("{LOGIN}, login_timeout: 2s"), str::to_owned);
    scene.travels("anna.holm");
    let right = format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n");
    let long = "x".repeat(30_000);
    for said in [
        // A line that does not end, or ends too late.
        long.clone(),
        format!("a LOGIN anna.holm \"{long}\"\r\n{right}"),
        // Literals that nobody needs.
        "a LOGIN {4097}\r\n".to_owned(),
        format!("a LOGIN {{4097+}}\r\n{} x\r\n", "y".repeat(4097)),
        format!("a LOGIN {{99999999999999999999}}\r\n{right}"),
        // Many of them in one command.
        format!("a ID {}{right}", format!("{{4000+}}\r\n{} ", "z".repeat(4000)).repeat(9)),
        format!("{}{right}", "a NOOP\r\n".repeat(24)),
        format!("{}{right}", "\r\n".repeat(24)),
        format!("{}{right}", "a AUTHENTICATE PLAIN\r\n*\r\n".repeat(12)),
        // Whoever stays silent, or begins and does not go on.
        String::new(),
        "a LOGIN anna.holm ".to_owned(),
        "a LOGIN {9}\r\nanna".to_owned(),
        "a AUTHENTICATE PLAIN\r\n".to_owned(),
        // TLS inside TLS, another protocol, a proxy.
        "\x16\x03\x01\x02\0\x01\0\x01\u{7f}".repeat(100),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "PROXY TCP4 1.2.3.4 9.9.9.9 1 993\r\n".to_owned(),
    ] {
        let (mut client, _) = scene.greeted(THAILAND);
        // It may be hung up on before all is sent.
        let _ = client.write_all(said.as_bytes()).and_then(|()| client.flush());
        let answer = read_rest(&mut client);
        let short: String = said.chars().take(60).collect();
        let last = answer.lines().last().unwrap_or_default();
        if last.is_empty() && said.len() > 16 << 10 {
            // What was still on its way took the answer away.
            continue;
        }
        assert!(last.starts_with("* BYE ") && last.contains("plys reference"), "{short}: {answer}");
        assert!(!answer.contains("a OK in"), "{short}: {answer}");
    }
    assert!(scene.server.heard().is_empty(), "{:?}", scene.server.heard());
    let (mut client, _) = scene.greeted("61.19.2.1");
    say(&mut client, "a LOGIN anna.holm forkert\r\n");
    read_rest(&mut client);
    eventually("this one was a login", || !failures(&scene).is_empty());
    assert_eq!(failures(&scene).len(), 1, "and none of the others");
    // And with all that the traveller comes in.
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &format!("{}{right}", "a NOOP\r\n".repeat(23)));
    assert!(read_until(&mut client, "a OK in\r\n").contains("a OK Done"));
}

/// So many passwords from one network, and for one account: the next is not even looked at.
#[test]
fn attempts_are_counted_as_everywhere() {
    let scene = Scene::start("imap");
    scene.travels("anna.holm");
    let attempt = |address: &str, name: &str, password: &str| {
        let (mut client, _) = scene.greeted(address);
        say(&mut client, &format!("a LOGIN {name} \"{password}\"\r\n"));
        read_until(&mut client, "\r\n")
    };
    for _ in 0..40 {
        assert!(attempt("61.19.7.1", "anna.holm", "forkert").starts_with("* BYE "));
    }
    eventually("some were looked at", || failures(&scene).len() >= 5);
    let counted = failures(&scene).len();
    assert!((5..40).contains(&counted), "{counted} of 40 were looked at");
    // The right one is too late from there, and not from the traveller's own address.
    assert!(attempt("61.19.7.1", "anna.holm", PASSWORD).starts_with("* BYE "));
    assert!(scene.server.heard().is_empty());
    assert!(attempt(THAILAND, "anna.holm", PASSWORD).starts_with("* CAPABILITY"));
    assert_eq!(scene.server.heard().len(), 1);
}

/// Whoever opens connections and says nothing takes no place but their own.
#[test]
fn one_address_cannot_wait_on_many_connections() {
    let scene = Scene::start("imap");
    scene.travels("anna.holm");
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let (client, greeting) = scene.greeted("61.19.9.1");
        assert!(greeting.starts_with("* OK "), "{greeting}");
        waiting.push(client);
    }
    let (_, said) = scene.greeted("61.19.9.1");
    assert!(said.starts_with("* BYE [UNAVAILABLE] "), "{said}");
    assert_eq!(outside::entry(&scene.gateway, &reference(&said))["event"]["reason"], "overload");
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
    read_until(&mut client, "a OK in\r\n");
    drop(waiting);
    eventually("the places come back", || scene.greeted("61.19.9.1").1.starts_with("* OK "));
}

/// A rejected submission may go on talking, and nobody listens to another password.
#[test]
fn after_the_first_no_nothing_is_looked_at() {
    let scene = Scene::start("smtp");
    scene.travels("anna.holm");
    let (mut client, _) = scene.greeted(THAILAND);
    let login = |password: &str| base64(&format!("\0anna.holm\0{password}"));
    say(&mut client, &format!("EHLO x\r\nAUTH PLAIN {}\r\n", login("forkert")));
    read_until(&mut client, "250 AUTH PLAIN LOGIN\r\n");
    let no = read_until(&mut client, "\r\n");
    assert!(no.starts_with("535 5.7.8 "), "{no}");
    say(&mut client, &format!("AUTH PLAIN {}\r\n", login(PASSWORD)));
    assert_eq!(read_until(&mut client, "\r\n"), no, "word for word, its reference included");
    say(&mut client, "MAIL FROM:<x@example.org>\r\nQUIT\r\n");
    assert_eq!(read_rest(&mut client), "503 Bad sequence of commands\r\n221 Bye\r\n");
    eventually("the one is in the log", || !failures(&scene).is_empty());
    assert_eq!(failures(&scene).len(), 1);
    assert!(scene.server.heard().is_empty());
}

/// Before a login there is nothing to be had.
#[test]
fn no_command_does_anything_before_a_login() {
    for (kind, said, answers) in [
        (
            "imap",
            "a STARTTLS\r\na SELECT INBOX\r\na LIST \"\" *\r\na AUTHENTICATE CRAM-MD5\r\n\
             a AUTHENTICATE XOAUTH2 x\r\na LOGIN anna\r\n+ NOOP\r\na\r\na  NOOP\r\na LOGOUT\r\n",
            "a BAD|a BAD|a BAD|a NO |a NO |a BAD|* BAD|a BAD|a BAD|* BYE |a OK ",
        ),
        (
            "pop3",
            "STLS\r\nSTAT\r\nLIST\r\nRETR 1\r\nPASS x\r\nAUTH\r\nAUTH CRAM-MD5\r\nAPOP anna x\r\nQUIT\r\n",
            "-ERR|-ERR|-ERR|-ERR|-ERR|-ERR|-ERR|-ERR|+OK",
        ),
        (
            "smtp",
            "STARTTLS\r\nAUTH PLAIN x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nEHLO \x01\r\n\
             EHLO x\r\nAUTH CRAM-MD5\r\nXCLIENT ADDR=1.2.3.4\r\nQUIT\r\n",
            "502 |503 |530 |530 |530 |501 |250-|250-|250 |504 |502 |221 ",
        ),
    ] {
        let scene = Scene::start(kind);
        scene.travels("anna.holm");
        let (mut client, _) = scene.greeted(THAILAND);
        say(&mut client, said);
        let got = read_rest(&mut client);
        let starts: Vec<&str> = answers.split('|').collect();
        let lines: Vec<&str> = got.lines().collect();
        assert_eq!(lines.len(), starts.len(), "{got}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line} is not {start}\n{got}");
        }
        assert!(scene.server.heard().is_empty());
        // Whoever only looked is in the log all the same.
        assert_eq!(entry(&scene.gateway, "box", "denied")["client"]["ip"], THAILAND);
    }
}

/// An exemption that demands more than a password is not opened by one, and tells nobody why.
#[test]
fn a_password_alone_does_not_open_where_more_is_demanded() {
    for demand in ["multi_factor", "device"] {
        let scene = Scene::start("imap");
        // The door is there for somebody else.
        scene.gateway.grant("bo.lund", "TH", &["box", "kilden"]);
        let leg = format!("TH {}", journey());
        scene.gateway.grant_leg("anna.holm", &leg, &["box"], &["--demand", demand]);
        scene.door();
        let (mut client, _) = scene.greeted(THAILAND);
        say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
        assert!(read_until(&mut client, "\r\n").starts_with("* BYE "), "{demand}");
        eventually("her password was not looked at", || failures(&scene).len() == 1);
        assert!(failures(&scene)[0].to_string().contains("not_eligible"), "{demand}");
        let (mut client, _) = scene.greeted(THAILAND);
        say(&mut client, &format!("a LOGIN bo.lund \"{PASSWORD}\"\r\n"));
        read_until(&mut client, "a OK in\r\n");
        assert_eq!(scene.server.heard().len(), 1);
    }
}

/// A thousand others from that country at the same time: each hears our greeting at most and the BYE,
/// and none of them reaches the server, while the traveller reads mail.
#[test]
fn a_thousand_others_get_nothing() {
    // However slow the machine is, none of them is sent away for being slow.
    let rules = format!("{LOGIN}, login_timeout: 5m");
    let scene = Scene::with("imap", &rules, str::to_owned);
    scene.travels("anna.holm");
    let (mut traveller, _) = scene.greeted(THAILAND);
    say(&mut traveller, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
    read_until(&mut traveller, "a OK in\r\n* 1 EXISTS\r\n");
    let scene = &scene;
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..8).map(|part| scope.spawn(move || others(scene, part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert_eq!(outcomes.len(), 1000);
    let greeted = outcomes.iter().filter(|said| said.starts_with("* OK ")).count();
    assert!((1..=512).contains(&greeted), "{greeted} were waited for");
    for said in &outcomes {
        let ours = |line: &str| line.starts_with("* OK [CAPABILITY ") && line.ends_with("Ready");
        let no = |line: &str, start: &str| line.starts_with(start) && line.contains("eference ");
        assert_eq!(said.lines().filter(|line| no(line, "* BYE ")).count(), 1, "{said}");
        let all = |line: &str| ours(line) || no(line, "* BYE ") || no(line, "b NO ");
        assert!(said.lines().all(all), "{said}");
    }
    assert_eq!(scene.server.heard().len(), 1, "the traveller's connection alone");
    say(&mut traveller, "c NOOP\r\n");
    assert_eq!(read_until(&mut traveller, "\r\n"), "c OK NOOP done\r\n");
}

/// What an eighth of them hears, who are all connected before any of them says a word.
fn others(scene: &Scene, part: usize) -> Vec<String> {
    let first = 500 + part * 125;
    let mut clients: Vec<_> = (first..first + 125).map(|n| scene.client(&thai(n))).collect();
    for client in &mut clients {
        while client.conn.is_handshaking() {
            client.conn.complete_io(&mut client.sock).unwrap();
        }
    }
    let greet = |(number, client): (usize, &mut Client)| {
        let greeting = read_until(client, "\r\n");
        // Whoever is greeted tries a password, for the traveller's account or another.
        if greeting.starts_with("* OK ") {
            let name = if number % 2 == 0 { "anna.holm" } else { "bo.lund" };
            say(client, &format!("b LOGIN {name} guess-{number}\r\n"));
        }
        greeting
    };
    let greetings: Vec<String> = clients.iter_mut().enumerate().map(greet).collect();
    let rest = clients.iter_mut().map(read_rest);
    greetings.into_iter().zip(rest).map(|(greeting, rest)| greeting + &rest).collect()
}

/// A mail program opens no link: whoever grants it hears what opens the mail instead.
#[test]
fn no_link_is_advised_where_no_page_could_open_it() {
    let scene = Scene::start("imap");
    let leg = format!("TH {}", journey());
    let id = scene.gateway.grant_leg("anna.holm", &leg, &["box"], &["--demand", "device"]);
    let refused = scene.gateway.command(&["exemption", "link", &id]).expect_code(1);
    for part in ["no device can be bound at box, which has no pages", "--demand none"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
}

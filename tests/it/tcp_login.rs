//! A mail program signs in at the gateway: what the server gets of it, and what the log keeps.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::outside;
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::postbox::{Client, PASSWORD, Scene, say, spell};
use crate::support::raw::{read_rest, read_until};
use crate::support::talk::{ended, entry, reference};

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Both ways to send: all at once, and a byte at a time.
const WAYS: [fn(&mut Client, &str); 2] = [say, spell];

#[test]
fn imap_in_every_form_and_the_server_gets_the_same_login() {
    let scene = Scene::start("imap");
    scene.travels("anna.holm");
    let plain = base64(&format!("\0anna.holm\0{PASSWORD}"));
    let length = PASSWORD.len();
    let quoted = format!("a7 LOGIN \"anna.holm\" \"{PASSWORD}\"\r\n");
    // After this one the server does not say what it offers, and is asked.
    let sasl = format!("a7 AUTHENTICATE PLAIN\r\n{plain}\r\ngeovagt CAPABILITY\r\n");
    for (said, server_hears) in [
        (format!("a7 LOGIN anna.holm \"{PASSWORD}\"\r\n"), &quoted),
        (format!("a7 login \"anna.holm\" \"{PASSWORD}\"\r\n"), &quoted),
        (format!("a7 LOGIN {{9+}}\r\nanna.holm {{{length}+}}\r\n{PASSWORD}\r\n"), &quoted),
        (format!("a7 LOGIN {{9}}\r\nanna.holm {{{length}}}\r\n{PASSWORD}\r\n"), &quoted),
        (format!("a7 AUTHENTICATE PLAIN {plain}\r\n"), &sasl),
        (format!("a7 authenticate plain\r\n{plain}\r\n"), &sasl),
        (format!("a7 NOOP\r\na7 CAPABILITY\r\na7 ID NIL\r\n{quoted}"), &quoted),
    ] {
        for send in WAYS {
            let before = scene.server.heard().len();
            let (mut client, greeting) = scene.greeted(THAILAND);
            let offers = "* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN] Ready\r\n";
            assert_eq!(greeting, offers, "our own greeting, with what can be proven");
            assert_eq!(scene.server.heard().len(), before, "and the server knows nothing of it");
            // What follows at once goes on behind the login.
            send(&mut client, &format!("{said}a8 SELECT INBOX\r\n"));
            let answer = read_until(&mut client, "a8 OK SELECT done\r\n");
            let heard = scene.server.heard().split_off(before);
            assert_eq!(heard, [format!("{server_hears}a8 SELECT INBOX\r\n")], "{said:?}");
            assert_eq!(answer.matches("a7 OK in\r\n").count(), 1, "{answer}");
            assert!(!answer.contains("geovagt"), "the answer to us is ours: {answer}");
            assert!(!answer.contains("postbox"), "the server's own greeting has been: {answer}");
            if server_hears.contains("LOGIN") {
                let after = "* CAPABILITY IMAP4rev1 IDLE\r\na7 OK in\r\n* 1 EXISTS\r\na8 OK SELECT";
                assert!(answer.contains(after), "in order, and all of it: {answer}");
            }
            say(&mut client, "a9 NOOP\r\n");
            assert_eq!(read_until(&mut client, "\r\n"), "a9 OK NOOP done\r\n");
        }
    }
}

#[test]
fn a_password_that_no_quotes_can_hold_goes_on_as_a_literal() {
    let scene = Scene::start("imap");
    let password = "rødgrød \"med\\ fløde";
    scene.gateway.add_user("åse.øst", "ballerup", password);
    scene.gateway.add_user("carl", "ballerup", "en \"lang\\ kode");
    scene.travels("carl");
    scene.travels("åse.øst");
    scene.counts(2);
    let (name, length) = ("åse.øst", password.len());
    let cases = [
        (
            format!("x LOGIN {{{}+}}\r\n{name} {{{length}+}}\r\n{password}\r\n", name.len()),
            format!("x LOGIN {{{}}}\r\n{name} {{{length}}}\r\n{password}\r\n", name.len()),
        ),
        // Many programs write these letters between quotes.
        (
            format!("x LOGIN \"{name}\" \"rødgrød \\\"med\\\\ fløde\"\r\n"),
            format!("x LOGIN {{{}}}\r\n{name} {{{length}}}\r\n{password}\r\n", name.len()),
        ),
        (
            "x LOGIN carl {14+}\r\nen \"lang\\ kode\r\n".to_owned(),
            "x LOGIN \"carl\" \"en \\\"lang\\\\ kode\"\r\n".to_owned(),
        ),
    ];
    for (said, server_hears) in cases {
        for send in WAYS {
            let before = scene.server.heard().len();
            let (mut client, _) = scene.greeted(THAILAND);
            send(&mut client, &said);
            read_until(&mut client, "x OK in\r\n");
            let heard = scene.server.heard().split_off(before).join("|");
            assert_eq!(heard, server_hears, "{said}");
        }
    }
}

#[test]
fn pop3_and_submission_in_every_form() {
    let plain = base64(&format!("\0anna.holm\0{PASSWORD}"));
    let (user, password) = (base64("anna.holm"), base64(PASSWORD));
    let by_user = format!("USER anna.holm\r\nPASS {PASSWORD}\r\n");
    let pop_sasl = format!("AUTH PLAIN\r\n{plain}\r\n");
    let smtp = format!("EHLO [192.0.2.1]\r\nAUTH PLAIN\r\n{plain}\r\n");
    let all = [
        ("pop3", format!("CAPA\r\n{by_user}"), by_user.clone(), "+OK PASS done\r\n"),
        ("pop3", format!("AUTH PLAIN {plain}\r\n"), pop_sasl.clone(), "+OK in\r\n"),
        ("pop3", format!("auth plain\r\n{plain}\r\n"), pop_sasl, "+OK in\r\n"),
        (
            "smtp",
            format!("EHLO [192.0.2.1]\r\nAUTH PLAIN {plain}\r\n"),
            smtp.clone(),
            "235 2.7.0 in\r\n",
        ),
        ("smtp", smtp.clone(), smtp.clone(), "235 2.7.0 in\r\n"),
        (
            "smtp",
            format!("NOOP\r\nehlo [192.0.2.1]\r\nAUTH LOGIN\r\n{user}\r\n{password}\r\n"),
            smtp.clone(),
            "235 2.7.0 in\r\n",
        ),
        (
            "smtp",
            format!("EHLO [192.0.2.1]\r\nauth login {user}\r\n{password}\r\n"),
            smtp,
            "235 2.7.0 in\r\n",
        ),
    ];
    for kind in ["pop3", "smtp"] {
        let scene = Scene::start(kind);
        scene.travels("anna.holm");
        for (_, said, server_hears, yes) in all.iter().filter(|case| case.0 == kind) {
            for send in WAYS {
                let before = scene.server.heard().len();
                let (mut client, greeting) = scene.greeted(THAILAND);
                let ours = if kind == "pop3" { "+OK Ready\r\n" } else { "220 geovagt ESMTP\r\n" };
                assert_eq!(greeting, ours);
                send(&mut client, &format!("{said}NOOP\r\n"));
                let after = if kind == "pop3" { "+OK NOOP done\r\n" } else { "250 NOOP done\r\n" };
                let answer = read_until(&mut client, &format!("{yes}{after}"));
                assert!(!answer.contains("postbox"), "{answer}");
                let heard = scene.server.heard().split_off(before);
                assert_eq!(heard, [format!("{server_hears}NOOP\r\n")], "{said:?}");
            }
        }
        if kind == "smtp" {
            // A server of the old school.
            scene.server.old.store(true, Ordering::SeqCst);
            let (mut client, _) = scene.greeted(THAILAND);
            say(&mut client, &format!("EHLO pc\r\nAUTH PLAIN {plain}\r\n"));
            read_until(&mut client, "235 2.7.0 in\r\n");
            let heard = scene.server.heard().pop().unwrap();
            assert_eq!(heard, format!("EHLO pc\r\nAUTH LOGIN\r\n{user}\r\n{password}\r\n"));
        }
    }
}

#[test]
fn the_log_names_the_person_the_exemption_the_country_and_the_site() {
    let scene = Scene::start("imap");
    let id = scene.travels("anna.holm");
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &format!("a LOGIN anna.holm \"{PASSWORD}\"\r\n"));
    read_until(&mut client, "a OK in\r\n");
    let found = entry(&scene.gateway, "box", "allowed");
    assert_eq!(found["event"]["reason"], "travel_exemption");
    assert_eq!(found["geovagt"]["exemption"], id.as_str());
    assert_eq!(found["user"]["name"], "anna.holm");
    assert_eq!(found["client"]["ip"], THAILAND);
    assert_eq!(found["client"]["geo"]["country_iso_code"], "TH");
    assert_eq!(found["geovagt"]["listener"], "mail-in");
    scene.gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme"]).expect_code(0);
    read_rest(&mut client);
    let end = ended(&scene.gateway, "box", "exemption_ended");
    assert_eq!(end["user"]["name"], "anna.holm");
    let log = scene.gateway.log().iter().map(ToString::to_string).collect::<String>();
    assert!(!log.contains(PASSWORD) && !log.contains(&base64(PASSWORD)), "a password in the log");
    let state =
        outside::run("grep", ["-rlaF", PASSWORD, scene.gateway.directory().to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&state.stdout), "", "or in a file");
}

#[test]
fn whoever_needs_no_exemption_passes_as_ever_and_where_there_is_no_door_nobody_is_heard() {
    for kind in ["imap", "pop3", "smtp"] {
        let scene = Scene::start(kind);
        let no = |address: &str| {
            let (_, said) = scene.greeted(address);
            assert!(["* BYE ", "-ERR ", "554 "].iter().any(|no| said.starts_with(no)), "{said}");
            said
        };
        let said = no(THAILAND);
        assert_eq!(
            outside::entry(&scene.gateway, &reference(&said))["event"]["reason"],
            "country_listed"
        );
        scene.travels("anna.holm");
        no(CHINA);
        assert!(scene.server.heard().is_empty());
        let (_, greeting) = scene.greeted(DENMARK);
        assert!(greeting.contains("postbox") || kind == "smtp", "{greeting}");
        // Without TLS nobody is asked for a password.
        let mut open = crate::support::talk::from(THAILAND, scene.gateway.address("open-in"));
        let said = read_until(&mut open, "\r\n");
        assert!(["* BYE ", "-ERR ", "554 "].iter().any(|no| said.starts_with(no)), "{said}");
        assert_eq!(scene.server.heard().len(), 1);
    }
}

/// The server's word stands, and nobody signs in as another behind one person's exemption.
#[test]
fn the_servers_no_reaches_the_client_and_ends_it() {
    for (kind, said, no) in [
        (
            "imap",
            format!("a LOGIN anna.holm \"{PASSWORD}\"\r\na LOGIN bo.lund x\r\n"),
            "a NO [ALERT] postbox says no\r\n",
        ),
        (
            "imap",
            format!("a AUTHENTICATE PLAIN {}\r\n", base64(&format!("\0anna.holm\0{PASSWORD}"))),
            "a NO postbox says no\r\n",
        ),
        (
            "pop3",
            format!("USER anna.holm\r\nPASS {PASSWORD}\r\nUSER bo.lund\r\n"),
            "-ERR postbox says no\r\n",
        ),
        (
            "smtp",
            format!(
                "EHLO x\r\nAUTH PLAIN {}\r\nAUTH PLAIN x\r\n",
                base64(&format!("\0anna.holm\0{PASSWORD}"))
            ),
            "535-5.7.8 postbox\r\n535 5.7.8 says no\r\n",
        ),
    ] {
        let scene = Scene::start(kind);
        scene.server.refuses.store(true, Ordering::SeqCst);
        scene.travels("anna.holm");
        let (mut client, _) = scene.greeted(THAILAND);
        say(&mut client, &said);
        let answer = read_rest(&mut client);
        assert!(answer.ends_with(no), "{answer}");
        let heard = scene.server.heard();
        assert_eq!(heard.len(), 1);
        assert!(!heard[0].contains("bo.lund"), "{heard:?}");
        ended(&scene.gateway, "box", "login_refused");
    }
}

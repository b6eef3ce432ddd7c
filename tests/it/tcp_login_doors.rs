//! Who is heard where travellers sign in to mail, for how long, and whose word counts there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::channel;

use crate::support::authority::Authority;
use crate::support::browsing::Browser;
use crate::support::gateway::eventually;
use crate::support::places::THAILAND;
use crate::support::postbox::{Client, LOGIN, PASSWORD, Scene, say};
use crate::support::raw::{read_rest, read_until};
use crate::support::talk::ended;

fn login() -> String {
    format!("a LOGIN \"anna.holm\" \"{PASSWORD}\"\r\n")
}

fn failures(scene: &Scene) -> String {
    let search = ["audit", "search", "--action", "sign_in_failed", "--json"];
    scene.gateway.command(&search).expect_code(0).out
}

/// What counts is how things are when the login comes, and not when the greeting went out.
#[test]
fn an_exemption_that_ends_between_greeting_and_login_opens_nothing() {
    let scene = Scene::start("imap");
    let id = scene.travels("anna.holm");
    let (mut client, greeting) = scene.greeted(THAILAND);
    assert!(greeting.starts_with("* OK "), "{greeting}");
    scene.gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme"]).expect_code(0);
    scene.counts(0);
    say(&mut client, &login());
    let said = read_rest(&mut client);
    assert!(said.starts_with("* BYE ") && said.contains("plys reference"), "{said}");
    assert!(scene.server.heard().is_empty(), "{:?}", scene.server.heard());
}

/// A server may take its time for a login; the exemption that opened does not wait for it.
#[test]
fn an_exemption_that_ends_while_the_server_thinks_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let (told, telling) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.write_all(b"* OK thinking\r\n").unwrap();
            let mut lines = BufReader::new(stream).lines();
            told.send(lines.next().and_then(Result::ok)).unwrap();
            told.send(lines.next().and_then(Result::ok)).unwrap();
        }
    });
    let scene = Scene::with("imap", "login: when_blocked", |text| {
        let (head, rest) = text.split_once("\"tcp://").unwrap();
        format!("{head}\"{url}{}", &rest[rest.find('"').unwrap()..])
    });
    let id = scene.travels("anna.holm");
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &login());
    assert_eq!(telling.recv().unwrap().unwrap(), login().trim_end());
    scene.gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme"]).expect_code(0);
    assert_eq!(read_rest(&mut client), "");
    ended(&scene.gateway, "box", "exemption_ended");
    assert_eq!(telling.recv().unwrap(), None, "the server's side has ended, too");
}

/// A directory that nobody can reach, and the people of the gateway's own store.
fn with_directory(directory: &std::path::Path, text: &str) -> String {
    let ca = Authority::new(directory, "directory").file;
    let secret = directory.join("secret");
    std::fs::write(&secret, "hemmeligt\n").unwrap();
    let catalogue = format!(
        "identity:\n  catalogue:\n    kind: ldap\n    servers: [\"ldaps://localhost:1\"]\n    \
         ca: {}\n    bind_dn: \"cn=x\"\n    bind_password: \"${{file:{}}}\"\n    base: \"dc=x\"\n    \
         timeout: 1s\n",
        ca.display(),
        secret.display()
    );
    text.replacen("identity_providers: [local]", "identity_providers: [local, catalogue]", 1)
        .replacen("\nidentity:\n", &format!("\n{catalogue}"), 1)
        .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,")
}

/// Whoever a site knows by one way is not known to a site that takes another.
#[test]
fn a_site_takes_the_word_of_its_own_identity_providers_alone() {
    let directory = tempfile::tempdir().unwrap();
    let rules = format!("{LOGIN}, grants_of: kilden");
    let change = |text: &str| with_directory(directory.path(), text);
    let scene = Scene::with("imap", &rules, change);
    scene.travels("anna.holm");
    let mut browser = Browser::at(&scene.gateway, "kilden.example.dk", THAILAND);
    browser.sign_in("anna.holm", PASSWORD);
    let page = browser.open("/.geovagt/adresse");
    assert_eq!(browser.press(&page, "/.geovagt/adresse").status, 200);
    let is_server = || scene.greeted(THAILAND).1.contains("postbox");
    assert!(is_server(), "her address passes");
    let takes = |of_box: &str, of_kilden: &str| {
        let text = scene
            .text
            .replace(
                "tcp: {mail: imap",
                &format!("identity_providers: [{of_box}], tcp: {{mail: imap"),
            )
            .replace(
                "address_grant: 1h,",
                &format!("address_grant: 1h, identity_providers: [{of_kilden}],"),
            );
        std::fs::write(scene.gateway.config_file(), text).unwrap();
        scene.gateway.command(&["reload"]).expect_code(0);
    };
    takes("local", "catalogue");
    assert!(!is_server(), "not where she was let pass by a way that is not taken there any more");
    takes("catalogue", "local");
    assert!(!is_server(), "nor where this way is not taken");
    let heard = scene.server.heard().len();
    let (mut client, greeting) = scene.greeted(THAILAND);
    assert!(greeting.starts_with("* OK [CAPABILITY "), "{greeting}");
    say(&mut client, &login());
    assert!(read_rest(&mut client).starts_with("* BYE "));
    assert_eq!(scene.server.heard().len(), heard);
    eventually("her password has not been looked at", || {
        failures(&scene).contains("sign_in_failed")
    });
    takes("local", "local");
    assert!(is_server());
}

/// Where strangers hold all the places in silence, the one who came first gives theirs up.
#[test]
fn whoever_is_silent_makes_room_for_the_next() {
    let scene = Scene::with("imap", &format!("{LOGIN}, login_timeout: 5m"), str::to_owned);
    scene.travels("anna.holm");
    let silent = |number: usize| {
        let (client, greeting) =
            scene.greeted(&format!("61.19.{}.{}", number / 250, number % 250 + 1));
        assert!(greeting.starts_with("* OK "), "{number}: {greeting}");
        client
    };
    let mut silent: Vec<Client> = (0..512).map(silent).collect();
    eventually("there is room for the traveller", || {
        let (mut client, greeting) = scene.greeted("61.19.200.1");
        let is_heard = greeting.starts_with("* OK ");
        if is_heard {
            say(&mut client, &login());
            read_until(&mut client, "a OK in\r\n");
        }
        is_heard
    });
    let said = read_rest(&mut silent[0]);
    assert!(said.starts_with("* BYE ") && said.contains("plys reference"), "{said}");
    say(&mut silent[511], &login());
    read_until(&mut silent[511], "a OK in\r\n");
}

//! Real mail: Dovecot behind the gateway, and clients that nobody here wrote.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use crate::support::authority::Authority;
use crate::support::browsing::Browser;
use crate::support::dovecot::{Dovecot, place};
use crate::support::gateway::{Gateway, eventually, repository};
use crate::support::outside::{command, curl, entry, free_address, haproxy, run};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::postfix::Postfix;
use crate::support::raw::read_until;
use crate::support::talk::{self, Talker, reference, with};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";

struct Mail {
    dovecot: Dovecot,
    authority: Authority,
    gateway: Gateway,
    _http: Upstream,
    _directory: tempfile::TempDir,
}

fn mail() -> Mail {
    let (http, dovecot) = (Upstream::start(), Dovecot::start());
    let (directory, authority, listener) = secured("box");
    let site = format!(
        "upstream: {{servers: [\"tcp://{}\"]}}, \
         tcp: {{mail: imap, proxy_protocol: v2, grants_of: kilden}}",
        dovecot.imap
    );
    let text = with(&http, &[("mail-in", &listener)], &[("box", &site)])
        .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,");
    let gateway = Gateway::start(&text);
    Mail { dovecot, authority, gateway, _http: http, _directory: directory }
}

/// A listener that ends TLS for this site, and who its clients have to trust.
fn secured(site: &str) -> (tempfile::TempDir, Authority, String) {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let issued = authority.issue("localhost");
    let listener = format!(
        "site: {site}, tls: {{certificates: [{{chain: \"{}\", key: \"{}\"}}]}}",
        issued.chain.display(),
        issued.key.display()
    );
    (directory, authority, listener)
}

fn script(name: &str) -> std::path::PathBuf {
    repository().join("tests/mail").join(name)
}

/// What curl says of the mailboxes, its progress included.
fn mailboxes(at: SocketAddr, authority: &Path) -> (i32, String) {
    let url = format!("imaps://localhost:{}/", at.port());
    let ca = authority.to_str().unwrap();
    curl(&["--user", "anna:secret", "--cacert", ca, "--verbose", "--stderr", "-", &url])
}

#[test]
fn curl_reads_mail_at_home_and_is_told_off_abroad() {
    let mail = mail();
    let to = mail.gateway.address("mail-in");
    let (code, said) = mailboxes(place(DENMARK, to), &mail.authority.file);
    assert_eq!(code, 0, "{said}\n{}", mail.dovecot.log());
    assert!(said.contains("* LIST ") && said.contains("INBOX"), "{said}");
    // Dovecot knows where the client is, and that it came by TLS.
    eventually("dovecot has written the login down", || {
        let log = mail.dovecot.log();
        log.contains(&format!("rip={DENMARK}")) && log.contains("secured")
    });
    let before = mail.dovecot.log();
    let (code, said) = mailboxes(place(CHINA, to), &mail.authority.file);
    assert_ne!(code, 0, "{said}");
    let bye = said.lines().find(|line| line.contains("* BYE ")).expect("the BYE");
    let found = entry(&mail.gateway, &reference(bye));
    assert_eq!(found["event"]["reason"], "country_listed");
    assert_eq!(found["client"]["ip"], CHINA);
    assert_eq!(found["geovagt"]["site"], "box");
    assert!(!mail.dovecot.log()[before.len()..].contains(CHINA), "nothing has reached the server");
}

#[test]
fn a_traveller_waits_for_mail_and_is_cut_when_the_exemption_ends() {
    let mail = mail();
    let gateway = &mail.gateway;
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH", &["kilden", "box"]);
    let host = "kilden.example.dk";
    eventually("the door is open", || Browser::at(gateway, host, THAILAND).open("/").status == 303);
    let at = place(THAILAND, gateway.address("mail-in"));
    let idle = || {
        let mut idle = command("python3");
        idle.arg(script("idle.py")).arg(at.port().to_string()).arg(&mail.authority.file);
        idle.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut before = idle();
    let told = lines(&mut before).next().unwrap();
    assert!(told.starts_with("rejected") && told.contains("BYE"), "{told}");
    before.wait().unwrap();
    let mut browser = Browser::at(gateway, host, THAILAND);
    browser.sign_in("anna.holm", PASSWORD);
    let page = browser.open("/.geovagt/adresse");
    assert_eq!(browser.press(&page, "/.geovagt/adresse").status, 200);
    let mut waiting = idle();
    let mut said = lines(&mut waiting);
    assert_eq!(said.next().unwrap(), "idle + idling");
    gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme igen"]).expect_code(0);
    let rest: Vec<String> = said.collect();
    assert_eq!(rest.last().map(String::as_str), Some("ended"), "{rest:?}");
    assert!(waiting.wait().unwrap().success());
    let ended = talk::ended(gateway, "box", "exemption_ended");
    assert_eq!(ended["user"]["name"], "anna.holm");
}

fn lines(child: &mut std::process::Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

#[test]
fn postfix_learns_who_submits() {
    let (http, postfix) = (Upstream::start(), Postfix::start());
    let (_directory, authority, listener) = secured("box");
    let site = format!(
        "upstream: {{servers: [\"tcp://{}\"]}}, tcp: {{mail: smtp, proxy_protocol: v2}}",
        postfix.address
    );
    let gateway = Gateway::start(&with(&http, &[("mail-in", &listener)], &[("box", &site)]));
    let submits = |address| {
        let at = place(address, gateway.address("mail-in")).port().to_string();
        let (file, ca) = (script("rejected.py"), authority.file.to_str().unwrap());
        let output = run("python3", [file.to_str().unwrap(), "smtp", &at, ca]);
        String::from_utf8(output.stdout).unwrap()
    };
    let said = submits(DENMARK);
    assert!(said.contains("250") && said.contains("let in"), "{said}\n{}", postfix.log());
    assert!(submits(CHINA).starts_with("rejected (554"), "rejected");
    eventually("postfix has written the client down", || {
        postfix.log().contains(&format!("[{DENMARK}]"))
    });
    assert!(!postfix.log().contains(CHINA), "{}", postfix.log());
}

#[test]
fn haproxy_in_front_says_whose_connection_it_is() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!(
        "upstream: {{servers: [\"{}\"]}}, tcp: {{mail: imap, proxy_protocol: v2}}",
        server.url()
    );
    let gateway = Gateway::start(&with(&http, &[("mail-in", "site: box")], &[("box", &site)]));
    let (front, to) = (free_address(), gateway.address("mail-in"));
    let lines = format!(
        "frontend mail\n  mode tcp\n  bind {front} accept-proxy\n  default_backend geovagt\n\
         backend geovagt\n  mode tcp\n  server geovagt {to} send-proxy-v2"
    );
    let _haproxy = haproxy(gateway.directory(), &lines, front);
    let mut danish = talk::from(DENMARK, front);
    assert_eq!(read_until(&mut danish, "\r\n"), talk::GREETING);
    eventually("the server has been told", || {
        let heard = server.heard();
        let header = heard.first().and_then(|heard| proxy_protocol_rs::parse(heard).ok());
        header.is_some_and(|(header, _)| {
            header.source_ip().is_some_and(|ip| ip.to_string() == DENMARK)
        })
    });
    let bye = read_until(&mut talk::from(CHINA, front), "\r\n");
    assert_eq!(entry(&gateway, &reference(&bye))["client"]["ip"], CHINA);
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn pop3_and_smtp_clients_understand_the_rejection() {
    for (kind, start) in [("pop3", "-ERR "), ("smtp", "554")] {
        let (http, server) = (Upstream::start(), Talker::start());
        let (_directory, authority, listener) = secured("box");
        let site = format!("upstream: {{servers: [\"{}\"]}}, tcp: {{mail: {kind}}}", server.url());
        let gateway = Gateway::start(&with(&http, &[("mail-in", &listener)], &[("box", &site)]));
        let at = place(CHINA, gateway.address("mail-in")).port().to_string();
        let file = script("rejected.py");
        let ca = authority.file.to_str().unwrap();
        let output = run("python3", [file.to_str().unwrap(), kind, &at, ca]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("rejected") && said.contains(start), "{said}");
        let words = said.replace(['\'', '"', '(', ')', ','], " ");
        assert_eq!(entry(&gateway, &reference(&words))["event"]["reason"], "country_listed");
        assert!(server.heard().is_empty());
    }
}

//! The traveller's mail with real parts: Dovecot and Postfix behind, a directory or local accounts to
//! prove people by, and clients that nobody here wrote, which just sign in.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;

use std::process::Stdio;

use crate::support::authority::Authority;
use crate::support::client::get;
use crate::support::dovecot::{Dovecot, place};
use crate::support::gateway::{Gateway, eventually, repository};
use crate::support::outside::{command, curl, entry, run};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::postfix::Postfix;
use crate::support::slapd::{self, Slapd};
use crate::support::talk::{self, reference};

const PASSWORD: &str = "et-langt-kodeord-til-rejsen";
const OTHER: &str = "61.19.44.7";

/// `config/examples/dovecot-postfix.yaml`, alive: as shipped, but for addresses, files, and who knows
/// the people.
struct Mail {
    dovecot: Dovecot,
    postfix: Postfix,
    gateway: Gateway,
    authority: Authority,
    _directory: tempfile::TempDir,
}

/// The text with one piece changed, which has to be there.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

impl Mail {
    /// The people of a directory, or anna and bo by local accounts.
    fn start(people: Option<&Slapd>) -> Self {
        let password = if people.is_some() { slapd::PASSWORD } else { PASSWORD };
        let dovecot = Dovecot::of(&[("anna", password), ("bo", password)]);
        let postfix = Postfix::of(&dovecot);
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "ca");
        let identity = match people {
            Some(slapd) => slapd.provider(""),
            None => "  catalogue: {kind: local}\n".to_owned(),
        };
        let text = example(&dovecot, &postfix, &authority, &identity);
        let gateway = Gateway::start(&text);
        if people.is_none() {
            gateway.add_user("anna", "ballerup", PASSWORD);
            gateway.add_user("bo", "ballerup", PASSWORD);
        }
        Self { dovecot, postfix, gateway, authority, _directory: directory }
    }

    fn travels(&self) -> String {
        let id = self.gateway.grant("anna", "TH", &["imap", "pop3", "submission", "webmail"]);
        self.door();
        id
    }

    fn door(&self) {
        let web = self.gateway.address("web");
        eventually("the door", || {
            get(web, "mail.example.dk", "/").from(THAILAND).send().status == 401
        });
    }

    fn at(&self, listener: &str, address: &'static str) -> SocketAddr {
        place(address, self.gateway.address(listener))
    }

    /// A script of ours with a client of Python's, and what it says.
    fn python(&self, name: &str, at: SocketAddr, login: (&str, &str)) -> String {
        let file = script(name);
        let (port, ca) = (at.port().to_string(), self.authority.file.to_str().unwrap());
        let output = run("python3", [file.to_str().unwrap(), &port, ca, login.0, login.1]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn curl(&self, url: &str, login: (&str, &str), more: &[&str]) -> (i32, String) {
        let user = format!("{}:{}", login.0, login.1);
        let ca = self.authority.file.to_str().unwrap();
        let first = ["--user", &user, "--cacert", ca, "--verbose", "--stderr", "-", url];
        curl(&[&first, more].concat())
    }
}

/// The example in front of these servers, where people are known by this.
pub fn example(
    dovecot: &Dovecot,
    postfix: &Postfix,
    authority: &Authority,
    identity: &str,
) -> String {
    let root = repository().display();
    let file = repository().join("config/examples/dovecot-postfix.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let issued = authority.issue("localhost");
    let (head, _) = text.split_once("\nidentity:\n").expect("who knows the people");
    let text = changed(head, "/var/lib/geovagt", "state");
    let text = changed(&text, "/etc/geovagt/lists", &format!("{root}/config/lists"));
    let text = changed(&text, "/etc/geovagt/tls/fullchain.pem", issued.chain.to_str().unwrap());
    let text = changed(&text, "/etc/geovagt/tls/key.pem", issued.key.to_str().unwrap());
    let tls =
        text.split("    tls: &tls\n").nth(1).unwrap().split("  - {name: imaps").next().unwrap();
    let proxies = "trusted_proxies: [127.0.0.0/8], source";
    let text = changed(
        &text,
        &format!("    tls: &tls\n{tls}"),
        &format!("    client_address: {{{proxies}: x_forwarded_for}}\n"),
    );
    let inner = tls.trim_start().trim_start_matches("certificates:").trim_start();
    let one = inner.trim_start_matches("- ").trim_end();
    let source = format!("client_address: {{{proxies}: proxy_protocol}}");
    let text = changed(&text, "tls: *tls", &format!("tls: {{certificates: [{one}]}}, {source}"));
    let mut text = text;
    for port in [443, 993, 995, 465] {
        text = changed(&text, &format!("0.0.0.0:{port}"), "127.0.0.1:0");
    }
    let text = changed(&text, "tcp://10.1.0.20:10143", &format!("tcp://{}", dovecot.imap));
    let text = changed(&text, "tcp://10.1.0.20:10110", &format!("tcp://{}", dovecot.pop3.unwrap()));
    let text = changed(&text, "tcp://10.1.0.20:10587", &format!("tcp://{}", postfix.address));
    format!(
        "{text}geoip: {{database: \"{root}/geoip/country.mmdb\", warn_after: 3650d}}\n\
         identity:\n{identity}\noperations: {{bind: [\"127.0.0.1:0\"]}}\n"
    )
}

fn script(name: &str) -> std::path::PathBuf {
    repository().join("tests/mail").join(name)
}

fn told_off(mail: &Mail, said: &str) {
    let words = said.replace(['\'', '"', '(', ')', ',', '['], " ");
    let found = entry(&mail.gateway, &reference(&words));
    assert_eq!(found["event"]["reason"], "country_listed", "{said}");
}

#[test]
fn curl_and_python_read_mail_by_their_login_alone() {
    let mail = Mail::start(None);
    mail.travels();
    let at = mail.at("imaps", THAILAND);
    let url = format!("imaps://localhost:{}/", at.port());
    for options in [&[][..], &["--login-options", "AUTH=PLAIN"], &["--sasl-ir"]] {
        let (code, said) = mail.curl(&url, ("anna", PASSWORD), options);
        assert_eq!(code, 0, "{options:?}: {said}\n{}", mail.dovecot.log());
        assert!(said.contains("* LIST ") && said.contains("INBOX"), "{said}");
        assert!(said.contains("AUTH=PLAIN"), "{said}");
    }
    eventually("dovecot knows where she is", || {
        let log = mail.dovecot.log();
        log.contains("user=<anna>") && log.contains(&format!("rip={THAILAND}"))
    });
    // At home nothing of this is in the way.
    let home = mail.at("imaps", DENMARK);
    let (code, said) =
        mail.curl(&format!("imaps://localhost:{}/", home.port()), ("bo", PASSWORD), &[]);
    assert_eq!(code, 0, "{said}");
    let before = mail.dovecot.log().len();
    let others = mail.at("imaps", OTHER);
    let url = format!("imaps://localhost:{}/", others.port());
    for login in [("anna", "forkert"), ("bo", PASSWORD), ("nobody", "x")] {
        let (code, said) = mail.curl(&url, login, &[]);
        assert_eq!(code, 67, "a login that is denied, to curl: {said}");
        told_off(&mail, said.lines().find(|line| line.contains(" NO [")).expect("a no"));
    }
    let said = mail.python("idle.py", others, ("bo", PASSWORD));
    assert!(said.starts_with("rejected"), "{said}");
    told_off(&mail, &said);
    assert!(!mail.dovecot.log()[before..].contains(OTHER), "{}", mail.dovecot.log());
}

#[test]
fn idle_is_cut_at_the_minute() {
    let mail = Mail::start(None);
    let until = jiff::Timestamp::now() + jiff::Span::new().seconds(30);
    let leg = format!("TH {}..{until}", until - jiff::Span::new().hours(1));
    mail.gateway.grant_leg("anna", &leg, &["imap", "webmail"], &[]);
    mail.door();
    let at = mail.at("imaps", THAILAND);
    let mut idle = command("python3");
    idle.arg(script("idle.py")).arg(at.port().to_string()).arg(&mail.authority.file);
    idle.args(["anna", PASSWORD]);
    let mut waiting = idle.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(waiting.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(said.next().unwrap(), "idle + idling");
    assert!(jiff::Timestamp::now() < until, "this machine is too slow for this test");
    let rest: Vec<String> = said.collect();
    assert_eq!(rest.last().map(String::as_str), Some("ended"), "{rest:?}");
    assert!(jiff::Timestamp::now() >= until, "not before its time");
    assert!(waiting.wait().unwrap().success());
    let ended = talk::ended(&mail.gateway, "imap", "exemption_ended");
    assert_eq!(ended["user"]["name"], "anna");
}

#[test]
fn a_traveller_hands_over_mail_and_fetches_it() {
    let mail = Mail::start(None);
    mail.travels();
    let (smtp, pop3) = (mail.at("submissions", THAILAND), mail.at("pop3s", THAILAND));
    let said = mail.python("submit.py", smtp, ("anna", PASSWORD));
    assert!(
        said.contains("signed in 235") && said.contains("handed over {}"),
        "{said}\n{}",
        mail.postfix.log()
    );
    let message = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(message.path(), "Subject: Hej\r\n\r\nHej fra Bangkok\r\n").unwrap();
    let file = message.path().to_str().unwrap();
    for options in [&[][..], &["--login-options", "AUTH=LOGIN"]] {
        let envelope = [
            "--mail-from",
            "anna@example.dk",
            "--mail-rcpt",
            "bo@example.org",
            "--upload-file",
            file,
        ];
        let url = format!("smtps://localhost:{}/bangkok", smtp.port());
        let (code, said) = mail.curl(&url, ("anna", PASSWORD), &[&envelope[..], options].concat());
        assert_eq!(code, 0, "{options:?}: {said}\n{}", mail.postfix.log());
    }
    eventually("postfix has written down who it was", || {
        let log = mail.postfix.log();
        log.matches("sasl_username=anna").count() == 3 && log.contains(&format!("[{THAILAND}]"))
    });
    assert!(mail.python("pop.py", pop3, ("anna", PASSWORD)).starts_with("signed in (0, 0)"));
    let (code, said) =
        mail.curl(&format!("pop3s://localhost:{}/", pop3.port()), ("anna", PASSWORD), &[]);
    assert_eq!(code, 0, "{said}");
    let (smtp, pop3) = (mail.at("submissions", OTHER), mail.at("pop3s", OTHER));
    for (script, at) in [("submit.py", smtp), ("pop.py", pop3)] {
        let said = mail.python(script, at, ("bo", PASSWORD));
        assert!(said.starts_with("rejected "), "{said}");
        told_off(&mail, &said);
    }
    assert!(!mail.postfix.log().contains(OTHER) && !mail.dovecot.log().contains(OTHER));
}

#[test]
fn a_directory_proves_who_it_is_and_hears_of_nobody_else() {
    let slapd = Slapd::start();
    let mail = Mail::start(Some(&slapd));
    mail.travels();
    let before = slapd.about_names().len();
    let (at, others) = (mail.at("imaps", THAILAND), mail.at("imaps", OTHER));
    let others = format!("imaps://localhost:{}/", others.port());
    for login in [("bo", slapd::PASSWORD), ("nobody", slapd::PASSWORD), ("anna)(uid=*", "x")] {
        let (code, said) = mail.curl(&others, login, &[]);
        assert_eq!(code, 67, "{said}");
        told_off(&mail, said.lines().find(|line| line.contains(" NO [")).expect("a no"));
    }
    assert_eq!(slapd.about_names().len(), before, "{:#?}", slapd.about_names());
    let url = format!("imaps://localhost:{}/", at.port());
    let (code, said) = mail.curl(&url, ("anna", slapd::PASSWORD), &[]);
    assert_eq!(code, 0, "{said}\n{}", mail.dovecot.log());
    assert_eq!(slapd.binds("anna"), 1);
    assert!(said.contains("INBOX"), "{said}");
    let found = talk::entry(&mail.gateway, "imap", "allowed");
    assert_eq!(found["user"]["name"], "anna");
    assert_eq!(found["event"]["reason"], "travel_exemption");
}

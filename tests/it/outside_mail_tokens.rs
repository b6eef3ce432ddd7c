//! The traveller's mail with a token instead of a password: XOAUTH2 from curl through the gateway to a
//! real Dovecot and a real Postfix, both of which look at the token themselves once more.

use std::net::SocketAddr;

use serde_json::json;

use crate::support::authority::Authority;
use crate::support::client::get;
use crate::support::dovecot::{Dovecot, place};
use crate::support::gateway::{Gateway, eventually, journey};
use crate::support::outside::{curl, entry};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::postfix::Postfix;
use crate::support::provider::{Key, Provider, now};
use crate::support::talk::{self, reference};

use super::outside_mail_login::example;

const ANNA: &str = "anna@example.dk";
const SUBJECT: &str = "af7c-anna";
const OTHER: &str = "61.19.44.7";

/// `config/examples/dovecot-postfix.yaml` with a provider of OpenID Connect for its people.
struct Mail {
    provider: Provider,
    /// One more key of its, which the gateway knows and Dovecot does not.
    newer: Key,
    dovecot: Dovecot,
    postfix: Postfix,
    gateway: Gateway,
    authority: Authority,
    _directory: tempfile::TempDir,
}

impl Mail {
    fn start() -> Self {
        let provider = Provider::start();
        let (key, newer) = (provider.key(), Key::new("second"));
        provider.publish_keys(&[key.jwk(), newer.jwk()]);
        let dovecot = Dovecot::of_tokens(&provider.issuer(), &key.id, &key.public_pem());
        let postfix = Postfix::of(&dovecot);
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "ca");
        let identity = format!(
            "  entra: {}\n  tokens: {{kind: bearer, issuer: \"{}\", audience: [mail], \
             people_of: entra, timeout: 2s}}\n",
            provider.configuration(""),
            provider.issuer()
        );
        let text = example(&dovecot, &postfix, &authority, &identity);
        let known = "identity_providers: [catalogue]";
        assert!(text.contains(known));
        let gateway = Gateway::start(&text.replace(known, "identity_providers: [entra, tokens]"));
        Self { provider, newer, dovecot, postfix, gateway, authority, _directory: directory }
    }

    fn travels(&self) {
        let leg = format!("TH {}", journey());
        let mut grant = vec!["exemption", "grant", "--organization", "ballerup", "--leg", &leg];
        grant.extend(["--person", ANNA, "--provider", "entra", "--subject", SUBJECT]);
        grant.extend(["--purpose", "Studietur", "--case", "24-1"]);
        for site in ["imap", "pop3", "submission", "webmail"] {
            grant.extend(["--site", site]);
        }
        self.gateway.command(&grant).expect_code(0);
        let web = self.gateway.address("web");
        eventually("the door", || {
            get(web, "mail.example.dk", "/").from(THAILAND).send().status != 403
        });
    }

    fn token(&self, name: &str, subject: &str, key: &Key) -> String {
        let claims = json!({
            "iss": self.provider.issuer(), "aud": "mail", "sub": subject, "upn": name,
            "iat": now() - 100, "exp": now() + 3600,
        });
        key.sign(Some("JWT"), &claims)
    }

    fn at(&self, listener: &str, address: &'static str) -> SocketAddr {
        place(address, self.gateway.address(listener))
    }

    fn curl(&self, url: &str, name: &str, token: &str, more: &[&str]) -> (i32, String) {
        let user = format!("{name}:");
        let ca = self.authority.file.to_str().unwrap();
        let first = ["--user", &user, "--oauth2-bearer", token, "--cacert", ca];
        let loud = ["--verbose", "--stderr", "-", url];
        curl(&[&first[..], &loud, more].concat())
    }

    fn submits(&self, at: SocketAddr, name: &str, token: &str) -> (i32, String) {
        let message = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(message.path(), "Subject: Hej\r\n\r\nHej fra Bangkok\r\n").unwrap();
        let envelope = ["--mail-from", ANNA, "--mail-rcpt", "bo@example.org", "--upload-file"];
        let file = [message.path().to_str().unwrap()];
        let url = format!("smtps://localhost:{}/bangkok", at.port());
        self.curl(&url, name, token, &[&envelope[..], &file].concat())
    }

    fn logs(&self) -> String {
        format!("{}\n{}", self.dovecot.log(), self.postfix.log())
    }

    fn told_off(&self, said: &str) {
        let words = said.replace(['\'', '"', '(', ')', ',', '['], " ");
        let found = entry(&self.gateway, &reference(&words));
        assert_eq!(found["event"]["reason"], "country_listed", "{said}");
    }
}

#[test]
fn a_token_hands_over_mail_and_fetches_it() {
    let mail = Mail::start();
    mail.travels();
    let token = mail.token(ANNA, SUBJECT, mail.provider.key());
    let (smtp, home) = (mail.at("submissions", THAILAND), mail.at("submissions", DENMARK));
    let (code, said) = mail.submits(smtp, ANNA, &token);
    assert!(code == 0 && said.contains("AUTH XOAUTH2"), "{code} {said}\n{}", mail.logs());
    let found = talk::entry(&mail.gateway, "submission", "allowed");
    assert_eq!(found["user"]["name"], ANNA);
    assert_eq!(found["event"]["reason"], "travel_exemption");
    // At home the client speaks with Postfix itself.
    let (code, said) = mail.submits(home, ANNA, &token);
    assert_eq!(code, 0, "{said}\n{}", mail.logs());
    eventually("Postfix has written down who it was", || {
        let log = mail.postfix.log();
        let named = format!("sasl_username={ANNA}");
        let twice = log.matches(&named).count() == 2;
        twice && log.contains("sasl_method=XOAUTH2") && log.contains(&format!("[{THAILAND}]"))
    });
    for (listener, scheme) in [("imaps", "imaps"), ("pop3s", "pop3s")] {
        let url = format!("{scheme}://localhost:{}/", mail.at(listener, THAILAND).port());
        let (code, said) = mail.curl(&url, ANNA, &token, &[]);
        assert_eq!(code, 0, "{scheme}: {said}\n{}", mail.logs());
    }
    let log = format!(
        "{:?}{}",
        mail.gateway.log(),
        mail.gateway.command(&["audit", "search", "--json"]).out
    );
    assert!(!log.contains(&token) && !log.contains(token.rsplit('.').next().unwrap()));
}

#[test]
fn no_other_token_reaches_the_servers_and_theirs_is_the_last_word() {
    let mail = Mail::start();
    mail.travels();
    let key = mail.provider.key();
    let hers = mail.token(ANNA, SUBJECT, key);
    let stolen = Key::new(&key.id);
    let at = mail.at("submissions", OTHER);
    for (name, token) in [
        // Her own token for another's name, another's for hers, one that nobody signed, and none.
        ("bo@example.dk", &hers),
        (ANNA, &mail.token("bo@example.dk", "b0", key)),
        (ANNA, &mail.token(ANNA, SUBJECT, &stolen)),
        (ANNA, &"a.b.c".to_owned()),
    ] {
        let (code, said) = mail.submits(at, name, token);
        assert_eq!(code, 67, "a login that is denied, to curl: {said}");
        mail.told_off(said.lines().find(|line| line.contains("< 535")).expect("a no"));
    }
    assert!(!mail.logs().contains(OTHER), "{}", mail.logs());
    // Dovecot has the last word.
    let at = mail.at("submissions", THAILAND);
    let (code, said) = mail.submits(at, ANNA, &mail.token(ANNA, SUBJECT, &mail.newer));
    assert_eq!(code, 67, "{said}\n{}", mail.logs());
    assert!(said.contains("< 535") && !said.contains("< 235"), "{said}");
    let refused = format!("[{THAILAND}]: SASL XOAUTH2 authentication failed");
    eventually("Postfix has refused her", || mail.postfix.log().contains(&refused));
}

//! Servers that speak TLS themselves, behind a gateway at which TLS ends: Dovecot's IMAPS and a
//! directory's LDAPS, with clients that nobody here wrote.

use std::net::SocketAddr;
use std::path::Path;

use crate::support::authority::Authority;
use crate::support::client::get;
use crate::support::dovecot::{Dovecot, place};
use crate::support::gateway::{Gateway, eventually};
use crate::support::outside::{command, curl};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::slapd::{BASE, SERVICE_PASSWORD, Slapd};
use crate::support::talk::with;
use crate::support::upstream::Upstream;

const PASSWORD: &str = "et-langt-kodeord-til-rejsen";

/// A gateway at which TLS ends, and who its clients trust.
struct Front {
    gateway: Gateway,
    authority: Authority,
    _http: Upstream,
    _directory: tempfile::TempDir,
}

/// In front of this server, by the word of this authority.
fn front(server: SocketAddr, ca: &Path, tcp: &str) -> Front {
    let (http, directory) = (Upstream::start(), tempfile::tempdir().unwrap());
    let authority = Authority::new(directory.path(), "ca");
    let issued = authority.issue("localhost");
    let listener = format!(
        "site: box, tls: {{certificates: [{{chain: \"{}\", key: \"{}\"}}]}}",
        issued.chain.display(),
        issued.key.display()
    );
    let site = format!(
        "upstream: {{servers: [\"tls://{server}\"], tls: {{ca: \"{}\", server_name: localhost}}}}, \
         tcp: {{{tcp}}}",
        ca.display()
    );
    let gateway = Gateway::start(&with(&http, &[("in", &listener)], &[("box", &site)]));
    Front { gateway, authority, _http: http, _directory: directory }
}

impl Front {
    fn at(&self, address: &'static str) -> SocketAddr {
        place(address, self.gateway.address("in"))
    }

    fn mailboxes(&self, address: &'static str) -> (i32, String) {
        let url = format!("imaps://localhost:{}/", self.at(address).port());
        let (user, ca) = (format!("anna:{PASSWORD}"), self.authority.file.to_str().unwrap());
        curl(&["--user", &user, "--cacert", ca, "--verbose", "--stderr", "-", &url])
    }
}

#[test]
fn imaps_goes_on_in_tls_and_a_traveller_signs_in_through_both() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "inner");
    let other = Authority::new(directory.path(), "other");
    let dovecot = Dovecot::secure(&[("anna", PASSWORD)], &authority.issue("localhost"));
    let tcp = "mail: imap, proxy_protocol: v2, login: when_blocked";
    let open = |ca: &Path| {
        let front = front(dovecot.imap, ca, tcp);
        front.gateway.add_user("anna", "ballerup", PASSWORD);
        front.gateway.grant("anna", "TH", &["box", "kilden"]);
        let web = front.gateway.address("web");
        eventually("the door", || {
            get(web, "kilden.example.dk", "/").from(THAILAND).send().status == 401
        });
        front
    };
    let trusted = open(&authority.file);
    for address in [DENMARK, THAILAND] {
        let (code, said) = trusted.mailboxes(address);
        assert_eq!(code, 0, "{said}\n{}", dovecot.log());
        assert!(said.contains("* LIST ") && said.contains("INBOX"), "{said}");
        eventually("dovecot knows whose it is", || {
            dovecot.log().lines().any(|line| {
                line.contains("Login: user=<anna>")
                    && line.contains(&format!("rip={address}"))
                    && line.contains("TLS")
            })
        });
    }
    let (code, said) = trusted.mailboxes(CHINA);
    assert!(code != 0 && said.contains("* BYE "), "{said}");
    let before = dovecot.log().matches("Login: user=").count();
    let deceived = open(&other.file);
    for address in [DENMARK, THAILAND] {
        let (code, said) = deceived.mailboxes(address);
        assert!(code != 0 && said.contains("* BYE [UNAVAILABLE] "), "{said}");
    }
    deceived.gateway.wait_for_log("the operator is told why", |line| {
        line["fields"]["error"].as_str().is_some_and(|error| error.contains("UnknownIssuer"))
    });
    assert_eq!(dovecot.log().matches("Login: user=").count(), before);
}

#[test]
fn a_directory_is_asked_over_ldaps_on_both_sides() {
    let slapd = Slapd::start();
    let directory = tempfile::tempdir().unwrap();
    let other = Authority::new(directory.path(), "other");
    let search = |front: &Front, address| {
        let mut search = command("ldapsearch");
        // It looks for this machine's own name in the certificate of `localhost`.
        search.env("LDAPTLS_REQCERT", "never").args(["-x", "-LLL"]);
        search.args(["-H", &format!("ldaps://localhost:{}", front.at(address).port())]);
        search.args(["-D", "cn=geovagt,dc=example,dc=dk", "-w", SERVICE_PASSWORD]);
        let found = search.args(["-b", BASE, "(uid=anna)", "mail"]).output().unwrap();
        (found.status.success(), String::from_utf8_lossy(&found.stdout).into_owned())
    };
    let trusted = front(slapd.tls, &slapd.authority.file, "idle: 5m");
    let (fine, found) = search(&trusted, DENMARK);
    assert!(fine && found.contains("mail: anna.holm@ballerup.dk"), "{found}");
    let before = slapd.operations().len();
    assert!(!search(&trusted, CHINA).0);
    assert!(!search(&front(slapd.tls, &other.file, "idle: 5m"), DENMARK).0);
    assert_eq!(slapd.operations().len(), before, "nobody else has asked it anything");
}

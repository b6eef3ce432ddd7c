//! Every ready-made configuration, alive: the gateway runs with the very file, at its own addresses and
//! ports, in front of real servers, and clients come from Denmark, Korea, China and Thailand.
//!
//! Where the server that a file is for cannot be had, what stands in for it is said at the test.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;

use crate::outside_activesync::whole_example as sogo;
use crate::support::apache;
use crate::support::browsing::hidden;
use crate::support::dovecot::Dovecot;
use crate::support::gateway::{Gateway, eventually, repository};
use crate::support::outside::{Nginx, Program, command, entry, haproxy, npm_packages};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::postfix::Postfix;
use crate::support::samba;
use crate::support::slapd::{self, Slapd};
use crate::support::town::{FRONT, KOREA, Seen, Town, play};

const PASSWORD: &str = "en lang adgangskode 42";
const KILDEN: &str = "https://kilden.example.dk";
/// What each nginx here says: whom it takes the client for, and how it came.
const SAYS: &str = "location / { return 200 \"$http_x_geovagt_user|$http_x_geovagt_country|\
                    $http_x_forwarded_for|$http_x_forwarded_proto|$host\"; }";

/// Each file, and the function that brings it to life.
macro_rules! alive {
    ($($name:ident: $file:literal,)*) => {
        const ALIVE: &[&str] = &[$($file),*];
        $(
            mod $name {
                use super::{Town, play};

                #[test]
                fn is_alive() {
                    play(&format!("{}::inside", module_path!().split_once("::").unwrap().1));
                }

                #[test]
                #[ignore = "needs the network that the test above makes"]
                fn inside() {
                    super::$name(&Town::around($file));
                }
            }
        )*
    };
}

alive! {
    behind_haproxy: "behind-haproxy.yaml",
    behind_nginx: "behind-nginx.yaml",
    behind_azure: "behind-azure.yaml",
    wordpress: "wordpress.yaml",
    nextcloud: "nextcloud.yaml",
    exchange: "exchange.yaml",
    sharepoint: "sharepoint.yaml",
    dovecot_postfix: "dovecot-postfix.yaml",
    sogo: "sogo.yaml",
    ldap: "ldap.yaml",
    entra: "entra.yaml",
    adfs: "adfs.yaml",
    keycloak: "keycloak.yaml",
}

#[test]
fn no_file_is_without_a_live_test() {
    let forward_auth = include_str!("outside_forward_auth.rs");
    for found in std::fs::read_dir(repository().join("config/examples")).unwrap() {
        let name = found.unwrap().file_name().into_string().unwrap();
        let elsewhere = forward_auth.contains(&format!("example(\"{name}\""));
        assert!(ALIVE.contains(&&*name) || elsewhere, "{name} is alive in no test");
    }
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// The site `kilden`, as most examples have it, and what is behind.
fn kilden(town: &Town) -> Nginx {
    town.has("10.1.0.10", "");
    town.knows(FRONT, "kilden.example.dk");
    Nginx::at(at("10.1.0.10:8080"), "", SAYS)
}

/// Whoever is in a country of no list gets in, and China is told that it does not.
fn decides(town: &Town, gateway: &Gateway, url: &str) {
    for (address, country) in [(DENMARK, "DK"), (KOREA, "KR")] {
        let seen = town.ask(address, url, &[]);
        assert_eq!(seen.status, 200, "{seen:?}");
        assert!(seen.body.starts_with(&format!("|{country}|{address}|")), "{seen:?}");
    }
    is_rejected(gateway, CHINA, &town.ask(CHINA, url, &[]));
}

fn is_rejected(gateway: &Gateway, address: &str, seen: &Seen) {
    assert_eq!(seen.status, 403, "{seen:?}");
    let entry = entry(gateway, &seen.reference);
    assert_eq!(entry["event"]["reason"], "country_listed");
    assert_eq!(entry["client"]["ip"], address);
}

/// Anna travels with a local account, and gets in there alone; Bo does not, who has no exemption.
fn lets_travel(town: &Town, gateway: &Gateway, sites: &[&str], url: &str) {
    for name in ["anna.holm", "bo.lund"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    let asks =
        |from: &str, name: &str| town.ask(from, url, &["-u", &format!("{name}:{PASSWORD}")]).status;
    assert_eq!(asks(THAILAND, "anna.holm"), 403);
    gateway.grant("anna.holm", "TH", sites);
    eventually("she travels", || asks(THAILAND, "anna.holm") == 200);
    assert_eq!(asks(THAILAND, "bo.lund"), 403);
    assert_eq!(asks(CHINA, "anna.holm"), 403);
}

/// The example has no scheme of exemptions, so nobody can be given one.
fn has_no_scheme(gateway: &Gateway, site: &str) {
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let grant = ["exemption", "grant", "--organization", "ballerup", "--person", "anna.holm"];
    let journey = ["--leg", "TH 2026-12-01..2026-12-08", "--site", site, "--purpose", "x"];
    let refused = gateway.command(&[&grant[..], &journey, &["--case", "1"]].concat());
    assert_eq!(refused.code, 1, "{refused:?}");
}

/// HAProxy with the lines that the example shows.
fn behind_haproxy(town: &Town) {
    for address in ["10.1.0.5", "10.1.0.2", "10.1.0.3"] {
        town.has(address, "");
    }
    let _nginx = kilden(town);
    let gateway = town.gateway();
    // Of its own addresses it takes the one that the example expects.
    let lines =
        town.shown_after("In HAProxy:").replace("send-proxy-v2 ", "source 10.1.0.2 send-proxy-v2 ");
    assert!(lines.contains("source"));
    let _haproxy = haproxy(&town.room("haproxy"), &lines, at(&format!("{FRONT}:443")));
    eventually("HAProxy has looked at the gateway", || {
        town.curl(DENMARK, &["-o", "/dev/null", KILDEN]).0 == 0
    });
    decides(town, &gateway, KILDEN);
    has_no_scheme(&gateway, "kilden");
    // Whoever comes to the gateway itself is known by that address, and a header of theirs is refused.
    let direct = ["--connect-to", "::10.1.0.5:8443"];
    is_rejected(&gateway, CHINA, &town.ask(CHINA, KILDEN, &direct));
    for address in [CHINA, DENMARK] {
        let (code, said) =
            town.curl(address, &[&direct[..], &["--haproxy-protocol", KILDEN]].concat());
        assert!([35, 52, 56].contains(&code), "{code} {said}");
    }
}

/// nginx with the lines that the example shows.
fn behind_nginx(town: &Town) {
    let _nginx = kilden(town);
    let gateway = town.gateway();
    let (chain, key) = town.front_certificate();
    let tls =
        format!("ssl; ssl_certificate {}; ssl_certificate_key {}", chain.display(), key.display());
    let _front = Nginx::at(at(&format!("{FRONT}:443")), &tls, &town.shown_after("or alone:"));
    decides(town, &gateway, KILDEN);
    has_no_scheme(&gateway, "kilden");
}

/// An nginx stands in for the Application Gateway: it ends TLS, opens it anew from the subnet that the
/// example trusts, and writes the address alone into the header.
fn behind_azure(town: &Town) {
    for address in ["10.20.0.4", "10.20.1.4", "10.21.0.4"] {
        town.has(address, "");
    }
    let _nginx = kilden(town);
    let gateway = town.gateway();
    let (chain, key) = town.front_certificate();
    let tls =
        format!("ssl; ssl_certificate {}; ssl_certificate_key {}", chain.display(), key.display());
    let location = "location / { proxy_pass https://10.20.1.4:8443; proxy_bind 10.20.0.4;
      proxy_ssl_server_name on; proxy_ssl_name $host; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; }";
    let _front = Nginx::at(at(&format!("{FRONT}:443")), &tls, location);
    decides(town, &gateway, KILDEN);
    has_no_scheme(&gateway, "kilden");
    let probe = town.ask(DENMARK, "http://10.20.1.4:9100/healthz", &[]);
    assert_eq!(probe.status, 200);
    // From another subnet nobody is believed.
    let forged = format!("X-Forwarded-For: {DENMARK}");
    let direct = ["--connect-to", "::10.20.1.4:8443", "-H", &forged];
    assert_eq!(town.ask("10.21.0.4", KILDEN, &direct).status, 403);
}

/// nginx stands in for WordPress.
fn wordpress(town: &Town) {
    town.has("10.1.0.30", "");
    town.knows(FRONT, "www.example.dk example.dk redaktion.example.dk");
    let _nginx = Nginx::at(at("10.1.0.30:80"), "", SAYS);
    let gateway = town.gateway();
    decides(town, &gateway, "https://redaktion.example.dk/wp-admin/");
    for host in ["www.example.dk", "example.dk"] {
        for (address, country) in [(DENMARK, "DK"), (CHINA, "CN")] {
            let seen = town.ask(address, &format!("https://{host}/"), &[]);
            assert_eq!(seen.status, 200, "{seen:?}");
            assert_eq!(seen.body, format!("|{country}|{address}|https|{host}"));
        }
    }
    has_no_scheme(&gateway, "editors");
}

/// Apache's WebDAV stands in for Nextcloud's.
fn nextcloud(town: &Town) {
    town.has("10.1.0.20", "");
    town.knows(FRONT, "sky.example.dk");
    let room = town.room("apache");
    let _apache = apache::start(&room, at("10.1.0.20:80"), None);
    let gateway = town.gateway();
    let file = "https://sky.example.dk/referat.txt";
    let puts = |from: &str| town.ask(from, file, &["-X", "PUT", "--data-binary", "goddag"]);
    assert_eq!(puts(DENMARK).status, 201);
    is_rejected(&gateway, CHINA, &puts(CHINA));
    assert_eq!(town.ask(KOREA, file, &[]).body, "goddag");
    lets_travel(town, &gateway, &["nextcloud"], file);
    let seen = town.ask(THAILAND, file, &["-u", &format!("anna.holm:{PASSWORD}"), "-r", "3-5"]);
    assert_eq!((seen.status, seen.body.as_str()), (206, "dag"));
    // The local account's password is the gateway's alone; whose it is goes on.
    eventually("Apache has written down who came", || {
        std::fs::read_to_string(room.join("access")).unwrap().contains("- anna.holm GET")
    });
    let written = std::fs::read_to_string(room.join("access")).unwrap();
    assert!(!written.contains("Basic"), "{written}");
}

/// A server that demands NTLM of a real NTLM library, with TLS, stands in for Exchange.
fn exchange(town: &Town) {
    town.knows(FRONT, "mail.example.dk autodiscover.example.dk");
    let name = "exchange.internal.example.dk";
    let _server = town.has_machine("10.1.0.40", name, || ntlm_server(town, name, "10.1.0.40:443"));
    let gateway = town.gateway();
    let ntlm = ["--ntlm", "-u", "KOMMUNE\\anna:anna", "-d", "<soap/>"];
    let posted = "KOMMUNE\\anna POST 7";
    let protocols = [
        "https://mail.example.dk/owa/",
        "https://mail.example.dk/EWS/Exchange.asmx",
        "https://mail.example.dk/OAB/1/oab.xml",
        "https://mail.example.dk/Microsoft-Server-ActiveSync?Cmd=Sync&User=anna",
        "https://mail.example.dk/Microsoft-Server-ActiveSync?Cmd=Ping&User=anna",
        "https://autodiscover.example.dk/autodiscover/autodiscover.xml",
    ];
    for url in protocols {
        for address in [DENMARK, KOREA] {
            let seen = town.ask(address, url, &ntlm);
            assert_eq!((seen.status, seen.body.as_str()), (200, posted), "{url}");
        }
        is_rejected(&gateway, CHINA, &town.ask(CHINA, url, &ntlm));
    }
    // MAPI over HTTP: in chunks both ways, and the answer's come while it is worked on.
    let mapi = "https://mail.example.dk/mapi/emsmdb/?MailboxId=anna";
    let chunked = [&ntlm[..], &["-H", "Transfer-Encoding: chunked"]].concat();
    let seen = town.ask(DENMARK, mapi, &chunked);
    let working = "PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\n\r\n";
    assert_eq!(seen.body, format!("{working}{posted}"), "{seen:?}");
    // The administration is closed to whoever is abroad, the traveller too.
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway.grant("anna.holm", "TH", &["mail"]);
    let (owa, ecp) = ("https://mail.example.dk/owa/", "https://mail.example.dk/ecp/");
    eventually("the door is open", || {
        town.ask(THAILAND, owa, &["-H", "Accept: text/html"]).status == 303
    });
    let jar = town.sign_in(THAILAND, "https://mail.example.dk", "anna.holm", PASSWORD);
    let travels = [&ntlm[..], &["-b", jar.to_str().unwrap()]].concat();
    let seen = town.ask(THAILAND, owa, &travels);
    assert_eq!((seen.status, seen.body.as_str()), (200, posted), "{seen:?}");
    assert_eq!(town.ask(THAILAND, ecp, &travels).status, 403);
    for abroad in [CHINA, KOREA] {
        assert_eq!(town.ask(abroad, ecp, &ntlm).status, 403, "{abroad}");
    }
    assert_eq!(town.ask(DENMARK, ecp, &ntlm).body, posted);
    assert_eq!(town.ask(DENMARK, "https://mail.example.dk/powershell/", &ntlm).status, 403);
}

fn ntlm_server(town: &Town, name: &str, address: &str) -> Program {
    let room = town.room("ntlm");
    let users = room.join("users");
    std::fs::write(&users, "KOMMUNE:anna:anna\n").unwrap();
    let issued = town.authority.issue(name);
    let python = repository().join("tests/windows/.venv/bin/python");
    assert!(python.exists(), "tests/run installs pyspnego into {}", python.display());
    let mut serve = command(python.to_str().unwrap());
    serve.arg(repository().join("tests/windows/server.py")).arg(address).arg(&users);
    serve.arg(&issued.chain).arg(&issued.key);
    Program::start(serve, &room.join("output"), at(address))
}

/// Apache's WebDAV with TLS stands in for SharePoint's; litmus says how well it is spoken.
fn sharepoint(town: &Town) {
    town.knows(FRONT, "intranet.example.dk mit.example.dk");
    let room = town.room("apache");
    let issued = town.authority.issue("sharepoint.internal.example.dk");
    let _apache = town.has_machine("10.1.0.41", "sharepoint.internal.example.dk", || {
        apache::start(&room, at("10.1.0.41:443"), Some(&issued))
    });
    let gateway = town.gateway();
    for host in ["intranet.example.dk", "mit.example.dk"] {
        let url = |path: &str| format!("https://{host}/{path}");
        let ask = |from: &str, method: &str, path: &str, more: &[&str]| {
            town.ask(from, &url(path), &[&["-X", method], more].concat())
        };
        assert_eq!(ask(DENMARK, "PUT", "a.txt", &["--data-binary", "goddag"]).status, 201);
        let destination = format!("Destination: {}", url("b%20c.txt"));
        assert_eq!(ask(DENMARK, "MOVE", "a.txt", &["-H", &destination]).status, 201);
        assert_eq!(ask(KOREA, "GET", "b%20c.txt", &["-r", "0-2"]).body, "god");
        let listed = ask(DENMARK, "PROPFIND", "", &["-H", "Depth: 1"]);
        assert!(listed.status == 207 && listed.body.contains("/b%20c.txt"), "{listed:?}");
        is_rejected(&gateway, CHINA, &ask(CHINA, "PROPFIND", "", &["-H", "Depth: 1"]));
        assert_eq!(ask(DENMARK, "DELETE", "b%20c.txt", &[]).status, 204);
    }
    assert_eq!(
        town.ask(DENMARK, "https://intranet.example.dk/f", &["-X", "PUT", "-d", "1"]).status,
        201
    );
    lets_travel(town, &gateway, &["intranet"], "https://intranet.example.dk/f");
    large_file(town, &gateway);
    let through = litmus(&room, "https://intranet.example.dk/");
    let direct = litmus(&room, "https://sharepoint.internal.example.dk/");
    assert!(direct.iter().filter(|line| line.contains("pass")).count() > 50, "{direct:#?}");
    assert_eq!(through, direct);
}

/// A quarter of a gibibyte up and down again, in a memory that does not grow with it.
fn large_file(town: &Town, gateway: &Gateway) {
    let (url, file) = ("https://intranet.example.dk/stor", town.path().join("stor"));
    let back = town.path().join("tilbage");
    let carries = |octets: u64| {
        std::fs::File::create(&file).unwrap().set_len(octets).unwrap();
        let up = town.ask(DENMARK, url, &["-T", file.to_str().unwrap()]);
        assert!([201, 204].contains(&up.status), "{up:?}");
        let down = town.ask(DENMARK, url, &["-o", back.to_str().unwrap()]);
        assert_eq!((down.status, std::fs::metadata(&back).unwrap().len()), (200, octets));
        most_memory(gateway)
    };
    let before = carries(8 << 20);
    let after = carries(256 << 20);
    assert!(after < before + (24 << 10), "{before} KiB grew to {after}");
}

/// The most memory that the gateway has held, in KiB.
fn most_memory(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What litmus finds, a line for each of its tests.
fn litmus(room: &Path, url: &str) -> Vec<String> {
    let mut litmus = command("litmus");
    let output = litmus.args(["--keep-going", url]).current_dir(room).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = |line: &str| line.rsplit('\r').next().unwrap_or(line).trim().to_owned();
    said.lines().map(last).filter(|line| line.contains("..")).collect()
}

/// Dovecot and Postfix with the lines that the example shows, people in a directory; curl speaks all
/// three protocols. The login itself is heard in `outside_mail_login`.
fn dovecot_postfix(town: &Town) {
    town.has("10.1.0.20", "");
    town.knows(FRONT, "mail.example.dk");
    let _webmail = Nginx::at(at("10.1.0.20:8080"), "", SAYS);
    // On one machine the gateway comes from the address that it goes to.
    let shown = town.shown_after("In Dovecot:").replace("10.1.0.5", "10.1.0.20");
    let plain = "service imap-login {\n  inet_listener imap {\n    port = 0\n  }\n}\n\
                 service pop3-login {\n  inet_listener pop3 {\n    port = 0\n  }\n}\n";
    let lines = format!("protocols = imap pop3\n{plain}{shown}");
    let dovecot = Dovecot::configured(&lines, at("10.1.0.20:10143"), at("10.1.0.20:10143"));
    let master = town.shown_after("In Postfix (master.cf)").replace(" n - y ", " n - n ");
    let logins = format!(
        "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {}\nsmtpd_relay_restrictions = permit_sasl_authenticated, reject\n",
        dovecot.logins.display()
    );
    let postfix = Postfix::configured(at("10.1.0.20:10587"), &logins, &master);
    town.has("10.1.0.60", "ldap.example.dk");
    let slapd = Slapd::named("ldap.example.dk", at("10.1.0.60:389"), at("10.1.0.60:636"));
    town.trusts(&slapd.authority.file);
    town.secret("ldap", slapd::SERVICE_PASSWORD);
    let gateway = town.gateway();
    decides(town, &gateway, "https://mail.example.dk/");
    let speaks = |from: &str, url: &str, more: &[&str]| {
        town.curl(from, &[&["-u", "anna:secret", "-v", "--stderr", "-"], more, &[url]].concat())
    };
    let (imap, pop3) = ("imaps://mail.example.dk/", "pop3s://mail.example.dk/");
    let smtp = ["--mail-from", "anna@example.dk", "smtps://mail.example.dk"];
    let submits = |from: &str| speaks(from, smtp[2], &[&smtp[..2], &["-X", "RSET"]].concat());
    let good = |(code, said): (i32, String), sign: &str| {
        assert!(
            code == 0 && said.contains(sign),
            "{code} {said}\n{}\n{}",
            dovecot.log(),
            postfix.log()
        );
    };
    let told = |(code, said): (i32, String), sign: &str| {
        assert!(code != 0 && said.contains(sign) && !said.contains("secret"), "{code} {said}");
    };
    good(speaks(DENMARK, imap, &[]), "INBOX");
    good(speaks(KOREA, pop3, &[]), "+OK");
    good(submits(DENMARK), "235 ");
    eventually("both know where the client is", || {
        let heard = dovecot.log().contains(&format!("rip={DENMARK}"));
        heard && postfix.log().contains(&format!("[{DENMARK}]"))
    });
    for abroad in [CHINA, THAILAND] {
        told(speaks(abroad, imap, &[]), "* BYE ");
        told(speaks(abroad, pop3, &[]), "-ERR ");
        told(submits(abroad), "554");
    }
    gateway.grant("anna", "TH", &["webmail", "imap", "pop3", "submission"]);
    let webmail = "https://mail.example.dk";
    eventually("the door is open", || {
        town.ask(THAILAND, webmail, &["-H", "Accept: text/html"]).status == 303
    });
    let jar = town.sign_in(THAILAND, webmail, "anna", slapd::PASSWORD);
    let cookies = jar.to_str().unwrap();
    let here = format!("{webmail}/.geovagt/adresse");
    let kept = ["-b", cookies, "-c", cookies, "-H", "Accept: text/html"];
    let page = town.ask(THAILAND, &here, &kept);
    let token = format!("csrf={}", hidden(&page.body, "csrf"));
    let pressed = town.ask(THAILAND, &here, &[&kept[..], &["-d", &token]].concat());
    assert_eq!(pressed.status, 200, "{pressed:?}");
    good(speaks(THAILAND, imap, &[]), "INBOX");
    good(speaks(THAILAND, pop3, &[]), "+OK");
    good(submits(THAILAND), "235 ");
    told(speaks(CHINA, imap, &[]), "* BYE ");
    assert!(!dovecot.log().contains(CHINA) && !postfix.log().contains(CHINA));
}

/// Samba's Active Directory, of whose two controllers one is away. nginx stands in for Exchange.
fn ldap(town: &Town) {
    town.has("10.1.0.60", "dc1.example.dk");
    town.knows("10.1.0.61", "dc2.example.dk");
    town.knows(FRONT, "mail.example.dk autodiscover.example.dk");
    let _nginx = kilden(town);
    let issued = town.authority.issue("exchange.internal.example.dk");
    let tls = format!(
        "ssl; ssl_certificate {}; ssl_certificate_key {}",
        issued.chain.display(),
        issued.key.display()
    );
    let _exchange = town.has_machine("10.1.0.40", "exchange.internal.example.dk", || {
        Nginx::at(at("10.1.0.40:443"), &tls, SAYS)
    });
    let _samba = samba::start(&town.room("samba"), &town.authority, "10.1.0.60");
    town.secret("ldap", samba::SERVICE_PASSWORD);
    let gateway = town.gateway();
    let mail = "https://mail.example.dk/Microsoft-Server-ActiveSync";
    decides(town, &gateway, KILDEN);
    decides(town, &gateway, mail);
    gateway.grant("anna", "TH", &["mail", "kilden"]);
    let asks = |from: &str, url: &str, name: &str| {
        town.ask(from, url, &["-u", &format!("{name}:{}", samba::PASSWORD)])
    };
    eventually("anna travels", || asks(THAILAND, mail, "anna").status == 200);
    for name in ["BALLERUP\\anna", "anna@ballerup.dk"] {
        let seen = asks(THAILAND, mail, name);
        assert!(seen.status == 200 && seen.body.starts_with("anna|TH|"), "{name}: {seen:?}");
    }
    assert_eq!(asks(THAILAND, mail, "bo").status, 403);
    assert_eq!(asks(CHINA, mail, "anna").status, 403);
    assert_eq!(town.ask(THAILAND, mail, &["-u", "anna:forkert"]).status, 403);
    let jar = town.sign_in(THAILAND, KILDEN, "anna", samba::PASSWORD);
    let seen = town.ask(THAILAND, KILDEN, &["-b", jar.to_str().unwrap()]);
    assert!(seen.status == 200 && seen.body.starts_with("anna|TH|"), "{seen:?}");
}

/// The certified provider of npm stands in for Entra ID, at its addresses. The tokens of mail clients
/// are not made here.
fn entra(town: &Town) {
    let issuer = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0";
    let people = json!({
        "anna": {"name": "Anna Holm", "email": "anna.holm@example.dk", "oid": "aaaa-1"},
        "bo": {"name": "Bo Lund", "email": "bo.lund@example.dk", "oid": "bbbb-2"},
    });
    let client = "11111111-2222-3333-4444-555555555555";
    signs_in_elsewhere(town, "entra", issuer, client, &people);
}

/// The certified provider of npm stands in for AD FS.
fn adfs(town: &Town) {
    let people = json!({
        "anna": {"name": "Anna Holm", "email": "a@example.dk", "upn": "anna.holm@example.dk"},
        "bo": {"name": "Bo Lund", "email": "b@example.dk", "upn": "bo.lund@example.dk"},
    });
    let client = "11111111-2222-3333-4444-555555555555";
    signs_in_elsewhere(town, "adfs", "https://sts.example.dk/adfs", client, &people);
}

/// The certified provider of npm stands in for Keycloak.
fn keycloak(town: &Town) {
    let people = json!({
        "anna": {"name": "Anna Holm", "email": "anna.holm@example.dk", "groups": ["geovagt-users"]},
        "bo": {"name": "Bo Lund", "email": "bo.lund@example.dk", "groups": ["geovagt-users"]},
        "carl": {"name": "Carl", "email": "carl@example.dk", "groups": []},
    });
    let issuer = "https://login.example.dk/realms/ballerup";
    let (_provider, gateway) = signs_in_elsewhere(town, "keycloak", issuer, "geovagt", &people);
    assert_eq!(there_and_back(town, "keycloak", DENMARK, "carl").status, 403, "not of the group");
    drop(gateway);
}

fn signs_in_elsewhere(
    town: &Town,
    name: &str,
    issuer: &str,
    client: &str,
    people: &serde_json::Value,
) -> (Program, Gateway) {
    let secret = "en hemmelighed: 100 % sikker";
    town.secret(name, secret);
    let host = url::Url::parse(issuer).unwrap().host_str().unwrap().to_owned();
    let _nginx = kilden(town);
    let client = json!({
        "client_id": client, "client_secret": secret,
        "redirect_uris": [format!("{KILDEN}/.geovagt/callback")],
        "post_logout_redirect_uris": [format!("{KILDEN}/.geovagt/sign-out")],
    });
    let provider =
        town.has_machine("10.1.0.70", &host, || provider(town, &host, issuer, &client, people));
    let gateway = town.gateway();
    decides(town, &gateway, KILDEN);
    let seen = there_and_back(town, name, DENMARK, "anna");
    assert!(seen.status == 200 && seen.body.starts_with("anna.holm@example.dk|DK|"), "{seen:?}");
    assert_eq!(seen.address, format!("{KILDEN}/sag"));
    gateway.grant("anna.holm@example.dk", "TH", &["kilden"]);
    eventually("the door is open", || {
        town.ask(THAILAND, KILDEN, &["-H", "Accept: text/html"]).status == 303
    });
    let seen = there_and_back(town, name, THAILAND, "anna");
    assert!(seen.status == 200 && seen.body.starts_with("anna.holm@example.dk|TH|"), "{seen:?}");
    assert_eq!(there_and_back(town, name, THAILAND, "bo").status, 403);
    (provider, gateway)
}

fn provider(
    town: &Town,
    host: &str,
    issuer: &str,
    client: &serde_json::Value,
    people: &serde_json::Value,
) -> Program {
    npm_packages("oidc");
    let issued = town.authority.issue(host);
    let settings = json!({
        "issuer": issuer, "address": "10.1.0.70", "port": 443, "key": issued.key,
        "certificate": issued.chain, "clients": [client], "people": people,
    });
    let mut node = command("node");
    node.arg(repository().join("tests/oidc/provider.mjs")).env("SETTINGS", settings.to_string());
    Program::start(node, &town.path().join("provider"), at("10.1.0.70:443"))
}

/// Signs in at the provider, sent there by the gateway, and gives what comes in the end.
fn there_and_back(town: &Town, provider: &str, from: &str, who: &str) -> Seen {
    let jar = tempfile::NamedTempFile::new().unwrap();
    let cookies = jar.path().to_str().unwrap();
    let kept = ["-b", cookies, "-c", cookies, "-L", "-H", "Accept: text/html"];
    let away = format!("{KILDEN}/.geovagt/sign-in?provider={provider}&next=/sag");
    let form = town.ask(from, &away, &kept);
    assert!(form.body.contains("name=\"login\""), "{form:?}");
    town.ask(from, &form.address, &[&kept[..], &["-d", &format!("login={who}")]].concat())
}

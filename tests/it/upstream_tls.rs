//! TLS to the upstream: whom the gateway trusts, what it shows, and which name it asks for.

use super::support::authority::Authority;
use super::support::backend::{Backend, Speaks};
use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration_with_upstream};
use super::support::places::DENMARK;

const NAME: &str = "intranet.internal";

fn ask(gateway: &Gateway) -> Answer {
    get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK).send()
}

fn block(server: &Backend, authority: &Authority, more: &str) -> String {
    let (url, ca) = (server.url(), authority.file.display());
    format!("servers: [\"{url}\"], tls: {{ca: \"{ca}\", server_name: {NAME}{more}}}")
}

fn started(block: &str) -> Gateway {
    Gateway::start(&configuration_with_upstream(block, ""))
}

fn server(authority: &Authority, speaks: Speaks, clients: Option<&Authority>) -> Backend {
    let protocols: &[&str] = match speaks {
        Speaks::Http1 => &["http/1.1"],
        Speaks::Http2 => &["h2"],
    };
    let config = authority.server(NAME, protocols, clients);
    Backend::serve("a", speaks, Some(config), "127.0.0.1:0")
}

#[test]
fn a_private_authority_is_trusted_where_the_site_names_it_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let other = Authority::new(directory.path(), "other");
    let server = server(&authority, Speaks::Http1, None);
    let gateway = started(&block(&server, &authority, ""));
    let answer = ask(&gateway);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["tls"], format!("{NAME} 0"), "the name is asked for");
    assert_eq!(answer.json()["host"], "kilden.example.dk", "and the Host is the client's");
    assert_eq!(ask(&started(&block(&server, &other, ""))).status, 502, "another authority");
    let system = format!("servers: [\"{}\"], tls: {{server_name: {NAME}}}", server.url());
    assert_eq!(ask(&started(&system)).status, 502, "the operating system's");
    let unnamed = block(&server, &authority, "").replace(NAME, "other.internal");
    assert_eq!(ask(&started(&unnamed)).status, 502, "another name");
    assert_eq!(server.requests(), 1, "nothing went over a connection that is not trusted");
}

#[test]
fn a_client_certificate_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let clients = Authority::new(directory.path(), "clients");
    let server = server(&authority, Speaks::Http1, Some(&clients));
    assert_eq!(ask(&started(&block(&server, &authority, ""))).status, 502, "without one");
    let own = clients.issue("geovagt");
    let more =
        format!(", certificate: \"{}\", key: \"{}\"", own.chain.display(), own.key.display());
    let answer = ask(&started(&block(&server, &authority, &more)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["tls"], format!("{NAME} 1"));
}

#[test]
fn tls_agrees_on_the_protocol() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    for (speaks, protocol, seen) in [
        (Speaks::Http2, "auto", Some("HTTP/2.0")),
        (Speaks::Http2, "http2", Some("HTTP/2.0")),
        (Speaks::Http1, "auto", Some("HTTP/1.1")),
        (Speaks::Http1, "http1", Some("HTTP/1.1")),
        (Speaks::Http1, "http2", None),
    ] {
        let server = server(&authority, speaks, None);
        let block = block(&server, &authority, "") + &format!(", protocol: {protocol}");
        let gateway = started(&block);
        match seen {
            Some(version) => {
                assert_eq!(ask(&gateway).json()["version"], version, "{speaks:?} {protocol}");
                assert_eq!(ask(&gateway).status, 200);
                assert_eq!(server.connections(), 1, "{speaks:?} {protocol}");
            }
            None => assert_eq!(ask(&gateway).status, 502),
        }
    }
}

#[test]
fn check_and_reload_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let server = server(&authority, Speaks::Http1, None);
    let gateway = started(&block(&server, &authority, ""));
    assert_eq!(ask(&gateway).status, 200);
    std::fs::write(&authority.file, "rubbish").unwrap();
    let said = gateway.command(&["check"]).expect_code(1);
    assert!(said.err.contains("ca.pem holds no certificate"), "{}", said.err);
    let said = gateway.command(&["reload"]).expect_code(1);
    assert!(said.err.contains("ca.pem holds no certificate"), "{}", said.err);
    assert_eq!(ask(&gateway).status, 200, "what was trusted stays trusted");
    let _other = Authority::new(directory.path(), "ca");
    gateway.command(&["reload"]).expect_code(0);
    assert_eq!(ask(&gateway).status, 502, "the server is not the new authority's");
}

#[test]
fn a_server_that_no_certificate_can_name_is_refused_and_not_spoken_to_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let server = server(&authority, Speaks::Http1, None);
    let gateway = started(&block(&server, &authority, ""));
    let configure = |block: &str| {
        std::fs::write(gateway.config_file(), configuration_with_upstream(block, "")).unwrap();
    };
    for host in ["kilden..example.dk", "-kilden.example.dk", "kilden,example.dk"] {
        configure(&format!("servers: [\"https://{host}\"]"));
        for command in ["check", "reload"] {
            let said = gateway.command(&[command]).expect_code(1);
            assert!(said.err.contains(host), "{command} {host}: {}", said.err);
        }
        assert_eq!(ask(&gateway).status, 200, "{host}: what was there goes on");
    }
    // It is the name that is refused, and another one in its place is taken.
    configure("servers: [\"https://kilden..example.dk\"], tls: {server_name: kilden.example.dk}");
    gateway.command(&["reload"]).expect_code(0);
    assert_eq!(ask(&gateway).status, 502, "there is no such server");
}

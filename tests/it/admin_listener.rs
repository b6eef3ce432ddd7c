//! The administration's listener: it is where it is configured, for the networks it is meant for, and
//! nowhere else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::DENMARK;
use crate::support::upstream::Upstream;

const ADMIN: &str = "admin: {bind: [\"127.0.0.1:0\"]}";

#[test]
fn the_administration_is_on_its_own_listener_alone() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ADMIN));
    let admin = gateway.address("admin");
    let ours = get(admin, &admin.to_string(), "/").send();
    assert_eq!(ours.status, 401);
    assert!(ours.text().contains("action=\"/sign-in\""), "{}", ours.text());
    let cookies = "a=b; geovagt-admin=AAAA; __Host-geovagt-admin=BBBB; geovagt-language=en";
    for host in ["kilden.example.dk", "nobody.example.dk", &admin.to_string(), "localhost"] {
        for path in
            ["/", "/sign-in", "/account", "/travel", "/api/v1/session", "/api/v1/openapi.json"]
        {
            for listener in ["web", "direct"] {
                let asked = get(gateway.address(listener), host, path);
                let answered = asked.from(DENMARK).header("Cookie", cookies).send();
                let text = answered.text();
                assert!(!text.contains("action=\"/sign-in\""), "{listener} {host} {path}: {text}");
                assert!(!text.contains("\"openapi\"") && !text.contains("signed_in"), "{text}");
                let forwarded = text.contains("a=b");
                assert!(
                    !text.contains("AAAA") && !text.contains("BBBB"),
                    "an upstream got it: {text}"
                );
                let there = host.starts_with("kilden") && listener == "web";
                assert_eq!(forwarded, there, "{listener} {host} {path}: {text}");
            }
        }
    }
    // Nor is a site, or what belongs to its visitors, on this one.
    let site = get(admin, "kilden.example.dk", "/.geovagt/lande").send();
    assert_eq!(site.status, 401);
}

#[test]
fn whoever_is_in_none_of_the_networks_gets_no_byte() {
    let upstream = Upstream::start();
    let admin = "admin: {bind: [\"127.0.0.1:0\"], networks: [10.0.0.0/8, \"::1/128\"]}";
    let gateway = Gateway::start(&configuration(&upstream.url(), admin));
    let mut stream = TcpStream::connect(gateway.address("admin")).unwrap();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    assert!(received.is_empty(), "{}", String::from_utf8_lossy(&received));
    // A reload lets them in without opening the socket anew.
    let text = std::fs::read_to_string(gateway.config_file()).unwrap();
    std::fs::write(gateway.config_file(), text.replace("10.0.0.0/8", "127.0.0.0/8")).unwrap();
    gateway.command(&["reload"]).expect_code(0);
    assert_eq!(get(gateway.address("admin"), "localhost", "/").send().status, 401);
}

#[test]
fn a_token_from_the_command_line_counts_until_it_is_revoked() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ADMIN));
    let add = ["token", "add", "Journal", "--organization", "ballerup", "--role", "security"];
    let made = gateway.command(&add).expect_code(0);
    let token = made.out.trim().to_owned();
    let call = || {
        let asked = get(gateway.address("admin"), "localhost", "/api/v1/tokens");
        asked.header("Authorization", &format!("Bearer {token}")).send()
    };
    // Made by the operator of the machine and nobody else's: it sees its own organisation alone.
    assert_eq!(call().status, 200, "{}", call().text());
    let listed = gateway.command(&["token", "list", "--organization", "ballerup", "--json"]).json();
    let id = listed[0]["id"].as_str().unwrap();
    assert!(!listed.to_string().contains(&token));
    for (organization, code) in [("egedal", 1), ("ballerup", 0), ("ballerup", 1)] {
        let revoke = ["token", "revoke", id, "--organization", organization];
        gateway.command(&revoke).expect_code(code);
    }
    assert_eq!(call().status, 401);
    for wrong in [&["--role", "nobody"][..], &["--scope", "all"], &["--days", "0"]] {
        let arguments: Vec<&str> = add.iter().chain(wrong).copied().collect();
        let refused = gateway.command(&arguments).expect_code(1);
        assert!(refused.err.contains("nothing was changed"), "{}", refused.err);
    }
    let actions = || gateway.command(&["audit", "search", "--json"]).out;
    eventually("both are in the log", || {
        ["token_made", "token_revoked"].iter().all(|action| actions().contains(action))
    });
    assert!(!actions().contains(&token));
}

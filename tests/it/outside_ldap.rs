//! A directory as the organisation's way to know its people: a real OpenLDAP, with StartTLS and with
//! TLS, its log counted.

use std::time::Instant;

use crate::support::client::{Answer, Request, get};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::slapd::{BASE, LOCKOUT, PASSWORD, Slapd};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

/// A configuration whose Ballerup knows its people by a directory.
fn with_directory(upstream: &Upstream, provider: &str) -> String {
    let text = configuration(&upstream.url(), "");
    let local = "identity_providers: [local]";
    let text = text.replacen(local, "identity_providers: [catalogue]", 1);
    text.replacen("identity:\n", &format!("identity:\n{provider}"), 1)
}

fn running(slapd: &Slapd, provider: &str) -> (Upstream, Gateway) {
    assert!(!slapd.authority.file.as_os_str().is_empty());
    let upstream = Upstream::start();
    let gateway = Gateway::start(&with_directory(&upstream, provider));
    (upstream, gateway)
}

fn to(gateway: &Gateway, host: &str, from: &str) -> Request {
    get(gateway.address("web"), host, "/").from(from)
}

/// The door is open as soon as whoever says nothing is asked who they are.
fn grant(gateway: &Gateway, person: &str) -> String {
    let id = gateway.grant(person, "TH", &["kilden"]);
    eventually("the door", || to(gateway, HOST, THAILAND).send().status == 401);
    id
}

/// An answer without what differs from one to the next.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, usize) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "geovagt-reference"));
    (answer.status, headers, answer.body.len())
}

#[test]
fn the_traveller_passes_in_every_form_of_the_name_over_starttls_and_over_tls() {
    let slapd = Slapd::start();
    let ldaps = slapd.provider_at(&[&format!("ldaps://localhost:{}", slapd.tls.port())], "");
    for provider in [slapd.provider(""), ldaps] {
        let (_upstream, gateway) = running(&slapd, &provider);
        grant(&gateway, "Anna");
        let forms =
            ["anna", "ANNA", "BALLERUP\\anna", "anna@ballerup.dk"];
        for name in forms {
            let answer = to(&gateway, HOST, THAILAND).basic(name, PASSWORD).send();
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let upstream_saw = answer.json()["headers"].to_string();
            assert!(upstream_saw.contains("\"anna\""), "{upstream_saw}");
            // The upstream asks the same directory.
            assert!(upstream_saw.to_lowercase().contains("authorization"), "{upstream_saw}");
        }
        let elsewhere = to(&gateway, HOST, CHINA).basic("anna", PASSWORD).send();
        assert_eq!(elsewhere.status, 403);
    }
}

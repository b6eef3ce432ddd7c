//! Which providers a site takes holds for everything that stands on a person: not for the next
//! request alone, but for an address grant and for what is open; and what a provider tells of
//! somebody who may not come in is not remembered.

use std::time::Duration;

use serde_json::json;

use crate::support::browsing::Browser;
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually, journey};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::provider::{Provider, now};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};

const HOST: &str = "kilden.example.dk";
const MAIL: &str = "mail.example.dk";
const PASSWORD: &str = "en lang adgangskode 42";

/// Anna, who has an account here, travels to Thailand; `kilden` takes these providers.
fn started(upstream: &RawUpstream) -> Gateway {
    let entra = "entra: {kind: oidc, issuer: \"https://127.0.0.1:1/tenant\", client_id: geovagt}";
    let text = configuration(&upstream.url(), "")
        .replace("identity:\n", &format!("identity:\n  {entra}\n"))
        .replacen("identity_providers: [local]", "identity_providers: [local, entra]", 1)
        .replace(
            "hosts: [kilden.example.dk],",
            "hosts: [kilden.example.dk], address_grant: 1h, identity_providers: [local],",
        );
    let gateway = Gateway::start(&text);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the door is open", || {
        get(gateway.address("web"), HOST, "/").from(THAILAND).send().status == 401
    });
    gateway
}

fn takes_entra_alone(gateway: &Gateway) {
    let file = gateway.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let changed =
        text.replace("1h, identity_providers: [local]", "1h, identity_providers: [entra]");
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    gateway.command(&["reload"]).expect_code(0);
}

#[test]
fn a_grant_of_somebody_whose_provider_the_site_takes_no_more_lets_nobody_pass() {
    let upstream = RawUpstream::saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = started(&upstream);
    let mut browser = Browser::at(&gateway, HOST, THAILAND);
    browser.sign_in("anna.holm", PASSWORD);
    let page = browser.open("/.geovagt/adresse");
    assert_eq!(browser.press(&page, "/.geovagt/adresse").status, 200);
    let program = || get(gateway.address("web"), HOST, "/EWS/").from(THAILAND).send().status;
    assert_eq!(program(), 200);
    takes_entra_alone(&gateway);
    assert_eq!(program(), 401);
}

#[test]
fn what_is_open_ends_when_the_site_takes_its_persons_provider_no_more() {
    let upstream = RawUpstream::lasting();
    let gateway = started(&upstream);
    let basic = {
        use base64::Engine as _;
        let pair = format!("anna.holm:{PASSWORD}");
        base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())
    };
    // At home, too, where nobody needs to be named: the system behind was told who it is.
    let mut open: Vec<_> = [THAILAND, DENMARK]
        .into_iter()
        .map(|place| {
            let request = head("/stream", &format!("Authorization: Basic {basic}\r\n"));
            let request = request.replace(DENMARK, place);
            let mut stream = connect(gateway.address("web"), &request);
            assert!(read_until(&mut stream, "\r\n\r\n").contains(" 200 "), "{place}");
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream
        })
        .collect();
    takes_entra_alone(&gateway);
    for stream in &mut open {
        // Returns when the connection ends, and stops the test where it does not.
        read_rest(stream);
    }
}

#[test]
fn a_token_of_somebody_outside_the_group_makes_no_name_known() {
    let upstream = RawUpstream::saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let provider = Provider::start();
    let tokens = format!(
        "{{kind: bearer, issuer: \"{}\", audience: [mail], people_of: entra, groups: [raad]}}",
        provider.issuer()
    );
    let text = configuration(&upstream.url(), "")
        .replace("identity_providers: [local]", "identity_providers: [local, entra, tokens]")
        .replace(
            "  local: {kind: local}",
            &format!(
                "  local: {{kind: local}}\n  entra: {}\n  tokens: {tokens}",
                provider.configuration("")
            ),
        );
    let gateway = Gateway::start(&text);
    let travels = |person: &str, more: &[&str]| {
        let leg = format!("TH {}", journey());
        let asked = ["exemption", "grant", "--organization", "ballerup", "--person", person];
        let rest = ["--leg", &leg, "--site", "mail", "--purpose", "x", "--case", "1"];
        gateway.command(&[&asked[..], &rest, more].concat())
    };
    // The door is open, for somebody else.
    travels("anna@example.dk", &["--provider", "entra", "--subject", "anna"]).expect_code(0);
    let web = gateway.address("web");
    eventually("the door", || get(web, MAIL, "/").from(THAILAND).send().status == 401);
    let brings = |subject: &str, name: &str, group: &str| {
        let claims = json!({
            "iss": provider.issuer(), "aud": "mail", "sub": subject, "upn": name,
            "groups": [group], "iat": now(), "exp": now() + 3600,
        });
        let token = provider.key().sign(Some("at+jwt"), &claims);
        let request = get(web, MAIL, "/EWS/").from(THAILAND);
        request.header("Authorization", &format!("Bearer {token}")).send().status
    };
    assert_eq!(brings("mallory", "bo.lund@example.dk", "gaester"), 403);
    let refused = travels("bo.lund@example.dk", &[]).expect_code(1);
    assert!(refused.err.contains("bo.lund@example.dk"), "{}", refused.err);
    // Somebody of the group, without an exemption yet, is known from then on.
    assert_eq!(brings("eva", "eva@example.dk", "raad"), 403);
    travels("eva@example.dk", &[]).expect_code(0);
}

//! What an operator reads about providers.

use crate::config::render::plain;
use crate::config::{
    AssertionAudience, ClientAuthentication, Examined, Provider, SourceFile, Surroundings,
    examine_source,
};
use crate::identifier::ProviderId;

const REST: &str = "
policies: {standard: {list: cfcs}}
country_lists: {cfcs: cfcs.yaml}
organizations:
  ballerup: {name: Ballerup, policy: standard, identity_providers: [entra]}
listeners: [{name: web, bind: [\"127.0.0.1:8080\"]}]
sites:
  kilden: {organization: ballerup, hosts: [a.example.dk], upstream: {servers: [\"http://10.0.0.1\"]}}
";

fn examined(identity: &str, static_only: bool) -> Examined {
    let text = format!("identity:\n{identity}\n{REST}");
    let surroundings = Surroundings {
        environment: &|name| (name == "SECRET").then(|| "hemmelig".to_owned()),
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only,
    };
    examine_source(SourceFile::new("/nonexistent/gateway.yaml", &text), surroundings)
}

fn findings(identity: &str) -> Vec<String> {
    let examined = examined(identity, false);
    examined.findings.iter().map(|finding| plain(finding, &examined.sources)).collect()
}

fn provider(identity: &str) -> Provider {
    let examined = examined(identity, false);
    let config = examined.config.unwrap_or_else(|| panic!("{:?}", findings(identity)));
    config.identity[&ProviderId::parse("entra").unwrap()].clone()
}

#[test]
fn a_provider_is_read_with_its_defaults_and_its_secret_is_never_shown() {
    let entra = "  entra: {kind: oidc, issuer: https://login.example.dk/x, client_id: g, client_secret: '${SECRET}'}";
    let Provider::Oidc(oidc) = provider(entra) else { panic!() };
    assert_eq!(oidc.client_secret.as_ref().unwrap().reveal(), "hemmelig");
    assert!(!format!("{oidc:?}").contains("hemmelig"));
    assert_eq!(oidc.client_authentication, ClientAuthentication::Auto);
    assert_eq!(oidc.scopes, ["profile", "email"]);
    assert_eq!(oidc.tokens.clock_skew.as_secs(), 60);
    assert_eq!(oidc.tokens.multi_factor.amr, ["mfa"]);
    assert_eq!((oidc.tokens.claims.subject.as_str(), oidc.tokens.groups.len()), ("sub", 0));
    let static_one =
        "  entra: {kind: oidc, issuer: https://x.dk, client_id: g, client_secret: '${file:none}'}";
    assert!(examined(static_one, true).config.is_some());
    assert!(examined(static_one, false).config.is_none());
}

#[test]
fn a_key_takes_the_place_of_a_secret() {
    let entra = "  entra: {kind: oidc, issuer: https://login.example.dk/x, client_id: g, client_key: k.pem, client_certificate: /c.pem, client_key_id: a}";
    let Provider::Oidc(oidc) = provider(entra) else { panic!() };
    let key = oidc.client_key.as_ref().unwrap();
    assert_eq!(key.key, std::path::Path::new("/nonexistent/k.pem"));
    assert_eq!(key.certificate.as_deref(), Some(std::path::Path::new("/c.pem")));
    assert_eq!(
        (key.key_id.as_deref(), key.audience),
        (Some("a"), AssertionAudience::TokenEndpoint)
    );
    assert!(oidc.client_secret.is_none());
}

#[test]
fn what_would_open_something_is_refused_with_its_place() {
    let oidc = |more: &str| format!("  entra: {{kind: oidc, client_id: g, {more}}}");
    let sound = "issuer: https://x.dk";
    for (identity, says) in [
        (oidc("issuer: http://login.example.dk"), "is not protected on its way"),
        (oidc("issuer: login.example.dk"), "is no address"),
        (oidc("issuer: 'https://a@login.example.dk'"), "is no address of a server"),
        (oidc("issuer: 'https://login.example.dk/{tenantid}/v2.0'"), "a placeholder"),
        (oidc("issuer: 'https://login.example.dk/?a=b'"), "has a query"),
        (oidc("scopes: []"), "the key `issuer` is missing here"),
        (oidc(&format!("{sound}, algorithms: [none]")), "is never taken"),
        (oidc(&format!("{sound}, client_authentication: private_key_jwt")), "needs a `client_key`"),
        (
            oidc(&format!("{sound}, client_key: k.pem, client_secret: '${{SECRET}}'")),
            "only one of them can be shown",
        ),
        (
            oidc(&format!("{sound}, client_key: k.pem, client_authentication: post")),
            "is shown by `private_key_jwt` alone",
        ),
        (oidc(&format!("{sound}, client_certificate: c.pem")), "stands without a `client_key`"),
        (
            oidc(&format!("{sound}, client_key: k.pem, client_assertion_audience: me")),
            "token_endpoint",
        ),
        (oidc(&format!("{sound}, algorithms: [HS256]")), "is never taken"),
        (oidc(&format!("{sound}, algorithms: []")), "no algorithm is left"),
        (oidc(&format!("{sound}, clock_skew: 1h")), "lies outside"),
        (oidc(&format!("{sound}, scopes: ['a b']")), "is more than one word"),
        (oidc(&format!("{sound}, scope: []")), "unknown key `scope`"),
        (oidc(&format!("{sound}, claims: {{subjekt: oid}}")), "unknown key `subjekt`"),
        (oidc(&format!("{sound}, client_secret: ''")), "this is no client secret"),
        (oidc(&format!("{sound}, groups: raad")), "expected a list of texts under `groups`"),
        (oidc(&format!("{sound}, label: 7")), "expected a text under `label`"),
        ("  entra: {kind: oidcc}".to_owned(), "is no kind of provider"),
        ("  entra: {issuer: https://x.dk}".to_owned(), "the key `kind` is missing"),
        (format!("  entra: {{kind: bearer, {sound}}}"), "the key `audience` is missing"),
        (format!("  entra: {{kind: bearer, {sound}, audience: []}}"), "any other system would do"),
        (
            format!("  entra: {{kind: bearer, {sound}, audience: [a], people_of: nobody}}"),
            "no provider is called `nobody`",
        ),
        (
            format!("  entra: {{kind: bearer, {sound}, audience: [a], people_of: entra}}"),
            "`entra` is no provider of kind oidc",
        ),
    ] {
        let found = findings(&identity);
        assert!(found.iter().any(|finding| finding.contains(says)), "{identity}: {found:?}");
        assert!(found.iter().all(|finding| finding.contains("gateway.yaml:2:")), "{found:?}");
    }
    let written = findings(&oidc(&format!("{sound}, client_secret: i-klartekst")));
    assert!(written.iter().any(|finding| finding.contains("file of its own")), "{written:?}");
    assert!(written.iter().all(|finding| !finding.contains("error")), "{written:?}");
}

#[test]
fn a_site_takes_ways_of_its_organisation_and_no_others() {
    let other = "  entra: {kind: oidc, issuer: https://x.dk, client_id: g}\n  other: {kind: local}";
    let text = |list: &str| {
        let sites = REST.replace("hosts: [a.", &format!("identity_providers: {list}, hosts: [a."));
        format!("identity:\n{other}\n{sites}")
    };
    let look = |list: &str| {
        let surroundings = Surroundings {
            environment: &|_| None,
            now: "2026-11-22T12:00:00Z".parse().unwrap(),
            static_only: true,
        };
        let examined =
            examine_source(SourceFile::new("/nonexistent/gateway.yaml", &text(list)), surroundings);
        let said: Vec<String> = examined.findings.iter().map(|f| f.message.clone()).collect();
        (examined.config.is_some(), said.join(" "))
    };
    assert!(look("[entra]").0 && look("[]").0);
    let (sound, said) = look("[other]");
    assert!(
        !sound && said.contains("`other` is no identity provider of the organisation"),
        "{said}"
    );
    assert!(look("[nowhere]").1.contains("no provider is called `nowhere`"));
}

//! The certified OpenID Connect provider (npm `oidc-provider`), with curl and with a real browser.

use std::net::SocketAddr;

use crate::support::browser::Browser;
use crate::support::browsing::hidden;
use crate::support::certified::{Certified, set_cookie};
use crate::support::client::{get, post_form};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::outside::free_address;
use crate::support::places::{DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

/// The provider, a gateway that takes its people, and what is behind.
struct Scene {
    gateway: Gateway,
    provider: Certified,
    origin: SocketAddr,
    _upstream: Upstream,
}

impl Scene {
    /// The gateway's address must be known to the provider first: it is chosen here.
    fn start() -> Self {
        let origin = free_address();
        let own = format!("http://localhost:{}", origin.port());
        let logout = format!("http://127.0.0.1:{}/.geovagt/backchannel-logout", origin.port());
        let provider = Certified::start(&[&format!("http://{HOST}"), &own], Some(&logout));
        Self::with(provider, origin)
    }

    fn with(provider: Certified, origin: SocketAddr) -> Self {
        let upstream = Upstream::start();
        let near = format!(
            "  near: {{organization: ballerup, hosts: [localhost, \"127.0.0.1\"], \
             upstream: {{servers: [\"{}\"]}}, authentication: always, \
             allow_networks: [{{network: 127.0.0.0/8, reason: test}}]}}\nidentity:\n{}",
            upstream.url(),
            provider.configuration(),
        );
        let text = configuration(&upstream.url(), "")
            .replace("identity_providers: [local]", "identity_providers: [local, entra]")
            .replace("identity:\n", &near)
            .replace(
                "  - name: direct\n    bind: [\"127.0.0.1:0\"]",
                &format!("  - name: direct\n    bind: [\"{origin}\"]"),
            );
        let gateway = Gateway::start(&text);
        Self { gateway, provider, origin, _upstream: upstream }
    }

    fn sign_in(&self, from: &str, who: &str) -> (u16, Option<String>) {
        let (arrived, session) = self.provider.sign_in(&self.gateway, HOST, from, who);
        (arrived.status, session)
    }
}

#[test]
fn outside_oidc_with_curl_the_traveller_gets_in_and_nobody_else() {
    let scene = Scene::start();
    let (gateway, web) = (&scene.gateway, scene.gateway.address("web"));
    assert_eq!(scene.sign_in(DENMARK, "anna").0, 303);
    let known = ["exemption", "grant", "--organization", "ballerup", "--person"];
    let journey = ["--leg", "TH 2026-12-01..2026-12-02"];
    let nobody =
        [&known[..], &["ukendt"], &journey, &["--site", "kilden", "--purpose", "x", "--case", "1"]];
    let refused = gateway.command(&nobody.concat()).expect_code(1);
    assert!(refused.err.contains("--subject"), "{}", refused.err);
    gateway.grant("anna.holm@example.dk", "TH", &["kilden"]);
    eventually("the door is there", || {
        get(web, HOST, "/").from(THAILAND).browser().send().status == 303
    });
    let (status, session) = scene.sign_in(THAILAND, "anna");
    assert_eq!(status, 303);
    let inside = get(web, HOST, "/").from(THAILAND).header("Cookie", &session.unwrap()).send();
    assert_eq!(inside.status, 200, "{}", inside.text());
    assert!(inside.json()["headers"].to_string().contains("anna.holm@example.dk"));
    let (status, session) = scene.sign_in(THAILAND, "bo");
    assert_eq!((status, session), (403, None));
}

#[test]
fn outside_oidc_with_a_browser_there_and_back_and_out_again() {
    let scene = Scene::start();
    let own = format!("http://localhost:{}", scene.origin.port());
    let browser = Browser::start_trusting("da-DK", &scene.provider.public_key);
    browser.open(&format!("{own}/sag?id=7"));
    assert_eq!(browser.text("h1"), "Log ind");
    browser.keep_picture("sign-in-provider");
    browser.follow("a.button");
    eventually("the provider asks who it is", || browser.source().contains("id=\"login\""));
    browser.write("#login", "anna");
    browser.follow("button");
    eventually("the browser is back", || browser.address() == format!("{own}/sag?id=7"));
    assert!(browser.text("body").contains("anna.holm@example.dk"));
    let cookies = browser.cookies();
    let names: Vec<_> = cookies.iter().filter_map(|cookie| cookie["name"].as_str()).collect();
    assert!(names.contains(&"geovagt") && !names.contains(&"geovagt-oidc"), "{names:?}");

    // Signing out here leads to signing out there, and back.
    let session = cookies.iter().find(|cookie| cookie["name"] == "geovagt").unwrap()["value"]
        .as_str()
        .unwrap()
        .to_owned();
    browser.open(&format!("{own}/.geovagt/sign-out"));
    browser.follow("form button[type=submit]");
    eventually("the provider asks whether to sign out", || {
        browser.address().contains("/session/end") && browser.source().contains("name=\"logout\"")
    });
    browser.follow("button[name=logout]");
    eventually("the browser is back", || {
        browser.address().starts_with(&format!("{own}/.geovagt/sign-out"))
    });
    assert_eq!(browser.text("h1"), "Du er logget ud");
    let again = get(scene.origin, &format!("localhost:{}", scene.origin.port()), "/")
        .header("Cookie", &format!("geovagt={session}"))
        .send();
    assert_eq!(again.status, 401, "a kept cookie is worth nothing");
}

#[test]
fn outside_oidc_a_logout_at_the_provider_reaches_the_gateway() {
    let scene = Scene::start();
    let own = format!("http://localhost:{}", scene.origin.port());
    let browser = Browser::start_trusting("en-GB", &scene.provider.public_key);
    browser.open(&format!("{own}/"));
    browser.follow("a.button");
    eventually("the provider asks who it is", || browser.source().contains("id=\"login\""));
    let provider = url::Url::parse(&browser.address()).unwrap().origin().ascii_serialization();
    browser.write("#login", "anna");
    browser.follow("button");
    eventually("the browser is back", || browser.address() == format!("{own}/"));
    assert!(browser.text("body").contains("anna.holm@example.dk"));
    browser.open(&format!("{provider}/session/end"));
    browser.follow("button[name=logout]");
    eventually("the session here has ended too", || {
        browser.open(&format!("{own}/"));
        browser.source().contains("<h1>Sign in</h1>")
    });
}

/// AD FS and Entra ID advise a certificate: the gateway signs, and no secret goes anywhere.
#[test]
fn outside_oidc_the_gateway_shows_by_its_key_which_client_it_is() {
    let origins = format!("http://{HOST}");
    for kind in [&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256] {
        let provider = Certified::start_for_key(&[&origins], kind, None);
        let scene = Scene::with(provider, free_address());
        let (status, session) = scene.sign_in(DENMARK, "anna");
        assert_eq!((status, session.is_some()), (303, true));
        let other = rcgen::KeyPair::generate_for(kind).unwrap();
        let provider = Certified::start_for_key(&[&origins], kind, Some(&other));
        let scene = Scene::with(provider, free_address());
        let (status, session) = scene.sign_in(DENMARK, "anna");
        assert!(status != 303 && session.is_none(), "another's key proves nothing: {status}");
    }
}

/// The provider is told whom to sign out, by the token that it gave at the sign-in.
#[test]
fn outside_oidc_signing_out_names_who_signs_out() {
    let scene = Scene::start();
    let web = scene.gateway.address("web");
    let (arrived, session) = scene.provider.sign_in(&scene.gateway, HOST, DENMARK, "anna");
    let set = arrived.headers.iter().find(|(_, value)| value.starts_with("geovagt-hint="));
    let attributes = set.expect("the token is kept").1.split_once(';').unwrap().1.to_owned();
    assert_eq!(attributes, " Path=/.geovagt/sign-out; HttpOnly; SameSite=Lax");
    let (session, hint) = (session.unwrap(), set_cookie(&arrived, "geovagt-hint").unwrap());
    let inside = get(web, HOST, "/").from(DENMARK).header("Cookie", &format!("{session}; {hint}"));
    assert!(!inside.send().text().contains("geovagt-hint"), "no upstream gets it");
    let out = |cookies: &str| {
        let page = get(web, HOST, "/.geovagt/sign-out").from(DENMARK).header("Cookie", cookies);
        let page = page.send();
        let cookies = format!("{cookies}; {}", set_cookie(&page, "geovagt-form").unwrap());
        let form = format!("csrf={}", hidden(&page.text(), "csrf"));
        let asked = post_form(web, HOST, "/.geovagt/sign-out", &form).from(DENMARK);
        let done = asked.header("Cookie", &cookies).send();
        assert_eq!(done.status, 200, "{}", done.text());
        let refresh = done.header("refresh").expect("on to the provider").to_owned();
        (refresh.strip_prefix("0; url=").unwrap().to_owned(), done)
    };
    let hint_of = |address: &str| {
        let address = url::Url::parse(address).unwrap();
        let found = address.query_pairs().find(|(name, _)| name == "id_token_hint");
        found.map(|(_, value)| value.into_owned())
    };
    // Somebody else's token in Anna's browser is none of hers.
    let (bo_arrived, bo_session) = scene.provider.sign_in(&scene.gateway, HOST, DENMARK, "bo");
    let (bo_session, bo_hint) =
        (bo_session.unwrap(), set_cookie(&bo_arrived, "geovagt-hint").unwrap());
    assert_eq!(hint_of(&out(&format!("{bo_session}; {hint}")).0), None);
    assert_ne!(bo_hint, hint);
    let (address, done) = out(&format!("{session}; {hint}"));
    let token = hint_of(&address).expect("the hint");
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
    let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    assert_eq!(claims["sub"], "anna");
    assert_eq!(set_cookie(&done, "geovagt-hint").as_deref(), Some("geovagt-hint="), "it is over");
    // The certified provider takes it, and takes no other.
    let taken = scene.provider.ask(&address);
    assert!(taken.contains(" 200 ") && taken.contains("name=\"logout\""), "{taken}");
    let forged = scene.provider.ask(&address.replace(&token, &token[..token.len() - 4]));
    assert!(forged.contains(" 400 "), "{forged}");
}

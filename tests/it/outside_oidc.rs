//! The certified OpenID Connect provider (npm `oidc-provider`), with curl and with a real browser.

use std::net::SocketAddr;

use crate::support::browser::Browser;
use crate::support::certified::Certified;
use crate::support::client::get;
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

//! Signing in to the administration at an OpenID Connect provider: groups give roles, and whatever
//! comes back that does not belong to this browser's own sign-in gives nothing.

use serde_json::json;

use crate::support::client::{Answer, get};
use crate::support::desk::encoded;
use crate::support::gateway::{Gateway, configuration};
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

fn set(answer: &Answer, name: &str) -> Option<String> {
    let lines = answer.headers.iter().filter(|(header, _)| header == "set-cookie");
    let mut pairs = lines.filter_map(|(_, value)| value.split(';').next());
    pairs
        .find(|pair| pair.starts_with(&format!("{name}=")) && !pair.ends_with('='))
        .map(str::to_owned)
}

struct Scene {
    gateway: Gateway,
    provider: Provider,
    _upstream: Upstream,
}

impl Scene {
    fn start() -> Self {
        let (upstream, provider) = (Upstream::start(), Provider::start());
        let entra = provider.configuration("");
        let admin = "admin: {bind: [\"127.0.0.1:0\"]}";
        let text = configuration(&upstream.url(), admin)
            .replace(
                "identity_providers: [local]",
                "identity_providers: [local, entra]\n    roles: {security: [raad]}",
            )
            .replace(
                "  local: {kind: local}",
                &format!("  local: {{kind: local}}\n  entra: {entra}"),
            );
        Self { gateway: Gateway::start(&text), provider, _upstream: upstream }
    }

    fn ask(&self, path: &str, cookie: &str) -> Answer {
        get(self.gateway.address("admin"), "localhost:9443", path).header("Cookie", cookie).send()
    }

    /// Sends a browser away: its cookie, the state and the nonce.
    fn depart(&self) -> (String, String, String) {
        self.depart_for("/account")
    }

    /// The same for somebody who wants to go on to an address.
    fn depart_for(&self, next: &str) -> (String, String, String) {
        let next = encoded(next);
        let path = format!("/sign-in/outside?organization=ballerup&provider=entra&next={next}");
        let answer = self.ask(&path, "");
        assert_eq!(answer.status, 303, "{}", answer.text());
        let url = url::Url::parse(answer.header("location").unwrap()).unwrap();
        let part =
            |name: &str| url.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
        assert_eq!(part("redirect_uri"), "http://localhost:9443/sign-in/callback");
        (set(&answer, "geovagt-oidc").unwrap(), part("state"), part("nonce"))
    }

    fn session(&self, answer: &Answer) -> serde_json::Value {
        let cookie = set(answer, "geovagt-admin").unwrap_or_default();
        self.ask("/api/v1/session", &cookie).json()
    }
}

#[test]
fn a_group_of_the_provider_gives_its_role() {
    let scene = Scene::start();
    let page = scene.ask("/", "").text();
    assert!(
        page.contains("entra (Ballerup Kommune)") && page.contains("entra (Egedal Kommune)"),
        "{page}"
    );
    let (cookie, state, nonce) = scene.depart();
    let mut claims = scene.provider.id_claims("anna", &nonce);
    let token = scene.provider.key().sign(None, &claims);
    scene.provider.answer_code(200, &json!({"id_token": token, "access_token": "x"}));
    let back = format!("/sign-in/callback?code=c0de&state={state}");
    // Another browser, another state, no code: nobody is in.
    for (path, carried) in [
        (back.as_str(), ""),
        ("/sign-in/callback?code=c0de&state=x", cookie.as_str()),
        ("/sign-in/callback?error=access_denied", cookie.as_str()),
        ("/sign-in/callback", cookie.as_str()),
    ] {
        let refused = scene.ask(path, carried);
        assert_eq!(refused.status, 401, "{path}: {}", refused.text());
        assert_eq!(set(&refused, "geovagt-admin"), None, "{path}");
    }
    let (cookie, state, nonce) = scene.depart();
    claims["nonce"] = json!(nonce);
    let token = scene.provider.key().sign(None, &claims);
    scene.provider.answer_code(200, &json!({"id_token": token, "access_token": "x"}));
    let back = format!("/sign-in/callback?code=c0de&state={state}");
    let answer = scene.ask(&back, &cookie);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/account")),
        "{}",
        answer.text()
    );
    let session = scene.session(&answer);
    assert_eq!(session["name"], "anna@example.dk");
    assert_eq!(session["roles"], json!(["security"]));
    // The same answer counts once.
    assert_eq!(scene.ask(&back, &cookie).status, 401);
    // Without the group the same person is a traveller.
    let (cookie, state, nonce) = scene.depart();
    claims["nonce"] = json!(nonce);
    claims["groups"] = json!(["andre"]);
    let token = scene.provider.key().sign(None, &claims);
    scene.provider.answer_code(200, &json!({"id_token": token, "access_token": "x"}));
    let answer = scene.ask(&format!("/sign-in/callback?code=c0de&state={state}"), &cookie);
    assert_eq!(scene.session(&answer)["roles"], json!([]));
}

#[test]
fn whoever_was_at_the_provider_lands_on_a_page_of_ours() {
    let scene = Scene::start();
    for (next, lands) in [
        ("/log?user=anna", "/log?user=anna"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\t/evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ] {
        let (cookie, state, nonce) = scene.depart_for(next);
        let claims = scene.provider.id_claims("anna", &nonce);
        let token = scene.provider.key().sign(None, &claims);
        scene.provider.answer_code(200, &json!({"id_token": token, "access_token": "x"}));
        let answer = scene.ask(&format!("/sign-in/callback?code=c0de&state={state}"), &cookie);
        assert_eq!(answer.status, 303, "{next:?}: {}", answer.text());
        assert_eq!(answer.header("location"), Some(lands), "{next:?}");
        assert!(set(&answer, "a").is_none(), "{next:?}");
    }
}

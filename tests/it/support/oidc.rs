//! Signing in with OpenID Connect, seen from a browser: away to the provider and back again.

use serde_json::{Value, json};

use super::client::{Answer, Request, get};
use super::gateway::{Gateway, configuration};
use super::places::DENMARK;
use super::provider::Provider;
use super::upstream::Upstream;

/// Where people sign in.
pub const HOST: &str = "inner.example.dk";
/// Who does.
pub const SUBJECT: &str = "af7c-anna";

/// A gateway whose people an OpenID Connect provider knows.
pub struct Scene {
    pub provider: Provider,
    pub gateway: Gateway,
    #[expect(dead_code, reason = "it answers as long as it is held")]
    pub upstream: Upstream,
}

/// A browser on its way: what it was sent away with.
#[derive(Debug, Clone)]
pub struct Away {
    pub cookie: String,
    pub state: String,
    pub nonce: String,
}

pub fn scene_with(provider: Provider, entra: &str, more: &str) -> Scene {
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "")
        .replace("identity_providers: [local]", "identity_providers: [local, entra]")
        .replace(
            "  local: {kind: local}",
            &format!("  local: {{kind: local}}\n  entra: {entra}\n{more}"),
        );
    Scene { provider, gateway: Gateway::start(&text), upstream }
}

pub fn scene() -> Scene {
    let provider = Provider::start();
    let entra = provider.configuration("");
    scene_with(provider, &entra, "")
}

/// The value of a query parameter, decoded.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

pub fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.iter().filter(|(header, _)| header == "set-cookie");
    let pairs = set.filter_map(|(_, value)| value.split(';').next());
    pairs
        .map(str::to_owned)
        .find(|pair| pair.starts_with(&format!("{name}=")) && !pair.ends_with('='))
}

impl Scene {
    pub fn ask(&self, path: &str) -> Request {
        self.ask_from(DENMARK, path)
    }

    pub fn ask_from(&self, from: &str, path: &str) -> Request {
        get(self.gateway.address("web"), HOST, path).from(from).browser()
    }

    pub fn depart(&self) -> Away {
        self.depart_to("entra")
    }

    pub fn depart_to(&self, provider: &str) -> Away {
        self.depart_with(
            &format!("/.geovagt/sign-in?provider={provider}&next=/sag%3Fid=7"),
            DENMARK,
        )
    }

    pub fn depart_with(&self, path: &str, from: &str) -> Away {
        let answer = self.ask_from(from, path).send();
        assert_eq!(answer.status, 303, "{}", answer.text());
        let location = answer.header("location").unwrap();
        assert_eq!(parameter(location, "code_challenge_method").as_deref(), Some("S256"));
        Away {
            cookie: cookie(&answer, "geovagt-oidc").expect("the cookie of the journey"),
            state: parameter(location, "state").unwrap(),
            nonce: parameter(location, "nonce").unwrap(),
        }
    }

    /// Comes back with a code for which the provider gives this token.
    pub fn arrive_with(&self, away: &Away, token: &str) -> Answer {
        self.provider.answer_code(200, &json!({"id_token": token, "access_token": "x"}));
        self.arrive(&away.cookie, &format!("code=c0de&state={}", away.state))
    }

    pub fn arrive(&self, cookie: &str, query: &str) -> Answer {
        self.ask(&format!("/.geovagt/callback?{query}")).header("Cookie", cookie).send()
    }

    /// Comes back with a right token that was changed.
    pub fn arrive_changed(&self, change: impl Fn(&mut Value)) -> Answer {
        let away = self.depart();
        let mut claims = self.provider.id_claims(SUBJECT, &away.nonce);
        change(&mut claims);
        self.arrive_with(&away, &self.provider.key().sign(Some("JWT"), &claims))
    }

    pub fn sign_in(&self) -> String {
        let answer = self.arrive_changed(|_| {});
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.header("location"), Some("/sag?id=7"));
        cookie(&answer, "geovagt").expect("a session")
    }

    /// Takes the configuration with one text in it replaced.
    pub fn change(&self, from: &str, to: &str) {
        let file = self.gateway.config_file();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        self.gateway.command(&["reload"]).expect_code(0);
    }

    pub fn is_in(&self, session: &str) -> bool {
        let answer = self.ask("/").header("Cookie", session).send();
        assert!([200, 303].contains(&answer.status), "{}", answer.status);
        answer.status == 200
    }
}

/// Nobody was signed in, and the person can read what to do.
pub fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(cookie(answer, "geovagt"), None);
    assert!(answer.text().contains("lang=\"da\"") && answer.text().contains("lang=\"en\""));
    assert!(answer.header("geovagt-reference").is_some());
    assert_eq!(answer.header("location"), None);
}

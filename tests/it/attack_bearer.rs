//! Bearer tokens of mail clients: a right one opens the door for its traveller, nothing else does.

use serde_json::{Value, json};

use crate::support::client::{Answer, Request, get};
use crate::support::gateway::{Gateway, configuration, eventually, journey};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::provider::{Key, Provider, now};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::upstream::Upstream;

const MAIL: &str = "mail.example.dk";
const SUBJECT: &str = "af7c-anna";
const AUDIENCE: &str = "https://mail.example.dk";

struct Scene {
    provider: Provider,
    gateway: Gateway,
    _upstream: Option<Upstream>,
}

impl Scene {
    fn start() -> Self {
        let upstream = Upstream::start();
        let scene = Self::before(&upstream.url());
        Self { _upstream: Some(upstream), ..scene }
    }

    /// In front of this server.
    fn before(upstream: &str) -> Self {
        let provider = Provider::start();
        let entra = provider.configuration("");
        let tokens = format!(
            "{{kind: bearer, issuer: \"{}\", audience: [\"{AUDIENCE}\"], people_of: entra, timeout: 2s, clock_skew: 0s}}",
            provider.issuer()
        );
        let text = configuration(upstream, "")
            .replace("identity_providers: [local]", "identity_providers: [local, entra, tokens]")
            .replace(
                "  local: {kind: local}",
                &format!("  local: {{kind: local}}\n  entra: {entra}\n  tokens: {tokens}"),
            )
            .replace(
                "hosts: [kilden.example.dk],",
                "hosts: [kilden.example.dk], identity_providers: [local, entra],",
            );
        Self { provider, gateway: Gateway::start(&text), _upstream: None }
    }

    fn claims(&self, subject: &str) -> Value {
        json!({
            "iss": self.provider.issuer(), "aud": AUDIENCE, "sub": subject,
            "upn": format!("{subject}@example.dk"), "iat": now(), "exp": now() + 3600,
        })
    }

    fn token(&self, change: impl Fn(&mut Value)) -> String {
        let mut claims = self.claims(SUBJECT);
        change(&mut claims);
        self.provider.key().sign(Some("at+jwt"), &claims)
    }

    fn ask(&self, from: &str, token: &str) -> Request {
        let web = self.gateway.address("web");
        get(web, MAIL, "/EWS/").from(from).header("Authorization", &format!("Bearer {token}"))
    }

    fn grant(&self) -> String {
        let printed = self.gateway.command(&[
            "exemption",
            "grant",
            "--organization",
            "ballerup",
            "--person",
            "anna.holm@example.dk",
            "--provider",
            "entra",
            "--subject",
            SUBJECT,
            "--leg",
            &format!("TH {}", journey()),
            "--site",
            "mail",
            "--site",
            "kilden",
            "--purpose",
            "Studietur",
            "--case",
            "24-1",
        ]);
        let id = printed.expect_code(0).out.trim().to_owned();
        let web = self.gateway.address("web");
        eventually("the door is there", || get(web, MAIL, "/").from(THAILAND).send().status == 401);
        id
    }
}

/// What a stranger sees, without what differs from answer to answer.
fn seen(answer: &Answer) -> (u16, usize) {
    (answer.status, answer.body.len())
}

#[test]
fn a_token_opens_the_door_for_its_traveller_and_goes_on_to_the_system_behind() {
    let scene = Scene::start();
    let token = scene.token(|_| {});
    assert_eq!(scene.ask(THAILAND, &token).send().status, 403, "nobody travels");
    assert_eq!(scene.provider.asked("/keys"), 0, "and nobody's token is looked at");
    scene.grant();
    let asked = get(scene.gateway.address("web"), MAIL, "/").from(THAILAND).send();
    let schemes: Vec<_> =
        asked.headers.iter().filter(|(name, _)| name == "www-authenticate").collect();
    assert!(schemes.iter().any(|(_, value)| value.starts_with("Bearer")), "{schemes:?}");
    for _ in 0..100 {
        let answer = scene.ask(THAILAND, &token).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = scene.ask(THAILAND, &token).send().json()["headers"].to_string();
    assert!(answer.contains(&token), "the system behind takes the same token: {answer}");
    assert!(answer.contains("af7c-anna@example.dk") && answer.contains("x-geovagt-exemption"));
    let elsewhere = get(scene.gateway.address("web"), "kilden.example.dk", "/")
        .from(THAILAND)
        .header("Authorization", &format!("Bearer {token}"))
        .send();
    assert_eq!(elsewhere.status, 401, "a site that takes no tokens looks at none");
    // At home it is the system's own business, whatever it is.
    let home = scene.ask(DENMARK, "hvad-som-helst").send();
    assert_eq!(home.status, 200);
    assert!(home.json()["headers"].to_string().contains("hvad-som-helst"));
}

#[test]
fn a_token_that_says_anything_else_gets_the_one_rejection() {
    let scene = Scene::start();
    scene.grant();
    let stranger = {
        let claims = scene.claims("somebody-else");
        let token = scene.provider.key().sign(None, &claims);
        scene.ask(THAILAND, &token).send()
    };
    assert_eq!(stranger.status, 403);
    let tokens: Vec<(&str, String)> = vec![
        ("another audience", scene.token(|c| c["aud"] = json!("https://intranet.example.dk"))),
        ("an ID token", scene.provider.key().sign(None, &scene.provider.id_claims(SUBJECT, "n"))),
        ("another issuer", scene.token(|c| c["iss"] = json!("https://evil.example"))),
        ("expired", scene.token(|c| c["exp"] = json!(now() - 61))),
        ("without an end", scene.token(|c| drop(c.as_object_mut().unwrap().remove("exp")))),
        ("not yet valid", scene.token(|c| c["nbf"] = json!(now() + 90))),
        ("a subject that is no text", scene.token(|c| c["sub"] = json!([SUBJECT]))),
        ("another key", Key::new("first").sign(None, &scene.claims(SUBJECT))),
        ("a logout token", scene.provider.key().sign(Some("logout+jwt"), &scene.claims(SUBJECT))),
        ("none", {
            use base64::Engine as _;
            let encode = |text: &str| {
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text.as_bytes())
            };
            let claims = scene.claims(SUBJECT).to_string();
            format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))
        }),
        ("rubbish", "rubbish".to_owned()),
        ("long", "a".repeat(17_000)),
    ];
    for (what, token) in tokens {
        let answer = scene.ask(THAILAND, &token).send();
        assert_eq!(seen(&answer), seen(&stranger), "{what}: {}", answer.text());
    }
    assert_eq!(scene.ask(THAILAND, &scene.token(|_| {})).send().status, 200);
    // Made-up keys cause few questions, and an address has so many tries.
    let before = scene.provider.asked("/keys");
    for number in 0..60 {
        let token = Key::new(&format!("k{number}")).sign(None, &scene.claims(SUBJECT));
        assert_eq!(seen(&scene.ask(THAILAND, &token).send()), seen(&stranger));
    }
    assert!(scene.provider.asked("/keys") <= before + 2, "{}", scene.provider.asked("/keys"));
}

#[test]
fn a_token_ends_with_the_exemption_and_when_its_provider_is_away_nothing_opens() {
    let scene = Scene::start();
    let id = scene.grant();
    scene.provider.put("/keys", 500, String::new());
    assert_eq!(scene.ask(THAILAND, &scene.token(|_| {})).send().status, 403);
    scene.provider.publish_keys(&[scene.provider.key().jwk()]);
    let token = scene.token(|_| {});
    eventually("the keys are asked for again", || scene.ask(THAILAND, &token).send().status == 200);
    scene.gateway.command(&["exemption", "revoke", &id, "--reason", "hjemme"]).expect_code(0);
    eventually("the token opens nothing", || scene.ask(THAILAND, &token).send().status == 403);
}

#[test]
fn a_stream_that_a_token_began_ends_with_the_token() {
    use std::io::Write as _;
    use std::time::Duration;

    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(begin).unwrap();
        while stream.write_all(b"9\r\ndata: 1\n\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let scene = Scene::before(&upstream.url());
    scene.grant();
    let began = now();
    let token = scene.token(|claims| claims["exp"] = json!(began + 4));
    let request = head("/stream", &format!("Authorization: Bearer {token}\r\n"))
        .replace(DENMARK, THAILAND)
        .replace("kilden.example.dk", MAIL);
    let mut stream = connect(scene.gateway.address("web"), &request);
    read_until(&mut stream, "data: 1");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let rest = read_rest(&mut stream);
    assert!(!rest.contains("0\r\n\r\n"), "what was cut never looks whole: {rest:.200}");
    assert!(now() >= began + 4, "it ran as long as the token");
}

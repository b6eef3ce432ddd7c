//! Attacks on signing in with OpenID Connect: whatever comes back from wherever, nobody is signed in
//! but whom the asked provider proves, for this browser, now.

use serde_json::{Value, json};

use crate::support::client::{Answer, Request, get, post_form};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::provider::{Key, Provider, now};
use crate::support::upstream::Upstream;

const HOST: &str = "inner.example.dk";
const SUBJECT: &str = "af7c-anna";

type Change<'a> = &'a dyn Fn(&mut Value);
type Forgery<'a> = Box<dyn Fn(&Value) -> String + 'a>;
type Breakage<'a> = &'a dyn Fn(&Provider);

struct Scene {
    provider: Provider,
    gateway: Gateway,
    _upstream: Upstream,
}

/// A browser on its way: what it was sent away with.
#[derive(Debug, Clone)]
struct Away {
    cookie: String,
    state: String,
    nonce: String,
}

fn scene_with(provider: Provider, entra: &str, more: &str) -> Scene {
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "")
        .replace("identity_providers: [local]", "identity_providers: [local, entra]")
        .replace(
            "  local: {kind: local}",
            &format!("  local: {{kind: local}}\n  entra: {entra}\n{more}"),
        );
    Scene { provider, gateway: Gateway::start(&text), _upstream: upstream }
}

fn scene() -> Scene {
    let provider = Provider::start();
    let entra = provider.configuration("");
    scene_with(provider, &entra, "")
}

/// The value of a query parameter, decoded.
fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.iter().filter(|(header, _)| header == "set-cookie");
    let pairs = set.filter_map(|(_, value)| value.split(';').next());
    pairs
        .map(str::to_owned)
        .find(|pair| pair.starts_with(&format!("{name}=")) && !pair.ends_with('='))
}

impl Scene {
    fn ask(&self, path: &str) -> Request {
        self.ask_from(DENMARK, path)
    }

    fn ask_from(&self, from: &str, path: &str) -> Request {
        get(self.gateway.address("web"), HOST, path).from(from).browser()
    }

    fn depart(&self) -> Away {
        self.depart_to("entra")
    }

    fn depart_to(&self, provider: &str) -> Away {
        self.depart_with(
            &format!("/.geovagt/sign-in?provider={provider}&next=/sag%3Fid=7"),
            DENMARK,
        )
    }

    fn depart_with(&self, path: &str, from: &str) -> Away {
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
    fn arrive_with(&self, away: &Away, token: &str) -> Answer {
        self.provider.answer_code(200, &json!({"id_token": token, "access_token": "x"}));
        self.arrive(&away.cookie, &format!("code=c0de&state={}", away.state))
    }

    fn arrive(&self, cookie: &str, query: &str) -> Answer {
        self.ask(&format!("/.geovagt/callback?{query}")).header("Cookie", cookie).send()
    }

    /// Comes back with a right token that was changed.
    fn arrive_changed(&self, change: impl Fn(&mut Value)) -> Answer {
        let away = self.depart();
        let mut claims = self.provider.id_claims(SUBJECT, &away.nonce);
        change(&mut claims);
        self.arrive_with(&away, &self.provider.key().sign(Some("JWT"), &claims))
    }

    fn sign_in(&self) -> String {
        let answer = self.arrive_changed(|_| {});
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.header("location"), Some("/sag?id=7"));
        cookie(&answer, "geovagt").expect("a session")
    }

    fn is_in(&self, session: &str) -> bool {
        let answer = self.ask("/").header("Cookie", session).send();
        assert!([200, 303].contains(&answer.status), "{}", answer.status);
        answer.status == 200
    }
}

/// Nobody was signed in, and the person can read what to do.
fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(cookie(answer, "geovagt"), None);
    assert!(answer.text().contains("lang=\"da\"") && answer.text().contains("lang=\"en\""));
    assert!(answer.header("geovagt-reference").is_some());
    assert_eq!(answer.header("location"), None);
}

#[test]
fn who_is_proven_is_signed_in_and_known_to_the_system_behind() {
    let scene = scene();
    let page = scene.ask("/.geovagt/sign-in").send();
    assert!(page.text().contains("/.geovagt/sign-in?provider=entra"), "{}", page.text());
    assert!(page.text().contains("name=\"password\""), "{}", page.text());
    let session = scene.sign_in();
    let answer = scene.ask("/").header("Cookie", &format!("{session}; andet=1")).send();
    let seen = answer.json()["headers"].to_string();
    assert!(seen.contains("af7c-anna@example.dk"), "{seen}");
    assert!(seen.contains("andet=1") && !seen.contains("geovagt="), "{seen}");
    let form = scene.provider.last_body("/token");
    assert!(form.contains("code=c0de") && form.contains("code_verifier="), "{form}");
    assert!(form.contains("redirect_uri=http%3A%2F%2Finner.example.dk%2F.geovagt%2Fcallback"));
    let elsewhere = get(scene.gateway.address("web"), "a.egedal.example.dk", "/")
        .from(DENMARK)
        .header("Cookie", &session)
        .browser()
        .send();
    assert_eq!(elsewhere.status, 200);
    let user = elsewhere.json()["headers"].to_string().contains("x-geovagt-user");
    assert!(!user, "another organisation's session is nobody's: {}", elsewhere.text());
}

#[test]
fn an_answer_belongs_to_the_browser_that_asked_and_counts_once() {
    let scene = scene();
    let (own, other) = (scene.depart(), scene.depart());
    let token = |away: &Away| {
        scene.provider.key().sign(None, &scene.provider.id_claims(SUBJECT, &away.nonce))
    };
    scene.provider.answer_code(200, &json!({"id_token": token(&own)}));
    for (cookie, query) in [
        (other.cookie.as_str(), format!("code=c&state={}", own.state)),
        ("", format!("code=c&state={}", own.state)),
        (&own.cookie, "code=c".to_owned()),
        (&own.cookie, "code=c&state=".to_owned()),
        (&own.cookie, format!("code=c&state={}&state={}", own.state, other.state)),
        (&own.cookie, format!("code=c&state={}x", own.state)),
        ("geovagt-oidc=AAAA", format!("code=c&state={}", own.state)),
    ] {
        is_refused(&scene.arrive(cookie, &query), 400);
    }
    assert_eq!(scene.provider.asked("/token"), 0, "no code was shown to anybody");
    let answer = scene.arrive_with(&own, &token(&own));
    assert_eq!(answer.status, 303);
    assert!(answer.headers.iter().any(|(name, value)| {
        name == "set-cookie" && value.starts_with("geovagt-oidc=;") && value.contains("Max-Age=0")
    }));
    is_refused(&scene.arrive_with(&own, &token(&own)), 400);
    assert_eq!(scene.provider.asked("/token"), 1, "the same answer was not shown again");
    scene.provider.answer_code(400, &json!({"error": "invalid_grant"}));
    is_refused(&scene.arrive(&other.cookie, &format!("code=c0de&state={}", other.state)), 400);
}

#[test]
fn a_token_that_says_anything_else_proves_nobody() {
    let scene = scene();
    let wrong: [(&str, Change<'_>); 18] = [
        ("nonce of another sign-in", &|c| c["nonce"] = json!("another")),
        ("no nonce", &|c| drop(c.as_object_mut().unwrap().remove("nonce"))),
        ("another issuer", &|c| c["iss"] = json!("http://127.0.0.1:1")),
        ("no issuer", &|c| drop(c.as_object_mut().unwrap().remove("iss"))),
        ("another audience", &|c| c["aud"] = json!("webmail")),
        ("no audience", &|c| drop(c.as_object_mut().unwrap().remove("aud"))),
        ("audience of the wrong type", &|c| c["aud"] = json!({"geovagt": true})),
        ("asked for by another", &|c| c["azp"] = json!("webmail")),
        ("several audiences", &|c| c["aud"] = json!(["geovagt", "webmail"])),
        ("expired", &|c| c["exp"] = json!(now() - 61)),
        ("no end", &|c| drop(c.as_object_mut().unwrap().remove("exp"))),
        ("an end that is no number", &|c| c["exp"] = json!("4102444800")),
        ("not yet valid", &|c| c["nbf"] = json!(now() + 90)),
        ("issued in the future", &|c| c["iat"] = json!(now() + 90)),
        ("issued long ago", &|c| c["iat"] = json!(now() - 3600)),
        ("no subject", &|c| drop(c.as_object_mut().unwrap().remove("sub"))),
        ("a subject that is no text", &|c| c["sub"] = json!(7)),
        ("an empty subject", &|c| c["sub"] = json!("")),
    ];
    for (number, (what, change)) in wrong.into_iter().enumerate() {
        // Limits are by address; each attacker has one.
        let from = format!("130.225.{number}.1");
        let away = scene.depart_with("/.geovagt/sign-in?provider=entra", &from);
        let mut claims = scene.provider.id_claims(SUBJECT, &away.nonce);
        change(&mut claims);
        let token = scene.provider.key().sign(Some("JWT"), &claims);
        let answer = scene.arrive_with(&away, &token);
        assert_eq!(cookie(&answer, "geovagt"), None, "{what}");
        is_refused(&answer, 400);
    }
    // What a clock may differ does no harm.
    let answer = scene.arrive_changed(|c| {
        c["exp"] = json!(now() - 30);
        c["nbf"] = json!(now() + 30);
    });
    assert_eq!(answer.status, 303);
}

#[test]
fn a_token_that_somebody_else_signed_proves_nobody() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let scene = scene();
    let key = scene.provider.key();
    let hmac = |secret: &[u8], text: &str| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let jwk = key.jwk();
    let forgeries: [(&str, Forgery<'_>); 8] = [
        (
            "none",
            Box::new(|claims| {
                let head = encode(br#"{"alg":"none","kid":"first"}"#);
                format!("{head}.{}.", encode(claims.to_string().as_bytes()))
            }),
        ),
        (
            "None",
            Box::new(|claims| {
                let head = encode(br#"{"alg":"None","kid":"first"}"#);
                format!("{head}.{}.", encode(claims.to_string().as_bytes()))
            }),
        ),
        (
            "HS256 with the public key",
            Box::new(|claims| {
                let head = encode(br#"{"alg":"HS256","kid":"first"}"#);
                let text = format!("{head}.{}", encode(claims.to_string().as_bytes()));
                let signature = hmac(&key.public(), &text);
                format!("{text}.{}", encode(&signature))
            }),
        ),
        (
            "HS256 with the published x",
            Box::new(|claims| {
                let head = encode(br#"{"alg":"HS256","kid":"first"}"#);
                let text = format!("{head}.{}", encode(claims.to_string().as_bytes()));
                let signature = hmac(jwk["x"].as_str().unwrap().as_bytes(), &text);
                format!("{text}.{}", encode(&signature))
            }),
        ),
        ("another key of the same name", Box::new(|claims| Key::new("first").sign(None, claims))),
        (
            "a key that came along",
            Box::new(|claims| {
                let own = Key::new("own");
                let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
                header.jwk = serde_json::from_value(own.jwk()).ok();
                let token = own.sign(None, claims);
                let signature = token.rsplit('.').next().unwrap();
                let head = encode(serde_json::to_string(&header).unwrap().as_bytes());
                format!("{head}.{}.{signature}", encode(claims.to_string().as_bytes()))
            }),
        ),
        (
            "a signature of something else",
            Box::new(|claims| {
                let token = key.sign(None, &json!({"sub": "x"}));
                let mut parts = token.split('.');
                let (head, _, signature) =
                    (parts.next().unwrap(), parts.next(), parts.next().unwrap());
                format!("{head}.{}.{signature}", encode(claims.to_string().as_bytes()))
            }),
        ),
        ("a logout token", Box::new(|claims| key.sign(Some("logout+jwt"), claims))),
    ];
    for (what, forge) in &forgeries {
        let away = scene.depart();
        let token = forge(&scene.provider.id_claims(SUBJECT, &away.nonce));
        let answer = scene.arrive_with(&away, &token);
        assert_eq!(cookie(&answer, "geovagt"), None, "{what}");
        is_refused(&answer, 400);
    }
    scene.sign_in();
}

#[test]
fn a_new_key_is_fetched_and_made_up_ones_cause_few_questions() {
    let scene = scene();
    scene.sign_in();
    assert_eq!(scene.provider.asked("/keys"), 1);
    // Ten seconds must have passed since the last fetch; nobody waits for that here.
    for number in 0..15 {
        let away = scene.depart();
        let made_up = Key::new(&format!("made-up-{number}"));
        let token = made_up.sign(None, &scene.provider.id_claims(SUBJECT, &away.nonce));
        is_refused(&scene.arrive_with(&away, &token), 400);
    }
    assert!(scene.provider.asked("/keys") <= 3, "{}", scene.provider.asked("/keys"));
    assert_eq!(scene.provider.asked("/.well-known/openid-configuration"), 1);
}

#[test]
fn one_provider_cannot_answer_for_another() {
    let (provider, evil) = (Provider::start(), Provider::start());
    let entra = provider.configuration("");
    let broker = evil.configuration("").replace("geovagt,", "geovagt-broker,");
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "")
        .replace("identity_providers: [local]", "identity_providers: [entra, broker]")
        .replace("  local: {kind: local}", &format!("  entra: {entra}\n  broker: {broker}"));
    let scene = Scene { provider, gateway: Gateway::start(&text), _upstream: upstream };
    // The browser was sent to `entra`; the answer names the broker (RFC 9207).
    let away = scene.depart();
    let token = scene.provider.key().sign(None, &scene.provider.id_claims(SUBJECT, &away.nonce));
    scene.provider.answer_code(200, &json!({"id_token": token}));
    let issuer = |provider: &Provider| provider.issuer().replace(':', "%3A").replace('/', "%2F");
    let query = format!("code=c&state={}&iss={}", away.state, issuer(&evil));
    is_refused(&scene.arrive(&away.cookie, &query), 400);
    assert_eq!(scene.provider.asked("/token") + evil.asked("/token"), 0, "no code was shown");
    // A token of the broker, for the browser that was sent to `entra`.
    let away = scene.depart();
    let token = evil.key().sign(None, &evil.id_claims(SUBJECT, &away.nonce));
    is_refused(&scene.arrive_with(&away, &token), 400);
    // A provider that promises to name itself and does not.
    let named = Provider::start();
    named.publish(|document| {
        document["authorization_response_iss_parameter_supported"] = json!(true);
    });
    let configuration = named.configuration("");
    let scene = scene_with(named, &configuration, "");
    let away = scene.depart();
    let token = scene.provider.key().sign(None, &scene.provider.id_claims(SUBJECT, &away.nonce));
    is_refused(&scene.arrive_with(&away, &token), 400);
    let away = scene.depart();
    let token = scene.provider.key().sign(None, &scene.provider.id_claims(SUBJECT, &away.nonce));
    scene.provider.answer_code(200, &json!({"id_token": token}));
    let query = format!("code=c&state={}&iss={}", away.state, issuer(&scene.provider));
    assert_eq!(scene.arrive(&away.cookie, &query).status, 303);
}

#[test]
fn signing_in_leads_nowhere_but_to_this_host() {
    let scene = scene();
    for next in
        ["//evil.example", "https://evil.example", "/%5c%5cevil.example", "/%2fevil.example"]
    {
        let path = format!("/.geovagt/sign-in?provider=entra&next={}", next.replace(':', "%3A"));
        let away = scene.depart_with(&path, DENMARK);
        let claims = scene.provider.id_claims(SUBJECT, &away.nonce);
        let answer = scene.arrive_with(&away, &scene.provider.key().sign(None, &claims));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{next}");
    }
    for provider in ["ukendt", "local", "", "..", "entra%0d%0a"] {
        let answer = scene.ask(&format!("/.geovagt/sign-in?provider={provider}")).send();
        assert!([400, 404].contains(&answer.status), "{provider}: {}", answer.status);
        assert_eq!(answer.header("location"), None);
    }
}

#[test]
fn a_site_takes_only_its_own_ways_and_an_answer_comes_back_where_it_began() {
    let provider = Provider::start();
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "")
        .replace("identity_providers: [local]", "identity_providers: [local, entra]")
        .replace(
            "hosts: [mail.example.dk],",
            "hosts: [mail.example.dk], identity_providers: [local], authentication: always,",
        )
        .replace(
            "  local: {kind: local}",
            &format!("  local: {{kind: local}}\n  entra: {}", provider.configuration("")),
        );
    let scene = Scene { provider, gateway: Gateway::start(&text), _upstream: upstream };
    let at = |host: &str, path: &str| {
        get(scene.gateway.address("web"), host, path).from(DENMARK).browser()
    };
    let session = scene.sign_in();
    assert!(scene.is_in(&session));
    let mail = at("mail.example.dk", "/").header("Cookie", &session).send();
    assert_eq!(mail.status, 303, "a session of a provider that the site does not take");
    assert!(!at("mail.example.dk", "/.geovagt/sign-in").send().text().contains("provider="));
    let asked = at("mail.example.dk", "/.geovagt/sign-in?provider=entra").send();
    assert_eq!((asked.status, asked.header("location")), (404, None));
    let away = scene.depart();
    let claims = scene.provider.id_claims(SUBJECT, &away.nonce);
    let token = scene.provider.key().sign(None, &claims);
    scene.provider.answer_code(200, &json!({"id_token": token}));
    for host in ["kilden.example.dk", "mail.example.dk", "a.egedal.example.dk"] {
        let path = format!("/.geovagt/callback?code=c&state={}", away.state);
        is_refused(&at(host, &path).header("Cookie", &away.cookie).send(), 400);
    }
}

#[test]
fn a_group_is_a_text_in_a_list_and_nothing_that_looks_like_one() {
    let provider = Provider::start();
    let entra = provider.configuration(", groups: [raad]");
    let scene = scene_with(provider, &entra, "");
    scene.sign_in();
    for (groups, status) in [
        (json!(["gaester"]), 403),
        (json!([]), 403),
        (json!(null), 400),
        (json!({"raad": true}), 400),
        (json!([["raad"]]), 400),
        (json!(["raad", 7]), 400),
        (json!(true), 400),
    ] {
        let answer = scene.arrive_changed(|claims| claims["groups"] = groups.clone());
        assert_eq!(cookie(&answer, "geovagt"), None, "{groups}");
        is_refused(&answer, status);
    }
    let missing = scene.arrive_changed(|c| drop(c.as_object_mut().unwrap().remove("groups")));
    is_refused(&missing, 403);
    let single = scene.arrive_changed(|claims| claims["groups"] = json!("raad"));
    assert_eq!(single.status, 303, "AD FS writes a single group as a text");
}

#[test]
fn a_provider_that_is_away_slow_or_talks_rubbish_opens_nothing() {
    let gone = Provider::start();
    let nobody = "{kind: oidc, issuer: \"http://127.0.0.1:1\", client_id: geovagt, timeout: 1s}";
    let scene = scene_with(gone, nobody, "");
    assert_eq!(scene.ask("/.geovagt/sign-in").send().status, 200, "it starts without the provider");
    is_refused(&scene.ask("/.geovagt/sign-in?provider=entra").send(), 503);

    let broken: [(&str, Breakage<'_>); 7] = [
        ("rubbish", &|p| p.put("/.well-known/openid-configuration", 200, "<html>".into())),
        ("huge", &|p| {
            p.publish(|document| document["x"] = json!("x".repeat(3 << 20)));
        }),
        ("another issuer", &|p| p.publish(|d| d["issuer"] = json!("https://evil.example"))),
        ("no endpoint", &|p| p.publish(|d| d["authorization_endpoint"] = json!(null))),
        ("a redirect", &|p| p.put("/.well-known/openid-configuration", 302, String::new())),
        ("an error", &|p| p.put("/.well-known/openid-configuration", 500, String::new())),
        ("silence", &|p| p.be_slow(true)),
    ];
    for (what, break_it) in broken {
        let provider = Provider::start();
        break_it(&provider);
        let entra = provider.configuration("");
        let scene = scene_with(provider, &entra, "");
        let answer = scene.ask("/.geovagt/sign-in?provider=entra").send();
        assert_eq!(answer.status, 503, "{what}: {}", answer.text());
        is_refused(&answer, 503);
        assert_eq!(scene.provider.asked("/elsewhere"), 0);
        // It is asked again as soon as it does what it should.
        scene.provider.be_slow(false);
        scene.provider.publish(|_| {});
        eventually("it is asked again", || {
            scene.ask("/.geovagt/sign-in?provider=entra").send().status == 303
        });
    }

    let scene = self::scene();
    for (answer, status) in [
        (json!({"id_token": "rubbish"}), 200),
        (json!({}), 200),
        (json!([]), 200),
        (json!({"error": "server_error"}), 500),
    ] {
        let away = scene.depart();
        scene.provider.answer_code(status, &answer);
        let seen = scene.arrive(&away.cookie, &format!("code=c&state={}", away.state));
        assert_eq!(cookie(&seen, "geovagt"), None);
        assert!([400, 503].contains(&seen.status), "{answer}: {}", seen.status);
    }
    let away = scene.depart();
    let ended = format!("error=access_denied&error_description=%3Cscript%3E&state={}", away.state);
    let seen = scene.arrive(&away.cookie, &ended);
    is_refused(&seen, 400);
    assert!(!seen.text().contains("script"));
}

#[test]
fn an_address_that_asks_too_often_is_slowed_down_and_no_other_is() {
    let scene = scene();
    let statuses: Vec<u16> =
        (0..60).map(|_| scene.ask("/.geovagt/sign-in?provider=entra").send().status).collect();
    assert!(statuses.contains(&303) && statuses.contains(&429), "{statuses:?}");
    let callback = scene.ask("/.geovagt/callback?code=c&state=s").send();
    assert_eq!(callback.status, 429);
    let other = scene.ask_from("130.225.1.1", "/.geovagt/sign-in?provider=entra").send();
    assert_eq!(other.status, 303);
}

#[test]
fn from_a_listed_country_the_sign_in_exists_while_somebody_travels_and_then_for_them_alone() {
    let scene = scene();
    let kilden = |path: &str, from: &str| {
        get(scene.gateway.address("web"), "kilden.example.dk", path).from(from).browser()
    };
    let wall = kilden("/", THAILAND).send();
    assert_eq!(wall.status, 403);
    for path in ["sign-in", "sign-in?provider=entra", "callback?code=c&state=s"] {
        let answer = kilden(&format!("/.geovagt/{path}"), THAILAND).send();
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.text().contains("provider=entra") && answer.header("location").is_none());
    }
    assert_eq!(scene.provider.asked("/.well-known/openid-configuration"), 0);
    // At home somebody signs in and is known from then on.
    scene.sign_in();
    let granted = scene.gateway.grant("af7c-anna@example.dk", "TH", &["kilden"]);
    assert!(granted.starts_with("TE-"));
    eventually("the door is there", || kilden("/", THAILAND).send().status == 303);
    assert_eq!(kilden("/.geovagt/sign-in?provider=entra", CHINA).send().status, 403);
    let arrive = |subject: &str, from: &str| {
        let answer = kilden("/.geovagt/sign-in?provider=entra&next=/post", from).send();
        let location = answer.header("location").unwrap();
        let (state, nonce) =
            (parameter(location, "state").unwrap(), parameter(location, "nonce").unwrap());
        let claims = scene.provider.id_claims(subject, &nonce);
        let token = scene.provider.key().sign(None, &claims);
        scene.provider.answer_code(200, &json!({"id_token": token}));
        kilden(&format!("/.geovagt/callback?code=c&state={state}"), from)
            .header("Cookie", &cookie(&answer, "geovagt-oidc").unwrap())
            .send()
    };
    let stranger = arrive("somebody-else", THAILAND);
    is_refused(&stranger, 403);
    let traveller = arrive(SUBJECT, THAILAND);
    assert_eq!((traveller.status, traveller.header("location")), (303, Some("/post")));
    let session = cookie(&traveller, "geovagt").unwrap();
    let inside = kilden("/", THAILAND).header("Cookie", &session).send();
    assert_eq!(inside.status, 200, "{}", inside.text());
    assert_eq!(kilden("/", CHINA).header("Cookie", &session).send().status, 403);
    // What the stranger saw is what a wrong password gets.
    let token = kilden("/.geovagt/sign-in", THAILAND).send();
    let form_cookie = cookie(&token, "geovagt-form").unwrap();
    let csrf = token.text().split("name=\"csrf\" value=\"").nth(1).unwrap().to_owned();
    let csrf = csrf.split('"').next().unwrap();
    let body = format!("name=nobody&password=x&next=%2F&csrf={csrf}");
    let wrong =
        post_form(scene.gateway.address("web"), "kilden.example.dk", "/.geovagt/sign-in", &body)
            .from(THAILAND)
            .browser()
            .header("Cookie", &form_cookie)
            .send();
    let length = |answer: &Answer| answer.text().len();
    assert_eq!(wrong.status, 403);
    let title = |answer: &Answer| {
        answer.text().split("<title>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    assert_eq!(title(&wrong), title(&stranger));
    assert!(length(&wrong).abs_diff(length(&stranger)) < 200);
    // The end of the exemption ends it, whatever the session says.
    scene.gateway.command(&["exemption", "revoke", &granted, "--reason", "hjemme"]).expect_code(0);
    eventually("the door is gone", || {
        kilden("/", THAILAND).header("Cookie", &session).send().status == 403
    });
}

#[test]
fn a_provider_ends_sessions_by_their_name_and_by_their_person() {
    let mut scene = scene();
    let key = scene.provider.clone();
    let logout = |scene: &Scene, claims: &Value, kind: Option<&str>| {
        let token = key.key().sign(kind, claims);
        post_form(
            scene.gateway.address("web"),
            HOST,
            "/.geovagt/backchannel-logout",
            &format!("logout_token={token}"),
        )
        .from(DENMARK)
        .send()
        .status
    };
    let session = scene.sign_in();
    assert!(scene.is_in(&session));
    let right = || {
        let mut claims = key.logout_claims();
        claims["sid"] = json!(format!("session-of-{SUBJECT}"));
        claims
    };
    let without = |name: &str| {
        let mut claims = right();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let with = |name: &str, value: Value| {
        let mut claims = right();
        claims[name] = value;
        claims
    };
    for (what, claims) in [
        ("a nonce", with("nonce", json!("n"))),
        ("no events", without("events")),
        ("other events", with("events", json!({"urn:other": {}}))),
        (
            "events as a list",
            with("events", json!(["http://schemas.openid.net/event/backchannel-logout"])),
        ),
        ("no issuer", without("iss")),
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("another audience", with("aud", json!("webmail"))),
        ("nobody", without("sid")),
        ("no name of its own", without("jti")),
        ("issued long ago", with("iat", json!(now() - 3600))),
        ("expired", with("exp", json!(now() - 61))),
    ] {
        assert_eq!(logout(&scene, &claims, Some("logout+jwt")), 400, "{what}");
    }
    let mut id_token = scene.provider.id_claims(SUBJECT, "n");
    id_token["jti"] = json!("1");
    assert_eq!(logout(&scene, &id_token, None), 400, "an ID token is no logout token");
    assert_eq!(logout(&scene, &right(), Some("at+jwt")), 400);
    let forged = Key::new("first").sign(Some("logout+jwt"), &right());
    let answer = post_form(
        scene.gateway.address("web"),
        HOST,
        "/.geovagt/backchannel-logout",
        &format!("logout_token={forged}"),
    )
    .from(DENMARK)
    .send();
    assert_eq!(answer.status, 400);
    assert!(scene.is_in(&session), "none of these ended it");

    let other = with("sid", json!("session-of-somebody-else"));
    assert_eq!(logout(&scene, &other, Some("logout+jwt")), 200);
    assert!(scene.is_in(&session));
    assert_eq!(logout(&scene, &right(), Some("logout+jwt")), 200);
    assert!(!scene.is_in(&session), "it ended by its name");
    // Every node reads it from the store, and so does this one when it starts anew.
    scene.gateway.stop();
    scene.gateway.run();
    assert!(!scene.is_in(&session), "it has ended for good");

    let mut by_person = without("sid");
    by_person["sub"] = json!(SUBJECT);
    // The next session is another one, and a second later at least.
    eventually("a session after the logout counts", || scene.is_in(&scene.sign_in()));
    let session = scene.sign_in();
    assert_eq!(logout(&scene, &by_person, None), 200);
    assert!(!scene.is_in(&session), "it ended by its person");
}

#[test]
fn a_grant_by_name_goes_to_nobody_who_chose_that_name_and_says_to_whom_it_goes() {
    let provider = Provider::start();
    let entra = provider.configuration(", groups: [raad]");
    let scene = scene_with(provider, &entra, "");
    scene.sign_in();
    let today = jiff::Zoned::now().date();
    let day = |days: i64| today.checked_add(jiff::Span::new().days(days)).unwrap();
    let leg = format!("TH {}..{}", day(30), day(35));
    let ask = |verb: &str, person: &str, more: &[&str]| {
        let asked = ["exemption", verb, "--organization", "ballerup", "--person", person];
        let rest = ["--leg", &leg, "--site", "kilden", "--purpose", "Studietur", "--case", "24-1"];
        scene.gateway.command(&[&asked[..], &rest, more].concat())
    };
    // Their own mail address, which nobody has verified.
    let printed = ask("grant", "anna.holm@example.dk", &[]).expect_code(1);
    assert!(printed.err.contains("anna.holm@example.dk"), "{}", printed.err);
    // A name of somebody who may not come in.
    is_refused(
        &scene.arrive_changed(|claims| {
            claims["sub"] = json!("mallory");
            claims["preferred_username"] = json!("bo.lund@example.dk");
            claims["groups"] = json!(["gaester"]);
        }),
        403,
    );
    let printed = ask("grant", "bo.lund@example.dk", &[]).expect_code(1);
    assert!(printed.err.contains("bo.lund@example.dk"), "{}", printed.err);
    let called =
        ["--device", "telefon", "--telephone", "+45 12 34 56 78", "--mail", "anna@example.com"];
    for (verb, more) in [("grant", &[][..]), ("apply", &called)] {
        let printed = ask(verb, "af7c-anna@example.dk", more).expect_code(0);
        let said = "af7c-anna@example.dk is \"Anna Holm\", provider entra, subject \"af7c-anna\"";
        assert!(printed.err.contains(said), "{verb}: {}", printed.err);
    }
    scene.gateway.add_user("eva", "ballerup", "en lang adgangskode 42");
    let printed = ask("grant", "eva", &[]).expect_code(0);
    assert!(!printed.err.contains("provider"), "{}", printed.err);
}

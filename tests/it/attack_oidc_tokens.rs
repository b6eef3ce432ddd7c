//! Attacks on what a provider says: tokens that are forged, changed, for somebody else or of no use, and
//! a provider that is broken.

use serde_json::{Value, json};

use crate::support::gateway::eventually;
use crate::support::oidc::{SUBJECT, cookie, is_refused, scene, scene_with};
use crate::support::provider::{Key, Provider, now};

type Change<'a> = &'a dyn Fn(&mut Value);
type Forgery<'a> = Box<dyn Fn(&Value) -> String + 'a>;
type Breakage<'a> = &'a dyn Fn(&Provider);

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

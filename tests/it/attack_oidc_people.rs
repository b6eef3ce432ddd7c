//! Attacks on whom a provider means: whose sessions it ends, and whose name is taken for whose.

use serde_json::{Value, json};

use crate::support::client::post_form;
use crate::support::gateway::{eventually, today};
use crate::support::oidc::{HOST, SUBJECT, Scene, is_refused, scene, scene_with};
use crate::support::places::DENMARK;
use crate::support::provider::{Key, Provider, now};

/// What the gateway answers to a logout token with these claims.
fn logout(scene: &Scene, claims: &Value, kind: Option<&str>) -> u16 {
    let token = scene.provider.key().sign(kind, claims);
    let form = format!("logout_token={token}");
    let to = scene.gateway.address("web");
    post_form(to, HOST, "/.geovagt/backchannel-logout", &form).from(DENMARK).send().status
}

#[test]
fn a_provider_ends_sessions_by_their_name_and_by_their_person() {
    let mut scene = scene();
    let key = scene.provider.clone();
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
    let today = today();
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

#[test]
fn a_logout_token_that_is_shown_again_later_ends_nothing_that_began_in_between() {
    let scene = scene();
    let session = scene.sign_in();
    let mut late = scene.provider.logout_claims();
    late["sub"] = json!(SUBJECT);
    // Older than the clocks may differ.
    late["iat"] = json!(now() - 120);
    assert_eq!(logout(&scene, &late, None), 200);
    assert!(scene.is_in(&session));
    late["iat"] = json!(now());
    assert_eq!(logout(&scene, &late, None), 200);
    assert!(!scene.is_in(&session));
}

//! An exemption that demands more than a password, and a provider that says how somebody signed in.

use serde_json::{Value, json};

use crate::support::client::{Answer, get};
use crate::support::gateway::{eventually, journey};
use crate::support::oidc::{SUBJECT, Scene, cookie, is_refused, parameter, scene};
use crate::support::places::THAILAND;

const KILDEN: &str = "kilden.example.dk";

fn ask(scene: &Scene, path: &str, cookies: &str) -> Answer {
    let request = get(scene.gateway.address("web"), KILDEN, path).from(THAILAND).browser();
    if cookies.is_empty() { request.send() } else { request.header("Cookie", cookies).send() }
}

/// Signs in from where the exemption is for, and comes back with what the provider says of it.
fn arrive(scene: &Scene, said: &Value) -> Answer {
    let away = ask(scene, "/.geovagt/sign-in?provider=entra&next=/post", "");
    let location = away.header("location").expect("the way to the provider");
    let (state, nonce) =
        (parameter(location, "state").unwrap(), parameter(location, "nonce").unwrap());
    let mut claims = scene.provider.id_claims(SUBJECT, &nonce);
    claims.as_object_mut().unwrap().remove("amr");
    for (claim, value) in said.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    let token = scene.provider.key().sign(None, &claims);
    scene.provider.answer_code(200, &json!({"id_token": token}));
    let begun = cookie(&away, "geovagt-oidc").unwrap();
    ask(scene, &format!("/.geovagt/callback?code=c&state={state}"), &begun)
}

#[test]
fn an_exemption_that_demands_a_second_factor_opens_to_whom_the_provider_asked_for_one() {
    let scene = scene();
    scene.sign_in();
    let leg = format!("TH {}", journey());
    let line = [
        "exemption",
        "grant",
        "--organization",
        "ballerup",
        "--person",
        "af7c-anna@example.dk",
        "--leg",
        &leg,
        "--site",
        "kilden",
        "--purpose",
        "Studietur",
        "--case",
        "26/1",
        "--demand",
        "multi_factor",
    ];
    scene.gateway.command(&line).expect_code(0);
    eventually("the door is there", || ask(&scene, "/", "").status == 303);
    for said in [
        json!({}),
        json!({"amr": ["pwd"]}),
        json!({"amr": []}),
        json!({"acr": "mfa"}),
        json!({"amr": ["pwd", "MFA"]}),
        json!({"amr": ["mfa,pwd"]}),
        json!({"amr": {"mfa": true}}),
    ] {
        let answer = arrive(&scene, &said);
        is_refused(&answer, if said["amr"].is_object() { answer.status } else { 403 });
    }
    let arrived = arrive(&scene, &json!({"amr": ["pwd", "mfa"]}));
    assert_eq!((arrived.status, arrived.header("location")), (303, Some("/post")));
    let session = cookie(&arrived, "geovagt").unwrap();
    assert_eq!(ask(&scene, "/", &session).status, 200);
}

//! Attacks on signing in with OpenID Connect: whatever comes back from wherever, nobody is signed in
//! but whom the asked provider proves, for this browser, now.

use serde_json::json;

use crate::support::client::{Answer, get, post_form};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::oidc::{
    Away, SUBJECT, Scene, cookie, is_refused, parameter, scene, scene_with,
};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

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
fn one_provider_cannot_answer_for_another() {
    let (provider, evil) = (Provider::start(), Provider::start());
    let entra = provider.configuration("");
    let broker = evil.configuration("").replace("geovagt,", "geovagt-broker,");
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "")
        .replace("identity_providers: [local]", "identity_providers: [entra, broker]")
        .replace("  local: {kind: local}", &format!("  entra: {entra}\n  broker: {broker}"));
    let scene = Scene { provider, gateway: Gateway::start(&text), upstream };
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
    let scene = Scene { provider, gateway: Gateway::start(&text), upstream };
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
fn several_windows_sign_in_side_by_side_and_no_more_than_a_few() {
    let scene = scene();
    let mut browser: Vec<String> = Vec::new();
    let mut windows = Vec::new();
    for _ in 0..5 {
        let path = "/.geovagt/sign-in?provider=entra&next=/sag%3Fid=7";
        let answer = scene.ask(path).header("Cookie", &browser.join("; ")).send();
        let set = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let name = set.split('=').next().unwrap().to_owned();
        browser.retain(|pair| !pair.starts_with(&format!("{name}=")));
        browser.push(set);
        let location = answer.header("location").unwrap();
        windows
            .push((parameter(location, "state").unwrap(), parameter(location, "nonce").unwrap()));
    }
    assert_eq!(browser.len(), 3, "a browser keeps no more of them: {browser:?}");
    let come_back = |browser: &[String], (state, nonce): &(String, String)| {
        let token = scene.provider.key().sign(None, &scene.provider.id_claims(SUBJECT, nonce));
        scene.provider.answer_code(200, &json!({"id_token": token}));
        scene.arrive(&browser.join("; "), &format!("code=c0de&state={state}"))
    };
    for oldest in &windows[..2] {
        let answer = come_back(&browser, oldest);
        is_refused(&answer, 400);
        assert_eq!(answer.header("set-cookie"), None, "a stray answer ends no other's sign-in");
    }
    for window in &windows[2..] {
        let answer = come_back(&browser, window);
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert!(cookie(&answer, "geovagt").is_some());
        let over = |value: &str| value.starts_with("geovagt-oidc") && value.contains("Max-Age=0");
        let ended: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, value)| name == "set-cookie" && over(value))
            .map(|(_, value)| value.split('=').next().unwrap().to_owned())
            .collect();
        assert_eq!(ended.len(), 1, "{ended:?}");
        browser.retain(|pair| !pair.starts_with(&format!("{}=", ended[0])));
    }
    assert!(browser.is_empty(), "{browser:?}");
    // The upstream sees none of them.
    let all = "geovagt-oidc=a; geovagt-oidc-2=b; geovagt-oidc-3=c; theirs=d";
    let session = scene.sign_in();
    let passed = scene.ask("/").header("Cookie", &format!("{all}; {session}")).send();
    let seen = passed.json()["headers"].to_string();
    assert!(seen.contains("theirs=d") && !seen.contains("geovagt-oidc"), "{seen}");
}

#[test]
fn a_code_is_shown_to_nobody_once_the_site_takes_its_provider_no_more() {
    let scene = scene();
    let away = scene.depart();
    let session = scene.sign_in();
    let asked = scene.provider.asked("/token");
    scene.change(
        "hosts: [inner.example.dk],",
        "hosts: [inner.example.dk], identity_providers: [local],",
    );
    let claims = scene.provider.id_claims(SUBJECT, &away.nonce);
    let token = scene.provider.key().sign(None, &claims);
    is_refused(&scene.arrive_with(&away, &token), 400);
    assert_eq!(scene.provider.asked("/token"), asked);
    assert!(!scene.is_in(&session));
}

#[test]
fn a_provider_that_is_set_up_anew_ends_what_the_old_one_proved() {
    let scene = scene();
    let session = scene.sign_in();
    scene.change("client_id: geovagt", "client_id: another");
    assert!(!scene.is_in(&session));
}

//! The travel link: a device is bound at home, by its traveller, once, and opens the door abroad.

use crate::support::browsing::{Browser, hidden};
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, LISTED, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";
const MAIL: &str = "mail.example.dk";
const DEVICE: &str = "geovagt-device";

struct Scene {
    _upstream: Upstream,
    gateway: Gateway,
    id: String,
}

/// Anna travels to China, which two approve, so that a device is demanded; Bo and Eva do not.
fn scene() -> Scene {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for name in ["anna.holm", "bo.lund"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    let id = to_china(&gateway, "anna.holm", &["kilden", "mail"]);
    Scene { _upstream: upstream, gateway, id }
}

/// A journey to China, granted by one person and approved by another.
fn to_china(gateway: &Gateway, person: &str, sites: &[&str]) -> String {
    let leg = format!("CN {}", crate::support::gateway::journey());
    let mut line = vec![
        "exemption",
        "grant",
        "--json",
        "--organization",
        "ballerup",
        "--person",
        person,
        "--leg",
        &leg,
        "--purpose",
        "x",
        "--case",
        "1",
        "--by",
        "Bente Lund",
    ];
    sites.iter().for_each(|site| line.extend(["--site", site]));
    let before = counting(gateway);
    let id = gateway.command(&line).expect_code(0).json()["id"].as_str().unwrap().to_owned();
    gateway.command(&["exemption", "approve", &id, "--by", "Carl Friis"]).expect_code(0);
    eventually("the gateway knows of the approval", || {
        let search = ["audit", "search", "--json", "--action", "exemption_approved"];
        gateway.command(&search).out.contains(&id) && counting(gateway) > before
    });
    id
}

/// How many exemptions count.
fn counting(gateway: &Gateway) -> u64 {
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let value = metrics.lines().find_map(|line| line.strip_prefix("geovagt_exemptions "));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

impl Scene {
    /// The path of a new link.
    fn link(&self, more: &[&str]) -> String {
        let mut line = vec!["exemption", "link", &self.id, "--json"];
        line.extend(more);
        let printed = self.gateway.command(&line).expect_code(0).json();
        let link = printed["link"].as_str().unwrap();
        link.strip_prefix(&format!("https://{HOST}")).expect(link).to_owned()
    }

    fn at(&self, host: &str, address: &str) -> Browser {
        Browser::at(&self.gateway, host, address)
    }

    /// Anna's browser, signed in at home and bound.
    fn bound(&self, host: &str, link: &str) -> Browser {
        let mut browser = self.at(host, DENMARK);
        browser.sign_in("anna.holm", PASSWORD);
        let page = browser.open(link);
        assert_eq!(page.status, 200, "{}", page.text());
        let done = browser.press(&page, link);
        assert_eq!(done.status, 200, "{}", done.text());
        assert!(done.text().contains("Enheden er klar"), "{}", done.text());
        assert!(browser.cookie(DEVICE).is_some());
        browser
    }

    fn bindings(&self) -> Vec<serde_json::Value> {
        let listed = self.gateway.command(&["exemption", "device", &self.id, "--json"]);
        listed.expect_code(0).json().as_array().unwrap().clone()
    }

    fn logged(&self, action: &str) -> Vec<serde_json::Value> {
        let search = ["audit", "search", "--json", "--action", action];
        let printed = self.gateway.command(&search);
        printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn without_a_device_there_is_no_door_and_with_one_there_is() {
    let scene = scene();
    let mut browser = scene.bound(HOST, &scene.link(&[])).moved_to(CHINA);
    // Signed in and bound: in.
    let let_in = browser.open("/");
    assert_eq!(let_in.status, 200);
    assert!(!let_in.text().contains(DEVICE), "{}", let_in.text());
    // Bound, without a session: asked who it is, and let in by the password.
    browser.forget("geovagt");
    assert_eq!(browser.open("/").status, 303);
    assert_eq!(browser.try_sign_in("anna.holm", "forkert").status, 403);
    browser.sign_in("anna.holm", PASSWORD);
    assert_eq!(browser.open("/").status, 200);
    // Signed in, without the device: the wall. The log knows why.
    let device = browser.cookie(DEVICE).unwrap().to_owned();
    browser.forget(DEVICE);
    let wall = browser.open("/");
    assert_eq!(wall.status, 403);
    let reference = wall.header("geovagt-reference").unwrap().to_owned();
    eventually("the log says why", || {
        let shown = ["audit", "search", "--json", "--reference", &reference];
        scene.gateway.command(&shown).out.contains("exemption_device_missing")
    });
    // A stranger, with or without the right password, sees no door at all.
    let web = scene.gateway.address("web");
    let ask = || get(web, HOST, "/").from(CHINA);
    assert_eq!(ask().send().status, 403);
    assert_eq!(ask().basic("anna.holm", PASSWORD).send().status, 403);
    assert_eq!(get(web, HOST, "/.geovagt/sign-in").from(CHINA).send().status, 403);
    // The device's cookie is of no use to anybody else.
    let mut bo = scene.at(HOST, DENMARK);
    bo.sign_in("bo.lund", PASSWORD);
    bo.set_cookie(DEVICE, &device);
    let mut bo = bo.moved_to(CHINA);
    assert_eq!(bo.open("/").status, 403);
    // Another country is another matter.
    browser.set_cookie(DEVICE, &device);
    assert_eq!(browser.moved_to(THAILAND).open("/").status, 403);
}

#[test]
fn opening_the_link_binds_nothing() {
    let scene = scene();
    let link = scene.link(&[]);
    let web = scene.gateway.address("web");
    // Mail scanners and previews: GET and HEAD, without a session and with one.
    for method in ["GET", "HEAD"] {
        let answer = get(web, HOST, &link).method(method).from(DENMARK).browser().send();
        assert_eq!(answer.status, 200);
        assert!(!answer.text().contains("csrf") && !answer.text().contains("anna"));
    }
    let mut anna = scene.at(HOST, DENMARK);
    anna.sign_in("anna.holm", PASSWORD);
    assert_eq!(anna.open(&link).status, 200);
    assert_eq!(anna.cookie(DEVICE), None);
    assert_eq!(scene.bindings(), Vec::<serde_json::Value>::new());
    // A form that is not our own page's: another site's, with Anna's cookies.
    let forged = anna.post(&link, "csrf=AAAA");
    assert!(forged.text().contains("for gammel"), "{}", forged.text());
    assert_eq!(anna.post(&link, "").status, 200);
    assert_eq!(anna.cookie(DEVICE), None);
    assert_eq!(scene.bindings(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_link_is_for_its_traveller_alone_and_tells_nobody_else() {
    let scene = scene();
    let link = scene.link(&[]);
    let guessed = format!("/.geovagt/rejse/{}", "0123456789ab".repeat(3));
    let mut bo = scene.at(HOST, DENMARK);
    bo.sign_in("bo.lund", PASSWORD);
    let (theirs, none) = (bo.open(&link), bo.open(&guessed));
    assert_eq!((theirs.status, none.status), (404, 404));
    let same = |text: String| text.replace(&link, "X").replace(&guessed, "X");
    assert_eq!(same(theirs.text()), same(none.text()));
    for odd in
        ["/.geovagt/rejse/", "/.geovagt/rejse/x", "/.geovagt/rejse/..%2f", "/.geovagt/rejse/%00"]
    {
        let answer = bo.open(odd);
        assert!([400, 404].contains(&answer.status), "{odd}: {}", answer.status);
    }
    // With a page of his own he has a good form token, and it helps him nothing.
    let page = bo.open("/.geovagt/sign-out");
    let token = hidden(&page.text(), "csrf");
    assert_eq!(bo.post(&link, &format!("csrf={token}")).status, 404);
    assert_eq!(bo.cookie(DEVICE), None);
    assert_eq!(scene.bindings(), Vec::<serde_json::Value>::new());
    eventually("somebody else's link is written down", || {
        scene.logged("device_bound").iter().any(|entry| {
            entry["event"]["outcome"] == "failure" && entry["user"]["name"] == "bo.lund"
        })
    });
    // The log holds no token.
    let token = link.rsplit('/').next().unwrap();
    assert!(!scene.gateway.command(&["audit", "search", "--json"]).out.contains(token));
}

#[test]
fn a_link_is_opened_at_home() {
    let scene = scene();
    let link = scene.link(&[]);
    let mut anna = scene.at(HOST, DENMARK);
    anna.sign_in("anna.holm", PASSWORD);
    let page = anna.open(&link);
    // From a listed country there is not even a page; the log does not keep the token.
    let mut abroad = anna.clone().moved_to(CHINA);
    assert_eq!(abroad.open(&link).status, 403);
    assert_eq!(abroad.press(&page, &link).status, 403);
    let token = link.rsplit('/').next().unwrap();
    eventually("the rejection is written down", || {
        scene.gateway.command(&["audit", "search", "--json"]).out.contains("/.geovagt/rejse/")
    });
    assert!(!scene.gateway.command(&["audit", "search", "--json"]).out.contains(token));
    // Where the door is open (Thailand, for a journey without demands) it says what to do.
    scene.gateway.grant("anna.holm", "TH", &["kilden"]);
    let mut there = anna.moved_to(THAILAND);
    eventually("the journey has begun", || there.open("/").status == 200);
    let answer = there.open(&link);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("Åbn linket hjemmefra"), "{}", answer.text());
    assert_eq!(there.press(&page, &link).status, 403);
    assert_eq!(there.cookie(DEVICE), None);
    assert_eq!(scene.bindings(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_link_binds_a_device_once_and_so_many_and_ends() {
    let scene = scene();
    let link = scene.link(&["--devices", "2"]);
    let mut first = scene.bound(HOST, &link);
    // Once more on the same device changes nothing and uses nothing up.
    let again = first.open(&link);
    assert!(again.text().contains("Enheden er klar"), "{}", again.text());
    assert_eq!(scene.bindings().len(), 1);
    scene.bound(HOST, &link);
    let mut third = scene.at(HOST, DENMARK);
    third.sign_in("anna.holm", PASSWORD);
    let page = third.open(&link);
    let answer = third.press(&page, &link);
    assert_eq!(answer.status, 410);
    assert!(answer.text().contains("brugt op"), "{}", answer.text());
    assert_eq!(third.cookie(DEVICE), None);
    // The other site's cookie is its own: the page names it, and it counts by itself.
    assert!(again.text().contains(&format!("href=\"//{MAIL}{link}\"")), "{}", again.text());
    let mut mail = scene.bound(MAIL, &link).moved_to(CHINA);
    assert_eq!(mail.open("/").status, 200);
    // With the exemption the link ends, and every device with it.
    let mut first = first.moved_to(CHINA);
    assert_eq!(first.open("/").status, 200);
    let revoke = ["exemption", "revoke", &scene.id, "--reason", "Aflyst"];
    scene.gateway.command(&revoke).expect_code(0);
    eventually("the revocation counts", || first.open("/").status == 403);
    let mut anna = scene.at(HOST, DENMARK);
    anna.sign_in("anna.holm", PASSWORD);
    let ended = anna.open(&link);
    assert_eq!(ended.status, 410);
    assert!(ended.text().contains("udløbet"), "{}", ended.text());
}

#[test]
fn the_other_systems_are_named_where_this_one_was_reached() {
    let scene = scene();
    let link = scene.link(&[]);
    let mut browser = scene.bound(&format!("{HOST}:8443"), &link);
    let page = browser.open(&link).text();
    assert!(page.contains(&format!("href=\"//{MAIL}:8443{link}\"")), "{page}");
}

#[test]
fn a_binding_that_is_taken_back_counts_no_more() {
    let scene = scene();
    let link = scene.link(&[]);
    let mut lost = scene.bound(HOST, &link).moved_to(CHINA);
    let mut kept = scene.bound(HOST, &link).moved_to(CHINA);
    assert_eq!((lost.open("/").status, kept.open("/").status), (200, 200));
    let bindings = scene.bindings();
    let id = bindings[0]["id"].as_str().unwrap();
    scene.gateway.command(&["exemption", "device", &scene.id, "--revoke", id]).expect_code(0);
    eventually("the device is out", || lost.open("/").status == 403);
    assert_eq!(kept.open("/").status, 200);
    // Its old cookie is replayed in vain, also by a new session.
    lost.forget("geovagt");
    assert_eq!(lost.open("/").status, 403);
    let told = scene.gateway.command(&["exemption", "device", &scene.id, "--revoke", id]);
    told.expect_code(1);
}

#[test]
fn a_device_of_another_exemption_or_organisation_is_none() {
    let scene = scene();
    let bound = scene.bound(HOST, &scene.link(&[]));
    let device = bound.cookie(DEVICE).unwrap().to_owned();
    // Bo travels too, and takes Anna's device cookie along with his own session.
    to_china(&scene.gateway, "bo.lund", &["kilden"]);
    let mut bo = scene.at(HOST, DENMARK);
    bo.sign_in("bo.lund", PASSWORD);
    let mut bo = bo.moved_to(CHINA);
    bo.set_cookie(DEVICE, &device);
    assert_eq!(bo.open("/").status, 403);
    // At Anna's door his password is as good as anybody's.
    bo.forget("geovagt");
    assert_eq!(bo.open("/").status, 303, "Anna's device is asked who holds it");
    assert_eq!(bo.try_sign_in("bo.lund", PASSWORD).status, 403);
    // On a site of another organisation the cookie opens nothing.
    let web = scene.gateway.address("web");
    let elsewhere = get(web, "www.egedal.example.dk", "/").from(CHINA);
    let elsewhere = elsewhere.header("Cookie", &format!("{DEVICE}={device}"));
    assert_eq!(elsewhere.browser().send().status, 403);
    // Twice, cut short or changed, it is none.
    let ask = |cookie: &str| get(web, HOST, "/").from(CHINA).header("Cookie", cookie).browser();
    assert_eq!(ask(&format!("{DEVICE}={device}")).send().status, 303);
    let cut = &device[..device.len() - 1];
    for cookie in [
        format!("{DEVICE}={device}; {DEVICE}={device}"),
        format!("{DEVICE}={cut}"),
        format!("__Host-{DEVICE}={device}"),
        format!("x{DEVICE}={device}"),
    ] {
        assert_eq!(ask(&cookie).send().status, 403, "{cookie}");
    }
}

#[test]
fn an_activesync_client_is_let_in_by_its_known_number() {
    let scene = scene();
    let web = scene.gateway.address("web");
    let sync = |device: &str, password: &str| {
        let target = format!("/Microsoft-Server-ActiveSync?Cmd=Ping&User=anna&DeviceId={device}");
        let request = get(web, HOST, &target).method("POST").from(CHINA);
        request.basic("anna.holm", password).send()
    };
    assert_eq!(sync("ApplDLX1", PASSWORD).status, 403);
    let bind = ["exemption", "device", &scene.id, "--activesync", "ApplDLX1"];
    scene.gateway.command(&bind).expect_code(0);
    eventually("the client is known", || sync("appldlx1", PASSWORD).status == 200);
    assert_eq!(sync("ApplDLX2", PASSWORD).status, 403);
    assert_eq!(sync("ApplDLX1", "forkert").status, 403);
    // The number speaks for this path alone.
    let elsewhere = get(web, HOST, "/owa/?DeviceId=ApplDLX1&Cmd=Ping").from(CHINA);
    assert_eq!(elsewhere.basic("anna.holm", PASSWORD).send().status, 403);
}

#[test]
fn what_is_demanded_can_be_said_when_granting() {
    let scene = scene();
    let gateway = &scene.gateway;
    let leg = format!("TH {}", crate::support::gateway::journey());
    let grant = |demand: &str| {
        let line = [
            "exemption",
            "grant",
            "--json",
            "--organization",
            "ballerup",
            "--person",
            "bo.lund",
            "--leg",
            &leg,
            "--purpose",
            "x",
            "--case",
            "1",
            "--site",
            "kilden",
            "--demand",
            demand,
        ];
        gateway.command(&line)
    };
    let id = grant("multi_factor").expect_code(0).json()["id"].as_str().unwrap().to_owned();
    let shown = gateway.command(&["exemption", "show", &id, "--json"]).expect_code(0).json();
    assert_eq!(shown["demands"], serde_json::json!(["multi_factor"]));
    let shown = gateway.command(&["exemption", "show", &scene.id, "--json"]).expect_code(0).json();
    assert_eq!(shown["demands"], serde_json::json!(["device"]));
    grant("fingerprint").expect_code(2);
    // A password alone is not worth proving where more is demanded.
    let web = gateway.address("web");
    let from_thailand = || get(web, HOST, "/").from(THAILAND);
    eventually("the journey has begun", || from_thailand().send().status == 401);
    assert_eq!(from_thailand().basic("bo.lund", PASSWORD).send().status, 403);
}

#[test]
fn no_way_of_asking_writes_the_token_or_a_code_into_the_log() {
    let upstream = Upstream::start();
    let more = "audit: {query_strings: true, flush: 1ms}\n";
    let gateway = Gateway::start(&(configuration(&upstream.url(), "") + more));
    let web = gateway.address("web");
    // Each from elsewhere: equal rejections become one entry.
    let mut places = LISTED.iter().map(|place| place.2);
    let mut ask =
        |host: &str, path: &str| get(web, host, path).from(places.next().unwrap()).send().status;
    for host in [HOST, "ukendt.example.org", "a b"] {
        for path in [
            "/.geovagt/rejse/t0ken",
            "/.GEOVAGT/Rejse/t0ken",
            "/.geovagt/sign-in?next=/.geovagt/rejse/t0ken",
            "/.geovagt/sign-in?next=%2F.geovagt%2Frejse%2Ft0ken",
            "/.GEOVAGT/callback?code=t0ken&state=t0ken",
            "/.geovagt/callback?code=t0ken&state=t0ken",
            "/?next=%2F.geovagt%2Frejse%2Ft0ken",
        ] {
            assert!(ask(host, path) >= 400, "{host} {path}");
        }
    }
    assert_eq!(ask(HOST, "/last?shown=2"), 403);
    let mut found = String::new();
    eventually("the last is in the log", || {
        found = gateway.command(&["audit", "search", "--json"]).expect_code(0).out;
        found.contains("shown=2")
    });
    assert!(found.contains("/.geovagt/rejse/") && found.contains("/.geovagt/callback"), "{found}");
    assert!(!found.contains("t0ken"), "{found}");
}

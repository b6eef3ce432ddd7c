//! The certified OpenID Connect provider (npm `oidc-provider`), with curl and with a real browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rcgen::PublicKeyData as _;
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually, repository};
use crate::support::outside::{Program, command, curl, free_address, npm_packages};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

/// The provider, a gateway that takes its people, and what is behind.
struct Scene {
    gateway: Gateway,
    authority: PathBuf,
    public_key: Vec<u8>,
    origin: SocketAddr,
    _provider: Program,
    _upstream: Upstream,
    _directory: tempfile::TempDir,
}

/// Files of a certificate and its key, and the public key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf, Vec<u8>) {
    let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let (chain, key) = (directory.join("chain.pem"), directory.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (chain, key, made.signing_key.subject_public_key_info())
}

impl Scene {
    /// The gateway's address must be known to the provider first: it is chosen here.
    fn start() -> Self {
        npm_packages("oidc");
        let directory = tempfile::tempdir().unwrap();
        let (authority, key, public_key) = certificate(directory.path());
        let (at, origin) = (free_address(), free_address());
        let issuer = format!("https://localhost:{}", at.port());
        let own = format!("http://localhost:{}", origin.port());
        let settings = json!({
            "issuer": issuer, "port": at.port(), "key": key, "certificate": authority,
            "clients": [{
                "client_id": "geovagt",
                "client_secret": "en hemmelighed: 100 % sikker",
                "redirect_uris": [
                    format!("http://{HOST}/.geovagt/callback"), format!("{own}/.geovagt/callback"),
                ],
                "post_logout_redirect_uris": [
                    format!("http://{HOST}/.geovagt/sign-out"), format!("{own}/.geovagt/sign-out"),
                ],
                "backchannel_logout_uri":
                    format!("http://127.0.0.1:{}/.geovagt/backchannel-logout", origin.port()),
                "backchannel_logout_session_required": true,
            }],
        });
        let mut node = command("node");
        node.arg(repository().join("tests/oidc/provider.mjs"))
            .env("SETTINGS", settings.to_string());
        let provider = Program::start(node, &directory.path().join("provider"), at);

        let upstream = Upstream::start();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, "en hemmelighed: 100 % sikker\n").unwrap();
        let near = format!(
            "  near: {{organization: ballerup, hosts: [localhost, \"127.0.0.1\"], \
             upstream: {{servers: [\"{}\"]}}, authentication: always, \
             allow_networks: [{{network: 127.0.0.0/8, reason: test}}]}}\nidentity:\n  entra: \
             {{kind: oidc, label: Ballerup, issuer: \"{issuer}\", client_id: geovagt, \
             client_secret: \"${{file:{}}}\", ca: {}, groups: []}}\n",
            upstream.url(),
            secret.display(),
            authority.display(),
        );
        let text = configuration(&upstream.url(), "")
            .replace("identity_providers: [local]", "identity_providers: [local, entra]")
            .replace("identity:\n", &near)
            .replace(
                "  - name: direct\n    bind: [\"127.0.0.1:0\"]",
                &format!("  - name: direct\n    bind: [\"{origin}\"]"),
            );
        let gateway = Gateway::start(&text);
        Self {
            gateway,
            authority,
            public_key,
            origin,
            _provider: provider,
            _upstream: upstream,
            _directory: directory,
        }
    }

    /// curl at the provider, with a cookie jar of its own: gives the head and the body.
    fn curl(&self, jar: &Path, arguments: &[&str]) -> String {
        let (jar, authority) = (jar.to_str().unwrap(), self.authority.to_str().unwrap());
        let own = ["-b", jar, "-c", jar, "--cacert", authority, "-i"];
        let (code, output) = curl(&[&own, arguments].concat());
        assert_eq!(code, 0, "{output}");
        output
    }

    /// Signs in at the provider as somebody, from where the gateway sent the browser to; gives the
    /// address that the provider sends it back to.
    fn at_the_provider(&self, location: &str, who: &str) -> String {
        let jar = tempfile::NamedTempFile::new().unwrap();
        let form = located(&self.curl(jar.path(), &[location]));
        let page = self.curl(jar.path(), &[&absolute(&form, location)]);
        assert!(page.contains("<form"), "{page}");
        let login = format!("login={who}");
        let on = located(&self.curl(jar.path(), &["-d", &login, &absolute(&form, location)]));
        located(&self.curl(jar.path(), &[&absolute(&on, location)]))
    }

    /// The whole way from an address; gives the status at the end and the session.
    fn sign_in(&self, from: &str, who: &str) -> (u16, Option<String>) {
        let web = self.gateway.address("web");
        let away = get(web, HOST, "/.geovagt/sign-in?provider=entra&next=/sag").from(from).send();
        assert_eq!(away.status, 303, "{}", away.text());
        let back = self.at_the_provider(away.header("location").unwrap(), who);
        let target = back.strip_prefix(&format!("http://{HOST}")).expect("the callback");
        let cookie = away.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let arrived = get(web, HOST, target).from(from).header("Cookie", &cookie).send();
        let set = arrived.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pairs = set.filter_map(|(_, value)| value.split(';').next());
        let session = pairs.map(str::to_owned).find(|pair| pair.starts_with("geovagt="));
        (arrived.status, session)
    }
}

fn located(answer: &str) -> String {
    let line = answer.lines().find(|line| line.to_lowercase().starts_with("location:"));
    line.unwrap_or_else(|| panic!("no redirect: {answer}"))[9..].trim().to_owned()
}

fn absolute(location: &str, base: &str) -> String {
    url::Url::parse(base).unwrap().join(location).unwrap().to_string()
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
    let browser = Browser::start_trusting("da-DK", &scene.public_key);
    browser.open(&format!("{own}/sag?id=7"));
    assert_eq!(browser.text("h1"), "Log ind");
    browser.keep_picture("sign-in-provider");
    browser.click("a.button");
    eventually("the provider asks who it is", || browser.source().contains("id=\"login\""));
    browser.write("#login", "anna");
    browser.click("button");
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
    browser.click("form button[type=submit]");
    eventually("the provider asks whether to sign out", || {
        browser.address().contains("/session/end") && browser.source().contains("name=\"logout\"")
    });
    browser.click("button[name=logout]");
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
    let browser = Browser::start_trusting("en-GB", &scene.public_key);
    browser.open(&format!("{own}/"));
    browser.click("a.button");
    eventually("the provider asks who it is", || browser.source().contains("id=\"login\""));
    let provider = url::Url::parse(&browser.address()).unwrap().origin().ascii_serialization();
    browser.write("#login", "anna");
    browser.click("button");
    eventually("the browser is back", || browser.address() == format!("{own}/"));
    assert!(browser.text("body").contains("anna.holm@example.dk"));
    browser.open(&format!("{provider}/session/end"));
    browser.click("button[name=logout]");
    eventually("the session here has ended too", || {
        browser.open(&format!("{own}/"));
        browser.source().contains("<h1>Sign in</h1>")
    });
}

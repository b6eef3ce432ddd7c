//! A real nginx (`auth_request`), Caddy (`forward_auth`), Envoy (`ext_authz`) and Traefik
//! (`ForwardAuth`) with the configurations that ship, only their addresses changed.

use std::net::SocketAddr;
use std::process::Command;

use crate::support::client::{Answer, Request, get, post_form};
use crate::support::gateway::{Gateway, configuration, eventually, repository};
use crate::support::outside::{Program, command, entry, free_address};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";

/// The site's server, the gateway that is asked, and the proxy that asks it.
struct Setting {
    upstream: Upstream,
    gateway: Gateway,
    proxy: Proxy,
}

struct Proxy {
    address: SocketAddr,
    /// How a client's place is told to it.
    place: Place,
    _program: Program,
    _directory: tempfile::TempDir,
}

#[derive(Clone, Copy)]
enum Place {
    /// In a PROXY preamble.
    Preamble,
    /// In X-Forwarded-For, which it believes from 127.0.0.1 alone.
    Header,
}

fn gateway(upstream: &Upstream) -> Gateway {
    let kilden = r#"kilden: {organization: ballerup, hosts: [kilden.example.dk], "#;
    let rules =
        "paths: [{path: /internal/, closed: true}, {path: /admin/, authentication: always}], ";
    let asked =
        "operations:\n  client_address: {trusted_proxies: [127.0.0.1], source: x_forwarded_for}\n";
    let text = configuration(&upstream.url(), "")
        .replace(kilden, &format!("{kilden}{rules}"))
        .replace("operations:\n", asked);
    let gateway = Gateway::start(&text);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway
}

/// The example with the addresses of this test.
fn example(name: &str, replaced: &[(&str, String)]) -> String {
    let path = repository().join("config/examples").join(name);
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in replaced {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, to);
    }
    text
}

fn addresses(upstream: &Upstream, gateway: &Gateway) -> [(&'static str, String); 3] {
    [
        ("10.1.0.10:8080", upstream.address.to_string()),
        ("127.0.0.1:9100", gateway.address("operations").to_string()),
        ("127.0.0.1:8080", gateway.address("web").to_string()),
    ]
}

fn nginx(change: impl Fn(String) -> String) -> Setting {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().display().to_string();
    let address = free_address();
    let mut replaced = addresses(&upstream, &gateway).to_vec();
    replaced.push(("listen 80;", format!("listen {address} proxy_protocol;")));
    let site = change(example("forward-auth-nginx.conf", &replaced));
    let configuration = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
        events {{}}
        http {{
          access_log off; set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
          client_body_temp_path {root}/bodies; proxy_temp_path {root}/proxy;
          fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;
          scgi_temp_path {root}/scgi;
          {site}
        }}"
    );
    let file = directory.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut nginx = command("nginx");
    nginx.arg("-p").arg(directory.path()).arg("-c").arg(file);
    let program = Program::start(nginx, &directory.path().join("output"), address);
    let proxy = Proxy { address, place: Place::Preamble, _program: program, _directory: directory };
    Setting { upstream, gateway, proxy }
}

fn caddy(change: impl Fn(String) -> String) -> Setting {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut replaced = addresses(&upstream, &gateway).to_vec();
    replaced.push((
        "kilden.example.dk {",
        format!("http://kilden.example.dk:{} {{\n\tbind 127.0.0.1", address.port()),
    ));
    replaced.push(("# trusted_proxies 192.0.2.10", "trusted_proxies 127.0.0.1".to_owned()));
    let site = change(example("forward-auth.Caddyfile", &replaced));
    let file = directory.path().join("Caddyfile");
    std::fs::write(&file, format!("{{\n\tadmin off\n}}\n{site}")).unwrap();
    let mut caddy = command("caddy");
    for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        caddy.env(home, directory.path());
    }
    caddy.arg("run").arg("--config").arg(file).args(["--adapter", "caddyfile"]);
    let program = Program::start(caddy, &directory.path().join("output"), address);
    let proxy = Proxy { address, place: Place::Header, _program: program, _directory: directory };
    Setting { upstream, gateway, proxy }
}

/// A program that `tests/run` has installed from PyPI.
fn from_pypi(program: &str) -> Command {
    let path = repository().join("tests/proxies/.venv/bin").join(program);
    assert!(path.is_file(), "{} is missing: tests/run installs it", path.display());
    Command::new(path)
}

fn envoy(change: impl Fn(String) -> String) -> Setting {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let socket =
        |address: SocketAddr| format!("address: {}, port_value: {}", address.ip(), address.port());
    let replaced = [
        ("address: 10.1.0.10, port_value: 8080", socket(upstream.address)),
        ("address: 127.0.0.1, port_value: 9100", socket(gateway.address("operations"))),
        ("http://127.0.0.1:9100", format!("http://{}", gateway.address("operations"))),
        ("address: 127.0.0.1, port_value: 8080", socket(gateway.address("web"))),
        ("address: 0.0.0.0, port_value: 80}", socket(address) + "}"),
        ("# listener_filters:", "listener_filters:".to_owned()),
    ];
    let file = directory.path().join("envoy.yaml");
    std::fs::write(&file, change(example("forward-auth.envoy.yaml", &replaced))).unwrap();
    let mut envoy = from_pypi("envoy");
    envoy.args(["--disable-hot-restart", "--concurrency", "1", "-c"]).arg(file);
    let program = Program::start(envoy, &directory.path().join("output"), address);
    let proxy = Proxy { address, place: Place::Preamble, _program: program, _directory: directory };
    Setting { upstream, gateway, proxy }
}

fn traefik(change: impl Fn(String) -> String) -> Setting {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let replaced = addresses(&upstream, &gateway);
    let file = directory.path().join("dynamic.yaml");
    std::fs::write(&file, change(example("forward-auth.traefik.yaml", &replaced))).unwrap();
    let mut traefik = from_pypi("traefik");
    traefik.arg(format!("--providers.file.filename={}", file.display()));
    traefik.arg(format!("--entryPoints.web.address={address}"));
    traefik.arg("--entryPoints.web.proxyProtocol.trustedIPs=127.0.0.1");
    traefik.args(["--global.checkNewVersion=false", "--global.sendAnonymousUsage=false"]);
    let program = Program::start(traefik, &directory.path().join("output"), address);
    let proxy = Proxy { address, place: Place::Preamble, _program: program, _directory: directory };
    let setting = Setting { upstream, gateway, proxy };
    // It listens before it has read its routes.
    eventually("it knows the site", || setting.from(DENMARK, "/").send().status == 200);
    setting
}

fn as_it_ships(text: String) -> String {
    text
}

impl Setting {
    /// A request from a client at this address.
    fn from(&self, client: &str, target: &str) -> Request {
        self.at(client, get(self.proxy.address, HOST, target))
    }

    fn at(&self, client: &str, request: Request) -> Request {
        match self.proxy.place {
            Place::Preamble => {
                request.preamble(format!("PROXY TCP4 {client} 127.0.0.1 4711 80\r\n").as_bytes())
            }
            Place::Header => request.from(client),
        }
    }

    fn country_decides(&self) {
        let home = self.from(DENMARK, "/sager?nr=1").header("Cookie", "a=b").send();
        assert_eq!(home.status, 200, "{}", home.text());
        assert_eq!(home.json()["target"], "/sager?nr=1");
        assert_eq!(stated(&home, "x-geovagt-country"), ["DK"]);
        assert_eq!(stated(&home, "cookie"), ["a=b"]);
        let away = self.from(CHINA, "/sager").browser().send();
        assert_eq!(away.status, 403);
        assert!(away.text().contains("få adgang herfra"), "{}", away.text());
        let reference = away.header("geovagt-reference").expect("a reference");
        assert!(away.text().contains(reference));
        let entry = entry(&self.gateway, reference);
        assert_eq!(
            (&entry["client"]["ip"], &entry["url"]["path"]),
            (&CHINA.into(), &"/sager".into())
        );
        assert_eq!(entry["geovagt"]["details"]["via"], "forward_auth");
    }

    fn path_rules_apply(&self) {
        for path in ["/internal/", "/INTERNAL/x", "/%69nternal/", "//internal/", "/x/..;/internal/"]
        {
            let answer = self.from(DENMARK, path).send();
            assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        }
        let challenged = self.from(DENMARK, "/admin/").send();
        assert_eq!(challenged.status, 401);
        let schemes = challenged.headers.iter().filter(|(name, _)| name == "www-authenticate");
        assert_eq!(schemes.count(), 1, "{challenged:?}");
        let login = self.from(DENMARK, "/admin/").basic("anna.holm", PASSWORD).send();
        assert_eq!(login.status, 200, "{}", login.text());
        assert_eq!(stated(&login, "x-geovagt-user"), ["anna.holm"]);
        assert_eq!(stated(&login, "authorization"), [""; 0], "the password is ours");
    }

    fn traveller_passes(&self) {
        let thailand = || self.from(THAILAND, "/");
        assert_eq!(thailand().basic("anna.holm", PASSWORD).send().status, 403);
        let id = self.gateway.grant("anna.holm", "TH", &["kilden"]);
        eventually("the door is open", || thailand().send().status == 401);
        let passed = thailand().basic("anna.holm", PASSWORD).send();
        assert_eq!(passed.status, 200, "{}", passed.text());
        assert_eq!(stated(&passed, "x-geovagt-user"), ["anna.holm"]);
        assert_eq!(stated(&passed, "x-geovagt-exemption"), [id]);
        assert_eq!(thailand().basic("anna.holm", "forkert").send().status, 403);
        assert_eq!(self.from(CHINA, "/").basic("anna.holm", PASSWORD).send().status, 403);
    }

    fn browser_signs_in(&self) {
        let led = self.from(DENMARK, "/admin/a?b=c").browser().send();
        assert_eq!(led.status, 303, "{}", led.text());
        let place = led.header("location").unwrap().to_owned();
        assert_eq!(place, "/.geovagt/sign-in?next=/admin/a%3Fb%3Dc");
        let page = self.from(DENMARK, &place).browser().send();
        assert_eq!(page.status, 200, "{}", page.text());
        let form_cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let text = page.text();
        let (_, after) = text.split_once("name=\"csrf\" value=\"").expect("a form");
        let token = after.split('"').next().unwrap();
        let password = PASSWORD.replace(' ', "+");
        let form = format!("name=anna.holm&password={password}&csrf={token}&next=%2Fadmin%2Fa");
        let post = post_form(self.proxy.address, HOST, "/.geovagt/sign-in", &form);
        let signed_in = self.at(DENMARK, post).header("Cookie", &form_cookie).browser().send();
        assert_eq!(signed_in.status, 303, "{}", signed_in.text());
        let session = signed_in.header("set-cookie").unwrap().split(';').next().unwrap();
        // A bound device and sign-ins under way have theirs, too.
        let more = "__Host-geovagt-device=x; geovagt-oidc-2=y; __Host-geovagt-oidc=z";
        let cookies = format!("a=b; {session}; c=d; {form_cookie}; {more}; e=f");
        let inside = self.from(DENMARK, "/admin/a").header("Cookie", &cookies).browser().send();
        assert_eq!(inside.status, 200, "{}", inside.text());
        assert_eq!(stated(&inside, "x-geovagt-user"), ["anna.holm"]);
        let seen = stated(&inside, "cookie").join("; ");
        assert!(!seen.contains("geovagt"), "{seen}");
        for own in ["a=b", "c=d", "e=f"] {
            assert!(seen.contains(own), "{seen}");
        }
    }

    /// Nothing that a stranger sends is taken for a statement.
    fn forged_headers_have_no_effect(&self, stranger: &Request) {
        let forged = stranger
            .clone()
            .header("X-Forwarded-Uri", "/")
            .header("X-Forwarded-Method", "GET")
            .header("X-Forwarded-Host", "open.example.dk")
            .header("X-Forwarded-Proto", "https")
            .header("X-Real-IP", DENMARK)
            .header("Forwarded", &format!("for={DENMARK}"))
            .send();
        assert_eq!(forged.status, 403, "{}", forged.text());
        let inside = self
            .from(DENMARK, "/internal/")
            .header("X-Forwarded-Uri", "/")
            .header("X-Original-URL", "/")
            .send();
        assert_eq!(inside.status, 403);
        for name in ["X_Geovagt_User", "X-Geovagt_User"] {
            let answer = self.from(DENMARK, "/").header(name, "chief").send();
            let told = answer.text();
            assert!(!told.contains("chief"), "{name}: {told}");
        }
    }

    fn forged_user_does_not_survive(&self) {
        for (name, value) in [
            ("X-Geovagt-User", "chief"),
            ("x-geovagt-exemption", "TE-CHIEF"),
            ("X-GEOVAGT-COUNTRY", "chief"),
        ] {
            let answer = self.from(DENMARK, "/").header(name, value).send();
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            assert!(!answer.text().to_lowercase().contains("chief"), "{name}: {}", answer.text());
            assert_eq!(stated(&answer, "x-geovagt-country"), ["DK"]);
        }
    }

    fn without_the_gateway_it_is_closed(mut self, status: u16) {
        assert_eq!(self.from(DENMARK, "/").send().status, 200);
        self.gateway.stop();
        let answer = self.from(DENMARK, "/").send();
        assert_eq!(answer.status, status, "{}", answer.text());
        // The site's server is there all the while.
        assert_eq!(get(self.upstream.address, HOST, "/").send().status, 200);
    }
}

/// The values of a header as the site's server got them.
fn stated(answer: &Answer, name: &str) -> Vec<String> {
    let headers = answer.json()["headers"].clone();
    let lines = headers.as_array().unwrap().iter();
    lines.filter(|line| line[0] == name).map(|line| line[1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn outside_nginx_asks_before_it_forwards() {
    let setting = nginx(as_it_ships);
    setting.country_decides();
    setting.path_rules_apply();
    setting.traveller_passes();
    setting.browser_signs_in();
    let stranger = setting.from(CHINA, "/").from(DENMARK);
    setting.forged_headers_have_no_effect(&stranger);
    setting.without_the_gateway_it_is_closed(500);
}

#[test]
fn outside_nginx_lets_no_statement_of_a_client_through() {
    // As it ships geovagt refuses such a request itself. Here it does not get to see the forged
    // headers, so that what nginx itself does to them shows.
    let blind = |text: String| {
        let before = "proxy_set_header Content-Length \"\";";
        let unseen = ["Country", "User", "Exemption"]
            .map(|name| format!("proxy_set_header X-Geovagt-{name} \"\";"));
        text.replace(before, &format!("{before} {}", unseen.join(" ")))
    };
    let setting = nginx(blind);
    setting.forged_user_does_not_survive();
    let shipped = nginx(as_it_ships);
    assert_eq!(shipped.from(DENMARK, "/").header("X-Geovagt-User", "chief").send().status, 403);
}

#[test]
fn outside_caddy_asks_before_it_forwards() {
    let setting = caddy(as_it_ships);
    setting.country_decides();
    setting.path_rules_apply();
    setting.traveller_passes();
    setting.browser_signs_in();
    setting.forged_user_does_not_survive();
    // What a client says in front of what the load balancer has appended.
    let stranger = setting.from(&format!("{DENMARK}, {CHINA}"), "/");
    setting.forged_headers_have_no_effect(&stranger);
    setting.without_the_gateway_it_is_closed(502);
}

#[test]
fn outside_caddy_believes_no_stranger() {
    // Without a load balancer, as it ships, the connection's other end is the client: here a
    // private one, which the policy rejects whatever it says of itself.
    let setting = caddy(|text| text.replace("trusted_proxies 127.0.0.1", ""));
    let forged = setting.from(DENMARK, "/").send();
    assert_eq!(forged.status, 403);
    let entry = entry(&setting.gateway, forged.header("geovagt-reference").unwrap());
    assert_ne!(entry["client"]["ip"], DENMARK);
}

#[test]
fn outside_envoy_asks_before_it_forwards() {
    let setting = envoy(as_it_ships);
    setting.country_decides();
    setting.path_rules_apply();
    setting.traveller_passes();
    setting.browser_signs_in();
    setting.forged_user_does_not_survive();
    let stranger = setting.from(CHINA, "/").from(DENMARK);
    setting.forged_headers_have_no_effect(&stranger);
    setting.without_the_gateway_it_is_closed(503);
}

#[test]
fn outside_envoy_would_not_keep_a_forged_name_by_itself() {
    // Where the mutation that removes them is left out, geovagt sees them and refuses.
    let setting = envoy(|text| {
        let names = ["country", "user", "exemption"].map(|name| format!("x-geovagt-{name}"));
        names.iter().fold(text, |text, name| {
            text.replace(&format!("- remove: {name}"), &format!("- remove: not-{name}"))
        })
    });
    assert_eq!(setting.from(DENMARK, "/").send().status, 200);
    let forged = setting.from(DENMARK, "/").header("X-Geovagt-User", "chief").send();
    assert_eq!(forged.status, 403, "{}", forged.text());
}

#[test]
fn outside_traefik_asks_before_it_forwards() {
    let setting = traefik(as_it_ships);
    setting.country_decides();
    setting.path_rules_apply();
    setting.traveller_passes();
    setting.browser_signs_in();
    setting.forged_user_does_not_survive();
    let stranger = setting.from(CHINA, "/").from(DENMARK);
    setting.forged_headers_have_no_effect(&stranger);
    setting.without_the_gateway_it_is_closed(500);
}

//! Certificates of managed devices whose people an outside provider knows, and what a traveller with
//! nothing but such a device finds on the gateway's own pages.

use std::io::{Read as _, Write as _};

use crate::support::client::Answer;
use crate::support::gateway::{Gateway, configuration, eventually, journey};
use crate::support::managed::{
    Devices, Shown, ask_on, connect, exchange_on, write_server_certificate,
};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, read_until};

const HOST: &str = "kilden.example.dk";
const HOME: &str = "/.geovagt/hjemme";
const OID: &str = "5a3f7e1c-0000-4000-8000-00000000a11a";

struct Scene {
    _upstream: RawUpstream,
    gateway: Gateway,
    devices: Devices,
    id: String,
}

/// Anna, whom only Entra and the authority of the iPads know, travels to China.
fn scene(site_takes: &str) -> Scene {
    let upstream = RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        if head.starts_with("GET /stream ") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            while stream.write_all(b"4\r\ntick\r\n").is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            return;
        }
        let user = head.lines().find(|line| line.to_lowercase().starts_with("x-geovagt-user"));
        let body = user.unwrap_or("nobody");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let listener = format!(
        "listeners:
  - name: tls
    bind: [\"127.0.0.1:0\"]
    tls:
      certificates: [{{chain: chain.pem, key: key.pem}}]
      client_certificates: {{providers: [ipads], mode: optional, hosts: [{HOST}]}}
    client_address: {{trusted_proxies: [127.0.0.0/8], source: proxy_protocol}}
"
    );
    let providers = "identity:
  entra: {kind: oidc, issuer: \"https://127.0.0.1:1/tenant\", client_id: geovagt}
  ipads: {kind: client_certificate, ca: devices.pem, crl: [devices.crl], name: upn, people_of: entra}
";
    let site = format!("hosts: [{HOST}], ");
    let text = configuration(&upstream.url(), "")
        .replace("listeners:\n", &listener)
        .replace("identity:\n", providers)
        .replacen("identity_providers: [local]", "identity_providers: [local, entra, ipads]", 1)
        .replace(&site, &format!("{site}identity_providers: {site_takes}, "));
    let mut gateway = Gateway::prepare(&text);
    write_server_certificate(gateway.directory(), [HOST.to_owned()]);
    let devices = Devices::new("devices");
    devices.write(gateway.directory());
    gateway.run();
    let leg = format!("CN {}", journey());
    let line = [
        "exemption",
        "grant",
        "--json",
        "--organization",
        "ballerup",
        "--person",
        "anna@example.dk",
        "--provider",
        "entra",
        "--subject",
        OID,
        "--leg",
        &leg,
        "--purpose",
        "x",
        "--case",
        "1",
        "--by",
        "Bente Lund",
        "--site",
        "kilden",
    ];
    let id = gateway.command(&line).expect_code(0).json()["id"].as_str().unwrap().to_owned();
    gateway.command(&["exemption", "approve", &id, "--by", "Carl Friis"]).expect_code(0);
    let scene = Scene { _upstream: upstream, gateway, devices, id };
    let probe = scene.devices.ipad(99, "anna@example.dk");
    eventually("the journey has begun", || scene.status(Some(&probe), CHINA) == Some(200));
    scene
}

impl Scene {
    fn ask(&self, shown: Option<&Shown>, address: &str) -> Option<(u16, String)> {
        let mut connection = connect(&self.gateway, shown, address, HOST);
        ask_on(&mut connection, HOST, "Connection: close\r\n")
    }

    fn status(&self, shown: Option<&Shown>, address: &str) -> Option<u16> {
        self.ask(shown, address).map(|(status, _)| status)
    }

    fn page(&self, shown: Option<&Shown>, address: &str, path: &str) -> Answer {
        let connection = connect(&self.gateway, shown, address, HOST);
        let head = "Accept: text/html\r\nConnection: close\r\n\r\n";
        exchange_on(connection, &format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{head}"))
    }

    fn post(&self, shown: Option<&Shown>, cookie: &str, form: &str) -> Answer {
        let connection = connect(&self.gateway, shown, CHINA, HOST);
        let head = format!(
            "Host: {HOST}\r\nAccept: text/html\r\nCookie: {cookie}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len()
        );
        exchange_on(connection, &format!("POST {HOME} HTTP/1.1\r\n{head}\r\n{form}"))
    }

    fn state(&self) -> String {
        let shown = self.gateway.command(&["exemption", "show", "--json", &self.id]);
        shown.expect_code(0).json()["state"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_lost_device_ends_everything_of_a_person_whom_an_outside_provider_knows() {
    let scene = scene("[entra, ipads]");
    let anna = scene.devices.ipad(7, "Anna@example.dk");
    let (status, body) = scene.ask(Some(&anna), CHINA).unwrap();
    assert_eq!((status, body.to_lowercase().as_str()), (200, "x-geovagt-user: anna@example.dk"));
    let bo = scene.devices.ipad(8, "bo@example.dk");
    assert_eq!(scene.status(Some(&bo), CHINA), Some(403), "nobody whom Entra has proven");
    assert_eq!(scene.status(None, CHINA), Some(403));
    let mut running = connect(&scene.gateway, Some(&anna), CHINA, HOST);
    running.write_all(format!("GET /stream HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).unwrap();
    let mut buffer = [0; 4096];
    assert!(running.read(&mut buffer).unwrap() > 0);
    let lost = ["exemption", "lost-device", &scene.id, "--reason", "Stjålet"];
    scene.gateway.command(&lost).expect_code(0);
    while let Ok(1..) = running.read(&mut buffer) {}
    eventually("the certificate names nobody at home either", || {
        scene.ask(Some(&anna), DENMARK).is_some_and(|(_, body)| body == "nobody")
    });
    assert_eq!(scene.status(Some(&anna), CHINA), Some(403));
}

#[test]
fn a_site_that_takes_managed_devices_alone_takes_them_for_as_long_as_it_does() {
    let scene = scene("[ipads]");
    let anna = scene.devices.ipad(7, "anna@example.dk");
    let mut running = connect(&scene.gateway, Some(&anna), CHINA, HOST);
    running.write_all(format!("GET /stream HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).unwrap();
    let mut received = 0;
    let mut buffer = [0; 4096];
    // Longer than it takes to look whether she may still be in.
    while received < 40 * 9 {
        let count = running.read(&mut buffer).unwrap();
        assert!(count > 0, "cut after {received} bytes");
        received += count;
    }
    let file = scene.gateway.directory().join("gateway.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("identity_providers: [ipads]", "identity_providers: [entra]");
    std::fs::write(&file, text).unwrap();
    scene.gateway.command(&["reload"]).expect_code(0);
    while let Ok(1..) = running.read(&mut buffer) {}
    assert_eq!(scene.status(Some(&anna), CHINA), Some(403));
}

#[test]
fn people_of_a_provider_that_the_organisation_has_no_more_are_nobody() {
    let scene = scene("[ipads]");
    let anna = scene.devices.ipad(7, "anna@example.dk");
    let file = scene.gateway.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[local, entra, ipads]", "[local, ipads]")).unwrap();
    scene.gateway.command(&["reload"]).expect_code(0);
    assert_eq!(scene.status(Some(&anna), CHINA), Some(403));
    assert_eq!(scene.ask(Some(&anna), DENMARK).unwrap().1, "nobody");
}

#[test]
fn whoever_has_only_a_managed_device_finds_the_own_pages_and_closes_the_journey() {
    let scene = scene("[entra, ipads]");
    let anna = scene.devices.ipad(7, "anna@example.dk");
    for path in [HOME, "/.geovagt/", "/.geovagt/sign-in"] {
        let stranger = scene.page(None, CHINA, path);
        assert_eq!(stranger.status, 403, "{path}");
        let bo = scene.devices.ipad(8, "bo@example.dk");
        assert_eq!(scene.page(Some(&bo), CHINA, path).status, 403, "{path}");
        assert_eq!(scene.page(Some(&anna), THAILAND, path).status, 403, "{path}");
        assert_eq!(scene.page(Some(&anna), CHINA, path).status, 200, "{path}");
    }
    assert!(scene.page(Some(&anna), CHINA, "/.geovagt/").text().contains(&scene.id));
    let page = scene.page(Some(&anna), CHINA, HOME);
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let text = page.text();
    assert!(text.contains(&scene.id), "{text}");
    let token = text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("csrf={token}&exemption={}", scene.id);
    // Another site's form, or a stranger's.
    scene.post(Some(&anna), &cookie, &format!("csrf=x&exemption={}", scene.id));
    assert_eq!(scene.post(None, &cookie, &form).status, 403);
    assert_eq!(scene.state(), "active");
    let done = scene.post(Some(&anna), &cookie, &form);
    assert!(done.text().contains("Velkommen hjem"), "{}", done.text());
    assert_eq!(scene.state(), "closed");
    eventually("the door is shut", || scene.page(Some(&anna), CHINA, HOME).status == 403);
}

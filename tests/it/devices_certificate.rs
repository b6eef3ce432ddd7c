//! Certificates of managed devices, over TLS: who is taken for whom, and what closes.

use std::io::{Read as _, Write as _};

use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};

use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::managed::{
    Connection, Devices, Shown, ask_on, connect, connect_plainly, upn, write_server_certificate,
};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, read_until};

const HOST: &str = "kilden.example.dk";
const MAIL: &str = "mail.example.dk";

struct Scene {
    _upstream: RawUpstream,
    gateway: Gateway,
    devices: Devices,
    id: String,
}

/// Anna travels to China on her managed iPad; two have approved, so that a device is demanded.
fn scene(mode: &str) -> Scene {
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
      client_certificates: {{providers: [ipads], mode: {mode}, hosts: [{HOST}]}}
    client_address: {{trusted_proxies: [127.0.0.0/8], source: proxy_protocol}}
"
    );
    let provider = "identity:
  ipads: {kind: client_certificate, ca: devices.pem, crl: [devices.crl], name: upn, people_of: local}
";
    let text = configuration(&upstream.url(), "")
        .replace("listeners:\n", &listener)
        .replace("identity:\n", provider)
        .replacen("identity_providers: [local]", "identity_providers: [local, ipads]", 1);
    let mut gateway = Gateway::prepare(&text);
    let hosts = [HOST, MAIL, "www.egedal.example.dk"].map(str::to_owned);
    write_server_certificate(gateway.directory(), hosts);
    let devices = Devices::new("devices");
    devices.write(gateway.directory());
    gateway.run();
    gateway.add_user("anna@example.dk", "ballerup", "en lang adgangskode 42");
    gateway.add_user("bo@example.dk", "ballerup", "en lang adgangskode 42");
    let leg = format!("CN {}", crate::support::gateway::journey());
    let line = [
        "exemption",
        "grant",
        "--json",
        "--organization",
        "ballerup",
        "--person",
        "anna@example.dk",
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
        "--site",
        "mail",
    ];
    let id = gateway.command(&line).expect_code(0).json()["id"].as_str().unwrap().to_owned();
    gateway.command(&["exemption", "approve", &id, "--by", "Carl Friis"]).expect_code(0);
    let scene = Scene { _upstream: upstream, gateway, devices, id };
    let probe = scene.devices.ipad(99, "anna@example.dk");
    eventually("the journey has begun", || scene.status(Some(&probe), CHINA) == Some(200));
    scene
}

impl Scene {
    fn connect(&self, shown: Option<&Shown>, address: &str, name: &str) -> Connection {
        connect(&self.gateway, shown, address, name)
    }

    /// Status and body of one request; none where the handshake fails.
    fn ask(&self, shown: Option<&Shown>, address: &str) -> Option<(u16, String)> {
        let mut connection = self.connect(shown, address, HOST);
        ask_on(&mut connection, HOST, "Connection: close\r\n")
    }

    fn status(&self, shown: Option<&Shown>, address: &str) -> Option<u16> {
        self.ask(shown, address).map(|(status, _)| status)
    }

    fn revoke(&self, serials: &[u64], until: i32) {
        self.devices.revoke(self.gateway.directory(), serials, until);
    }
}

#[test]
fn a_managed_device_is_let_in_and_named() {
    let scene = scene("optional");
    let anna = scene.devices.ipad(7, "Anna@example.dk");
    let (status, body) = scene.ask(Some(&anna), CHINA).unwrap();
    assert_eq!((status, body.to_lowercase().as_str()), (200, "x-geovagt-user: anna@example.dk"));
    assert_eq!(scene.status(None, CHINA), Some(403), "without one there is no door");
    assert_eq!(scene.status(Some(&anna), THAILAND), Some(403));
    assert!(scene.ask(Some(&anna), DENMARK).unwrap().1.contains("anna@example.dk"));
    // Somebody else's certificate is somebody else.
    let bo = scene.devices.ipad(8, "bo@example.dk");
    assert_eq!(scene.status(Some(&bo), CHINA), Some(403));
    let nobody = scene.devices.ipad(9, "nobody@example.dk");
    assert_eq!(scene.status(Some(&nobody), CHINA), Some(403));
    // A locked account has no device; nor has a person whose device was lost.
    let lock = ["user", "lock", "anna@example.dk", "--organization", "ballerup"];
    scene.gateway.command(&lock).expect_code(0);
    eventually("the lock counts", || scene.status(Some(&anna), CHINA) == Some(403));
    assert_eq!(scene.ask(Some(&anna), DENMARK).unwrap().1, "nobody");
}

#[test]
fn what_is_no_good_certificate_connects_nobody() {
    let scene = scene("optional");
    let name = || vec![upn("anna@example.dk")];
    let good = scene.devices.ipad(1, "anna@example.dk");
    assert_eq!(scene.status(Some(&good), CHINA), Some(200));
    let foreign = Devices::new("devices").ipad(2, "anna@example.dk");
    let expired = scene.devices.issue(3, |p| {
        p.subject_alt_names = name();
        p.not_after = date_time_ymd(2026, 1, 1);
    });
    let early = scene.devices.issue(4, |p| {
        p.subject_alt_names = name();
        p.not_before = date_time_ymd(2090, 1, 1);
    });
    let server = scene.devices.issue(5, |p| {
        p.subject_alt_names = name();
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    for (what, shown) in
        [("foreign", foreign), ("expired", expired), ("early", early), ("server", server)]
    {
        assert_eq!(scene.status(Some(&shown), CHINA), None, "{what}");
        assert_eq!(scene.status(Some(&shown), DENMARK), None, "{what}");
    }
    // Good, but without the name that is asked for, or with two: nobody in particular.
    let mail = SanType::Rfc822Name("anna@example.dk".try_into().unwrap());
    for names in [vec![], vec![mail], vec![upn("anna@example.dk"), upn("bo@example.dk")]] {
        let shown = scene.devices.issue(6, |p| p.subject_alt_names = names);
        assert_eq!(scene.status(Some(&shown), CHINA), Some(403));
        assert_eq!(scene.ask(Some(&shown), DENMARK).unwrap().1, "nobody");
    }
}

#[test]
fn a_revoked_certificate_ends_what_goes_on_and_an_expired_list_closes() {
    let scene = scene("optional");
    let (anna, other) =
        (scene.devices.ipad(7, "anna@example.dk"), scene.devices.ipad(8, "anna@example.dk"));
    let mut running = scene.connect(Some(&anna), CHINA, HOST);
    running.write_all(format!("GET /stream HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).unwrap();
    let mut buffer = [0; 4096];
    assert!(running.read(&mut buffer).unwrap() > 0);
    let mut idle = scene.connect(Some(&anna), CHINA, HOST);
    assert_eq!(ask_on(&mut idle, HOST, "").unwrap().0, 200);
    scene.revoke(&[7], 2096);
    while let Ok(count) = running.read(&mut buffer) {
        if count == 0 {
            break;
        }
    }
    assert_eq!(scene.status(Some(&anna), CHINA), None);
    // A connection from before is asked anew who it is.
    assert_ne!(ask_on(&mut idle, HOST, "").map(|(status, _)| status), Some(200));
    assert_eq!(scene.status(Some(&other), CHINA), Some(200));
    // Rubbish leaves the list in place; one that has expired closes.
    let list = scene.gateway.directory().join("devices.crl");
    std::fs::write(&list, "no list").unwrap();
    scene.gateway.wait_for_log("the new list is refused", |line| {
        line.to_string().contains("revocation list")
    });
    assert_eq!(scene.status(Some(&other), CHINA), Some(200));
    assert_eq!(scene.status(Some(&anna), CHINA), None);
    scene.revoke(&[], 2026);
    eventually("the expired list closes", || scene.status(Some(&other), CHINA).is_none());
}

#[test]
fn a_certificate_counts_for_the_host_it_was_shown_to() {
    let scene = scene("required");
    let anna = scene.devices.ipad(7, "anna@example.dk");
    assert_eq!(scene.status(None, DENMARK), None, "required: nobody connects without one");
    assert_eq!(scene.status(Some(&anna), CHINA), Some(200));
    // Another host on the same connection is misdirected, whatever was shown.
    let mut connection = scene.connect(Some(&anna), CHINA, HOST);
    assert_eq!(ask_on(&mut connection, MAIL, "Connection: close\r\n").unwrap().0, 421);
    // A host for which nothing is asked: the certificate is not shown, and Anna is nobody there.
    let mut connection = scene.connect(Some(&anna), CHINA, MAIL);
    assert_eq!(ask_on(&mut connection, MAIL, "Connection: close\r\n").unwrap().0, 403);
    // Another organisation does not take these certificates.
    let mut connection = scene.connect(Some(&anna), DENMARK, "www.egedal.example.dk");
    let close = "Connection: close\r\n";
    let (status, body) = ask_on(&mut connection, "www.egedal.example.dk", close).unwrap();
    assert_eq!((status, body.as_str()), (200, "nobody"));
}

#[test]
fn a_lost_device_counts_no_more_before_it_is_revoked() {
    let scene = scene("optional");
    let anna = scene.devices.ipad(7, "anna@example.dk");
    assert_eq!(scene.status(Some(&anna), CHINA), Some(200));
    let lost = ["exemption", "lost-device", &scene.id, "--reason", "Stjålet"];
    scene.gateway.command(&lost).expect_code(0);
    // At home, too, the certificate names nobody any more.
    eventually("the device is lost", || {
        scene.ask(Some(&anna), DENMARK).is_some_and(|(_, body)| body == "nobody")
    });
    assert_eq!(scene.status(Some(&anna), CHINA), Some(403));
}

#[test]
fn the_certificate_of_a_proxy_speaks_for_none_of_its_clients() {
    let upstream = RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        let user = head.lines().find(|line| line.to_lowercase().starts_with("x-geovagt-user"));
        let body = user.unwrap_or("nobody");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).unwrap();
    });
    // The same certificate on two ways: the client's own connection, and one on which a proxy tells
    // in a header for whom it asks.
    for (source, named) in
        [("proxy_protocol", "x-geovagt-user: anna@example.dk"), ("x_forwarded_for", "nobody")]
    {
        let listener = format!(
            "listeners:
  - name: tls
    bind: [\"127.0.0.1:0\"]
    tls:
      certificates: [{{chain: chain.pem, key: key.pem}}]
      client_certificates: {{providers: [ipads], mode: optional}}
    client_address: {{trusted_proxies: [127.0.0.0/8], source: {source}}}
"
        );
        let provider = "identity:
  ipads: {kind: client_certificate, ca: devices.pem, crl: [devices.crl], name: upn}
";
        let text = configuration(&upstream.url(), "")
            .replace("listeners:\n", &listener)
            .replace("identity:\n", provider)
            .replacen("identity_providers: [local]", "identity_providers: [local, ipads]", 1);
        let mut gateway = Gateway::prepare(&text);
        write_server_certificate(gateway.directory(), [HOST.to_owned()]);
        let devices = Devices::new("devices");
        devices.write(gateway.directory());
        gateway.run();
        let anna = devices.ipad(7, "anna@example.dk");
        let (mut connection, more) = match source {
            "proxy_protocol" => (connect(&gateway, Some(&anna), DENMARK, HOST), String::new()),
            _ => (
                connect_plainly(&gateway, Some(&anna), HOST),
                format!("X-Forwarded-For: {DENMARK}\r\n"),
            ),
        };
        let answer = ask_on(&mut connection, HOST, &format!("{more}Connection: close\r\n"));
        let (status, body) = answer.unwrap();
        assert_eq!((status, body.to_lowercase().as_str()), (200, named), "{source}");
    }
}

//! Certificates of managed devices, over TLS: who is taken for whom, and what closes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, OtherNameValue,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, read_until};

const HOST: &str = "kilden.example.dk";
const MAIL: &str = "mail.example.dk";

/// An authority of devices, with its files.
struct Devices {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
struct Shown {
    chain: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Devices {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(parameters, key).unwrap() }
    }

    fn write(&self, directory: &Path) {
        std::fs::write(directory.join("devices.pem"), self.issuer.pem()).unwrap();
        self.revoke(directory, &[], 2096);
    }

    /// A list that names these serial numbers and is good until this year.
    fn revoke(&self, directory: &Path, serials: &[u64], until: i32) {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap().pem().unwrap();
        let beside = directory.join("devices.new");
        std::fs::write(&beside, list).unwrap();
        std::fs::rename(&beside, directory.join("devices.crl")).unwrap();
    }

    fn issue(&self, serial: u64, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.serial_number = Some(SerialNumber::from(serial));
        parameters.not_before = date_time_ymd(2025, 1, 1);
        parameters.not_after = date_time_ymd(2095, 1, 1);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Shown { chain: certificate.der().clone(), key: key.serialize_der() }
    }

    /// Anna's iPad, in good order.
    fn ipad(&self, serial: u64, name: &str) -> Shown {
        self.issue(serial, |parameters| parameters.subject_alt_names = vec![upn(name)])
    }
}

fn upn(name: &str) -> SanType {
    let kind = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
    SanType::OtherName((kind, OtherNameValue::Utf8String(name.into())))
}

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
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let directory = gateway.directory().to_owned();
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(directory.join("chain.der"), made.cert.der()).unwrap();
    let devices = Devices::new("devices");
    devices.write(&directory);
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

type Connection = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

impl Scene {
    /// A connection with this certificate, from this address, to the host of this name.
    fn connect(&self, shown: Option<&Shown>, address: &str, name: &str) -> Connection {
        let mut roots = rustls::RootCertStore::empty();
        let chain = std::fs::read(self.gateway.directory().join("chain.der")).unwrap();
        roots.add(chain.into()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => {
                let key = PrivateKeyDer::try_from(shown.key.clone()).unwrap();
                builder.with_client_auth_cert(vec![shown.chain.clone()], key).unwrap()
            }
        };
        let mut tcp = TcpStream::connect(self.gateway.address("tls")).unwrap();
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        write!(tcp, "PROXY TCP4 {address} 127.0.0.1 4000 443\r\n").unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        rustls::StreamOwned::new(tls, tcp)
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

fn ask_on(connection: &mut Connection, host: &str, more: &str) -> Option<(u16, String)> {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = connection.read(&mut buffer) {
        received.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&received).to_lowercase();
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let body = text.split("\r\n\r\n").nth(1).map_or(0, str::len);
        if text.contains("\r\n\r\n") && length.is_none_or(|l| l.parse::<usize>().unwrap() <= body) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&received).into_owned();
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some((status, text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()))
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

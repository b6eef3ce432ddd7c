//! Managed devices: an authority that issues their certificates, and a client that shows one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, OtherNameValue,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::client::{Answer, parse};
use super::gateway::{Gateway, PATIENCE};
use super::raw::read_rest;

/// An authority of devices, with its files.
pub struct Devices {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Shown {
    chain: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Devices {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(parameters, key).unwrap() }
    }

    /// Its certificate and an empty list, as `devices.pem` and `devices.crl`.
    pub fn write(&self, directory: &Path) {
        std::fs::write(directory.join("devices.pem"), self.issuer.pem()).unwrap();
        self.revoke(directory, &[], 2096);
    }

    /// A list that names these serial numbers and is good until this year.
    pub fn revoke(&self, directory: &Path, serials: &[u64], until: i32) {
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

    /// A certificate, changed as the test likes.
    pub fn issue(&self, serial: u64, change: impl FnOnce(&mut CertificateParams)) -> Shown {
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

    /// Somebody's iPad, in good order.
    pub fn ipad(&self, serial: u64, name: &str) -> Shown {
        self.issue(serial, |parameters| parameters.subject_alt_names = vec![upn(name)])
    }
}

/// The name that devices carry: an otherName of Microsoft's.
pub fn upn(name: &str) -> SanType {
    let kind = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
    SanType::OtherName((kind, OtherNameValue::Utf8String(name.into())))
}

/// A connection over TLS, the client's side.
pub type Connection = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// The certificate of the listener `tls`: `chain.pem`, `key.pem`, and `chain.der` for the clients.
pub fn write_server_certificate(directory: &Path, hosts: impl Into<Vec<String>>) {
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(directory.join("chain.der"), made.cert.der()).unwrap();
}

/// A connection with this certificate, from this address, to the host of this name.
pub fn connect(gateway: &Gateway, shown: Option<&Shown>, address: &str, name: &str) -> Connection {
    let preamble = format!("PROXY TCP4 {address} 127.0.0.1 4000 443\r\n");
    begin(gateway, shown, &preamble, name)
}

/// The same without a word about the client before the handshake.
pub fn connect_plainly(gateway: &Gateway, shown: Option<&Shown>, name: &str) -> Connection {
    begin(gateway, shown, "", name)
}

fn begin(gateway: &Gateway, shown: Option<&Shown>, preamble: &str, name: &str) -> Connection {
    let mut roots = rustls::RootCertStore::empty();
    let chain = std::fs::read(gateway.directory().join("chain.der")).unwrap();
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
    let mut tcp = TcpStream::connect(gateway.address("tls")).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(preamble.as_bytes()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tls = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    rustls::StreamOwned::new(tls, tcp)
}

/// Status and body of one request on a connection; none where it ends before.
pub fn ask_on(connection: &mut Connection, host: &str, more: &str) -> Option<(u16, String)> {
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

/// The whole answer to a request as it stands here, which ends the connection.
pub fn exchange_on(mut connection: Connection, request: &str) -> Answer {
    connection.write_all(request.as_bytes()).unwrap();
    parse(read_rest(&mut connection).as_bytes()).unwrap()
}

/// The whole answer to one request, which ends the connection; none where there is none.
pub fn answer_on(mut connection: Connection, host: &str) -> Option<Answer> {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    parse(read_rest(&mut connection).as_bytes()).ok()
}

use super::*;
use crate::cli::check::sample::{in_directory, now};

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Writes a certificate for two names that ends on the given day, and its key.
fn issue(directory: &Path, until: (i32, u8, u8)) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["kilden.example.dk".to_owned(), "*.mail.example.dk".to_owned()];
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    write(directory, "chain.pem", &parameters.self_signed(&key).unwrap().pem());
    write(directory, "key.pem", &key.serialize_pem());
}

fn messages(directory: &Path, hosts: &str) -> Vec<String> {
    let findings = check_at(&in_directory(directory, hosts), now());
    let root = format!("{}/", directory.display());
    findings.iter().map(|f| format!("{:?}: {}", f.severity, f.message.replace(&root, ""))).collect()
}

const KILDEN: &str = "[kilden.example.dk]";

#[test]
fn a_good_certificate_gives_no_finding() {
    let directory = tempfile::tempdir().unwrap();
    issue(directory.path(), (2027, 6, 1));
    assert_eq!(messages(directory.path(), KILDEN), [""; 0]);
    assert_eq!(messages(directory.path(), "[\"*.mail.example.dk\", \"*\"]"), [""; 0]);
}

#[test]
fn the_end_warns_before_it_comes_and_fails_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    issue(directory.path(), (2026, 12, 1));
    assert_eq!(
        messages(directory.path(), KILDEN),
        ["Warning: the certificate chain.pem ends soon, at 2026-12-01T00:00:00Z"]
    );
    issue(directory.path(), (2026, 11, 22));
    assert_eq!(
        messages(directory.path(), KILDEN),
        ["Error: the certificate chain.pem ended at 2026-11-22T00:00:00Z"]
    );
}

#[test]
fn a_key_of_another_certificate_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    issue(directory.path(), (2027, 6, 1));
    let other = rcgen::KeyPair::generate().unwrap();
    write(directory.path(), "key.pem", &other.serialize_pem());
    assert_eq!(
        messages(directory.path(), KILDEN),
        ["Error: the key key.pem does not belong to the certificate chain.pem"]
    );
}

#[test]
fn what_is_no_certificate_or_key_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let said = || messages(directory.path(), KILDEN);
    assert_eq!(said(), ["Error: cannot read the certificate chain.pem: it does not exist"]);
    issue(directory.path(), (2027, 6, 1));
    write(directory.path(), "key.pem", "");
    assert_eq!(said(), ["Error: key.pem holds no private key that can be used"]);
    write(directory.path(), "chain.pem", "hello");
    assert_eq!(said(), ["Error: chain.pem holds no certificate"]);
    write(
        directory.path(),
        "chain.pem",
        "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
    );
    assert!(said()[0].starts_with("Error: chain.pem is not PEM"), "{said:?}", said = said());
}

#[test]
fn a_host_without_a_certificate_and_an_exposed_key_warn() {
    let directory = tempfile::tempdir().unwrap();
    issue(directory.path(), (2027, 6, 1));
    let key = directory.path().join("key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        messages(directory.path(), "[intranet.example.dk]"),
        [
            "Warning: every user of this machine can read the key key.pem",
            "Warning: no certificate of the listener `web` is good for the host intranet.example.dk"
        ]
    );
}

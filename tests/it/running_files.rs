//! Files that are replaced while the gateway runs: the database and certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::ServerName;

use super::support::client::get;
use super::support::gateway::{Gateway, configuration, eventually, repository};
use super::support::places::{CHINA, DENMARK};
use super::support::upstream::Upstream;

struct Setting {
    gateway: Gateway,
    _upstream: Upstream,
}

/// A gateway with a copy of the bundled database beside its configuration.
fn prepared(change: impl FnOnce(String) -> String) -> Setting {
    let upstream = Upstream::start();
    let bundled = format!("\"{}/geoip/country.mmdb\"", repository().display());
    let own = configuration(&upstream.url(), "").replace(&bundled, "country.mmdb");
    let setting = Setting { gateway: Gateway::prepare(&change(own)), _upstream: upstream };
    setting.put(&good());
    setting
}

fn good() -> Vec<u8> {
    std::fs::read(repository().join("geoip/country.mmdb")).unwrap()
}

/// The bundled database with Denmark's one record turned into China's.
fn denmark_is_china() -> Vec<u8> {
    let mut bytes = good();
    let record = |code: &[u8]| [&[0x42], code].concat();
    let denmark = record(b"DK");
    let places: Vec<usize> =
        (0..bytes.len() - 3).filter(|&at| bytes[at..at + 3] == denmark[..]).collect();
    assert_eq!(places.len(), 1, "one record a country");
    bytes[places[0]..places[0] + 3].copy_from_slice(&record(b"CN"));
    bytes
}

/// Replaces a file as an updater does.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

impl Setting {
    fn database(&self) -> PathBuf {
        self.gateway.directory().join("country.mmdb")
    }

    fn put(&self, bytes: &[u8]) {
        replace(&self.database(), bytes);
    }

    fn status(&self, from: &str) -> u16 {
        get(self.gateway.address("web"), "kilden.example.dk", "/").from(from).send().status
    }

    fn load_failures(&self) -> String {
        let metrics = get(self.gateway.address("operations"), "localhost", "/metrics").send();
        let text = metrics.text();
        let line = text.lines().find(|line| line.starts_with("geovagt_geoip_load_failures_total "));
        line.and_then(|line| line.split(' ').nth(1)).expect("the counter is there").to_owned()
    }

    fn loaded_entries(&self) -> usize {
        let search = ["audit", "search", "--json", "--action", "database_loaded"];
        self.gateway.command(&search).expect_code(0).out.lines().count()
    }
}

#[test]
fn a_new_database_decides_from_then_on() {
    let mut setting = prepared(|text| text);
    setting.gateway.run();
    assert_eq!((setting.status(DENMARK), setting.status(CHINA)), (200, 403));
    eventually("the first is in the log", || setting.loaded_entries() == 1);
    setting.put(&denmark_is_china());
    eventually("Denmark is China", || setting.status(DENMARK) == 403);
    eventually("the second is in the log", || setting.loaded_entries() == 2);
    setting.put(&good());
    eventually("Denmark is Denmark again", || setting.status(DENMARK) == 200);
    assert_eq!(setting.load_failures(), "0");
}

#[test]
fn rubbish_leaves_the_old_database_serving() {
    let mut setting = prepared(|text| text);
    setting.gateway.run();
    let whole = good();
    let rubbish: [&[u8]; 4] = [
        b"<!DOCTYPE html><html><body>Quota exceeded</body></html>",
        &whole[..whole.len() / 2],
        &vec![0; 100_000],
        b"",
    ];
    for (number, bytes) in rubbish.into_iter().enumerate() {
        setting.put(bytes);
        let wanted = (number + 1).to_string();
        eventually("the refusal is counted", || setting.load_failures() == wanted);
        assert_eq!((setting.status(DENMARK), setting.status(CHINA)), (200, 403));
    }
    std::fs::remove_file(setting.database()).unwrap();
    eventually("that it is gone is counted too", || setting.load_failures() == "5");
    assert_eq!((setting.status(DENMARK), setting.status(CHINA)), (200, 403));
    let errors = setting.gateway.log().into_iter().filter(|line| line["level"] == "ERROR");
    let errors: Vec<String> =
        errors.map(|line| line["fields"]["error"].as_str().unwrap().to_owned()).collect();
    assert_eq!(errors.len(), 5, "{errors:#?}");
    assert!(errors.iter().all(|error| error.contains("country.mmdb")), "{errors:#?}");
    assert_eq!(setting.loaded_entries(), 1);
}

#[test]
fn without_any_good_database_it_does_not_start() {
    let setting = prepared(|text| text);
    setting.put(b"<!DOCTYPE html>");
    let printed = setting.gateway.command(&["serve"]).expect_code(1);
    let said: Vec<&str> =
        printed.err.lines().filter(|line| line.starts_with("geovagt: ")).collect();
    assert_eq!(said.len(), 1, "{printed:?}");
    assert!(said[0].contains("country.mmdb") && said[0].contains("web page"), "{printed:?}");
}

/// A list that names a part of a country alone protects from nobody where the database sees whole
/// countries.
#[test]
fn a_part_of_a_country_that_the_database_cannot_see_keeps_it_from_starting() {
    let setting = prepared(|text| {
        let list = format!("\"{}/config/lists/cfcs.yaml\"", repository().display());
        text.replace(&list, "own.yaml")
    });
    let list = std::fs::read_to_string(repository().join("config/lists/cfcs.yaml")).unwrap();
    let own: Vec<&str> = list.lines().filter(|l| !l.trim_start().starts_with("- RU ")).collect();
    assert_eq!(own.len() + 1, list.lines().count());
    std::fs::write(setting.gateway.directory().join("own.yaml"), own.join("\n")).unwrap();
    let printed = setting.gateway.command(&["serve"]).expect_code(1);
    assert!(printed.err.contains("cannot tell RU-CE from the rest"), "{printed:?}");
}

#[test]
fn the_last_good_database_serves_where_the_configured_one_is_spoilt() {
    let mut setting = prepared(|text| text);
    setting.gateway.run();
    assert_eq!(setting.gateway.stop(), Some(0));
    setting.put(b"<!DOCTYPE html>");
    setting.gateway.run();
    setting.gateway.wait_for_log("an error says so", |line| {
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && message.contains("last good one")
    });
    assert_eq!((setting.status(DENMARK), setting.status(CHINA)), (200, 403));
    assert_eq!(setting.load_failures(), "1");
}

#[test]
fn a_reload_to_another_file_watches_that_one() {
    let mut setting = prepared(|text| text);
    setting.gateway.run();
    let other = setting.gateway.directory().join("other.mmdb");
    replace(&other, &denmark_is_china());
    let file = setting.gateway.config_file();
    let text = std::fs::read_to_string(&file).unwrap().replace("country.mmdb", "other.mmdb");
    std::fs::write(&file, text).unwrap();
    setting.gateway.command(&["reload"]).expect_code(0);
    assert_eq!(setting.status(DENMARK), 403);
    eventually("it is in the log", || setting.loaded_entries() == 2);
    replace(&other, &good());
    eventually("the other file is watched", || setting.status(DENMARK) == 200);
}

fn certificate(directory: &Path) -> Vec<u8> {
    let names = vec!["kilden.example.dk".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    replace(&directory.join("key.pem"), made.signing_key.serialize_pem().as_bytes());
    replace(&directory.join("chain.pem"), made.cert.pem().as_bytes());
    made.cert.der().to_vec()
}

/// The certificate that the gateway shows, where `trusted` is the only one that is believed.
fn is_served(gateway: &Gateway, trusted: &[u8]) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("kilden.example.dk").unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = std::net::TcpStream::connect(gateway.address("secure")).unwrap();
    while client.is_handshaking() {
        if client.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    client.peer_certificates().is_some_and(|chain| chain[0].as_ref() == trusted)
}

#[test]
fn certificates_are_replaced_without_a_restart_and_bad_ones_are_not_taken() {
    let secure = "  - name: secure\n    bind: [\"127.0.0.1:0\"]\n    \
                  tls: {certificates: [{chain: chain.pem, key: key.pem}]}\nsites:\n";
    let mut setting = prepared(|text| text.replace("sites:\n", secure));
    let directory = setting.gateway.directory().to_owned();
    let first = certificate(&directory);
    setting.gateway.run();
    assert!(is_served(&setting.gateway, &first));
    let second = certificate(&directory);
    eventually("the new one is served", || is_served(&setting.gateway, &second));
    assert!(!is_served(&setting.gateway, &first));
    replace(&directory.join("chain.pem"), b"-----BEGIN CERTIFICATE-----\nrubbish\n");
    setting.gateway.wait_for_log("an error says so", |line| {
        let error = line["fields"]["error"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && error.contains("chain.pem")
    });
    assert!(is_served(&setting.gateway, &second));
    let refused = setting.warning("certificate_files").unwrap();
    assert!(refused.contains("secure: ") && refused.contains("chain.pem"), "{refused}");
    let third = certificate(&directory);
    eventually("a good one heals it", || is_served(&setting.gateway, &third));
    assert_eq!(setting.part("certificate_files"), None);
}

impl Setting {
    fn part(&self, name: &str) -> Option<serde_json::Value> {
        let answer = get(self.gateway.address("operations"), "localhost", "/readyz").send();
        assert_eq!(answer.status, 200);
        let parts = answer.json()["parts"].as_array().unwrap().clone();
        parts.into_iter().find(|part| part["name"] == name)
    }

    /// What `/readyz` says of a part, where somebody should look at it.
    fn warning(&self, name: &str) -> Option<String> {
        let part = self.part(name).unwrap();
        (part["warning"] == true).then(|| part["detail"].as_str().unwrap().to_owned())
    }
}

#[test]
fn readiness_says_that_a_newer_database_is_refused_until_it_is_put_right() {
    let mut setting = prepared(|text| text);
    setting.gateway.run();
    assert_eq!(setting.warning("database"), None);
    setting.put(b"<!DOCTYPE html>");
    let refused =
        || setting.warning("database").is_some_and(|w| w.contains("newer file is refused"));
    eventually("it says so", refused);
    assert!(setting.warning("database").unwrap().contains("country.mmdb"));
    setting.put(&good());
    eventually("the running one is there again", || setting.warning("database").is_none());
    setting.put(b"rubbish");
    eventually("it says so again", refused);
    setting.put(&denmark_is_china());
    eventually("a good one is in use", || setting.warning("database").is_none());
    setting.put(b"");
    eventually("it says so once more", refused);
    assert_eq!(setting.gateway.stop(), Some(0));
    setting.gateway.run();
    assert!(setting.warning("database").is_some(), "the last good one is in use");
}

#[test]
fn the_database_of_autonomous_systems_is_watched_as_well() {
    let mut setting = prepared(|text| text.replace("geoip: {", "geoip: {asn: asn.mmdb, "));
    let bytes = std::fs::read(repository().join("geoip/test-asn.mmdb")).unwrap();
    let path = setting.gateway.directory().join("asn.mmdb");
    replace(&path, &bytes);
    setting.gateway.run();
    let says = |text: &'static str| {
        move |line: &serde_json::Value| line["fields"]["message"].to_string().contains(text)
    };
    replace(&path, b"rubbish");
    setting.gateway.wait_for_log(
        "rubbish is refused",
        says("database of autonomous systems is refused; the old one goes on serving"),
    );
    assert_eq!(setting.load_failures(), "1");
    replace(&path, &bytes);
    setting.gateway.wait_for_log("a good one is taken", says("autonomous systems is in use"));
    assert_eq!(setting.load_failures(), "1");
}

/// A certificate that ends in so many days.
fn certificate_for(directory: &Path, days: i64) -> jiff::Timestamp {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let day = end.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut wanted = rcgen::CertificateParams::new(vec!["kilden.example.dk".to_owned()]).unwrap();
    let (month, of_month) = (day.month().cast_unsigned(), day.day().cast_unsigned());
    wanted.not_after = rcgen::date_time_ymd(i32::from(day.year()), month, of_month);
    let key = rcgen::KeyPair::generate().unwrap();
    replace(&directory.join("key.pem"), key.serialize_pem().as_bytes());
    let made = wanted.self_signed(&key).unwrap();
    replace(&directory.join("chain.pem"), made.pem().as_bytes());
    day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

#[test]
fn the_end_of_a_certificate_is_seen_before_it_comes() {
    const METRIC: &str = "geovagt_certificate_expiry_timestamp_seconds{";
    let secure = "  - name: secure\n    bind: [\"127.0.0.1:0\"]\n    \
                  tls: {certificates: [{chain: chain.pem, key: key.pem}]}\nsites:\n";
    let mut setting = prepared(|text| text.replace("sites:\n", secure));
    let directory = setting.gateway.directory().to_owned();
    let good = certificate_for(&directory, 90);
    setting.gateway.run();
    let ends = || {
        let metrics = get(setting.gateway.address("operations"), "localhost", "/metrics").send();
        let line = metrics.text().lines().find(|line| line.starts_with(METRIC)).map(str::to_owned);
        let line = line.expect("the metric");
        assert!(line.contains("listener=\"secure\"") && line.contains("chain.pem\""), "{line}");
        line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    eventually("the metric has it", || ends() == good.as_second() as f64);
    assert_eq!(setting.warning("certificates"), None);
    let soon = certificate_for(&directory, 10);
    eventually("the metric has the new one", || ends() == soon.as_second() as f64);
    let warning = setting.warning("certificates").unwrap();
    assert!(warning.contains("chain.pem ends in 9 days"), "{warning}");
    let logged = |level: &'static str, text: &'static str| {
        move |line: &serde_json::Value| {
            line["level"] == level && line["fields"]["message"].to_string().contains(text)
        }
    };
    setting.gateway.wait_for_log("a warning says so", logged("WARN", "a certificate ends soon"));
    certificate_for(&directory, -3);
    setting.gateway.wait_for_log("an error says so", logged("ERROR", "a certificate has expired"));
    let warning = setting.warning("certificates").unwrap();
    assert!(warning.contains("has expired"), "{warning}");
    let text = std::fs::read_to_string(setting.gateway.config_file()).unwrap();
    std::fs::write(setting.gateway.config_file(), text.replace(secure, "sites:\n")).unwrap();
    setting.gateway.command(&["reload"]).expect_code(0);
    eventually("what is gone raises no alarm", || ends().is_nan());
    assert!(setting.part("certificates").is_none());
}

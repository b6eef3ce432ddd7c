//! Requirements, the swap, the installation and the last good copy.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;

/// A folder with `database.mmdb`, a copy of one of ours.
fn folder_with(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("database.mmdb");
    fs::copy(file(name), &path).unwrap();
    (folder, path)
}

/// A copy of the test country database with another build date: the metadata holds it as a number of
/// four bytes after its key.
fn built_at(time: &str, target: &Path) {
    let mut bytes = fs::read(file("test-country.mmdb")).unwrap();
    let key = bytes.windows(11).rposition(|w| w == b"build_epoch").unwrap();
    let seconds = u32::try_from(time.parse::<Timestamp>().unwrap().as_second()).unwrap();
    assert_eq!(bytes[key + 11..key + 13], [4, 2], "an unsigned 64-bit number in four bytes");
    bytes[key + 13..key + 17].copy_from_slice(&seconds.to_be_bytes());
    fs::write(target, bytes).unwrap();
}

fn refused(path: &Path, requirements: &Requirements) -> String {
    Database::open(path, requirements).unwrap_err().to_string()
}

#[test]
fn a_missing_country_is_named() {
    let requirements = Requirements::new(now()).knowing(territories("DK CN GL AQ RU-CE"));
    let error = refused(&file("test-city.mmdb"), &requirements);
    assert!(error.contains("no address of AQ, GL, which"), "{error}");
}

#[test]
fn a_build_date_in_the_future_or_before_the_running_one_is_refused() {
    let (_folder, path) = folder_with("test-country.mmdb");
    built_at("2026-11-25T12:00:00Z", &path);
    assert!(refused(&path, &Requirements::new(now())).contains("in the future"));
    built_at("2026-11-23T12:00:00Z", &path);
    let running = Arc::new(Database::open(&path, &Requirements::new(now())).unwrap());
    built_at("2026-11-23T11:59:59Z", &path);
    let requirements = Requirements::new(now()).replacing(running);
    assert!(refused(&path, &requirements).contains("before the running one"));
}

#[test]
fn an_update_that_moves_too_much_or_loses_a_family_is_refused() {
    let running = Arc::new(open("test-country.mmdb"));
    assert_eq!(running.change_to(&open("test-flat.mmdb")), 0.0);
    let requirements = Requirements::new(now()).replacing(Arc::clone(&running));
    let error = refused(&file("test-city.mmdb"), &requirements);
    assert!(error.contains(" % of the known IPv4 addresses"), "{error}");
    let error = refused(&file("test-ipv4.mmdb"), &requirements);
    assert!(error.contains("no IPv6 addresses"), "{error}");
    assert!(Database::open(&file("test-flat.mmdb"), &requirements).is_ok());
}

/// A hundred networks of the same size, the first `moved` of them in China and the others in Denmark.
fn with_moved(moved: u8, folder: &Path) -> PathBuf {
    use mmdb_writer::Value;
    let built = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_780_272_000);
    let mut writer = mmdb_writer::Writer::builder("Test").build_epoch(built).build();
    for network in 0..100_u8 {
        let code = if network < moved { "CN" } else { "DK" };
        let country = Value::map([("iso_code", Value::from(code))]);
        let network: ipnet::IpNet = format!("80.{network}.0.0/16").parse().unwrap();
        writer.insert_value(network, Value::map([("country", country)])).unwrap();
    }
    let path = folder.join(format!("{moved}.mmdb"));
    fs::write(&path, writer.to_bytes().unwrap()).unwrap();
    path
}

#[test]
fn three_percent_may_move() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Requirements::new(now());
    let running = Database::open(&with_moved(0, folder.path()), &plain).unwrap();
    let requirements = plain.replacing(Arc::new(running));
    assert!(Database::open(&with_moved(3, folder.path()), &requirements).is_ok());
    let error = refused(&with_moved(4, folder.path()), &requirements);
    assert!(error.contains("4.0 % of the known IPv4 addresses"), "{error}");
}

#[test]
fn the_change_is_the_share_of_addresses_in_another_country() {
    let (city, flat) = (open("test-city.mmdb"), open("test-flat.mmdb"));
    let (there, back) = (city.change_to(&flat), flat.change_to(&city));
    assert!((there - back).abs() < f64::EPSILON && there > 0.5 && there <= 1.0, "{there} {back}");
    assert_eq!(city.change_to(&city), 0.0);
    assert_eq!(open("test-ipv4.mmdb").change_to(&flat), 0.0);
}

#[test]
fn a_good_new_file_is_offered_and_a_bad_one_leaves_the_old_serving() {
    let (folder, path) = folder_with("test-country.mmdb");
    let watch = Watch::new(&path);
    let requirements = Requirements::new(now());
    let running = Arc::new(Database::open(&path, &requirements).unwrap());
    let look = || watch.refresh(&running, &requirements);
    assert!(look().is_none());

    fs::write(&path, b"<html>Sign in").unwrap();
    assert!(look().is_none(), "it may still be being written");
    assert!(look().unwrap().unwrap_err().to_string().contains("web page"));
    assert!(look().is_none(), "told once");
    assert_eq!(word(running.locate(&address("36.128.0.1"))), "CN");

    fs::remove_file(&path).unwrap();
    assert!(look().is_none());
    assert!(look().unwrap().unwrap_err().to_string().contains("no such file"));

    fs::copy(file("test-country.mmdb"), &path).unwrap();
    assert!(look().is_none());
    assert!(look().is_none(), "the same content as the running one");

    let new = folder.path().join("new");
    built_at("2026-07-01T00:00:00Z", &new);
    fs::rename(&new, &path).unwrap();
    assert!(look().is_none());
    let offered = look().unwrap().unwrap();
    assert_eq!(offered.info().built.to_string(), "2026-07-01T00:00:00Z");

    fs::copy(file("test-ipv4.mmdb"), &path).unwrap();
    assert!(look().is_none());
    assert!(look().unwrap().unwrap_err().to_string().contains("no IPv6 addresses"));
}

#[test]
fn an_installation_is_whole_and_keeps_the_file_before() {
    let (folder, path) = folder_with("test-country.mmdb");
    let before = fs::read(&path).unwrap();
    let running = Arc::new(Database::open(&path, &Requirements::new(now())).unwrap());
    let requirements = Requirements::new(now()).replacing(running);
    let bad = folder.path().join("bad");
    fs::write(&bad, &before[..before.len() / 2]).unwrap();
    let error = install(&bad, &path, &requirements).unwrap_err();
    assert_eq!(error.path, bad);
    assert_eq!(fs::read(&path).unwrap(), before);

    let new = folder.path().join("new");
    built_at("2026-07-01T00:00:00Z", &new);
    let installed = install(&new, &path, &requirements).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(&new).unwrap());
    assert_eq!(fs::read(installed.previous.unwrap()).unwrap(), before);
    assert_eq!(installed.database.path(), path.canonicalize().unwrap());
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 4, "bad, new, database.mmdb and database.mmdb.previous; nothing left over");
}

#[test]
fn the_last_good_database_is_taken_where_the_configured_one_is_refused() {
    let (folder, path) = folder_with("test-country.mmdb");
    let state = tempfile::tempdir().unwrap();
    let requirements = Requirements::new(now());
    let open = || open_or_last_good(&path, state.path(), &requirements);
    let opened = open().unwrap();
    assert!(opened.instead_of.is_none());
    store_last_good(&opened.database, state.path()).unwrap();
    store_last_good(&opened.database, state.path()).unwrap();

    fs::write(&path, b"").unwrap();
    let opened = open().unwrap();
    assert!(opened.instead_of.unwrap().to_string().contains("it is empty"));
    assert_eq!(word(opened.database.locate(&address("36.128.0.1"))), "CN");

    fs::write(state.path().join("last-good.mmdb"), b"").unwrap();
    assert_eq!(open().unwrap_err().path, path);

    let changed = store_last_good(&opened.database, state.path());
    assert!(changed.is_ok(), "it is the last good one itself");
    fs::copy(file("test-country.mmdb"), &path).unwrap();
    let running = Database::open(&path, &requirements).unwrap();
    fs::copy(file("test-flat.mmdb"), &path).unwrap();
    let error = store_last_good(&running, state.path()).unwrap_err().to_string();
    assert!(error.contains("has changed since"), "{error}");
    drop(folder);
}

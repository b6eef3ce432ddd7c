//! Damaged files: refused, or answered plausibly; never a panic, a hang or a great allocation.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::geoip::file::Content;

fn open_bytes(bytes: Vec<u8>, requirements: &Requirements) -> Result<Database, Problem> {
    let content = Content { bytes, sha256: [0; 32] };
    Database::of_content(&file("damaged.mmdb"), &content, requirements)
}

fn problem(bytes: Vec<u8>) -> String {
    open_bytes(bytes, &Requirements::new(now())).unwrap_err().to_string()
}

/// Replaces the first occurrence from the end, in place.
fn patch(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).rposition(|w| w == old).expect("the pattern is there");
    bytes[at..at + new.len()].copy_from_slice(new);
}

#[test]
fn a_hole_of_zeros_anywhere_in_the_bundled_database_is_seen() {
    let whole = fs::read(file("country.mmdb")).unwrap();
    let listed = territories("AF CN RU KP IR IN JP BR UA DK");
    let requirements = Requirements::new(now()).knowing(listed);
    let hole = whole.len() / 20;
    // 5 % at ten places: the tree, its end, the records, the metadata.
    for tenth in 0..10 {
        let at = (whole.len() - hole) * tenth / 9;
        let mut bytes = whole.clone();
        bytes[at..at + hole].fill(0);
        assert!(open_bytes(bytes, &requirements).is_err(), "a hole at byte {at} was not seen");
    }
    // 512 bytes of zeros, a disk sector, in the tree.
    for at in [4096, 1 << 20, 4 << 20, 8 << 20] {
        let at = at.min(whole.len() - 16_384);
        let mut bytes = whole.clone();
        bytes[at..at + 512].fill(0);
        assert!(open_bytes(bytes, &requirements).is_err(), "a hole at byte {at} was not seen");
    }
}

#[test]
fn a_hole_in_the_records_is_seen() {
    let whole = fs::read(file("test-country.mmdb")).unwrap();
    let text = |needle: &[u8]| whole.windows(needle.len()).position(|w| w == needle).unwrap();
    // The first record's words begin here; the metadata after the last.
    let (first, end) = (text(b"iso_code") - 12, text(b"\xab\xcd\xefMaxMind.com"));
    for at in (first..end - 16).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at..at + 16].fill(0);
        assert!(open_bytes(bytes, &Requirements::new(now())).is_err(), "a hole at byte {at}");
    }
}

#[test]
fn circles_and_strays_in_the_tree_are_refused() {
    let whole = fs::read(file("test-country.mmdb")).unwrap();
    let with_record = |node: usize, target: u32| {
        let mut bytes = whole.clone();
        bytes[node * 6..node * 6 + 3].copy_from_slice(&target.to_be_bytes()[1..]);
        bytes
    };
    let nodes = open("test-country.mmdb").info().node_count;
    assert!(problem(with_record(200, 0)).contains("runs in circles"));
    assert!(problem(with_record(200, 200)).contains("runs in circles"));
    assert!(problem(with_record(200, 150)).contains("runs in circles"));
    // A node with another node on its left: what is below that one is cut off.
    let left = |node: usize| {
        u32::from_be_bytes([0, whole[node * 6], whole[node * 6 + 1], whole[node * 6 + 2]])
    };
    let inner = (150..).find(|&node| left(node) as usize == node + 1).unwrap();
    assert!(problem(with_record(inner, nodes)).contains("cannot be reached"));
    // Only the places that writers use for it may point at the IPv4 part.
    let ipv4_start = (0..96).fold(0, |node, _| left(node as usize));
    assert!(ipv4_start > 0 && ipv4_start < nodes);
    assert!(problem(with_record(200, ipv4_start)).contains("runs in circles"));
    assert!(problem(with_record(200, nodes + 5)).contains("between tree and records"));
    assert!(problem(with_record(200, 0x00ff_ffff)).contains("damaged"));
}

#[test]
fn the_gap_between_tree_and_records_is_zero() {
    let mut bytes = fs::read(file("test-country.mmdb")).unwrap();
    let end = open("test-country.mmdb").info().node_count as usize * 6;
    assert_eq!(bytes[end..end + 16], [0; 16]);
    bytes[end + 15] = 1;
    assert!(problem(bytes).contains("no zeros between"));
}

#[test]
fn metadata_that_promises_too_much_allocates_nothing() {
    let whole = fs::read(file("test-country.mmdb")).unwrap();
    let nodes = u16::try_from(open("test-country.mmdb").info().node_count).unwrap();
    let mut old = b"node_count\xc2".to_vec();
    old.extend(nodes.to_be_bytes());
    let mut bytes = whole.clone();
    patch(&mut bytes, &old, b"node_count\xc2\xff\xff");
    assert!(problem(bytes).contains("damaged"));
    // The number grows from two bytes to four: four thousand million nodes.
    let at = whole.windows(old.len()).rposition(|w| w == old).unwrap();
    let mut bytes = whole[..at].to_vec();
    bytes.extend(b"node_count\xc4\xff\xff\xff\xff");
    bytes.extend(&whole[at + old.len()..]);
    assert!(problem(bytes).contains("damaged"));
    let mut bytes = whole.clone();
    patch(&mut bytes, b"build_epoch\x04\x02", b"build_epoch\x00\x02");
    assert!(problem(bytes).contains("damaged"));
}

#[test]
fn a_file_that_is_cut_off_says_so() {
    let whole = fs::read(file("country.mmdb")).unwrap();
    assert!(problem(whole[..whole.len() / 2].to_vec()).contains("cut off"));
    assert!(problem(whole[whole.len() / 2..].to_vec()).contains("damaged"));
}

/// One way to damage a file: where (of its length), how much, and how.
fn damage(bytes: &mut Vec<u8>, at: f64, length: usize, kind: u8, noise: &[u8]) {
    let at = (bytes.len() as f64 * at) as usize;
    let end = (at + length).min(bytes.len());
    match kind {
        0 => bytes.truncate(at),
        1 => bytes[at..end].fill(0),
        2 => bytes[at..end].fill(0xff),
        3 => drop(bytes.drain(at..end)),
        4 => bytes[at..end].iter_mut().zip(noise).for_each(|(b, n)| *b ^= n),
        5 => drop(bytes.splice(at..at, noise.iter().copied())),
        _ => {
            let copied = bytes[at..end].to_vec();
            drop(bytes.splice(0..copied.len(), copied));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn damage_gives_an_error_or_a_database_that_can_be_asked(
        name in prop::sample::select(vec!["test-country.mmdb", "test-flat.mmdb", "test-city.mmdb"]),
        damages in proptest::collection::vec(
            (0.0..1.0_f64, 1_usize..600, 0_u8..7, proptest::collection::vec(any::<u8>(), 1..20)),
            1..4),
        asked in any::<u32>(),
    ) {
        let mut bytes = fs::read(file(name)).unwrap();
        for (at, length, kind, noise) in damages {
            damage(&mut bytes, at, length, kind, &noise);
        }
        let Ok(database) = open_bytes(bytes, &Requirements::new(now())) else { return Ok(()) };
        let info = database.info();
        prop_assert!(!info.countries.is_empty());
        let counted: u64 = info.countries.iter().map(|(_, c)| c.ipv4_addresses).sum();
        prop_assert!(counted <= 1 << 32);
        for text in ["10.0.0.1", "::1", "fd00::1"] {
            prop_assert_eq!(word(database.locate(&address(text))), "private");
        }
        let ip = std::net::Ipv4Addr::from(asked).into();
        prop_assert!(database.network_of(ip).unwrap().contains(&ip));
    }
}

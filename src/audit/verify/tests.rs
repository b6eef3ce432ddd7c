use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::fixture::{self, THREE};
use super::super::segment;
use super::*;

fn log(count: u64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fixture::numbered(directory.path(), THREE, count);
    directory
}

fn segment(log: &TempDir, class: Class, number: u64) -> PathBuf {
    log.path().join(class.word()).join(segment::file_name(number))
}

fn findings(log: &TempDir) -> Vec<String> {
    let report = verify(log.path()).unwrap();
    assert_eq!(report.found, report.findings.len() as u64);
    report.findings.iter().map(ToString::to_string).collect()
}

fn edit_lines(path: &Path, edit: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> =
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    edit(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn head(log: &TempDir) -> PathBuf {
    super::super::head::path(log.path(), Class::Denied)
}

#[test]
fn a_whole_log_is_whole() {
    let log = log(7);
    let report = verify(log.path()).unwrap();
    assert!(report.is_whole(), "{:?}", report.findings);
    for chain in &report.chains {
        assert_eq!((chain.segments, chain.entries, chain.unflushed), (3, 7, 0));
        assert_eq!(chain.sequences, Some((1, 7)));
    }
}

#[test]
fn every_flipped_byte_is_found_and_placed() {
    let log = tempfile::tempdir().unwrap();
    fixture::numbered(log.path(), 1, 2);
    for number in [1, 2] {
        let path = segment(&log, Class::Denied, number);
        let whole = fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut altered = whole.clone();
            altered[index] ^= 1 << (index % 8);
            fs::write(&path, &altered).unwrap();
            let mut report = Report::default();
            let found = chain::Found::read(log.path(), Class::Denied).unwrap();
            let (records, anchored) = (Records::default(), anchored::Anchored::default());
            let trust = signed::Trust::new(None, &records);
            chain::verify(log.path(), found, &records, &trust, &anchored, &mut report).unwrap();
            let first = report.findings.first().unwrap_or_else(|| panic!("byte {index} passed"));
            assert_eq!(first.segment, Some(segment::file_name(number)), "byte {index}: {first}");
            let line = whole[..index].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
            assert_eq!(first.line, Some(line), "byte {index}: {first}");
        }
        fs::write(&path, &whole).unwrap();
    }
    let whole = fs::read(head(&log)).unwrap();
    for index in 0..whole.len() {
        let mut altered = whole.clone();
        altered[index] ^= 1;
        fs::write(head(&log), &altered).unwrap();
        assert!(!verify(log.path()).unwrap().is_whole(), "byte {index} of the head");
    }
}

#[test]
fn an_altered_entry_is_one_finding() {
    let log = log(7);
    edit_lines(&segment(&log, Class::Denied, 2), |lines| {
        lines[2] = lines[2].replace("203.0.113.9", "203.0.113.8");
    });
    assert_eq!(findings(&log), ["denied/00000002.jsonl:3: the entry was altered"]);
}

#[test]
fn missing_repeated_and_swapped_entries() {
    let log = log(7);
    let path = segment(&log, Class::People, 2);
    let whole = fs::read(&path).unwrap();
    edit_lines(&path, |lines| drop(lines.remove(2)));
    assert_eq!(findings(&log), ["people/00000002.jsonl:3: entry 5 is missing"]);

    fs::write(&path, &whole).unwrap();
    edit_lines(&path, |lines| lines.insert(2, lines[1].clone()));
    assert_eq!(
        findings(&log),
        ["people/00000002.jsonl:3: entry 4 stands here again, or in the wrong place"]
    );

    fs::write(&path, &whole).unwrap();
    edit_lines(&path, |lines| lines.swap(1, 2));
    assert_eq!(findings(&log).first().unwrap(), "people/00000002.jsonl:2: entry 4 is missing");
}

#[test]
fn missing_segments() {
    let log = log(10);
    fs::remove_file(segment(&log, Class::Allowed, 2)).unwrap();
    let found = findings(&log);
    assert_eq!(found[0], "allowed/00000002.jsonl: the segment is missing");
    assert_eq!(found[1], "allowed/00000003.jsonl:1: the entries 4 to 6 are missing");
    assert_eq!(found.len(), 2);
    fs::remove_file(segment(&log, Class::Denied, 1)).unwrap();
    assert!(findings(&log).contains(&"denied/00000001.jsonl: the segment is missing".to_owned()));
}

#[test]
fn a_tail_that_is_cut_off_shows_by_the_head() {
    let log = log(7);
    let newest = segment(&log, Class::Denied, 3);
    edit_lines(&newest, |lines| drop(lines.pop()));
    let found = findings(&log);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("denied/00000003.jsonl: the end is cut off: entry 7"),
        "{found:?}"
    );
    fs::remove_file(&newest).unwrap();
    assert!(findings(&log)[0].starts_with("denied/00000003.jsonl: the end is cut off"));
    fs::remove_file(head(&log)).unwrap();
    assert_eq!(findings(&log), ["denied: the flushed head is missing"]);
    fs::remove_dir_all(log.path().join("denied")).unwrap();
    assert_eq!(
        findings(&log),
        ["denied: the flushed head is missing", "denied: the chain has no segments"]
    );
}

#[test]
fn a_running_gateways_unflushed_tail_is_no_break() {
    let log = log(4);
    let path = segment(&log, Class::Denied, 2);
    let at_four = fs::read(head(&log)).unwrap();
    fixture::write(log.path(), THREE, &[(Class::Denied, vec![fixture::event(5)])]);
    fs::write(head(&log), &at_four).unwrap();
    let mut live = fs::read(&path).unwrap();
    live.extend_from_slice(b"{\"@timest");
    fs::write(&path, &live).unwrap();
    let report = verify(log.path()).unwrap();
    assert!(report.is_whole(), "{:?}", report.findings);
    assert_eq!(report.chains[1].unflushed, 1);
}

#[test]
fn a_header_of_another_segment_or_chain_is_found() {
    let log = log(7);
    fs::copy(segment(&log, Class::Denied, 2), segment(&log, Class::Denied, 3)).unwrap();
    assert!(findings(&log)[0].contains("the header belongs to another segment"));
    let log = self::log(7);
    fs::copy(segment(&log, Class::People, 2), segment(&log, Class::Denied, 2)).unwrap();
    assert_eq!(findings(&log)[0], "denied/00000002.jsonl:1: the segment's header was altered");
}

#[test]
fn a_segment_without_end_or_lines_costs_no_memory_and_no_panic() {
    let log = log(4);
    fs::write(segment(&log, Class::Denied, 2), vec![b'x'; 3_000_000]).unwrap();
    assert!(!verify(log.path()).unwrap().is_whole());
    fs::write(segment(&log, Class::Denied, 2), "\n\n\n").unwrap();
    assert!(!verify(log.path()).unwrap().is_whole());
    fs::write(segment(&log, Class::Denied, 2), "").unwrap();
    assert!(!verify(log.path()).unwrap().is_whole());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_damage_anywhere_is_found(
        count in 1_u64..12, class in 0_usize..3, place: prop::sample::Index,
        byte: u8, damage in 0..3,
    ) {
        let log = log(count);
        let class = Class::ALL[class];
        let segments = segment::list(&log.path().join(class.word())).unwrap();
        let sizes: Vec<usize> =
            segments.iter().map(|(_, path)| fs::read(path).unwrap().len()).collect();
        let mut at = place.index(sizes.iter().sum());
        let mut index = 0;
        while at >= sizes[index] {
            at -= sizes[index];
            index += 1;
        }
        let path = &segments[index].1;
        let mut bytes = fs::read(path).unwrap();
        match damage {
            0 => bytes[at] ^= byte.max(1),
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, byte),
        }
        // Putting in a byte equal to its neighbour's may give the same file but for the offset.
        fs::write(path, &bytes).unwrap();
        let report = verify(log.path()).unwrap();
        prop_assert!(!report.is_whole());
        prop_assert_eq!(&report.findings[0].segment, &Some(segment::file_name(segments[index].0)));
    }
}

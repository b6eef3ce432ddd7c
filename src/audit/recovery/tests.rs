use std::fs;

use tempfile::TempDir;

use super::super::disk::RealDisk;
use super::super::fixture;
use super::super::verify::verify;
use super::*;

fn options(directory: &TempDir) -> Options {
    Options { segment_bytes: fixture::THREE, ..Options::new(directory.path().to_owned()) }
}

fn reopen(directory: &TempDir) -> Recovered {
    let mut log = open(&options(directory), &real_disk(), fixture::instant(9)).unwrap();
    for class in Class::ALL {
        let notes = std::mem::take(log.notes.get_mut(class));
        let ledger = log.ledgers.get_mut(class);
        if !notes.is_empty() {
            ledger.append(notes.iter(), clock::random_bytes, fixture::instant(9)).unwrap();
            ledger.publish().unwrap();
        }
    }
    log
}

fn real_disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn log(count: u64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fixture::numbered(directory.path(), fixture::THREE, count);
    directory
}

fn denied(directory: &TempDir, number: u64) -> PathBuf {
    directory.path().join("denied").join(segment::file_name(number))
}

fn append(path: &Path, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content.extend_from_slice(bytes);
    fs::write(path, content).unwrap();
}

#[test]
fn a_clean_log_goes_on_where_it_ended() {
    let log = log(4);
    let again = reopen(&log);
    assert_eq!(again.opened.recovered, Vec::<String>::new());
    assert_eq!(again.opened.damaged, Vec::<String>::new());
    assert_eq!(again.opened.entries, PerClass { allowed: 4, denied: 4, people: 4 });
    assert!(verify(log.path()).unwrap().is_whole());
}

#[test]
fn files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let log = log(4);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&log.path().join("denied")), 0o700);
    assert_eq!(mode(&log.path().join("heads")), 0o700);
    assert_eq!(mode(&denied(&log, 1)), 0o600);
    assert_eq!(mode(&head::path(log.path(), Class::Denied)), 0o600);
}

#[test]
fn two_processes_cannot_write_one_log() {
    let log = log(1);
    let _first = reopen(&log);
    let second = open(&options(&log), &real_disk(), fixture::instant(9));
    assert!(matches!(second, Err(OpenError::Locked { .. })));
}

#[test]
fn a_torn_last_line_is_set_aside_and_said() {
    let log = log(4);
    append(&denied(&log, 2), b"{\"@timestamp\":\"2026");
    let again = reopen(&log);
    assert_eq!(again.opened.recovered.len(), 1);
    assert!(again.opened.recovered[0].starts_with("denied: 19 bytes of an unfinished entry"));
    let aside = fs::read_dir(log.path().join("denied"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains(".torn-"))
        .unwrap();
    assert_eq!(fs::read(aside).unwrap(), b"{\"@timestamp\":\"2026");
    assert!(fs::read_to_string(denied(&log, 2)).unwrap().contains("tail_set_aside"));
    assert!(verify(log.path()).unwrap().is_whole());
}

#[test]
fn what_was_written_and_not_flushed_is_kept_where_it_holds_together() {
    let log = log(4);
    let head = head::path(log.path(), Class::Denied);
    let at_four = fs::read(&head).unwrap();
    let more = (5..=9).map(fixture::event).collect();
    fixture::write(log.path(), fixture::THREE, &[(Class::Denied, more)]);
    fs::write(&head, at_four).unwrap();
    let again = reopen(&log);
    assert_eq!(again.opened.entries.denied, 9, "over the end of the segment too");
    assert_eq!((again.opened.recovered.len(), again.opened.damaged.len()), (0, 0));
    drop(again);
    assert!(verify(log.path()).unwrap().is_whole());
}

#[test]
fn complete_lines_beyond_the_head_that_do_not_chain_are_set_aside() {
    let log = log(4);
    append(&denied(&log, 2), b"{}\n");
    append(&denied(&log, 2), &[0; 100]);
    let again = reopen(&log);
    assert_eq!((again.opened.recovered.len(), again.opened.damaged.len()), (1, 0));
    assert!(verify(log.path()).unwrap().is_whole());
}

#[test]
fn a_segment_that_was_never_finished_is_set_aside() {
    for content in ["", "{\"format\":1,"] {
        let log = log(3);
        fs::write(denied(&log, 2), content).unwrap();
        let again = reopen(&log);
        assert_eq!((again.opened.recovered.len(), again.opened.damaged.len()), (1, 0));
        assert!(verify(log.path()).unwrap().is_whole());
    }
}

fn assert_shows_for_ever(log: &TempDir, entries: u64) {
    let again = reopen(log);
    assert_eq!(again.opened.damaged.len(), 1, "{:?}", again.opened);
    assert!(again.opened.damaged[0].starts_with("denied: "));
    assert_eq!(again.opened.entries.denied, entries);
    drop(again);
    let after = fs::read_dir(log.path().join("denied")).unwrap();
    let all: String =
        after.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(all.contains("chain_damaged"));
    let report = verify(log.path()).unwrap();
    assert!(report.findings.iter().any(|f| f.what.starts_with("damage was found here")));
    assert!(report.found >= 2, "{:?}", report.findings);
    let later = reopen(log);
    assert_eq!(later.opened.damaged.len(), 0, "it goes on");
    drop(later);
    assert!(!verify(log.path()).unwrap().is_whole());
}

#[test]
fn a_lost_tail_is_never_silently_accepted() {
    let log = log(5);
    let path = denied(&log, 2);
    let content = fs::read_to_string(&path).unwrap();
    let cut = content.trim_end().rfind('\n').unwrap() + 1;
    fs::write(&path, &content[..cut]).unwrap();
    assert_shows_for_ever(&log, 5);
}

#[test]
fn a_tail_replaced_by_zeros_is_never_silently_accepted() {
    let log = log(5);
    let path = denied(&log, 2);
    let mut content = fs::read(&path).unwrap();
    let length = content.len();
    content[length - 300..].fill(0);
    fs::write(&path, content).unwrap();
    assert_shows_for_ever(&log, 5);
}

#[test]
fn a_lost_segment_is_never_silently_accepted() {
    let log = log(5);
    fs::remove_file(denied(&log, 2)).unwrap();
    assert_shows_for_ever(&log, 5);
}

#[test]
fn a_lost_chain_is_never_silently_accepted() {
    let log = log(5);
    fs::remove_dir_all(log.path().join("denied")).unwrap();
    fs::remove_file(head::path(log.path(), Class::Denied)).unwrap();
    let again = reopen(&log);
    assert_eq!(again.opened.damaged.len(), 1);
    drop(again);
    assert!(!verify(log.path()).unwrap().is_whole());
}

#[test]
fn a_lost_or_broken_head_goes_on_and_shows() {
    for content in [None, Some("rubbish")] {
        let log = log(5);
        let path = head::path(log.path(), Class::Denied);
        match content {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        let again = reopen(&log);
        assert_eq!(again.opened.damaged.len(), 1);
        assert_eq!(again.opened.entries.denied, 5);
        drop(again);
        let report = verify(log.path()).unwrap();
        assert_eq!(report.found, 1, "{:?}", report.findings);
        assert!(report.findings[0].what.contains("head"));
    }
}

#[test]
fn a_first_start_that_was_broken_off_is_no_damage() {
    let log = tempfile::tempdir().unwrap();
    drop(open(&options(&log), &real_disk(), fixture::instant(0)).unwrap());
    fs::remove_dir_all(log.path().join("heads")).unwrap();
    let again = reopen(&log);
    assert_eq!((again.opened.recovered.len(), again.opened.damaged.len()), (0, 0));
    assert!(verify(log.path()).unwrap().is_whole());
}

#[test]
fn the_file_of_another_chain_is_no_continuation() {
    let log = log(3);
    let other = log.path().join("people").join(segment::file_name(1));
    fs::copy(other, denied(&log, 1)).unwrap();
    let again = reopen(&log);
    assert_eq!(again.opened.damaged.len(), 1);
}

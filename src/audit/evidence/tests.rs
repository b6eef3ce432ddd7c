use super::super::fixture::{self, THREE};
use super::super::sign::FILE_NAME;
use super::*;

fn log() -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    let events = || {
        let name = |n: u64| if n.is_multiple_of(3) { "anna" } else { "bo" };
        (1..=11).map(|n| fixture::event(n).user(name(n))).collect::<Vec<_>>()
    };
    fixture::write_signed(state.path(), THREE, &Class::ALL.map(|class| (class, events())));
    state
}

fn signer(state: &Path) -> Signer {
    Signer::read(&state.join(FILE_NAME)).unwrap()
}

fn of_anna(state: &Path) -> Result<Collected, CollectError> {
    let is_anna = |event: &Event| {
        event.personal.get(super::super::event::Field::UserName).is_some_and(|name| name == "anna")
    };
    collect(&state.join("audit"), &signer(state), (None, None), is_anna, fixture::instant(99))
}

fn archive(state: &Path) -> Vec<u8> {
    let beside = vec![("lists.json".to_owned(), b"{}".to_vec())];
    of_anna(state).unwrap().archive(beside, &signer(state), fixture::instant(99))
}

#[test]
fn chosen_entries_prove_themselves_elsewhere_without_the_others() {
    let state = log();
    let key = signer(state.path()).public();
    let archive = archive(state.path());
    assert_eq!(archive, self::archive(state.path()), "the same again");
    drop(state);
    let accepted = accept(&archive, key).unwrap();
    assert_eq!((accepted.entries, accepted.segments), (9, 9));
    assert_eq!(accepted.key, key.to_string());
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains("\"anna\"") && !text.contains("\"bo\""));
}

#[test]
fn one_flipped_byte_anywhere_is_refused_and_so_is_a_cut() {
    let state = log();
    let key = signer(state.path()).public();
    let archive = archive(state.path());
    for index in (0..archive.len()).step_by(7) {
        let mut altered = archive.clone();
        altered[index] ^= 1 << (index % 8);
        assert!(accept(&altered, key).is_err(), "byte {index}");
    }
    for length in (0..archive.len()).step_by(101) {
        assert!(accept(&archive[..length], key).is_err(), "cut at {length}");
    }
    assert_eq!(accept(b"", key), Err(Refused::Form));
}

#[test]
fn another_key_or_another_maker_is_refused() {
    let (state, other) = (log(), log());
    let key = signer(other.path()).public();
    assert_eq!(accept(&archive(state.path()), key), Err(Refused::Key(key.to_string())));
    // Whoever puts together an archive of true entries has to have the key.
    let forged = of_anna(state.path()).unwrap();
    let forged = forged.archive(vec![], &signer(other.path()), fixture::instant(99));
    assert!(matches!(accept(&forged, signer(state.path()).public()), Err(Refused::Key(_))));
    let signed_right = of_anna(state.path()).unwrap();
    let signed_right = signed_right.archive(vec![], &signer(other.path()), fixture::instant(99));
    assert_eq!(accept(&signed_right, key), Err(Refused::File(STATEMENTS.to_owned())));
}

#[test]
fn entries_are_proven_by_themselves_and_not_by_the_manifest_alone() {
    let state = log();
    let (signer, key) = (signer(state.path()), signer(state.path()).public());
    let sealed = |change: &dyn Fn(&mut Collected)| {
        let mut collected = of_anna(state.path()).unwrap();
        change(&mut collected);
        accept(&collected.archive(vec![], &signer, fixture::instant(99)), key)
    };
    assert!(sealed(&|_| ()).is_ok());
    let swap = |collected: &mut Collected| {
        let text = String::from_utf8(collected.entries.clone()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(0, 1);
        collected.entries = lines.iter().flat_map(|l| format!("{l}\n").into_bytes()).collect();
    };
    assert!(matches!(sealed(&swap), Err(Refused::Entry(1, _))));
    let without = |collected: &mut Collected| collected.statements.clear();
    assert!(matches!(sealed(&without), Err(Refused::Entry(1, _))));
    let fewer = |collected: &mut Collected| collected.proof.clear();
    assert_eq!(sealed(&fewer), Err(Refused::File(PROOF.to_owned())));
}

#[test]
fn nothing_is_taken_from_a_segment_that_is_not_whole() {
    let state = log();
    let path = state.path().join("audit/people").join(segment::file_name(1));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("203.0.113.9", "203.0.113.8", 1)).unwrap();
    let refused = of_anna(state.path()).unwrap_err();
    assert!(refused.to_string().starts_with("people/00000001.jsonl:"), "{refused}");
}

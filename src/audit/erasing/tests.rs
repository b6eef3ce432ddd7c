use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::super::chain::PSEUDONYM;
use super::super::event::{Event, Field};
use super::super::fixture::{self, THREE};
use super::super::forecast::forecast;
use super::super::options::Options;
use super::super::order::{Selection, What};
use super::super::pseudonym::{KEY_LENGTH, Keys, period};
use super::super::sealed;
use super::super::sign::{self, PublicKey, Signed, Signer};
use super::super::verify::{Expected, Report, verify, verify_against};
use super::*;
use crate::lifecycle::Tasks;
use crate::policy::Actor;

fn actor() -> Actor {
    Actor { name: "Dorte".into(), operating_system_user: Some("dorte".into()) }
}

fn names(names: &[&str]) -> Selection {
    let names = names.iter().map(ToString::to_string).collect();
    Selection { names, ..Selection::default() }
}

fn removal(selection: Selection) -> Order {
    Order::given(What::Remove, selection, actor(), Why::ErasureRequest)
}

fn keys() -> Arc<Keys> {
    let mut keys = Keys::default();
    let half = |byte| Zeroizing::new([byte; KEY_LENGTH]);
    keys.put_together(&period(fixture::instant(0)), &half(1), &half(2));
    Arc::new(keys)
}

/// Entry by entry who did it.
fn by(people: &[&str]) -> Vec<Event> {
    let event = |(number, name): (usize, &&str)| fixture::event(number as u64 + 1).user(name);
    people.iter().enumerate().map(event).collect()
}

fn log(people: &[&str]) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    let chains = Class::ALL.map(|class| (class, by(people)));
    fixture::write_signed(state.path(), THREE, &chains);
    state
}

fn options(state: &Path) -> Options {
    fixture::signed(state, THREE)
}

/// Does something with the log as a gateway holds it.
fn with<T>(state: &Path, work: impl AsyncFnOnce(&Audit) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tasks = Tasks::new();
        let (audit, opened) = Audit::open(options(state), &tasks).unwrap();
        assert_eq!(opened.damaged, Vec::<String>::new());
        let answer = work(&audit).await;
        audit.close().await;
        tasks.stop();
        tasks.finished().await;
        answer
    })
}

fn erase(state: &Path, order: Order) -> Erased {
    with(state, async |audit| audit.erase(order).await.unwrap())
}

fn whole(state: &Path) -> Report {
    let report = verify(&state.join("audit")).unwrap();
    assert!(report.is_whole(), "{:?}", report.findings);
    report
}

fn findings(state: &Path) -> Vec<String> {
    let report = verify(&state.join("audit")).unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

/// The text of every segment of a chain.
fn text(state: &Path, class: Class) -> String {
    let segments = segment::list(&state.join("audit").join(class.word())).unwrap();
    segments.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect()
}

fn hashes(state: &Path, class: Class) -> Vec<String> {
    let hash = |line: &str| segment::claimed_hash(line.as_bytes()).map(|hash| hash.to_string());
    text(state, class).lines().filter_map(hash).collect()
}

#[test]
fn one_person_goes_and_the_chain_stays() {
    let state = log(&["anna", "bo", "Anna", "bo", "bo", "bo", "anna"]);
    let before = hashes(state.path(), Class::Denied);
    let erased = erase(state.path(), removal(names(&["anna"])));
    assert_eq!(erased.entries, 9);
    assert_eq!(erased.refused, Vec::<String>::new());
    let denied = text(state.path(), Class::Denied);
    assert!(!denied.to_lowercase().contains("anna"), "{denied}");
    assert_eq!(denied.matches("\"bo\"").count(), 4);
    assert_eq!(denied.matches("203.0.113.9").count(), 4, "the address went with her");
    assert_eq!(hashes(state.path(), Class::Denied), before);
    let report = whole(state.path());
    assert_eq!(report.chains[1].pseudonymised, 3);
    let [order] = report.orders.as_slice() else { panic!("{:?}", report.orders) };
    assert_eq!((order.action, order.reason.as_str()), ("deleted", "erasure_request"));
    assert_eq!((order.by.as_deref(), order.entries, order.segments), (Some("Dorte"), 9, 6));
    assert_eq!(order.order, erased.order);
    let again = erase(state.path(), removal(names(&["anna"])));
    assert_eq!((again.entries, again.segments), (0, vec![]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_subset_can_go_in_any_order_and_the_log_verifies(
        people in prop::collection::vec(0_usize..4, 1..12),
        orders in prop::collection::vec((0_usize..4, any::<bool>()), 1..4),
    ) {
        const NAMES: [&str; 4] = ["anna", "bo", "carla", "dan"];
        let people: Vec<&str> = people.into_iter().map(|n| NAMES[n]).collect();
        let state = log(&people);
        let before = Class::ALL.map(|class| hashes(state.path(), class));
        let mut gone = std::collections::BTreeSet::new();
        for (number, removes) in orders {
            let name = NAMES[number];
            let mut selection = names(&[name]);
            selection.names.extend(keys().pseudonyms_of(name).iter().map(ToString::to_string));
            let what = if removes { What::Remove } else { What::Pseudonymise(keys()) };
            let order = Order::given(what, selection, actor(), Why::Mistake);
            let told = forecast(&state.path().join("audit"), &order, || true).unwrap();
            let erased = erase(state.path(), order);
            let done = (erased.entries, erased.segments.len() as u64);
            prop_assert_eq!((told.entries, told.segments, told.cut_short), (done.0, done.1, false));
            gone.insert(name);
        }
        whole(state.path());
        for (class, before) in Class::ALL.into_iter().zip(before) {
            let after = hashes(state.path(), class);
            prop_assert_eq!(&after[..before.len()], &before[..]);
            let text = text(state.path(), class);
            for name in NAMES {
                let said = people.contains(&name) && !gone.contains(name);
                prop_assert_eq!(text.contains(&format!("\"{name}\"")), said, "{}", name);
            }
        }
    }
}

#[test]
fn a_forecast_knows_every_spelling_of_a_name_and_says_where_it_was_cut_short() {
    let people: Vec<&str> = [&["anna", "ANNA", "Ægir", "ægir", "an", "annas"][..]; 3].concat();
    let state = log(&people);
    let audit = state.path().join("audit");
    for (selection, entries) in [
        (names(&["anna"]), 18),
        // What is not plain is looked for in every line.
        (names(&["ægir"]), 18),
        (names(&["nobody"]), 0),
        (Selection { until: Some(fixture::instant(3)), ..names(&["anna"]) }, 6),
        (Selection { organization: Some("elsewhere".into()), ..names(&["anna"]) }, 0),
        (Selection::default(), 54),
    ] {
        let order = removal(selection.clone());
        let told = forecast(&audit, &order, || true).unwrap();
        assert_eq!((told.entries, told.cut_short), (entries, false), "{selection:?}");
    }
    let looks = std::cell::Cell::new(0);
    let only_once = || looks.replace(looks.get() + 1) == 0;
    let told = forecast(&audit, &removal(Selection::default()), only_once).unwrap();
    assert!(told.cut_short && (1..54).contains(&told.entries), "{told:?}");
}

#[test]
fn every_flipped_byte_of_a_segment_without_names_is_found() {
    let state = log(&["anna", "bo", "anna"]);
    let order = Order::given(What::Pseudonymise(keys()), names(&["anna"]), actor(), Why::Mistake);
    erase(state.path(), order);
    let log = state.path().join("audit");
    let path = log.join("denied").join(segment::file_name(1));
    let content = fs::read(&path).unwrap();
    let named = String::from_utf8(content.clone()).unwrap();
    assert_eq!(named.matches(&format!("\"name\":\"{PSEUDONYM}")).count(), 2, "{named}");
    whole(state.path());
    for index in (0..content.len()).step_by(3) {
        let mut altered = content.clone();
        altered[index] ^= 1;
        fs::write(&path, &altered).unwrap();
        let report = verify(&log).unwrap();
        assert!(!report.is_whole(), "byte {index}");
    }
}

#[test]
fn a_redaction_without_an_order_and_an_order_without_one_are_found() {
    let state = log(&["anna", "bo", "anna"]);
    let path = state.path().join("audit/denied").join(segment::file_name(1));
    let before = fs::read(&path).unwrap();
    let redact = |content: &[u8], which: usize| -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = content.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        lines[which] =
            super::super::chain::redact(Class::Denied, &lines[which], &Field::ALL).unwrap();
        lines.join(&b'\n')
    };
    // A segment must be closed before it can be an order's.
    with(state.path(), async |audit| {
        audit.command(|done| Command::TurnOver { done }).await.unwrap();
    });
    fs::write(&path, redact(&before, 2)).unwrap();
    assert_eq!(
        findings(state.path()),
        ["denied/00000001.jsonl: 1 entries have lost personal fields without an order"]
    );
    fs::write(&path, &before).unwrap();
    erase(state.path(), removal(names(&["anna"])));
    let after = fs::read(&path).unwrap();
    fs::write(&path, redact(&after, 2)).unwrap();
    let found = findings(state.path());
    assert!(found[0].contains("is not as the last order on record"), "{found:?}");
    fs::write(&path, &before).unwrap();
    let found = findings(state.path());
    assert!(found[0].contains("is on record and was not carried out"), "{found:?}");
    fs::write(&path, &after).unwrap();
    whole(state.path());
}

#[test]
fn what_a_process_left_half_done_is_finished_or_dropped() {
    let state = log(&["anna", "bo", "anna"]);
    let log = state.path().join("audit");
    with(state.path(), async |audit| {
        audit.command(|done| Command::TurnOver { done }).await.unwrap();
    });
    let order = removal(names(&["anna"]));
    let path = log.join("denied").join(segment::file_name(1));
    let before = fs::read(&path).unwrap();
    assert!(rewrite::stage(&log, (Class::Denied, 1), &order).unwrap().is_some());
    with(state.path(), async |_| ());
    assert_eq!(fs::read(&path).unwrap(), before, "nothing was on record");
    assert!(!log.join("rewriting").exists());
    whole(state.path());

    let staged = rewrite::stage(&log, (Class::Denied, 1), &order).unwrap().unwrap();
    let record = order.record(&staged, fixture::instant(5));
    with_ledger(state.path(), &record);
    assert!(verify(&log).unwrap().found > 0, "on record and not carried out yet");
    with(state.path(), async |_| ());
    assert!(!String::from_utf8(fs::read(&path).unwrap()).unwrap().contains("anna"));
    assert!(!log.join("rewriting").exists());
    whole(state.path());
}

/// Appends a record as the writer does, without opening the log (which would finish what is left).
fn with_ledger(state: &Path, record: &Event) {
    let log = state.join("audit");
    let kept = log.join("kept");
    fs::rename(log.join("rewriting"), &kept).unwrap();
    fixture::write_signed(state, THREE, &[(Class::People, vec![record.clone()])]);
    fs::rename(kept, log.join("rewriting")).unwrap();
}

#[test]
fn a_pseudonym_opens_with_the_key_alone_and_goes_with_the_person() {
    let state = log(&["anna", "bo", "anna"]);
    let log = state.path().join("audit");
    let order =
        Order::given(What::Pseudonymise(keys()), Selection::default(), actor(), Why::Mistake);
    erase(state.path(), order);
    let path = log.join("denied").join(segment::file_name(1));
    let line = fs::read_to_string(&path).unwrap().lines().nth(1).unwrap().to_owned();
    assert!(!line.contains("anna") && !line.contains("203.0.113.9") && !line.contains("curl"));
    let boxes = sealed::read(&sealed::path(&log, Class::Denied, 1)).unwrap();
    assert_eq!(boxes.len(), 3);
    let hash = segment::claimed_hash(line.as_bytes()).unwrap();
    let place = sealed::Place { class: Class::Denied, segment: 1, sequence: 1, hash };
    let opened = boxes[0].open(&keys(), place, line.as_bytes()).unwrap();
    assert!(opened.contains(&(Field::UserName, "anna".to_owned())), "{opened:?}");
    assert!(opened.contains(&(Field::ClientIp, "203.0.113.9".to_owned())), "{opened:?}");
    let elsewhere = sealed::Place { sequence: 2, ..place };
    assert_eq!(boxes[0].open(&keys(), elsewhere, line.as_bytes()), None);
    assert_eq!(boxes[0].open(&Keys::default(), place, line.as_bytes()), None);
    let mut wrong = Keys::default();
    let half = |byte| Zeroizing::new([byte; KEY_LENGTH]);
    wrong.put_together(&period(fixture::instant(0)), &half(1), &half(3));
    assert_eq!(boxes[0].open(&wrong, place, line.as_bytes()), None, "another half");

    let pseudonyms = keys().pseudonyms_of("anna");
    let pseudonyms: Vec<&str> = pseudonyms.iter().map(smol_str::SmolStr::as_str).collect();
    assert!(erase(state.path(), removal(names(&pseudonyms))).entries > 0);
    let left = sealed::read(&sealed::path(&log, Class::Denied, 1)).unwrap();
    assert_eq!(left.iter().map(|sealed| sealed.sequence).collect::<Vec<_>>(), [2], "bo alone");
    whole(state.path());
}

#[test]
fn a_month_without_a_key_is_refused_and_nothing_changes() {
    let state = log(&["anna"]);
    let what = What::Pseudonymise(Arc::new(Keys::default()));
    let order = Order::given(what, Selection::default(), actor(), Why::Mistake);
    let erased = erase(state.path(), order);
    assert_eq!(erased.entries, 0);
    assert!(erased.refused[0].contains("no key for the pseudonyms of 2027-01"), "{erased:?}");
    assert!(text(state.path(), Class::Denied).contains("anna"));
    whole(state.path());
}

#[test]
fn the_rule_takes_whole_segments_once() {
    let state = log(&["anna", "bo", "anna", "bo"]);
    let rule = || Order::by_age(keys(), fixture::instant(86_400 * 3650));
    let first = erase(state.path(), rule());
    assert!(first.entries > 0);
    let order = &whole(state.path()).orders[0];
    assert_eq!((order.action, order.by.clone()), ("pseudonymised", None));
    // What was written since is closed now, and no segment comes twice.
    let second = erase(state.path(), rule());
    assert!(second.segments.iter().all(|place| !first.segments.contains(place)), "{second:?}");
    let young = Order::by_age(keys(), fixture::instant(-1));
    let fresh = log(&["anna", "bo", "anna", "bo"]);
    assert_eq!(erase(fresh.path(), young).entries, 0);
}

#[test]
fn a_damaged_segment_is_left_as_it_is() {
    let state = log(&["anna", "bo", "anna", "bo"]);
    let path = state.path().join("audit/denied").join(segment::file_name(1));
    let altered = fs::read_to_string(&path).unwrap().replacen("203.0.113.9", "203.0.113.8", 1);
    fs::write(&path, &altered).unwrap();
    let erased = erase(state.path(), removal(names(&["anna"])));
    assert!(erased.refused[0].starts_with("denied/00000001.jsonl:2"), "{erased:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), altered);
}

fn key(state: &Path) -> PublicKey {
    Signer::read(&state.join(sign::FILE_NAME)).unwrap().public()
}

fn against(state: &Path, key: Option<PublicKey>, anchors: Vec<Signed>) -> Vec<String> {
    let report = verify_against(&state.join("audit"), &Expected { key, anchors }).unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_log_is_signed_and_one_made_anew_without_the_key_fails() {
    let state = log(&["anna", "bo", "anna", "bo", "bo"]);
    let report = whole(state.path());
    for chain in &report.chains {
        assert!(chain.signed.is_some() && chain.signed_ends > 0, "{chain:?}");
    }
    let ours = key(state.path());
    assert_eq!(against(state.path(), Some(ours), vec![]), Vec::<String>::new());
    assert_eq!(report.keys, [ours.to_string()]);
    let forged = log(&["bo", "bo", "bo", "bo", "bo"]);
    whole(forged.path());
    let found = against(forged.path(), Some(ours), vec![]);
    assert!(found.iter().any(|f| f.contains("the head is signed by another key")), "{found:?}");
    let unsigned = tempfile::tempdir().unwrap();
    fixture::numbered(&unsigned.path().join("audit"), THREE, 3);
    let found = against(unsigned.path(), Some(ours), vec![]);
    assert!(found.iter().any(|f| f.contains("the head is not signed")), "{found:?}");
}

#[test]
fn a_log_from_before_it_was_signed_verifies_and_says_so() {
    let state = tempfile::tempdir().unwrap();
    let chains = Class::ALL.map(|class| (class, by(&["anna", "bo", "anna", "bo"])));
    fixture::write(&state.path().join("audit"), THREE, &chains);
    let report = whole(state.path());
    assert!(
        report.notes[0].starts_with("not signed: allowed, denied, people"),
        "{:?}",
        report.notes
    );
    assert!(report.chains.iter().all(|chain| chain.signed.is_none()));
    // What is added from now on is, and with it everything before.
    fixture::write_signed(state.path(), THREE, &chains);
    let report = whole(state.path());
    assert_eq!(report.notes, Vec::<String>::new());
    assert_eq!(against(state.path(), Some(key(state.path())), vec![]), Vec::<String>::new());
}

#[test]
fn a_key_follows_the_old_one_by_its_consent_alone() {
    let state = log(&["anna", "bo", "anna", "bo"]);
    let old = key(state.path());
    let new = with(state.path(), async |audit| audit.change_key().await.unwrap());
    assert_eq!(key(state.path()), new);
    assert_ne!(new, old);
    fixture::write_signed(state.path(), THREE, &[(Class::Denied, by(&["bo", "bo", "bo", "bo"]))]);
    for trusted in [old, new] {
        assert_eq!(against(state.path(), Some(trusted), vec![]), Vec::<String>::new());
    }
    fs::remove_file(state.path().join(sign::FILE_NAME)).unwrap();
    with(state.path(), async |_| ());
    let found = against(state.path(), Some(old), vec![]);
    assert!(found.iter().any(|f| f.contains("without the consent")), "{found:?}");
    assert!(found.iter().any(|f| f.contains("signed by another key")), "{found:?}");
    assert!(whole(state.path()).notes.iter().any(|note| note.contains("without the consent")));
}

#[test]
fn a_log_put_back_to_how_it_was_fails_against_what_was_anchored() {
    let state = log(&["anna", "bo"]);
    let log = state.path().join("audit");
    let head = |class| super::super::head::read_signed(&log, class).unwrap().1.unwrap();
    let early: BTreeMap<_, _> = files(&log);
    fixture::write_signed(state.path(), THREE, &[(Class::Denied, by(&["bo", "bo", "bo"]))]);
    let anchors: Vec<Signed> = Class::ALL.into_iter().map(head).collect();
    let ours = Some(key(state.path()));
    assert_eq!(against(state.path(), ours, anchors.clone()), Vec::<String>::new());
    let late = files(&log);
    for path in late.keys() {
        fs::remove_file(path).unwrap();
    }
    for (path, content) in &early {
        fs::write(path, content).unwrap();
    }
    assert_eq!(against(state.path(), ours, vec![]), Vec::<String>::new(), "nobody can tell");
    let found = against(state.path(), ours, anchors.clone());
    assert!(found.iter().any(|f| f.contains("was anchored elsewhere at")), "{found:?}");
    // Other entries under the same numbers are no way out, nor is another anchor.
    fixture::write_signed(state.path(), THREE, &[(Class::Denied, by(&["eve", "eve", "eve"]))]);
    let found = against(state.path(), ours, anchors.clone());
    assert!(found.iter().any(|f| f.contains("anchored elsewhere")), "{found:?}");
    let other = log_key();
    let found = against(state.path(), Some(other), anchors);
    assert!(found.iter().any(|f| f.contains("anchored head is not signed by")), "{found:?}");
}

fn log_key() -> PublicKey {
    let state = tempfile::tempdir().unwrap();
    Signer::open(&state.path().join("k")).unwrap().public()
}

fn files(directory: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn the_last_deletion_is_proven_and_orders_outlive_their_records() {
    use std::time::Duration;
    let state = log(&["anna", "bo", "anna", "bo", "bo", "bo", "bo"]);
    erase(state.path(), removal(names(&["anna"])));
    // The segments of people go with the record in them; those of denials stay.
    let day = Duration::from_secs(86_400);
    let retention =
        crate::config::Retention { allowed: day * 3650, denied: day * 3650, people: day };
    let options = Options { retention: Some(retention), ..options(state.path()) };
    let disk: Arc<dyn super::super::disk::Disk> = Arc::new(super::super::disk::RealDisk);
    let mut log = super::super::recovery::open(&options, &disk, fixture::instant(0)).unwrap();
    let later = fixture::instant(86_400 * 400);
    log.ledgers.people.turn_over(later).unwrap();
    let gone = retention::run(&options.directory, &mut log.ledgers, retention, later).unwrap();
    assert!(gone > 0);
    drop(log);
    let report = whole(state.path());
    let deletion = report.chains[2].deletion.as_ref().unwrap();
    assert_eq!(deletion.segments, gone as u64);
    assert!(deletion.end_is_signed && deletion.entries.is_some_and(|n| n > 0), "{deletion:?}");
    assert!(report.chains[1].pseudonymised > 0);
}

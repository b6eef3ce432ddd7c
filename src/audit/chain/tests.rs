use proptest::prelude::*;

use super::super::event::{Action, Event};
use super::*;

fn event() -> Event {
    let at = "2026-11-22T03:11:51.5Z".parse().unwrap();
    let mut event = Event::new(Action::Denied, at, [9; 10])
        .personal(Field::ClientIp, "203.0.113.9")
        .user("anna@ballerup.dk")
        .personal(Field::UserAgent, "Mozilla \u{1b}[31m \"x\" #")
        .reason("country_listed")
        .detail("note", "a\nb");
    event.path = Some("/a\u{202e}b".into());
    event.milliseconds = Some(12);
    event.rule = Some(("cfcs".into(), "2025-05".into()));
    event
}

fn position() -> Position {
    Position { sequence: 42, previous: Hash::of(&[b"before"]) }
}

fn salts() -> Salts {
    std::array::from_fn(|i| u8::try_from(i).unwrap())
}

#[test]
fn a_line_reads_as_the_contract_says() {
    let (line, hash) = seal(Class::Denied, position(), &event(), &salts());
    let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let at = |pointer: &str| value.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/@timestamp"), "2026-11-22T03:11:51.500Z");
    assert_eq!(at("/event/sequence"), 42);
    assert_eq!(at("/event/action"), "denied");
    assert_eq!(at("/event/category/0"), "network");
    assert_eq!(at("/event/type/0"), "denied");
    assert_eq!(at("/client/ip"), "203.0.113.9");
    assert_eq!(at("/client/geo/country_iso_code"), serde_json::Value::Null);
    assert_eq!(at("/user/name"), "anna@ballerup.dk");
    assert_eq!(at("/rule/ruleset"), "cfcs");
    assert_eq!(at("/geovagt/count"), 1);
    assert_eq!(at("/geovagt/chain/previous"), position().previous.to_string());
    assert_eq!(at("/geovagt/chain/hash"), hash.to_string());
    let text = String::from_utf8(line).unwrap();
    assert!(text.starts_with(r#"{"@timestamp":"2026-11-22T03:11:51.500Z","ecs":{"version":"#));
    assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'));
}

#[test]
fn an_entry_comes_back_as_it_went_in() {
    let (line, hash) = seal(Class::Denied, position(), &event(), &salts());
    let sealed = open(Class::Denied, &line).unwrap();
    assert_eq!(sealed.event, event());
    assert_eq!((sealed.position, sealed.hash), (position(), hash));
    assert!(sealed.removed.is_empty());
    assert_eq!(open(Class::People, &line).unwrap_err(), Flaw::Altered, "another chain's entry");
}

#[test]
fn every_byte_counts() {
    let (line, _) = seal(Class::Denied, position(), &event(), &salts());
    for index in 0..line.len() {
        for flip in [1, 0x20, 0x80] {
            let mut altered = line.clone();
            altered[index] ^= flip;
            assert!(open(Class::Denied, &altered).is_err(), "byte {index} ^ {flip}");
        }
        let mut shorter = line.clone();
        shorter.remove(index);
        assert!(open(Class::Denied, &shorter).is_err(), "without byte {index}");
    }
}

#[test]
fn personal_fields_can_be_removed_and_the_chain_stays_provable() {
    let (line, hash) = seal(Class::People, position(), &event(), &salts());
    let removed = redact(Class::People, &line, &Field::ALL).unwrap();
    let text = String::from_utf8(removed.clone()).unwrap();
    for secret in ["203.0.113.9", "anna@", "Mozilla", "000102030405060708090a0b0c0d0e0f"] {
        assert!(!text.contains(secret), "{secret} is still there: {text}");
    }
    let sealed = open(Class::People, &removed).unwrap();
    assert_eq!(sealed.hash, hash);
    assert_eq!(sealed.removed, [Field::ClientIp, Field::UserName, Field::UserAgent]);
    assert_eq!(redact(Class::People, &removed, &Field::ALL).unwrap(), removed);

    let only_agent = redact(Class::People, &line, &[Field::UserAgent]).unwrap();
    let sealed = open(Class::People, &only_agent).unwrap();
    assert_eq!((sealed.hash, sealed.removed), (hash, vec![Field::UserAgent]));
    assert_eq!(sealed.event.personal.get(Field::ClientIp).unwrap(), "203.0.113.9");
}

#[test]
fn nothing_can_be_removed_without_its_commitment_or_put_back_forged() {
    let (line, _) = seal(Class::People, position(), &event(), &salts());
    let text = String::from_utf8(line).unwrap();
    let forged = [
        text.replace("\"203.0.113.9\"", "null"),
        text.replace("\"client.ip\":\"000102030405060708090a0b0c0d0e0f\",", ""),
        text.replace("000102030405060708090a0b0c0d0e0f", "ff0102030405060708090a0b0c0d0e0f"),
        text.replace("203.0.113.9", "203.0.113.8"),
        text.replace("\"count\":1", "\"count\":1 "),
        text.replace("\"count\":1", "\"count\":1,\"count\":1"),
        text.replace("\"client.ip\":", "\"user.id\":"),
    ];
    for altered in forged {
        assert_ne!(altered, text);
        assert!(open(Class::People, altered.as_bytes()).is_err(), "{altered}");
    }
}

#[test]
fn long_values_are_cut_and_still_check() {
    let mut long =
        event().personal(Field::UserAgent, &"x".repeat(9000)).detail("d", "y".repeat(9000));
    long.path = Some("\u{1}".repeat(9000).into());
    long.domain = Some("z".repeat(9000).into());
    for index in 0..100 {
        long = long.detail(&format!("{index:03}"), index);
    }
    let (line, _) = seal(Class::Denied, position(), &long, &salts());
    assert!(line.len() < 32 * 1024, "{}", line.len());
    let sealed = open(Class::Denied, &line).unwrap();
    assert!(sealed.event.path.unwrap().ends_with('…'));
    assert!(sealed.event.personal.get(Field::UserAgent).unwrap().len() <= 512);
}

proptest! {
    #[test]
    fn any_text_in_any_field_makes_one_line_that_checks(
        agent: String, user: String, path: String, reason: String, key: String, value: String,
    ) {
        let mut event = event().user(&user).personal(Field::UserAgent, &agent).reason(&reason);
        event = event.detail(&key, &value);
        event.path = Some(path.into());
        let (line, hash) = seal(Class::Denied, position(), &event, &salts());
        prop_assert!(!line.contains(&b'\n'));
        prop_assert_eq!(open(Class::Denied, &line).unwrap().hash, hash);
        let removed = redact(Class::Denied, &line, &[Field::UserName]).unwrap();
        prop_assert_eq!(open(Class::Denied, &removed).unwrap().hash, hash);
    }
}

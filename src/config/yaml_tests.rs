use serde::Deserialize;
use std::collections::BTreeMap;

use super::*;
use crate::config::render::plain;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    countries: Vec<String>,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    days: u16,
}

fn read(text: &str) -> Result<Sample, Finding> {
    parse(&SourceFile::new("sample.yaml", text))
}

fn shown(text: &str) -> String {
    let source = SourceFile::new("sample.yaml", text);
    let finding = parse::<Sample>(&source).unwrap_err();
    plain(&finding, &[source])
}

#[test]
fn norway_is_a_country() {
    assert_eq!(
        read("countries: [NO, no, DK, on, Y]").unwrap().countries,
        ["NO", "no", "DK", "on", "Y"]
    );
}

#[test]
fn words_of_yaml_1_1_are_no_booleans() {
    insta::assert_snapshot!(shown("enabled: yes\n"), @r#"
    error: expected true or false
     --> sample.yaml:1:10
      |
    1 | enabled: yes
      |          ^^^
      |
      = help: write `true` or `false`
    "#);
    assert!(read("enabled: true").unwrap().enabled);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    insta::assert_snapshot!(shown("enabld: true\n"), @r#"
    error: unknown key `enabld`
     --> sample.yaml:1:1
      |
    1 | enabld: true
      | ^^^^^^
      |
      = help: did you mean `enabled`?
    "#);
}

#[test]
fn a_duplicate_key_names_both_places() {
    insta::assert_snapshot!(shown("days: 1\nenabled: true\n# days: 3\ndays: 2\n"), @r#"
    error: the key `days` stands here twice, first on line 1
     --> sample.yaml:4:1
      |
    4 | days: 2
      | ^^^^
      |
      = help: keep one of the two
    "#);
    insta::assert_snapshot!(shown("{days: 1, days: 2}\n"), @r#"
    error: the key `days` stands here twice, first on line 1
     --> sample.yaml:1:11
      |
    1 | {days: 1, days: 2}
      |           ^^^^
      |
      = help: keep one of the two
    "#);
}

#[test]
fn the_first_place_of_a_key_in_a_list_of_mappings_is_that_of_its_own_mapping() {
    let source = SourceFile::new("l.yaml", "- a: 1\n  b: 1\n- a: 2\n  b: 2\n  \"a\": 3\n");
    let finding = parse::<Vec<BTreeMap<String, u8>>>(&source).unwrap_err();
    assert_eq!(finding.message, "the key `a` stands here twice, first on line 3");
    assert_eq!(finding.place.unwrap().line, 5);
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    insta::assert_snapshot!(shown("days: many\n"), @r#"
    error: expected a whole number from 0 to 65535
     --> sample.yaml:1:7
      |
    1 | days: many
      |       ^^^^
    "#);
    insta::assert_snapshot!(shown("countries: DK\n"), @r#"
    error: expected a list
     --> sample.yaml:1:12
      |
    1 | countries: DK
      |            ^^
    "#);
    insta::assert_snapshot!(shown("countries: [DK, null]\n"), @r#"
    error: expected a text, found nothing
     --> sample.yaml:1:17
      |
    1 | countries: [DK, null]
      |                 ^^^^
      |
      = help: write the value after the colon, or remove the key
    "#);
}

#[test]
fn an_alias_bomb_is_one_sentence() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let one = format!("*a{}, ", i - 1);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", one.repeat(10)));
    }
    let source = SourceFile::new("bomb.yaml", &text);
    let finding = parse::<BTreeMap<String, serde::de::IgnoredAny>>(&source).unwrap_err();
    assert_eq!(finding.message, "the aliases (`*name`) of this file expand to too much");
}

#[test]
fn deep_nesting_is_one_sentence() {
    for text in ["[".repeat(100_000), format!("a: {}1", "{a: ".repeat(5000)), "- ".repeat(5000)] {
        let source = SourceFile::new("deep.yaml", &text);
        let finding = parse::<serde_json::Value>(&source).unwrap_err();
        assert!(finding.message.len() < 120, "{}", finding.message);
        assert!(finding.place.is_some());
    }
    let source = SourceFile::new("deep.yaml", &"- ".repeat(40));
    let finding = parse::<serde_json::Value>(&source).unwrap_err();
    assert_eq!(finding.message, "values are nested more than 32 deep");
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(shown("days: 1\n---\ndays: 2\n"), @r#"
    error: a second document begins here; one file is one document
     --> sample.yaml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: remove the `---` line and what follows it
    "#);
}

#[test]
fn a_tab_is_refused_with_the_way_out() {
    insta::assert_snapshot!(shown("countries:\n\t- DK\n"), @r#"
    error: tabs disallowed within this context (block indentation)
     --> sample.yaml:2:2
      |
    2 |  - DK
      |  ^
      |
      = help: YAML is indented with spaces; replace the tab at the beginning of this line
    "#);
}

#[test]
fn merge_keys_tags_and_unknown_aliases_are_refused() {
    insta::assert_snapshot!(shown("<<: {days: 1}\n"), @r#"
    error: `<<` is not part of YAML 1.2
     --> sample.yaml:1:1
      |
    1 | <<: {days: 1}
      | ^^
      |
      = help: write the keys out; an alias (`*name`) may stand for a whole value
    "#);
    insta::assert_snapshot!(shown("days: !secret 1\n"), @r#"
    error: unsupported tag `!secret`
     --> sample.yaml:1:15
      |
    1 | days: !secret 1
      |               ^
      |
      = help: no value here takes a tag (`!name`); put a text that begins with `!` in quotes
    "#);
    insta::assert_snapshot!(shown("countries: [*.example.dk]\n"), @r#"
    error: this alias (`*name`) points to nothing
     --> sample.yaml:1:13
      |
    1 | countries: [*.example.dk]
      |             ^
      |
      = help: put a text that begins with `*` in quotes
    "#);
}

#[test]
fn byte_order_mark_and_windows_line_ends_are_fine_and_do_not_move_places() {
    assert_eq!(read("\u{feff}days: 1\r\nenabled: true\r\n").unwrap().days, 1);
    let place = read("\u{feff}days: 1\r\nenabld: true\r\n").unwrap_err().place.unwrap();
    assert_eq!((place.line, place.column, place.length), (2, 1, 6));
}

#[test]
fn a_value_without_an_end_is_refused() {
    insta::assert_snapshot!(shown("countries: [DK\nenabled: true\n"), @r#"
    error: illegal placement of ':' indicator
     --> sample.yaml:2:8
      |
    2 | enabled: true
      |        ^
      |
      = help: look here and on the lines above for a colon, bracket or quote too many or too few
    "#);
    insta::assert_snapshot!(shown("countries: [\"DK]\n"), @r#"
    error: unclosed quote
     --> sample.yaml:1:13
      |
    1 | countries: ["DK]
      |             ^
      |
      = help: look here and on the lines above for a colon, bracket or quote too many or too few
    "#);
}

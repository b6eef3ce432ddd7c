use super::*;
use crate::config::render::plain;

const SHIPPED: &str = include_str!("../../config/lists/cfcs.yaml");

fn version(more: &str) -> String {
    format!(
        "id: cfcs\nname: Lande på listen\nminimum_notice: 14d\nversions:\n  - version: a\n    source: s\n    adopted_by: b\n    adopted_on: 2025-03-27\n    announced_on: 2025-03-27\n    effective_from: 2025-05-12\n    territories: [CN, RU, NO]\n{more}"
    )
}

fn examine(text: &str) -> Result<ListFile, Vec<Finding>> {
    examine_list(None, &SourceFile::new("list.yaml", text))
}

/// Every error as `line:column message | help`.
fn refused(text: &str) -> Vec<String> {
    let findings = examine(text).err().unwrap_or_else(|| panic!("accepted:\n{text}"));
    findings
        .iter()
        .map(|f| {
            let place =
                f.place.as_ref().map_or_else(String::new, |p| format!("{}:{} ", p.line, p.column));
            format!("{place}{} | {}", f.message, f.help.as_deref().unwrap_or(""))
        })
        .collect()
}

fn changed(from: &str, to: &str) -> Vec<String> {
    let text = version("");
    assert!(text.contains(from), "{from}");
    refused(&text.replace(from, to))
}

#[test]
fn the_shipped_list_has_the_38_entries_of_the_minutes() {
    let file = examine(SHIPPED).unwrap();
    assert!(file.findings.is_empty(), "{:?}", file.findings);
    let list = &file.list;
    assert_eq!((list.id().as_str(), list.name()), ("cfcs", "Lande på listen"));
    assert_eq!(list.minimum_notice_days(), 14);
    let [only] = list.versions() else { panic!("one version") };
    let codes: Vec<String> = only.territories.to_vec().iter().map(ToString::to_string).collect();
    assert_eq!(
        codes.join(" "),
        "AF AM AO AZ BR BW BY CD CG CN DZ EG GE GH HK ID IN IQ IR JP KG KP KZ LY MA ML MM NG RU \
         RU-CE TH TJ UA UZ VN YE ZM ZW"
    );
    assert_eq!(codes.len(), 38);
    for near_miss in ["NE", "KR", "MO", "EH", "TM", "DK"] {
        assert!(!codes.iter().any(|code| code == near_miss), "{near_miss}");
    }
    assert_eq!(only.effective_from, "2025-05-11T22:00:00Z".parse().unwrap());
    assert_eq!(only.adopted_on, "2025-03-27".parse().unwrap());
    assert!(file.place_of("2025-05").is_some_and(|place| place.line > 8));
}

#[test]
fn norway_is_a_country_and_an_instant_is_a_start() {
    let text = version("").replace("2025-05-12", "2025-05-12T06:00:00+02:00");
    let list = examine(&text).unwrap().list;
    assert!(list.versions()[0].territories.names(Territory::parse("NO").unwrap()));
    assert_eq!(list.versions()[0].effective_from, "2025-05-12T04:00:00Z".parse().unwrap());
}

#[test]
fn each_field_of_a_version_must_be_there() {
    for key in [
        "version",
        "source",
        "adopted_by",
        "adopted_on",
        "announced_on",
        "effective_from",
        "territories",
    ] {
        let lines = version("").replace("  - version: a\n", "  - early_start:\n    version: a\n");
        let text: String = lines
            .lines()
            .filter(|line| !line.trim_start().starts_with(&format!("{key}:")))
            .map(|line| format!("{line}\n"))
            .collect();
        let said = refused(&text);
        assert!(
            said.iter().any(|s| s.contains(&format!("the key `{key}` is missing here"))),
            "{key}: {said:?}"
        );
    }
}

#[test]
fn all_missing_fields_are_named_at_once() {
    let said = refused("id: x\nname: y\nversions:\n  - version: a\n");
    assert_eq!(said.len(), 6, "{said:?}");
    assert!(said[0].starts_with("4:5 "), "{said:?}");
}

#[test]
fn a_territory_that_does_not_exist_is_refused_with_the_nearest() {
    for (wrong, expected) in [
        ("QQ", "`QQ` is a code that ISO 3166 does not assign | write a code of ISO 3166"),
        ("Nigeria", "`Nigeria` is no code | write NG (Nigeria)"),
        ("Nigerai", "`Nigerai` is no code | did you mean NG (Nigeria) or NE (Niger)?"),
        ("UK", "`UK` is a code that ISO 3166 does not assign | write GB (United Kingdom)"),
        ("CN-HK", "`CN-HK` is a code that ISO 3166 does not assign | write HK (Hong Kong)"),
        ("RU-XX", "`RU-XX` is a code that ISO 3166 does not assign | did you mean RU (Russia)?"),
        ("''", "`` is no code"),
        ("RUS", "`RUS` is no code | write RU (Russia)"),
    ] {
        let said = changed("RU, NO", &format!("{wrong}, NO"));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("11:23 ") && said[0].contains(expected), "{said:?}");
    }
    assert_eq!(changed("RU, NO", "RU, cn"), ["11:27 CN stands twice | line 11 has it already"]);
}

#[test]
fn what_is_empty_opens_nothing() {
    assert!(changed("[CN, RU, NO]", "[]")[0].contains("would let everybody in"));
    assert!(refused("id: x\nname: y\nversions: []\n")[0].contains("would let everybody in"));
    assert!(!refused("id: x\nname: y\nversions:\n").is_empty());
    assert!(!refused("{}").is_empty());
    assert!(!refused("# nothing\n").is_empty());
    assert!(changed("source: s", "source: ' '")[0].contains("is empty"));
}

#[test]
fn dates_stand_in_their_order() {
    assert!(
        changed("announced_on: 2025-03-27", "announced_on: 2025-05-13")[0]
            .contains("after its start")
    );
    assert!(
        changed("adopted_on: 2025-03-27", "adopted_on: 2025-05-13")[0].contains("after its start")
    );
    let text = version("").replace("adopted_on: 2025-03-27", "adopted_on: 2025-04-01");
    let file = examine(&text).unwrap();
    assert!(file.findings[0].message.contains("after it was announced"));
    for wrong in ["27-03-2025", "2025-02-30", "2025-3-27", "yesterday", "20250327", "0025-03-27"] {
        let said = changed("announced_on: 2025-03-27", &format!("announced_on: {wrong}"));
        assert!(said[0].contains("is not a date"), "{wrong}: {said:?}");
    }
    let said = changed("effective_from: 2025-05-12", "effective_from: 2025-05-12 06:00");
    assert!(said[0].contains("neither a day nor an instant"), "{said:?}");
}

#[test]
fn versions_are_told_apart_by_name_and_start() {
    let second = |name: &str, from: &str| {
        version(&format!(
            "  - {{version: {name}, source: s, adopted_by: b, adopted_on: 2025-03-27, announced_on: 2025-03-27, effective_from: {from}, territories: [CN]}}\n"
        ))
    };
    assert_eq!(examine(&second("b", "2025-06-12")).unwrap().list.versions().len(), 2);
    assert!(refused(&second("a", "2025-06-12"))[0].contains("version `a` stands twice"));
    assert!(
        refused(&second("b", "2025-05-12"))[0].contains("version `a` starts at the same instant")
    );
    assert!(
        refused(&second("b", "2025-05-11T22:00:00Z"))[0].contains("starts at the same instant")
    );
}

#[test]
fn an_early_start_takes_a_reason_and_two_different_people() {
    let early = |people: &str| {
        version(&format!("    early_start: {{reason: hurry, approved_by: {people}}}\n"))
    };
    let list = examine(&early("[Anna Holm, Bo Lind]")).unwrap().list;
    assert_eq!(list.versions()[0].early_start.as_ref().unwrap().approved_by[1], "Bo Lind");
    for (people, says) in [
        ("[Anna Holm]", "exactly two people"),
        ("[A, B, C]", "exactly two people"),
        ("[]", "exactly two people"),
        ("[Anna Holm, 'anna  holm ']", "the same person twice"),
        ("[Anna Holm, '']", "is empty"),
    ] {
        let said = refused(&early(people));
        assert!(said[0].contains(says), "{people}: {said:?}");
    }
    let said = refused(&version("    early_start: {approved_by: [A, B]}\n"));
    assert!(said[0].contains("the key `reason` is missing"), "{said:?}");
}

#[test]
fn the_list_bears_the_name_of_the_configuration_and_has_a_notice() {
    let source = SourceFile::new("list.yaml", &version(""));
    let other = ListId::parse("other").unwrap();
    let said = examine_list(Some(&other), &source).unwrap_err();
    assert_eq!(said[0].message, "this list is `cfcs`, but the configuration calls it `other`");
    for wrong in ["14", "14h", "-1d", "400d", "d", "1.5d"] {
        assert!(changed("14d", wrong)[0].contains("is not a number of days"), "{wrong}");
    }
    let none = version("").replace("minimum_notice: 14d\n", "");
    assert_eq!(examine(&none).unwrap().list.minimum_notice_days(), DEFAULT_NOTICE_DAYS);
    let zero = examine(&version("").replace("14d", "0d")).unwrap();
    assert!(zero.findings[0].message.contains("nobody is told"));
    assert!(changed("name:", "title: t\nname:")[0].contains("unknown key `title`"));
}

#[test]
fn a_finding_is_shown_as_rustc_does() {
    let source = SourceFile::new("list.yaml", &version("").replace("RU", "Kin"));
    let findings = examine_list(None, &source).unwrap_err();
    insta::assert_snapshot!(plain(&findings[0], &[source]), @r"
    error: `Kin` is no code
      --> list.yaml:11:23
       |
    11 |     territories: [CN, Kin, NO]
       |                       ^^^
       |
       = help: did you mean CN (China)?
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_one_finding() {
    let id = ListId::parse("cfcs").unwrap();
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(read_list(&id, directory.path()).unwrap_err().len(), 1);
    let file = directory.path().join("l.yaml");
    std::fs::write(&file, SHIPPED).unwrap();
    assert_eq!(read_list(&id, &file).unwrap().versions().len(), 1);
}

//! Policies, lists, and the scheme of exemptions.

use super::*;

#[test]
fn exemptions_are_switched_on_by_a_decision() {
    let with = |block: &str| {
        shown(&changed("name: B", &format!("travel_exemptions: {block}\n    name: B")))
    };
    insta::assert_snapshot!(with("{enabled: true}"), @r#"
    error: travel exemptions are switched on without the decision that allows them
     --> /etc/geovagt/gateway.yaml:7:34
      |
    7 |     travel_exemptions: {enabled: true}
      |                                  ^^^^
      |
      = help: add `decision:` with the case number of the decision
    "#);
    insta::assert_snapshot!(
        with("{enabled: true, decision: '25/1', maximum_days: 0, transit_grace: 12, two_approvers: [RUS]}"), @r#"
    error: 0 lies outside what can stand here
     --> /etc/geovagt/gateway.yaml:7:72
      |
    7 |     travel_exemptions: {enabled: true, decision: '25/1', maximum_days: 0, transit_grace: 12, two_approvers: [RUS]}
      |                                                                        ^
      |
      = help: write a whole number from 1 to 366
    error: `12` has no unit
     --> /etc/geovagt/gateway.yaml:7:90
      |
    7 |     travel_exemptions: {enabled: true, decision: '25/1', maximum_days: 0, transit_grace: 12, two_approvers: [RUS]}
      |                                                                                          ^^
      |
      = help: write a whole number and its unit: ms, s, m, h or d
    error: `RUS` is no code
     --> /etc/geovagt/gateway.yaml:7:110
      |
    7 |     travel_exemptions: {enabled: true, decision: '25/1', maximum_days: 0, transit_grace: 12, two_approvers: [RUS]}
      |                                                                                                              ^^^
      |
      = help: write RU (Russia)
    "#);
    assert_eq!(with("{enabled: false}"), "");
    insta::assert_snapshot!(
        with("{enabled: true, decision: '25/1', emergency: {maximum: 72h}}"), @r#"
    error: the key `sites` is missing here
     --> /etc/geovagt/gateway.yaml:7:69
      |
    7 |     travel_exemptions: {enabled: true, decision: '25/1', emergency: {maximum: 72h}}
      |                                                                     ^
      |
      = help: add `sites:`
    "#);
}

#[test]
fn an_emergency_opens_own_sites_for_three_days_at_most() {
    let with = |block: &str| {
        let block =
            format!("travel_exemptions: {{enabled: true, decision: d, emergency: {block}}}");
        shown(&changed("name: B", &format!("{block}\n    name: B")))
    };
    assert_eq!(with("{sites: [kilden], maximum: 72h}"), "");
    let too_long = with("{sites: [kilden], maximum: 73h}");
    assert!(too_long.contains("write a span from 1h to 3d"), "{too_long}");
    let unknown = with("{sites: [kildn]}");
    assert!(unknown.contains("no site is called `kildn`"), "{unknown}");
    assert!(with("{sites: []}").contains("warning: an emergency opens no site"));
    let foreign = "  egedal: {name: E, policy: standard, travel_exemptions: {enabled: true, decision: d, \
                   emergency: {sites: [kilden]}}}\nlisteners:";
    let said = shown(&changed("listeners:", foreign));
    assert!(said.contains("names the site `kilden` of another organisation"), "{said}");
}

#[test]
fn a_role_that_nobody_knows_is_an_error_with_the_nearest() {
    let with = |roles: &str| shown(&changed("name: B", &format!("roles: {roles}\n    name: B")));
    assert_eq!(with("{approver: [Bente Lund, sagsbehandlere], dpo: []}"), "");
    let said = with("{aprover: [Bente Lund]}");
    assert!(said.contains("no role is called `aprover`") && said.contains("`approver`"), "{said}");
    assert!(with("{approver: ['']}").contains("is empty"));
}

#[test]
fn rules_have_a_network_a_reason_and_corrections_an_end() {
    let with = |rules: &str| shown(&changed("list: cfcs", &format!("list: cfcs\n    {rules}")));
    insta::assert_snapshot!(with("allow_networks:\n      - {network: 0.0.0.0/1, reason: all}"), @r#"
    error: this network is so wide that the country list would hardly count any more
     --> /etc/geovagt/gateway.yaml:6:19
      |
    6 |       - {network: 0.0.0.0/1, reason: all}
      |                   ^^^^^^^^^
      |
      = help: name the networks you mean; to let everybody in, set `mode: report_only`
    "#);
    insta::assert_snapshot!(with("deny_networks:\n      - {network: 192.0.2.0/24}"), @r#"
    error: the key `reason` is missing here
     --> /etc/geovagt/gateway.yaml:6:9
      |
    6 |       - {network: 192.0.2.0/24}
      |         ^
      |
      = help: add `reason:`
    "#);
    insta::assert_snapshot!(
        with("corrections:\n      - {network: 192.0.2.0/24, country: DK, reason: r}"), @r#"
    error: a correction without an end outlives the error that it corrects
     --> /etc/geovagt/gateway.yaml:6:9
      |
    6 |       - {network: 192.0.2.0/24, country: DK, reason: r}
      |         ^
      |
      = help: add `expires:` with a day within a year
    "#);
    insta::assert_snapshot!(
        with("allow_networks: [{network: 192.0.2.1, reason: r, expires: 2026-01-31}]"), @r#"
    warning: this ended at 2026-01-31 00:00 CET and has no effect any more
     --> /etc/geovagt/gateway.yaml:5:63
      |
    5 |     allow_networks: [{network: 192.0.2.1, reason: r, expires: 2026-01-31}]
      |                                                               ^^^^^^^^^^
      |
      = help: remove it, or give it a new end
    "#);
    assert_eq!(with("deny_networks: [{network: 0.0.0.0/0, reason: closed for now}]"), "");
}

#[test]
fn only_codes_that_are_assigned_pass() {
    let two = |code: &str| {
        let block = format!("travel_exemptions: {{two_approvers: [{code}]}}\n    name: B");
        shown(&changed("name: B", &block))
    };
    assert_eq!((two("RU-CE"), two("NO")), (String::new(), String::new()));
    assert!(two("XY").starts_with("error: `XY` is a code that ISO 3166 does not assign"));
    insta::assert_snapshot!(two("Kina"), @r#"
    error: `Kina` is no code
     --> /etc/geovagt/gateway.yaml:7:41
      |
    7 |     travel_exemptions: {two_approvers: [Kina]}
      |                                         ^^^^
      |
      = help: write CN (China)
    "#);
    let correction = |code: &str| {
        let rule =
            format!("{{network: 192.0.2.0/24, country: {code}, reason: r, expires: 2027-01-31}}");
        shown(&changed("list: cfcs", &format!("list: cfcs\n    corrections: [{rule}]")))
    };
    assert_eq!(correction("NO"), "");
    assert!(correction("XY").starts_with("error: `XY` is a code"));
    assert!(correction("RU-CE").starts_with("error: `RU-CE` is a part of a country"));
}

#[test]
fn a_correction_is_looked_at_again_within_a_year() {
    let with = |expires: &str| {
        let correction =
            format!("{{network: 192.0.2.0/24, country: DK, reason: r, expires: {expires}}}");
        shown(&changed("list: cfcs", &format!("list: cfcs\n    corrections: [{correction}]")))
    };
    assert_eq!(with("2027-11-22"), "");
    assert!(with("2028-01-01").starts_with("warning: this correction outlives a year"));
}

#[test]
fn lists_are_read_and_what_is_wrong_in_one_is_shown_there() {
    let directory = tempfile::tempdir().unwrap();
    let (file, list) = (directory.path().join("gateway.yaml"), directory.path().join("cfcs.yaml"));
    std::fs::write(&file, SMALL).unwrap();
    let look = || examine(&file, surroundings());
    let missing = look();
    assert!(missing.config.is_none());
    let place = missing.findings[0].place.clone().unwrap();
    assert_eq!((place.file, place.line, place.column), (file.clone(), 1, 23));

    std::fs::write(&list, include_str!("../../config/lists/cfcs.yaml")).unwrap();
    let good = look().into_loaded().unwrap();
    assert_eq!(good.lists.values().next().unwrap().id().as_str(), "cfcs");
    assert_eq!(good.sources.len(), 2);
    let site = good.config.sites.values().next().unwrap();
    let policy = good.policy(site).unwrap();
    assert_eq!(policy.list_version(surroundings().now).unwrap().territories.len(), 38);

    std::fs::write(&list, "id: cfcs\nname: x\nversions: []\n").unwrap();
    let bad = look();
    assert!(bad.config.is_none() && bad.has_errors());
    assert_eq!(bad.findings[0].place.as_ref().unwrap().file, list);
    assert!(bad.into_loaded().is_err());
}

#[test]
fn a_broken_list_is_said_beside_what_is_wrong_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    std::fs::write(&file, changed("organization: ballerup", "organization: nobody")).unwrap();
    let findings = examine(&file, surroundings()).findings;
    let said: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
    assert!(said.iter().any(|m| m.contains("no organisation is called")), "{said:?}");
    assert!(said.iter().any(|m| m.contains("cfcs.yaml: it does not exist")), "{said:?}");
}

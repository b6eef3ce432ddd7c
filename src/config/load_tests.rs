use super::*;
use crate::config::render::plain;

#[path = "load_listener_tests.rs"]
mod listeners;
#[path = "load_policy_tests.rs"]
mod policy;
#[path = "load_secret_tests.rs"]
mod secrets;
#[path = "load_tcp_tests.rs"]
mod tcp;

/// The smallest configuration that does something.
const SMALL: &str = "\
country_lists: {cfcs: cfcs.yaml}
policies:
  standard:
    list: cfcs
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
listeners:
  - name: web
    bind: [\"127.0.0.1:0\"]
sites:
  kilden:
    organization: ballerup
    hosts: [kilden.example.dk]
    upstream: {servers: [\"http://10.1.0.10:8080\"]}
";

fn surroundings<'a>() -> Surroundings<'a> {
    Surroundings {
        environment: &|name| (name == "PASSWORD").then(|| "hunter2".to_owned()),
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: false,
    }
}

fn examined(text: &str) -> Examined {
    examine_source(SourceFile::new("/etc/geovagt/gateway.yaml", text), surroundings())
}

fn config(text: &str) -> Config {
    let examined = examined(text);
    assert!(examined.config.is_some(), "{:#?}", examined.findings);
    examined.config.unwrap()
}

/// Every finding as shown.
fn shown(text: &str) -> String {
    let examined = examined(text);
    assert_eq!(examined.has_errors(), examined.config.is_none());
    let all: Vec<String> = examined.findings.iter().map(|f| plain(f, &examined.sources)).collect();
    all.join("\n")
}

/// The small configuration with one text in it replaced.
fn changed(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = config(SMALL);
    assert_eq!(config.state_directory, Path::new("/var/lib/geovagt"));
    assert_eq!(config.country_lists.values().next().unwrap(), Path::new("/etc/geovagt/cfcs.yaml"));
    let policy = config.policies.values().next().unwrap();
    assert_eq!(policy.mode, crate::policy::Mode::Enforce);
    assert_eq!(policy.unknown_location, crate::policy::Admission::Deny);
    assert_eq!(policy.private_networks, crate::policy::Admission::Deny);
    let organization = config.organizations.values().next().unwrap();
    assert!(!organization.travel_exemptions.enabled);
    assert_eq!(organization.identity_providers.len(), 1);
    assert_eq!(config.identity.len(), 1);
    assert_eq!(config.sites.values().next().unwrap().policy.as_str(), "standard");
    assert_eq!(config.limits, crate::config::Limits::default());
    assert!(config.operations.is_none() && config.admin.is_none() && config.threads.is_none());
}

#[test]
fn the_shipped_example_says_the_defaults() {
    let text = include_str!("../../config/gateway.yaml");
    let example = examined(text);
    assert_eq!(example.findings, []);
    let (example, small) = (example.config.unwrap(), config(SMALL));
    assert_eq!(example.audit, small.audit);
    assert_eq!(example.limits, small.limits);
    assert_eq!(example.state_directory, small.state_directory);
    assert_eq!(example.geoip.warn_after, small.geoip.warn_after);
    assert_eq!(example.geoip.database, small.geoip.database);
    let (a, b) = (example.sites.values().next().unwrap(), small.sites.values().next().unwrap());
    assert_eq!((a.denial, a.authentication), (b.denial, b.authentication));
    assert_eq!(a.forward_credentials, b.forward_credentials);
    assert_eq!(example.listeners[0].client_address, small.listeners[0].client_address);
}

#[test]
fn every_finding_is_said_at_once() {
    let text = changed("list: cfcs", "list: cfsc\n    mode: enforced")
        .replace("policy: standard", "policy: standrad")
        .replace("organization: ballerup", "organization: balerup")
        .replace("http://10.1.0.10:8080", "http://10.1.0.10:8080/mail");
    insta::assert_snapshot!(shown(&text), @r#"
    error: no list is called `cfsc`
     --> /etc/geovagt/gateway.yaml:4:11
      |
    4 |     list: cfsc
      |           ^^^^
      |
      = help: did you mean `cfcs`?
    error: `enforced` is not one of the words that can stand here
     --> /etc/geovagt/gateway.yaml:5:11
      |
    5 |     mode: enforced
      |           ^^^^^^^^
      |
      = help: did you mean `enforce`?
    error: no policy is called `standrad`
     --> /etc/geovagt/gateway.yaml:9:13
      |
    9 |     policy: standrad
      |             ^^^^^^^^
      |
      = help: did you mean `standard`?
    error: no organisation is called `balerup`
      --> /etc/geovagt/gateway.yaml:15:19
       |
    15 |     organization: balerup
       |                   ^^^^^^^
       |
       = help: did you mean `ballerup`?
    error: `http://10.1.0.10:8080/mail` has a path
      --> /etc/geovagt/gateway.yaml:17:26
       |
    17 |     upstream: {servers: ["http://10.1.0.10:8080/mail"]}
       |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write only scheme, host and port; paths go on as the client sent them
    "#);
}

#[test]
fn unknown_keys_and_wrong_values_are_said_with_everything_else() {
    let text = format!("theads: 2\n{}", changed("list: cfcs", "list: cfsc\n    lists: x"));
    insta::assert_snapshot!(shown(&text), @r#"
    error: unknown key `theads`
     --> /etc/geovagt/gateway.yaml:1:1
      |
    1 | theads: 2
      | ^^^^^^
      |
      = help: did you mean `threads`?
    error: no list is called `cfsc`
     --> /etc/geovagt/gateway.yaml:5:11
      |
    5 |     list: cfsc
      |           ^^^^
      |
      = help: did you mean `cfcs`?
    error: unknown key `lists`
     --> /etc/geovagt/gateway.yaml:6:5
      |
    6 |     lists: x
      |     ^^^^^
      |
      = help: did you mean `list`?
    "#);
}

#[test]
fn an_error_in_a_block_does_not_make_its_name_unknown() {
    let text = changed("list: cfcs", "list: nonsense");
    assert_eq!(examined(&text).findings.len(), 1, "{}", shown(&text));
}

#[test]
fn what_nothing_uses_is_noted() {
    let text = changed("policies:", "policies:\n  spare: {list: cfcs}")
        .replace("cfcs.yaml}", "cfcs.yaml, spare: x.yaml}");
    insta::assert_snapshot!(shown(&text), @r#"
    note: no policy uses the list `spare`
     --> /etc/geovagt/gateway.yaml:1:34
      |
    1 | country_lists: {cfcs: cfcs.yaml, spare: x.yaml}
      |                                  ^^^^^
      |
      = help: use it, or remove it
    note: nothing uses the policy `spare`
     --> /etc/geovagt/gateway.yaml:3:3
      |
    3 |   spare: {list: cfcs}
      |   ^^^^^
      |
      = help: use it, or remove it
    "#);
}

#[test]
fn findings_have_an_end() {
    let many: String = (0..5000).map(|i| format!("  - {{name: x{i}, bind: []}}\n")).collect();
    let examined = examined(&changed("listeners:\n", &format!("listeners:\n{many}")));
    assert_eq!(examined.findings.len(), 201);
    assert_eq!(examined.findings.last().unwrap().message, "4800 more findings are not shown");
}

#[test]
fn names_keep_to_their_letters_and_zones_to_the_known_ones() {
    insta::assert_snapshot!(shown(&SMALL.replace("kilden:", "Kilden:")), @r#"
    error: `Kilden` cannot be the name of a site: a name is made of a-z, 0-9, _ and -, and begins with a letter or a digit; found 'K'
      --> /etc/geovagt/gateway.yaml:13:3
       |
    13 |   Kilden:
       |   ^^^^^^
       |
       = help: choose a short lower-case name
    "#);
    let zone = |zone: &str| shown(&changed("name: B", &format!("time_zone: {zone}\n    name: B")));
    insta::assert_snapshot!(zone("Europe/Copenhagn"), @r#"
    error: `Europe/Copenhagn` is not a time zone
     --> /etc/geovagt/gateway.yaml:7:16
      |
    7 |     time_zone: Europe/Copenhagn
      |                ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `Europe/Copenhagen`?
    "#);
    insta::assert_snapshot!(zone("../../etc/passwd"), @r#"
    error: `../../etc/passwd` is not a time zone
     --> /etc/geovagt/gateway.yaml:7:16
      |
    7 |     time_zone: ../../etc/passwd
      |                ^^^^^^^^^^^^^^^^
      |
      = help: write its IANA name, as Europe/Copenhagen
    "#);
}

#[test]
fn retention_below_thirteen_months_warns_and_bounds_hold() {
    let with = |audit: &str| shown(&format!("audit: {audit}\n{SMALL}"));
    insta::assert_snapshot!(with("{retention: {denied: 90d}}"), @r#"
    warning: CFCS's guidance on logging asks for at least 13 months
     --> /etc/geovagt/gateway.yaml:1:29
      |
    1 | audit: {retention: {denied: 90d}}
      |                             ^^^
      |
      = help: write 400d, or have the shorter period approved
    "#);
    insta::assert_snapshot!(with("{flush: 1h, query_strings: no}"), @r#"
    error: expected true or false
     --> /etc/geovagt/gateway.yaml:1:35
      |
    1 | audit: {flush: 1h, query_strings: no}
      |                                   ^^
      |
      = help: write `true` or `false`
    "#);
    insta::assert_snapshot!(with("{flush: 1h}"), @r#"
    error: `1h` lies outside what can stand here
     --> /etc/geovagt/gateway.yaml:1:16
      |
    1 | audit: {flush: 1h}
      |                ^^
      |
      = help: write a span from 1ms to 10s
    "#);
}

#[test]
fn threads_come_from_the_environment_before_the_file() {
    let with = |value: &'static str| {
        let environment = move |name: &str| (name == "GEOVAGT_THREADS").then(|| value.to_owned());
        let source = SourceFile::new("x.yaml", &format!("threads: 3\n{SMALL}"));
        examine_source(source, Surroundings { environment: &environment, ..surroundings() })
            .config
            .map(|config| config.threads)
    };
    assert_eq!(with("5"), Some(Some(5)));
    assert_eq!(with(""), Some(Some(3)));
    assert_eq!(with("many"), None);
    assert_eq!(with("0"), None);
}

#[test]
fn a_null_is_a_default_and_an_empty_file_of_comments_says_what_is_missing() {
    assert!(
        examined(&changed("list: cfcs", "list: cfcs\n    mode: null\n    corrections:\n"))
            .config
            .is_some()
    );
    insta::assert_snapshot!(shown("# nothing\n"), @r#"
    warning: no listener is configured: the gateway would answer nobody
     |
     = help: add `listeners:`; config/gateway.yaml shows one
    "#);
    insta::assert_snapshot!(shown("just a text\n"), @r#"
    error: expected a block of keys
     --> /etc/geovagt/gateway.yaml:1:1
      |
    1 | just a text
      | ^^^^^^^^^^^
    "#);
}

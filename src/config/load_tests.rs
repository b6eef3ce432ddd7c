use super::*;
use crate::config::render::plain;

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
    insta::assert_snapshot!(shown(&text), @"");
}

#[test]
fn an_error_in_a_block_does_not_make_its_name_unknown() {
    let text = changed("list: cfcs", "list: nonsense");
    assert_eq!(examined(&text).findings.len(), 1, "{}", shown(&text));
}

#[test]
fn ambiguous_trust_is_refused() {
    let with = |source: &str| {
        let bind = "bind: [\"127.0.0.1:0\"]";
        shown(&changed(bind, &format!("{bind}\n    client_address: {source}")))
    };
    insta::assert_snapshot!(with("{source: x_forwarded_for}"), @"");
    insta::assert_snapshot!(with("{source: forwarded, trusted_proxies: [0.0.0.0/0]}"), @"");
    insta::assert_snapshot!(with("{trusted_proxies: [10.0.0.0/8]}"), @"");
    insta::assert_snapshot!(with("{source: forwarded, trusted_proxies: [10.1.2.3/8]}"), @"");
    insta::assert_snapshot!(
        with("{source: proxy_protocol, trusted_proxies: [10.0.0.1]}\n    denial: close"), @"");
}

#[test]
fn what_this_version_does_not_have_is_never_silently_ignored() {
    insta::assert_snapshot!(
        shown(&format!("store: postgres://geovagt:hunter2@db/geovagt\n{SMALL}")), @"");
    let bind = "bind: [\"127.0.0.1:0\"]";
    insta::assert_snapshot!(shown(&changed(bind, &format!("{bind}\n    protocol: tcp"))), @"");
    insta::assert_snapshot!(
        shown(&changed("8080\"]}", "8080\"], affinity: connection}")), @"");
    insta::assert_snapshot!(
        shown(&format!("identity:\n  entra: {{kind: oidc, issuer: x}}\n{SMALL}")), @"");
    insta::assert_snapshot!(shown(&format!("geoip: {{update: {{every: 1d}}}}\n{SMALL}")), @"");
    insta::assert_snapshot!(shown(&format!("admin: {{bind: [\"0.0.0.0:9443\"]}}\n{SMALL}")), @"");
}

#[test]
fn exemptions_are_switched_on_by_a_decision() {
    let with = |block: &str| {
        shown(&changed("name: B", &format!("travel_exemptions: {block}\n    name: B")))
    };
    insta::assert_snapshot!(with("{enabled: true}"), @"");
    insta::assert_snapshot!(
        with("{enabled: true, decision: '25/1', maximum_days: 0, transit_grace: 12, two_approvers: [RUS]}"), @"");
    assert_eq!(with("{enabled: false}"), "");
    insta::assert_snapshot!(
        with("{enabled: true, decision: '25/1', emergency: {maximum: 72h}}"), @"");
}

#[test]
fn one_host_belongs_to_one_site() {
    let text = format!(
        "{SMALL}  mail:\n    organization: ballerup\n    hosts: [\"*.example.dk\", kilden.example.dk]\n    \
         upstream: {{servers: [\"http://10.1.0.11\"]}}\n"
    );
    insta::assert_snapshot!(shown(&text), @"");
}

#[test]
fn one_address_is_bound_once() {
    let with = |bind: &str| shown(&changed("bind: [\"127.0.0.1:0\"]", bind));
    insta::assert_snapshot!(with("bind: [\"127.0.0.1:80\", \"0.0.0.0:80\"]"), @"");
    insta::assert_snapshot!(with("bind: [\":443\"]"), @"");
    insta::assert_snapshot!(with("bind: []"), @"");
    assert_eq!(with("bind: [\"0.0.0.0:80\", \"[::]:80\", \"127.0.0.1:0\", \"127.0.0.1:0\"]"), "");
    let text =
        changed("127.0.0.1:0", "127.0.0.1:9100") + "operations: {bind: [\"127.0.0.1:9100\"]}\n";
    assert!(shown(&text).contains("taken already: line 11"));
}

#[test]
fn rules_have_a_network_a_reason_and_corrections_an_end() {
    let with = |rules: &str| shown(&changed("list: cfcs", &format!("list: cfcs\n    {rules}")));
    insta::assert_snapshot!(with("allow_networks:\n      - {network: 0.0.0.0/1, reason: all}"), @"");
    insta::assert_snapshot!(with("deny_networks:\n      - {network: 192.0.2.0/24}"), @"");
    insta::assert_snapshot!(
        with("corrections:\n      - {network: 192.0.2.0/24, country: DK, reason: r}"), @"");
    insta::assert_snapshot!(
        with("allow_networks: [{network: 192.0.2.1, reason: r, expires: 2026-01-31}]"), @"");
    assert_eq!(with("deny_networks: [{network: 0.0.0.0/0, reason: closed for now}]"), "");
}

#[test]
fn what_a_value_expands_to_is_never_said() {
    let text = changed("http://10.1.0.10:8080", "${PASSWORD}")
        .replace("policy: standard", "policy: ${PASSWORD}")
        .replace("list: cfcs", "list: ${MISSING}");
    let shown = shown(&text);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @"");
}

#[test]
fn a_static_check_looks_at_nothing_outside_the_file() {
    let text = changed("http://10.1.0.10:8080", "http://${HOST}:${file:/nonexistent}")
        .replace("name: Ballerup Kommune", "name: ${NAME}");
    let source = SourceFile::new("x.yaml", &text);
    let environment = |_: &str| -> Option<String> { panic!("looked at the environment") };
    let surroundings =
        Surroundings { static_only: true, environment: &environment, ..surroundings() };
    let examined = examine_source(source, surroundings);
    assert_eq!(examined.findings, []);
    assert!(examined.config.is_none(), "a configuration with gaps must never run");
}

#[test]
fn names_keep_to_their_letters_and_zones_to_the_known_ones() {
    insta::assert_snapshot!(shown(&SMALL.replace("kilden:", "Kilden:")), @"");
    let zone = |zone: &str| shown(&changed("name: B", &format!("time_zone: {zone}\n    name: B")));
    insta::assert_snapshot!(zone("Europe/Copenhagn"), @"");
    insta::assert_snapshot!(zone("../../etc/passwd"), @"");
}

#[test]
fn retention_below_thirteen_months_warns_and_bounds_hold() {
    let with = |audit: &str| shown(&format!("audit: {audit}\n{SMALL}"));
    insta::assert_snapshot!(with("{retention: {denied: 90d}}"), @"");
    insta::assert_snapshot!(with("{flush: 1h, query_strings: no}"), @"");
    insta::assert_snapshot!(with("{flush: 1h}"), @"");
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
    insta::assert_snapshot!(shown("# nothing\n"), @"");
    insta::assert_snapshot!(shown("just a text\n"), @"");
}

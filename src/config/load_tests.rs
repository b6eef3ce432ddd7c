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
fn ambiguous_trust_is_refused() {
    let with = |source: &str| {
        let bind = "bind: [\"127.0.0.1:0\"]";
        shown(&changed(bind, &format!("{bind}\n    client_address: {source}")))
    };
    insta::assert_snapshot!(with("{source: x_forwarded_for}"), @r#"
    error: nobody is trusted to say the client's address
      --> /etc/geovagt/gateway.yaml:12:30
       |
    12 |     client_address: {source: x_forwarded_for}
       |                              ^^^^^^^^^^^^^^^
       |
       = help: name your proxies in `trusted_proxies`, or take `source: peer`
    "#);
    insta::assert_snapshot!(with("{source: forwarded, trusted_proxies: [0.0.0.0/0]}"), @r#"
    error: this trusts nearly everybody, so anybody could choose his own address
      --> /etc/geovagt/gateway.yaml:12:59
       |
    12 |     client_address: {source: forwarded, trusted_proxies: [0.0.0.0/0]}
       |                                                           ^^^^^^^^^
       |
       = help: name the addresses of your proxies
    "#);
    insta::assert_snapshot!(with("{trusted_proxies: [10.0.0.0/8]}"), @r#"
    warning: `trusted_proxies` has no effect with `source: peer`; the proxy counts as the client
      --> /etc/geovagt/gateway.yaml:12:21
       |
    12 |     client_address: {trusted_proxies: [10.0.0.0/8]}
       |                     ^
       |
       = help: set `source` to what your proxy sends: x_forwarded_for, forwarded or proxy_protocol
    "#);
    insta::assert_snapshot!(with("{source: forwarded, trusted_proxies: [10.1.2.3/8]}"), @r#"
    error: `10.1.2.3/8` has bits set behind its prefix
      --> /etc/geovagt/gateway.yaml:12:59
       |
    12 |     client_address: {source: forwarded, trusted_proxies: [10.1.2.3/8]}
       |                                                           ^^^^^^^^^^
       |
       = help: the network is 10.0.0.0/8; the one address is 10.1.2.3
    "#);
    insta::assert_snapshot!(
        with("{source: proxy_protocol, trusted_proxies: [10.0.0.1]}\n    denial: close"), @r#"
    error: `denial: close` rejects by the connection's own address, which here is a proxy's
      --> /etc/geovagt/gateway.yaml:13:13
       |
    13 |     denial: close
       |             ^^^^^
       |
       = help: remove it here and set `denial: close` at the sites, or take `source: peer`
    "#);
}

#[test]
fn what_this_version_does_not_have_is_never_silently_ignored() {
    let bind = "bind: [\"127.0.0.1:0\"]";
    insta::assert_snapshot!(shown(&changed(bind, &format!("{bind}\n    protocol: tcp"))), @r#"
    error: listeners with `protocol: tcp` are not in this version
      --> /etc/geovagt/gateway.yaml:12:15
       |
    12 |     protocol: tcp
       |               ^^^
       |
       = help: leave mail (IMAP, submission) where it is for now; `protocol: http` works
    "#);
    insta::assert_snapshot!(
        shown(&changed("8080\"]}", "8080\"], affinity: connection}")), @r#"
    error: `affinity: connection` is not in this version, and NTLM would be unsafe without it
      --> /etc/geovagt/gateway.yaml:16:62
       |
    16 |     upstream: {servers: ["http://10.1.0.10:8080"], affinity: connection}
       |                                                              ^^^^^^^^^^
       |
       = help: remove it, and let the upstream ask for Basic or a form instead of NTLM or Negotiate
    "#);
    insta::assert_snapshot!(shown(&format!("geoip: {{update: {{every: 1d}}}}\n{SMALL}")), @r#"
    error: this version does not fetch databases by itself
     --> /etc/geovagt/gateway.yaml:1:17
      |
    1 | geoip: {update: {every: 1d}}
      |                 ^
      |
      = help: remove `update`, and replace the file by a job of your own; it is taken up on reload
    "#);
    insta::assert_snapshot!(shown(&format!("admin: {{bind: [\"0.0.0.0:9443\"]}}\n{SMALL}")), @r#"
    warning: there is no administration in this version; `admin` opens no listener
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | admin: {bind: ["0.0.0.0:9443"]}
      |        ^
      |
      = help: leave it for later, or remove it
    error: the administration without TLS may listen on loopback alone
     --> /etc/geovagt/gateway.yaml:1:15
      |
    1 | admin: {bind: ["0.0.0.0:9443"]}
      |               ^
      |
      = help: write 127.0.0.1 or [::1], or add `tls:`
    "#);
}

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
fn one_host_belongs_to_one_site() {
    let text = format!(
        "{SMALL}  mail:\n    organization: ballerup\n    hosts: [\"*.example.dk\", kilden.example.dk]\n    \
         upstream: {{servers: [\"http://10.1.0.11\"]}}\n"
    );
    insta::assert_snapshot!(shown(&text), @r#"
    error: `kilden.example.dk` is a host of the site `kilden` already
      --> /etc/geovagt/gateway.yaml:19:29
       |
    19 |     hosts: ["*.example.dk", kilden.example.dk]
       |                             ^^^^^^^^^^^^^^^^^
       |
       = help: let one site alone answer for a host
    "#);
}

#[test]
fn one_address_is_bound_once() {
    let with = |bind: &str| shown(&changed("bind: [\"127.0.0.1:0\"]", bind));
    insta::assert_snapshot!(with("bind: [\"127.0.0.1:80\", \"0.0.0.0:80\"]"), @r#"
    error: `0.0.0.0:80` is taken already: line 11 listens on `127.0.0.1:80`
      --> /etc/geovagt/gateway.yaml:11:28
       |
    11 |     bind: ["127.0.0.1:80", "0.0.0.0:80"]
       |                            ^^^^^^^^^^^^
       |
       = help: use another port or address in one of the two
    "#);
    insta::assert_snapshot!(with("bind: [\":443\"]"), @r#"
    error: `:443` is not an address with a port
      --> /etc/geovagt/gateway.yaml:11:12
       |
    11 |     bind: [":443"]
       |            ^^^^^^
       |
       = help: for every address, write "0.0.0.0:443" and "[::]:443"
    "#);
    insta::assert_snapshot!(with("bind: []"), @r#"
    error: no address to listen on
      --> /etc/geovagt/gateway.yaml:11:11
       |
    11 |     bind: []
       |           ^
       |
       = help: write at least one, as "0.0.0.0:443"; or remove the block
    "#);
    insta::assert_snapshot!(
        with("bind: [\"0.0.0.0:80\", \"[::]:80\", \"127.0.0.1:0\", \"127.0.0.1:0\"]"), @r#"
    warning: clients reach this listener without TLS, so passwords cross the network in the open
      --> /etc/geovagt/gateway.yaml:11:11
       |
    11 |     bind: ["0.0.0.0:80", "[::]:80", "127.0.0.1:0", "127.0.0.1:0"]
       |           ^
       |
       = help: add `tls:`, or listen on loopback behind a proxy that ends TLS
    "#);
    let text =
        changed("127.0.0.1:0", "127.0.0.1:9100") + "operations: {bind: [\"127.0.0.1:9100\"]}\n";
    assert!(shown(&text).contains("taken already: line 11"));
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
    warning: this ended at 2026-01-30T23:00:00Z and has no effect any more
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
fn findings_have_an_end() {
    let many: String = (0..5000).map(|i| format!("  - {{name: x{i}, bind: []}}\n")).collect();
    let examined = examined(&changed("listeners:\n", &format!("listeners:\n{many}")));
    assert_eq!(examined.findings.len(), 201);
    assert_eq!(examined.findings.last().unwrap().message, "4800 more findings are not shown");
}

#[test]
fn what_a_value_expands_to_is_never_said() {
    let text = changed("http://10.1.0.10:8080", "${PASSWORD}")
        .replace("policy: standard", "policy: ${PASSWORD}")
        .replace("list: cfcs", "list: ${MISSING}");
    let shown = shown(&text);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    error: the environment variable `MISSING` is not set
     --> /etc/geovagt/gateway.yaml:4:11
      |
    4 |     list: ${MISSING}
      |           ^^^^^^^^^^
      |
      = help: set MISSING where geovagt is started, or write the value here
    error: no policy is called `${PASSWORD}`
     --> /etc/geovagt/gateway.yaml:8:13
      |
    8 |     policy: ${PASSWORD}
      |             ^^^^^^^^^^^
      |
      = help: known is only `standard`
    error: what `${PASSWORD}` stands for is not an upstream server
      --> /etc/geovagt/gateway.yaml:16:26
       |
    16 |     upstream: {servers: ["${PASSWORD}"]}
       |                          ^^^^^^^^^^^^^
       |
       = help: let it stand for an upstream server
    "#);
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

#[test]
fn the_password_of_the_database_never_stands_in_the_open() {
    insta::assert_snapshot!(
        shown(&format!("store: postgres://geovagt:hunter2@db/geovagt\n{SMALL}")), @r#"
    error: the password of the database stands in the open
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: postgres://geovagt:*******@db/geovagt
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: keep it in a file of geovagt's own user and write ${file:PATH} in its place, or ${NAME} for an environment variable
    "#);
    for written in ["postgres://g:${X}y@db/g", "postgresql://g:p@ss@db/g", "postgres://g:p@"] {
        let shown = shown(&format!("store: {written}\n{SMALL}"));
        assert!(shown.contains("stands in the open"), "{written}: {shown}");
    }
}

#[test]
fn the_address_of_the_store_is_checked_and_never_said_with_its_password() {
    let shown_with = |store: &str| {
        let found = shown(&format!("store: {store}\n{SMALL}"));
        assert!(!found.contains("hunter2"), "{found}");
        found
    };
    insta::assert_snapshot!(shown_with("postgres://g:${PASSWORD}@db/g?sslmode=maybe"), @r#"
    error: the address of the store names an sslmode that is not known
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: postgres://g:***********@db/g?sslmode=maybe
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write sslmode=verify-full, or one of verify-ca, require, prefer, disable
    "#);
    insta::assert_snapshot!(shown_with("postgres://g:${PASSWORD}@db/g?sslmode=require"), @r#"
    warning: what is said to the database, keys of sessions included, may go to another server
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: postgres://g:***********@db/g?sslmode=require
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: let it prove its name: sslmode=verify-full, with sslrootcert where its certificate is of your own making
    "#);
    insta::assert_snapshot!(shown_with("mysql://g@db/g"), @r#"
    error: this names no store that is known
     --> /etc/geovagt/gateway.yaml:1:8
      |
    1 | store: mysql://g@db/g
      |        ^^^^^^^^^^^^^^
      |
      = help: write `store: sqlite`, remove the key, or name a database of PostgreSQL: postgres://USER:${file:PATH}@HOST:5432/DATABASE
    "#);
    assert_eq!(shown_with("postgres://g:${PASSWORD}@db/g"), "");
}

#[test]
fn client_certificates_are_asked_for_by_a_provider_of_that_kind() {
    let tls = "listeners:\n  - name: web\n    bind: [\"127.0.0.1:0\"]\n    tls:\n      \
               certificates: [{chain: c.pem, key: k.pem}]\n      \
               client_certificates: {providers: [ipads], mode: required, hosts: [\"*.example.dk\"]}\n";
    let listener = "listeners:\n  - name: web\n    bind: [\"127.0.0.1:0\"]\n";
    let text = changed(listener, tls)
        + "identity:\n  local: {kind: local}\n  \
           ipads: {kind: client_certificate, ca: ca.pem, crl: [a.crl], name: mail, people_of: local}\n";
    let loaded = config(&text);
    let asked = loaded.listeners[0].tls.as_ref().unwrap().client_certificates.as_ref().unwrap();
    assert!(asked.required && asked.hosts[0].matches("mail.example.dk"));
    assert!(!asked.hosts[0].matches("example.dk") && !asked.hosts[0].matches("xexample.dk"));
    let (provider, rule) = &asked.authorities[0];
    assert_eq!(provider.as_str(), "ipads");
    assert_eq!(rule.ca, Path::new("/etc/geovagt/ca.pem"));
    assert_eq!(rule.crl, [Path::new("/etc/geovagt/a.crl")]);
    assert_eq!(rule.people_of.as_ref().map(crate::identifier::ProviderId::as_str), Some("local"));
    for (from, to, says) in [
        ("providers: [ipads]", "providers: [local]", "is no provider of client certificates"),
        ("providers: [ipads]", "providers: [ipad]", "is no provider of client certificates"),
        ("providers: [ipads], ", "", "no provider is named"),
        ("mode: required", "mode: maybe", "maybe"),
        ("ca: ca.pem, ", "", "`ca`"),
        ("name: mail", "name: subject", "subject"),
        ("people_of: local", "people_of: ipads", "has no people with login names of their own"),
        ("crl: [a.crl]", "crl: a.crl", "a list of texts"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = shown(&text.replacen(from, to, 1));
        assert!(found.contains(says), "{to}: {found}");
    }
}

#[test]
fn an_address_passes_for_a_minute_to_a_day() {
    let with = |span: &str| changed("hosts:", &format!("address_grant: {span}\n    hosts:"));
    let span = |text: &str| config(text).sites.values().next().unwrap().address_grant;
    assert_eq!(span(SMALL), None);
    assert_eq!(span(&with("null")), None);
    assert_eq!(span(&with("90m")), Some(std::time::Duration::from_secs(5400)));
    for wrong in ["59s", "25h", "true", "forever"] {
        assert!(shown(&with(wrong)).contains("address_grant"), "{wrong}");
        assert!(examined(&with(wrong)).config.is_none(), "{wrong}");
    }
    let site = config(&changed("hosts:", "sign_in: true\n    hosts:"));
    assert!(site.sites.values().next().unwrap().sign_in);
}

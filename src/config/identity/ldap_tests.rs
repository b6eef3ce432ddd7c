use std::sync::Arc;

use crate::config::render::plain;
use crate::config::{Examined, Ldap, Provider, SourceFile, Surroundings, examine_source};

const SMALL: &str = r#"
identity:
  catalogue:
    kind: ldap
    servers: ["ldaps://dc1.example.dk", "ldap://dc2.example.dk:1389"]
    bind_dn: "cn=geovagt,dc=example,dc=dk"
    bind_password: "${PASSWORD}"
    base: "ou=people,dc=example,dc=dk"
"#;

fn examined(text: &str) -> Examined {
    let surroundings = Surroundings {
        environment: &|name| match name {
            "PASSWORD" => Some("a secret\n".to_owned()),
            "EMPTY" => Some("\n".to_owned()),
            _ => None,
        },
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: false,
    };
    examine_source(SourceFile::new("/etc/geovagt/gateway.yaml", text), surroundings)
}

fn ldap(text: &str) -> Arc<Ldap> {
    let whole = format!("{text}{REST}");
    let examined = examined(&whole);
    let said: Vec<String> = examined.findings.iter().map(|f| plain(f, &examined.sources)).collect();
    let config = examined.config.unwrap_or_else(|| panic!("{}", said.join("\n")));
    match config.identity.into_values().next() {
        Some(Provider::Ldap(ldap)) => ldap,
        other => panic!("{other:?}"),
    }
}

fn refused(text: &str) -> String {
    let examined = examined(&format!("{text}{REST}"));
    assert!(examined.config.is_none(), "{text}");
    examined.findings.iter().map(|f| plain(f, &examined.sources)).collect()
}

/// The rest of a configuration that is well-formed.
const REST: &str = r#"
country_lists: {cfcs: lists/cfcs.yaml}
policies: {standard: {list: cfcs}}
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
    contact: {phone: "+45 00 00 00 00", email: servicedesk@example.dk, hours: "8-15"}
    identity_providers: [catalogue]
listeners:
  - {name: web, bind: ["127.0.0.1:0"], protocol: http}
sites:
  kilden:
    organization: ballerup
    hosts: [kilden.example.dk]
    upstream: {servers: ["http://10.1.0.10:8080"]}
"#;

#[test]
fn what_is_left_out_has_the_usual_value_of_the_schema() {
    let standard = ldap(SMALL);
    assert_eq!(
        standard.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["ldaps://dc1.example.dk:636", "ldap://dc2.example.dk:1389"]
    );
    assert_eq!(standard.bind_password.reveal(), "a secret");
    assert_eq!((&*standard.subject, &*standard.user_name), ("entryUUID", "uid"));
    assert_eq!(standard.filter, "(&(objectClass=person)(uid={user}))");
    assert_eq!((standard.timeout.as_secs(), standard.remember.as_secs()), (3, 60));
    assert_eq!((standard.failed_binds, standard.failed_binds_within.as_secs()), (4, 1800));
    assert!(!format!("{standard:?}").contains("a secret"));
    let active = ldap(&format!("{SMALL}    schema: active_directory\n"));
    assert_eq!((&*active.subject, &*active.user_name), ("objectGUID", "sAMAccountName"));
    assert!(active.filter.contains("(userPrincipalName={login})"));
}

#[test]
fn nothing_that_would_weaken_it_is_taken() {
    let with = |from: &str, to: &str| {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL);
        refused(&text)
    };
    let adding = |line: &str| refused(&format!("{SMALL}    {line}\n"));
    for (said, expected) in [
        (with("ldaps://dc1", "http://dc1"), "a scheme other than ldap and ldaps"),
        (with("ldaps://dc1.example.dk", "ldaps://"), "names no host"),
        (with("ldaps://dc1.example.dk", "ldaps://dc1/ou=x"), "names no host"),
        (with(":1389", ":0"), "a port that cannot be"),
        (with("${PASSWORD}", "hunter2hunter2"), "the password stands in the file itself"),
        (with("${PASSWORD}", "${EMPTY}"), "the password is empty"),
        (with("    base: \"ou=people,dc=example,dc=dk\"\n", ""), "the key `base` is missing"),
        (adding("filter: \"(uid=anna)\""), "holds no place for the value"),
        (adding("filter: \"(uid={user}\""), "is no filter"),
        (adding("filter: \"(uid={user})(cn={name})\""), "is no filter"),
        (adding("group_filter: \"(member=x)\""), "holds no place for the value"),
        (adding("group_base: grupper"), "is no distinguished name"),
        (adding("group_base: \"\""), "group_base"),
        (adding("subject: sAMAccountName"), "may be given to somebody else one day"),
        (adding("subject: \"entry uuid\""), "is no attribute"),
        (adding("domains: [\"BALLERUP\\\\\"]"), "is no domain"),
        (adding("timeout: 60s"), "60s"),
        (adding("failed_binds: 1"), "1 lies outside"),
        (adding("verify: false"), "unknown key `verify`"),
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_required_group_that_is_no_distinguished_name_warns() {
    let said = |group: &str| {
        let examined = examined(&format!("{SMALL}    required_groups: [{group}]\n{REST}"));
        assert!(examined.config.is_some(), "{group}");
        let said = examined.findings.iter().map(|f| plain(f, &examined.sources));
        said.collect::<String>().contains("is no distinguished name")
    };
    for group in ["rejsende", "\"rejsende,dc=dk\"", "\"=x,dc=dk\"", "\"BALLERUP\\\\Rejsende\""] {
        assert!(said(group), "{group}");
    }
    for group in ["\"cn=Rejsende,dc=dk\"", "\"CN = Rejsende\\\\, alle, OU=x\"", "\"2.5.4.3=a\""] {
        assert!(!said(group), "{group}");
    }
}

#[test]
fn groups_are_looked_for_where_it_is_said_and_nowhere_else() {
    assert_eq!((ldap(SMALL).group_base.clone(), ldap(SMALL).group_filter.clone()), (None, None));
    let base = "    group_base: \"ou=grupper,dc=example,dc=dk\"\n";
    let usual = ldap(&format!("{SMALL}{base}"));
    assert_eq!(usual.group_base.as_deref(), Some("ou=grupper,dc=example,dc=dk"));
    let filter = usual.group_filter.clone().unwrap();
    for kind in ["(member={dn})", "(uniqueMember={dn})", "(memberUid={user})"] {
        assert!(filter.contains(kind), "{filter}");
    }
    let own = ldap(&format!("{SMALL}{base}    group_filter: \"(memberUid={{user}})\"\n"));
    assert_eq!(own.group_filter.as_deref(), Some("(memberUid={user})"));
}

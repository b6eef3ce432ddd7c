use super::*;
use crate::config::{SourceFile, Surroundings, examine_source};

const BEGIN: &str = r#"
identity:
  catalogue:
    kind: ldap
    servers: ["ldaps://dc1.example.dk"]
    bind_dn: "cn=geovagt,dc=example,dc=dk"
    bind_password: "${PASSWORD}"
"#;

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

fn prepared(more: &str, before: &Directories) -> Directories {
    let surroundings = Surroundings {
        environment: &|name| (name == "PASSWORD").then(|| "a secret".to_owned()),
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: false,
    };
    let text = format!("{BEGIN}{more}{REST}");
    let source = SourceFile::new("/etc/geovagt/gateway.yaml", &text);
    let examined = examine_source(source, surroundings);
    let config = examined.config.unwrap_or_else(|| panic!("{:#?}", examined.findings));
    Directories::prepare(&config, before).unwrap()
}

fn only(directories: &Directories) -> &LdapProvider {
    directories.providers.values().next().unwrap()
}

#[tokio::test]
async fn a_reload_keeps_what_guards_the_people_of_the_same_directory() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let password = |provider: &LdapProvider, text: &str| {
        let name = crate::policy::UserName::parse("anna").unwrap();
        let ballerup = OrganizationId::parse("ballerup").unwrap();
        provider.recent.fingerprint(&ballerup, &name, &Password::new(text.to_owned()))
    };
    let take = |provider: &LdapProvider, text: &str| {
        provider.failures.take("anna-id", Some([1; 32]), password(provider, text), false, now)
    };
    let people = "    base: \"ou=people,dc=example,dc=dk\"\n";
    let before = prepared(people, &Directories::default());
    only(&before).told.gone("bo-id", now);
    assert_eq!(take(only(&before), "forkert"), Ok(()));
    let after = prepared(&format!("{people}    timeout: 2s\n"), &before);
    assert!(only(&after).is_shut_out("bo-id"));
    assert_eq!(take(only(&after), "forkert"), Err(NotAsked::KnownWrong));
    assert_eq!(take(only(&after), "også forkert"), Ok(()));
    // What was begun before the reload counts as well.
    assert_eq!(take(only(&before), "endnu en"), Err(NotAsked::TooMany));
    only(&before).told.gone("carl-id", now);
    assert!(only(&after).is_shut_out("carl-id"));
    let others = prepared("    base: \"ou=others,dc=example,dc=dk\"\n", &before);
    assert!(!only(&others).is_shut_out("bo-id"));
    assert_eq!(take(only(&others), "forkert"), Ok(()));
}

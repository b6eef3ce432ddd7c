//! Roles from a directory whose people have no `memberOf`: a real OpenLDAP with each kind of group that
//! such directories keep.

use serde_json::json;

use crate::support::desk::Desk;
use crate::support::gateway::{Gateway, configuration};
use crate::support::slapd::{BASE, PASSWORD, Slapd};
use crate::support::upstream::Upstream;

const GROUPS: &str = "ou=grupper,dc=example,dc=dk";

/// One group of each kind, and one that a value which is no value would lead to.
fn directory() -> Slapd {
    let slapd = Slapd::start();
    slapd.modify(&format!(
        "dn: {GROUPS}\nchangetype: add\nobjectClass: organizationalUnit\nou: grupper\n\n\
         dn: cn=sikkerhed,{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: sikkerhed\n\
         member: uid=anna,{BASE}\n\n\
         dn: cn=raadgivere,{GROUPS}\nchangetype: add\nobjectClass: groupOfUniqueNames\n\
         cn: raadgivere\nuniqueMember: uid=anna,{BASE}\nuniqueMember: uid=\\28ole\\29,{BASE}\n\n\
         dn: cn=drift,{GROUPS}\nchangetype: add\nobjectClass: posixGroup\ncn: drift\n\
         gidNumber: 7001\nmemberUid: anna\nmemberUid: (ole)\n\n\
         dn: cn=chefer,{GROUPS}\nchangetype: add\nobjectClass: posixGroup\ncn: chefer\n\
         gidNumber: 7002\nmemberUid: ole\nmemberUid: ann\n"
    ));
    slapd
}

fn office(slapd: &Slapd, upstream: &Upstream, more: &str) -> Gateway {
    let provider = slapd.provider(&format!("    remember: 0s\n{more}"));
    let roles = format!(
        "identity_providers: [catalogue]\n    roles: {{security: [\"CN=Sikkerhed, {GROUPS}\"], \
         dpo: [\"cn=raadgivere,{GROUPS}\"], operator: [\"cn=drift,{GROUPS}\"], \
         approver: [\"cn=chefer,{GROUPS}\"]}}"
    );
    let admin = "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n";
    let text = configuration(&upstream.url(), admin)
        .replacen("identity_providers: [local]", &roles, 1)
        .replacen("identity:\n", &format!("identity:\n{provider}"), 1);
    Gateway::start(&text)
}

fn roles(gateway: &Gateway, name: &str) -> serde_json::Value {
    let desk = Desk::signed_in_to(gateway.address("admin"), "ballerup", name, PASSWORD);
    desk.get("/api/v1/session").json()["roles"].clone()
}

#[test]
fn every_kind_of_group_gives_its_role_to_those_it_names_and_to_nobody_else() {
    let (slapd, upstream) = (directory(), Upstream::start());
    let base = format!("    group_base: \"{GROUPS}\"\n");
    let gateway = office(&slapd, &upstream, &base);
    assert_eq!(roles(&gateway, "anna"), json!(["operator", "security", "dpo"]));
    // Not as it was typed: as the directory calls the person.
    assert_eq!(roles(&gateway, "BALLERUP\\ANNA"), json!(["operator", "security", "dpo"]));
    assert_eq!(roles(&gateway, "(ole)"), json!(["operator", "dpo"]));
    assert_eq!(roles(&gateway, "bo"), json!([]));
    slapd.modify(&format!(
        "dn: cn=drift,{GROUPS}\nchangetype: modify\ndelete: memberUid\nmemberUid: anna\n"
    ));
    assert_eq!(roles(&gateway, "anna"), json!(["security", "dpo"]));
    // Nothing but the groups themselves is asked for.
    let searches = slapd.operations();
    let found: Vec<_> = searches.iter().filter(|line| line.contains(GROUPS)).collect();
    assert!(found.len() >= 5 && found.iter().all(|line| line.contains("scope=2")), "{found:?}");
}

#[test]
fn a_search_that_finds_no_groups_or_fails_gives_no_role_and_keeps_nobody_out() {
    let (slapd, upstream) = (directory(), Upstream::start());
    for more in [
        // The default: nobody has a memberOf here.
        String::new(),
        "    group_base: \"ou=andre,dc=example,dc=dk\"\n".to_owned(),
        // The directory refuses the base.
        "    group_base: \"intet=sted,dc=example,dc=dk\"\n".to_owned(),
        "    group_base: \"ou=grupper,dc=andre,dc=dk\"\n".to_owned(),
        // The service account is not told the attribute's value: what it may not compare is no match.
        format!(
            "    group_base: \"{GROUPS}\"\n    group_filter: \"(&(userPassword=*)(member={{dn}}))\"\n"
        ),
    ] {
        let gateway = office(&slapd, &upstream, &more);
        // Twice: the connection after a search that failed is as good as any.
        for _ in 0..2 {
            assert_eq!(roles(&gateway, "anna"), json!([]), "{more}");
        }
        let wrong = Desk::try_signed_in(gateway.address("admin"), "ballerup", "anna", "forkert");
        assert_eq!(wrong.status, 401, "{more}");
    }
}

#[test]
fn a_required_group_is_found_in_each_of_its_kinds() {
    let (slapd, upstream) = (directory(), Upstream::start());
    let more =
        format!("    group_base: \"{GROUPS}\"\n    required_groups: [\"cn=drift,{GROUPS}\"]\n");
    let gateway = office(&slapd, &upstream, &more);
    assert_eq!(roles(&gateway, "(ole)"), json!(["operator", "dpo"]));
    let at = gateway.address("admin");
    assert_eq!(Desk::try_signed_in(at, "ballerup", "bo", PASSWORD).status, 401);
    assert_eq!(slapd.binds("bo"), 0);
}

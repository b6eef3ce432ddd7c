//! Signing in to the administration with the ways that municipalities have: a real directory
//! (OpenLDAP), whose groups give roles, and the certified OpenID Connect provider, in a real browser.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::certified::Certified;
use crate::support::client::get;
use crate::support::desk::Desk;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::outside::free_address;
use crate::support::slapd::{BASE, PASSWORD, Slapd};
use crate::support::upstream::Upstream;

const GROUP: &str = "cn=sikkerhed,dc=example,dc=dk";

/// Both organisations know their people by one directory; a group gives a role in each.
fn with_directory(slapd: &Slapd, upstream: &Upstream) -> Gateway {
    let provider = slapd.provider("    remember: 0s\n");
    let admin = "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n";
    let text = configuration(&upstream.url(), admin)
        .replacen(
            "identity_providers: [local]",
            &format!("identity_providers: [catalogue]\n    roles: {{security: [\"{GROUP}\"]}}"),
            1,
        )
        .replacen(
            "identity_providers: [local]",
            &format!("identity_providers: [catalogue]\n    roles: {{dpo: [\"{GROUP}\"]}}"),
            1,
        )
        .replacen("identity:\n", &format!("identity:\n{provider}"), 1);
    Gateway::start(&text)
}

fn session(desk: &Desk) -> serde_json::Value {
    desk.get("/api/v1/session").json()
}

#[test]
fn outside_admin_a_group_of_the_directory_gives_its_role_in_each_organisation() {
    let (slapd, upstream) = (Slapd::start(), Upstream::start());
    // As Active Directory says it of people.
    slapd.modify(&format!(
        "dn: uid=anna,{BASE}\nchangetype: modify\nadd: objectClass\nobjectClass: extensibleObject\n-\n\
         add: memberOf\nmemberOf: {GROUP}\n"
    ));
    let gateway = with_directory(&slapd, &upstream);
    let at = gateway.address("admin");
    let anna = Desk::signed_in_to(at, "ballerup", "anna", PASSWORD);
    assert_eq!(session(&anna)["roles"], json!(["security"]));
    assert_eq!(anna.get("/log").status, 200);
    assert_eq!(anna.get("/insight").status, 403);
    // The chooser: the same person is something else in the other organisation.
    let page = anna.get("/log").text();
    assert!(page.contains("Egedal Kommune") && page.contains("id=\"organization\""), "{page}");
    assert_eq!(anna.post("/session/organization", "organization=ingen").status, 404);
    let chosen = anna.post("/session/organization", "organization=egedal");
    assert_eq!(chosen.status, 303, "{}", chosen.text());
    let now = session(&anna);
    assert_eq!((&now["organization"], &now["roles"]), (&json!("egedal"), &json!(["dpo"])));
    assert_eq!(anna.get("/insight").status, 200);
    assert_eq!(anna.get("/review/wrong").status, 403);
    // Whoever is in no group is a traveller, and a wrong password is nobody.
    let bo = Desk::signed_in_to(at, "ballerup", "bo", PASSWORD);
    assert_eq!(session(&bo)["roles"], json!([]));
    assert_eq!((bo.get("/own").status, bo.get("/log").status), (200, 403));
    let wrong = Desk::try_signed_in(at, "ballerup", "anna", "forkert");
    assert_eq!(wrong.status, 401, "{}", wrong.text());
    // Out of the group: nothing is left at the next sign-in.
    slapd.modify(&format!("dn: uid=anna,{BASE}\nchangetype: modify\ndelete: memberOf\n"));
    let anna = Desk::signed_in_to(at, "ballerup", "anna", PASSWORD);
    assert_eq!(session(&anna)["roles"], json!([]));
}

#[test]
fn outside_admin_the_provider_proves_people_and_their_groups_in_a_browser() {
    let admin = free_address();
    let own = format!("http://localhost:{}", admin.port());
    let provider = Certified::start(&[&own], None);
    let upstream = Upstream::start();
    let block = format!("admin: {{bind: [\"{admin}\"]}}\n");
    let text = configuration(&upstream.url(), &block)
        .replacen(
            "identity_providers: [local]",
            "identity_providers: [entra]\n    roles: {security: [raad]}",
            1,
        )
        .replacen("identity:\n", &format!("identity:\n{}", provider.configuration()), 1);
    let gateway = Gateway::start(&text);
    for (who, name, lands) in
        [("anna", "anna.holm@example.dk", "Overblik"), ("bo", "bo.lund@example.dk", "Min rejse")]
    {
        let browser = Browser::start_trusting("da-DK", &provider.public_key);
        browser.open(&format!("{own}/"));
        assert_eq!(browser.text("h1"), "Log ind");
        browser.follow("main a.button");
        eventually("the provider asks who it is", || browser.source().contains("id=\"login\""));
        browser.write("#login", who);
        browser.follow("button");
        eventually("the browser is back", || browser.address().starts_with(&own));
        eventually("somebody is in", || browser.text("h1") == lands);
        assert!(browser.source().contains(name), "{}", browser.source());
        browser.keep_picture(&format!("admin-provider-{who}"));
    }
    let stranger =
        get(gateway.address("admin"), &format!("localhost:{}", admin.port()), "/").send();
    assert_eq!(stranger.status, 401);
}

//! A directory as the organisation's way to know its people: a real OpenLDAP, with StartTLS and with
//! TLS, its log counted.

use std::time::Instant;

use crate::support::client::{Answer, Request, get};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::slapd::{BASE, LOCKOUT, PASSWORD, Slapd};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

/// A configuration whose Ballerup knows its people by a directory.
fn with_directory(upstream: &Upstream, provider: &str) -> String {
    let text = configuration(&upstream.url(), "");
    let local = "identity_providers: [local]";
    let text = text.replacen(local, "identity_providers: [catalogue]", 1);
    text.replacen("identity:\n", &format!("identity:\n{provider}"), 1)
}

fn running(slapd: &Slapd, provider: &str) -> (Upstream, Gateway) {
    assert!(!slapd.authority.file.as_os_str().is_empty());
    let upstream = Upstream::start();
    let gateway = Gateway::start(&with_directory(&upstream, provider));
    (upstream, gateway)
}

fn to(gateway: &Gateway, host: &str, from: &str) -> Request {
    get(gateway.address("web"), host, "/").from(from)
}

/// The door is open as soon as whoever says nothing is asked who they are.
fn grant(gateway: &Gateway, person: &str) -> String {
    let id = gateway.grant(person, "TH", &["kilden"]);
    eventually("the door", || to(gateway, HOST, THAILAND).send().status == 401);
    id
}

/// An answer without what differs from one to the next.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, usize) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "geovagt-reference"));
    (answer.status, headers, answer.body.len())
}

#[test]
fn the_traveller_passes_in_every_form_of_the_name_over_starttls_and_over_tls() {
    let slapd = Slapd::start();
    let ldaps = slapd.provider_at(&[&format!("ldaps://localhost:{}", slapd.tls.port())], "");
    for provider in [slapd.provider(""), ldaps] {
        let (_upstream, gateway) = running(&slapd, &provider);
        grant(&gateway, "Anna");
        let forms = ["anna", "ANNA", "BALLERUP\\anna", "anna@ballerup.dk"];
        for name in forms {
            let answer = to(&gateway, HOST, THAILAND).basic(name, PASSWORD).send();
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let upstream_saw = answer.json()["headers"].to_string();
            assert!(upstream_saw.contains("\"anna\""), "{upstream_saw}");
            // The upstream asks the same directory.
            assert!(upstream_saw.to_lowercase().contains("authorization"), "{upstream_saw}");
        }
        let elsewhere = to(&gateway, HOST, CHINA).basic("anna", PASSWORD).send();
        assert_eq!(elsewhere.status, 403);
    }
}

#[test]
fn whoever_is_not_let_in_gets_one_answer_in_one_time_and_only_the_travellers_password_is_asked() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider(""));
    grant(&gateway, "anna");
    grant(&gateway, "carl");
    grant(&gateway, "dorte");
    let before = slapd.operations().len();
    let attempt = |name: &str, password: &str, number: usize| {
        let request = get(gateway.address("web"), HOST, "/").from(&format!("61.19.3.{number}"));
        let began = Instant::now();
        let answer = request.basic(name, password).send();
        (seen(&answer), began.elapsed())
    };
    let (wrong, took) = attempt("anna", "forkert", 1);
    assert_eq!(wrong.0, 403);
    assert!(took.as_secs_f32() >= 2.0, "{took:?}");
    let asked = slapd.operations().len() - before;
    let others = [
        ("bo", PASSWORD),
        ("nobody", PASSWORD),
        ("tvilling", PASSWORD),
        ("EGEDAL\\anna", PASSWORD),
        ("anna@egedal.dk", PASSWORD),
        ("*", PASSWORD),
        ("anna)(uid=*", PASSWORD),
        ("anna@ballerup.dk@ballerup.dk", PASSWORD),
    ];
    for (number, (name, password)) in others.into_iter().enumerate() {
        let (answer, took) = attempt(name, password, number + 10);
        assert_eq!(answer, wrong, "{name}");
        assert!(took.as_secs_f32() >= 2.0, "{name}: {took:?}");
    }
    assert_eq!(slapd.operations().len() - before, asked, "{:#?}", slapd.operations());
    // These hold an exemption and are looked up, and the directory itself has shut them out.
    for (number, name) in ["carl", "dorte"].into_iter().enumerate() {
        assert_eq!(attempt(name, PASSWORD, number + 30).0, wrong, "{name}");
        assert_eq!(slapd.binds(name), 0, "{name}");
    }
    // A bind without a password would be answered with yes.
    let binds = slapd.binds("anna");
    assert_eq!(attempt("anna", "", 40).0, wrong);
    assert_eq!(slapd.binds("anna"), binds);
    let log = format!("{:?}", gateway.log()) + &gateway.command(&["audit", "search", "--json"]).out;
    assert!(!log.contains(PASSWORD) && !log.contains("hemmelighed"), "{log}");
}

#[test]
fn spraying_from_a_listed_country_never_reaches_the_directory_while_nobody_travels_there() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider(""));
    let spray = |host: &str, from: &str| {
        for (number, name) in ["anna", "bo", "carl", "dorte", "nobody"].into_iter().enumerate() {
            for password in [PASSWORD, "Sommer2026!", ""] {
                let address = format!("{from}{}", number + 1);
                let answer = to(&gateway, host, &address).basic(name, password).send();
                assert_eq!(answer.status, 403, "{name}");
            }
        }
    };
    spray(HOST, "61.19.3.");
    assert_eq!(slapd.operations(), Vec::<String>::new());
    let id = grant(&gateway, "anna");
    let before = slapd.operations().len();
    // Another country, another site, and after the end.
    spray(HOST, "36.110.3.");
    spray("mail.example.dk", "61.19.4.");
    assert_eq!(slapd.operations().len(), before, "{:#?}", slapd.operations());
    gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme igen"]).expect_code(0);
    eventually("the door is shut", || to(&gateway, HOST, THAILAND).send().status == 403);
    let before = slapd.operations().len();
    spray(HOST, "61.19.5.");
    assert_eq!(slapd.operations().len(), before, "{:#?}", slapd.operations());
}

#[test]
fn strangers_cannot_lock_the_traveller_out_of_the_directory() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider("    remember: 0s\n"));
    grant(&gateway, "anna");
    assert_eq!(to(&gateway, HOST, THAILAND).basic("anna", PASSWORD).send().status, 200);
    let guess = |number: usize| {
        let address = format!("61.19.{}.{}", 10 + number / 5, number % 5 + 1);
        let password = format!("gæt nummer {number}");
        get(gateway.address("web"), HOST, "/").from(&address).basic("anna", &password)
    };
    std::thread::scope(|scope| {
        for number in 0..25 {
            scope.spawn(move || assert_eq!(guess(number).send().status, 403));
        }
    });
    let refused = slapd.values("anna", "pwdFailureTime").len();
    assert!((1..=2).contains(&refused) && refused < LOCKOUT, "{refused}");
    assert_eq!(slapd.values("anna", "pwdAccountLockedTime"), Vec::<String>::new());
    assert_eq!(to(&gateway, HOST, THAILAND).basic("anna", PASSWORD).send().status, 200);
    // An old phone of hers sends an old password, again and again: it is asked once.
    let before = slapd.binds("anna");
    for _ in 0..5 {
        assert_eq!(to(&gateway, HOST, THAILAND).basic("anna", "den gamle kode").send().status, 403);
    }
    assert!(slapd.binds("anna") - before <= 1);
    assert_eq!(to(&gateway, HOST, THAILAND).basic("anna", PASSWORD).send().status, 200);
}

#[test]
fn a_proven_password_is_taken_for_a_short_time_and_at_home_everybody_of_the_directory_may_come() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider("    remember: 2s\n"));
    let inner = |name: &str, password: &str| {
        to(&gateway, "inner.example.dk", DENMARK).basic(name, password).send().status
    };
    assert_eq!(inner("bo", PASSWORD), 200);
    for _ in 0..10 {
        assert_eq!(inner("bo", PASSWORD), 200);
    }
    assert_eq!(slapd.binds("bo"), 1);
    assert_eq!(inner("bo", "forkert"), 401);
    assert_eq!(inner("(ole)", PASSWORD), 200);
    for name in ["tvilling", "carl", "dorte", "henvist", "*", "b*"] {
        assert_eq!(inner(name, PASSWORD), 401, "{name}");
    }
    slapd.modify(&format!(
        "dn: uid=bo,{BASE}\nchangetype: modify\nreplace: userPassword\nuserPassword: en ny kode, meget lang\n"
    ));
    eventually("the old password is forgotten", || inner("bo", PASSWORD) == 401);
    assert_eq!(inner("bo", "en ny kode, meget lang"), 200);
}

#[test]
fn only_members_of_a_required_group_come_in() {
    let slapd = Slapd::start();
    let groups = "    required_groups: [\"cn=rejsende,dc=example,dc=dk\"]\n    \
                  group_filter: \"(&(objectClass=groupOfNames)(member={dn}))\"\n";
    let (_upstream, gateway) = running(&slapd, &slapd.provider(groups));
    let inner =
        |name: &str| to(&gateway, "inner.example.dk", DENMARK).basic(name, PASSWORD).send().status;
    assert_eq!((inner("anna"), inner("(ole)"), inner("bo")), (200, 200, 401));
    assert_eq!(slapd.binds("bo"), 0);
}

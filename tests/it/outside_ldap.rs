//! A directory as the organisation's way to know its people: a real OpenLDAP, with StartTLS and with
//! TLS, its log counted.

use std::time::Instant;

use crate::support::client::{Answer, Request, get, post_form};
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
fn explain_asks_the_directory_about_somebody_who_has_never_signed_in() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider(""));
    grant(&gateway, "anna");
    let explain = |user: &str| {
        let line = ["explain", "61.19.0.1", "--site", "kilden", "--json", "--user", user];
        gateway.command(&line)
    };
    for (name, verdict) in [("anna@ballerup.dk", "allow"), ("bo", "deny")] {
        let explained = explain(name);
        assert_eq!(explained.json()["verdict"], verdict, "{name}: {explained:?}");
    }
    let unknown = explain("nobody").expect_code(1);
    assert!(unknown.err.contains("nobody called nobody is found"), "{}", unknown.err);
}

#[test]
fn whoever_is_not_let_in_gets_one_answer_in_one_time_and_only_the_travellers_password_is_asked() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider(""));
    grant(&gateway, "anna");
    grant(&gateway, "carl");
    grant(&gateway, "dorte");
    let before = slapd.about_names().len();
    let attempt = |name: &str, password: &str, number: usize| {
        let request = get(gateway.address("web"), HOST, "/").from(&format!("61.19.3.{number}"));
        let began = Instant::now();
        let answer = request.basic(name, password).send();
        (seen(&answer), began.elapsed())
    };
    let (wrong, took) = attempt("anna", "forkert", 1);
    assert_eq!(wrong.0, 403);
    assert!(took.as_secs_f32() >= 2.0, "{took:?}");
    let asked = slapd.about_names().len() - before;
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
    assert_eq!(slapd.about_names().len() - before, asked, "{:#?}", slapd.about_names());
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
    let before = slapd.about_names().len();
    // Another country, another site, and after the end.
    spray(HOST, "36.110.3.");
    spray("mail.example.dk", "61.19.4.");
    assert_eq!(slapd.about_names().len(), before, "{:#?}", slapd.about_names());
    gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme igen"]).expect_code(0);
    eventually("the door is shut", || to(&gateway, HOST, THAILAND).send().status == 403);
    let before = slapd.about_names().len();
    spray(HOST, "61.19.5.");
    assert_eq!(slapd.about_names().len(), before, "{:#?}", slapd.about_names());
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

/// What a directory has proven a moment ago is no shorter way past another door: whether the password
/// is right is told there by nothing, the time included.
#[test]
fn a_password_that_was_proven_elsewhere_tells_nothing_at_a_door_that_does_not_open() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider("    remember: 10m\n"));
    grant(&gateway, "anna");
    gateway.grant("bo", "VN", &["kilden"]);
    let vietnam = "14.160.0.1";
    eventually("Bo's door", || to(&gateway, HOST, vietnam).send().status == 401);
    assert_eq!(to(&gateway, HOST, THAILAND).basic("anna", PASSWORD).send().status, 200);
    assert_eq!(
        to(&gateway, "inner.example.dk", DENMARK).basic("anna", PASSWORD).send().status,
        200
    );
    let binds = slapd.binds("anna");
    let attempt = |password: &str, number: usize| {
        let from = format!("14.160.3.{number}");
        let began = Instant::now();
        let answer = to(&gateway, HOST, &from).basic("anna", password).send();
        (seen(&answer), began.elapsed())
    };
    let ((wrong, _), (right, took)) = (attempt("forkert", 1), attempt(PASSWORD, 2));
    assert_eq!((wrong.0, &right), (403, &wrong));
    assert!(took.as_secs_f32() >= 2.0, "{took:?}");
    assert_eq!(slapd.binds("anna"), binds);
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

#[test]
fn a_directory_that_is_away_lets_nobody_in_in_the_same_time_and_says_so() {
    let mut slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider("    remember: 0s\n"));
    grant(&gateway, "anna");
    let attempt = |name: &str, number: usize| {
        let request = get(gateway.address("web"), HOST, "/").from(&format!("61.19.3.{number}"));
        let began = Instant::now();
        let answer = seen(&request.basic(name, PASSWORD).send());
        (answer, began.elapsed().as_millis())
    };
    assert_eq!(attempt("anna", 1).0.0, 200);
    let ready = || {
        let answer = get(gateway.address("operations"), "localhost", "/readyz").send();
        assert_eq!(answer.status, 200);
        answer.text()
    };
    let page = |path: &str| get(gateway.address("operations"), "localhost", path).send().text();
    assert!(ready().contains("catalogue answered last at"), "{}", ready());
    slapd.stop();
    let (away, took) = attempt("anna", 2);
    let (nobody, took_nobody) = attempt("nobody", 3);
    assert_eq!((away.0, &away), (403, &nobody));
    for took in [took, took_nobody] {
        assert!((2000..10_000).contains(&took), "{took} ms");
    }
    assert!(ready().contains("catalogue does not answer"), "{}", ready());
    assert!(page("/metrics").contains("geovagt_ldap_up{provider=\"catalogue\"} 0"));
    // Whoever needs no directory is served.
    assert_eq!(to(&gateway, HOST, DENMARK).send().status, 200);
    slapd.start_again();
    eventually("the directory answers again", || attempt("anna", 4).0.0 == 200);
    assert!(page("/metrics").contains("geovagt_ldap_up{provider=\"catalogue\"} 1"));
}

/// A man in the middle who refuses StartTLS, or takes it and speaks on in plain text, hears nothing.
#[test]
fn nothing_is_said_in_plain_text_and_to_nobody_with_another_name() {
    use std::io::{Read as _, Write as _};
    let slapd = Slapd::start();
    for code in [2, 0] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let keeping = std::sync::Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut room = [0; 4096];
                let read = stream.read(&mut room).unwrap_or(0);
                keeping.lock().unwrap().extend_from_slice(&room[..read]);
                // A bind that "succeeds" comes right behind.
                let answer = [
                    0x30, 0x0c, 2, 1, 1, 0x78, 7, 10, 1, code, 4, 0, 4, 0, 0x30, 0x0c, 2, 1, 2,
                    0x61, 7, 10, 1, 0, 4, 0, 4, 0,
                ];
                let _ = stream.write_all(&answer);
                let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(1)));
                while let Ok(read @ 1..) = stream.read(&mut room) {
                    keeping.lock().unwrap().extend_from_slice(&room[..read]);
                }
            }
        });
        let provider = slapd.provider_at(&[&format!("ldap://localhost:{port}")], "");
        let (_upstream, gateway) = running(&slapd, &provider);
        let inner = to(&gateway, "inner.example.dk", DENMARK).basic("anna", PASSWORD).send();
        assert_eq!(inner.status, 401);
        let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
        assert!(heard.contains("1.3.6.1.4.1.1466.20037"), "{heard:?}");
        for secret in ["hemmelighed", "cn=geovagt", "anna", PASSWORD] {
            assert!(!heard.contains(secret), "{secret}: {heard:?}");
        }
    }
    // Its certificate names localhost, and comes from its own authority.
    for server in [
        format!("ldaps://127.0.0.1:{}", slapd.tls.port()),
        format!("ldap://127.0.0.1:{}", slapd.plain.port()),
    ] {
        let (_upstream, gateway) = running(&slapd, &slapd.provider_at(&[&server], ""));
        let inner = to(&gateway, "inner.example.dk", DENMARK).basic("anna", PASSWORD).send();
        assert_eq!(inner.status, 401, "{server}");
    }
    let other = Slapd::start();
    let provider = slapd.provider_at(&[&format!("ldaps://localhost:{}", other.tls.port())], "");
    let (_upstream, gateway) = running(&slapd, &provider);
    let inner = to(&gateway, "inner.example.dk", DENMARK).basic("anna", PASSWORD).send();
    assert_eq!(inner.status, 401);
    assert_eq!((slapd.operations().len(), other.operations().len()), (0, 0));
}

#[test]
fn the_next_server_is_asked_where_the_first_is_away() {
    let slapd = Slapd::start();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("ldap://localhost:{}", silent.local_addr().unwrap().port());
    let there = format!("ldap://localhost:{}", slapd.plain.port());
    let (_upstream, gateway) = running(&slapd, &slapd.provider_at(&[&away, &there], ""));
    let inner = || to(&gateway, "inner.example.dk", DENMARK).basic("anna", PASSWORD).send().status;
    eventually("the second server", || inner() == 200);
}

/// The directory's own names for a traveller open the door too, also when they change.
#[test]
fn a_traveller_comes_under_every_name_and_is_shut_out_when_the_directory_shuts_them_out() {
    let slapd = Slapd::start();
    let filter =
        "    filter: \"(&(objectClass=person)(|(uid={user})(mail={login})))\"\n    remember: 0s\n";
    let (_upstream, gateway) = running(&slapd, &slapd.provider(filter));
    grant(&gateway, "anna");
    let with = |name: &str, number: usize| {
        let from = format!("61.19.3.{number}");
        get(gateway.address("web"), HOST, "/").from(&from).basic(name, PASSWORD).send().status
    };
    let mut number = 0;
    eventually("her mail address", || {
        number += 1;
        with("anna.holm@ballerup.dk", number) == 200
    });
    // Somebody else who is given her old name has nothing of hers.
    slapd.modify(&format!(
        "dn: uid=anna,{BASE}\nchangetype: modrdn\nnewrdn: uid=anna2\ndeleteoldrdn: 1\n\n\
         dn: uid=bo,{BASE}\nchangetype: modrdn\nnewrdn: uid=anna\ndeleteoldrdn: 1\n"
    ));
    let before = slapd.binds("anna");
    assert_eq!(with("anna", 100), 403);
    assert_eq!(slapd.binds("anna"), before);
    assert_eq!(with("anna.holm@ballerup.dk", 101), 200);
    let cookie = sign_in(&gateway, "anna.holm@ballerup.dk");
    let session = || to(&gateway, HOST, THAILAND).header("Cookie", &cookie).send().status;
    assert_eq!(session(), 200);
    slapd.modify(&format!(
        "dn: uid=anna2,{BASE}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"
    ));
    assert_eq!(with("anna.holm@ballerup.dk", 103), 403);
    assert_eq!(session(), 401);
}

/// The session's cookie of somebody who used the form.
fn sign_in(gateway: &Gateway, name: &str) -> String {
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let page = to_page(gateway, "/.geovagt/sign-in").browser().send();
    assert_eq!(page.status, 200);
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let text = page.text();
    let token = text.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let (name, password) = (encoded(name), encoded(PASSWORD));
    let form = format!("name={name}&password={password}&csrf={token}&next=%2F");
    let answer = post_form(gateway.address("web"), HOST, "/.geovagt/sign-in", &form)
        .from(THAILAND)
        .header("Cookie", &cookie)
        .browser()
        .send();
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn to_page(gateway: &Gateway, path: &str) -> Request {
    get(gateway.address("web"), HOST, path).from(THAILAND)
}

#[test]
fn check_asks_the_directory_and_says_what_is_wrong_with_it() {
    let slapd = Slapd::start();
    let upstream = Upstream::start();
    let said = |provider: &str| {
        let gateway = Gateway::prepare(&with_directory(&upstream, provider));
        let printed = gateway.command(&["check"]);
        (printed.code, printed.err.clone() + &printed.out)
    };
    let good = slapd.provider("");
    let (_, text) = said(&good);
    assert!(!text.contains("the directory"), "{text}");
    let before = slapd.operations().len();
    assert!(before > 0);
    for (from, to, expected) in [
        ("cn=geovagt,dc", "cn=nobody,dc", "does not take the service account"),
        ("base: \"ou=people,", "base: \"ou=nothing,", "shows nobody under `base`"),
        (
            "    timeout: 2s",
            "    timeout: 2s\n    subject: employeeNumber",
            "without the attribute `subject`",
        ),
        ("localhost", "127.0.0.1", "cannot be reached over TLS"),
    ] {
        let (code, text) = said(&good.replacen(from, to, 1));
        assert!(text.contains(expected), "{expected}: {text}");
        assert_eq!(code, 1);
        assert!(!text.contains("hemmelighed"), "{text}");
    }
}

/// Mail with a real directory behind it: what the phone sends goes on to the server, which asks the
/// same directory.
#[test]
fn a_phone_is_served_with_the_directorys_password_and_the_mail_server_gets_it() {
    let slapd = Slapd::start();
    let (_upstream, gateway) = running(&slapd, &slapd.provider(""));
    let sync = |user: &str| {
        get(gateway.address("web"), HOST, "/Microsoft-Server-ActiveSync?Cmd=FolderSync")
            .method("POST")
            .from(THAILAND)
            .basic(user, PASSWORD)
            .header("Content-Type", "application/vnd.ms-sync.wbxml")
            .header("User-Agent", "Apple-iPad7C3/2204.101")
            .send()
    };
    let waits = sync("BALLERUP\\anna");
    assert_eq!((waits.status, waits.header("retry-after")), (403, Some("300")));
    grant(&gateway, "anna");
    let served = sync("BALLERUP\\anna");
    assert_eq!(served.status, 200);
    assert!(served.json()["headers"].to_string().contains("\"authorization\""));
    let waits = sync("BALLERUP\\bo");
    assert_eq!((waits.status, waits.header("retry-after")), (403, Some("300")));
    assert_eq!(slapd.binds("bo"), 0);
}

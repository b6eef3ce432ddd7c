//! Notices by mail, with a real mail server and real readers of mail and calendars.

use serde_json::Value;

use crate::support::gateway::{Gateway, configuration, eventually, eventually_some, journey};
use crate::support::outside::curl;
use crate::support::smtp::{MailServer, header};

const PASSWORD: &str = "a long enough password";

fn started(server: &MailServer, more: &str) -> Gateway {
    let notices = server.configuration(more);
    let gateway = Gateway::start(&configuration("http://127.0.0.1:9", &notices));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway
}

/// A journey that is approved at once, whose traveller is reached at `mail`.
fn travels(gateway: &Gateway, mail: &str, more: &[&str]) -> String {
    let id = gateway.grant("anna.holm", "KP,IR", &["kilden", "mail"]);
    let contact = ["exemption", "contact", &id, "--mail", mail, "--name", "Anna Holm"];
    gateway.command(&[&contact[..], more].concat()).expect_code(0);
    id
}

fn notices(gateway: &Gateway, flags: &[&str]) -> Vec<Value> {
    let listed = gateway.command(&[&["notices", "list", "--json"], flags].concat()).expect_code(0);
    listed.json().as_array().unwrap().clone()
}

fn operations(gateway: &Gateway, path: &str) -> String {
    curl(&[&format!("http://{}{path}", gateway.address("operations"))]).1
}

fn part(gateway: &Gateway) -> Value {
    let ready: Value = serde_json::from_str(&operations(gateway, "/readyz")).unwrap();
    let parts = ready["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == "notices").unwrap().clone()
}

#[test]
fn a_traveller_hears_of_the_approval_and_of_its_end() {
    let server = MailServer::start();
    let gateway = started(&server, "");
    let checked = gateway.command(&["check"]);
    assert!(!checked.err.contains("notices cannot be sent"), "{}", checked.err);
    let id = travels(&gateway, "anna@example.org", &["--sms-mail", "4512345678@sms.example.org"]);
    let messages = server.messages(2);
    let to = |address: &str| {
        messages.iter().find(|message| message["to"][0] == address).unwrap().clone()
    };
    let (mail, sms) = (to("anna@example.org"), to("4512345678@sms.example.org"));
    for message in [&mail, &sms] {
        assert_eq!(message["from"], "rejser@ballerup.example.dk");
        assert_eq!((&message["tls"], &message["authenticated"]), (&true.into(), &true.into()));
        assert_eq!(message["defects"], serde_json::json!([]));
        assert_eq!(header(message, "From"), ["Rejser i Ballerup <rejser@ballerup.example.dk>"]);
        assert_eq!(header(message, "Auto-Submitted"), ["auto-generated"]);
        assert_eq!(header(message, "To").len() + header(message, "Message-ID").len(), 2);
        assert!(message["longest_line"].as_u64().unwrap() <= 998);
    }
    let text = mail["text"].as_str().unwrap();
    assert!(text.starts_with("Hej Anna\n\nDu kan bruge kilden og mail fra "), "{text}");
    assert!(text.contains("(dansk tid)") && text.contains("+45 44 77 20 00"), "{text}");
    assert!(header(&mail, "Subject")[0].starts_with("Din rejseundtagelse er godkendt: "));
    let short = sms["text"].as_str().unwrap().trim_end();
    assert!(short.chars().count() <= 300 && !short.contains('\n'), "{short}");
    assert_eq!(sms["calendar"], Value::Null);
    let calendar = &mail["calendar"];
    assert_eq!(
        (&calendar["method"], &calendar["part_method"], &calendar["zones"]),
        (&"PUBLISH".into(), &"PUBLISH".into(), &serde_json::json!(["Europe/Copenhagen"]))
    );
    assert_eq!(
        (&calendar["type"], &calendar["file"]),
        (&"text/calendar".into(), &"rejse.ics".into())
    );
    assert_eq!(
        (&calendar["errors"], &calendar["lines_end_well"]),
        (&serde_json::json!([]), &true.into())
    );
    assert!(calendar["longest_line"].as_u64().unwrap() <= 75);
    let event = &calendar["events"][0];
    let shown = gateway.command(&["exemption", "show", &id, "--json"]).expect_code(0).json();
    for (part, instant) in [("start", "from"), ("end", "until")] {
        let in_calendar: jiff::Timestamp = event[part].as_str().unwrap().parse().unwrap();
        let granted: jiff::Timestamp = shown["legs"][0][instant].as_str().unwrap().parse().unwrap();
        assert_eq!(in_calendar, granted, "{event}");
    }

    let revoke =
        ["exemption", "revoke", &id, "--reason", "Rejsen er aflyst; sig: til, Bcc: x@y.dk"];
    gateway.command(&revoke).expect_code(0);
    let messages = server.messages(4);
    let revoked = messages[2..].iter().find(|m| m["to"][0] == "anna@example.org").unwrap();
    assert!(revoked["text"].as_str().unwrap().contains("Rejsen er aflyst; sig: til, Bcc: x@y.dk"));
    assert_eq!(header(revoked, "Bcc"), Vec::<&str>::new());
    let cancelled = &revoked["calendar"]["events"][0];
    assert_eq!(
        (&revoked["calendar"]["method"], &cancelled["status"]),
        (&"CANCEL".into(), &"CANCELLED".into())
    );
    assert_eq!(cancelled["uid"], event["uid"]);
    assert!(cancelled["sequence"].as_u64() > event["sequence"].as_u64());
    eventually("all are sent", || notices(&gateway, &[]).iter().all(|one| one["state"] == "sent"));
    assert_eq!(server.count(), 4, "each once");
    let metrics = operations(&gateway, "/metrics");
    assert!(
        metrics.contains("geovagt_notices_total{outcome=\"sent\",channel=\"mail\"} 2"),
        "{metrics}"
    );
    let log = serde_json::to_string(&gateway.log()).unwrap();
    assert!(!log.contains("example.org"), "addresses do not stand in the log of operations");
}

#[test]
fn what_is_refused_is_shown_and_what_is_deferred_is_tried_again() {
    let server = MailServer::start();
    let gateway = started(&server, "");
    server.set("defer", true);
    let gone = travels(&gateway, "gone@example.org", &[]);
    let later = travels(&gateway, "later@example.org", &[]);
    let failed = eventually_some("it is given up", || notices(&gateway, &["--failed"]).pop());
    assert_eq!((&failed["exemption"], &failed["attempts"]), (&gone.as_str().into(), &1.into()));
    let problem = failed["problem"].as_str().unwrap();
    assert!(problem.contains("550") && !problem.contains('\n'), "{problem}");
    let waits = eventually_some("it is deferred", || {
        let waiting = notices(&gateway, &["--waiting", "--exemption", &later]);
        waiting.into_iter().find(|one| one["problem"].as_str().is_some_and(|p| p.contains("451")))
    });
    assert_eq!(waits["channel"], "mail");
    eventually("readiness tells", || part(&gateway)["warning"] == true);
    let shown = part(&gateway);
    assert_eq!(shown["ready"], true);
    assert!(shown["detail"].as_str().unwrap().contains("1 failed"), "{shown}");
    assert!(operations(&gateway, "/metrics").contains("geovagt_notices_failed 1"));
    assert_eq!(server.count(), 0);
    // By itself, after its pause.
    server.set("defer", false);
    let [message] = &server.messages(1)[..] else { panic!() };
    assert_eq!(message["to"][0], "later@example.org");
    // A corrected address, and somebody who says so.
    gateway.command(&["exemption", "contact", &gone, "--mail", "anna@example.org"]).expect_code(0);
    gateway.command(&["notices", "retry"]).expect_code(0);
    let messages = server.messages(2);
    assert_eq!(messages[1]["to"][0], "anna@example.org");
    eventually("all is well", || part(&gateway)["warning"] == false);
    gateway.command(&["notices", "retry", failed["id"].as_str().unwrap()]).expect_code(1);
}

#[test]
fn a_server_that_was_away_gets_everything_once() {
    let mut server = MailServer::prepare();
    let gateway = started(&server, "");
    let id = travels(&gateway, "anna@example.org", &[]);
    gateway.command(&["exemption", "close", &id]).expect_code(0);
    eventually("readiness tells", || {
        part(&gateway)["detail"].as_str().unwrap().contains("cannot be reached")
    });
    assert!(gateway.command(&["check"]).err.contains("notices cannot be sent"));
    assert_eq!(notices(&gateway, &["--failed"]), Vec::<Value>::new());
    server.run();
    let messages = server.messages(2);
    let subjects: Vec<&str> = messages.iter().flat_map(|m| header(m, "Subject")).collect();
    assert!(subjects[0].contains("godkendt") && subjects[1].contains("afsluttet"), "{subjects:?}");
    eventually("all is well", || part(&gateway)["warning"] == false);
    assert_eq!(server.count(), 2);
}

#[test]
fn after_a_crash_before_the_answer_it_comes_again_under_the_same_id() {
    let server = MailServer::start();
    let mut gateway = started(&server, "");
    server.set("hold", true);
    travels(&gateway, "anna@example.org", &[]);
    eventually("the server has it", || server.count() == 1);
    gateway.signal("KILL");
    gateway.wait();
    server.set("hold", false);
    gateway.run();
    let messages = server.messages(2);
    let [first, second] = &messages[..] else { panic!("{messages:#?}") };
    assert_eq!(header(first, "Message-ID"), header(second, "Message-ID"));
    assert_eq!(first["calendar"]["events"], second["calendar"]["events"]);
    eventually("it is sent", || {
        notices(&gateway, &[]).iter().any(|one| one["state"] == "sent" && one["attempts"] == 2)
    });
}

#[test]
fn nobody_who_is_not_the_mail_server_gets_anything() {
    let server = MailServer::start();
    let stranger = MailServer::prepare();
    let own = server.configuration("");
    let ca = |of: &MailServer| of.authority.file.display().to_string();
    let notices = own.replace(&ca(&server), &ca(&stranger));
    assert_ne!(own, notices);
    let gateway = Gateway::start(&configuration("http://127.0.0.1:9", &notices));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    travels(&gateway, "anna@example.org", &[]);
    eventually("readiness tells", || part(&gateway)["detail"].as_str().unwrap().contains("TLS"));
    assert_eq!(server.count(), 0);
}

#[test]
fn a_wrong_password_is_the_servers_trouble_and_no_message_is_given_up_for_it() {
    let server = MailServer::start();
    let configured = server.configuration("").replace("user: geovagt", "user: somebody");
    let gateway = Gateway::start(&configuration("http://127.0.0.1:9", &configured));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    travels(&gateway, "anna@example.org", &[]);
    eventually("readiness tells", || part(&gateway)["detail"].as_str().unwrap().contains("535"));
    assert_eq!(notices(&gateway, &["--failed"]), Vec::<Value>::new());
    let log = serde_json::to_string(&gateway.log()).unwrap();
    assert!(!log.contains("correct horse"), "{log}");
    assert_eq!(server.count(), 0);
}

#[test]
fn a_travel_link_goes_to_the_traveller_alone() {
    let server = MailServer::start();
    let gateway = started(&server, "");
    let id = gateway.grant("anna.holm", "KP", &["kilden"]);
    let send = ["exemption", "link", id.as_str(), "--send"];
    let refused = gateway.command(&send).expect_code(1);
    assert!(refused.err.contains("geovagt exemption contact"), "{}", refused.err);
    assert!(!refused.out.contains("/rejse/"), "{}", refused.out);
    gateway.command(&["exemption", "contact", &id, "--mail", "anna@example.org"]).expect_code(0);
    server.messages(1);
    let sent = gateway.command(&send).expect_code(0);
    assert!(!sent.out.contains("/rejse/") && !sent.err.contains("/rejse/"), "{}", sent.err);
    let mail = server.messages(2)[1].clone();
    assert_eq!(mail["to"][0], "anna@example.org");
    let text = mail["text"].as_str().unwrap();
    assert_eq!(text.matches("https://kilden.example.dk/.geovagt/rejse/").count(), 1, "{text}");
    let shown = gateway.command(&["exemption", "link", id.as_str()]).expect_code(0);
    assert_eq!(shown.out.matches("/.geovagt/rejse/").count(), 1, "{}", shown.out);
}

/// The travel link in a message.
fn link_in(message: &Value) -> String {
    let text = message["text"].as_str().unwrap();
    let from = text.find("https://kilden.example.dk/.geovagt/rejse/").expect(text);
    text[from..].split_whitespace().next().unwrap().to_owned()
}

/// Whether any file of the gateway's holds this text.
fn is_kept(gateway: &Gateway, text: &str) -> bool {
    let state = gateway.directory().join("state");
    let mut directories = vec![state];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(text.len()).any(|window| window == text.as_bytes())
            {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_travel_link_is_the_same_at_each_attempt_and_kept_nowhere() {
    let server = MailServer::start();
    let mut gateway = started(&server, "");
    let id = travels(&gateway, "anna@example.org", &[]);
    server.messages(1);
    server.set("hold", true);
    gateway.command(&["exemption", "link", &id, "--send"]).expect_code(0);
    eventually("the server has it", || server.count() == 2);
    gateway.signal("KILL");
    gateway.wait();
    server.set("hold", false);
    gateway.run();
    let messages = server.messages(3);
    let link = link_in(&messages[1]);
    assert_eq!(link, link_in(&messages[2]));
    eventually("it is sent", || {
        notices(&gateway, &[]).iter().any(|one| one["state"] == "sent" && one["attempts"] == 2)
    });
    assert!(is_kept(&gateway, &id), "there is something to look at");
    assert!(!is_kept(&gateway, link.rsplit('/').next().unwrap()));
}

#[test]
fn a_travel_link_that_waits_is_not_sent_after_a_revocation() {
    let server = MailServer::start();
    let gateway = started(&server, "");
    server.set("defer", true);
    let id = travels(&gateway, "later@example.org", &[]);
    gateway.command(&["exemption", "link", &id, "--send"]).expect_code(0);
    eventually("both are tried", || {
        let tried = notices(&gateway, &[]);
        tried.iter().filter(|one| one["attempts"].as_u64() >= Some(1)).count() >= 2
    });
    gateway.command(&["exemption", "revoke", &id, "--reason", "aflyst"]).expect_code(0);
    server.set("defer", false);
    // A corrected address hurries what waits.
    gateway.command(&["exemption", "contact", &id, "--mail", "anna@example.org"]).expect_code(0);
    eventually("nothing waits", || {
        notices(&gateway, &[]).iter().all(|one| one["state"] != "waiting")
    });
    for message in server.messages(1) {
        assert!(!message["text"].as_str().unwrap().contains("/rejse/"), "{message}");
    }
    let withheld = notices(&gateway, &[]);
    assert!(withheld.iter().any(|one| one["channel"] == "mail" && one["state"] == "withheld"));
}

#[test]
fn where_a_device_is_demanded_the_link_goes_out_with_the_approval() {
    let server = MailServer::start();
    let gateway = started(&server, "");
    let leg = format!("CN {}", journey());
    let grant = ["exemption", "grant", "--json", "--organization", "ballerup", "--person"];
    let journey = ["anna.holm", "--leg", &leg, "--site", "kilden", "--purpose", "p"];
    let case = ["--case", "26/1", "--by", "Bente Lund"];
    let granted = gateway.command(&[&grant[..], &journey, &case].concat()).expect_code(0);
    let id = granted.json()["id"].as_str().unwrap().to_owned();
    gateway.command(&["exemption", "contact", &id, "--mail", "anna@example.org"]).expect_code(0);
    let links = |messages: &[Value]| {
        let texts = messages.iter().filter_map(|message| message["text"].as_str());
        texts.map(|text| text.matches("/.geovagt/rejse/").count()).sum::<usize>()
    };
    assert_eq!(links(&server.messages(1)), 0, "nobody has approved it");
    let approve = ["exemption", "approve", id.as_str(), "--by", "Carl Friis"];
    let approved = gateway.command(&approve).expect_code(0);
    assert!(approved.err.contains("by mail"), "{}", approved.err);
    eventually("the link arrives", || links(&server.messages(server.count())) == 1);
}

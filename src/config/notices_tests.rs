use super::*;
use crate::config::render::plain;
use crate::config::{Config, SourceFile, Surroundings, examine_source};

const SMALL: &str = "\
country_lists: {cfcs: cfcs.yaml}
policies: {standard: {list: cfcs}}
organizations:
  ballerup: {name: Ballerup Kommune, policy: standard}
  egedal: {name: Egedal Kommune, policy: standard}
listeners: [{name: web, bind: [\"127.0.0.1:0\"]}]
sites:
  kilden: {organization: ballerup, hosts: [a.dk], upstream: {servers: [\"http://10.1.0.10\"]}}
  web: {organization: egedal, hosts: [b.dk], upstream: {servers: [\"http://10.1.0.10\"]}}
";

fn examined(notices: &str) -> (Option<Config>, String) {
    let surroundings = Surroundings {
        environment: &|name| (name == "PASSWORD").then(|| "hunter2".to_owned()),
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: false,
    };
    let source = SourceFile::new("/etc/geovagt/gateway.yaml", &format!("{SMALL}{notices}"));
    let examined = examine_source(source, surroundings);
    let shown: Vec<String> =
        examined.findings.iter().map(|f| plain(f, &examined.sources)).collect();
    (examined.config, shown.join("\n"))
}

fn notices(text: &str) -> Notices {
    let (config, shown) = examined(text);
    config.unwrap_or_else(|| panic!("{shown}")).notices.unwrap()
}

#[test]
fn absent_sends_nothing() {
    assert_eq!(examined("").0.unwrap().notices, None);
}

#[test]
fn what_is_left_out_has_its_default() {
    let notices = notices(
        "notices: {smtp: {host: mail.example.dk}, sender: \"Rejser <rejser@example.dk>\"}\n",
    );
    let Smtp { host, port, security, ca, login, timeout } = notices.smtp.clone();
    assert_eq!((host.as_str(), port, security), ("mail.example.dk", 587, SmtpSecurity::StartTls));
    assert_eq!((ca, login, timeout), (None, None, Duration::from_secs(30)));
    assert_eq!(notices.give_up_after, Duration::from_secs(48 * 3600));
    let ballerup = OrganizationId::parse("ballerup").unwrap();
    let sender = notices.sender(&ballerup).unwrap();
    assert_eq!(sender.name.as_deref(), Some("Rejser"));
    assert_eq!(sender.address.as_str(), "rejser@example.dk");
}

#[test]
fn an_organisation_has_its_own_sender_or_sends_nothing() {
    let notices = notices(
        "notices:
  smtp: {host: mail.example.dk, security: tls, user: geovagt, password: \"${PASSWORD}\"}
  sender: rejser@example.dk
  organizations:
    ballerup: {sender: \"Ballerup <rejser@ballerup.example.dk>\"}
    egedal: {enabled: false}
",
    );
    let of = |id: &str| notices.sender(&OrganizationId::parse(id).unwrap());
    assert_eq!(of("ballerup").unwrap().address.as_str(), "rejser@ballerup.example.dk");
    assert_eq!(of("egedal"), None);
    assert_eq!(notices.smtp.port, 465);
    assert!(!format!("{notices:?}").contains("hunter2"), "{notices:?}");
}

#[test]
fn what_cannot_be_says_where_and_the_way_out() {
    for (text, says, help) in [
        ("{}", "the key `smtp` is missing here", "add `smtp:`"),
        ("{smtp: {}, sender: a@b.dk}", "the key `host` is missing here", "add `host:`"),
        ("{smtp: {host: m.dk}}", "the key `sender` is missing here", "add `sender:`"),
        ("{smtp: {host: m.dk}, sender: nobody}", "`nobody` is no mail address", "write it as"),
        (
            "{smtp: {host: m.dk}, sender: \"A\\r\\nBcc: x@y.dk <a@b.dk>\"}",
            "has a name that cannot be shown",
            "write it as",
        ),
        ("{smtp: {host: \"m.dk:25\"}, sender: a@b.dk}", "is no host", "name or address alone"),
        (
            "{smtp: {host: m.dk, security: none}, sender: a@b.dk}",
            "mail goes without TLS to another machine",
            "`security: starttls`",
        ),
        (
            "{smtp: {host: m.dk, user: a}, sender: a@b.dk}",
            "`user` stands here without `password`",
            "${file:secrets/smtp}",
        ),
        ("{smtp: {host: m.dk, password: a}, sender: a@b.dk}", "without `user`", "add `user:`"),
        ("{smtp: {host: m.dk, tls: x}, sender: a@b.dk}", "unknown key `tls`", ""),
        (
            "{smtp: {host: m.dk}, sender: a@b.dk, organizations: {balerup: {}}}",
            "no organisation is called `balerup`",
            "ballerup",
        ),
    ] {
        let (config, shown) = examined(&format!("notices: {text}\n"));
        assert!(config.is_none(), "{text}");
        assert!(shown.contains(says) && shown.contains(help), "{text}: {shown}");
        assert!(shown.contains("gateway.yaml:10:"), "{text}: {shown}");
    }
    let local = "notices: {smtp: {host: 127.0.0.1, security: none}, sender: a@b.dk}\n";
    assert_eq!(notices(local).smtp.port, 25);
}

#[test]
fn a_password_in_the_file_is_warned_of_and_never_said_back() {
    let text = "{smtp: {host: m.dk, user: a, password: hunter3}, sender: a@b.dk}";
    let (config, shown) = examined(&format!("notices: {text}\n"));
    assert!(config.is_some() && shown.contains("a password stands here"), "{shown}");
    let (_, shown) = examined("notices: {smtp: {host: m.dk, user: a, password: \"\"}}\n");
    assert!(shown.contains("the password is empty"), "{shown}");
}

use super::*;
use crate::config::render::plain;
use crate::config::{SourceFile, Surroundings, examine_source};

const SMALL: &str = "\
country_lists: {cfcs: cfcs.yaml}
policies: {standard: {list: cfcs}}
organizations:
  ballerup: {name: Ballerup Kommune, policy: standard}
listeners: [{name: web, bind: [\"127.0.0.1:0\"]}]
sites:
  kilden: {organization: ballerup, hosts: [a.dk], upstream: {servers: [\"http://10.1.0.10\"]}}
";

fn examined(anchors: &str) -> Result<Vec<Anchor>, String> {
    let surroundings = Surroundings {
        environment: &|_| None,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: false,
    };
    let text = format!("{SMALL}audit: {{anchors: [{anchors}]}}\n");
    let examined =
        examine_source(SourceFile::new("/etc/geovagt/gateway.yaml", &text), surroundings);
    let shown: Vec<String> =
        examined.findings.iter().map(|f| plain(f, &examined.sources)).collect();
    examined.config.map(|config| config.audit.anchors).ok_or_else(|| shown.join("\n"))
}

#[test]
fn each_kind_has_its_defaults() {
    let anchors = examined(
        "{kind: file, path: heads.jsonl}, {kind: syslog, host: siem.example.dk}, \
         {kind: syslog, host: 192.0.2.1, security: none}, {kind: mail, to: [a@example.dk]}",
    )
    .unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(anchors[0].target, AnchorTarget::File("/etc/geovagt/heads.jsonl".into()));
    let syslog =
        |host: &str, port, tls| AnchorTarget::Syslog { host: host.into(), port, tls, ca: None };
    assert_eq!(anchors[1].target, syslog("siem.example.dk", 6514, true));
    assert_eq!(anchors[2].target, syslog("192.0.2.1", 601, false));
    assert_eq!(anchors[2].interval, hour);
    assert_eq!(anchors[3].interval, 24 * hour);
    assert_eq!(anchors[3].target.name(), "mail a@example.dk");
}

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    for (anchor, says) in [
        ("{path: x}", "`kind` is missing"),
        ("{kind: file}", "`path` is missing"),
        ("{kind: carrier_pigeon}", "one of the words"),
        ("{kind: syslog}", "`host` is missing"),
        ("{kind: syslog, host: \"a b\"}", "is no host"),
        ("{kind: syslog, host: a.dk, port: 0}", "outside what can stand here"),
        ("{kind: mail, to: []}", "names nobody"),
        ("{kind: mail, to: [\"a b@x\"]}", "is no mail address"),
        ("{kind: file, path: x, host: a.dk}", "belongs to another kind"),
        ("{kind: file, path: x, interval: 0s}", "0s"),
    ] {
        let shown = examined(anchor).unwrap_err();
        assert!(shown.contains(says), "{anchor}: {shown}");
    }
}

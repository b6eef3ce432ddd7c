use std::time::Duration;

use super::*;
use crate::config::{Examined, SourceFile, Surroundings, examine_source};

/// A configuration whose line 9 is this block.
fn examined(block: &str) -> Examined {
    let text = format!(
        "country_lists: {{cfcs: cfcs.yaml}}
policies: {{standard: {{list: cfcs}}}}
organizations: {{b: {{name: B, policy: standard}}}}
listeners: [{{name: web, bind: [\"127.0.0.1:0\"]}}]
sites:
  kilden:
    organization: b
    hosts: [kilden.example.dk]
    upstream: {{{block}}}
"
    );
    let surroundings = Surroundings {
        environment: &|_| None,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: true,
    };
    examine_source(SourceFile::new("/etc/geovagt/gateway.yaml", &text), surroundings)
}

fn upstream(block: &str) -> Upstream {
    let examined = examined(block);
    let config = examined.config.unwrap_or_else(|| panic!("{:#?}", examined.findings));
    config.sites.values().next().unwrap().upstream.clone()
}

#[test]
fn a_url_is_enough() {
    let seconds = Duration::from_secs;
    let expected = Upstream {
        servers: vec![UpstreamServer {
            url: "http://10.1.0.10:8080".parse().unwrap(),
            weight: 1,
            drain: false,
        }],
        affinity: Affinity::None,
        protocol: UpstreamProtocol::Auto,
        host: UpstreamHost::Preserve,
        tls: UpstreamTls::default(),
        timeouts: UpstreamTimeouts::default(),
        connections: Connections { maximum: None, queue: 100, wait: seconds(1) },
        retries: Retries { attempts: 2, percent: 20, floor: 10 },
        ejection: Ejection { failures: 5, back_off: seconds(10), longest: seconds(300) },
        slow_start: seconds(30),
        health: None,
        resolve_every: seconds(30),
    };
    assert_eq!(upstream("servers: [\"http://10.1.0.10:8080\"]"), expected);
    let example = include_str!("../../../config/gateway.yaml");
    let surroundings = Surroundings {
        environment: &|_| None,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only: true,
    };
    let examined = examine_source(SourceFile::new("gateway.yaml", example), surroundings);
    let config = examined.config.unwrap_or_else(|| panic!("{:#?}", examined.findings));
    assert_eq!(config.sites.values().next().unwrap().upstream, expected, "what is documented");
}

#[test]
fn everything_can_be_said() {
    let all = upstream(
        "servers: [{url: \"https://a.internal\", weight: 3}, {url: \"https://b.internal\", \
         drain: true}], protocol: http2, host: mail.internal, tls: {ca: ca.pem, certificate: \
         own.pem, key: own.key, server_name: c.internal}, timeouts: {connect: 1s, response: 2s, \
         idle: 3s}, connections: {maximum: 5, queue: 0, wait: 0s}, health: {path: /health?a, \
         status: \"204\", rise: 1, fall: 1}",
    );
    assert_eq!((all.servers[0].weight, all.servers[1].drain), (3, true));
    assert_eq!(all.protocol, UpstreamProtocol::Http2);
    assert_eq!(all.host, UpstreamHost::Literal("mail.internal".parse().unwrap()));
    assert_eq!(all.tls.ca, Some("/etc/geovagt/ca.pem".into()), "beside the file");
    assert_eq!(all.tls.server_name, Some("c.internal".try_into().unwrap()));
    assert_eq!(all.timeouts.response, Some(Duration::from_secs(2)));
    assert_eq!((all.connections.maximum, all.connections.queue), (Some(5), 0));
    let health = all.health.unwrap();
    assert_eq!((health.path.as_str(), health.status), ("/health?a", 204..=204));
}

#[test]
fn what_cannot_be_is_said() {
    let https = "servers: [\"https://a\"]";
    let cases = [
        ("servers: []".to_owned(), "no server to forward to"),
        ("protocol: http1".to_owned(), "the key `servers` is missing here"),
        ("servers: [\"http://a\", \"http://a\"]".to_owned(), "http://a/ stands here twice"),
        ("servers: [{weight: 2}]".to_owned(), "the key `url` is missing here"),
        ("servers: [{url: \"http://a\", wait: 2}]".to_owned(), "unknown key `wait`"),
        (
            "servers: [{url: \"http://a\", weight: 0}]".to_owned(),
            "0 lies outside what can stand here",
        ),
        (
            "servers: [\"http://a\"], tls: {ca: a.pem}".to_owned(),
            "no server's URL says https, so TLS would not be spoken to any",
        ),
        (format!("{https}, tls: {{key: a.key}}"), "the key `certificate` is missing here"),
        (format!("{https}, tls: {{certificate: a.pem}}"), "the key `key` is missing here"),
        (format!("{https}, tls: {{server_name: \"a b\"}}"), "`a b` is not a host"),
        (format!("{https}, host: \"a b\""), "`a b` is not a host"),
        (format!("{https}, host: \"u@a\""), "`u@a` is not a host"),
        (format!("{https}, protocol: h2"), "`h2` is not one of the words that can stand here"),
        (format!("{https}, health: {{}}"), "the key `path` is missing here"),
        (format!("{https}, health: {{path: health}}"), "`health` is not a path"),
        (format!("{https}, health: {{path: /, status: 99-200}}"), "`99-200` is not a status"),
        (format!("{https}, timeouts: {{response: 3h}}"), "`3h` lies outside what can stand here"),
    ];
    for (block, says) in cases {
        let examined = examined(&block);
        assert!(examined.config.is_none(), "{block}");
        let said: Vec<_> = examined.findings.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(said, [says], "{block}");
        let finding = &examined.findings[0];
        assert_eq!(finding.place.as_ref().map(|place| place.line), Some(9), "{block}");
        assert!(finding.help.is_some() || says.starts_with("unknown"), "{block}");
    }
}

#[test]
fn a_site_that_is_drained_whole_is_warned_of() {
    let examined = examined("servers: [{url: \"http://a\", drain: true}]");
    assert!(examined.config.is_some());
    assert!(examined.findings[0].message.contains("every request is answered 503"));
}

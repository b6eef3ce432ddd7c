//! Listeners and sites for TCP.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{MailProtocol, TcpRoute, TcpSite};
use crate::identifier::SiteId;

const MAIL: &str = "\
country_lists: {cfcs: cfcs.yaml}
policies:
  standard:
    list: cfcs
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
listeners:
  - name: imaps
    bind: [\"0.0.0.0:993\"]
    protocol: tcp
    tls: {certificates: [{chain: chain.pem, key: key.pem}]}
    site: imap
  - name: web
    bind: [\"127.0.0.1:0\"]
sites:
  imap:
    organization: ballerup
    upstream: {servers: [\"tcp://10.1.0.20:143\"]}
    tcp: {mail: imap, grants_of: webmail}
  webmail:
    organization: ballerup
    hosts: [mail.example.dk]
    upstream: {servers: [\"http://10.1.0.20:8080\"]}
    address_grant: 12h
";

fn with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(MAIL.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn what_is_left_out_suits_imap() {
    let config = config(MAIL);
    assert_eq!(shown(MAIL), "");
    let [imaps, web] = config.listeners.as_slice() else { panic!("two listeners") };
    let [(imap, site), (_, webmail)] = &config.sites.iter().collect::<Vec<_>>()[..] else {
        panic!("two sites")
    };
    assert_eq!(imaps.tcp, Some(TcpRoute::Site((*imap).clone())));
    assert_eq!(web.tcp, None);
    let tcp = site.tcp.as_ref().unwrap();
    assert_eq!((tcp.mail, tcp.proxy_protocol), (Some(MailProtocol::Imap), false));
    // A client in IDLE may be silent for 29 minutes (RFC 2177).
    assert!(tcp.idle > Duration::from_secs(30 * 60) && tcp.lifetime > tcp.idle);
    assert_eq!(webmail.tcp, None);
    assert!(!tcp.login && tcp.login_timeout == Duration::from_secs(30));
    let plain = with(&[("    tcp: {mail: imap, grants_of: webmail}\n", "")]);
    assert_eq!(self::config(&plain).sites.values().next().unwrap().tcp, Some(TcpSite::default()));
}

/// One host is the name of several of a mail server's ports.
#[test]
fn the_same_host_may_stand_at_several_listeners() {
    let text = with(&[
        (
            "  - name: web",
            "  - {name: pops, bind: [\"0.0.0.0:995\"], protocol: tcp, sites: [pop]}\n  - name: web",
        ),
        ("    site: imap\n", "    sites: [imap]\n"),
        (
            "  imap:\n",
            "  pop: {organization: ballerup, hosts: [mail.example.dk], upstream: {servers: [\"tcp://10.1.0.20:995\"]}}\n  imap:\n    hosts: [mail.example.dk]\n",
        ),
    ]);
    assert_eq!(shown(&text), "");
}

#[test]
fn servers_may_speak_tls() {
    let tls = "tls: {ca: ca.pem, certificate: a.pem, key: a.key, server_name: mail.internal}";
    let servers = "{servers: [\"tcp://10.1.0.20:143\"]}";
    for servers_in_tls in ["\"tls://10.1.0.20:993\"", "\"tls://a:993\", \"tls://b:993\""] {
        let text = with(&[(servers, &format!("{{servers: [{servers_in_tls}], {tls}}}"))]);
        assert_eq!(shown(&text), "");
        let site = Arc::clone(&config(&text).sites[&SiteId::parse("imap").unwrap()]);
        assert!(site.tcp.is_some() && site.upstream.servers[0].is_secure());
        assert!(site.upstream.tls.ca.is_some() && site.upstream.tls.certificate.is_some());
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_a_way_out() {
    let site = "    site: imap\n";
    let server = "\"tcp://10.1.0.20:143\"";
    let upstream = "upstream: {servers: [\"tcp://10.1.0.20:143\"]}";
    let keys = "    tcp: {mail: imap, grants_of: webmail}\n";
    for (changes, says) in [
        (&[(site, "")][..], "it is not said where the connections of this listener go"),
        (&[(site, "    site: imap\n    sites: [imap]\n")], "stand beside each other"),
        (&[(site, "    sites: []\n")], "it is not said where"),
        (&[(site, "    site: imapp\n")], "no site is called `imapp`"),
        (&[(site, "    site: webmail\n")], "`webmail` is a site for HTTP"),
        (&[(site, "    sites: [imap]\n")], "`imap` has no `hosts`"),
        (&[("    protocol: tcp\n", "")], "a request's host says which site"),
        (
            &[(
                site,
                "    site: imap\n    client_address: {source: x_forwarded_for, trusted_proxies: [10.0.0.1]}\n",
            )],
            "reads no headers",
        ),
        (
            &[("key: key.pem}]", "key: key.pem}], client_certificates: {providers: [x]}")],
            "take no certificates of clients",
        ),
        (&[(server, "\"tcp://10.1.0.20\"")], "has no port"),
        (
            &[(server, "\"http://10.1.0.20:143\""), (keys, "")],
            "add `hosts:`; or, for mail programs and other TCP, write the servers as \"tcp://",
        ),
        (&[(server, "\"http://10.1.0.20:143\"")], "write them as \"tcp://10.1.0.20:143\""),
        (&[(server, "\"tcp://10.1.0.20:143\", \"http://10.1.0.21:80\"")], "TCP and HTTP servers"),
        (&[(server, "\"tls://10.1.0.20:993\", \"https://10.1.0.21\"")], "TCP and HTTP servers"),
        (&[(server, "\"tls://a:993\", \"tcp://b:143\"")], "with TLS and without it"),
        (
            &[(upstream, "upstream: {servers: [\"tcp://10.1.0.20:143\"], tls: {ca: ca.pem}}")],
            "no server's URL says tls",
        ),
        (
            &[(
                upstream,
                "upstream: {servers: [\"tls://10.1.0.20:993\"], tls: {certificate: a.pem}}",
            )],
            "the key `key` is missing here",
        ),
        (
            &[(upstream, "upstream: {servers: [\"tls://10.1.0.20:993\"], protocol: http1}")],
            "`protocol` is for HTTP",
        ),
        (
            &[(upstream, "upstream: {servers: [\"tcp://10.1.0.20:143\"], protocol: http1}")],
            "`protocol` is for HTTP",
        ),
        (
            &[(upstream, "upstream: {servers: [\"tcp://10.1.0.20:143\"], health: {path: /}}")],
            "`health` is for HTTP",
        ),
        (
            &[(upstream, "upstream: {servers: [\"tcp://10.1.0.20:143\"], timeouts: {idle: 5s}}")],
            "`timeouts.idle` is for HTTP",
        ),
        (&[(keys, "    authentication: always\n")], "`authentication: always` is for HTTP"),
        (&[(keys, "    address_grant: 1h\n")], "`address_grant` is for HTTP"),
        (&[(keys, "    sign_in: true\n")], "`sign_in` is for HTTP"),
        (&[(keys, "    paths: [{path: /a/, policy: standard}]\n")], "`paths` is for HTTP"),
        (&[(keys, "    tcp: {mail: jmap}\n")], "`jmap` is not one of the words"),
        (&[(keys, "    tcp: {idle: 0s}\n")], "lies outside"),
        (&[(keys, "    tcp: {grants_of: imap}\n")], "no address is granted"),
        (&[("    address_grant: 12h\n", "")], "no address is granted"),
        (
            &[("    address_grant: 12h\n", "    address_grant: 12h\n    tcp: {mail: imap}\n")],
            "`tcp` has an effect only where",
        ),
    ] {
        let text = with(changes);
        let shown = shown(&text);
        assert!(examined(&text).has_errors(), "{changes:?} is an error\n{shown}");
        assert!(
            shown.contains(says) && shown.contains("gateway.yaml:") && shown.contains("help: "),
            "{changes:?}\n{shown}"
        );
    }
}

/// People who can be asked for a login: by a directory, by tokens, or not at all.
const PEOPLE: &str = "\
identity:
  local: {kind: local}
  sso: {kind: oidc, issuer: \"https://login.example.dk\", client_id: x}
  tokens: {kind: bearer, issuer: \"https://login.example.dk\", audience: [mail], people_of: sso}
  catalogue: {kind: ldap, servers: [\"ldaps://dc.example.dk\"], bind_dn: \"cn=x\", bind_password: \"${PASSWORD}\", base: \"dc=x\"}
";

fn logins(providers: &str, changes: &[(&str, &str)]) -> String {
    let travel = "travel_exemptions: {enabled: true, decision: 26/1}";
    let policy = format!(
        "    policy: standard\n    {travel}\n    identity_providers: [{providers}]\nlisteners:\n"
    );
    let all = [
        ("    policy: standard\nlisteners:\n", policy.as_str()),
        ("tcp: {mail: imap, grants_of: webmail}", "tcp: {mail: imap, login: when_blocked}"),
    ];
    let text = with(&[&all, changes].concat());
    text + PEOPLE
}

#[test]
fn a_login_is_read_where_it_can_be_proven_and_nobody_else_can_read_it() {
    for providers in ["catalogue", "sso, tokens", "catalogue, sso, tokens"] {
        let text = logins(providers, &[]);
        assert!(!shown(&text).contains("`login`"), "{providers}\n{}", shown(&text));
        let site = &config(&text).sites[&SiteId::parse("imap").unwrap()];
        assert!(site.tcp.as_ref().unwrap().login);
    }
    let tls = "    tls: {certificates: [{chain: chain.pem, key: key.pem}]}\n";
    let login = "tcp: {mail: imap, login: when_blocked}";
    for (providers, changes, says, is_error) in [
        ("sso", &[][..], "nobody can sign in by `login`", true),
        ("", &[], "nobody can sign in by `login`", true),
        ("catalogue", &[(login, "tcp: {login: when_blocked}")], "cannot be read", true),
        ("catalogue", &[(login, "tcp: {mail: imap, login: always}")], "not one of the words", true),
        (
            "catalogue",
            &[(login, "tcp: {mail: imap, login: when_blocked, login_timeout: 10m}")],
            "lies outside",
            true,
        ),
        (
            "catalogue",
            &[(login, "authentication: never\n    tcp: {mail: imap, login: when_blocked}")],
            "opens to nobody",
            true,
        ),
        (
            "catalogue",
            &[(tls, "")],
            "`login` of `imap` has no effect at the listener `imaps`",
            false,
        ),
        (
            "catalogue",
            &[("enabled: true", "enabled: false")],
            "`ballerup` has not switched travel exemptions on",
            false,
        ),
        (
            "catalogue",
            &[("    travel_exemptions: {enabled: true, decision: 26/1}\n", "")],
            "`ballerup` has not switched travel exemptions on",
            false,
        ),
        ("local", &[], "goes on to the mail server", false),
    ] {
        let text = logins(providers, changes);
        let shown = shown(&text);
        assert_eq!(examined(&text).has_errors(), is_error, "{providers} {changes:?}\n{shown}");
        assert!(shown.contains(says) && shown.contains("help: "), "{changes:?}\n{shown}");
    }
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let site = "    site: imap\n";
    let tls = "    tls: {certificates: [{chain: chain.pem, key: key.pem}]}\n";
    let grants = ", grants_of: webmail}";
    for (changes, says) in [
        (
            &[("0.0.0.0:993", "0.0.0.0:25"), ("mail: imap", "mail: smtp")][..],
            "mail between servers",
        ),
        (
            &[("10.1.0.20:143", "10.1.0.20:25"), ("mail: imap", "mail: smtp")],
            "mail between servers",
        ),
        (&[(tls, "")], "`mail` of `imap` has no use here"),
        (&[("0.0.0.0:993", "0.0.0.0:143")], "listen on port 993"),
        (&[("0.0.0.0:993", "0.0.0.0:110")], "listen on port 995"),
        (&[("0.0.0.0:993", "0.0.0.0:587")], "`imaps` begins with TLS on port 587"),
        (
            &[(tls, ""), ("tcp://10.1.0.20:143", "tls://10.1.0.20:993"), ("mail: imap, ", "")],
            "goes to the servers of `imap` inside of another TLS",
        ),
        (
            &[
                (tls, ""),
                ("0.0.0.0:993", "0.0.0.0:9930"),
                (site, "    sites: [imap]\n"),
                ("  imap:\n", "  imap:\n    hosts: [mail.example.dk]\n"),
            ],
            "`mail` of `imap` has no use here",
        ),
        (
            &[
                (
                    "  - name: imaps\n    bind: [\"0.0.0.0:993\"]\n    protocol: tcp\n    tls: {certificates: [{chain: chain.pem, key: key.pem}]}\n    site: imap\n",
                    "",
                ),
                (grants, "}"),
            ],
            "no listener leads to the site `imap`",
        ),
    ] {
        let text = with(changes);
        let shown = shown(&text);
        assert!(!examined(&text).has_errors(), "{changes:?}\n{shown}");
        assert!(
            shown.contains("warning: ") && shown.contains(says) && shown.contains("help: "),
            "{changes:?}\n{shown}"
        );
    }
    let website = with(&[
        ("http://10.1.0.20:8080", "tcp://10.1.0.20:8080"),
        (grants, "}"),
        ("    address_grant: 12h\n", ""),
    ]);
    let told = self::shown(&website);
    assert!(told.contains("no listener leads to the site `webmail`, whose servers are tcp://"));
    assert!(told.contains("or, for a website, write its servers as \"http://"), "{told}");
    // STARTTLS is spoken in the open first.
    let starttls = with(&[(tls, ""), ("0.0.0.0:993", "0.0.0.0:143")]);
    assert_eq!(self::shown(&starttls), "");
}

//! Listeners, hosts and what a site takes.

use super::*;

#[test]
fn ambiguous_trust_is_refused() {
    let with = |source: &str| {
        let bind = "bind: [\"127.0.0.1:0\"]";
        shown(&changed(bind, &format!("{bind}\n    client_address: {source}")))
    };
    insta::assert_snapshot!(with("{source: x_forwarded_for}"), @r#"
    error: nobody is trusted to say the client's address
      --> /etc/geovagt/gateway.yaml:12:30
       |
    12 |     client_address: {source: x_forwarded_for}
       |                              ^^^^^^^^^^^^^^^
       |
       = help: name your proxies in `trusted_proxies`, or take `source: peer`
    "#);
    insta::assert_snapshot!(with("{source: forwarded, trusted_proxies: [0.0.0.0/0]}"), @r#"
    error: this trusts nearly everybody, so anybody could choose his own address
      --> /etc/geovagt/gateway.yaml:12:59
       |
    12 |     client_address: {source: forwarded, trusted_proxies: [0.0.0.0/0]}
       |                                                           ^^^^^^^^^
       |
       = help: name the addresses of your proxies
    "#);
    insta::assert_snapshot!(with("{trusted_proxies: [10.0.0.0/8]}"), @r#"
    warning: `trusted_proxies` has no effect with `source: peer`; the proxy counts as the client
      --> /etc/geovagt/gateway.yaml:12:21
       |
    12 |     client_address: {trusted_proxies: [10.0.0.0/8]}
       |                     ^
       |
       = help: set `source` to what your proxy sends: x_forwarded_for, forwarded or proxy_protocol
    "#);
    insta::assert_snapshot!(with("{source: forwarded, trusted_proxies: [10.1.2.3/8]}"), @r#"
    error: `10.1.2.3/8` has bits set behind its prefix
      --> /etc/geovagt/gateway.yaml:12:59
       |
    12 |     client_address: {source: forwarded, trusted_proxies: [10.1.2.3/8]}
       |                                                           ^^^^^^^^^^
       |
       = help: the network is 10.0.0.0/8; the one address is 10.1.2.3
    "#);
    insta::assert_snapshot!(
        with("{source: proxy_protocol, trusted_proxies: [10.0.0.1]}\n    denial: close"), @r#"
    error: `denial: close` rejects by the connection's own address, which here is a proxy's
      --> /etc/geovagt/gateway.yaml:13:13
       |
    13 |     denial: close
       |             ^^^^^
       |
       = help: remove it here and set `denial: close` at the sites, or take `source: peer`
    "#);
}

#[test]
fn what_this_version_does_not_have_is_never_silently_ignored() {
    insta::assert_snapshot!(
        shown(&changed("8080\"]}", "8080\"], affinity: connection, protocol: http2}")), @r#"
    error: `affinity: connection` goes over HTTP/1.1 alone, and `protocol` says http2
      --> /etc/geovagt/gateway.yaml:16:84
       |
    16 |     upstream: {servers: ["http://10.1.0.10:8080"], affinity: connection, protocol: http2}
       |                                                                                    ^^^^^
       |
       = help: remove `protocol`, or write http1
    "#);
    insta::assert_snapshot!(shown(&format!("geoip: {{update: {{every: 1d}}}}\n{SMALL}")), @r#"
    error: this version does not fetch databases by itself
     --> /etc/geovagt/gateway.yaml:1:17
      |
    1 | geoip: {update: {every: 1d}}
      |                 ^
      |
      = help: remove `update`, and replace the file by a job of your own; it is taken up on reload
    "#);
    insta::assert_snapshot!(shown(&format!("admin: {{bind: [\"0.0.0.0:9443\"]}}\n{SMALL}")), @r#"
    error: the administration without TLS may listen on loopback alone
     --> /etc/geovagt/gateway.yaml:1:15
      |
    1 | admin: {bind: ["0.0.0.0:9443"]}
      |               ^
      |
      = help: write 127.0.0.1 or [::1], or add `tls:`
    "#);
}

#[test]
fn one_host_belongs_to_one_site() {
    let text = format!(
        "{SMALL}  mail:\n    organization: ballerup\n    hosts: [\"*.example.dk\", kilden.example.dk]\n    \
         upstream: {{servers: [\"http://10.1.0.11\"]}}\n"
    );
    insta::assert_snapshot!(shown(&text), @r#"
    error: `kilden.example.dk` is a host of the site `kilden` already
      --> /etc/geovagt/gateway.yaml:19:29
       |
    19 |     hosts: ["*.example.dk", kilden.example.dk]
       |                             ^^^^^^^^^^^^^^^^^
       |
       = help: let one site alone answer for a host
    "#);
}

#[test]
fn one_address_is_bound_once() {
    let with = |bind: &str| shown(&changed("bind: [\"127.0.0.1:0\"]", bind));
    insta::assert_snapshot!(with("bind: [\"127.0.0.1:80\", \"0.0.0.0:80\"]"), @r#"
    error: `0.0.0.0:80` is taken already: line 11 listens on `127.0.0.1:80`
      --> /etc/geovagt/gateway.yaml:11:28
       |
    11 |     bind: ["127.0.0.1:80", "0.0.0.0:80"]
       |                            ^^^^^^^^^^^^
       |
       = help: use another port or address in one of the two
    "#);
    insta::assert_snapshot!(with("bind: [\":443\"]"), @r#"
    error: `:443` is not an address with a port
      --> /etc/geovagt/gateway.yaml:11:12
       |
    11 |     bind: [":443"]
       |            ^^^^^^
       |
       = help: for every address, write "0.0.0.0:443" and "[::]:443"
    "#);
    insta::assert_snapshot!(with("bind: []"), @r#"
    error: no address to listen on
      --> /etc/geovagt/gateway.yaml:11:11
       |
    11 |     bind: []
       |           ^
       |
       = help: write at least one, as "0.0.0.0:443"; or remove the block
    "#);
    insta::assert_snapshot!(
        with("bind: [\"0.0.0.0:80\", \"[::]:80\", \"127.0.0.1:0\", \"127.0.0.1:0\"]"), @r#"
    warning: clients reach this listener without TLS, so passwords cross the network in the open
      --> /etc/geovagt/gateway.yaml:11:11
       |
    11 |     bind: ["0.0.0.0:80", "[::]:80", "127.0.0.1:0", "127.0.0.1:0"]
       |           ^
       |
       = help: add `tls:`, or listen on loopback behind a proxy that ends TLS
    "#);
    let text =
        changed("127.0.0.1:0", "127.0.0.1:9100") + "operations: {bind: [\"127.0.0.1:9100\"]}\n";
    assert!(shown(&text).contains("taken already: line 11"));
}

#[test]
fn client_certificates_are_asked_for_by_a_provider_of_that_kind() {
    let tls = "listeners:\n  - name: web\n    bind: [\"127.0.0.1:0\"]\n    tls:\n      \
               certificates: [{chain: c.pem, key: k.pem}]\n      \
               client_certificates: {providers: [ipads], mode: required, hosts: [\"*.example.dk\"]}\n";
    let listener = "listeners:\n  - name: web\n    bind: [\"127.0.0.1:0\"]\n";
    let text = changed(listener, tls)
        + "identity:\n  local: {kind: local}\n  \
           ipads: {kind: client_certificate, ca: ca.pem, crl: [a.crl], name: mail, people_of: local}\n";
    let loaded = config(&text);
    let asked = loaded.listeners[0].tls.as_ref().unwrap().client_certificates.as_ref().unwrap();
    assert!(asked.required && asked.hosts[0].matches("mail.example.dk"));
    assert!(!asked.hosts[0].matches("example.dk") && !asked.hosts[0].matches("xexample.dk"));
    let (provider, rule) = &asked.authorities[0];
    assert_eq!(provider.as_str(), "ipads");
    assert_eq!(rule.ca, Path::new("/etc/geovagt/ca.pem"));
    assert_eq!(rule.crl, [Path::new("/etc/geovagt/a.crl")]);
    assert_eq!(rule.people_of.as_ref().map(crate::identifier::ProviderId::as_str), Some("local"));
    for (from, to, says) in [
        ("providers: [ipads]", "providers: [local]", "is no provider of client certificates"),
        ("providers: [ipads]", "providers: [ipad]", "is no provider of client certificates"),
        ("providers: [ipads], ", "", "no provider is named"),
        ("mode: required", "mode: maybe", "maybe"),
        ("ca: ca.pem, ", "", "`ca`"),
        ("name: mail", "name: subject", "subject"),
        ("people_of: local", "people_of: ipads", "has no people with login names of their own"),
        ("crl: [a.crl]", "crl: a.crl", "a list of texts"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = shown(&text.replacen(from, to, 1));
        assert!(found.contains(says), "{to}: {found}");
    }
}

#[test]
fn an_address_passes_for_a_minute_to_a_day() {
    let with = |span: &str| changed("hosts:", &format!("address_grant: {span}\n    hosts:"));
    let span = |text: &str| config(text).sites.values().next().unwrap().address_grant;
    assert_eq!(span(SMALL), None);
    assert_eq!(span(&with("null")), None);
    assert_eq!(span(&with("90m")), Some(std::time::Duration::from_secs(5400)));
    for wrong in ["59s", "25h", "true", "forever"] {
        assert!(shown(&with(wrong)).contains("address_grant"), "{wrong}");
        assert!(examined(&with(wrong)).config.is_none(), "{wrong}");
    }
    let site = config(&changed("hosts:", "sign_in: true\n    hosts:"));
    assert!(site.sites.values().next().unwrap().sign_in);
}

#[test]
fn a_site_whose_server_is_the_gateway_itself_is_refused() {
    let with = |server: &str| {
        let text = changed("127.0.0.1:0", "0.0.0.0:8080");
        let text = text.replacen("http://10.1.0.10:8080", server, 1);
        shown(&text.replacen(
            "\n    bind",
            "\n    tls: {certificates: [{chain: c, key: k}]}\n    bind",
            1,
        ))
    };
    insta::assert_snapshot!(with("http://127.0.0.1:8080"), @r#"
    error: `http://127.0.0.1:8080` is the gateway itself, its listener `web`: each request would make another, without end
      --> /etc/geovagt/gateway.yaml:17:26
       |
    17 |     upstream: {servers: ["http://127.0.0.1:8080"]}
       |                          ^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: name the server behind the gateway
    "#);
    assert!(with("http://10.1.0.9:1\", \"http://localhost:8080").contains("is the gateway itself"));
    for elsewhere in ["http://127.0.0.1:8081", "http://10.1.0.10:8080"] {
        assert_eq!(with(elsewhere), "", "{elsewhere}");
    }
    // What passes TLS on may hand it to the gateway's own listener for HTTP.
    let before = "\n  - {name: imap, bind: [\"192.0.2.1:993\"], protocol: tcp, site: mail}\nsites:\n  mail: {organization: ballerup, upstream: {servers: [\"tcp://127.0.0.1:8080\"]}}";
    let text = changed("\nsites:", before).replacen("127.0.0.1:0", "127.0.0.1:8080", 1);
    assert!(!shown(&text).contains("is the gateway itself"), "{}", shown(&text));
    let own = text.replacen("tcp://127.0.0.1:8080", "tcp://192.0.2.1:993", 1);
    assert!(shown(&own).contains("its listener `imap`"), "{}", shown(&own));
}

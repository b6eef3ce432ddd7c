//! Path rules: another policy, another authentication, closed; and ACME challenges from everywhere.

use std::io::{Read as _, Write as _};

use crate::support::client::{Answer, Request, get, raw};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::outside::entry_of;
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, connect, read_rest, read_until};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "ruled.example.dk";
const TOKEN: &str = "/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";

/// A site in report-only, of which `/ecp` enforces, `/admin` asks everybody, `/internal` is closed
/// but for one part, and challenges get through; and a second one that rejects without a byte.
fn ruled() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&rules(&upstream.url()));
    (upstream, gateway)
}

fn rules(url: &str) -> String {
    configuration(url, "").replace(
        "identity:\n",
        &format!(
            r#"  ruled:
    organization: ballerup
    hosts: [ruled.example.dk]
    upstream: {{servers: ["{url}"]}}
    policy: reporting
    acme_challenge: true
    paths:
      - {{path: /ecp/, policy: standard}}
      - {{path: /admin, authentication: always}}
      - {{path: /internal/, closed: true}}
      - {{path: /internal/public/, authentication: when_blocked}}
  walled: {{organization: ballerup, hosts: [walled.example.dk], upstream: {{servers: ["{url}"]}}, acme_challenge: true}}
identity:
"#
        ),
    )
}

fn at(gateway: &Gateway, path: &str, from: &str) -> Request {
    get(gateway.address("web"), HOST, path).from(from)
}

fn status(gateway: &Gateway, path: &str, from: &str) -> u16 {
    at(gateway, path, from).send().status
}

#[test]
fn a_path_has_its_own_policy_its_own_authentication_or_is_closed() {
    let (_upstream, gateway) = ruled();
    for (path, denmark, china) in [
        ("/", 200, 200),
        ("/ecpx/", 200, 200),
        ("/ecp.aspx", 200, 200),
        ("/owa/ecp/", 200, 200),
        ("/ecp", 200, 403),
        ("/ecp/", 200, 403),
        ("/ecp/default.aspx?x=1", 200, 403),
        ("/admin", 401, 401),
        ("/admin/users", 401, 401),
        ("/internal", 403, 403),
        ("/internal/x", 403, 403),
        ("/internal/public/x", 200, 200),
    ] {
        assert_eq!(status(&gateway, path, DENMARK), denmark, "{path} from Denmark");
        assert_eq!(status(&gateway, path, CHINA), china, "{path} from China");
    }
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let login = |path: &str| at(&gateway, path, DENMARK).basic("anna.holm", PASSWORD).send();
    assert_eq!(login("/admin/users").status, 200);
    assert_eq!(login("/internal/x").status, 403, "closed is closed to whoever it is");
}

#[test]
fn no_spelling_slips_past_a_rule() {
    let (_upstream, gateway) = ruled();
    for path in [
        "/ECP/",
        "/Ecp/default.aspx",
        "/%65cp/",
        "/%65%63%70/x",
        "/%2565cp/",
        "/ecp;x/",
        "/ecp;jsessionid=1",
        "/;x/ecp/",
        "/ecp%3bx/",
        "/ecp//x",
        "/ecp./",
        "/ecp%20/",
        "/ecp:$i30:$INDEX_ALLOCATION/x",
        "/ecp%3fx",
        "/ecp%23x",
    ] {
        assert_eq!(status(&gateway, path, CHINA), 403, "{path}");
        let answer = at(&gateway, path, DENMARK).send();
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json()["target"], path, "what goes on is what came");
    }
    for path in [
        "//x/ecp/",
        "//ecp/",
        "/a/../ecp/",
        "/./ecp/",
        "/..;/ecp/",
        "/a%2fecp/",
        "/a%252fecp/",
        "/%2e/ecp/",
        "/%252e%252e/ecp/",
        "/a\\ecp",
        "/a%5cecp",
        "/a%255cecp",
        "/ecp%00",
        "/ecp%2500",
        "/ec%c1%b0/",
        "/a%c0%afecp",
        "/...%20/ecp/",
    ] {
        assert_eq!(status(&gateway, path, CHINA), 400, "{path}");
    }
    // A rule that opens what lies in a closed part opens it in its plain spelling alone.
    for path in
        ["/internal/PUBLIC/x", "/INTERNAL/public/", "/internal/public;x/", "/internal//public/"]
    {
        assert_eq!(status(&gateway, path, DENMARK), 403, "{path}");
    }
    // Paths have no rules elsewhere, and old servers have such addresses.
    let plain = get(gateway.address("web"), "kilden.example.dk", "//a%252fb").from(DENMARK).send();
    assert_eq!(plain.status, 200);
}

#[test]
fn headers_that_name_another_path_do_not_go_on() {
    let (_upstream, gateway) = ruled();
    let answer = at(&gateway, "/", CHINA)
        .header("X-Original-URL", "/ecp/")
        .header("X-Rewrite-URL", "/ecp/")
        .header("X_Original_Url", "/ecp/")
        .header("X-Forwarded-Uri", "/ecp/")
        .send();
    assert_eq!(answer.status, 200);
    assert!(!answer.json()["headers"].to_string().contains("/ecp/"), "{}", answer.text());
}

#[test]
fn the_entry_names_the_rule() {
    let (_upstream, gateway) = ruled();
    let detail = |answer: &Answer| {
        let entry = entry_of(&gateway, answer);
        let rule = entry["geovagt"]["details"]["path_rule"].as_str().map(str::to_owned);
        (entry["event"]["reason"].as_str().unwrap().to_owned(), rule)
    };
    let closed = at(&gateway, "/INTERNAL/x", DENMARK).browser().send();
    assert_eq!(detail(&closed), ("path_closed".into(), Some("/internal/".into())));
    assert!(closed.text().contains("har lukket denne del af siden"), "{}", closed.text());
    let listed = at(&gateway, "/ecp/", CHINA).send();
    assert_eq!(detail(&listed), ("country_listed".into(), Some("/ecp/".into())));
    let elsewhere = get(gateway.address("web"), "kilden.example.dk", "/").from(CHINA).send();
    assert_eq!(detail(&elsewhere), ("country_listed".into(), None));
}

#[test]
fn from_a_listed_country_a_closed_path_tells_nothing_of_the_door() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let site = r#"kilden: {organization: ballerup, hosts: [kilden.example.dk], "#;
    let text = configuration(&url, "")
        .replace(site, &format!("{site}paths: [{{path: /internal/, closed: true}}], "));
    let gateway = Gateway::start(&text);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let closed = || get(gateway.address("web"), "kilden.example.dk", "/internal/").from(THAILAND);
    let told = |answer: Answer| {
        let reference = answer.header("geovagt-reference").unwrap().to_owned();
        (answer.status, answer.text().replace(&reference, "REFERENCE"))
    };
    let before = told(closed().send());
    gateway.grant("anna.holm", "TH", &["kilden"]);
    let root = || get(gateway.address("web"), "kilden.example.dk", "/").from(THAILAND);
    eventually("the door is open", || root().send().status == 401);
    assert_eq!(told(closed().send()), before);
    assert_eq!(told(closed().basic("anna.holm", PASSWORD).send()), before);
    assert_eq!(root().basic("anna.holm", PASSWORD).send().status, 200);
}

#[test]
fn a_challenge_gets_through_from_everywhere_and_nothing_else_does() {
    let (_upstream, gateway) = ruled();
    let web = gateway.address("web");
    let walled = |path: &str| get(web, "walled.example.dk", path).from(CHINA);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let answer = walled(TOKEN)
        .basic("anna.holm", PASSWORD)
        .header("Cookie", "session=1")
        .header("X-HTTP-Method-Override", "DELETE")
        .header("User-Agent", "Mozilla/5.0 (compatible; Let's Encrypt validation server)")
        .send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = answer.json();
    assert_eq!((&seen["target"], &seen["method"]), (&TOKEN.into(), &"GET".into()));
    let headers = seen["headers"].to_string().to_lowercase();
    for gone in ["authorization", "cookie", "override", "anna.holm"] {
        assert!(!headers.contains(gone), "{gone}: {headers}");
    }
    assert!(headers.contains("validation server") && headers.contains("x-geovagt-country"));
    assert_eq!(walled(TOKEN).method("HEAD").send().status, 200);

    for path in [
        "/",
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge",
        "/.well-known/",
        &format!("{TOKEN}/"),
        &format!("{TOKEN}/x"),
        &format!("{TOKEN};x"),
        &format!("{TOKEN}?x=1"),
        &format!("{TOKEN}?"),
        &format!("{TOKEN}.php"),
        &format!("{TOKEN}%20"),
        "/.Well-Known/acme-challenge/abc",
        "/.well-known//acme-challenge/abc",
    ] {
        assert_eq!(walled(path).send().status, 403, "{path}");
    }
    for path in ["/.well-known/acme-challenge/../secret", "/.well-known/acme-challenge/..%2fsecret"]
    {
        assert_eq!(walled(path).send().status, 400, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        assert_eq!(walled(TOKEN).method(method).send().status, 403, "{method}");
    }
    let with_body = format!(
        "GET {TOKEN} HTTP/1.1\r\nHost: walled.example.dk\r\nX-Forwarded-For: {CHINA}\r\n\
         Content-Length: 4\r\nConnection: close\r\n\r\nbody"
    );
    assert_eq!(raw(web, with_body.as_bytes()).unwrap().status, 403);
    // Where the site does not say so, there is no exemption.
    let other = get(web, "kilden.example.dk", TOKEN).from(CHINA).send();
    assert_eq!(other.status, 403);
    // A client whose address nobody knows is no authority.
    assert_eq!(walled(TOKEN).from("garbage").send().status, 403);

    let search = ["audit", "verify"];
    gateway.command(&search).expect_code(0);
    eventually("the log holds the challenge with its own reason", || {
        let folder = gateway.directory().join("state");
        let mut found = String::new();
        read_all(&folder, &mut found);
        found.contains("\"reason\":\"acme_challenge\"") && found.contains("\"verdict\":\"allow\"")
    });
}

fn read_all(directory: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            read_all(&entry.path(), into);
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            into.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn explain_shows_the_rule_and_decides_as_the_gateway_does() {
    let (_upstream, gateway) = ruled();
    for (path, address) in
        [("/ECP/", CHINA), ("/ecp;x/", DENMARK), ("/internal/PUBLIC/", DENMARK), (TOKEN, CHINA)]
    {
        let served = status(&gateway, path, address);
        let explained =
            gateway.command(&["explain", address, "--site", "ruled", "--path", path, "--json"]);
        let verdict = explained.json()["verdict"].as_str().unwrap().to_owned();
        let expected = match served {
            200 => "allow",
            401 => "identify",
            _ => "deny",
        };
        assert_eq!(verdict, expected, "{path} from {address}");
    }
    let text = gateway.command(&["explain", CHINA, "--site", "ruled", "--path", "/%65CP/"]);
    assert!(
        text.out.contains("path rule") && text.out.contains("the rule for /ecp/"),
        "{}",
        text.out
    );
    let json =
        gateway.command(&["explain", DENMARK, "--site", "ruled", "--path", "/internal/", "--json"]);
    assert_eq!(json.json()["path_rule"], "/internal/");
    assert_eq!(json.json()["reason"], "path_closed");
    let unclear = gateway.command(&["explain", CHINA, "--site", "ruled", "--path", "/a%252fecp"]);
    assert_eq!(unclear.code, 1);
    assert!(unclear.err.contains("400"), "{}", unclear.err);
}

#[test]
fn check_tells_what_is_wrong_with_a_rule() {
    let says = |rule: &str| {
        let site = "open: {organization: ballerup, ";
        let text =
            configuration("http://127.0.0.1:1", "").replace(site, &format!("{site}{rule}, "));
        let printed = Gateway::prepare(&text).command(&["check", "--static"]);
        assert_eq!(printed.code, 1, "{rule}: {}", printed.out);
        format!("{}{}", printed.out, printed.err)
    };
    for (rule, expected) in [
        ("paths: [{path: ecp, closed: true}]", "does not begin with a slash"),
        ("paths: [{path: /%65cp/, closed: true}]", "has a character other than"),
        ("paths: [{path: /a/../b, closed: true}]", "has an empty or a dot segment"),
        ("paths: [{closed: true}]", "the key `path` is missing"),
        ("paths: [{path: /a}]", "this rule changes nothing"),
        ("paths: [{path: /a, closed: false}]", "this rule changes nothing"),
        ("paths: [{path: /a, closed: true, policy: standard}]", "a closed path lets nobody in"),
        ("paths: [{path: /a, policy: nonsense}]", "nonsense"),
        ("paths: [{path: /a, closed: true, only_from: [DK]}]", "a closed path lets nobody in"),
        ("paths: [{path: /a, only_from: DK}]", "only_from"),
        ("paths: [{path: /a, only_from: [DK, XY]}]", "is a code that ISO 3166 does not assign"),
        (
            "paths: [{path: /a, only_from: [RU-CE]}]",
            "a path is open from whole countries: write RU",
        ),
        ("paths: [{path: /a, only_from: [DK, SE, DK]}]", "DK stands here twice"),
        ("paths: [{path: /a, authentication: sometimes}]", "is not one of the words"),
        ("paths: [{path: /a, closed: true}, {path: /A/, closed: true}]", "has a rule already"),
        ("paths: [{path: /.geovagt/lande, closed: true}]", "the gateway's own pages"),
        ("paths: [{path: /.Geovagt, closed: true}]", "the gateway's own pages"),
        (
            "acme_challenge: true, paths: [{path: /.well-known/acme-challenge, closed: true}]",
            "decides about this path already",
        ),
    ] {
        let said = says(rule);
        assert!(said.contains(expected), "{rule}: {said}");
    }
}

#[test]
fn a_path_that_asks_has_a_way_to_sign_in_where_the_site_never_asks() {
    let upstream = Upstream::start();
    let site = "open: {organization: ballerup, ";
    let rule = format!("{site}paths: [{{path: /admin/, authentication: always}}], ");
    let gateway = Gateway::start(&configuration(&upstream.url(), "").replace(site, &rule));
    let web = gateway.address("web");
    let led = get(web, "open.example.dk", "/admin/x").from(DENMARK).browser().send();
    assert_eq!(led.status, 303);
    let form = get(web, "open.example.dk", led.header("location").unwrap()).from(DENMARK).browser();
    assert_eq!(form.send().status, 200);
    let none = get(web, "kilden.example.dk", "/.geovagt/sign-in").from(CHINA).browser().send();
    assert_eq!(none.status, 403);
    let none = get(web, "open.example.dk", "/.geovagt/sign-in").from(CHINA).browser().send();
    assert_eq!(none.status, 403);
}

#[test]
fn a_way_to_sign_in_exists_where_only_a_part_of_the_site_lets_one_ask() {
    let upstream = Upstream::start();
    let site = "kilden: {organization: ballerup, ";
    let rule = "{path: /aaben/, policy: reporting, authentication: always}";
    let rule = format!("{site}paths: [{rule}], ");
    let gateway = Gateway::start(&configuration(&upstream.url(), "").replace(site, &rule));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let web = gateway.address("web");
    let china = |path: &str| get(web, "kilden.example.dk", path).from(CHINA).browser();
    let led = china("/aaben/x").send();
    assert_eq!(led.status, 303);
    assert_eq!(china(led.header("location").unwrap()).send().status, 200);
    assert_eq!(china("/aaben/x").basic("anna.holm", PASSWORD).send().status, 200);
    assert_eq!(china("/").basic("anna.holm", PASSWORD).send().status, 403);
}

#[test]
fn a_tunnel_stands_on_the_policy_of_its_path() {
    let upgraded = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let switching =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(switching.as_bytes()).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let gateway = Gateway::start(&rules(&upgraded.url()));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH", &["ruled"]);
    let login = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("anna.holm:{PASSWORD}"),
    );
    let open = |path: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {THAILAND}\r\n\
             Authorization: Basic {login}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        );
        let mut stream = connect(gateway.address("web"), &head);
        (read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101"), stream)
    };
    let mut tunnel = None;
    eventually("the tunnel is open", || {
        let (opened, stream) = open("/ecp/socket");
        tunnel = Some(stream);
        opened
    });
    gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme igen"]).expect_code(0);
    // The site itself only reports; the rule's policy ends what it no longer lets in.
    assert_eq!(read_rest(&mut tunnel.unwrap()), "");
    assert!(open("/socket").0);
    assert!(!open("/ecp/socket").0);
}

#[test]
fn a_listener_that_closes_waits_for_the_path_where_a_part_of_a_site_is_open() {
    let upstream = Upstream::start();
    let site = "kilden: {organization: ballerup, ";
    let open = "  - name: direct\n    bind: [\"127.0.0.1:0\"]\n";
    let text = configuration(&upstream.url(), "")
        .replace(open, &format!("{open}    denial: close\n"))
        .replace("policies:\n", "policies:\n  inside: {list: cfcs, private_networks: allow}\n");
    let ruled = text.replace(site, &format!("{site}paths: [{{path: /inside/, policy: inside}}], "));
    let said = Gateway::prepare(&ruled).command(&["check", "--static"]).expect_code(0);
    assert!(!format!("{}{}", said.out, said.err).contains("nothing uses the policy"));
    let gateway = Gateway::start(&ruled);
    let ask = |path: &str| get(gateway.address("direct"), "kilden.example.dk", path).try_send();
    assert_eq!(ask("/inside/x").unwrap().status, 200);
    assert_eq!(ask("/").unwrap().status, 403);
    let closing = Gateway::start(&text);
    assert!(get(closing.address("direct"), "kilden.example.dk", "/inside/x").try_send().is_err());
}

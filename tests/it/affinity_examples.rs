//! The ready-made configurations for Exchange and SharePoint, alive: as shipped, but for addresses, files
//! and TLS.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use super::support::client::get;
use super::support::gateway::{Gateway, eventually, repository};
use super::support::outside::entry_of;
use super::support::places::{CHINA, DENMARK, THAILAND};
use super::support::raw::{RawUpstream, read_until};
use super::support::windows::{Client, Windows};

const PASSWORD: &str = "et langt kodeord til rejsen";
const MAIL: &str = "mail.example.dk";
/// On no list.
const KOREA: &str = "121.128.0.1";
/// In no database.
const NOWHERE: &str = "100.64.0.1";

/// The text with one piece changed, which has to be there.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

fn example(name: &str, upstream: (&str, &str)) -> String {
    let root = repository().display();
    let text = std::fs::read_to_string(repository().join("config/examples").join(name)).unwrap();
    let text = changed(&text, "/var/lib/geovagt", "state");
    let text = changed(&text, "/etc/geovagt/lists", &format!("{root}/config/lists"));
    let tls = "    tls:
      certificates:
        - {chain: /etc/geovagt/tls/fullchain.pem, key: /etc/geovagt/tls/key.pem}
";
    let source = "    client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}\n";
    let text = changed(&text, tls, source);
    let text = changed(&text, "[\"0.0.0.0:443\", \"[::]:443\"]", "[\"127.0.0.1:0\"]");
    let text = changed(&text, "127.0.0.1:9100", "127.0.0.1:0");
    let text = changed(&text, upstream.0, upstream.1);
    format!(
        "{text}geoip: {{database: \"{root}/geoip/country.mmdb\", warn_after: 3650d}}\n\
         identity: {{local: {{kind: local}}}}\n"
    )
}

#[test]
fn exchange_takes_windows_logins_and_its_administration_is_closed_abroad_to_travellers_too() {
    let windows = Windows::start("exchange");
    let text = example("exchange.yaml", ("https://exchange.internal.example.dk", &windows.url()));
    let gateway = Gateway::start(&text);
    let mut outlook = Client::at(&gateway, MAIL);
    outlook.log_in("anna");
    for path in ["/EWS/Exchange.asmx", "/mapi/emsmdb/", "/OAB/", "/ecp/", "/owa/"] {
        assert_eq!(outlook.ask(path, "").text(), "anna", "{path}");
    }
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway.grant("anna.holm", "TH", &["mail"]);
    let status = |path: &str, from: &str, password: &str| {
        let request = get(gateway.address("web"), MAIL, path).from(from);
        request.basic("anna.holm", password).send().status
    };
    // The upstream asks for a Windows login; that it asks says that it was reached.
    eventually("she travels", || {
        let answer = get(gateway.address("web"), MAIL, "/open").from(THAILAND);
        answer.basic("anna.holm", PASSWORD).send().text() == "nobody"
    });
    for path in ["/ecp/", "/ECP/default.aspx", "/ecp", "/ecp;x/", "/%65cp/"] {
        for abroad in [THAILAND, CHINA, KOREA, NOWHERE] {
            assert_eq!(status(path, abroad, PASSWORD), 403, "{path} from {abroad}");
        }
        assert_eq!(status(path, DENMARK, PASSWORD), 401, "{path}");
    }
    assert_eq!(status("/owa/", KOREA, PASSWORD), 401, "the rest is open where no list names it");
    let sent = get(gateway.address("web"), MAIL, "/ecp/").from(KOREA).browser().send();
    assert!(sent.text().contains("fra bestemte lande"), "{}", sent.text());
    let entry = entry_of(&gateway, &sent);
    assert_eq!(entry["event"]["reason"], "path_other_country");
    assert_eq!(entry["geovagt"]["details"]["path_rule"], "/ecp/");
    let asked = ["explain", KOREA, "--site", "mail", "--path", "/ecp/"];
    let explained = gateway.command(&asked);
    assert!(explained.out.contains("open from DK alone, and no exemption counts"), "{explained:?}");
    assert_eq!(status("/powershell/", DENMARK, PASSWORD), 403);
}

/// The phone's request waits longer than any other limit lets one wait: what the example says of the
/// site is what counts.
#[test]
fn a_ping_waits_as_long_as_the_phone_and_exchange_agree() {
    let exchange = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        std::thread::sleep(Duration::from_secs(3));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong");
        let _ = stream.read(&mut [0]);
    });
    let text = example("exchange.yaml", ("https://exchange.internal.example.dk", &exchange.url()));
    let limits = "limits: {idle_timeout: 1s, header_timeout: 1s, body_timeout: 1s, \
                  upstream_response_timeout: 1s}\n";
    let shorter = changed(&text, "timeouts: {response: 65m}", "timeouts: {connect: 5s}");
    // A phone is told to come again later.
    for (text, status) in [(text, 200), (shorter, 503)] {
        let gateway = Gateway::start(&format!("{text}{limits}"));
        let ping = "/Microsoft-Server-ActiveSync?Cmd=Ping&User=anna&DeviceId=APPL1";
        assert_eq!(Client::at(&gateway, MAIL).ask(ping, "").status, status);
    }
}

#[test]
fn outlook_for_phones_comes_in_as_a_class_of_its_own() {
    let windows = Windows::start("exchange");
    let text = example("exchange.yaml", ("https://exchange.internal.example.dk", &windows.url()));
    let commented = "    # allow_networks:
    #   - network: 192.0.2.0/24
    #     reason: Outlook for iOS and Android, Microsoft's servers
    #     class: outlook-cloud
    #     expires: 2027-06-30
";
    // A network of a listed country: the class counts, and no country does.
    let block = commented.replace("    # ", "    ").replace("192.0.2.0/24", "1.2.4.0/24");
    let gateway = Gateway::start(&changed(&text, commented, &block));
    let open = |from: &str| get(gateway.address("web"), MAIL, "/open").from(from).send().status;
    assert_eq!((open(CHINA), open(THAILAND), open(DENMARK)), (200, 403, 200));
    let entries = || -> Vec<serde_json::Value> {
        let printed = gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
        printed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    eventually("both are in the log", || entries().len() == 2);
    for entry in entries() {
        let from_china = entry["client"]["ip"] == CHINA;
        let reason = if from_china { "allowed_network" } else { "country_not_listed" };
        assert_eq!(entry["event"]["reason"], reason, "{entry}");
        let class = &entry["geovagt"]["details"]["network_class"];
        assert_eq!(class.as_str(), from_china.then_some("outlook-cloud"), "{entry}");
    }
}

#[test]
fn sharepoint_takes_windows_logins() {
    let windows = Windows::start("sharepoint");
    let text =
        example("sharepoint.yaml", ("https://sharepoint.internal.example.dk", &windows.url()));
    let gateway = Gateway::start(&text);
    for host in ["intranet.example.dk", "mit.example.dk"] {
        let mut office = Client::at(&gateway, host);
        office.log_in("anna");
        assert_eq!(office.ask("/sites/a/_vti_bin/cellstorage.svc", "").text(), "anna");
        assert_eq!(Client::at(&gateway, host).ask("/open", "").text(), "nobody");
    }
}

//! Mail clients as they really ask: what they send, and what they make of the answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::backend::{Backend, Speaks};
use crate::support::client::{Answer, Request, get};
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "mail.example.dk";
const SYNC: &str = "/Microsoft-Server-ActiveSync";

fn started() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway.add_user("bo.lund", "ballerup", PASSWORD);
    (upstream, gateway)
}

fn travels(gateway: &Gateway) -> String {
    let id = gateway.grant("anna.holm", "TH", &["mail"]);
    let web = gateway.address("web");
    eventually("the door", || get(web, HOST, "/").from(THAILAND).send().status == 401);
    id
}

/// An iPad: it says who it is in every request.
fn ipad(gateway: &Gateway, from: &str, user: &str, command: &str) -> Request {
    let query = format!("{SYNC}?User={user}&DeviceId=ApplDMPQ1234&DeviceType=iPad&Cmd={command}");
    get(gateway.address("web"), HOST, &query)
        .method("POST")
        .from(from)
        .basic(user, PASSWORD)
        .header("User-Agent", "Apple-iPad7C3/2204.101")
        .header("Content-Type", "application/vnd.ms-sync.wbxml")
        .header("MS-ASProtocolVersion", "16.1")
        .header("X-MS-PolicyKey", "2830482173")
        .header("Accept", "*/*")
}

/// What it asks first: which versions the server speaks.
fn options(gateway: &Gateway, from: &str) -> Request {
    get(gateway.address("web"), HOST, SYNC)
        .method("OPTIONS")
        .from(from)
        .basic("anna.holm", PASSWORD)
        .header("User-Agent", "Apple-iPhone16C2/2204.101")
}

/// Neither asks for the password nor fetches everything anew, and knows when to come again.
fn assert_waits(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.header("retry-after"), Some("300"));
    assert!(answer.body.is_empty());
}

#[test]
fn a_phone_in_a_listed_country_waits_and_is_served_at_its_next_request_when_the_journey_begins() {
    let (_upstream, gateway) = started();
    for command in ["FolderSync", "Sync", "Ping", "Provision", "SendMail"] {
        assert_waits(&ipad(&gateway, THAILAND, "anna.holm", command).send());
    }
    assert_waits(&options(&gateway, THAILAND).send());
    // Without a login it is the same: there is no door.
    assert_waits(&get(gateway.address("web"), HOST, SYNC).method("OPTIONS").from(THAILAND).send());
    let id = travels(&gateway);
    assert_eq!(options(&gateway, THAILAND).send().status, 200);
    for command in ["FolderSync", "Sync"] {
        let served = ipad(&gateway, THAILAND, "anna.holm", command).send();
        assert_eq!(served.status, 200, "{}", served.text());
        let upstream_saw = served.json();
        let headers = upstream_saw["headers"].to_string();
        assert!(headers.contains("2830482173") && headers.contains("16.1"), "{headers}");
    }
    // The colleague beside her has no exemption, and goes on waiting.
    assert_waits(&ipad(&gateway, THAILAND, "bo.lund", "Sync").send());
    assert_waits(&ipad(&gateway, CHINA, "anna.holm", "Sync").send());
    assert_eq!(ipad(&gateway, DENMARK, "bo.lund", "Sync").send().status, 200);
    gateway.command(&["exemption", "close", &id]).expect_code(0);
    eventually("the journey is over", || {
        ipad(&gateway, THAILAND, "anna.holm", "Sync").send().status == 403
    });
    assert_waits(&ipad(&gateway, THAILAND, "anna.holm", "Sync").send());
}

/// A poll that the server holds until there is mail: it outlives what a proxy usually allows, and
/// ends with the exemption.
#[test]
fn a_held_poll_lasts_until_there_is_mail_and_is_cut_when_the_exemption_ends() {
    let backend = Backend::serve("mail", Speaks::Http1, None, "127.0.0.1:0");
    let gateway = Gateway::start(&configuration(&backend.url(), ""));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = travels(&gateway);
    let poll = || {
        let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST /hold?Cmd=Ping HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {THAILAND}\r\n\
             User-Agent: Apple-iPad7C3/2204.101\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n\
             Authorization: {}\r\nContent-Length: 0\r\n\r\n",
            authorization()
        )
        .unwrap();
        stream
    };
    let first = poll();
    backend.wait_for_held(1);
    backend.release(1);
    let mut line = String::new();
    BufReader::new(first).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    let mut second = poll();
    backend.wait_for_held(1);
    gateway.command(&["exemption", "revoke", &id, "--reason", "Mistet enhed"]).expect_code(0);
    let mut rest = Vec::new();
    let ended = second.read_to_end(&mut rest);
    assert!(!ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    let text = String::from_utf8_lossy(&rest);
    assert!(!text.starts_with("HTTP/1.1 200") && !text.starts_with("HTTP/1.1 401"), "{text}");
}

/// Half an hour without a byte in either direction: no limit of the gateway ends it but the one for the
/// answer to begin, whose default is longer. Here every other one is shorter than the poll.
#[test]
fn no_other_limit_ends_a_poll_than_the_one_for_the_answer() {
    let backend = Backend::serve("mail", Speaks::Http1, None, "127.0.0.1:0");
    let short = "limits: {header_timeout: 500ms, idle_timeout: 500ms, body_timeout: 500ms, \
                 upstream_connect_timeout: 500ms, upstream_body_timeout: 500ms, \
                 upstream_response_timeout: 8s}\n";
    let gateway = Gateway::start(&configuration(&backend.url(), short));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    travels(&gateway);
    let poll = || {
        let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST /hold?Cmd=Ping HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {THAILAND}\r\n\
             User-Agent: Apple-iPad7C3/2204.101\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n\
             Authorization: {}\r\nContent-Length: 0\r\n\r\n",
            authorization()
        )
        .unwrap();
        stream
    };
    let status = |stream: TcpStream| {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let answered = poll();
    backend.wait_for_held(1);
    std::thread::sleep(std::time::Duration::from_secs(4));
    backend.release(1);
    assert_eq!(status(answered), "200", "eight times as long as every other limit");
    // What a phone hears of it makes it wait, and neither ask for the password nor fetch all anew.
    assert_eq!(status(poll()), "503", "and then the one for the answer");
}

fn authorization() -> String {
    use base64::Engine as _;
    let login = format!("anna.holm:{PASSWORD}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login))
}

/// Outlook, the calendar of an iPhone, and the web: each is rejected in its own manner and let in
/// with the same exemption.
#[test]
fn outlook_calendars_and_the_web_are_rejected_in_their_own_manner_and_let_in_alike() {
    let (_upstream, gateway) = started();
    let web = gateway.address("web");
    let autodiscover = || {
        get(web, HOST, "/autodiscover/autodiscover.xml")
            .method("POST")
            .header(
                "User-Agent",
                "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
            )
            .header("Content-Type", "text/xml; charset=utf-8")
    };
    let mapi = || {
        get(web, HOST, "/mapi/emsmdb/?MailboxId=7d1e@ballerup.dk")
            .method("POST")
            .header("User-Agent", "Microsoft Office/16.0 (Windows NT 10.0; MAPI 16.0.17328; Pro)")
            .header("Content-Type", "application/mapi-http")
            .header("X-RequestType", "Connect")
            .header("X-ClientApplication", "Outlook/16.0.17328.20162")
    };
    let caldav = || {
        get(web, HOST, "/calendars/anna/")
            .method("PROPFIND")
            .header("User-Agent", "iOS/18.1 (22B83) dataaccessd/1.0")
            .header("Content-Type", "text/xml")
            .header("Depth", "0")
    };
    let well_known = || {
        get(web, HOST, "/.well-known/caldav")
            .method("PROPFIND")
            .header("User-Agent", "iOS/18.1 (22B83) dataaccessd/1.0")
    };
    let all: [&dyn Fn() -> Request; 4] = [&autodiscover, &mapi, &caldav, &well_known];
    for ask in all {
        let rejected = ask().from(THAILAND).basic("anna.holm", PASSWORD).send();
        assert_eq!((rejected.status, rejected.header("www-authenticate")), (403, None));
        assert!(rejected.header("content-type").unwrap().starts_with("text/plain"));
        assert!(rejected.header("geovagt-reference").is_some());
    }
    let owa = get(web, HOST, "/owa/").from(THAILAND).browser().send();
    assert_eq!(owa.status, 403);
    assert!(owa.header("content-type").unwrap().starts_with("text/html"));
    travels(&gateway);
    for ask in all {
        // A program is asked for Basic, and nothing that would lead it to a form.
        let asked = ask().from(THAILAND).send();
        assert_eq!(asked.status, 401);
        assert!(asked.header("www-authenticate").unwrap().starts_with("Basic "));
        assert_eq!(ask().from(THAILAND).basic("anna.holm", PASSWORD).send().status, 200);
        assert_eq!(ask().from(THAILAND).basic("bo.lund", PASSWORD).send().status, 403);
    }
    let owa = get(web, HOST, "/owa/").from(THAILAND).browser().send();
    assert_eq!((owa.status, owa.header("location")), (303, Some("/.geovagt/sign-in?next=/owa/")));
}

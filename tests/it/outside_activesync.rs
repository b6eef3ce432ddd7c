//! A real SOGo behind `config/examples/sogo.yaml`, and phones with ActiveSync: what they say and hear is
//! the wire's own binary form, and passes octet for octet. For them the gateway's own limits are shorter
//! than any Ping.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::gateway::{Gateway, eventually};
use crate::support::outside::{Nginx, curl, entry};
use crate::support::phone::{Phone, Told};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::slapd::{PASSWORD, SERVICE_PASSWORD, Slapd};
use crate::support::sogo::Sogo;
use crate::support::talk;
use crate::support::tap::Tap;
use crate::support::town::{FRONT, KOREA, Town, play};

const LIMITS: &str = "limits: {header_timeout: 2s, idle_timeout: 2s, body_timeout: 2s, \
                      upstream_connect_timeout: 2s, upstream_body_timeout: 2s, \
                      upstream_response_timeout: 2s}\n";
/// Longer than any of them.
const WHILE: Duration = Duration::from_secs(7);
/// The longest that SOGo is told to allow, in seconds.
const LONGEST: &str = "3540";
const GATEWAY: &str = "https://mail.example.dk";
const DIRECT: &str = "http://10.1.0.20:8080";

#[test]
fn what_a_phone_says_and_hears_passes_octet_for_octet() {
    play("outside_activesync::from_denmark");
}

#[test]
#[ignore = "needs the network that the test above makes"]
fn from_denmark() {
    let town = Town::around("sogo.yaml");
    let scene = Scene::around(&town);
    let through = scene.phone(DENMARK, GATEWAY, "ApplTHROUGH");
    let direct = scene.phone(DENMARK, DIRECT, "ApplDIRECT");
    let options = through.options(&town);
    assert_eq!(options.status, 200, "{options:?}");
    let versions = options.header("ms-asprotocolversions").unwrap();
    assert!(versions.split(',').any(|version| version == "14.1"), "{versions}");
    assert!(options.header("ms-asprotocolcommands").unwrap().contains("Ping"));
    assert_eq!(plain(&options), plain(&direct.options(&town)));
    scene.arrives("Referat fra mødet");
    let unknown = "<FolderSync xmlns=\"FolderHierarchy:\"><SyncKey>0</SyncKey></FolderSync>";
    let inbox = inbox_of(&scene.asks(&through, "FolderSync", unknown));
    assert_eq!(inbox, inbox_of(&direct.asks(&town, "FolderSync", unknown)));
    // SOGo has no policy for phones, and says so.
    let policy = "<Provision xmlns=\"Provision:\"><Policies><Policy>\
                  <PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>";
    let who = "<Settings xmlns=\"Settings:\"><UserInformation><Get/></UserInformation></Settings>";
    let mut key = "0".to_owned();
    let mut seen = String::new();
    // The first answer gives a key, the second the mail, the third says that there is no more.
    for (name, document) in
        [("Provision", policy), ("Settings", who), ("Sync", ""), ("Sync", ""), ("Sync", "")]
    {
        let document = if name == "Sync" { sync(&inbox, &key) } else { document.to_owned() };
        let (one, other) =
            (scene.asks(&through, name, &document), direct.asks(&town, name, &document));
        assert_eq!(plain(&one), plain(&other), "{name}: {}\n{}", one.document(), other.document());
        // Nothing at all: nothing has changed.
        if name == "Sync" && !one.body.is_empty() {
            key = one.value("SyncKey");
        }
        seen += &one.document();
    }
    for known in ["Referat fra mødet", "Hej Anna, mødet er flyttet", "anna.holm@ballerup.dk"] {
        assert!(seen.contains(known), "{known} is not in {seen}");
    }
    let began = Instant::now();
    let answer = scene.waits(&through, &inbox, |_| {
        std::thread::sleep(WHILE);
        scene.arrives("Nyt om mødet");
    });
    assert!(began.elapsed() > WHILE);
    assert_eq!((answer.value("Status"), answer.value("Folder")), ("2".to_owned(), inbox.clone()));
    let synced = scene.asks(&through, "Sync", &sync(&inbox, &key));
    assert!(synced.document().contains("Nyt om mødet"), "{}", synced.document());
    let reply = "<SendMail xmlns=\"ComposeMail:\"><ClientId>1</ClientId><SaveInSentItems/><MIME><![CDATA[\
                 From: anna.holm@ballerup.dk\r\nTo: bo@example.org\r\nSubject: Svar\r\n\r\nHej\r\n]]></MIME>\
                 </SendMail>";
    let sent = scene.asks(&through, "SendMail", reply);
    assert_eq!((sent.status, sent.body.len()), (200, 0), "{sent:?}");
    eventually("Postfix has taken it", || scene.sogo.postfix.log().contains("client=localhost"));
}

#[test]
fn a_phone_abroad_waits_and_is_served_by_its_exemption_until_that_ends() {
    play("outside_activesync::from_thailand");
}

#[test]
#[ignore = "needs the network that the test above makes"]
fn from_thailand() {
    let town = Town::around("sogo.yaml");
    let scene = Scene::around(&town);
    let home = scene.phone(DENMARK, GATEWAY, "ApplANNA");
    let there = Phone { from: THAILAND, ..home };
    let china = Phone { from: CHINA, ..home };
    let inbox = scene.follows(&home).0;
    nothing_is_asked_for_strangers(&scene, &there, &inbox);
    // Nobody is shut out by it.
    assert_eq!(scene.follows(&home).0, inbox);
    let id = scene.gateway.grant("anna", "TH", &["sogo"]);
    eventually("she travels", || there.options(&town).status == 200);
    let (_, key) = scene.follows(&there);
    let began = Instant::now();
    let answer = scene.waits(&there, &inbox, |_| {
        std::thread::sleep(WHILE);
        scene.arrives("Til Bangkok");
    });
    assert!(began.elapsed() > WHILE);
    assert_eq!(answer.value("Status"), "2");
    assert!(there.asks(&town, "Sync", &sync(&inbox, &key)).document().contains("Til Bangkok"));
    waits_to_come_again(&china.asks(&town, "Sync", &sync(&inbox, &key)), &scene.gateway);
    // Taken back while the phone waits.
    scene.follows(&there);
    let mut revoked = Instant::now();
    let cut = scene.waits(&there, &inbox, |gateway| {
        gateway.command(&["exemption", "revoke", &id, "--reason", "Mistet"]).expect_code(0);
        revoked = Instant::now();
    });
    assert!(revoked.elapsed() < Duration::from_secs(10), "{:?}", revoked.elapsed());
    is_cut(&cut);
    waits_to_come_again(&ping_of(&there, &town, &inbox), &scene.gateway);
    ends_at_the_minute(&scene, &there, &inbox);
    assert_eq!(scene.follows(&home).0, inbox);
}

/// Before the journey: rejected with what a phone understands, and neither SOGo nor the directory hear
/// of it, however often and with which password it asks.
fn nothing_is_asked_for_strangers(scene: &Scene<'_>, there: &Phone<'_>, inbox: &str) {
    let town = scene.town;
    let (asked, requests) = (scene.sogo.slapd.operations(), scene.sogo.requests());
    scene.tap.take();
    let wrong = Phone { password: "forkert", ..*there };
    for phone in [there, &wrong] {
        waits_to_come_again(&phone.options(town), &scene.gateway);
        for name in ["Provision", "FolderSync", "Sync", "SendMail"] {
            waits_to_come_again(&phone.asks(town, name, &sync(inbox, "0")), &scene.gateway);
        }
        waits_to_come_again(&ping_of(phone, town, inbox), &scene.gateway);
    }
    let heard = scene.tap.take();
    assert!(heard.to_server.is_empty(), "{}", String::from_utf8_lossy(&heard.to_server));
    assert_eq!(scene.sogo.slapd.operations(), asked);
    assert_eq!(scene.sogo.requests(), requests);
    assert!(scene.sogo.slapd.values("anna", "pwdFailureTime").is_empty());
}

fn ends_at_the_minute(scene: &Scene<'_>, there: &Phone<'_>, inbox: &str) {
    let until = jiff::Timestamp::now() + jiff::Span::new().seconds(30);
    let leg = format!("TH {}..{until}", until - jiff::Span::new().hours(1));
    let whom = ["exemption", "grant", "--organization", "ballerup", "--person", "anna"];
    let what = ["--leg", &leg, "--purpose", "Studietur", "--case", "24-1", "--site", "sogo"];
    scene.gateway.command(&[&whom[..], &what].concat()).expect_code(0);
    eventually("she travels again", || there.options(scene.town).status == 200);
    scene.follows(there);
    let cut = scene.waits(there, inbox, |_| {
        assert!(jiff::Timestamp::now() < until, "this machine is too slow for this test");
    });
    let late = jiff::Timestamp::now().duration_since(until);
    assert!((0..10).contains(&late.as_secs()), "{late:?}");
    is_cut(&cut);
    // It never had an answer that could be completed.
    let ended = talk::entry_with(&scene.gateway, "sogo", "allowed", "exemption_ended");
    assert_eq!(ended["user"]["name"], "anna");
    waits_to_come_again(&ping_of(there, scene.town, inbox), &scene.gateway);
}

/// No answer that a phone would take for the server's.
fn is_cut(told: &Told) {
    assert!(told.code != 0 && told.status == 0, "{told:?}");
}

/// Neither asks for the password nor fetches everything anew, and knows when to come again.
fn waits_to_come_again(told: &Told, gateway: &Gateway) {
    assert_eq!((told.code, told.status, told.body.len()), (0, 403, 0), "{told:?}");
    assert_eq!(told.header("www-authenticate"), None);
    assert_eq!(told.header("retry-after"), Some("300"));
    assert_eq!(told.header("ms-server-activesync"), None);
    let found = entry(gateway, told.header("geovagt-reference").expect("a reference"));
    assert_eq!(found["event"]["action"], "denied", "{found}");
}

fn inbox_of(folders: &Told) -> String {
    let document = folders.document();
    let before = document.split_once("<DisplayName>INBOX</DisplayName>").expect("an inbox").0;
    let id = before.rsplit_once("<ServerId>").unwrap().1;
    id.split_once("</ServerId>").unwrap().0.to_owned()
}

fn sync(inbox: &str, key: &str) -> String {
    let changes = "<GetChanges/><WindowSize>25</WindowSize><Options><FilterType>0</FilterType>\
                   <BodyPreference xmlns=\"AirSyncBase:\"><Type>1</Type>\
                   <TruncationSize>5120</TruncationSize></BodyPreference></Options>";
    let more = if key == "0" { "" } else { changes };
    format!(
        "<Sync xmlns=\"AirSync:\"><Collections><Collection><SyncKey>{key}</SyncKey>\
         <CollectionId>{inbox}</CollectionId>{more}</Collection></Collections></Sync>"
    )
}

fn ping(inbox: &str) -> String {
    format!(
        "<Ping xmlns=\"Ping:\"><HeartbeatInterval>{LONGEST}</HeartbeatInterval><Folders><Folder>\
         <Id>{inbox}</Id><Class>Email</Class></Folder></Folders></Ping>"
    )
}

fn ping_of(phone: &Phone<'_>, town: &Town, inbox: &str) -> Told {
    phone.asks(town, "Ping", &ping(inbox))
}

/// What is the same with and without a gateway: everything but the moment and who says it.
fn plain(told: &Told) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers = told.headers.clone();
    let own = ["date", "server", "connection", "via", "x-request-id", "x-geovagt-country"];
    headers.retain(|(name, _)| !own.contains(&&**name));
    headers.sort();
    (told.status, headers, told.body.clone())
}

/// The gateway, and a tap between it and what is behind.
struct Scene<'a> {
    town: &'a Town,
    sogo: Sogo,
    tap: Tap,
    gateway: Gateway,
    _nginx: Nginx,
}

impl<'a> Scene<'a> {
    fn around(town: &'a Town) -> Self {
        let (sogo, nginx) = servers(town, "10.1.0.20:8080");
        let tap = Tap::between("10.1.0.20:80".parse().unwrap(), nginx.address);
        let gateway = town.gateway_with(|text| format!("{text}{LIMITS}"));
        let scene = Self { town, sogo, tap, gateway, _nginx: nginx };
        scene.arrives("Velkommen");
        // Dovecot counts changes from the first question for them on, and SOGo passes over what came
        // before.
        scene.imap(&["-X", "FETCH 1 (MODSEQ)"]);
        scene
    }

    fn phone(
        &self,
        from: &'static str,
        server: &'static str,
        device: &'static str,
    ) -> Phone<'static> {
        let _ = self;
        Phone { from, server, user: "anna", password: PASSWORD, device }
    }

    /// There is mail for anna.
    fn arrives(&self, subject: &str) {
        let message = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "From: bo@example.dk\r\nTo: anna.holm@ballerup.dk\r\nSubject: {subject}\r\n\
             Message-ID: <{}@example.dk>\r\nDate: Mon, 23 Nov 2026 06:00:00 +0000\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\nHej Anna, mødet er flyttet\r\n",
            subject.len()
        );
        std::fs::write(message.path(), text).unwrap();
        self.imap(&["-T", message.path().to_str().unwrap()]);
    }

    fn imap(&self, what: &[&str]) {
        let url = format!("imap://{}/INBOX", self.sogo.dovecot.near);
        let login = format!("anna:{PASSWORD}");
        let (code, said) = curl(&[&["-u", &login, &url], what].concat());
        assert_eq!(code, 0, "{said}\n{}", self.sogo.dovecot.log());
    }

    /// Asks through the gateway, and holds what passed on its far side against it.
    fn asks(&self, phone: &Phone<'_>, name: &str, document: &str) -> Told {
        self.tap.take();
        let told = phone.asks(self.town, name, document);
        self.is_the_same(&told);
        told
    }

    fn is_the_same(&self, told: &Told) {
        let heard = self.tap.take();
        let after_head = |octets: &[u8]| {
            let end = octets.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
            octets[end + 4..].to_vec()
        };
        assert_eq!(after_head(&heard.to_server), told.sent);
        assert_eq!(after_head(&heard.from_server), told.body);
        assert!(told.sent.starts_with(&[3, 1, 0x6a, 0]), "WBXML 1.3 in UTF-8: {:?}", told.sent);
    }

    /// All that a phone does until it knows everything: the inbox, and the key to ask on with.
    fn follows(&self, phone: &Phone<'_>) -> (String, String) {
        let unknown = "<FolderSync xmlns=\"FolderHierarchy:\"><SyncKey>0</SyncKey></FolderSync>";
        let inbox = inbox_of(&phone.asks(self.town, "FolderSync", unknown));
        let mut key = "0".to_owned();
        for _ in 0..10 {
            let told = phone.asks(self.town, "Sync", &sync(&inbox, &key));
            // Nothing at all: nothing has changed.
            if told.document().is_empty() {
                return (inbox, key);
            }
            key = told.value("SyncKey");
        }
        panic!("there is always more: {key}\n{}", self.sogo.log());
    }

    /// A Ping, and what happens as soon as SOGo holds it.
    fn waits(&self, phone: &Phone<'_>, inbox: &str, then: impl FnOnce(&Gateway)) -> Told {
        let held = || self.sogo.log().matches(" in Ping...").count();
        let before = held();
        self.tap.take();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| ping_of(phone, self.town, inbox));
            eventually("SOGo holds it", || held() > before || waiting.is_finished());
            assert!(!waiting.is_finished(), "{}", self.sogo.log());
            then(&self.gateway);
            waiting.join().unwrap()
        })
    }
}

/// SOGo and nginx with the lines that the example shows, but for fewer workers.
fn servers(town: &Town, nginx: &str) -> (Sogo, Nginx) {
    let at = |address: &str| -> SocketAddr { address.parse().unwrap() };
    town.has("10.1.0.20", "");
    town.has("10.1.0.60", "ldap.example.dk");
    town.knows(FRONT, "mail.example.dk");
    let slapd = Slapd::named("ldap.example.dk", at("10.1.0.60:389"), at("10.1.0.60:636"));
    town.trusts(&slapd.authority.file);
    town.secret("ldap", SERVICE_PASSWORD);
    let lines = town.shown_after("sogo.conf (seconds");
    let fewer = lines.replace("WOWorkersCount = 100;", "WOWorkersCount = 8;");
    assert_ne!(lines, fewer);
    assert!(lines.contains(&format!("SOGoMaximumPingInterval = {LONGEST};")), "{lines}");
    let sogo = Sogo::start(&town.room("sogo"), slapd, &fewer);
    let shown = town.shown_after("a client says of itself under these names:");
    (sogo, Nginx::at(at(nginx), "", &shown))
}

/// The example as shipped: what people meet with browsers and calendars, and that phones are let in.
pub fn whole_example(town: &Town) {
    let (_sogo, _nginx) = servers(town, "10.1.0.20:80");
    let gateway = town.gateway();
    let mail = "https://mail.example.dk";
    let login = format!("anna:{PASSWORD}");
    let dav = |from: &str| {
        let calendars = format!("{mail}/SOGo/dav/anna/Calendar/");
        town.ask(from, &calendars, &["-X", "PROPFIND", "-H", "Depth: 1", "-u", &login])
    };
    let phone = |from: &str, more: &[&str]| {
        let sync = format!("{mail}/Microsoft-Server-ActiveSync");
        town.ask(from, &sync, &[&["-X", "OPTIONS"], more].concat())
    };
    let home = town.ask(DENMARK, &format!("{mail}/"), &["-L"]);
    assert!(home.status == 200 && home.body.contains("SOGo"), "{home:?}");
    assert_eq!(home.address, format!("{mail}/SOGo/"));
    let found = town.ask(KOREA, &format!("{mail}/.well-known/caldav"), &["-X", "PROPFIND"]);
    assert_eq!(found.status, 301, "{found:?}");
    let listed = dav(DENMARK);
    assert!(
        listed.status == 207 && listed.body.contains("/SOGo/dav/anna/Calendar/personal/"),
        "{listed:?}"
    );
    assert_eq!(phone(KOREA, &["-u", &login]).status, 200);
    assert_eq!(phone(DENMARK, &["-u", "anna:forkert"]).status, 401, "SOGo's own answer");
    for rejected in [dav(CHINA), phone(CHINA, &["-u", &login]), dav(THAILAND)] {
        assert_eq!(rejected.status, 403, "{rejected:?}");
    }
    gateway.grant("anna", "TH", &["sogo"]);
    eventually("anna travels", || dav(THAILAND).status == 207);
    assert_eq!(phone(THAILAND, &["-u", &login]).status, 200);
    assert_eq!(phone(THAILAND, &["-u", "anna:forkert"]).status, 403);
    assert_eq!(phone(CHINA, &["-u", &login]).status, 403);
    let jar = town.sign_in(THAILAND, mail, "anna", PASSWORD);
    let page = town.ask(THAILAND, &format!("{mail}/SOGo/"), &["-b", jar.to_str().unwrap()]);
    assert!(page.status == 200 && page.body.contains("SOGo"), "{page:?}");
}

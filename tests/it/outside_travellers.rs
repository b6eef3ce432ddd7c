//! The whole of it at once: two organisations behind one gateway, each with its own way to know its
//! people, and three travellers, each with another device; and a lost device over two nodes.

use std::io::{Read, Write as _};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::support::browsing::Browser;
use crate::support::certified::Certified;
use crate::support::client::{Answer, Request, get};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::managed::{
    Devices, Shown, answer_on, connect as connect_tls, write_server_certificate,
};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::postgres::{self, Postgres};
use crate::support::raw::{RawUpstream, connect, read_rest, read_until};
use crate::support::slapd::{PASSWORD, Slapd};

const INTRANET: &str = "kilden.example.dk";
const MAIL: &str = "mail.example.dk";
const EGEDAL_INTRANET: &str = "www.egedal.example.dk";
const EGEDAL_MAIL: &str = "mail.egedal.example.dk";
const SYNC: &str = "/Microsoft-Server-ActiveSync";

/// Where a traveller is, and a colleague of theirs beside them.
type Country = (&'static str, &'static str);
const IN_THAILAND: Country = (THAILAND, "61.19.3.1");
const IN_CHINA: Country = (CHINA, "36.128.3.1");

/// Ballerup with OpenID Connect, Egedal with a directory and managed devices.
struct Scene {
    provider: Certified,
    slapd: Slapd,
    devices: Devices,
    gateway: Gateway,
    _upstream: RawUpstream,
}

impl Scene {
    fn start() -> Self {
        let provider = Certified::start(&[&format!("http://{INTRANET}")], None);
        let (slapd, upstream) = (Slapd::start(), RawUpstream::lasting());
        let local = "    identity_providers: [local]\n";
        let egedal = "    travel_exemptions: {enabled: true, decision: \"00.22.04-P35-3-26\"}\n    \
                      identity_providers: [catalogue, ipads]\n";
        let listener = format!(
            "listeners:\n  - name: tls\n    bind: [\"127.0.0.1:0\"]\n    tls:\n      \
             certificates: [{{chain: chain.pem, key: key.pem}}]\n      \
             client_certificates: {{providers: [ipads], hosts: [{EGEDAL_INTRANET}, {EGEDAL_MAIL}]}}\n    \
             client_address: {{trusted_proxies: [127.0.0.0/8], source: proxy_protocol}}\n"
        );
        let site = format!(
            "sites:\n  egedal-mail: {{organization: egedal, hosts: [{EGEDAL_MAIL}], \
             upstream: {{servers: [\"{}\"]}}}}\n",
            upstream.url()
        );
        let known = format!(
            "identity:\n{}{}  ipads: {{kind: client_certificate, ca: devices.pem, \
             crl: [devices.crl], name: upn}}\n",
            provider.configuration(),
            slapd.provider("")
        );
        let text = configuration(&upstream.url(), "")
            .replacen(local, "    identity_providers: [entra]\n", 1)
            .replacen(local, egedal, 1)
            .replacen("listeners:\n", &listener, 1)
            .replacen("sites:\n", &site, 1)
            .replacen("identity:\n", &known, 1);
        let mut gateway = Gateway::prepare(&text);
        write_server_certificate(
            gateway.directory(),
            [EGEDAL_INTRANET, EGEDAL_MAIL].map(str::to_owned),
        );
        let devices = Devices::new("devices");
        devices.write(gateway.directory());
        gateway.run();
        Self { provider, slapd, devices, gateway, _upstream: upstream }
    }

    /// Lets somebody in between two instants.
    fn grant(&self, organization: &str, who: &[&str], land: &str, site: &str, window: &Window) {
        let leg = format!("{land} {:.0}..{:.0}", window.from, window.until);
        let grant = ["exemption", "grant", "--organization", organization, "--leg", &leg];
        let more = ["--site", site, "--purpose", "Studietur", "--case", "26-1", "--person"];
        self.gateway.command(&[&grant[..], &more[..], who].concat()).expect_code(0);
    }

    /// The session of somebody who has signed in at the provider.
    fn session(&self, from: &str, who: &str) -> String {
        let (arrived, session) = self.provider.sign_in(&self.gateway, INTRANET, from, who);
        session.unwrap_or_else(|| panic!("{}: {}", arrived.status, arrived.text()))
    }

    /// A browser with a session.
    fn browses(&self, session: &str, from: &str, host: &str) -> Answer {
        let web = self.gateway.address("web");
        get(web, host, "/").from(from).browser().header("Cookie", session).send()
    }

    fn phone(&self, user: &str, from: &str, host: &str, command: &str) -> Request {
        get(self.gateway.address("web"), host, &format!("{SYNC}?Cmd={command}"))
            .method("POST")
            .from(from)
            .basic(user, PASSWORD)
            .header("Content-Type", "application/vnd.ms-sync.wbxml")
            .header("User-Agent", "Apple-iPhone16C2/2204.101")
    }

    fn shows(&self, shown: &Shown, from: &str, host: &str) -> Answer {
        answer_on(connect_tls(&self.gateway, Some(shown), from, host), host).expect("an answer")
    }
}

/// The request for a download without end, in a browser.
fn download(session: &str, from: &str) -> String {
    format!(
        "GET /stream HTTP/1.1\r\nHost: {INTRANET}\r\nX-Forwarded-For: {from}\r\n\
         Cookie: {session}\r\n\r\n"
    )
}

/// From when until when somebody may travel; whole seconds, as a leg writes them.
struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    fn in_a_moment() -> Self {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let after = |seconds| now + SignedDuration::from_secs(seconds);
        Self { from: after(25), until: after(70) }
    }
}

/// One request from an address to a host.
type Asks<'a> = dyn Fn(&str, &str) -> Answer + Sync + 'a;

/// Somebody who travels, and the colleague beside them, who has everything but an exemption.
struct Traveller<'a> {
    name: &'static str,
    /// Who the upstream is told it is.
    known_as: &'static str,
    country: Country,
    site: &'static str,
    other_country: Country,
    other_site: &'static str,
    asks: Box<Asks<'a>>,
    colleague: Box<Asks<'a>>,
}

/// Status, fields and text of an answer.
type Seen = (u16, Vec<(String, String)>, String);

/// An answer without its reference and its time, which differ from one to the next.
fn seen(answer: &Answer) -> Seen {
    let mut headers = answer.headers.clone();
    let differs = |name: &str| matches!(name, "date" | "geovagt-reference" | "content-length");
    headers.retain(|(name, _)| !differs(name));
    let reference = answer.header("geovagt-reference").unwrap_or("no reference");
    let text = answer.text().replace(reference, "");
    let differing = ["telefonen: ", "telephone: ", "class=\"code\"", " UTC</p>"];
    let same = |line: &&str| !differing.iter().any(|mark| line.contains(mark));
    (answer.status, headers, text.lines().filter(same).collect::<Vec<_>>().join("\n"))
}

impl Traveller<'_> {
    fn at_work(&self) -> Answer {
        (self.asks)(self.country.0, self.site)
    }

    /// What the colleague meets where the traveller works: it never changes.
    fn wall(&self) -> Seen {
        let wall = seen(&(self.colleague)(self.country.1, self.site));
        assert_eq!(wall.0, 403, "{}", self.name);
        wall
    }

    /// Where and as long as nothing is granted, the traveller is anybody.
    fn is_walled_off(&self, (own, beside): Country, site: &str) {
        let (traveller, colleague) = ((self.asks)(own, site), (self.colleague)(beside, site));
        assert_eq!(traveller.status, 403, "{} from {own} at {site}", self.name);
        assert_eq!(seen(&traveller), seen(&colleague), "{} from {own} at {site}", self.name);
    }

    /// Rejected until it begins, and then served.
    fn is_served_from(&self, begin: Timestamp, wall: &Seen) {
        eventually("the journey begins", || {
            let answer = self.at_work();
            let served = answer.status == 200;
            if served {
                assert!(Timestamp::now() >= begin, "{} not before its time", self.name);
                let told = answer.text().to_lowercase();
                let told = told.lines().find(|line| line.starts_with("x-geovagt-user:"));
                assert!(told.is_some_and(|line| line.ends_with(self.known_as)), "{told:?}");
            } else {
                assert_eq!(&seen(&answer), wall, "{}", self.name);
            }
            served
        });
    }
}

#[test]
fn three_travellers_of_two_organisations_work_in_their_time_and_place_and_no_longer() {
    let scene = Scene::start();
    let web = scene.gateway.address("web");
    let bare = |from: Country, host: &str| get(web, host, "/").from(from.1).send().status;
    let (at_home, colleague) = (scene.session(DENMARK, "anna"), scene.session(DENMARK, "bo"));
    let ipad = scene.devices.ipad(7, "mette@egedal.example.dk");
    let other_ipad = scene.devices.ipad(8, "carl@egedal.example.dk");
    let travellers = [
        Traveller {
            name: "the browser",
            known_as: "anna.holm@example.dk",
            country: IN_THAILAND,
            site: INTRANET,
            other_country: IN_CHINA,
            other_site: MAIL,
            asks: Box::new(|from, host| scene.browses(&at_home, from, host)),
            colleague: Box::new(|from, host| scene.browses(&colleague, from, host)),
        },
        Traveller {
            name: "the phone",
            known_as: "anna",
            country: IN_THAILAND,
            site: EGEDAL_MAIL,
            other_country: IN_CHINA,
            other_site: EGEDAL_INTRANET,
            asks: Box::new(|from, host| scene.phone("anna", from, host, "Sync").send()),
            colleague: Box::new(|from, host| scene.phone("bo", from, host, "Sync").send()),
        },
        Traveller {
            name: "the iPad",
            known_as: "mette@egedal.example.dk",
            country: IN_CHINA,
            site: EGEDAL_INTRANET,
            other_country: IN_THAILAND,
            other_site: EGEDAL_MAIL,
            asks: Box::new(|from, host| scene.shows(&ipad, from, host)),
            colleague: Box::new(|from, host| scene.shows(&other_ipad, from, host)),
        },
    ];
    let walls: Vec<_> = travellers.iter().map(Traveller::wall).collect();

    let window = Window::in_a_moment();
    scene.grant("ballerup", &["anna.holm@example.dk"], "TH", "kilden", &window);
    scene.grant("egedal", &["anna"], "TH", "egedal-mail", &window);
    let mette = "mette@egedal.example.dk";
    let mette = [mette, "--provider", "ipads", "--subject", mette];
    scene.grant("egedal", &mette, "CN", "egedal-web", &window);
    let asked = scene.slapd.about_names().len();
    for traveller in &travellers {
        traveller.is_walled_off(traveller.country, traveller.site);
        assert_eq!(bare(traveller.country, traveller.site), 403);
    }
    assert!(Timestamp::now() < window.from, "the machine was too slow to look before it begins");
    assert_eq!(scene.slapd.about_names().len(), asked, "nobody's password is asked before");

    std::thread::scope(|scope| {
        for (traveller, wall) in travellers.iter().zip(&walls) {
            scope.spawn(|| traveller.is_served_from(window.from, wall));
        }
    });

    // Whoever brings nothing is asked who they are where somebody can sign in, and nowhere else.
    assert_eq!((bare(IN_THAILAND, INTRANET), bare(IN_THAILAND, EGEDAL_MAIL)), (401, 401));
    assert_eq!((bare(IN_CHINA, EGEDAL_INTRANET), bare(IN_CHINA, INTRANET)), (403, 403));
    for (traveller, wall) in travellers.iter().zip(&walls) {
        traveller.is_walled_off(traveller.other_country, traveller.site);
        traveller.is_walled_off(traveller.country, traveller.other_site);
        assert_eq!(&traveller.wall(), wall, "the colleague of {}", traveller.name);
    }
    assert_eq!(scene.slapd.binds("bo"), 0);

    // What lasts: a download in a browser that signed in there, a phone's Ping, a download.
    let there = scene.session(THAILAND, "anna");
    let mut file = connect(web, &download(&there, THAILAND));
    let ping = scene.phone("anna", THAILAND, EGEDAL_MAIL, "Ping").bytes().unwrap();
    let mut ping = connect(web, &String::from_utf8(ping).unwrap());
    let mut stream = connect_tls(&scene.gateway, Some(&ipad), CHINA, EGEDAL_INTRANET);
    write!(stream, "GET /stream HTTP/1.1\r\nHost: {EGEDAL_INTRANET}\r\n\r\n").unwrap();
    read_until(&mut file, "data: 1");
    read_until(&mut stream, "data: 1");
    assert!(Timestamp::now() < window.until, "the machine was too slow to work in time");
    let lasting: [(&str, &mut (dyn Read + Send)); 3] =
        [("download", &mut file), ("Ping", &mut ping), ("stream", &mut stream)];
    std::thread::scope(|scope| {
        for (name, mut connection) in lasting {
            scope.spawn(move || {
                let rest = read_rest(&mut connection);
                let ended = Timestamp::now();
                assert!(ended >= window.until, "{name}: not before its time");
                assert!(!rest.contains("0\r\n\r\n"), "{name} never looks whole: {rest:.200}");
                assert!(!rest.contains("HTTP/1.1 200") && !rest.contains("HTTP/1.1 401"), "{rest}");
                eprintln!("{name}: cut {:#} after its end", ended - window.until);
            });
        }
    });

    let asked = scene.slapd.about_names().len();
    for (traveller, wall) in travellers.iter().zip(&walls) {
        traveller.is_walled_off(traveller.country, traveller.site);
        assert_eq!(&traveller.wall(), wall, "the colleague of {}", traveller.name);
        assert_eq!(bare(traveller.country, traveller.site), 403);
    }
    assert_eq!(seen(&scene.browses(&there, THAILAND, INTRANET)), walls[0]);
    assert_eq!(get(web, INTRANET, "/.geovagt/sign-in").from(THAILAND).send().status, 403);
    assert_eq!(scene.slapd.about_names().len(), asked, "nobody's password is asked after");
}

/// A node on a database that it shares.
fn node(upstream: &RawUpstream, server: &Postgres, database: &str) -> Gateway {
    let url = format!("postgres://geovagt:${{file:secret}}@{}/{database}", server.address);
    let text = configuration(&upstream.url(), &format!("store: \"{url}\"\n"))
        .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,");
    let mut gateway = Gateway::prepare(&text);
    std::fs::write(gateway.directory().join("secret"), format!("{}\n", postgres::PASSWORD))
        .unwrap();
    gateway.run();
    gateway
}

#[test]
fn a_device_that_is_reported_lost_at_one_node_is_shut_out_at_the_other() {
    let (upstream, server) = (RawUpstream::lasting(), Postgres::start());
    let database = server.new_database();
    let (one, two) = (node(&upstream, &server, &database), node(&upstream, &server, &database));
    let word = "en lang adgangskode 42";
    // Which of the two tells the log of it is not said.
    let add = ["user", "add", "anna", "--organization", "ballerup"];
    one.command_with_input(&add, &format!("{word}\n")).expect_code(0);
    let id = one.grant("anna", "TH", &["kilden"]);
    let program = || get(two.address("web"), INTRANET, "/EWS/x").from(THAILAND).send().status;
    eventually("the other node knows the journey", || program() == 401);
    let mut anna = Browser::at(&two, INTRANET, THAILAND);
    anna.sign_in("anna", word);
    let page = anna.open("/.geovagt/adresse");
    assert_eq!(anna.press(&page, "/.geovagt/adresse").status, 200);
    assert_eq!((program(), anna.open("/").status), (200, 200));
    let stream = |from: &str| {
        let cookie = anna.cookie("geovagt").unwrap();
        let mut stream = connect(two.address("web"), &download(&format!("geovagt={cookie}"), from));
        read_until(&mut stream, "data: 1");
        stream
    };
    let (mut abroad, mut at_home) = (stream(THAILAND), stream(DENMARK));

    let begin = Instant::now();
    one.command(&["exemption", "lost-device", &id, "--reason", "Stjålet"]).expect_code(0);
    let told = begin.elapsed();
    read_rest(&mut abroad);
    read_rest(&mut at_home);
    assert_eq!((program(), anna.open("/").status), (403, 403));
    eprintln!("the command took {told:?}; all had ended {:?} after it began", begin.elapsed());
    // The next journey opens the door again; neither the session nor the address comes back.
    one.grant("anna", "TH", &["kilden"]);
    eventually("the door is there again", || program() == 401);
    assert_eq!(anna.open("/").status, 303, "she has to sign in");
    let mut anna = anna.moved_to(DENMARK);
    assert!(anna.open("/.geovagt/").text().contains("Du er ikke logget ind"));
}

//! A mail server in a few lines, which takes every login or none and remembers what it was told, and a
//! gateway in front of it at which travellers sign in.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::authority::Authority;
use super::client::get;
use super::gateway::{Gateway, eventually};
use super::raw::read_until;
use super::talk::{from, with};
use super::upstream::Upstream;

/// Of every account.
pub const PASSWORD: &str = "en lang adgangskode 42";

/// A mail server that lives as long as the test's process.
#[derive(Debug, Clone)]
pub struct Postbox {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Whether it says no to every login.
    pub refuses: Arc<AtomicBool>,
    /// Whether it offers AUTH LOGIN alone.
    pub old: Arc<AtomicBool>,
}

impl Postbox {
    pub fn start(kind: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, refuses) = (Arc::default(), Arc::default());
        let postbox = Self { address, heard, refuses, old: Arc::default() };
        let own = postbox.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let index = {
                    let mut all = own.heard.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                let own = own.clone();
                std::thread::spawn(move || {
                    let reader = BufReader::new(stream.try_clone().unwrap());
                    let mut session = Session { reader, stream, own, index };
                    // It ends where the connection does.
                    let _ = match kind {
                        "imap" => session.imap(),
                        "pop3" => session.pop3(),
                        _ => session.smtp(),
                    };
                });
            }
        });
        postbox
    }

    /// What each connection brought so far, without the PROXY protocol header.
    pub fn heard(&self) -> Vec<String> {
        let all = self.heard.lock().unwrap();
        all.iter().map(|heard| String::from_utf8_lossy(heard).into_owned()).collect()
    }
}

struct Session {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
    own: Postbox,
    index: usize,
}

type Ended = Option<()>;

impl Session {
    fn hear(&mut self, bytes: &[u8]) {
        self.own.heard.lock().unwrap()[self.index].extend(bytes);
    }

    /// The PROXY protocol header has to come first, whole.
    fn header(&mut self) -> Ended {
        let mut head = [0; 16];
        self.reader.read_exact(&mut head).ok()?;
        assert!(head.starts_with(b"\r\n\r\n\0\r\nQUIT\n"), "{head:?}");
        let mut rest = vec![0; usize::from(u16::from_be_bytes([head[14], head[15]]))];
        self.reader.read_exact(&mut rest).ok()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).ok()?;
        self.hear(&line);
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn say(&mut self, text: &str) -> Ended {
        self.stream.write_all(text.as_bytes()).ok()
    }

    fn refuses(&self) -> bool {
        self.own.refuses.load(Ordering::SeqCst)
    }

    fn imap(&mut self) -> Ended {
        self.header()?;
        self.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2] postbox\r\n")?;
        loop {
            let mut command = self.line()?;
            while let Some(length) = literal(&command) {
                self.say("+ more\r\n")?;
                let mut bytes = vec![0; length];
                self.reader.read_exact(&mut bytes).ok()?;
                self.hear(&bytes);
                // The first words tell what is asked for; what follows them may hold another literal.
                let (first, _) = command.rsplit_once('{').unwrap();
                command = format!("{first}{}", self.line()?);
            }
            let mut words = command.split(' ');
            let (tag, word) = (words.next()?.to_owned(), words.next().unwrap_or_default());
            match word {
                "LOGIN" if self.refuses() => {
                    self.say(&format!("{tag} NO [ALERT] postbox says no\r\n"))?;
                }
                "LOGIN" => self.say(&format!(
                    "* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK in\r\n* 1 EXISTS\r\n"
                ))?,
                "AUTHENTICATE" => {
                    self.say("+ \r\n")?;
                    self.line()?;
                    if self.refuses() {
                        self.say("+ eyJ9\r\n")?;
                        self.line()?;
                        self.say(&format!("{tag} NO postbox says no\r\n"))?;
                    } else {
                        self.say(&format!("{tag} OK in\r\n"))?;
                    }
                }
                "IDLE" => self.say("+ idling\r\n")?,
                "CAPABILITY" => {
                    self.say(&format!("* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n"))?;
                }
                _ => self.say(&format!("{tag} OK {word} done\r\n"))?,
            }
        }
    }

    fn pop3(&mut self) -> Ended {
        self.header()?;
        self.say("+OK postbox\r\n")?;
        loop {
            let command = self.line()?;
            match command.split(' ').next()? {
                "PASS" if self.refuses() => self.say("-ERR postbox says no\r\n")?,
                "AUTH" => {
                    self.say("+ \r\n")?;
                    self.line()?;
                    self.say("+OK in\r\n")?;
                }
                word => self.say(&format!("+OK {word} done\r\n"))?,
            }
        }
    }

    fn smtp(&mut self) -> Ended {
        self.header()?;
        self.say("220-postbox\r\n220 is here\r\n")?;
        let mechanisms = if self.own.old.load(Ordering::SeqCst) { "LOGIN" } else { "PLAIN LOGIN" };
        loop {
            let command = self.line()?;
            match command.split(' ').next()? {
                "EHLO" => self
                    .say(&format!("250-postbox\r\n250-AUTH {mechanisms}\r\n250 PIPELINING\r\n"))?,
                "AUTH" => {
                    for _ in 0..=usize::from(command == "AUTH LOGIN") {
                        self.say("334 \r\n")?;
                        self.line()?;
                    }
                    let no = "535-5.7.8 postbox\r\n535 5.7.8 says no\r\n";
                    self.say(if self.refuses() { no } else { "235 2.7.0 in\r\n" })?;
                }
                word => self.say(&format!("250 {word} done\r\n"))?,
            }
        }
    }
}

/// How much follows a line.
fn literal(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

/// A mail server, and the gateway in front of it.
pub struct Scene {
    pub server: Postbox,
    pub gateway: Gateway,
    pub authority: Authority,
    pub text: String,
    _http: Upstream,
    _directory: tempfile::TempDir,
}

/// A client that speaks TLS.
pub type Client = StreamOwned<ClientConnection, TcpStream>;

/// The rules of the site `box`: logins are heard there.
pub const LOGIN: &str = "login: when_blocked, proxy_protocol: v2";

impl Scene {
    /// People are anna.holm and bo.lund, by local accounts.
    pub fn start(kind: &'static str) -> Self {
        Self::with(kind, LOGIN, str::to_owned)
    }

    /// With other rules of the site, and another configuration.
    pub fn with(kind: &'static str, rules: &str, change: impl Fn(&str) -> String) -> Self {
        let scene = Self::prepare(kind, rules, change, &[]);
        scene.gateway.add_user("anna.holm", "ballerup", PASSWORD);
        scene.gateway.add_user("bo.lund", "ballerup", PASSWORD);
        scene
    }

    /// The same without people, and run under this wrapper.
    pub fn prepare(
        kind: &'static str,
        rules: &str,
        change: impl Fn(&str) -> String,
        wrapper: &[&str],
    ) -> Self {
        let (http, server) = (Upstream::start(), Postbox::start(kind));
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "ca");
        let issued = authority.issue("localhost");
        let listener = format!(
            "site: box, tls: {{certificates: [{{chain: \"{}\", key: \"{}\"}}]}}",
            issued.chain.display(),
            issued.key.display()
        );
        let site = format!(
            "upstream: {{servers: [\"tcp://{}\"]}}, tcp: {{mail: {kind}, {rules}}}",
            server.address
        );
        let listeners = [("mail-in", listener.as_str()), ("open-in", "site: box")];
        let text = change(&with(&http, &listeners, &[("box", &site)]));
        let mut gateway = Gateway::prepare(&text);
        gateway.run_under(wrapper);
        Self { server, gateway, authority, text, _http: http, _directory: directory }
    }

    /// Somebody travels to Thailand, and the door is open there.
    pub fn travels(&self, person: &str) -> String {
        let id = self.gateway.grant(person, "TH", &["kilden", "box"]);
        self.door();
        id
    }

    /// Waits until so many exemptions are in effect.
    pub fn counts(&self, exemptions: usize) {
        let line = format!("geovagt_exemptions {exemptions}");
        let operations = self.gateway.address("operations");
        eventually("the exemptions are in effect", || {
            let metrics = get(operations, "localhost", "/metrics").send().text();
            metrics.lines().any(|one| one == line)
        });
    }

    /// Waits until whoever travels is asked who they are.
    pub fn door(&self) {
        let web = self.gateway.address("web");
        eventually("the door", || {
            get(web, "kilden.example.dk", "/").from(super::places::THAILAND).send().status == 401
        });
    }

    /// A client at this address.
    pub fn client(&self, address: &str) -> Client {
        let tcp = from(address, self.gateway.address("mail-in"));
        tcp.set_nodelay(true).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp)
    }

    /// The same after the greeting, which it gives.
    pub fn greeted(&self, address: &str) -> (Client, String) {
        let mut client = self.client(address);
        let greeting = read_until(&mut client, "\r\n");
        (client, greeting)
    }
}

/// Sends at once.
pub fn say(client: &mut Client, text: &str) {
    client.write_all(text.as_bytes()).unwrap();
    client.flush().unwrap();
}

/// Sends bit by bit: each byte in a TLS record of its own.
pub fn spell(client: &mut Client, text: &str) {
    for byte in text.as_bytes() {
        client.write_all(&[*byte]).unwrap();
        client.flush().unwrap();
    }
}

//! Both ends of a connection that is no HTTP: a server that greets, echoes and remembers, and clients
//! that come from somewhere.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::gateway::{Gateway, configuration, eventually_some};
use super::raw;
use super::upstream::Upstream;

/// How the server greets, and what it says when its client is done.
pub const GREETING: &str = "* OK ready\r\n";
pub const FAREWELL: &str = "* farewell\r\n";

/// A server that lives as long as the test's process.
#[derive(Debug, Clone)]
pub struct Talker {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Talker {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let index = {
                    let mut all = all.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                let all = Arc::clone(&all);
                std::thread::spawn(move || {
                    talk(stream, |said| all.lock().unwrap()[index].extend(said));
                });
            }
        });
        Self { address, heard }
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// What each connection brought so far.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }
}

fn talk(mut stream: TcpStream, mut hear: impl FnMut(&[u8])) {
    if stream.write_all(GREETING.as_bytes()).is_err() {
        return;
    }
    let mut room = [0; 4096];
    loop {
        match stream.read(&mut room) {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                hear(&room[..count]);
                if stream.write_all(&room[..count]).is_err() {
                    return;
                }
            }
        }
    }
    let _ = stream.write_all(FAREWELL.as_bytes());
}

/// A configuration with these listeners and sites besides those that are always there. Each listener
/// takes the word of a proxy on this machine, unless it says otherwise.
pub fn with(http: &Upstream, listeners: &[(&str, &str)], sites: &[(&str, &str)]) -> String {
    let source = "client_address: {trusted_proxies: [127.0.0.0/8], source: proxy_protocol}";
    let listener = |(name, rest): &(&str, &str)| {
        let rest = if rest.contains("client_address") {
            (*rest).to_owned()
        } else {
            format!("{rest}, {source}")
        };
        format!("  - {{name: {name}, bind: [\"127.0.0.1:0\"], protocol: tcp, {rest}}}\n")
    };
    let listeners: String = listeners.iter().map(listener).collect();
    let site =
        |(name, rest): &(&str, &str)| format!("  {name}: {{organization: ballerup, {rest}}}\n");
    let sites: String = sites.iter().map(site).collect();
    configuration(&http.url(), "")
        .replacen("listeners:\n", &format!("listeners:\n{listeners}"), 1)
        .replacen("\nsites:\n", &format!("\nsites:\n{sites}"), 1)
}

/// A running gateway whose only server for TCP is this one: the listener `mail-in`, the site `box`,
/// of which `more` says more.
pub fn gateway(http: &Upstream, server: &str, more: &str) -> Gateway {
    let site = format!("upstream: {{servers: [\"{server}\"]}}, {more}");
    Gateway::start(&with(http, &[("mail-in", "site: box")], &[("box", &site)]))
}

/// A client at this address, as a proxy announces it.
pub fn from(address: &str, to: SocketAddr) -> TcpStream {
    let family = if address.contains(':') { "TCP6" } else { "TCP4" };
    let here = if address.contains(':') { "2001:db8::9" } else { "9.9.9.9" };
    raw::connect(to, &format!("PROXY {family} {address} {here} 4711 993\r\n"))
}

/// Everything until the connection ends in order; stops the test where it breaks.
pub fn rest(stream: &mut impl std::io::Read) -> String {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("a clean end");
    String::from_utf8_lossy(&rest).into_owned()
}

/// The reference in a line.
pub fn reference(line: &str) -> String {
    let words = line.split_whitespace().map(|word| word.trim_end_matches('.'));
    let is_one = |word: &&str| word.len() == 9 && word.as_bytes()[4] == b'-';
    words.into_iter().find(is_one).unwrap_or_else(|| panic!("no reference in {line:?}")).to_owned()
}

/// The entry of the end of a connection to this site that ended so, as soon as the log holds it.
pub fn ended(gateway: &Gateway, site: &str, word: &str) -> serde_json::Value {
    entry_with(gateway, site, "completed", word)
}

/// The entry of this action at this site in which this word stands, as soon as the log holds it.
pub fn entry_with(gateway: &Gateway, site: &str, action: &str, word: &str) -> serde_json::Value {
    let search = ["audit", "search", "--json", "--site", site, "--action", action];
    eventually_some("the end is in the log", || {
        let found = gateway.command(&search).expect_code(0).out;
        let entries = found.lines().map(|line| serde_json::from_str(line).unwrap());
        entries.into_iter().find(|entry: &serde_json::Value| has(entry, word))
    })
}

/// Whether a text stands anywhere in an entry.
fn has(value: &serde_json::Value, word: &str) -> bool {
    match value {
        serde_json::Value::String(text) => text == word,
        serde_json::Value::Object(fields) => fields.values().any(|value| has(value, word)),
        _ => false,
    }
}

/// The first entry of this action about this site, as soon as the log holds it.
pub fn entry(gateway: &Gateway, site: &str, action: &str) -> serde_json::Value {
    let search = ["audit", "search", "--json", "--limit", "1", "--site", site, "--action", action];
    eventually_some("the entry is in the log", || {
        let found = gateway.command(&search).expect_code(0);
        (!found.out.is_empty()).then(|| found.json())
    })
}

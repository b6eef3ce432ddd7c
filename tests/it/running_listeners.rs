//! Listeners that come, go and change with a reload, while clients are served.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use super::support::client::get;
use super::support::gateway::{Gateway, Printed, configuration, eventually};
use super::support::outside::free_address;
use super::support::places::{CHINA, DENMARK};
use super::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use super::support::upstream::Upstream;

struct Setting {
    gateway: Gateway,
    text: String,
    web: SocketAddr,
    _upstream: Option<Upstream>,
}

/// The listener `web` on an address of its own, so that it can be named.
fn running_at(upstream: &str) -> Setting {
    let web = free_address();
    let text = configuration(upstream, "").replacen("\"127.0.0.1:0\"", &format!("\"{web}\""), 1);
    Setting { gateway: Gateway::start(&text), text, web, _upstream: None }
}

fn running() -> Setting {
    let upstream = Upstream::start();
    Setting { _upstream: Some(upstream), ..running_at("http://127.0.0.1:9") }
}

impl Setting {
    fn reload(&self, text: &str) -> Printed {
        std::fs::write(self.gateway.config_file(), text).unwrap();
        self.gateway.command(&["reload"])
    }

    /// The configuration with one more listener.
    fn with(&self, listener: &str) -> String {
        self.text.replace("sites:\n", &format!("{listener}sites:\n"))
    }

    fn without_web(&self) -> String {
        let begin = self.text.find("  - name: web").unwrap();
        let end = self.text.find("  - name: direct").unwrap();
        format!("{}{}", &self.text[..begin], &self.text[end..])
    }
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

fn status(address: SocketAddr, from: &str) -> u16 {
    get(address, "kilden.example.dk", "/.geovagt/lande").from(from).send().status
}

fn listener(name: &str, address: SocketAddr) -> String {
    format!(
        "  - name: {name}\n    bind: [\"{address}\"]\n    client_address: \
         {{trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}}\n"
    )
}

#[test]
fn a_listener_comes_and_goes() {
    let setting = running();
    let other = free_address();
    let printed = setting.reload(&setting.with(&listener("other", other))).expect_code(0);
    assert!(printed.out.contains("listeners: 4 (before: 3)"), "{printed:?}");
    assert_eq!(status(other, DENMARK), 200);
    setting.reload(&setting.text).expect_code(0);
    eventually("it is gone", || !is_open(other));
    assert_eq!(status(setting.web, DENMARK), 200);
}

/// The socket belongs to the address: under another name it is the same one, and a client that had
/// connected before is served after.
#[test]
fn a_socket_outlives_its_listeners_name_and_rules() {
    let setting = running();
    let renamed = setting.text.replacen("name: web", "name: front", 1);
    let source = "client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}";
    let ruled = renamed.replacen(source, "client_address: {source: peer}", 1);
    assert!(ruled != renamed && renamed != setting.text);
    setting.reload(&renamed).expect_code(0);
    assert_eq!(status(setting.web, CHINA), 200, "the list may be read");
    let seen = |from| get(setting.web, "kilden.example.dk", "/").from(from).send().status;
    assert_eq!(seen(CHINA), 403);
    let mut idle = connect(setting.web, &head("/.geovagt/lande", ""));
    assert!(read_until(&mut idle, "</html>").starts_with("HTTP/1.1 200"));
    setting.reload(&ruled).expect_code(0);
    assert_eq!(seen(DENMARK), 403, "whoever connects is the client: a private address");
    // What began under the old rules does not go on under them.
    assert_eq!(read_rest(&mut idle), "");
}

/// One that cannot be opened: nothing of the reload is taken, and what could be opened is closed.
#[test]
fn a_listener_that_cannot_be_opened_refuses_the_reload_whole() {
    let setting = running();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = free_address();
    let both = listener("one", free) + &listener("two", taken.local_addr().unwrap());
    let begin = setting.text.find("  mail:").unwrap();
    let fewer = setting.with(&both).replace(setting.text[begin..].lines().next().unwrap(), "");
    let printed = setting.reload(&fewer).expect_code(1);
    assert!(printed.err.contains("listener two cannot listen on"), "{printed:?}");
    assert!(printed.err.contains("another program listens there"), "{printed:?}");
    eventually("the one that could be opened is closed", || !is_open(free));
    let mail = get(setting.web, "mail.example.dk", "/.geovagt/lande").from(DENMARK).send();
    assert_eq!(mail.status, 200, "the site that the reload took away");
    let wide = setting
        .text
        .replace(&format!("\"{}\"", setting.web), &format!("\"0.0.0.0:{}\"", setting.web.port()));
    let printed = setting.reload(&wide).expect_code(1);
    assert!(printed.err.contains("while this gateway itself listens on"), "{printed:?}");
    assert_eq!(status(setting.web, DENMARK), 200);
}

/// What a refused reload said has been announced to nobody: its list can still be another.
#[test]
fn what_a_refused_reload_announced_is_not_remembered() {
    let setting = running();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let enforced = setting.text.replace("mode: report_only", "mode: enforce");
    let refused =
        enforced.replace("sites:\n", &(listener("two", taken.local_addr().unwrap()) + "sites:\n"));
    setting.reload(&refused).expect_code(1);
    let state = setting.gateway.directory().join("state");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = || {
        runtime.block_on(async {
            let store = geovagt::store::Store::open(&state).await.unwrap();
            let settings = store.announced().await.unwrap().settings;
            settings.iter().any(|seen| {
                seen.policy.as_str() == "reporting" && seen.mode == geovagt::policy::Mode::Enforce
            })
        })
    };
    assert!(!seen(), "the refused reload was remembered");
    setting.reload(&enforced).expect_code(0);
    assert!(seen(), "the one that took effect is");
}

#[test]
fn an_exchange_on_a_listener_that_goes_may_finish_and_an_idle_connection_ends() {
    let (go_on, told) = channel::<()>();
    let told = std::sync::Mutex::new(told);
    let upstream = RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
        if told.lock().unwrap().recv().is_ok() {
            let _ = stream.write_all(b"-last");
        }
    });
    let setting = running_at(&upstream.url());
    let mut busy = connect(setting.web, &head("/long", ""));
    read_until(&mut busy, "first");
    let mut idle = connect(setting.web, &head("/.geovagt/lande", ""));
    read_until(&mut idle, "</html>");
    setting.reload(&setting.without_web()).expect_code(0);
    eventually("nothing new begins", || !is_open(setting.web));
    assert_eq!(read_rest(&mut idle), "");
    go_on.send(()).unwrap();
    assert_eq!(read_rest(&mut busy), "-last");
}

#[test]
fn an_exchange_on_a_listener_that_is_gone_ends_with_the_patience() {
    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
        read_rest(&mut stream);
    });
    let mut setting = running_at(&upstream.url());
    setting.text += "limits: {drain_timeout: 300ms}\n";
    setting.reload(&setting.text).expect_code(0);
    let mut busy = connect(setting.web, &head("/long", ""));
    read_until(&mut busy, "first");
    setting.reload(&setting.without_web()).expect_code(0);
    assert_eq!(read_rest(&mut busy), "");
}

#[test]
fn limits_and_operations_change_with_a_reload() {
    let setting = running();
    let operations = free_address();
    let text = setting.text.replace(
        "operations:\n  bind: [\"127.0.0.1:0\"]",
        &format!("operations:\n  bind: [\"{operations}\"]"),
    );
    setting.reload(&text).expect_code(0);
    assert_eq!(get(operations, "localhost", "/healthz").send().status, 200);
    eventually("the old one is gone", || !is_open(setting.gateway.address("operations")));
    let _one = connect(setting.web, "");
    setting.reload(&(text.clone() + "limits: {connections: 1}\n")).expect_code(0);
    let mut turned_away = connect(setting.web, "");
    assert_eq!(read_rest(&mut turned_away), "");
    setting.reload(&(text + "limits: {header_bytes: 8192}\n")).expect_code(0);
    let long = "a".repeat(9000);
    let answer = get(setting.web, "kilden.example.dk", "/").header("X", &long).send();
    assert_eq!(answer.status, 431);
}

/// Clients that connect anew for each request, while the configuration changes twenty times around
/// the listener that they use.
#[test]
fn no_connection_is_lost_in_twenty_reloads() {
    let setting = running();
    let (ends, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (ends, asked, web) = (Arc::clone(&ends), Arc::clone(&asked), setting.web);
            std::thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    let answer = get(web, "kilden.example.dk", "/.geovagt/lande").from(DENMARK);
                    assert_eq!(answer.try_send().expect("an answer").status, 200);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let other = free_address();
    let changed = setting.with(&listener("other", other));
    let renamed = changed.replacen("name: web", "name: front", 1);
    let ruled = renamed.replacen("127.0.0.0/8]", "127.0.0.0/8, 10.0.0.0/8]", 1);
    for turn in 0..20 {
        let before = asked.load(Ordering::Relaxed);
        let text = [&changed, &renamed, &ruled, &setting.text][turn % 4];
        setting.reload(text).expect_code(0);
        eventually("clients go on", || asked.load(Ordering::Relaxed) > before + 4);
    }
    ends.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no request failed");
    }
}

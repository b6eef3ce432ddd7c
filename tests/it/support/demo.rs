//! `geovagt demo`, started on free ports, and what it prints.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

use super::gateway::{PATIENCE, PROGRAM};

/// The last line that the demo prints ends like this.
const LAST: &str = " exemption list";

/// A running demo; it ends with this value.
#[derive(Debug)]
pub struct Demo {
    child: Child,
    printed: Vec<String>,
    state: tempfile::TempDir,
}

impl Demo {
    /// Starts it and waits until it has printed everything.
    pub fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["demo", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"])
            .args(["--listen-admin", "127.0.0.1:0", "--state"])
            .arg(state.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut demo = Self { child, printed: Vec::new(), state };
        let deadline = Instant::now() + PATIENCE;
        while !demo.printed.last().is_some_and(|line| line.ends_with(LAST)) {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => demo.printed.push(line),
                Err(_) => panic!("the demo did not become ready: {:#?}", demo.printed),
            }
        }
        demo
    }

    /// Every line that it printed.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// The front that stands for a place, such as `China`.
    pub fn front(&self, place: &str) -> SocketAddr {
        let sentence = format!("as if you were in {place}");
        let line = self.line(|line| line.contains(&sentence));
        let url = line.split_whitespace().next().unwrap();
        let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
        address.expect("a URL").parse().unwrap()
    }

    /// Name and password of the one who travels.
    pub fn traveller(&self) -> (String, String) {
        let line = self.line(|line| line.contains("may travel to"));
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    }

    /// The first printed line that fits.
    pub fn line(&self, condition: impl Fn(&str) -> bool) -> &str {
        let found = self.printed.iter().find(|line| condition(line));
        found.unwrap_or_else(|| panic!("no such line: {:#?}", self.printed))
    }

    /// Where the gateway takes X-Forwarded-For.
    pub fn web(&self) -> SocketAddr {
        let url = self.line(|line| line.contains("curl ")).rsplit(' ').next().unwrap();
        let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
        address.expect("a URL").parse().unwrap()
    }

    /// The directory with everything that the demo keeps.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Runs another command on the demo, as the demo itself says to.
    pub fn command(&self, arguments: &[&str]) -> String {
        let line = self.line(|line| line.ends_with(LAST));
        let configuration = line.split_once(" --config ").and_then(|(_, rest)| {
            rest.split_once(" exemption ").map(|(configuration, _)| configuration)
        });
        let output = Command::new(PROGRAM)
            .args(["--config", configuration.expect("a configuration")])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(&mut self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

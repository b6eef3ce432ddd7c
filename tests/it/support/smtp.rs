//! A real mail server (aiosmtpd from PyPI) with StartTLS and login.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::authority::Authority;
use super::gateway::{eventually, repository};
use super::outside::{Program, command, free_address};

/// A mail server that keeps what it gets.
pub struct MailServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its certificate is from.
    pub authority: Authority,
    directory: tempfile::TempDir,
    program: Option<Program>,
}

fn python() -> PathBuf {
    let python = repository().join("tests/smtp/.venv/bin/python");
    assert!(python.exists(), "tests/run installs aiosmtpd into {}", python.display());
    python
}

impl MailServer {
    /// A server that does not run yet.
    pub fn prepare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "authority");
        std::fs::create_dir(directory.path().join("kept")).unwrap();
        Self { address: free_address(), authority, directory, program: None }
    }

    /// A running server.
    pub fn start() -> Self {
        let mut server = Self::prepare();
        server.run();
        server
    }

    /// Starts it.
    pub fn run(&mut self) {
        let issued = self.authority.issue("localhost");
        let mut serve = command(python().to_str().unwrap());
        serve
            .arg(repository().join("tests/smtp/server.py"))
            .arg(self.address.to_string())
            .arg(self.kept())
            .args([issued.chain, issued.key]);
        let output = self.directory.path().join("output");
        self.program = Some(Program::start(serve, &output, self.address));
    }

    fn kept(&self) -> PathBuf {
        self.directory.path().join("kept")
    }

    /// Makes the server behave as `switch` says (`hold`, `defer`), or no longer.
    pub fn set(&self, switch: &str, on: bool) {
        let file = self.kept().join(switch);
        if on {
            std::fs::write(file, "").unwrap();
        } else {
            std::fs::remove_file(file).unwrap();
        }
    }

    /// The block for the gateway's configuration.
    pub fn configuration(&self, more: &str) -> String {
        let (port, ca) = (self.address.port(), self.authority.file.display());
        let password = self.directory.path().join("password");
        std::fs::write(&password, "correct horse\n").unwrap();
        format!(
            "notices:
  smtp: {{host: localhost, port: {port}, ca: \"{ca}\", user: geovagt, timeout: 5s, \
             password: \"${{file:{}}}\"{more}}}
  sender: \"Rejser i Ballerup <rejser@ballerup.example.dk>\"
",
            password.display()
        )
    }

    /// How many messages it has.
    pub fn count(&self) -> usize {
        let files = std::fs::read_dir(self.kept()).unwrap();
        files.filter(|file| is_json(&file.as_ref().unwrap().path())).count()
    }

    /// Waits for so many messages and reads them all, in the order in which they came.
    pub fn messages(&self, count: usize) -> Vec<Value> {
        eventually("the messages have come", || self.count() >= count);
        (0..self.count()).map(|number| self.read(number)).collect()
    }

    fn read(&self, number: usize) -> Value {
        let output = command(python().to_str().unwrap())
            .arg(repository().join("tests/smtp/read.py"))
            .arg(self.kept().join(format!("{number}.json")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Every value of a header.
pub fn header<'a>(message: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = message["headers"].as_array().unwrap();
    let of = |pair: &&'a Value| pair[0].as_str().unwrap().eq_ignore_ascii_case(name);
    headers.iter().filter(of).map(|pair| pair[1].as_str().unwrap()).collect()
}

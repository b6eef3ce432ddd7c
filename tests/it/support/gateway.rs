//! The program itself, started as an operator starts it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The binary that is tested.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_geovagt");

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a configuration and its state, and perhaps a running gateway.
#[derive(Debug)]
pub struct Gateway {
    directory: tempfile::TempDir,
    child: Option<Child>,
    log: Arc<Mutex<Vec<serde_json::Value>>>,
    addresses: BTreeMap<String, SocketAddr>,
    /// What `serve` finds in its environment.
    pub environment: BTreeMap<String, String>,
}

/// What a command printed and how it ended.
#[derive(Debug, Clone)]
pub struct Printed {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Printed {
    /// The result as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }

    /// Stops the test unless the command ended with this code.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A configuration for two organisations with one upstream; `more` is added at the end.
pub fn configuration(upstream: &str, more: &str) -> String {
    let root = repository().display();
    format!(
        r#"state_directory: state
geoip: {{database: "{root}/geoip/country.mmdb", warn_after: 3650d}}
country_lists: {{cfcs: "{root}/config/lists/cfcs.yaml"}}
policies:
  standard: {{list: cfcs}}
  reporting: {{list: cfcs, mode: report_only}}
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
    contact: {{phone: "+45 44 77 20 00", hours: "8-15"}}
    travel_exemptions: {{enabled: true, decision: "00.22.04-P35-12-25", two_approvers: [RU, CN]}}
    identity_providers: [local]
  egedal:
    name: Egedal Kommune
    policy: standard
    identity_providers: [local]
listeners:
  - name: web
    bind: ["127.0.0.1:0"]
    client_address: {{trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}}
  - name: direct
    bind: ["127.0.0.1:0"]
  - name: proxied
    bind: ["127.0.0.1:0"]
    client_address: {{trusted_proxies: [127.0.0.0/8], source: proxy_protocol}}
sites:
  kilden: {{organization: ballerup, hosts: [kilden.example.dk], upstream: {{servers: ["{upstream}"]}}}}
  mail: {{organization: ballerup, hosts: [mail.example.dk], upstream: {{servers: ["{upstream}"]}}}}
  shut: {{organization: ballerup, hosts: [shut.example.dk], upstream: {{servers: ["{upstream}"]}}, denial: close}}
  inner: {{organization: ballerup, hosts: [inner.example.dk], upstream: {{servers: ["{upstream}"]}}, authentication: always}}
  open: {{organization: ballerup, hosts: [open.example.dk], upstream: {{servers: ["{upstream}"]}}, authentication: never}}
  trial: {{organization: ballerup, hosts: [trial.example.dk], upstream: {{servers: ["{upstream}"]}}, policy: reporting}}
  egedal-web: {{organization: egedal, hosts: ["*.egedal.example.dk"], upstream: {{servers: ["{upstream}"]}}}}
identity:
  local: {{kind: local}}
operations:
  bind: ["127.0.0.1:0"]
{more}"#
    )
}

impl Gateway {
    /// A directory with this configuration; nothing runs yet.
    pub fn prepare(configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gateway.yaml"), configuration).unwrap();
        Self {
            directory,
            child: None,
            log: Arc::default(),
            addresses: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }

    /// A running gateway with this configuration.
    pub fn start(configuration: &str) -> Self {
        let mut gateway = Self::prepare(configuration);
        gateway.run();
        gateway
    }

    /// Starts `serve` and waits until it is ready.
    pub fn run(&mut self) {
        self.run_under(&[]);
    }

    /// The same through a wrapper: the beginning of a command line that ends in the program.
    pub fn run_under(&mut self, wrapper: &[&str]) {
        self.launch(wrapper, &[], Stdio::null());
    }

    /// Starts it with a listening socket that was opened before, as systemd passes one on.
    pub fn run_with_socket(&mut self, socket: &std::net::TcpListener) {
        let activate = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web; \
                        exec \"$@\"";
        let socket = std::os::fd::OwnedFd::from(socket.try_clone().unwrap());
        self.launch(&["sh", "-c", activate, "sh"], &[], Stdio::from(socket));
    }

    /// Starts another process with `--take-over`, waits until it is ready, and gives the old one.
    pub fn take_over(&mut self) -> Child {
        let old = self.child.take().expect("a running gateway");
        self.launch(&[], &["--take-over"], Stdio::null());
        old
    }

    /// Starts `serve` and waits until it is ready.
    pub fn launch(&mut self, wrapper: &[&str], more: &[&str], stdin: Stdio) {
        let lines = self.spawn(wrapper, more, stdin);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).unwrap_or_else(|_| {
                panic!("the gateway did not become ready: {:#?}", self.log.lock().unwrap())
            });
            let fields = &line["fields"];
            match fields["message"].as_str() {
                Some("listening") => {
                    let name = fields["listener"].as_str().unwrap().to_owned();
                    let address = fields["address"].as_str().unwrap().parse().unwrap();
                    self.addresses.insert(name, address);
                }
                Some("ready") => return,
                _ => {}
            }
        }
    }

    fn spawn(
        &mut self,
        wrapper: &[&str],
        more: &[&str],
        stdin: Stdio,
    ) -> Receiver<serde_json::Value> {
        let mut line: Vec<&str> = wrapper.to_vec();
        line.extend([PROGRAM, "serve", "--config"]);
        let mut child = Command::new(line[0])
            .args(&line[1..])
            .arg(self.config_file())
            .args(more)
            .envs(self.environment.clone())
            .env("RUST_LOG", "info")
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line)
                    .unwrap_or_else(|_| serde_json::json!({"plain": line}));
                log.lock().unwrap().push(value.clone());
                let _ = sender.send(value);
            }
        });
        self.child = Some(child);
        lines
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("gateway.yaml")
    }

    /// The directory that holds everything.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where a listener listens.
    pub fn address(&self, listener: &str) -> SocketAddr {
        self.addresses[listener]
    }

    /// Everything logged so far.
    pub fn log(&self) -> Vec<serde_json::Value> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until a log line satisfies the condition.
    pub fn wait_for_log(&self, what: &str, condition: impl Fn(&serde_json::Value) -> bool) {
        eventually(what, || self.log().iter().any(&condition));
    }

    /// The process.
    pub fn process_id(&self) -> String {
        self.child.as_ref().expect("a running gateway").id().to_string()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.process_id();
        let status = Command::new("kill").args([format!("-{name}"), pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end and gives the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.take().expect("a running gateway").wait().unwrap().code()
    }

    /// Stops it as systemd would.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    /// Runs another command with the same configuration.
    pub fn command(&self, arguments: &[&str]) -> Printed {
        self.command_with_input(arguments, "")
    }

    /// Runs another command with a line on its standard input.
    pub fn command_with_input(&self, arguments: &[&str], input: &str) -> Printed {
        let mut child = Command::new(PROGRAM)
            .arg("--config")
            .arg(self.config_file())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Printed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Adds a local account, and waits until a running gateway knows it.
    pub fn add_user(&self, name: &str, organization: &str, password: &str) {
        self.command_with_input(
            &["user", "add", name, "--organization", organization],
            &format!("{password}\n"),
        )
        .expect_code(0);
        if self.child.is_none() {
            return;
        }
        // The gateway takes a change before it writes the change's entry into the log.
        eventually("the gateway knows the account", || {
            let search = ["audit", "search", "--json", "--action", "user_added"];
            self.command(&search).out.contains(&format!("\"{name}\""))
        });
    }

    /// Grants an exemption from now on for a few days, and gives its id.
    pub fn grant(&self, person: &str, territories: &str, sites: &[&str]) -> String {
        self.grant_leg(person, &format!("{territories} {}", journey()), sites, &[])
    }

    /// The same for this leg, and with what else is said about it.
    pub fn grant_leg(&self, person: &str, leg: &str, sites: &[&str], more: &[&str]) -> String {
        let mut line = vec!["exemption", "grant", "--json", "--organization", "ballerup"];
        line.extend(["--person", person, "--leg", leg, "--purpose", "Studietur", "--case", "24-1"]);
        line.extend(sites.iter().flat_map(|site| ["--site", site]));
        line.extend(more);
        let printed = self.command(&line).expect_code(0);
        printed.json()["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for line in self.log.lock().unwrap().iter().rev().take(30).rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// The date where the municipality lies, whatever clock the machine shows.
pub fn today() -> jiff::civil::Date {
    let there = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
    jiff::Timestamp::now().to_zoned(there).date()
}

/// Yesterday to a week from now, as a leg writes it.
pub fn journey() -> String {
    let today = today();
    let day = |days: i64| today.checked_add(jiff::Span::new().days(days)).unwrap();
    format!("{}..{}", day(-1), day(7))
}

/// Asks again until the answer is yes, or stops the test.
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    eventually_within(PATIENCE, what, condition);
}

/// The same, with another patience.
pub fn eventually_within(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The configuration with this block as `kilden`'s `upstream`; its other sites have no server.
pub fn configuration_with_upstream(block: &str, more: &str) -> String {
    let anything = "http://127.0.0.1:9";
    let plain = configuration(anything, more);
    let kilden = format!("hosts: [kilden.example.dk], upstream: {{servers: [\"{anything}\"]}}");
    assert!(plain.contains(&kilden));
    plain.replacen(&kilden, &format!("hosts: [kilden.example.dk], upstream: {{{block}}}"), 1)
}

/// Asks again until there is something, or stops the test.
pub fn eventually_some<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    eventually(what, || {
        found = ask();
        found.is_some()
    });
    found.expect("eventually stops the test otherwise")
}

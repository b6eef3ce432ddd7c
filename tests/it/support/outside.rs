//! Outside programs: started with a configuration of their own on free ports, stopped on drop.
//!
//! A program that is missing stops the test: `tests/run` installs them all.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::client::Answer;
use super::gateway::{Gateway, PATIENCE, eventually, repository};

/// A running program in a process group of its own, so that its children end with it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    output: PathBuf,
    stopped: bool,
}

impl Program {
    /// Starts a command and waits until `ready` accepts connections.
    pub fn start(mut command: Command, output: &Path, ready: SocketAddr) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let file = std::fs::File::create(output).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| missing(&name, &e));
        let mut program = Self { name, child, output: output.to_owned(), stopped: false };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect_timeout(&ready, Duration::from_secs(1)).is_err() {
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended at once: {}", program.name, program.printed());
            assert!(Instant::now() < deadline, "{}: {}", program.name, program.printed());
            std::thread::sleep(Duration::from_millis(20));
        }
        program
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Stops it and everything it started.
    pub fn stop(&mut self) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        for signal in ["-TERM", "-KILL"] {
            let group = format!("-{}", self.child.id());
            let _ = Command::new("kill").args([signal, "--", &group]).output();
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline {
                if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("{} printed:\n{}", self.name, self.printed());
        }
    }
}

fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!("cannot start {program} ({error}): tests/run installs what the tests need")
}

thread_local! {
    /// The network namespace that commands run in; none: the test's.
    static WITHIN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What is started here runs in this network namespace.
pub fn within<T>(namespace: String, start: impl FnOnce() -> T) -> T {
    WITHIN.set(Some(namespace));
    let started = start();
    WITHIN.set(None);
    started
}

/// A command that is found in the places where Debian puts servers, too.
pub fn command(program: &str) -> Command {
    let found = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|directory| directory.join(program))
        .find(|path| path.is_file());
    match found {
        Some(path) => WITHIN.with_borrow(|within| match within {
            Some(namespace) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net={namespace}")).arg("--").arg(path);
                command
            }
            None => Command::new(path),
        }),
        None => missing(program, &std::io::ErrorKind::NotFound.into()),
    }
}

/// Runs a command to its end.
pub fn run<I: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = I>) -> Output {
    command(program).args(arguments).output().unwrap_or_else(|e| missing(program, &e))
}

/// Runs `curl -s` and gives its exit code and what it wrote to standard output.
pub fn curl(arguments: &[&str]) -> (i32, String) {
    let output = run("curl", ["-s", "--max-time", "60"].iter().chain(arguments));
    let code = output.status.code().unwrap_or(-1);
    (code, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The entry that a reference leads to, as soon as the log holds it.
pub fn entry(gateway: &Gateway, reference: &str) -> serde_json::Value {
    let search = ["audit", "search", "--json", "--reference", reference];
    let mut printed = None;
    eventually("the reference leads to an entry", || {
        let found = gateway.command(&search).expect_code(0);
        printed = (!found.out.is_empty()).then(|| found.json());
        printed.is_some()
    });
    printed.unwrap_or_default()
}

/// The entry of a rejection.
pub fn entry_of(gateway: &Gateway, answer: &Answer) -> serde_json::Value {
    entry(gateway, answer.header("geovagt-reference").expect("a reference"))
}

/// A free port of the loopback that no other test is given: below the ports that the kernel hands
/// out by itself, and spread by process, because each test is a process.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = (std::process::id().wrapping_mul(7) + turn) % 20_000;
        let port = u16::try_from(10_000 + spread).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// A nginx with a configuration directory of its own.
#[derive(Debug)]
pub struct Nginx {
    /// Where it listens.
    pub address: SocketAddr,
    directory: tempfile::TempDir,
    program: Program,
}

impl Nginx {
    /// Starts it with these `location` blocks; files are served from [`Nginx::html`].
    pub fn start(locations: &str) -> Self {
        Self::at(free_address(), "", locations)
    }

    /// The same at this address; `how` is what else `listen` says, and what goes with it.
    pub fn at(address: SocketAddr, how: &str, locations: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().display();
        for part in ["html", "bodies"] {
            std::fs::create_dir(directory.path().join(part)).unwrap();
        }
        let configuration = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
            events {{}}
            http {{
              access_log off; client_max_body_size 64m; default_type application/octet-stream;
              client_body_temp_path {root}/bodies; proxy_temp_path {root}/proxy;
              fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;
              scgi_temp_path {root}/scgi;
              map $http_upgrade $connection_upgrade {{ default upgrade; \"\" close; }}
              server {{ listen {address} {how}; root {root}/html; {locations} }}
            }}"
        )
        .replace("@NGINX@", &address.to_string());
        std::fs::write(directory.path().join("nginx.conf"), configuration).unwrap();
        let program = Self::launch(directory.path(), address);
        Self { address, directory, program }
    }

    fn launch(directory: &Path, address: SocketAddr) -> Program {
        let mut nginx = command("nginx");
        nginx.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf"));
        Program::start(nginx, &directory.join("output"), address)
    }

    /// The directory whose files it serves.
    pub fn html(&self) -> PathBuf {
        self.directory.path().join("html")
    }

    /// As it stands in a site's configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.program.stop();
        eventually("nginx is gone", || TcpStream::connect(self.address).is_err());
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        self.program = Self::launch(self.directory.path(), self.address);
    }
}

/// A haproxy; `configuration` is what follows the defaults.
pub fn haproxy(directory: &Path, configuration: &str, ready: SocketAddr) -> Program {
    let file = directory.join("haproxy.cfg");
    let defaults = "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  \
                    timeout server 60s\n";
    std::fs::write(&file, format!("{defaults}{configuration}\n")).unwrap();
    let mut haproxy = command("haproxy");
    haproxy.arg("-db").arg("-f").arg(&file);
    Program::start(haproxy, &directory.join("haproxy.output"), ready)
}

/// Makes sure that the npm packages of `tests/DIRECTORY` are installed, as `tests/run` does.
pub fn npm_packages(directory: &str) {
    let modules = repository().join("tests").join(directory).join("node_modules");
    let what = modules.display();
    assert!(modules.is_dir(), "{what} is missing: tests/run installs what the tests need");
}

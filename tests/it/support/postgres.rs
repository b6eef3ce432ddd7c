//! A real PostgreSQL, started by the test with a directory and a port of its own; pgbouncer in front
//! of it; and a line between the two that can go dead. The store's own tests take this file, too.
//!
//! A program that is missing stops the test: `tests/run` installs them all.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The password of the one user.
pub const PASSWORD: &str = "hemmelig/kode@#1";
/// So often, and so far apart, it is looked whether something runs.
const TURNS: u32 = 1200;
const TURN: Duration = Duration::from_millis(50);
/// Debian's `nobody`: PostgreSQL does not run as root.
const NOBODY: u32 = 65534;

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens.
    pub address: SocketAddr,
    directory: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    options: Vec<String>,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a cluster whose text is sorted the Danish way, and starts it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings; `@` in them stands for the cluster's directory, into which
    /// `files` are put first.
    pub fn start_with_files(options: &[&str], files: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().to_owned();
        Self::start_in(directory, options, files, Some(temporary))
    }

    /// The same in this directory: what was made there before is there again.
    pub fn start_in(
        root: PathBuf,
        options: &[&str],
        files: &[(&str, &str)],
        temporary: Option<tempfile::TempDir>,
    ) -> Self {
        give_away(&root);
        if !root.join("data").exists() {
            Self::make(&root);
        }
        for (name, content) in files {
            let file = root.join("data").join(name);
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .unwrap();
            give_away(&file);
        }
        let data = root.join("data").display().to_string();
        let options = options.iter().map(|option| option.replace('@', &data)).collect();
        let (address, directory) = (free_address(), root);
        let mut postgres =
            Self { address, directory, _temporary: temporary, options, server: None };
        postgres.start_again();
        postgres
    }

    fn make(root: &Path) {
        std::fs::write(root.join("password"), PASSWORD).unwrap();
        give_away(&root.join("password"));
        let made = as_nobody(&program("initdb"))
            .args(["--username=geovagt", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=da-DK"])
            .arg("--pwfile")
            .arg(root.join("password"))
            .arg("-D")
            .arg(root.join("data"))
            .current_dir(root)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// The same with more settings.
    pub fn start_with(options: &[&str]) -> Self {
        Self::start_with_files(options, &[])
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        let root = &self.directory;
        let log = std::fs::File::create(root.join("log")).unwrap();
        let mut server = as_nobody(&program("postgres"));
        server.arg("-D").arg(root.join("data"));
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.address.port()),
            format!("unix_socket_directories={}", root.display()),
            "fsync=off".to_owned(),
            "max_connections=60".to_owned(),
        ] {
            server.args(["-c", &setting]);
        }
        for setting in &self.options {
            server.args(["-c", setting]);
        }
        let server = server
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .current_dir(root)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let started = (0..TURNS).any(|_| {
            std::thread::sleep(TURN);
            self.try_sql("postgres", "SELECT 1")
        });
        assert!(started, "PostgreSQL did not start: {}", self.log());
    }

    /// Ends it as an administrator would: every connection is cut.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal("INT", server.id());
            let _ = server.wait();
        }
    }

    /// What it logged since its last start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Runs statements in a database.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let done = self.psql(database, sql);
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Runs statements in a database, and says whether that went well.
    pub fn try_sql(&self, database: &str, sql: &str) -> bool {
        self.psql(database, sql).status.success()
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        Command::new(program("psql"))
            .args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "geovagt"])
            .args(["-p", &self.address.port().to_string(), "-d", database, "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .env("PGCONNECT_TIMEOUT", "5")
            .output()
            .unwrap()
    }

    /// Makes an empty database and gives its name.
    pub fn new_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("g{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("PostgreSQL logged:\n{}", self.log());
        }
    }
}

/// A pgbouncer in transaction mode in front of a server.
#[derive(Debug)]
pub struct PgBouncer {
    /// Where it listens.
    pub address: SocketAddr,
    _directory: tempfile::TempDir,
    child: Child,
}

impl PgBouncer {
    /// Starts it; it gives two connections at most to each database.
    pub fn start(server: SocketAddr) -> Self {
        Self::start_ignoring(server, "extra_float_digits")
    }

    /// The same, ignoring these parameters of whoever connects.
    pub fn start_ignoring(server: SocketAddr, ignored: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        give_away(root);
        let address = free_address();
        let users = root.join("users");
        std::fs::write(&users, format!("\"geovagt\" \"{PASSWORD}\"\n")).unwrap();
        give_away(&users);
        let file = root.join("pgbouncer.ini");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {}\nunix_socket_dir =\nauth_type = plain\nauth_file = {}\n\
             pool_mode = transaction\ndefault_pool_size = 2\n\
             ignore_startup_parameters = {ignored}\n",
            server.port(),
            address.port(),
            users.display()
        );
        std::fs::write(&file, configuration).unwrap();
        give_away(&file);
        let log = std::fs::File::create(root.join("log")).unwrap();
        let child = as_nobody(&program("pgbouncer"))
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .current_dir(root)
            .spawn()
            .unwrap();
        let started = (0..TURNS).any(|_| {
            std::thread::sleep(TURN);
            TcpStream::connect(address).is_ok()
        });
        let log = std::fs::read_to_string(root.join("log")).unwrap_or_default();
        assert!(started, "pgbouncer did not start: {log}");
        Self { address, _directory: directory, child }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(name: &str, process: u32) {
    let pid = process.to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}

/// Where Debian puts it.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    places.sort();
    places.extend(["/usr/sbin".into(), "/usr/bin".into()]);
    let found = places.iter().rev().map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: tests/run installs what the tests need"))
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn give_away(path: &Path) {
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// Below the ports that the kernel hands out by itself, and spread by process, because each test is
/// a process.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let spread = (std::process::id().wrapping_mul(7) + 3 + turn) % 20_000;
        let port = u16::try_from(10_000 + spread).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

//! A Postfix with a configuration and a queue of its own, which takes the gateway's word for its
//! clients. Needs root, as Postfix does.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::debian::succeed;
use super::outside::{Program, command, free_address};

/// A mail server that greets and relays nothing.
#[derive(Debug)]
pub struct Postfix {
    /// Where it speaks SMTP, with a PROXY protocol header first.
    pub address: SocketAddr,
    log: PathBuf,
    _program: Program,
    _directory: tempfile::TempDir,
}

impl Postfix {
    pub fn start() -> Self {
        Self::with("smtpd_relay_restrictions = reject\n")
    }

    /// One that takes mail of whoever signs in by this Dovecot, and throws it away.
    pub fn of(dovecot: &super::dovecot::Dovecot) -> Self {
        Self::with(&format!(
            "smtpd_relay_restrictions = permit_sasl_authenticated,reject
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {}
smtpd_tls_auth_only = no
default_transport = discard
",
            dovecot.logins.display()
        ))
    }

    fn with(relaying: &str) -> Self {
        let address = free_address();
        let own = format!("{address} inet n - n - - smtpd\n");
        let main = format!(
            "inet_interfaces = 127.0.0.1\nsmtpd_upstream_proxy_protocol = haproxy\n{relaying}"
        );
        Self::configured(address, &main, &own)
    }

    /// One with these lines of `main.cf` and `master.cf`, of which the latter open `address`.
    pub fn configured(address: SocketAddr, main: &str, master: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        // It works as a user of its own.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        for part in ["etc", "queue", "data"] {
            std::fs::create_dir(path.join(part)).unwrap();
        }
        succeed(command("chown").arg("postfix").arg(path.join("data")));
        let (log, root) = (path.join("log"), path.display());
        let main = format!(
            "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_protocols = ipv4
mydestination =
myhostname = mail.example.dk
local_recipient_maps =
alias_maps =
{main}"
        );
        let master = format!(
            "{master}rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"
        );
        std::fs::write(path.join("etc/main.cf"), main).unwrap();
        std::fs::write(path.join("etc/master.cf"), master).unwrap();
        let mut serve = command("postfix");
        serve.arg("-c").arg(path.join("etc")).arg("start-fg");
        let program = Program::start(serve, &path.join("output"), address);
        Self { address, log, _program: program, _directory: directory }
    }

    /// What it has written into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

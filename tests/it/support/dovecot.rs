//! A Dovecot with a configuration of its own, which takes the gateway's word for its clients.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::authority::Issued;
use super::outside::{Program, command, free_address};

/// Everybody who knows the one password.
const ANYBODY: &str = "driver = static\n  args = password=secret";

/// A mail server that takes everybody whose password is `secret`, or these people alone.
#[derive(Debug)]
pub struct Dovecot {
    /// Where it speaks IMAP, with a PROXY protocol header first.
    pub imap: SocketAddr,
    /// The same for POP3, where it speaks that.
    pub pop3: Option<SocketAddr>,
    /// Where programs of this machine speak IMAP without either.
    pub near: SocketAddr,
    /// Where Postfix asks it about logins.
    pub logins: PathBuf,
    log: PathBuf,
    _known: Option<tempfile::TempDir>,
    _directory: tempfile::TempDir,
    _program: Program,
}

impl Dovecot {
    pub fn start() -> Self {
        Self::with(ANYBODY)
    }

    /// One that knows these people by their names and passwords.
    pub fn of(people: &[(&str, &str)]) -> Self {
        let (passdb, known) = known(people);
        Self { _known: Some(known), ..Self::with(&passdb) }
    }

    /// One that takes the tokens of this provider, whose key it has in a file, and no password. A token
    /// says itself for whom it is.
    pub fn of_tokens(issuer: &str, key: &str, public: &str) -> Self {
        let known = tempfile::tempdir().unwrap();
        let keys = known.path();
        let place = keys.join("default/ES256");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(key), public).unwrap();
        super::debian::succeed(command("chmod").arg("-R").arg("a+rX").arg(keys));
        let keys = keys.display();
        let file = format!("{keys}/oauth2");
        let text = format!(
            "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={keys}/\n\
             username_attribute = upn\nissuers = {issuer}\n"
        );
        std::fs::write(&file, text).unwrap();
        let passdb =
            format!("driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {file}");
        let started = Self::with_mechanisms(&passdb, "xoauth2 oauthbearer");
        Self { _known: Some(known), ..started }
    }

    /// The same for IMAP in TLS alone, which begins behind the PROXY protocol header.
    pub fn secure(people: &[(&str, &str)], issued: &Issued) -> Self {
        let (imap, plain) = (free_address(), free_address());
        let listeners = format!(
            "protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{}
ssl_key = <{}
haproxy_trusted_networks = 127.0.0.0/8
service imap-login {{
  inet_listener imap {{
    port = {}
  }}
  inet_listener imaps {{
    port = {}
    ssl = yes
    haproxy = yes
  }}
}}
",
            issued.chain.display(),
            issued.key.display(),
            plain.port(),
            imap.port()
        );
        let (passdb, known) = known(people);
        let started = Self::serving(&passdb, &listeners, (imap, None), plain);
        Self { _known: Some(known), ..started }
    }

    /// One with these protocols and listeners, of which `ready` can be asked whether it is there.
    pub fn configured(listeners: &str, imap: SocketAddr, ready: SocketAddr) -> Self {
        Self::serving(ANYBODY, listeners, (imap, None), ready)
    }

    fn with(passdb: &str) -> Self {
        Self::with_mechanisms(passdb, "plain")
    }

    fn with_mechanisms(passdb: &str, mechanisms: &str) -> Self {
        let (imap, pop3, plain) = (free_address(), free_address(), free_address());
        let ports = [plain, imap, pop3].map(|address| address.port());
        let [near, far, far_pop3] = ports;
        let listeners = format!(
            "auth_mechanisms = {mechanisms}
protocols = imap pop3
listen = 127.0.0.1
haproxy_trusted_networks = 127.0.0.0/8
service imap-login {{
  inet_listener imap {{
    port = {near}
  }}
  inet_listener imaps {{
    port = 0
  }}
  inet_listener gateway {{
    port = {far}
    haproxy = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = 0
  }}
  inet_listener gateway {{
    port = {far_pop3}
    haproxy = yes
  }}
}}
"
        );
        Self::serving(passdb, &listeners, (imap, Some(pop3)), plain)
    }

    fn serving(
        passdb: &str,
        listeners: &str,
        (imap, pop3): (SocketAddr, Option<SocketAddr>),
        ready: SocketAddr,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        // Mail is read by somebody who may do nothing else.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mail = path.join("mail");
        std::fs::create_dir(&mail).unwrap();
        std::fs::set_permissions(&mail, std::fs::Permissions::from_mode(0o777)).unwrap();
        let (directory_, log) = (path.display(), path.join("log"));
        let configuration = format!(
            r#"
base_dir = {directory_}/run
log_path = {}
ssl = no
# Whoever did not come by TLS may not sign in: it has to believe what the header says of that.
disable_plaintext_auth = yes
passdb {{
  {passdb}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={directory_}/mail/%u
}}
mail_location = maildir:~/Maildir
service auth {{
  unix_listener {directory_}/login {{
    mode = 0666
  }}
}}
{listeners}"#,
            log.display(),
        );
        let file = path.join("dovecot.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut serve = command("dovecot");
        serve.arg("-F").arg("-c").arg(&file);
        let program = Program::start(serve, &path.join("output"), ready);
        let logins = path.join("login");
        Self {
            imap,
            pop3,
            near: ready,
            logins,
            log,
            _known: None,
            _directory: directory,
            _program: program,
        }
    }

    /// What it has written into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// These people as Dovecot's `passdb`, and the directory with their passwords.
fn known(people: &[(&str, &str)]) -> (String, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), readable).unwrap();
    let line = |(name, password): &(&str, &str)| format!("{name}:{{PLAIN}}{password}\n");
    let file = directory.path().join("people");
    std::fs::write(&file, people.iter().map(line).collect::<String>()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    (format!("driver = passwd-file\n  args = {}", file.display()), directory)
}

/// A place in the world: whoever connects here comes to `to` from this address.
pub fn place(address: &'static str, to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = super::talk::from(address, to);
            for (from, to) in [
                (near.try_clone().unwrap(), far.try_clone().unwrap()),
                (far.try_clone().unwrap(), near.try_clone().unwrap()),
            ] {
                std::thread::spawn(move || pass(from, to));
            }
        }
    });
    here
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    from.set_read_timeout(None).unwrap();
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}

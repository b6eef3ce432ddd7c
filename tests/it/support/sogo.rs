//! A real SOGo with what it stands on: its database and its cache, and a directory, a Dovecot and a
//! Postfix that the test brings. Needs root.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::dovecot::Dovecot;
use super::outside::{Program, command, free_address};
use super::postfix::Postfix;
use super::postgres::Postgres;
use super::slapd::{self, BASE, SERVICE_PASSWORD, Slapd};

/// SOGo reads no other file.
const FILE: &str = "/etc/sogo/sogo.conf";
/// It refuses to be root, and needs a home of its own.
const START: &str = "mount --bind \"$1\" \"$2\" && cd \"$3\" && \
     HOME=\"$3\" exec setpriv --reuid nobody --regid nogroup --clear-groups sogod";

/// Everything that is behind a gateway in front of groupware.
pub struct Sogo {
    /// Who knows the people.
    pub slapd: Slapd,
    /// Who has their mail.
    pub dovecot: Dovecot,
    /// Who takes what they send.
    pub postfix: Postfix,
    program: Program,
    _cache: Program,
    _database: Postgres,
    _room: PathBuf,
}

impl Sogo {
    /// One that listens where its own documentation has it. `lines` go into its configuration.
    pub fn start(room: &Path, slapd: Slapd, lines: &str) -> Self {
        let address: SocketAddr = "127.0.0.1:20000".parse().unwrap();
        let people = ["anna", "bo"].map(|name| (name, slapd::PASSWORD));
        let dovecot = Dovecot::of(&people);
        let submission = free_address();
        let trusting = "inet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.0/8\n\
                        smtpd_relay_restrictions = permit_mynetworks, reject\n\
                        default_transport = discard\n";
        let postfix = Postfix::configured(
            submission,
            trusting,
            &format!("{submission} inet n - n - - smtpd\n"),
        );
        let database = Postgres::start();
        database.sql("postgres", "CREATE ROLE sogo SUPERUSER LOGIN PASSWORD 'sogo'");
        let name = database.new_database();
        let url = format!("postgresql://sogo:sogo@{}/{name}", database.address);
        let cache = memcached(room);
        let file = room.join("sogo.conf");
        let home = room.join("home");
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o777)).unwrap();
        let text = configuration(&url, &slapd, dovecot.near, submission, cache.1);
        let pid = home.join("sogo.pid");
        let text = format!("{{\n{text}  WOPidFile = \"{}\";\n{lines}}}\n", pid.display());
        std::fs::write(&file, text).unwrap();
        let mut serve = command("unshare");
        serve.args(["--mount", "--", "sh", "-c", START, "sh"]).arg(&file).arg(FILE).arg(&home);
        let program = Program::start(serve, &room.join("sogo.log"), address);
        Self {
            slapd,
            dovecot,
            postfix,
            program,
            _cache: cache.0,
            _database: database,
            _room: room.to_owned(),
        }
    }

    /// What it has written into its log.
    pub fn log(&self) -> String {
        self.program.printed()
    }

    /// The requests that it has answered, one a line.
    pub fn requests(&self) -> Vec<String> {
        let is_one = |line: &&str| line.contains("Microsoft-Server-ActiveSync");
        self.log().lines().filter(is_one).map(str::to_owned).collect()
    }
}

fn memcached(room: &Path) -> (Program, SocketAddr) {
    let address = free_address();
    let mut serve = command("memcached");
    serve.args(["-u", "nobody", "-l", "127.0.0.1", "-p", &address.port().to_string()]);
    (Program::start(serve, &room.join("memcached.log"), address), address)
}

fn configuration(
    url: &str,
    slapd: &Slapd,
    imap: SocketAddr,
    submission: SocketAddr,
    cache: SocketAddr,
) -> String {
    let directory = slapd.plain;
    format!(
        r#"  SOGoProfileURL = "{url}/sogo_user_profile";
  OCSFolderInfoURL = "{url}/sogo_folder_info";
  OCSSessionsFolderURL = "{url}/sogo_sessions_folder";
  OCSEMailAlarmsFolderURL = "{url}/sogo_alarms_folder";
  OCSStoreURL = "{url}/sogo_store";
  OCSAclURL = "{url}/sogo_acl";
  OCSCacheFolderURL = "{url}/sogo_cache_folder";
  SOGoUserSources = ({{
    type = ldap; id = people; canAuthenticate = YES; isAddressBook = NO;
    hostname = "ldap://{directory}"; baseDN = "{BASE}";
    bindDN = "cn=geovagt,dc=example,dc=dk"; bindPassword = "{SERVICE_PASSWORD}";
    CNFieldName = cn; IDFieldName = uid; UIDFieldName = uid; MailFieldNames = (mail);
  }});
  SOGoIMAPServer = "imap://{imap}";
  SOGoMailingMechanism = smtp;
  SOGoSMTPServer = "smtp://{submission}";
  SOGoMemcachedHost = "{cache}";
  SOGoMailDomain = "example.dk";
  SOGoTimeZone = "Europe/Copenhagen";
  SOGoInternalSyncInterval = 1;
  SOGoEASDebugEnabled = YES;
  SxVMemLimit = 0;
  WOPort = "127.0.0.1:20000";
  WONoDetach = YES;
  WOLogFile = "-";
"#
    )
}

//! A realm of the test's own: MIT's KDC, its people with their tickets, and Debian's Apache that
//! demands them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::outside::{Program, command, free_address};

const REALM: &str = "KOMMUNE.TEST";

/// A realm that lives as long as this value.
#[derive(Debug)]
pub struct Realm {
    directory: tempfile::TempDir,
    /// Where the web server listens.
    pub web: SocketAddr,
    _programs: Vec<Program>,
}

impl Realm {
    /// Starts it with these people, whose passwords are their names.
    pub fn start(people: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (kdc, web) = (free_address(), free_address());
        // Apache gives its rights up where it is started as root.
        open(directory.path());
        write_rules(directory.path(), kdc);
        let mut realm = Self { directory, web, _programs: Vec::new() };
        realm.administer("kdb5_util", &["create", "-s", "-P", "master", "-r", REALM], "");
        let mut orders = String::new();
        for person in people {
            writeln!(orders, "addprinc -pw {person} {person}").unwrap();
        }
        let keytab = realm.file("http.keytab");
        let service = "HTTP/kilden.example.dk";
        writeln!(orders, "addprinc -randkey {service}\nktadd -k {} {service}", keytab.display())
            .unwrap();
        realm.administer("kadmin.local", &[], &orders);
        std::fs::set_permissions(&keytab, std::fs::Permissions::from_mode(0o644)).unwrap();
        let mut serve = realm.within("krb5kdc");
        serve.arg("-n");
        realm._programs.push(Program::start(serve, &realm.file("kdc.log"), kdc));
        realm._programs.push(realm.apache());
        for person in people {
            let mut child = realm.as_person("kinit", person).arg(person).spawn().unwrap();
            writeln!(child.stdin.take().unwrap(), "{person}").unwrap();
            assert!(child.wait().unwrap().success(), "a ticket for {person}");
        }
        realm
    }

    /// A command that somebody runs who has a ticket.
    pub fn as_person(&self, program: &str, person: &str) -> Command {
        let mut command = self.within(program);
        command.env("KRB5CCNAME", self.file(&format!("tickets-{person}")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn within(&self, program: &str) -> Command {
        let mut command = command(program);
        command.env("KRB5_CONFIG", self.file("krb5.conf"));
        command.env("KRB5_KDC_PROFILE", self.file("kdc.conf"));
        command
    }

    fn administer(&self, program: &str, arguments: &[&str], orders: &str) {
        let mut command = self.within(program);
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(orders.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{program}");
    }

    fn apache(&self) -> Program {
        let root = self.directory.path().display();
        std::fs::create_dir(self.file("files")).unwrap();
        open(&self.file("files"));
        std::fs::write(self.file("files/side.txt"), "goddag").unwrap();
        let modules = [
            "mpm_event",
            "authn_core",
            "authz_core",
            "authz_user",
            "headers",
            "mime",
            "auth_gssapi",
        ];
        let mut text = String::new();
        for module in modules {
            writeln!(text, "LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so")
                .unwrap();
        }
        write!(
            text,
            "ServerRoot {root}\nServerName kilden.example.dk\nListen {}\nPidFile {root}/pid\n\
             ErrorLog {root}/error.log\nTypesConfig /dev/null\nDocumentRoot {root}/files\n\
             Mutex file:{root} default\n\
             <Directory {root}/files>\nAuthType GSSAPI\nAuthName Kommune\n\
             GssapiCredStore keytab:{root}/http.keytab\nGssapiConnectionBound On\n\
             Require valid-user\nHeader always set X-User \"expr=%{{REMOTE_USER}}\"\n</Directory>\n",
            self.web
        )
        .unwrap();
        std::fs::write(self.file("apache.conf"), text).unwrap();
        let mut apache = self.within("apache2");
        apache.args(["-D", "FOREGROUND", "-f"]).arg(self.file("apache.conf"));
        Program::start(apache, &self.file("output"), self.web)
    }
}

fn open(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

fn write_rules(directory: &Path, kdc: SocketAddr) {
    let root = directory.display();
    let client = format!(
        "[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\n\
         dns_canonicalize_hostname = false\nrdns = false\nudp_preference_limit = 1\n\
         [realms]\n{REALM} = {{\n kdc = {kdc}\n}}\n[domain_realm]\nkilden.example.dk = {REALM}\n"
    );
    let server = format!(
        "[kdcdefaults]\nkdc_listen = {kdc}\nkdc_tcp_listen = {kdc}\n[realms]\n{REALM} = {{\n \
         database_name = {root}/principal\n key_stash_file = {root}/stash\n acl_file = {root}/acl\n}}\n"
    );
    std::fs::write(directory.join("krb5.conf"), client).unwrap();
    std::fs::write(directory.join("kdc.conf"), server).unwrap();
}

//! A real OpenLDAP server with people, passwords, groups and a lockout policy of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::authority::Authority;
use super::outside::{Program, command, free_address};

/// Of everybody who is not said to have another.
pub const PASSWORD: &str = "bogen ligger på bordet 7";
/// Of the account that looks people up.
pub const SERVICE_PASSWORD: &str = "tjenestens hemmelighed";
/// Where people are.
pub const BASE: &str = "ou=people,dc=example,dc=dk";
/// So many refused passwords lock somebody out.
pub const LOCKOUT: usize = 5;

const ADMIN_PASSWORD: &str = "forvalterens adgangskode";

/// A directory server that lives as long as this value does.
pub struct Slapd {
    /// Where StartTLS is spoken.
    pub plain: SocketAddr,
    /// Where TLS is spoken from the first byte.
    pub tls: SocketAddr,
    /// Who its certificate comes from.
    pub authority: Authority,
    directory: tempfile::TempDir,
    program: Program,
}

impl Slapd {
    /// Starts it with its people.
    pub fn start() -> Self {
        Self::named("localhost", free_address(), free_address())
    }

    /// The same under this name at these addresses.
    pub fn named(name: &str, plain: SocketAddr, tls: SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "directory-ca");
        let issued = authority.issue(name);
        std::fs::create_dir(directory.path().join("db")).unwrap();
        std::fs::write(directory.path().join("service"), format!("{SERVICE_PASSWORD}\n")).unwrap();
        let configuration = configuration(directory.path(), &issued.chain, &issued.key);
        std::fs::write(directory.path().join("slapd.conf"), configuration).unwrap();
        std::fs::write(directory.path().join("people.ldif"), people()).unwrap();
        let added = command("slapadd")
            .args(["-q", "-f"])
            .arg(directory.path().join("slapd.conf"))
            .arg("-l")
            .arg(directory.path().join("people.ldif"))
            .output()
            .unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let program = run(directory.path(), plain, tls);
        Self { plain, tls, authority, directory, program }
    }

    /// Stops it; whoever asks it finds nobody.
    pub fn stop(&mut self) {
        self.program.stop();
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        self.program = run(self.directory.path(), self.plain, self.tls);
    }

    /// A block of `identity` that finds people here, over StartTLS.
    pub fn provider(&self, more: &str) -> String {
        self.provider_at(&[&format!("ldap://localhost:{}", self.plain.port())], more)
    }

    /// The same with other servers.
    pub fn provider_at(&self, servers: &[&str], more: &str) -> String {
        let ca = self.authority.file.display();
        let secret = self.directory.path().join("service").display().to_string();
        let servers = servers.iter().map(|url| format!("\"{url}\"")).collect::<Vec<_>>().join(", ");
        format!(
            "  catalogue:\n    kind: ldap\n    servers: [{servers}]\n    ca: {ca}\n    \
             bind_dn: \"cn=geovagt,dc=example,dc=dk\"\n    bind_password: \"${{file:{secret}}}\"\n    \
             base: \"{BASE}\"\n    domains: [ballerup, ballerup.dk]\n    timeout: 2s\n{more}"
        )
    }

    /// What it has been asked so far, one operation a line.
    pub fn operations(&self) -> Vec<String> {
        let asked = |line: &&str| {
            (line.contains(" BIND dn=") && line.contains("method=128"))
                || line.contains(" SRCH base=")
        };
        self.program.printed().lines().filter(asked).map(str::to_owned).collect()
    }

    /// What it was asked on somebody's word: names that were searched and passwords that were tried.
    /// Those who travel are looked up by themselves, by their subject.
    pub fn about_names(&self) -> Vec<String> {
        let by_name = |line: &String| {
            line.contains(" BIND dn=\"uid=") || line.contains("(uid=") || line.contains("(mail=")
        };
        self.operations().into_iter().filter(by_name).collect()
    }

    /// How often somebody's password was asked.
    pub fn binds(&self, user: &str) -> usize {
        let dn = format!(" BIND dn=\"uid={user},");
        self.operations().iter().filter(|line| line.contains(&dn)).count()
    }

    /// Changes entries, as the directory's own people do.
    pub fn modify(&self, ldif: &str) {
        use std::io::Write as _;
        let mut child = self.client("ldapmodify").stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The values of an attribute.
    pub fn values(&self, user: &str, attribute: &str) -> Vec<String> {
        let found = self
            .client("ldapsearch")
            .args(["-LLL", "-o", "ldif-wrap=no", "-b", BASE, &format!("(uid={user})"), attribute])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&found.stdout).into_owned();
        let head = format!("{attribute}: ");
        text.lines().filter_map(|line| line.strip_prefix(&head)).map(str::to_owned).collect()
    }

    fn client(&self, program: &str) -> Command {
        let mut client = command(program);
        client
            .env("LDAPTLS_REQCERT", "never")
            .args(["-x", "-H", &format!("ldaps://localhost:{}", self.tls.port())])
            .args(["-D", "cn=admin,dc=example,dc=dk", "-w", ADMIN_PASSWORD])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        client
    }
}

fn run(directory: &Path, plain: SocketAddr, tls: SocketAddr) -> Program {
    let mut slapd = command("slapd");
    slapd.arg("-f").arg(directory.join("slapd.conf")).args([
        "-h",
        &format!("ldap://{plain} ldaps://{tls}"),
        "-d",
        "stats",
    ]);
    Program::start(slapd, &directory.join("slapd.log"), tls)
}

fn configuration(directory: &Path, chain: &Path, key: &Path) -> String {
    let schemas: String = ["core", "cosine", "nis", "inetorgperson", "msuser"]
        .map(|name| format!("include /etc/ldap/schema/{name}.schema\n"))
        .concat();
    let (directory, chain, key) = (directory.display(), chain.display(), key.display());
    format!(
        r#"{schemas}modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCertificateFile {chain}
TLSCertificateKeyFile {key}
pidfile {directory}/slapd.pid
database mdb
suffix "dc=example,dc=dk"
rootdn "cn=admin,dc=example,dc=dk"
rootpw "{ADMIN_PASSWORD}"
directory {directory}/db
maxsize 16777216
index uid,mail eq
overlay ppolicy
ppolicy_default "cn=policy,dc=example,dc=dk"
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=geovagt,dc=example,dc=dk" read by * none
"#
    )
}

fn people() -> String {
    let mut ldif = format!(
        r#"dn: dc=example,dc=dk
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=policy,dc=example,dc=dk
objectClass: person
objectClass: pwdPolicy
cn: policy
sn: policy
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: {LOCKOUT}
pwdLockoutDuration: 0

dn: cn=geovagt,dc=example,dc=dk
objectClass: person
cn: geovagt
sn: geovagt
userPassword: {SERVICE_PASSWORD}

dn: ou=people,dc=example,dc=dk
objectClass: organizationalUnit
ou: people

dn: cn=rejsende,dc=example,dc=dk
objectClass: groupOfNames
cn: rejsende
member: uid=anna,ou=people,dc=example,dc=dk
member: uid=\28ole\29,ou=people,dc=example,dc=dk
"#
    );
    ldif.push_str(&person("uid=anna", "anna", "anna.holm@ballerup.dk", ""));
    ldif.push_str(&person("uid=bo", "bo", "bo@ballerup.dk", ""));
    ldif.push_str(&person(
        "uid=carl",
        "carl",
        "carl@ballerup.dk",
        "pwdAccountLockedTime: 000001010000Z\n",
    ));
    let disabled = "objectClass: extensibleObject\nuserAccountControl: 514\n";
    ldif.push_str(&person("uid=dorte", "dorte", "dorte@ballerup.dk", disabled));
    ldif.push_str(&person("uid=\\28ole\\29", "(ole)", "ole@ballerup.dk", ""));
    ldif.push_str(&person("cn=en", "tvilling", "en@ballerup.dk", ""));
    ldif.push_str(&person("cn=to", "tvilling", "to@ballerup.dk", ""));
    ldif.push_str(
        "\ndn: uid=henvist,ou=people,dc=example,dc=dk\nobjectClass: referral\nobjectClass: extensibleObject\n\
         uid: henvist\nref: ldap://127.0.0.1:1/uid=henvist,dc=elsewhere\n",
    );
    ldif
}

fn person(rdn: &str, user: &str, mail: &str, more: &str) -> String {
    let cn = rdn.strip_prefix("cn=").unwrap_or(user);
    format!(
        "\ndn: {rdn},{BASE}\nobjectClass: inetOrgPerson\n{more}uid: {user}\ncn: {cn}\nsn: {user}\n\
         displayName: {user}\nmail: {mail}\nuserPassword: {PASSWORD}\n"
    )
}

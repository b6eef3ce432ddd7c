//! The place that a ready-made configuration was written for: a network of its own in which the
//! addresses, ports and names of the file are real, and clients come from their countries.
//!
//! The file is taken as it ships. Only the paths of state, lists, certificates and secrets lead into a
//! directory of the test, and the bundled database is named. Needs root, as `outside_namespaces` does.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::authority::Authority;
use super::browsing::hidden;
use super::gateway::{Gateway, eventually, repository};
use super::outside::{command, curl, run, within};
use super::places::{CHINA, DENMARK, THAILAND};

/// Where the gateway, or what stands in front of it, is seen from outside: an address in Denmark.
pub const FRONT: &str = "130.225.244.2";
/// A Korean address: on no list.
pub const KOREA: &str = "121.128.0.1";

/// Tells the test that it runs in a network of its own.
const AROUND: &str = "GEOVAGT_TEST_TOWN";

/// See the module.
pub struct Town {
    example: &'static str,
    directory: tempfile::TempDir,
    /// Whom everybody here trusts.
    pub authority: Authority,
    /// Lives in the network behind this one.
    beyond: Child,
}

/// What curl saw.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: u16,
    /// Of a rejection; else empty.
    pub reference: String,
    pub body: String,
    /// Where it was in the end.
    pub address: String,
}

/// Runs the ignored test of this name in a network of its own.
pub fn play(test: &str) {
    let output = command("unshare")
        .args(["--net", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(AROUND, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "(as root?)\n{said}\n{complained}");
    assert!(said.contains("1 passed"), "{said}");
}

impl Town {
    /// The one that [`play`] has made, for this file of `config/examples`.
    pub fn around(example: &'static str) -> Self {
        assert!(std::env::var_os(AROUND).is_some(), "run by the test of the same name");
        let directory = tempfile::tempdir().unwrap();
        // Programs that give their rights up read in it.
        done("chmod", &["755", directory.path().to_str().unwrap()]);
        let authority = Authority::new(directory.path(), "ca");
        let tls = directory.path().join("tls");
        std::fs::create_dir(&tls).unwrap();
        let issued = authority.issue_for("front", &["*.example.dk", "example.dk"]);
        std::fs::copy(&issued.chain, tls.join("fullchain.pem")).unwrap();
        std::fs::copy(&issued.key, tls.join("key.pem")).unwrap();
        std::fs::copy(&authority.file, tls.join("internal-ca.pem")).unwrap();
        std::fs::create_dir(directory.path().join("secrets")).unwrap();
        std::fs::write(directory.path().join("hosts"), "127.0.0.1 localhost\n").unwrap();
        let hosts = directory.path().join("hosts");
        done("mount", &["--bind", hosts.to_str().unwrap(), "/etc/hosts"]);
        done("ip", &["link", "set", "lo", "up"]);
        let beyond = network_behind();
        let town = Self { example, directory, authority, beyond };
        for address in [FRONT, DENMARK, CHINA, THAILAND, KOREA] {
            town.has(address, "");
        }
        town
    }

    /// There is a machine with this address and these names.
    pub fn has(&self, address: &str, names: &str) {
        done("ip", &["address", "add", &format!("{address}/32"), "dev", "lo"]);
        self.knows(address, names);
    }

    /// There is a machine with this address and these names, on which this is started. Unlike those of
    /// [`Town::has`] it has ports of its own: the gateway may listen on the same one everywhere.
    pub fn has_machine<T>(&self, address: &str, names: &str, start: impl FnOnce() -> T) -> T {
        let there = format!("/proc/{}/ns/net", self.beyond.id());
        let (net, to) = (format!("--net={there}"), format!("{address}/32"));
        done("nsenter", &[&net, "ip", "address", "add", &to, "dev", "lo"]);
        done("ip", &["route", "add", &to, "via", "172.16.0.2"]);
        self.knows(address, names);
        within(there, start)
    }

    /// These names lead there.
    pub fn knows(&self, address: &str, names: &str) {
        if names.is_empty() {
            return;
        }
        let file = self.directory.path().join("hosts");
        let mut hosts = std::fs::OpenOptions::new().append(true).open(file).unwrap();
        writeln!(hosts, "{address} {names}").unwrap();
    }

    /// A directory for what this machine runs.
    pub fn room(&self, name: &str) -> PathBuf {
        let room = self.directory.path().join(name);
        std::fs::create_dir(&room).unwrap();
        room
    }

    /// The certificate and the key that the example's listeners have.
    pub fn front_certificate(&self) -> (PathBuf, PathBuf) {
        let tls = self.directory.path().join("tls");
        (tls.join("fullchain.pem"), tls.join("key.pem"))
    }

    /// What the example calls its internal authority is this one.
    pub fn trusts(&self, file: &Path) {
        std::fs::copy(file, self.directory.path().join("tls/internal-ca.pem")).unwrap();
    }

    /// The gateway has this secret, by the name that the example has for it.
    pub fn secret(&self, name: &str, value: &str) {
        std::fs::write(self.directory.path().join("secrets").join(name), value).unwrap();
    }

    /// The example as it ships.
    pub fn text(&self) -> String {
        let file = repository().join("config/examples").join(self.example);
        std::fs::read_to_string(file).unwrap()
    }

    /// What the example's head shows of another program's configuration, below the line that has this.
    pub fn shown_after(&self, line: &str) -> String {
        let text = self.text();
        let below = text.lines().skip_while(|found| !found.contains(line)).skip(1);
        let shown = below.skip_while(|found| *found == "#");
        let lines: Vec<&str> = shown.map_while(|found| found.strip_prefix("#     ")).collect();
        assert!(!lines.is_empty(), "nothing below {line:?} in {}", self.example);
        lines.join("\n") + "\n"
    }

    /// The gateway with the example.
    pub fn gateway(&self) -> Gateway {
        self.gateway_with(str::to_owned)
    }

    /// The same, the file changed.
    pub fn gateway_with(&self, change: impl FnOnce(&str) -> String) -> Gateway {
        let mut gateway = self.prepared(change);
        gateway.run();
        gateway
    }

    /// The same, not running yet.
    pub fn prepared(&self, change: impl FnOnce(&str) -> String) -> Gateway {
        let (root, here) = (repository().display(), self.directory.path().display());
        let text = self.text();
        assert!(!text.contains("\ngeoip:"));
        let text = text
            .replace("/etc/geovagt/lists", &format!("{root}/config/lists"))
            .replace("/etc/geovagt", &here.to_string())
            .replace("state_directory: /var/lib/geovagt", "state_directory: state");
        let text = format!(
            "{text}geoip: {{database: \"{root}/geoip/country.mmdb\", warn_after: 3650d}}\n"
        );
        let mut gateway = Gateway::prepare(&change(&text));
        let trusted = self.authority.file.display().to_string();
        gateway.environment.insert("SSL_CERT_FILE".to_owned(), trusted);
        gateway
    }

    /// curl from an address; whatever it says.
    pub fn curl(&self, from: &str, arguments: &[&str]) -> (i32, String) {
        let authority = self.authority.file.to_str().unwrap();
        curl(&[&["--interface", from, "--cacert", authority], arguments].concat())
    }

    /// The answer to a request from an address.
    pub fn ask(&self, from: &str, url: &str, more: &[&str]) -> Seen {
        let written = "\n%{http_code} %{url_effective} %header{geovagt-reference}";
        let (code, printed) = self.curl(from, &[&["-w", written], more, &[url]].concat());
        assert_eq!(code, 0, "{url} from {from}: {printed}");
        let (body, end) = printed.rsplit_once('\n').unwrap();
        let mut end = end.split(' ');
        let mut next = || end.next().unwrap().to_owned();
        let (status, address, reference) = (next().parse().unwrap(), next(), next());
        Seen { status, reference, body: body.to_owned(), address }
    }

    /// Signs in at a site with the form; gives the file with its cookies.
    pub fn sign_in(&self, from: &str, site: &str, name: &str, password: &str) -> PathBuf {
        let jar = self.directory.path().join(format!("cookies-{name}"));
        let cookies = jar.to_str().unwrap();
        let kept = ["-b", cookies, "-c", cookies, "-H", "Accept: text/html"];
        let url = format!("{site}/.geovagt/sign-in");
        let page = self.ask(from, &url, &kept);
        assert_eq!(page.status, 200, "{page:?}");
        let fields = [
            format!("name={name}"),
            format!("password={password}"),
            format!("csrf={}", hidden(&page.body, "csrf")),
            "next=/".to_owned(),
        ];
        let mut form = kept.to_vec();
        for field in &fields {
            form.extend(["--data-urlencode", field]);
        }
        assert_eq!(self.ask(from, &url, &form).status, 303, "{name}");
        jar
    }

    /// What the gateway and everything else keep.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A network of its own at the other end of a cable.
fn network_behind() -> Child {
    // It ends when nobody holds the other end of its input any more, however that came.
    let mut command = command("unshare");
    command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    let theirs = || std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    eventually("the other network is there", || theirs().is_some_and(|theirs| theirs != own));
    done("ip", &["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &pid]);
    done("ip", &["address", "add", "172.16.0.1/30", "dev", "near"]);
    done("ip", &["link", "set", "near", "up"]);
    let there = format!("--net=/proc/{pid}/ns/net");
    for line in [
        "link set lo up",
        "address add 172.16.0.2/30 dev far",
        "link set far up",
        "route add default via 172.16.0.1",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        done("nsenter", &[&[&*there, "ip"][..], &words].concat());
    }
    child
}

impl Drop for Town {
    fn drop(&mut self) {
        let _ = self.beyond.kill();
        let _ = self.beyond.wait();
    }
}

fn done(program: &str, arguments: &[&str]) {
    let output = run(program, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    let needs = "this needs root, and the rights to make networks and mounts (CAP_NET_ADMIN, CAP_SYS_ADMIN)";
    assert!(output.status.success(), "{needs}: {program} {arguments:?}: {said}");
}

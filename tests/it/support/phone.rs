//! A phone that speaks ActiveSync: curl asks, and libwbxml's own tools put the XML into the binary form
//! of the wire and back. With TLS curl speaks HTTP/2.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::outside::command;
use super::town::Town;

const DOCTYPE: &str = "<?xml version=\"1.0\"?><!DOCTYPE ActiveSync PUBLIC \
                       \"-//MICROSOFT//DTD ActiveSync//EN\" \"http://www.microsoft.com/\">";

/// Somebody's phone, somewhere.
#[derive(Debug, Clone, Copy)]
pub struct Phone<'a> {
    /// The address that it comes from.
    pub from: &'a str,
    /// Where it believes the server to be, without the path.
    pub server: &'a str,
    pub user: &'a str,
    pub password: &'a str,
    pub device: &'a str,
}

/// What it heard.
#[derive(Debug, Clone)]
pub struct Told {
    /// curl's exit code: 0 is an answer, whatever it says.
    pub code: i32,
    pub status: u16,
    /// The field lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What the phone sent.
    pub sent: Vec<u8>,
    pub body: Vec<u8>,
}

impl Phone<'_> {
    /// What a phone asks first: which versions are spoken here.
    pub fn options(&self, town: &Town) -> Told {
        self.send(town, "/Microsoft-Server-ActiveSync", Vec::new(), &["-X", "OPTIONS"])
    }

    /// A command and its document, without the first lines.
    pub fn asks(&self, town: &Town, name: &str, document: &str) -> Told {
        self.asks_with(town, name, document, &[])
    }

    /// The same with more options for curl.
    pub fn asks_with(&self, town: &Town, name: &str, document: &str, more: &[&str]) -> Told {
        let target = format!(
            "/Microsoft-Server-ActiveSync?User={}&DeviceId={}&DeviceType=iPhone&Cmd={name}",
            self.user, self.device
        );
        let post = ["-X", "POST", "-H", "Content-Type: application/vnd.ms-sync.wbxml"];
        self.send(town, &target, encoded(document), &[&post[..], more].concat())
    }

    fn send(&self, town: &Town, target: &str, sent: Vec<u8>, more: &[&str]) -> Told {
        let kept = tempfile::tempdir().unwrap();
        let [asked, head, body] = ["asked", "head", "body"].map(|name| kept.path().join(name));
        std::fs::write(&asked, &sent).unwrap();
        let url = format!("{}{target}", self.server);
        let data = format!("@{}", asked.display());
        let host = self.server.strip_prefix("https://").unwrap_or("mail.example.dk");
        let host = format!("Host: {host}");
        let login = format!("{}:{}", self.user, self.password);
        let fixed = [
            "--max-time",
            "200",
            "-u",
            &login,
            "-A",
            "Apple-iPhone16C2/2204.101",
            "-H",
            "MS-ASProtocolVersion: 14.1",
            "-H",
            "X-MS-PolicyKey: 0",
            "-H",
            "Accept: */*",
            "-H",
            &host,
            "-D",
            head.to_str().unwrap(),
            "-o",
            body.to_str().unwrap(),
            "-w",
            "%{http_code}",
        ];
        let mut arguments = [&fixed[..], more].concat();
        if !sent.is_empty() {
            arguments.extend(["--data-binary", &data]);
        }
        let (code, status) = town.curl(self.from, &[&arguments[..], &[&url]].concat());
        Told {
            code,
            status: status.trim().parse().unwrap(),
            headers: fields(&head),
            sent,
            body: std::fs::read(&body).unwrap_or_default(),
        }
    }
}

fn fields(head: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(head).unwrap_or_default();
    let parts = text.lines().filter_map(|line| line.split_once(':'));
    parts.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect()
}

impl Told {
    /// The first field with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The answer's document.
    pub fn document(&self) -> String {
        assert_eq!((self.code, self.status), (0, 200), "{self:?}");
        if self.body.is_empty() {
            return String::new();
        }
        let form = ["-l", "ACTIVESYNC", "-m", "0", "-o", "-", "-"];
        String::from_utf8(through("wbxml2xml", &form, &self.body)).unwrap()
    }

    /// What stands in the first element of this name.
    pub fn value(&self, name: &str) -> String {
        let document = self.document();
        let (begins, ends) = (format!("<{name}>"), format!("</{name}>"));
        let after = document.split_once(&begins).map(|(_, after)| after);
        let value = after.and_then(|after| after.split_once(&ends)).map(|(value, _)| value);
        value.unwrap_or_else(|| panic!("no {name} in {document}")).to_owned()
    }
}

fn encoded(document: &str) -> Vec<u8> {
    let text = format!("{DOCTYPE}{document}");
    through("xml2wbxml", &["-n", "-a", "-o", "-", "-"], text.as_bytes())
}

fn through(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = command(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && !done.stdout.is_empty(), "{program}: {said}");
    done.stdout
}

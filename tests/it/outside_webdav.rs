//! WebDAV through the gateway, with curl and Debian's Apache behind it.

use std::path::Path;

use crate::support::apache;
use crate::support::gateway::{Gateway, configuration_with_upstream};
use crate::support::outside::{curl, free_address};
use crate::support::places::DENMARK;

#[test]
fn outside_webdav_with_apache() {
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let _apache = apache::start(directory.path(), address, None);
    for affinity in ["none", "connection"] {
        let block = format!("servers: [\"http://{address}\"], affinity: {affinity}");
        let gateway = Gateway::start(&configuration_with_upstream(&block, ""));
        write_and_read(&gateway, directory.path());
    }
}

fn write_and_read(gateway: &Gateway, directory: &Path) {
    let to = gateway.address("web");
    let host = "http://kilden.example.dk";
    let connect = format!("kilden.example.dk:80:{}:{}", to.ip(), to.port());
    let ask = |method: &str, path: &str, more: &[&str]| {
        let (url, from) = (format!("{host}{path}"), format!("X-Forwarded-For: {DENMARK}"));
        let mut all = vec!["--connect-to", &connect, "-X", method, "-H", &from];
        all.extend(["-w", "\n%{http_code}"]);
        all.extend(more);
        all.push(&url);
        let (code, printed) = curl(&all);
        assert_eq!(code, 0, "{method} {path}");
        let (body, status) = printed.rsplit_once('\n').unwrap();
        (status.parse::<u16>().unwrap(), body.to_owned())
    };
    let status = |method: &str, path: &str, more: &[&str]| ask(method, path, more).0;
    assert_eq!(status("MKCOL", "/mappe/", &[]), 201);
    assert_eq!(status("PUT", "/mappe/brev.txt", &["--data-binary", "goddag"]), 201);
    let (multi, listing) = ask("PROPFIND", "/mappe/", &["-H", "Depth: 1"]);
    assert_eq!(multi, 207, "{listing}");
    assert!(listing.contains("/mappe/brev.txt"), "{listing}");
    let destination = format!("Destination: {host}/mappe/nyt%20brev.txt");
    assert_eq!(status("MOVE", "/mappe/brev.txt", &["-H", &destination]), 201);
    assert_eq!(ask("GET", "/mappe/nyt%20brev.txt", &[]), (200, "goddag".into()));
    let octets: Vec<u8> = (0..32 << 20).map(|number: u32| (number / 7).to_le_bytes()[0]).collect();
    let large = directory.join("large");
    std::fs::write(&large, &octets).unwrap();
    let file = format!("@{}", large.display());
    assert_eq!(status("PUT", "/mappe/stor.bin", &["--data-binary", &file]), 201);
    let back = directory.join("back");
    let output = ["-o", back.to_str().unwrap(), "-r", "30000000-30000999"];
    assert_eq!(status("GET", "/mappe/stor.bin", &output), 206);
    assert_eq!(std::fs::read(&back).unwrap(), octets[30_000_000..30_001_000]);
    assert_eq!(status("GET", "/mappe/stor.bin", &["-o", back.to_str().unwrap()]), 200);
    assert!(std::fs::read(&back).unwrap() == octets, "it came back as it went up");
    let copy = format!("Destination: {host}/mappe/kopi.txt");
    assert_eq!(status("COPY", "/mappe/nyt%20brev.txt", &["-H", &copy]), 201);
    let lock = "<?xml version=\"1.0\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/>\
                </D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>";
    let (locked, granted) = ask("LOCK", "/mappe/kopi.txt", &["--data-binary", lock]);
    assert_eq!(locked, 200, "{granted}");
    let token = granted.split("opaquelocktoken:").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(status("DELETE", "/mappe/kopi.txt", &[]), 423);
    let token = format!("Lock-Token: <opaquelocktoken:{token}>");
    assert_eq!(status("UNLOCK", "/mappe/kopi.txt", &["-H", &token]), 204);
    assert_eq!(status("DELETE", "/mappe/", &[]), 204);
    assert_eq!(status("GET", "/mappe/nyt%20brev.txt", &[]), 404);
}

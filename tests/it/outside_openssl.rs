//! OpenSSL as the client, which does what rustls never would: old versions, a second handshake on a
//! connection, and a request before the first one is done.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::gateway::{Gateway, configuration};
use crate::support::outside::{Program, command, free_address};
use crate::support::places::DENMARK;
use crate::support::recorder::Recorder;

const HOST: &str = "kilden.example.dk";

struct Served {
    gateway: Gateway,
    upstream: Recorder,
}

fn served() -> Served {
    let upstream = Recorder::start();
    let listener = "listeners:
  - name: tls
    bind: [\"127.0.0.1:0\"]
    tls: {certificates: [{chain: chain.pem, key: key.pem}]}
    client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}
";
    let text = configuration(&upstream.url(), "").replace("listeners:\n", listener);
    let mut gateway = Gateway::prepare(&text);
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    std::fs::write(gateway.directory().join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(gateway.directory().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    gateway.run();
    Served { gateway, upstream }
}

fn asking(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {DENMARK}\r\n\
         Connection: close\r\n\r\n"
    )
}

impl Served {
    /// What `openssl s_client` prints for these arguments and pieces of input, a moment apart.
    fn client(&self, arguments: &[&str], pieces: &[&str]) -> String {
        s_client(self.gateway.address("tls"), self.gateway.directory(), arguments, pieces)
    }
}

fn s_client(to: SocketAddr, directory: &Path, arguments: &[&str], pieces: &[&str]) -> String {
    let mut openssl = command("timeout");
    openssl.args(["20", "openssl", "s_client", "-connect", &to.to_string(), "-servername", HOST]);
    openssl.args(["-CAfile", "chain.pem"]).args(arguments).current_dir(directory);
    openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for piece in pieces {
        // s_client looks for its commands at the beginning of what it reads at once.
        std::thread::sleep(Duration::from_millis(700));
        let _ = input.write_all(piece.as_bytes());
        let _ = input.flush();
    }
    std::thread::sleep(Duration::from_millis(700));
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn outside_openssl_agrees_on_tls_1_2_and_1_3_alone() {
    let served = served();
    // Security level 0 lets OpenSSL itself offer what is old.
    let any = ["-cipher", "ALL:@SECLEVEL=0", "-quiet"];
    for (version, is_spoken) in
        [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false), ("-tls1", false)]
    {
        served.upstream.forget();
        let path = format!("/{}", &version[1..]);
        let said = served.client(&[&any[..], &[version]].concat(), &[&asking(&path)]);
        assert_eq!(said.contains("HTTP/1.1 200"), is_spoken, "{version}: {said}");
        assert_eq!(served.upstream.received().len(), usize::from(is_spoken), "{version}");
        if !is_spoken {
            assert!(said.contains("SSL alert number"), "{version}: {said}");
        }
    }
}

/// A handshake on a connection that has one would put another client's words in front of this one's.
#[test]
fn outside_openssl_makes_no_second_handshake_on_a_connection() {
    let served = served();
    for more in [&[][..], &["-legacy_renegotiation"]] {
        served.upstream.forget();
        let arguments = [&["-tls1_2"], more].concat();
        let said = served.client(&arguments, &["R\n", &asking("/behind")]);
        assert!(said.contains("RENEGOTIATING"), "it was tried: {said}");
        assert_eq!(said.matches("verify return:1").count(), 1, "one handshake: {said}");
        // The connection ends, and nothing that stands behind is served on it.
        assert!(!said.contains("HTTP/1.1 "), "{said}");
        assert!(served.upstream.received().is_empty(), "{said}");
    }
    let said = served.client(&["-tls1_2", "-quiet"], &[&asking("/alone")]);
    assert!(said.contains("HTTP/1.1 200"), "{said}");
}

/// A request in a first flight can be played again by whoever has seen it.
#[test]
fn outside_openssl_is_served_nothing_before_the_handshake_is_done() {
    let served = served();
    let directory = served.gateway.directory().to_owned();
    std::fs::write(directory.join("early"), asking("/early")).unwrap();
    // The gateway's own tickets allow none, so OpenSSL does not even send it.
    let said = served.client(&["-tls1_3", "-sess_out", "own"], &[&asking("/first")]);
    assert!(said.contains("HTTP/1.1 200"), "{said}");
    assert!(said.contains("Max Early Data: 0"), "{said}");
    let again = ["-tls1_3", "-sess_in", "own", "-early_data", "early"];
    let said = served.client(&again, &[&asking("/second")]);
    assert!(said.contains("Early data was not sent"), "{said}");
    // A ticket of a server that allows it: OpenSSL sends the request in its first flight.
    let other = free_address();
    // It ends with its input.
    let line = format!(
        "sleep 600 | openssl s_server -accept {other} -cert chain.pem -key key.pem -tls1_3 -early_data"
    );
    let mut server = command("sh");
    server.args(["-c", &line]).current_dir(&directory);
    let mut server = Program::start(server, &directory.join("s_server.output"), other);
    let ticket = ["-tls1_3", "-sess_out", "theirs"];
    let said = s_client(other, &directory, &ticket, &["hello\n"]);
    assert!(!said.contains("Max Early Data: 0"), "{said}");
    server.stop();
    served.upstream.forget();
    let early = ["-tls1_3", "-sess_in", "theirs", "-early_data", "early"];
    let said = served.client(&early, &[&asking("/late")]);
    assert!(said.contains("Early data was rejected"), "it was sent: {said}");
    let received = served.upstream.received();
    assert!(received.iter().all(|request| !request.contains("/early")), "{received:?}");
}

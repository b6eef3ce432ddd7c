//! h2load as the client: nghttp2's own frames and header compression, many streams at a time.

use std::process::Command;

use crate::support::client::get;
use crate::support::h2_raw::{HOST, gateway};
use crate::support::places::DENMARK;
use crate::support::upstream::Upstream;

/// What a strict client does in good faith is never taken for an attack.
#[test]
fn outside_h2load_is_served_to_the_last_request() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let to = gateway.address("web");
    let body = gateway.directory().join("body");
    std::fs::write(&body, vec![b'a'; 40_000]).unwrap();
    let urls: Vec<String> =
        (0..50).map(|n| format!("https://{HOST}:{}/%23/{n}~?a={n}&b=%3e", to.port())).collect();
    let from = format!("x-forwarded-for: {DENMARK}");
    for more in [vec![], vec!["-d", body.to_str().unwrap()], vec!["--header-table-size=0"]] {
        let output = Command::new("h2load")
            .args(["-n", "2000", "-c", "4", "-m", "100", "-H", &from, "-H", "x-colour: #fff"])
            .arg(format!("--connect-to={to}"))
            .args(&more)
            .args(&urls)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("2000 succeeded, 0 failed, 0 errored"), "{more:?}: {printed}");
        assert!(printed.contains("status codes: 2000 2xx"), "{more:?}: {printed}");
    }
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(!metrics.contains("geovagt_http2_connections_refused_total{"), "{metrics}");
}

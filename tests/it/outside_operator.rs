//! The README followed in an empty Debian: the package and nginx from apt, TLS, a restart under load,
//! and afterwards what the metrics and the log say about it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::debian::{Debian, package};
use crate::support::gateway::eventually;
use crate::support::outside::{Program, curl, free_address};

const HOST: &str = "intranet.example.dk";

/// What somebody new does, line by line; free ports instead of 443, 80 and 9100.
fn set_up(debian: &Debian, web: &str, nginx: &str, operations: &str) {
    let _ = package(&debian.path("/tmp"));
    std::fs::copy("/etc/resolv.conf", debian.path("/etc/resolv.conf")).unwrap();
    debian
        .sh("apt-get update -qq && apt-get install -y -qq --no-install-recommends \
             /tmp/geovagt_*.deb nginx-light openssl")
        .expect_code(0);
    let site = format!("server {{ listen {nginx}; location / {{ return 200 \"intranet\\n\"; }} }}");
    std::fs::write(debian.path("/etc/nginx/sites-available/default"), site).unwrap();
    debian
        .sh(&format!(
            "cd /etc/geovagt/tls && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
             -nodes -days 90 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} -keyout key.pem \
             -out fullchain.pem && chgrp geovagt key.pem && chmod 640 key.pem"
        ))
        .expect_code(0);
    let file = debian.path("/etc/geovagt/gateway.yaml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("127.0.0.1:8080", web),
        ("127.0.0.1:8000", nginx),
        ("127.0.0.1:9100", operations),
        ("    # tls: {cert", "    tls: {cert"),
    ] {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text = text.replace(from, to);
    }
    std::fs::write(file, text).unwrap();
    debian.sh("runuser -u geovagt -- geovagt check").expect_code(0);
}

fn serve(debian: &Debian, more: &[&str]) -> Command {
    let line = ["runuser", "-u", "geovagt", "--", "geovagt", "serve"];
    debian.inside(&[&line[..], more].concat())
}

/// The entries of an action in the log.
fn entries(debian: &Debian, action: &str) -> usize {
    let search = format!(
        "runuser -u geovagt -- geovagt audit search --json --limit 1000000 --action {action}"
    );
    debian.sh(&search).expect_code(0).out.lines().count()
}

#[test]
fn an_operator_gets_from_an_empty_debian_to_a_restart_under_load() {
    let debian = Debian::empty();
    let addresses = [free_address(), free_address(), free_address()];
    let [web, nginx, operations] = addresses.map(|address| address.to_string());
    set_up(&debian, &web, &nginx, &operations);
    let output = |name: &str| debian.path(name);
    let run_nginx = debian.inside(&["nginx", "-g", "daemon off;"]);
    let _nginx = Program::start(run_nginx, &output("/tmp/nginx.output"), addresses[1]);
    let _old = Program::start(serve(&debian, &[]), &output("/tmp/old.output"), addresses[0]);

    // Clients that believe the one certificate and stop at the first answer that is not nginx's.
    let (ends, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let certificate = debian.path("/etc/geovagt/tls/fullchain.pem").display().to_string();
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (ends, answered) = (Arc::clone(&ends), Arc::clone(&answered));
            let port = addresses[0].port();
            let resolve = format!("{HOST}:{port}:127.0.0.1");
            let (url, certificate) = (format!("https://{HOST}:{port}/"), certificate.clone());
            std::thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    let said = curl(&["--resolve", &resolve, "--cacert", &certificate, &url]);
                    assert_eq!(said, (0, "intranet\n".to_owned()));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let more = || {
        let before = answered.load(Ordering::Relaxed);
        eventually("clients go on", || {
            assert!(clients.iter().all(|client| !client.is_finished()), "one failed");
            answered.load(Ordering::Relaxed) > before + 20
        });
    };
    more();
    let next = serve(&debian, &["--take-over"]);
    let mut new = Program::start(next, &output("/tmp/new.output"), addresses[0]);
    eventually("the old one has ended", || entries(&debian, "stopped") == 1);
    more();
    ends.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no request failed");
    }
    let answered = answered.load(Ordering::Relaxed);

    debian.sh(&format!("geovagt health --url http://{operations}/readyz")).expect_code(0);
    let (_, metrics) = curl(&[&format!("http://{operations}/metrics")]);
    for line in ["geovagt_ready 1", "geovagt_requests_total{", "geovagt_certificate_expiry"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("geovagt_upstream_errors_total{"), "nothing failed\n{metrics}");
    new.stop();
    debian.sh("runuser -u geovagt -- geovagt audit verify").expect_code(0);
    assert_eq!((entries(&debian, "started"), entries(&debian, "stopped")), (2, 2));
    assert!(entries(&debian, "allowed") >= answered, "each answer has its entry");
    eprintln!("{answered} answers, none failed\n{metrics}");
}

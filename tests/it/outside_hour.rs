//! A Ping of an hour through a gateway whose clock runs a hundred times as fast, so that half a minute
//! is enough: every timer of the program runs ahead, also those that nobody thinks of. The clients, the
//! server behind and the directory keep the ordinary time. The rest of `config/examples/sogo.yaml` is as
//! shipped; what a handshake or a login takes of the real time is allowed for.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::gateway::eventually;
use crate::support::phone::{Phone, Told};
use crate::support::places::{DENMARK, THAILAND};
use crate::support::slapd::{PASSWORD, SERVICE_PASSWORD, Slapd};
use crate::support::town::{FRONT, KOREA, Town, play};

/// So many seconds of the gateway are one of everybody else's.
const PACE: u32 = 100;
/// The server answers after an hour and a minute of the gateway's.
const HELD: Duration = Duration::from_millis(36_600);
const PING: &str = "<Ping xmlns=\"Ping:\"><HeartbeatInterval>3600</HeartbeatInterval></Ping>";
const LIMITS: &str = "limits: {header_timeout: 120s, upstream_connect_timeout: 60s}\n";
/// One more site, which takes what is the default for all: 35 minutes.
const SHORTER: &str = "sites:\n  shorter:\n    organization: ballerup\n    hosts: [kort.example.dk]\n    \
                       upstream: {servers: [\"http://10.1.0.20\"]}\n";

#[test]
fn an_hour_of_waiting_for_mail_meets_no_timer() {
    play("outside_hour::inside");
}

#[test]
#[ignore = "needs the network that the test above makes"]
fn inside() {
    let town = Town::around("sogo.yaml");
    for address in ["10.1.0.20", "10.1.0.60"] {
        town.has(address, "");
    }
    town.knows("10.1.0.60", "ldap.example.dk");
    town.knows(FRONT, "mail.example.dk kort.example.dk");
    answers_late();
    let [plain, tls] = ["10.1.0.60:389", "10.1.0.60:636"].map(|at| at.parse().unwrap());
    let slapd = Slapd::named("ldap.example.dk", plain, tls);
    town.trusts(&slapd.authority.file);
    town.secret("ldap", SERVICE_PASSWORD);
    let mut gateway = town.prepared(|text| {
        assert!(text.contains("timeouts: {response: 65m}") && !text.contains("\nlimits:"));
        let patient = text.replace("    kind: ldap\n", "    kind: ldap\n    timeout: 15s\n");
        assert_ne!(patient, text);
        patient.replacen("sites:\n", SHORTER, 1) + LIMITS
    });
    let library = faketime().display().to_string();
    gateway.environment.insert("LD_PRELOAD".to_owned(), library);
    gateway.environment.insert("FAKETIME".to_owned(), format!("+0 x{PACE}"));
    gateway.run();
    gateway.grant("anna", "TH", &["sogo"]);
    let phone = |from: &'static str, host: &'static str, device: &'static str| Phone {
        from,
        server: host,
        user: "anna",
        password: PASSWORD,
        device,
    };
    let (mail, shorter) = ("https://mail.example.dk", "https://kort.example.dk");
    let traveller = phone(THAILAND, mail, "ApplTH");
    eventually("she travels", || traveller.options(&town).status == 200);
    let waits = |phone: Phone<'static>, version: &'static str| {
        let town = &town;
        move || {
            let began = Instant::now();
            (phone.asks_with(town, "Ping", PING, &[version]), began.elapsed())
        }
    };
    std::thread::scope(|scope| {
        let held = [
            scope.spawn(waits(phone(DENMARK, mail, "ApplDK"), "--http2")),
            scope.spawn(waits(phone(KOREA, mail, "ApplKR"), "--http1.1")),
            scope.spawn(waits(traveller, "--http2")),
            scope.spawn(waits(traveller, "--http1.1")),
        ];
        let cut = scope.spawn(waits(phone(DENMARK, shorter, "ApplKORT"), "--http2"));
        for waiting in held {
            let (told, took): (Told, _) = waiting.join().unwrap();
            assert_eq!((told.code, told.status, &*told.body), (0, 200, &b"pong"[..]), "{told:?}");
            assert!(took >= HELD, "{took:?}");
        }
        // Its clock does run ahead: 35 minutes are over after 21 seconds.
        let (told, took) = cut.join().unwrap();
        assert_eq!((told.code, told.status), (0, 503), "{told:?}");
        let expected = Duration::from_secs(35 * 60) / PACE;
        assert!((expected..expected + Duration::from_secs(8)).contains(&took), "{took:?}");
    });
}

/// A server that holds a Ping and answers everything else at once.
fn answers_late() {
    let listener = TcpListener::bind("10.1.0.20:80").unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut asked = Vec::new();
                let mut room = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut room) {
                    asked.extend_from_slice(&room[..count]);
                    let text = String::from_utf8_lossy(&asked).into_owned();
                    if !text.contains("\r\n\r\n") {
                        continue;
                    }
                    if text.contains("Cmd=Ping") {
                        std::thread::sleep(HELD);
                    }
                    let answer =
                        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\npong";
                    let _ = stream.write_all(answer.as_bytes());
                    return;
                }
            });
        }
    });
}

fn faketime() -> PathBuf {
    let under = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let found =
        under.map(|path| path.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("tests/run installs faketime")
}

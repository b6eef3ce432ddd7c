//! What the service manager is told, on a socket as systemd opens one; and the limit of open files.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::support::client::get;
use super::support::gateway::{Gateway, PATIENCE, configuration};
use super::support::upstream::Upstream;

struct Manager {
    socket: UnixDatagram,
    _directory: tempfile::TempDir,
}

impl Manager {
    fn of(gateway: &mut Gateway) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        gateway.environment.insert("NOTIFY_SOCKET".into(), path.to_str().unwrap().into());
        Self { socket, _directory: directory }
    }

    fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).expect("a message");
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    /// The next but for what says that the gateway is alive.
    fn next_state(&self) -> String {
        loop {
            let message = self.next();
            if message != "WATCHDOG=1" {
                return message;
            }
        }
    }
}

#[test]
fn the_service_manager_is_told_when_it_is_ready_reloads_and_stops() {
    let upstream = Upstream::start();
    let text = configuration(&upstream.url(), "");
    let mut gateway = Gateway::prepare(&text);
    let manager = Manager::of(&mut gateway);
    gateway.run();
    assert_eq!(manager.next(), "READY=1\nSTATUS=Serving 7 sites on 3 listeners");
    assert_eq!(get(gateway.address("operations"), "localhost", "/readyz").send().status, 200);
    gateway.signal("HUP");
    let reloading = manager.next();
    let at = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);
    let at: u64 = at.lines().next().unwrap().parse().unwrap();
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    // The machine's uptime counts the time in which it sleeps, too.
    assert!(at > 0 && at as f64 / 1e6 <= uptime + 1.0, "{at} {uptime}");
    assert_eq!(manager.next(), "READY=1\nSTATUS=Serving 7 sites on 3 listeners");
    std::fs::write(gateway.config_file(), text.clone() + "colour: blue\n").unwrap();
    gateway.signal("HUP");
    assert!(manager.next().starts_with("RELOADING=1\n"));
    let refused = "READY=1\nSTATUS=Serving 7 sites on 3 listeners; the last reload was refused";
    assert_eq!(manager.next(), refused);
    gateway.signal("TERM");
    let stopping = manager.next();
    assert!(
        stopping.starts_with("STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS="),
        "{stopping}"
    );
    assert_eq!(gateway.wait(), Some(0));
    manager.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    assert!(manager.socket.recv(&mut [0; 64]).is_err(), "without a watchdog nobody is told more");
}

#[test]
fn the_watchdog_is_told_as_long_as_it_lives() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::prepare(&configuration(&upstream.url(), ""));
    let manager = Manager::of(&mut gateway);
    gateway.environment.insert("WATCHDOG_USEC".into(), "1200000".into());
    gateway.run();
    let messages: Vec<String> = (0..5).map(|_| manager.next()).collect();
    assert_eq!(messages.iter().filter(|m| m.starts_with("READY=1")).count(), 1, "{messages:?}");
    assert_eq!(messages.iter().filter(|m| *m == "WATCHDOG=1").count(), 4, "{messages:?}");
    gateway.signal("TERM");
    assert!(manager.next_state().starts_with("STOPPING=1"));
    assert_eq!(gateway.wait(), Some(0));
}

/// A watchdog that is somebody else's is left alone.
#[test]
fn another_process_watchdog_is_not_ours() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::prepare(&configuration(&upstream.url(), ""));
    let manager = Manager::of(&mut gateway);
    gateway.environment.insert("WATCHDOG_USEC".into(), "20000".into());
    gateway.environment.insert("WATCHDOG_PID".into(), "1".into());
    gateway.run();
    assert!(manager.next().starts_with("READY=1"));
    manager.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(manager.socket.recv(&mut [0; 64]).is_err());
}

fn open_files(gateway: &Gateway) -> (String, String) {
    let limits = format!("/proc/{}/limits", gateway.process_id());
    let limits = std::fs::read_to_string(limits).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let mut words = line.split_whitespace().skip(3).map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn the_limit_of_open_files_is_raised_and_one_that_is_too_low_is_said() {
    let upstream = Upstream::start();
    let too_low = |line: &serde_json::Value| {
        line["fields"]["message"].to_string().contains("limits.connections does not fit")
    };
    let mut gateway = Gateway::prepare(&configuration(&upstream.url(), ""));
    gateway.run_under(&["sh", "-c", "ulimit -Sn 300; ulimit -Hn 900; exec \"$@\"", "sh"]);
    assert_eq!(open_files(&gateway), ("900".to_owned(), "900".to_owned()));
    let warning = gateway.log().into_iter().find(too_low).expect("a warning");
    assert_eq!(
        (&warning["fields"]["limit"], &warning["fields"]["needed"]),
        (&900.into(), &20256.into())
    );
    let text = configuration(&upstream.url(), "limits: {connections: 300}\n");
    let mut gateway = Gateway::prepare(&text);
    gateway.run_under(&["sh", "-c", "ulimit -Sn 300; ulimit -Hn 900; exec \"$@\"", "sh"]);
    assert!(!gateway.log().iter().any(too_low));
}

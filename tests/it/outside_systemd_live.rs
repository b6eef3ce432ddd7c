//! The service under a real systemd, as the package brings it: told when it is ready, reloaded,
//! watched, and shut in.

use crate::support::gateway::eventually;
use crate::support::machine::{Machine, bootable};

fn installed() -> Machine {
    let machine = Machine::boot(bootable());
    machine.sh("cd /root && apt-get install --yes ./geovagt_*.deb").expect_code(0);
    machine
}

/// Without the configuration, which may be broken.
fn health(machine: &Machine) -> i32 {
    machine.sh("geovagt health --url http://127.0.0.1:9100/readyz").code
}

#[test]
fn systemd_starts_reloads_watches_and_stops_it() {
    let machine = installed();
    // `systemctl start` returns when the gateway has said that it is ready, and not before.
    machine.sh("systemctl enable --now geovagt && geovagt health").expect_code(0);
    assert_eq!(machine.property("StatusText"), "Serving 1 sites on 1 listeners");
    let first = machine.property("MainPID");
    is_shut_in(&machine, &first);

    // A reload says whether it was taken.
    let file = machine.path("/etc/geovagt/gateway.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    let more = "  second: {organization: municipality, hosts: [second.example.dk], \
                upstream: {servers: [\"http://127.0.0.1:8000\"]}}\nidentity:\n";
    std::fs::write(&file, good.replace("identity:\n", more)).unwrap();
    machine.sh("systemctl reload geovagt").expect_code(0);
    eventually("it serves both", || {
        machine.property("StatusText") == "Serving 2 sites on 1 listeners"
    });
    std::fs::write(&file, format!("{good}nonsense: 1\n")).unwrap();
    let refused = machine.sh("systemctl reload geovagt");
    assert_ne!(refused.code, 0, "{refused:?}");
    assert_eq!(machine.property("ActiveState"), "active");
    assert_eq!((machine.property("MainPID"), health(&machine)), (first.clone(), 0));
    let journal = "journalctl --no-pager --output cat --unit geovagt";
    assert!(machine.sh(journal).out.contains("nonsense: 1"), "the journal says why");
    std::fs::write(&file, &good).unwrap();

    is_watched(&machine);

    machine.sh("systemctl stop geovagt").expect_code(0);
    assert_eq!(machine.property("Result"), "success");
    assert_eq!(machine.property("ActiveState"), "inactive");
    machine.sh("sudo -u geovagt geovagt audit verify").expect_code(0);
}

/// What the kernel says of the process.
fn is_shut_in(machine: &Machine, process: &str) {
    let status = machine.sh(&format!("cat /proc/{process}/status")).expect_code(0).out;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
    };
    let user = machine.sh("id -u geovagt").expect_code(0).out.trim().to_owned();
    assert_eq!(of("Uid:").split_whitespace().collect::<Vec<_>>(), [user.as_str(); 4]);
    // CAP_NET_BIND_SERVICE is the eleventh.
    for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
        assert_eq!(u64::from_str_radix(&of(set), 16).unwrap(), 1 << 10, "{set}");
    }
    assert_eq!((of("NoNewPrivs:").as_str(), of("Seccomp:").as_str()), ("1", "2"));
    // What root itself could do where the process is.
    let there =
        |line: &str| machine.sh(&format!("nsenter -t {process} -m -r -w sh -c '{line}'")).code;
    assert_eq!(there("test -f /etc/geovagt/gateway.yaml"), 0);
    assert_ne!(there("touch /etc/geovagt/a"), 0, "the file system is read-only for it");
    assert_eq!(there("touch /var/lib/geovagt/a"), 0, "but for its state");
    let mode = machine.sh("stat -c '%U %a' /var/lib/geovagt").out;
    assert_eq!(mode.trim(), "geovagt 700");
}

/// A gateway that says nothing any more is started anew, and one that does is left alone.
fn is_watched(machine: &Machine) {
    let drop_in = machine.path("/etc/systemd/system/geovagt.service.d");
    std::fs::create_dir_all(&drop_in).unwrap();
    std::fs::write(drop_in.join("watchdog.conf"), "[Service]\nWatchdogSec=3s\n").unwrap();
    machine.sh("systemctl daemon-reload && systemctl restart geovagt").expect_code(0);
    let process = machine.property("MainPID");
    let told = || machine.property("WatchdogTimestampMonotonic");
    for _ in 0..5 {
        let before = told();
        eventually("it says again that it lives", || told() != before);
    }
    assert_eq!(
        (machine.property("MainPID"), machine.property("NRestarts")),
        (process.clone(), "0".into())
    );
    machine.sh(&format!("kill -STOP {process}")).expect_code(0);
    eventually("another one takes its place", || {
        machine.property("NRestarts") == "1" && machine.property("ActiveState") == "active"
    });
    assert_ne!(machine.property("MainPID"), process);
    assert_eq!(health(machine), 0);
}

/// The socket stays while the service is gone: whoever comes meanwhile is served by the next one.
#[test]
fn connections_wait_while_the_service_is_stopped() {
    let machine = installed();
    let file = machine.path("/etc/geovagt/gateway.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let bind = "[\"0.0.0.0:443\", \"[::]:443\"]";
    std::fs::write(&file, text.replace("[\"127.0.0.1:8080\"]", bind)).unwrap();
    machine.sh("systemctl enable --now geovagt.socket geovagt.service").expect_code(0);
    let journal = "journalctl --no-pager --output cat --unit geovagt";
    assert!(!machine.sh(journal).out.contains("fits no listener"), "the sockets are its own");
    // Starting again is the socket's doing, by the connection that waits.
    machine.sh("systemctl stop geovagt.service").expect_code(0);
    let page = "curl -sS --max-time 60 -o /dev/null -w '%{http_code}' \
                -H 'Host: intranet.example.dk' http://127.0.0.1:443/";
    // Nobody stands behind the gateway here.
    assert_eq!(machine.sh(page).expect_code(0).out, "502");
    assert_eq!(machine.property("ActiveState"), "active");
}

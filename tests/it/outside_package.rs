//! The Debian package: made by `config/debian/build-deb`, installed into an empty Debian.

use crate::support::debian::{Debian, package, succeed};
use crate::support::outside::command;

/// Files that somebody looks for.
const FILES: &[&str] = &[
    "-rwxr-xr-x root/root ./usr/bin/geovagt",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/geovagt.service",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/geovagt.socket",
    "-rw-r--r-- root/root ./etc/geovagt/gateway.yaml",
    "-rw-r--r-- root/root ./etc/geovagt/lists/cfcs.yaml",
    "-rw-r--r-- root/root ./usr/share/geovagt/country.mmdb",
    "-rw-r--r-- root/root ./usr/share/doc/geovagt/copyright",
    "-rw-r--r-- root/root ./usr/share/doc/geovagt/NOTICE",
    "-rw-r--r-- root/root ./usr/share/doc/geovagt/database.md",
    "-rw-r--r-- root/root ./usr/share/doc/geovagt/README.md",
    "-rw-r--r-- root/root ./usr/share/doc/geovagt/examples/gateway.yaml",
    "-rw-r--r-- root/root ./usr/share/doc/geovagt/examples/exchange.yaml",
    "-rw-r--r-- root/root ./usr/share/man/man1/geovagt.1.gz",
    "-rw-r--r-- root/root ./usr/share/man/man1/geovagt-audit-verify.1.gz",
    "-rw-r--r-- root/root ./usr/share/bash-completion/completions/geovagt",
    "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_geovagt",
    "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/geovagt.fish",
];

#[test]
fn the_package_is_whole_and_the_same_when_it_is_made_again() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = directories.each_ref().map(|directory| package(directory.path()));
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap(), "they differ");

    let asked = |what: &str| {
        let output = succeed(command("dpkg-deb").arg(what).arg(&first));
        String::from_utf8(output.stdout).unwrap()
    };
    let contents = asked("--contents");
    // Mode, owner and name; between them size and time.
    let lines: Vec<String> = contents
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            [words[0], words[1], words[5]].join(" ")
        })
        .collect();
    for file in FILES {
        assert!(lines.iter().any(|line| line == file), "{file} is not in\n{contents}");
    }
    assert!(lines.iter().all(|line| line.contains(" root/root ")), "{contents}");

    let info = asked("--info");
    let version = format!("Version: {}\n", env!("CARGO_PKG_VERSION"));
    for part in ["Package: geovagt\n", &version, "Depends: libc6 (>= 2.", "conffiles"] {
        assert!(info.contains(part), "{part} is not in\n{info}");
    }
    let lintian = command("lintian").args(["--fail-on", "error"]).arg(&first).output().unwrap();
    assert!(lintian.status.success(), "{}", String::from_utf8_lossy(&lintian.stdout));
}

/// Installed, removed, installed again, purged: what the operator wrote and the log stay.
#[test]
fn it_installs_into_an_empty_debian_and_keeps_what_was_written() {
    let debian = Debian::empty();
    let _ = package(&debian.path("/tmp"));
    let installed = debian.sh("dpkg -i /tmp/geovagt_*.deb").expect_code(0);
    assert!(installed.out.contains("does not run yet"), "{installed:?}");

    let version = debian.sh("geovagt --version").expect_code(0).out;
    assert_eq!(version.trim(), format!("geovagt {}", env!("CARGO_PKG_VERSION")));
    debian.sh("geovagt check --static").expect_code(0);
    debian.sh("runuser -u geovagt -- geovagt check").expect_code(0);
    assert_eq!(debian.mode("/var/lib/geovagt"), "geovagt:geovagt 700");
    assert_eq!(debian.mode("/etc/geovagt/tls"), "root:geovagt 750");
    assert_eq!(debian.mode("/etc/geovagt/secrets"), "root:geovagt 750");
    assert_eq!(debian.mode("/etc/geovagt/gateway.yaml"), "root:root 644");
    let account = debian.sh("getent passwd geovagt").expect_code(0).out;
    assert!(account.trim().ends_with(":/var/lib/geovagt:/usr/sbin/nologin"), "{account}");
    let enabled = debian.sh("find /etc/systemd -name '*geovagt*'").expect_code(0).out;
    assert_eq!(enabled, "", "nothing starts by itself");

    let add = "echo correct-horse-battery | runuser -u geovagt -- geovagt user add anna.holm \
               --organization municipality";
    debian.sh(add).expect_code(0);
    debian.sh("echo '# ours' >> /etc/geovagt/gateway.yaml").expect_code(0);

    debian.sh("dpkg -r geovagt").expect_code(0);
    assert!(!debian.path("/usr/bin/geovagt").exists());
    debian.sh("dpkg -i /tmp/geovagt_*.deb").expect_code(0);
    debian.sh("grep -q '^# ours' /etc/geovagt/gateway.yaml").expect_code(0);
    let people = debian.sh("runuser -u geovagt -- geovagt user list").expect_code(0).out;
    assert!(people.contains("anna.holm"), "{people}");

    let purged = debian.sh("dpkg -P geovagt").expect_code(0);
    assert!(purged.err.contains("/var/lib/geovagt is kept"), "{purged:?}");
    let kept = std::fs::read_dir(debian.path("/var/lib/geovagt")).unwrap();
    assert!(kept.count() > 0, "the accounts and the log are kept");
    assert!(!debian.path("/etc/geovagt").exists(), "what is not evidence is gone");
}

/// An upgrade restarts the service with a configuration that the new version takes, and leaves the
/// old process serving with one that it does not.
#[test]
fn an_upgrade_restarts_what_would_start() {
    let debian = Debian::empty();
    let _ = package(&debian.path("/tmp"));
    debian.sh("dpkg -i /tmp/geovagt_*.deb").expect_code(0);
    // A service manager that only notes what it is told; to `is-active` it says yes.
    debian
        .sh("mkdir -p /run/systemd/system && printf '#!/bin/sh\\necho \"$@\" >> /tmp/told\\n' \
             > /usr/bin/systemctl && chmod 755 /usr/bin/systemctl")
        .expect_code(0);
    let upgrade = || {
        debian.sh("rm -f /tmp/told").expect_code(0);
        let said = debian.sh("dpkg -i /tmp/geovagt_*.deb").expect_code(0);
        (said.err, debian.sh("cat /tmp/told").expect_code(0).out)
    };
    let (_, told) = upgrade();
    assert!(told.contains("restart geovagt.service") && !told.contains("stop "), "{told}");

    debian.sh("echo 'nonsense: true' >> /etc/geovagt/gateway.yaml").expect_code(0);
    let (said, told) = upgrade();
    assert!(!told.contains("restart") && !told.contains("stop "), "{told}");
    assert!(said.contains("nonsense") && said.contains("The old process goes on"), "{said}");

    debian.sh("rm -f /tmp/told; dpkg -r geovagt").expect_code(0);
    let told = debian.sh("cat /tmp/told").expect_code(0).out;
    assert!(told.contains("stop geovagt.socket geovagt.service"), "{told}");
}

//! A Debian in which systemd runs as the first process: a machine of its own but for the kernel, with
//! its own network, which is the loopback alone. Needs root.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::debian::{Debian, succeed};
use super::gateway::{Printed, eventually_some, eventually_within};
use super::outside::command;

/// A machine that compiles something else meanwhile boots slowly.
const BOOT_PATIENCE: Duration = Duration::from_secs(300);

/// What stands on the machine before anything of ours does.
pub const PACKAGES: &str =
    "systemd,systemd-sysv,dbus,sudo,adduser,ca-certificates,openssl,curl,procps,nginx-light";

/// Joins a control group of its own, so that the machine takes this for the root of all of them.
const GROUP: &str = r#"
set -e
root=$1 name=$2 at=$root/mnt
if grep -q ':name=systemd:' /proc/self/cgroup; then
  mount -t cgroup -o none,name=systemd cgroup "$at"
else
  mount -t cgroup2 cgroup2 "$at"
fi
mkdir "$at/$name"
echo $$ >"$at/$name/cgroup.procs"
umount "$at"
exec unshare --cgroup --pid --fork --kill-child -- sh -c "$3" sh "$root"
"#;

/// Makes the directory a machine's and starts systemd in it.
const BOOT: &str = r#"
set -e
root=$1
ip link set lo up
hostname localhost
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
if grep -q ':name=systemd:' /proc/self/cgroup; then
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
else
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
exec chroot "$root" env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --log-target=journal --show-status=no
"#;

/// A running machine; it ends with the value.
#[derive(Debug)]
pub struct Machine {
    debian: Debian,
    group: String,
    init: u32,
    child: Child,
}

impl Machine {
    /// Starts systemd in a Debian and waits until it has started everything.
    pub fn boot(debian: Debian) -> Self {
        let group = format!("geovagt-test-{}", std::process::id());
        let mut unshare = command("unshare");
        unshare.args(["--mount", "--uts", "--ipc", "--net", "--", "sh", "-c", GROUP, "sh"]);
        unshare.arg(debian.root()).args([&group, BOOT]).stdin(Stdio::null());
        let child = unshare.stdout(Stdio::null()).spawn().unwrap();
        let init = eventually_some("systemd is there", || {
            let pid = child.id();
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let init = children.ok()?.split_whitespace().next()?.parse().ok()?;
            let name = std::fs::read_to_string(format!("/proc/{init}/comm")).ok()?;
            (name.trim() == "systemd").then_some(init)
        });
        let machine = Self { debian, group, init, child };
        // Something that needs a terminal fails here: "degraded".
        eventually_within(BOOT_PATIENCE, "the machine is up", || {
            let state = machine.sh("systemctl is-system-running").out;
            matches!(state.trim(), "running" | "degraded")
        });
        machine
    }

    /// A file on it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.debian.path(path)
    }

    /// A command on it, not started yet.
    pub fn inside(&self, line: &[&str]) -> Command {
        let init = self.init.to_string();
        let root = format!("/proc/{init}/root");
        let mut inside = command("nsenter");
        inside.args(["--target", &init, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]);
        inside.args([format!("--root={root}"), format!("--wd={root}")]).args(line);
        inside.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        inside.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        inside
    }

    /// Runs a command line of the shell on it.
    pub fn sh(&self, line: &str) -> Printed {
        let output = self.inside(&["sh", "-c", line]).output().unwrap();
        Printed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What systemd says of the service.
    pub fn property(&self, name: &str) -> String {
        let show = format!("systemctl show geovagt --value --property {name}");
        self.sh(&show).expect_code(0).out.trim().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let journal = "journalctl --no-pager --unit geovagt --unit geovagt.socket --lines 40";
            eprintln!("{}", self.sh(journal).out);
        }
        // The first process of the namespace takes all others with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // They end a moment later than they are told to, and their groups can go then.
        let tidy = format!(
            "for turn in 1 2 3 4 5; do find /sys/fs/cgroup -depth -type d -path '*/{}*' \
             -exec rmdir {{}} + 2>/dev/null && break; sleep 1; done",
            self.group
        );
        let _ = Command::new("sh").args(["-c", &tidy]).status();
    }
}

/// A Debian that can be booted, with the package of the program that is tested in `/root`.
pub fn bootable() -> Debian {
    let debian = Debian::with(PACKAGES);
    let package = super::debian::package(&debian.path("/root"));
    assert!(package.exists());
    succeed(Command::new("rm").arg("-f").arg(debian.path("/etc/nginx/sites-enabled/default")));
    debian
}

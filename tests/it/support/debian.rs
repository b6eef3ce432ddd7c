//! An empty Debian 12 in a directory, made by debootstrap, to install and run things in. Needs root.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::gateway::{PROGRAM, Printed, repository};
use super::outside::{command, run};

/// What runs in a mount namespace of its own, so that `/proc` goes with the last process in it.
const INSIDE: &str =
    "mount -t proc proc \"$1/proc\" && mount --rbind /dev \"$1/dev\" && exec chroot \"$@\"";

/// A root file system; it goes with the value.
#[derive(Debug)]
pub struct Debian {
    directory: tempfile::TempDir,
}

impl Debian {
    /// As debootstrap made it.
    pub fn empty() -> Self {
        Self::with("")
    }

    /// The same with these packages, separated by commas.
    pub fn with(packages: &str) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let debian = Self { directory };
        std::fs::create_dir(debian.root()).unwrap();
        succeed(command("tar").arg("-xf").arg(tarball(packages)).arg("-C").arg(debian.root()));
        debian
    }

    /// The file system.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// A file in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// A command in it, not started yet.
    pub fn inside(&self, line: &[&str]) -> Command {
        let mut inside = command("unshare");
        inside.args(["--mount", "--", "sh", "-c", INSIDE, "sh"]).arg(self.root());
        inside.args(line).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        inside.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
        inside
    }

    /// Runs a command line of the shell in it.
    pub fn sh(&self, line: &str) -> Printed {
        let output = self.inside(&["sh", "-c", line]).output().unwrap();
        Printed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Owner, group and mode, as `root:root 755`.
    pub fn mode(&self, path: &str) -> String {
        let stat = format!("stat -c '%U:%G %a' {path}");
        self.sh(&stat).expect_code(0).out.trim().to_owned()
    }
}

/// The package with the program that is tested, made in this directory.
pub fn package(directory: &Path) -> PathBuf {
    let script = repository().join("config/debian/build-deb");
    let mut build = Command::new(script);
    build.arg(PROGRAM).arg(directory).env("SOURCE_DATE_EPOCH", "1790000000");
    // The program with all that a debugger wants is large; how well it is packed is not looked at.
    succeed(build.env("DPKG_DEB_COMPRESSOR_LEVEL", "1"));
    let mut found = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_package = |path: &PathBuf| path.extension().is_some_and(|end| end == "deb");
    found.find(is_package).expect("a package")
}

/// Debian as one file, which stays under the target directory for the next run.
pub fn tarball(packages: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(directory.join("debian.lock")).unwrap();
    lock.lock().unwrap();
    let name = ["debian-bookworm", packages].join(if packages.is_empty() { "" } else { "-" });
    let made = directory.join(name.replace(',', "-") + ".tar");
    if !made.exists() {
        let root = tempfile::tempdir_in(directory).unwrap();
        let mut debootstrap = command("debootstrap");
        debootstrap.arg("--variant=minbase");
        if !packages.is_empty() {
            debootstrap.arg(format!("--include={packages}"));
        }
        debootstrap.arg("bookworm").arg(root.path());
        succeed(debootstrap.args(mirror()));
        let partial = directory.join("debian-bookworm.partial");
        let mut tar = command("tar");
        tar.arg("-cf").arg(&partial).arg("-C").arg(root.path());
        succeed(tar.args(["--exclude=./var/cache/apt/archives/*.deb", "."]));
        std::fs::rename(partial, &made).unwrap();
    }
    made
}

/// Where this machine's own apt takes Debian from; debootstrap's default where it does not say.
fn mirror() -> Option<String> {
    let format =
        ["indextargets", "--format", "$(REPO_URI)", "Codename: bookworm", "Origin: Debian"];
    let output = run("apt-get", format);
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// Runs it, or stops the test with what it said.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} (as root?)\n{}\n{}", said.0, said.1);
    output
}

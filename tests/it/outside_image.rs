//! The Dockerfile: built by buildah, which needs no engine, from images that are made here, because
//! the build reaches no registry of images; then run as a container with a read-only root would be.
//!
//! The first run compiles everything anew (minutes); what it leaves under the target directory makes
//! the next one a matter of seconds.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::client::get;
use crate::support::debian::{succeed, tarball};
use crate::support::gateway::configuration;
use crate::support::gateway::repository;
use crate::support::outside::{Program, command, free_address, run};
use crate::support::places::{CHINA, DENMARK};
use crate::support::upstream::Upstream;

/// The user in the image.
const USER: u32 = 9443;

/// A container with a read-only root: state and configuration are mounted into it, and it runs as the
/// image says. `$1` is its root, `$2` the state, `$3` the configuration.
const INSIDE: &str = r#"set -e; root=$1; state=$2; etc=$3; shift 3
mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"; cd "$root"
mount --bind "$state" var/lib/geovagt; mount --bind -o ro "$etc" etc/geovagt
mount -t proc proc proc; mount --rbind /dev dev
exec chroot --userspec=9443:9443 . "$@""#;

/// What buildah keeps, under the target directory.
struct Storage {
    directory: PathBuf,
    _lock: File,
}

/// A container of the image: its root, and the directories that are mounted into it.
struct Container {
    root: PathBuf,
    directory: tempfile::TempDir,
    health: String,
}

impl Storage {
    fn open() -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
        std::fs::create_dir_all(directory.join("tmp")).unwrap();
        let lock = File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        Self { directory, _lock: lock }
    }

    fn buildah(&self, arguments: &[&str]) -> Command {
        let mut buildah = command("buildah");
        buildah.args(["--storage-driver", "vfs", "--root"]).arg(self.directory.join("store"));
        buildah.arg("--runroot").arg(self.directory.join("run")).args(arguments);
        // Caches of the build (`--mount=type=cache`) lie there.
        buildah.env("TMPDIR", self.directory.join("tmp")).env("BUILDAH_ISOLATION", "chroot");
        buildah
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = succeed(&mut self.buildah(arguments));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn has(&self, image: &str) -> bool {
        let inspect = ["inspect", "--type", "image", image];
        self.buildah(&inspect).output().unwrap().status.success()
    }

    /// In the place of `debian:bookworm-slim`.
    fn base(&self) {
        if self.has("localhost/base") {
            return;
        }
        let container = self.ask(&["from", "scratch"]);
        self.ask(&["add", &container, tarball("").to_str().unwrap(), "/"]);
        self.ask(&["commit", "--quiet", "--rm", &container, "localhost/base"]);
    }

    /// In the place of `rust:…-slim-bookworm`; the toolchain is this machine's, mounted at the build.
    fn rust(&self) {
        if self.has("localhost/rust") {
            return;
        }
        let container = self.ask(&["from", "--pull-never", "localhost/base"]);
        let install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends \
                       gcc libc6-dev make ca-certificates";
        self.ask(&["run", "--network", "host", &container, "sh", "-c", install]);
        let path = "PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        self.ask(&["config", "--env", path, "--env", "CARGO_HOME=/opt/cargo", &container]);
        self.ask(&["commit", "--quiet", "--rm", &container, "localhost/rust"]);
    }

    fn build(&self) {
        self.base();
        self.rust();
        let sysroot = run("rustc", ["--print", "sysroot"]).stdout;
        let toolchain = format!("{}:/opt/rust:ro", String::from_utf8(sysroot).unwrap().trim());
        // The crates that this machine has downloaded already.
        let home = std::env::var_os("CARGO_HOME").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"),
            PathBuf::from,
        );
        let crates = format!("{}:/opt/cargo/registry", home.join("registry").display());
        let options = ["--network", "host", "--format", "docker", "--pull-never", "--volume"];
        let mut build = self.buildah(&["build"]);
        build.args(options).args([&toolchain, "--volume", &crates]);
        for argument in ["RUST_IMAGE=localhost/rust", "BASE_IMAGE=localhost/base", "PROFILE=dev"] {
            build.args(["--build-arg", argument]);
        }
        succeed(build.args(["--tag", "localhost/geovagt"]).arg(repository()));
    }

    fn container(&self, configuration: &str, health: SocketAddr) -> Container {
        let container = self.ask(&["from", "--pull-never", "localhost/geovagt"]);
        let root = self.ask(&["mount", &container]).into();
        let directory = tempfile::tempdir_in(&self.directory).unwrap();
        for name in ["state", "etc"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        chown(directory.path().join("state"), Some(USER), Some(USER)).unwrap();
        std::fs::write(directory.path().join("etc/gateway.yaml"), configuration).unwrap();
        Container { root, directory, health: format!("http://{health}/readyz") }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        let _ = self.buildah(&["rm", "--all"]).output();
        let _ = self.buildah(&["rmi", "--prune"]).output();
    }
}

impl Container {
    /// A command in it, with the environment that the image gives.
    fn inside(&self, line: &[String]) -> Command {
        let mut inside = command("unshare");
        inside.args(["--mount", "--", "sh", "-c", INSIDE, "sh"]).arg(&self.root);
        inside.args(["state", "etc"].map(|name| self.directory.path().join(name))).args(line);
        inside.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        inside.env("GEOVAGT_HEALTH_URL", &self.health);
        inside
    }
}

fn words(value: &serde_json::Value) -> Vec<String> {
    let words = value.as_array().expect("a list of words").iter();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

#[test]
fn the_image_serves_with_a_read_only_root_and_knows_how_it_is() {
    let storage = Storage::open();
    storage.build();

    let said = storage.ask(&["inspect", "--type", "image", "localhost/geovagt"]);
    let image: serde_json::Value = serde_json::from_str(&said).unwrap();
    let config = &image["Docker"]["config"];
    assert_eq!(config["User"], "9443:9443", "not root");
    assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], "Apache-2.0");
    assert!(config["Volumes"]["/var/lib/geovagt"].is_object(), "{config}");
    let health = words(&config["Healthcheck"]["Test"]);
    assert_eq!(health[0], "CMD");
    let environment = words(&config["Env"]);
    let asks = "GEOVAGT_HEALTH_URL=http://127.0.0.1:9100/readyz".to_owned();
    assert!(environment.contains(&asks), "{environment:?}");

    let upstream = Upstream::start();
    let (web, operations) = (free_address(), free_address());
    let root = repository().display().to_string();
    let text = configuration(&upstream.url(), "")
        .replacen("127.0.0.1:0", &web.to_string(), 1)
        .replace(
            "operations:\n  bind: [\"127.0.0.1:0\"]",
            &format!("operations:\n  bind: [\"{operations}\"]"),
        )
        .replace("state_directory: state\n", "")
        .replace(&format!("{root}/geoip/"), "/usr/share/geovagt/")
        .replace(&format!("{root}/config/lists/"), "/usr/share/doc/geovagt/examples/");
    let container = storage.container(&text, operations);
    let is_well = || container.inside(&health[1..]).output().unwrap().status.code();
    assert_eq!(is_well(), Some(1), "it does not run yet");

    let sh = |line: &str| container.inside(&["sh".into(), "-c".into(), line.into()]).output();
    let write =
        "! touch /tmp/x && ! touch /etc/geovagt/x && ! touch /usr/x && touch /var/lib/geovagt/x";
    let output = sh(write).unwrap();
    assert!(output.status.success(), "only the state can be written to: {output:?}");

    let line = [words(&config["Entrypoint"]), words(&config["Cmd"])].concat();
    let output = container.directory.path().join("output");
    let mut gateway = Program::start(container.inside(&line), &output, web);
    assert_eq!(get(web, "kilden.example.dk", "/").from(DENMARK).send().status, 200);
    assert_eq!(get(web, "kilden.example.dk", "/").from(CHINA).send().status, 403);
    assert_eq!(is_well(), Some(0), "{}", gateway.printed());
    gateway.stop();
    assert_eq!(is_well(), Some(1), "it has stopped");
    let verify = ["/usr/bin/geovagt", "audit", "verify"].map(str::to_owned);
    succeed(&mut container.inside(&verify));
    assert!(!gateway.printed().contains("Read-only"), "{}", gateway.printed());
}

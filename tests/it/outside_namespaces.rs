//! Real public addresses, in network namespaces that are connected to nothing outside.
//!
//! One namespace holds the gateway (and haproxy), one is Denmark and one is China; cables lie
//! between the first and each of the others. Needs root; where the machine refuses, the test fails
//! and says so.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{Command, Output};

use crate::support::gateway::{Gateway, configuration};
use crate::support::outside::{command, entry, free_address, haproxy, run};
use crate::support::upstream::Upstream;

const HOST: &str = "kilden.example.dk";

/// A country on the other end of a cable: the client's addresses there and the gateway's, each in
/// the same network.
struct Country {
    code: &'static str,
    client: [&'static str; 2],
    gateway: [&'static str; 2],
}

const COUNTRIES: [Country; 2] = [
    Country {
        code: "dk",
        client: ["130.225.244.1", "2001:878::1"],
        gateway: ["130.225.244.2", "2001:878::2"],
    },
    Country {
        code: "cn",
        client: ["1.2.4.8", "240e:2000::1"],
        gateway: ["1.2.4.9", "240e:2000::9"],
    },
];

/// Tells the test inside the namespace how the namespaces are called.
const WORLD: &str = "GEOVAGT_TEST_WORLD";

/// The namespaces; they and the cables go when the value that made them goes.
struct World {
    prefix: String,
    made_here: bool,
}

/// What curl saw.
struct Seen {
    code: String,
    reference: String,
    body: String,
}

impl World {
    fn new() -> Self {
        let world = Self { prefix: format!("gv{}", std::process::id()), made_here: true };
        let gateway = world.name("gw");
        world.add(&gateway);
        for (index, country) in COUNTRIES.iter().enumerate() {
            let there = world.name(country.code);
            world.add(&there);
            let (near, far) = (format!("near{index}"), format!("far{index}"));
            ip(&["-n", &gateway, "link", "add", &near, "type", "veth", "peer", "name", &far]);
            ip(&["-n", &gateway, "link", "set", &far, "netns", &there]);
            for (namespace, cable, [v4, v6]) in
                [(&gateway, &near, country.gateway), (&there, &far, country.client)]
            {
                ip(&["-n", namespace, "addr", "add", &format!("{v4}/24"), "dev", cable]);
                let v6 = format!("{v6}/64");
                ip(&["-n", namespace, "addr", "add", &v6, "dev", cable, "nodad"]);
                ip(&["-n", namespace, "link", "set", cable, "up"]);
            }
        }
        world
    }

    /// The one that this test runs in.
    fn around() -> Self {
        let prefix = std::env::var(WORLD).expect("run by a test above");
        Self { prefix, made_here: false }
    }

    fn name(&self, part: &str) -> String {
        format!("{}-{part}", self.prefix)
    }

    fn add(&self, namespace: &str) {
        ip(&["netns", "add", namespace]);
        ip(&["-n", namespace, "link", "set", "lo", "up"]);
    }

    /// A command that runs in a namespace.
    fn inside(&self, part: &str, program: impl AsRef<OsStr>) -> Command {
        let mut inside = command("ip");
        inside.args(["netns", "exec", &self.name(part)]).arg(program);
        inside
    }

    /// What a GET with curl in a country brings.
    fn curl(&self, country: &str, to: SocketAddr, arguments: &[&str]) -> Seen {
        let host = format!("Host: {HOST}");
        let output = self
            .inside(country, "curl")
            .args([
                "-s",
                "--max-time",
                "20",
                "-w",
                "\n%{http_code} %header{geovagt-reference}",
                "-H",
                &host,
            ])
            .args(arguments)
            .arg(format!("http://{to}/"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, end) = printed.rsplit_once('\n').expect("curl writes the code");
        let (code, reference) = end.split_once(' ').unwrap();
        Seen { code: code.into(), reference: reference.into(), body: body.into() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let parts = if self.made_here { &["gw", "dk", "cn"][..] } else { &[] };
        for part in parts {
            let _ = run("ip", ["netns", "del", &self.name(part)]);
        }
    }
}

fn ip(arguments: &[&str]) -> Output {
    let output = run("ip", arguments);
    assert!(
        output.status.success(),
        "this machine does not let the test make network namespaces, which it needs to give \
         clients public addresses: run the tests as root, in a container with CAP_NET_ADMIN and \
         CAP_SYS_ADMIN. `ip {}` said: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs the ignored test `name` of this file in the gateway's namespace.
fn play(name: &str) {
    let world = World::new();
    let name = format!("outside_namespaces::{name}");
    let output = world
        .inside("gw", std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .env(WORLD, &world.prefix)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn outside_public_addresses_are_decided_by_the_peer() {
    play("inside_the_peer_is_the_client");
}

#[test]
fn outside_public_addresses_are_decided_behind_haproxy() {
    play("inside_haproxy_says_who_the_client_is");
}

/// The usual configuration with the listener `direct` on every address of both families.
fn everywhere(upstream: &Upstream) -> String {
    let direct = "  - name: direct\n    bind: [\"127.0.0.1:0\"]\n";
    let both = "  - name: direct\n    bind: [\"0.0.0.0:0\"]\n    client_address: {source: peer}\n  \
                - name: direct6\n    bind: [\"[::]:0\"]\n    client_address: {source: peer}\n";
    let text = configuration(&upstream.url(), "");
    assert!(text.contains(direct));
    text.replace(direct, both)
}

#[test]
#[ignore = "needs the namespace that a test above makes"]
fn inside_the_peer_is_the_client() {
    let world = World::around();
    let upstream = Upstream::start();
    let gateway = Gateway::start(&everywhere(&upstream));
    for (family, listener) in ["direct", "direct6"].into_iter().enumerate() {
        let port = gateway.address(listener).port();
        for country in &COUNTRIES {
            let to = SocketAddr::new(country.gateway[family].parse().unwrap(), port);
            let forged = format!("X-Forwarded-For: {}", COUNTRIES[0].client[family]);
            for arguments in [&[][..], &["-H", &forged]] {
                let seen = world.curl(country.code, to, arguments);
                country.assert_decided(&gateway, country.client[family], &seen);
            }
        }
    }
}

#[test]
#[ignore = "needs the namespace that a test above makes"]
fn inside_haproxy_says_who_the_client_is() {
    let world = World::around();
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for (listener, options, sender) in [
        ("proxied", "", "send-proxy"),
        ("proxied", "", "send-proxy-v2"),
        ("web", "option forwardfor", ""),
    ] {
        let (ready, to) = (free_address(), gateway.address(listener));
        let port = ready.port();
        let lines = format!(
            "frontend web\n  bind :::{port} v4v6\n  {options}\n  default_backend geovagt\n\
             backend geovagt\n  server geovagt {to} {sender}"
        );
        let _haproxy = haproxy(gateway.directory(), &lines, ready);
        for country in &COUNTRIES {
            for family in 0..2 {
                let to = SocketAddr::new(country.gateway[family].parse().unwrap(), port);
                let forged = format!("X-Forwarded-For: {}", COUNTRIES[0].client[family]);
                for arguments in [&[][..], &["-H", &forged]] {
                    let seen = world.curl(country.code, to, arguments);
                    country.assert_decided(&gateway, country.client[family], &seen);
                }
            }
        }
    }
}

impl Country {
    /// Denmark gets in, China does not, and either is known by its own address.
    fn assert_decided(&self, gateway: &Gateway, client: &str, seen: &Seen) {
        if self.code == "dk" {
            assert_eq!(seen.code, "200", "{}", seen.body);
            let sent: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            let stated = sent["headers"].as_array().unwrap();
            let of = |name: &str| stated.iter().find(|field| field[0] == name).unwrap()[1].clone();
            assert_eq!(of("x-forwarded-for"), client);
            assert_eq!(of("x-geovagt-country"), "DK");
        } else {
            assert_eq!(seen.code, "403", "{}", seen.body);
            let entry = entry(gateway, &seen.reference);
            assert_eq!(entry["client"]["ip"], client);
            assert_eq!(entry["event"]["reason"], "country_listed");
            assert_eq!(entry["client"]["geo"]["country_iso_code"], "CN");
        }
    }
}

//! The gateway, with every default of its own.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;

use super::Surroundings;
use crate::entrance::Entrance;
use crate::load::HOST;
use crate::process::on_core;

/// What may grow in an installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grown {
    /// Sites, the one that is asked for among them.
    pub(crate) sites: usize,
    pub(crate) exemptions: usize,
}

impl Default for Grown {
    fn default() -> Self {
        Self { sites: 1, exemptions: 0 }
    }
}

pub(super) fn prepare(
    around: &Surroundings,
    directory: &Path,
    first_port: u16,
    grown: Grown,
) -> anyhow::Result<Command> {
    let file = directory.join("gateway.yaml");
    std::fs::write(&file, configuration(around, first_port, grown))?;
    std::fs::DirBuilder::new().mode(0o700).create(directory.join("state"))?;
    if grown.exemptions > 0 {
        grant(around, &file, grown.exemptions)?;
    }
    let mut command = on_core(around.core, &around.geovagt);
    command.arg("serve").arg("--config").arg(&file);
    Ok(command)
}

fn configuration(around: &Surroundings, first_port: u16, grown: Grown) -> String {
    let port = |entrance: Entrance| entrance.address(first_port);
    let mut text = format!(
        r#"state_directory: state
geoip: {{database: "{repository}/geoip/country.mmdb", warn_after: 3650d}}
country_lists: {{cfcs: "{repository}/config/lists/cfcs.yaml"}}
policies:
  standard: {{list: cfcs}}
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
    contact: {{phone: "+45 00 00 00 00", hours: "8-15"}}
    travel_exemptions: {{enabled: true, decision: "00.22.04-P35-12-25"}}
    identity_providers: [local]
identity: {{local: {{kind: local}}}}
listeners:
  - name: forward
    bind: ["{forward}"]
    client_address: {{trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}}
  - name: forward-tls
    bind: ["{forward_tls}"]
    tls: {{certificates: [{{chain: ../chain.pem, key: ../key.pem}}]}}
    client_address: {{trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}}
  - name: close
    bind: ["{close}"]
    denial: close
  - name: close-tls
    bind: ["{close_tls}"]
    tls: {{certificates: [{{chain: ../chain.pem, key: ../key.pem}}]}}
    denial: close
sites:
"#,
        repository = around.repository.display(),
        forward = port(Entrance::Forward),
        forward_tls = port(Entrance::ForwardTls),
        close = port(Entrance::Close),
        close_tls = port(Entrance::CloseTls),
    );
    for number in 0..grown.sites {
        let (name, host) = match number {
            0 => ("kilden".to_owned(), HOST.to_owned()),
            _ => (format!("site-{number}"), format!("site-{number}.example.dk")),
        };
        let _ = writeln!(
            text,
            "  {name}: {{organization: ballerup, hosts: [{host}], upstream: {{servers: \
             [\"http://{}\"]{}}}}}",
            around.upstream,
            if around.bound { ", affinity: connection" } else { "" },
        );
    }
    text
}

/// Adds a person and grants journeys, as an operator would: one command each, some at a time.
fn grant(around: &Surroundings, file: &Path, count: usize) -> anyhow::Result<()> {
    let command = |words: &[&str]| {
        let mut command = Command::new(&around.geovagt);
        command.arg("--config").arg(file).args(words).args(["--organization", "ballerup"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command
    };
    let mut added = command(&["user", "add", "anna.holm"]).spawn()?;
    if let Some(mut input) = added.stdin.take() {
        writeln!(input, "correct-horse-battery-staple")?;
    }
    ensure!(added.wait()?.success(), "geovagt adds no user");
    // Not begun yet: the door of the country stays closed, so that its clients are rejected.
    let leg = format!("TH {}..{}", day(20)?, day(27)?);
    let words = ["exemption", "grant", "--person", "anna.holm", "--leg", &leg, "--site", "kilden"];
    let words = [&words[..], &["--purpose", "Studietur", "--case", "24-1"]].concat();
    let mut left = count;
    while left > 0 {
        let together = left.min(4);
        let granting: Vec<_> =
            (0..together).map(|_| command(&words).spawn()).collect::<Result<_, _>>()?;
        for mut one in granting {
            ensure!(one.wait()?.success(), "geovagt grants no exemption");
        }
        left -= together;
    }
    Ok(())
}

fn day(ahead: u32) -> anyhow::Result<String> {
    let output = Command::new("date").args(["-d", &format!("+{ahead} days"), "+%F"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

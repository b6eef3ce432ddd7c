//! The gateway, with every default of its own.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::Surroundings;
use crate::entrance::Entrance;
use crate::load::HOST;
use crate::process::on_core;

/// What may grow in an installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Sites, the one that is asked for among them.
    pub(crate) sites: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { sites: 1 }
    }
}

pub(super) fn prepare(
    around: &Surroundings,
    directory: &Path,
    first_port: u16,
    shape: Shape,
) -> anyhow::Result<Command> {
    let file = directory.join("gateway.yaml");
    std::fs::write(&file, configuration(around, first_port, shape))?;
    let mut command = on_core(around.core, &around.geovagt);
    command.arg("serve").arg("--config").arg(&file);
    Ok(command)
}

fn configuration(around: &Surroundings, first_port: u16, shape: Shape) -> String {
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
    for number in 0..shape.sites {
        let (name, host) = match number {
            0 => ("kilden".to_owned(), HOST.to_owned()),
            _ => (format!("site-{number}"), format!("site-{number}.example.dk")),
        };
        let _ = writeln!(
            text,
            "  {name}: {{organization: ballerup, hosts: [{host}], upstream: {{servers: \
             [\"http://{}\"]}}}}",
            around.upstream
        );
    }
    text
}

//! HAProxy with a map from networks to countries, made of the same database.

use std::path::Path;
use std::process::Command;

use super::Surroundings;
use crate::entrance::Entrance;
use crate::process::on_core;

pub(super) fn prepare(
    around: &Surroundings,
    directory: &Path,
    first_port: u16,
) -> anyhow::Result<Command> {
    std::fs::write(directory.join("countries.map"), around.places.haproxy_map.as_bytes())?;
    let listed: String = around.places.listed.iter().map(|code| format!("{code}\n")).collect();
    std::fs::write(directory.join("listed"), listed)?;
    let read = |name: &str| std::fs::read_to_string(around.directory.join(name));
    std::fs::write(directory.join("certificate.pem"), read("chain.pem")? + &read("key.pem")?)?;
    let port = |entrance: Entrance| entrance.address(first_port);
    let configuration = format!(
        r#"global
  nbthread 1
  maxconn 8000
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  log global
  option forwardfor
  timeout connect 5s
  timeout http-request 10s
  timeout http-keep-alive 75s
  timeout client 75s
  timeout server 1200s
frontend forward
  bind {forward} backlog 4096
  bind {forward_tls} ssl crt {here}/certificate.pem alpn h2,http/1.1 backlog 4096
  acl from_proxy src 127.0.0.0/8
  http-request set-src hdr(x-forwarded-for) if from_proxy
  http-request set-var(txn.country) src,map_ip({here}/countries.map)
  acl listed var(txn.country) -m str -f {here}/listed
  acl located var(txn.country) -m len 2
  http-request deny if listed or !located
  http-request set-header X-Country %[var(txn.country)]
  log-format {format}
  default_backend site
frontend close
  bind {close} backlog 4096
  bind {close_tls} ssl crt {here}/certificate.pem alpn h2,http/1.1 backlog 4096
  tcp-request connection set-var(sess.country) src,map_ip({here}/countries.map)
  acl listed var(sess.country) -m str -f {here}/listed
  acl located var(sess.country) -m len 2
  tcp-request connection reject if listed or !located
  log-format {format}
  default_backend site
backend site
  http-reuse {reuse}
  server upstream {upstream}
"#,
        here = directory.display(),
        forward = port(Entrance::Forward),
        forward_tls = port(Entrance::ForwardTls),
        close = port(Entrance::Close),
        close_tls = port(Entrance::CloseTls),
        reuse = if around.bound { "never" } else { "safe" },
        upstream = around.upstream,
        format = r#""{\"time\":\"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]\",\"client\":\"%ci\",\"country\":\"%[var(txn.country)]\",\"method\":\"%HM\",\"path\":%{+Q}HP,\"status\":%ST,\"bytes\":%B,\"milliseconds\":%Ta,\"id\":\"%rt\"}""#,
    );
    let file = directory.join("haproxy.cfg");
    std::fs::write(&file, configuration)?;
    let mut command = on_core(around.core, Path::new("haproxy"));
    command.arg("-db").arg("-f").arg(&file);
    Ok(command)
}

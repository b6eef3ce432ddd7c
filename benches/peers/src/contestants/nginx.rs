//! nginx with the geoip2 module, as Debian has both.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::Surroundings;
use crate::entrance::Entrance;
use crate::load::HOST;
use crate::process::on_core;

/// `buffered`: the log is written in pieces of 64 KiB or after a second; otherwise line by line, as
/// nginx does unless told.
pub(super) fn prepare(
    around: &Surroundings,
    directory: &Path,
    first_port: u16,
    buffered: bool,
) -> anyhow::Result<Command> {
    let mut listed = String::new();
    for code in &around.places.listed {
        let _ = writeln!(listed, "    {code} 1;");
    }
    let port = |entrance: Entrance| entrance.address(first_port);
    let configuration = format!(
        r#"load_module /usr/lib/nginx/modules/ngx_http_geoip2_module.so;
daemon off; user root; worker_processes 1;
pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 12000; }}
http {{
  geoip2 {database} {{
    $country country iso_code;
  }}
  map $country $listed {{
    default 0;
    "" 1;
{listed}  }}
  log_format entry escape=json '{{"time":"$time_iso8601","client":"$remote_addr","country":"$country",'
    '"host":"$host","method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,'
    '"seconds":$request_time,"agent":"$http_user_agent","id":"$request_id"}}';
  access_log {here}/access.log entry{buffer};
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  ssl_certificate {around}/chain.pem; ssl_certificate_key {around}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  keepalive_requests 100000000; server_tokens off; tcp_nodelay on;
  upstream site {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Country $country;
  server {{
    listen {forward} backlog=4096; listen {forward_tls} ssl http2 backlog=4096;
    server_name {HOST};
    set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on;
    if ($listed) {{ return 403; }}
    location / {{ proxy_pass http://site; }}
  }}
  server {{
    listen {close} backlog=4096; listen {close_tls} ssl http2 backlog=4096;
    server_name {HOST};
    if ($listed) {{ return 444; }}
    location / {{ proxy_pass http://site; }}
  }}
}}
"#,
        here = directory.display(),
        around = around.directory.display(),
        database = around.repository.join("geoip/country.mmdb").display(),
        buffer = if buffered { " buffer=64k flush=1s" } else { "" },
        upstream = around.upstream,
        forward = port(Entrance::Forward),
        forward_tls = port(Entrance::ForwardTls),
        close = port(Entrance::Close),
        close_tls = port(Entrance::CloseTls),
    );
    let file = directory.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = on_core(around.core, Path::new("nginx"));
    command
        .arg("-e")
        .arg(directory.join("error.log"))
        .arg("-p")
        .arg(directory)
        .arg("-c")
        .arg(&file);
    Ok(command)
}

//! `geovagt health`: asks the running gateway whether it is ready, for whoever has no `curl` where it
//! runs (a container's health check).

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;

use super::{Answer, Context};

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// Arguments of `health`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: geovagt health --url http://127.0.0.1:9100/readyz")]
pub(crate) struct Arguments {
    /// What to ask; without it `/readyz` of the configuration's `operations`. With it the
    /// configuration is not read.
    #[arg(long, env = "GEOVAGT_HEALTH_URL", value_name = "URL")]
    url: Option<Uri>,
    /// How many seconds to wait for the answer.
    #[arg(long, default_value = "5", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// What the gateway said.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: StatusCode,
    body: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let url = match &arguments.url {
        Some(url) => url.clone(),
        None => match super::people::configuration(context)? {
            Some(loaded) => {
                configured(loaded.config.operations.as_ref().map(|found| &*found.bind))?
            }
            None => return Ok(Answer::No),
        },
    };
    let time = Duration::from_secs(arguments.timeout);
    let said = context
        .block_on(async { tokio::time::timeout(time, ask(&url)).await })?
        .with_context(|| format!("{url} gave no answer within {} s", arguments.timeout))
        .flatten()?;
    let well = said.status == StatusCode::OK;
    if context.json {
        let answer = serde_json::from_str(&said.body)
            .unwrap_or_else(|_| serde_json::Value::from(said.body.trim_end()));
        context.print_json(&serde_json::json!({
            "ok": well, "url": url.to_string(), "status": said.status.as_u16(), "answer": answer,
        }))?;
    } else if well {
        writeln!(context.out(), "{url}: well")?;
    }
    if !well {
        writeln!(context.messages(), "geovagt: {url} says {}", why(&said))?;
    }
    Ok(if well { Answer::Yes } else { Answer::No })
}

/// `/readyz` on the first address of `operations`; where that is every address, on loopback.
fn configured(bind: Option<&[SocketAddr]>) -> anyhow::Result<Uri> {
    let Some(mut address) = bind.and_then(<[SocketAddr]>::first).copied() else {
        bail!(
            "the configuration opens no operations listener; add `operations: {{bind: [\"127.0.0.1:9100\"]}}`"
        );
    };
    if address.port() == 0 {
        bail!("the operations listener has a port that the system chose; say which with --url");
    }
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}/readyz").parse()?)
}

async fn ask(url: &Uri) -> anyhow::Result<Said> {
    let Some(authority) = url.authority().filter(|_| url.scheme_str() == Some("http")) else {
        bail!("{url} is no address of an operations listener; write http://127.0.0.1:9100/readyz");
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream =
        tokio::net::TcpStream::connect((host, authority.port_u16().unwrap_or(80)))
            .await
            .with_context(|| format!("nobody listens at {authority}; is the gateway running?"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(stream))
            .await?;
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::get(target).header(header::HOST, authority.as_str());
    let asked = async {
        let answer = sender.send_request(request.body(Empty::new())?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        let body = body.collect().await.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        anyhow::Ok(Said { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    let driven = async {
        connection.await?;
        // The answer is whole by then, or never will be.
        std::future::pending::<anyhow::Result<Said>>().await
    };
    tokio::pin!(asked, driven);
    tokio::select! {
        biased;
        said = asked => said,
        failed = driven => failed,
    }
}

/// The parts that are not ready, as `/readyz` names them; of another page its status.
fn why(said: &Said) -> String {
    let body: serde_json::Value = serde_json::from_str(&said.body).unwrap_or_default();
    let parts = body.get("parts").and_then(serde_json::Value::as_array).into_iter().flatten();
    let ill: Vec<String> = parts
        .filter(|part| part.get("ready") == Some(&false.into()))
        .map(|part| {
            let text = |key| part.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
            format!("{}: {}", text("name"), text("detail"))
        })
        .collect();
    if ill.is_empty() { said.status.to_string() } else { format!("not ready: {}", ill.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(bind: &[&str]) -> Result<String, String> {
        let bind: Vec<SocketAddr> = bind.iter().map(|text| text.parse().unwrap()).collect();
        let bind = (!bind.is_empty()).then_some(&*bind);
        configured(bind).map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_address_the_configured_one_is_asked() {
        assert_eq!(url(&["10.0.0.1:9100", "10.0.0.2:1"]).unwrap(), "http://10.0.0.1:9100/readyz");
        assert_eq!(url(&["0.0.0.0:9100"]).unwrap(), "http://127.0.0.1:9100/readyz");
        assert_eq!(url(&["[::]:9100"]).unwrap(), "http://[::1]:9100/readyz");
        assert!(url(&[]).unwrap_err().contains("no operations listener"));
        assert!(url(&["127.0.0.1:0"]).unwrap_err().contains("--url"));
    }

    #[test]
    fn the_parts_that_are_not_ready_are_named() {
        let said = |body: &str| Said { status: StatusCode::SERVICE_UNAVAILABLE, body: body.into() };
        let parts = r#"{"ready":false,"parts":[{"name":"store","ready":true,"detail":"fine"},
            {"name":"audit","ready":false,"detail":"disk full"}]}"#;
        assert_eq!(why(&said(parts)), "not ready: audit: disk full");
        assert_eq!(why(&said("rubbish")), "503 Service Unavailable");
    }
}

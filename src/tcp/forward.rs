//! To the server and back, for somebody who may pass and with an entry in the log.

use tokio::io::AsyncWriteExt as _;

use super::contact::{Admitted, Contact};
use super::mail::No;
use super::splice::{self, Bounds};
use super::{proxy_header, rejection};
use crate::audit::{Class, Ending, Entry};
use crate::clock;
use crate::config::TcpSite;
use crate::gateway::Standing;
use crate::listen::Stream;
use crate::policy::{Denial, Reason};
use crate::upstream::{Connected, UpstreamError};

/// Forwards, unless the log cannot take the entry.
pub(super) async fn forward(
    contact: &Contact<'_>,
    admitted: Admitted,
    stream: Stream,
    ahead: &[u8],
) {
    let Admitted { permit, identity } = admitted;
    let class = Class::of(&permit);
    let Ok(place) = contact.gateway.audit.reserve(class) else {
        return rejection::reject(contact, &Denial::new(Reason::AuditUnavailable), stream).await;
    };
    contact.site.traffic.decided(permit.reason());
    let by_exemption = permit.exemption().is_some();
    let entry = place.entry(contact.facts(identity.as_ref()), permit);
    let reference = *entry.reference();
    let site = &contact.site.site;
    let standing = Standing::of_connection(
        contact.gateway,
        site.id.clone(),
        contact.client,
        identity.as_ref(),
    );
    let mut connected = match connect(contact, &entry).await {
        Ok(connected) => connected,
        Err(error) => {
            trouble(contact, &error);
            entry.unanswered(ending("no_upstream"));
            return rejection::say(contact, No::NotNow, &reference, stream).await;
        }
    };
    let (receipt, completion) = entry.connected(clock::now());
    if class == Class::People && receipt.durable().await.is_err() {
        return rejection::reject(contact, &Denial::new(Reason::AuditUnavailable), stream).await;
    }
    let default = TcpSite::default();
    let tcp = contact.tcp().unwrap_or(&default);
    let bounds = Bounds { idle: tcp.idle, lifetime: tcp.lifetime, by_exemption };
    let stopping = contact.gateway.tasks.stopping();
    let upstream = &mut connected.stream;
    let outcome = splice::splice(stream, ahead, upstream, &standing, &stopping, &bounds).await;
    let word = outcome.end.word();
    metrics::counter!(
        "geovagt_tcp_connections_total",
        "site" => site.id.to_string(), "ended" => word
    )
    .increment(1);
    if let Some(completion) = completion {
        completion.ended(Ending {
            how: word,
            because: outcome.because.map(Reason::code),
            by_us: outcome.end.is_ours(),
            request_octets: outcome.up,
            response_octets: outcome.down,
        });
    }
}

/// Connects, and says first whom it is for. Only what `policy` permitted and the log has a place for
/// gets here: that is what the entry stands for.
async fn connect(contact: &Contact<'_>, entry: &Entry) -> Result<Connected, UpstreamError> {
    let mut connected = contact.site.servers.connect(entry).await?;
    if contact.tcp().is_some_and(|tcp| tcp.proxy_protocol) {
        // The buffers of a new connection are empty, so this waits for nobody. Where it fails the
        // connection has broken, and the first read tells.
        let header = proxy_header::header(contact);
        if let Err(error) = connected.stream.write_all(&header).await {
            tracing::debug!(%error, "a server went before it was told whom the connection is for");
        }
    }
    Ok(connected)
}

fn trouble(contact: &Contact<'_>, error: &UpstreamError) {
    let site = contact.site.site.id.as_str();
    metrics::counter!(
        "geovagt_upstream_errors_total",
        "site" => site.to_owned(), "cause" => error.label()
    )
    .increment(1);
    tracing::warn!(site, error = %crate::telemetry::chain(error), "no server takes the connection");
}

fn ending(how: &'static str) -> Ending {
    Ending { how, because: None, by_us: false, request_octets: 0, response_octets: 0 }
}

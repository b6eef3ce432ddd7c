//! To the server and back, for somebody who may pass and with an entry in the log.

use super::contact::{Admitted, Contact};
use super::login::{self, Login, NotReplayed};
use super::mail::{No, Turn};
use super::splice::{self, Bounds, End, Outcome};
use super::{Client, proxy_header, rejection};
use crate::audit::{Class, Completion, Ending, Entry, Reference, Unavailable};
use crate::clock;
use crate::config::TcpSite;
use crate::gateway::Standing;
use crate::policy::{Denial, Reason};
use crate::upstream::{Connected, UpstreamError};

/// Forwards, unless the log cannot take the entry.
pub(super) async fn forward(contact: &Contact<'_>, admitted: Admitted, client: Client) {
    let Admitted { permit, identity, by } = admitted;
    let class = Class::of(&permit);
    let Ok(place) = contact.gateway.audit.reserve(class) else {
        return unavailable(contact, client).await;
    };
    contact.site.traffic.decided(permit.reason());
    let by_exemption = permit.exemption().is_some();
    let entry = place.entry(contact.facts(identity.as_ref()), permit);
    let reference = *entry.reference();
    let site = contact.site.site.id.clone();
    let standing =
        Standing::of_connection(contact.gateway, (site, by), contact.client, identity.as_ref());
    let (connected, completion) = match reach(contact, entry, class).await {
        Ok(reached) => reached,
        Err(NotReached::Unwritten) => return unavailable(contact, client).await,
        Err(NotReached::NoUpstream) => return not_now(contact, &reference, client).await,
    };
    let outcome = pass(contact, client, connected, &standing, (by_exemption, &reference)).await;
    let word = outcome.end.word();
    metrics::counter!(
        "geovagt_tcp_connections_total",
        "site" => contact.site.site.id.to_string(), "ended" => word
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

/// Why there is no connection to a server.
enum NotReached {
    /// The log could not take the entry.
    Unwritten,
    NoUpstream,
}

impl From<Unavailable> for NotReached {
    fn from(_: Unavailable) -> Self {
        Self::Unwritten
    }
}

/// Connects. Where an exemption opens, the entry is on disk before a server hears of anything.
async fn reach(
    contact: &Contact<'_>,
    mut entry: Entry,
    class: Class,
) -> Result<(Connected, Option<Completion>), NotReached> {
    let mut ahead = None;
    if class == Class::People {
        let (receipt, completion) = entry.ahead(clock::now());
        receipt.durable().await?;
        ahead = completion;
    }
    match connect(contact, &entry).await {
        Ok(connected) if class == Class::People => Ok((connected, ahead)),
        Ok(connected) => {
            let (_receipt, completion) = entry.connected(clock::now());
            Ok((connected, completion))
        }
        Err(error) => {
            trouble(contact, &error);
            match ahead {
                Some(completion) => completion.unreached(ending("no_upstream", true)),
                None => entry.unanswered(ending("no_upstream", false)),
            }
            Err(NotReached::NoUpstream)
        }
    }
}

/// Connects, and says first whom it is for. Only what `policy` permitted and the log has a place for
/// gets here: that is what the entry stands for.
async fn connect(contact: &Contact<'_>, entry: &Entry) -> Result<Connected, UpstreamError> {
    let preface = match contact.tcp() {
        Some(tcp) if tcp.proxy_protocol => proxy_header::header(contact),
        _ => Vec::new(),
    };
    contact.site.servers.connect(entry, &preface).await
}

/// Says the login again where there is one, and carries the bytes.
async fn pass(
    contact: &Contact<'_>,
    client: Client,
    mut connected: Connected,
    standing: &Standing,
    (by_exemption, reference): (bool, &Reference),
) -> Outcome {
    let stopping = contact.gateway.tasks.stopping();
    let upstream = &mut connected.stream;
    let Client { mut stream, ahead, login } = client;
    if let Some(login) = login {
        let (end, because) = tokio::select! {
            replayed = login::replay(&login, upstream, &mut stream) => match replayed {
                Ok(()) => (None, None),
                Err(error) => (Some(not_replayed(contact, &error)), None),
            },
            reason = standing.ended() => (Some(End::ExemptionEnded), reason),
            () = stopping.cancelled() => (Some(End::Stopped), None),
        };
        if let Some(end) = end {
            farewell(contact, (&login, end), reference, stream).await;
            return Outcome { end, because, up: 0, down: 0 };
        }
    }
    let default = TcpSite::default();
    let tcp = contact.tcp().unwrap_or(&default);
    let bounds = Bounds { idle: tcp.idle, lifetime: tcp.lifetime, by_exemption };
    splice::splice(stream, &ahead, upstream, standing, &stopping, &bounds).await
}

/// How a connection ends whose login could not be said to the server.
fn not_replayed(contact: &Contact<'_>, error: &NotReplayed) -> End {
    let site = contact.site.site.id.as_str();
    match error {
        NotReplayed::Refused => End::LoginRefused,
        NotReplayed::Client(_) => End::ClientLeft,
        NotReplayed::Unclear
        | NotReplayed::Anew(_)
        | NotReplayed::Server(_)
        | NotReplayed::Slow => {
            let error = crate::telemetry::chain(error);
            tracing::warn!(site, error, "a login that was proven could not be passed on");
            End::UpstreamBroke
        }
    }
}

/// What the client is told of that, unless the server has said it.
async fn farewell(
    contact: &Contact<'_>,
    (login, end): (&Login, End),
    reference: &Reference,
    stream: crate::listen::Stream,
) {
    if end == End::UpstreamBroke {
        let turn = Turn::Login { tag: &login.tag };
        return rejection::say(contact, (No::NotNow, turn), reference, stream).await;
    }
    rejection::close(stream, &contact.gateway.tasks.stopping()).await;
}

async fn unavailable(contact: &Contact<'_>, client: Client) {
    let denial = Denial::new(Reason::AuditUnavailable);
    let Client { stream, login, .. } = client;
    rejection::reject(contact, &denial, turn(login.as_ref()), stream).await;
}

async fn not_now(contact: &Contact<'_>, reference: &Reference, client: Client) {
    let Client { stream, login, .. } = client;
    rejection::say(contact, (No::NotNow, turn(login.as_ref())), reference, stream).await;
}

fn turn(login: Option<&Login>) -> Turn<'_> {
    login.map_or(Turn::Greeting, |login| Turn::Login { tag: &login.tag })
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

fn ending(how: &'static str, by_us: bool) -> Ending {
    Ending { how, because: None, by_us, request_octets: 0, response_octets: 0 }
}

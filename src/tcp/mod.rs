//! IMAP, submission and any other TCP behind the same decision as a request.
//!
//! One connection is one way, from top to bottom: [`serve`] finds the site (`hello` reads the host
//! that a client names in TLS which passes through), `contact` decides by `policy` and puts the facts
//! together, `login` hears and proves who it is where a traveller's door is open and TLS ends here,
//! `forward` records and connects, `splice` carries the bytes; `rejection` says no, in the words of the
//! `mail` protocol where they can be read.
//!
//! May use `listen`, `identity`, `policy`, `audit`, `upstream`, and what the gateway shares (`gateway::Gateway`).
//! Always holds: the client's address is the connection's own or a trusted proxy's word in PROXY
//! protocol; what is forwarded has a permit of `policy` and an entry in the log; before both, not one
//! byte reaches a server; a connection ends when it would not be let in any more.

mod contact;
mod forward;
mod hello;
mod login;
mod mail;
mod proxy_header;
mod rejection;
mod splice;

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::audit;
use crate::clock;
use crate::config::TcpRoute;
use crate::gateway::sites::ProtectedSite;
use crate::gateway::{Gateway, Snapshot};
use crate::listen::{Accepted, ConnectionFacts, Stream};
use crate::policy::Reason;
use crate::telemetry::traffic;
use contact::Contact;
use login::Login;
use mail::Turn;

/// Serves one connection to its end, or until the gateway stops.
pub(crate) async fn serve(gateway: &Gateway, accepted: Accepted, route: &TcpRoute) {
    let Accepted { mut stream, facts, .. } = accepted;
    let stopping = gateway.tasks.stopping();
    let arrived = tokio::select! {
        arrived = arrive(gateway, &mut stream, &facts, route) => arrived,
        () = stopping.cancelled() => return,
    };
    let Some(Arrived { server_name, ahead }) = arrived else { return };
    let snapshot = gateway.snapshot();
    let Some(site) = site(&snapshot, route, server_name.as_deref()) else {
        deny_unsited(gateway, &snapshot, &facts, server_name.as_deref());
        return rejection::close(stream, &stopping).await;
    };
    let site = Arc::clone(site);
    let is_hidden = facts.tls.is_none() && matches!(route, TcpRoute::ServerName(_));
    let mut contact = Contact::new(gateway, snapshot, &facts, site, server_name, is_hidden);
    match contact.admit() {
        Ok(admitted) => {
            let client = Client { stream, ahead: Zeroizing::new(ahead), login: None };
            forward::forward(&contact, admitted, client).await;
        }
        Err(denied) if contact.hears_logins(&denied) => {
            // Few say who they are, and whoever does not need that is not kept waiting by its size.
            if let Some(invited) = Box::pin(login::invite(&mut contact, stream)).await {
                let login::Invited { admitted, login, ahead, stream } = invited;
                let client = Client { stream, ahead, login: Some(login) };
                forward::forward(&contact, admitted, client).await;
            }
        }
        Err(denied) => rejection::reject(&contact, &denied, Turn::Greeting, stream).await,
    }
}

/// Somebody's end of the connection.
struct Client {
    stream: Stream,
    /// What it has said already, and goes to the server first.
    ahead: Zeroizing<Vec<u8>>,
    /// The login that was proven here, which the server gets before that.
    login: Option<Login>,
}

/// What is known before the site is.
struct Arrived {
    /// The host that the client named in TLS.
    server_name: Option<String>,
    /// What was read of a connection that passes through.
    ahead: Vec<u8>,
}

/// Reads the client's first words of TLS where they say which site is meant, and they are not ours.
async fn arrive(
    gateway: &Gateway,
    stream: &mut Stream,
    facts: &ConnectionFacts,
    route: &TcpRoute,
) -> Option<Arrived> {
    if facts.tls.is_some() || matches!(route, TcpRoute::Site(_)) {
        let server_name = facts.server_name().map(str::to_owned);
        return Some(Arrived { server_name, ahead: Vec::new() });
    }
    let limit = gateway.snapshot().config.limits.header_timeout;
    let read = tokio::time::timeout(limit, hello::read(stream)).await;
    match read.unwrap_or(Err(hello::HelloError::Slow)) {
        Ok(hello) => Some(Arrived { server_name: hello.server_name, ahead: hello.bytes }),
        Err(error) => {
            // As where our own handshake fails, nothing was asked for that could be decided on.
            tracing::debug!(listener = %facts.listener, peer = %facts.peer, error = crate::telemetry::chain(&error), "no TLS");
            metrics::counter!(
                "geovagt_connections_rejected_total",
                "listener" => facts.listener.to_string(),
                "reason" => "tls_handshake"
            )
            .increment(1);
            None
        }
    }
}

/// The site that a connection goes to: the one there is, or the one that answers for the host.
fn site<'s>(
    snapshot: &'s Snapshot,
    route: &TcpRoute,
    server_name: Option<&str>,
) -> Option<&'s Arc<ProtectedSite>> {
    let by_id = |id| snapshot.sites.by_id(id).filter(|site| !site.is_http());
    match route {
        TcpRoute::Site(id) => by_id(id),
        TcpRoute::ServerName(ids) => {
            let hosts = |site: &Arc<ProtectedSite>| hello::closeness(&site.site.hosts, server_name);
            let close = ids.iter().filter_map(by_id).filter_map(|site| Some((hosts(site)?, site)));
            close.max_by_key(|(closeness, _)| *closeness).map(|(_, site)| site)
        }
    }
}

/// Writes down that a client named a host that nobody answers for.
fn deny_unsited(
    gateway: &Gateway,
    snapshot: &Snapshot,
    connection: &ConnectionFacts,
    server_name: Option<&str>,
) {
    let now = clock::now();
    let client = connection.client_address(&http::HeaderMap::new());
    let located = snapshot.database.locate(&client);
    let (listener, reason) = (&connection.listener, Reason::UnknownSite);
    let rejection = audit::Rejection::new(now, client, located.location, listener, reason);
    gateway.audit.deny_with(rejection, || {
        let mut facts = audit::Facts::new(now, listener.clone(), client);
        facts.location = located.location;
        facts.registered_country = located.registered_country;
        facts.domain = server_name.map(Into::into);
        facts
    });
    traffic::unsited().decided(reason);
}

//! A connection to a server whose bytes go on as they come.
//!
//! Always holds: nobody gets one without a permit and a place in the log, which is what an
//! [`Entry`] stands for; where one server cannot be reached another is
//! tried, because nothing has been said yet.

use std::sync::Arc;

use super::connect::Open;
use super::error::{ConnectError, UpstreamError};
use super::metrics;
use super::pool::Place;
use super::server::{Rules, Server};
use super::servers::{Servers, Tried};
use super::stream::Stream;
use crate::audit::Entry;

/// A connection to a server, which has a place there until it is dropped.
#[derive(Debug)]
pub struct Connected {
    /// Its bytes.
    pub stream: Stream,
    _place: Place,
    _open: Open,
}

impl Servers {
    /// Connects to one of the servers for somebody who may pass and with an entry in the log. The
    /// preface is what it hears first, before TLS where that is spoken to it.
    ///
    /// # Errors
    /// [`UpstreamError::Unreachable`], [`UpstreamError::Full`] or [`UpstreamError::NoServer`].
    pub async fn connect(
        &self,
        _entry: &Entry,
        preface: &[u8],
    ) -> Result<Connected, UpstreamError> {
        let mut tried = Tried::default();
        let mut attempts = 0;
        loop {
            let (index, server) = self.pick(tried).ok_or(UpstreamError::NoServer)?;
            let connected = server.connected(&self.settings.rules, preface, attempts > 0).await;
            let error = match connected {
                Ok(connected) => {
                    self.succeeded(server);
                    return Ok(connected);
                }
                Err(error) => error,
            };
            // Where the one with the fewest connections is full, so are the others.
            if !matches!(error, UpstreamError::Unreachable { .. }) {
                return Err(error);
            }
            metrics::connect_failed(server);
            self.failed(index, server);
            tried.add(index);
            attempts += 1;
            if attempts > self.settings.retries.attempts || !self.take_from_budget() {
                return Err(error);
            }
            metrics::retried(server);
            tracing::debug!(server = &**server.name(), %error, "another server is tried");
        }
    }
}

impl Server {
    async fn connected(
        &self,
        rules: &Rules,
        preface: &[u8],
        again: bool,
    ) -> Result<Connected, UpstreamError> {
        let Some(place) = self.place(rules, again).await else {
            return Err(UpstreamError::Full { server: Arc::clone(self.name()) });
        };
        let limit = rules.timeouts.connect;
        let connected = match self.origin.bytes(limit, preface).await {
            Err(ConnectError::Refused(..) | ConnectError::Slow(_))
                if self.origin.addresses.have_changed().await =>
            {
                self.origin.bytes(limit, preface).await
            }
            connected => connected,
        };
        let (stream, open) = connected.map_err(|source| UpstreamError::Unreachable {
            server: Arc::clone(self.name()),
            source: Arc::new(source),
        })?;
        Ok(Connected { stream, _place: place, _open: open })
    }
}

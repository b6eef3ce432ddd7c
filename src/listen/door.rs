//! What stands behind one listener: whose word counts, certificates, limits.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::accepted::ApplicationProtocol;
use super::certificates::{CertificateError, Certificates, Expiry, Reloaded};
use super::client_certificates::Authorities;
use super::limits::ConnectionLimits;
use super::tls::{self, Acceptor};
use crate::client_address::AddressSource;
use crate::config::{Http1Names, Listener, ListenerDenial, Protocol, TcpRoute};
use crate::identifier::ListenerId;

/// One listener as it serves. Its settings can be replaced while it does; connections that are open
/// keep those they began with.
#[derive(Debug)]
pub struct Door {
    name: ListenerId,
    settings: ArcSwap<DoorSettings>,
    limits: ConnectionLimits,
    counts: Counts,
    last_handshakes: Arc<Semaphore>,
}

/// Figures of a listener that are counted for each connection; the handles are looked up once.
pub(super) struct Counts {
    /// `geovagt_connections_open`
    pub(super) open: metrics::Gauge,
    /// `geovagt_connections_rejected_total` with the reason `denied`
    pub(super) denied: metrics::Counter,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

impl Counts {
    fn new(listener: &ListenerId) -> Self {
        let listener = listener.as_str();
        Self {
            open: metrics::gauge!("geovagt_connections_open", "listener" => listener.to_owned()),
            denied: metrics::counter!(
                "geovagt_connections_rejected_total",
                "listener" => listener.to_owned(),
                "reason" => "denied"
            ),
        }
    }
}

/// What a reload can replace. Loaded first for every listener, and put in place only when all could
/// be.
#[derive(Debug)]
pub struct DoorSettings {
    pub(super) source: Arc<AddressSource>,
    pub(super) tls: Option<TlsSettings>,
    denial: ListenerDenial,
    route: Option<Arc<TcpRoute>>,
}

/// The acceptor and the certificates it chooses from.
pub(super) struct TlsSettings {
    pub(super) acceptor: Acceptor,
    certificates: Arc<Certificates>,
    authorities: Option<Arc<Authorities>>,
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

/// A listener's TLS that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// A certificate cannot be used.
    #[error("listener {listener} has a certificate that cannot be used")]
    Certificate {
        /// The listener's name.
        listener: ListenerId,
        /// Which, and why.
        source: Box<CertificateError>,
    },
    /// TLS itself cannot be set up.
    #[error("listener {listener} cannot speak TLS")]
    Tls {
        /// The listener's name.
        listener: ListenerId,
        /// Why.
        source: rustls::Error,
    },
}

impl DoorSettings {
    /// Loads what a listener needs. For `http1_names` it offers no HTTP/2: sites behind them bind a
    /// login to its connection (NTLM, Negotiate), which HTTP/2 cannot carry.
    ///
    /// # Errors
    /// [`DoorError`] where a certificate cannot be used.
    pub fn load(listener: &Listener, http1_names: &Http1Names) -> Result<Self, DoorError> {
        use ApplicationProtocol::{Http1, Http2};
        let protocols: &[_] = match listener.protocol {
            Protocol::Http => &[Http2, Http1],
            Protocol::Tcp => &[],
        };
        let http1_names = || (!http1_names.is_empty()).then(|| http1_names.clone());
        let load = |tls: &crate::config::Tls| {
            let name = || listener.name.clone();
            let certificates = Certificates::load(&tls.certificates).map_err(|source| {
                DoorError::Certificate { listener: name(), source: Box::new(source) }
            })?;
            let certificates = Arc::new(certificates);
            let refused =
                |source| DoorError::Certificate { listener: name(), source: Box::new(source) };
            let authorities = tls.client_certificates.as_ref().map(Authorities::load);
            let authorities = authorities.transpose().map_err(refused)?.map(Arc::new);
            let names = http1_names().filter(|_| listener.protocol == Protocol::Http);
            let acceptor = tls::acceptor(&certificates, authorities.as_ref(), protocols, names)
                .map_err(|source| DoorError::Tls { listener: name(), source })?;
            Ok(TlsSettings { acceptor, certificates, authorities })
        };
        Ok(Self {
            source: Arc::new(listener.client_address.clone()),
            tls: listener.tls.as_ref().map(load).transpose()?,
            denial: listener.denial,
            route: listener.tcp.clone().map(Arc::new),
        })
    }
}

impl Door {
    /// Opens a listener with loaded settings.
    #[must_use]
    pub fn new(name: ListenerId, settings: DoorSettings, limits: ConnectionLimits) -> Self {
        let (counts, cores) = (Counts::new(&name), std::thread::available_parallelism());
        let last_handshakes = Arc::new(Semaphore::new(cores.map_or(1, |n| (n.get() / 2).max(1))));
        Self { name, settings: ArcSwap::from_pointee(settings), limits, counts, last_handshakes }
    }

    /// The listener's name.
    #[must_use]
    pub fn name(&self) -> &ListenerId {
        &self.name
    }

    /// What counts against the connection limits.
    #[must_use]
    pub fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Whether, and when, it rejects here, before TLS and without a byte.
    #[must_use]
    pub fn denial(&self) -> ListenerDenial {
        self.settings.load().denial
    }

    /// Where its connections go where it speaks no HTTP.
    #[must_use]
    pub fn route(&self) -> Option<Arc<TcpRoute>> {
        self.settings.load().route.clone()
    }

    /// Puts new settings in place, for connections from now on.
    pub fn replace(&self, settings: DoorSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// Loads the certificates anew where their files have changed. Reads files.
    ///
    /// # Errors
    /// [`CertificateError`] where the new ones cannot be used; the old are served on.
    pub fn reload_certificates(&self) -> Result<Reloaded, CertificateError> {
        match &self.settings.load().tls {
            None => Ok(Reloaded::Unchanged),
            Some(tls) => {
                // Both are looked at, whatever becomes of the first.
                let authorities = tls.authorities.as_ref().map(|one| one.reload_if_changed());
                let certificates = tls.certificates.reload_if_changed()?;
                match authorities.transpose()? {
                    Some(Reloaded::Replaced) => Ok(Reloaded::Replaced),
                    Some(Reloaded::Unchanged) | None => Ok(certificates),
                }
            }
        }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many cores may work at a time on handshakes of clients that will be rejected.
    pub(super) fn last_handshakes(&self) -> Arc<Semaphore> {
        Arc::clone(&self.last_handshakes)
    }

    /// Until when the certificates that are served are valid; none on a plain listener.
    #[must_use]
    pub fn certificate_expiries(&self) -> Vec<Expiry> {
        let settings = self.settings.load();
        settings.tls.as_ref().map(|tls| tls.certificates.expiries()).unwrap_or_default()
    }

    /// Why the certificate files as they are now are not served; none where they are.
    #[must_use]
    pub fn certificates_refused(&self) -> Option<String> {
        self.settings.load().tls.as_ref().and_then(|tls| tls.certificates.refused())
    }

    pub(super) fn settings(&self) -> Arc<DoorSettings> {
        self.settings.load_full()
    }
}

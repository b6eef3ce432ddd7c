//! The servers of one directory, and a few connections of the service account's that are kept.
//!
//! Always holds: at most `connections` are open at a time, binds of people among them; the server
//! that answered last is tried first, and the others in turn; a connection on which anything went
//! wrong is not used again.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::RootCertStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{Bound, Connection};
use super::error::LdapError;
use crate::clock;
use crate::config::{Ldap, LdapServer};
use crate::pem_file::PemFile;

/// Longer unused, and something on the way may have forgotten the connection.
const IDLE: Duration = Duration::from_secs(30);

pub(super) struct Servers {
    settings: Arc<Ldap>,
    tls: Arc<ClientConfig>,
    /// The index of the one that answered last.
    preferred: AtomicUsize,
    idle: Mutex<Vec<Idle>>,
    places: Arc<Semaphore>,
}

struct Idle {
    connection: Connection,
    server: usize,
    since: Instant,
}

/// A connection of the service account's, and the place it takes.
pub(super) struct Borrowed {
    pub(super) connection: Connection,
    pub(super) server: usize,
    /// It was used before, and may have been closed meanwhile.
    pub(super) kept: bool,
    /// Something went wrong on it: it is not kept.
    pub(super) spent: bool,
    place: OwnedSemaphorePermit,
}

impl Servers {
    /// Reads the authorities. Opens nothing.
    pub(super) fn new(settings: &Arc<Ldap>) -> Result<Self, LdapError> {
        let builder = ClientConfig::builder();
        let builder = match &settings.ca {
            Some(path) => builder.with_root_certificates(authorities(path)?),
            None => {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let verifier =
                    rustls_platform_verifier::Verifier::new(provider).map_err(LdapError::System)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        Ok(Self {
            settings: Arc::clone(settings),
            tls: Arc::new(builder.with_no_client_auth()),
            preferred: AtomicUsize::new(0),
            idle: Mutex::new(Vec::new()),
            places: Arc::new(Semaphore::new(settings.connections)),
        })
    }

    /// A connection that is bound as the service account.
    pub(super) async fn borrow(&self) -> Result<Borrowed, LdapError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| LdapError::Busy)?;
        let kept = self.take_idle();
        match kept {
            Some(Idle { connection, server, .. }) => {
                Ok(Borrowed { connection, server, kept: true, spent: false, place })
            }
            None => self.open(place).await,
        }
    }

    /// A new one in the place of one that turned out to be closed.
    pub(super) async fn again(&self, borrowed: Borrowed) -> Result<Borrowed, LdapError> {
        let Borrowed { connection, place, .. } = borrowed;
        drop(connection);
        // What was kept as long is as dead.
        self.idle().clear();
        self.open(place).await
    }

    /// Keeps it for whoever is next.
    pub(super) fn give_back(&self, borrowed: Borrowed) {
        let Borrowed { connection, server, spent, place, .. } = borrowed;
        if !spent {
            self.idle().push(Idle { connection, server, since: clock::instant() });
        }
        drop(place);
    }

    /// Another connection to the server that a borrowed one leads to (a password is asked where the
    /// person was found), on which nobody is bound.
    pub(super) async fn beside(&self, server: usize) -> Result<Connection, LdapError> {
        let server = self.settings.servers.get(server).ok_or(LdapError::Busy)?;
        Connection::open(server, &self.tls, self.settings.timeout).await
    }

    /// Connects to this server and binds as the service account.
    pub(super) async fn connect(
        &self,
        server: &LdapServer,
        within: Duration,
    ) -> Result<Connection, LdapError> {
        let connecting = async {
            let mut connection = Connection::open(server, &self.tls, within).await?;
            let Ldap { bind_dn, bind_password, .. } = &*self.settings;
            match connection.bind(bind_dn, bind_password.reveal()).await? {
                Bound::Yes => Ok(connection),
                Bound::No => Err(LdapError::ServiceAccount { code: 49 }),
            }
        };
        tokio::time::timeout(within, connecting)
            .await
            .unwrap_or_else(|_| Err(LdapError::Slow(server.to_string())))
    }

    async fn open(&self, place: OwnedSemaphorePermit) -> Result<Borrowed, LdapError> {
        let servers = &self.settings.servers;
        let first = self.preferred.load(Ordering::Relaxed);
        // The others get their turn before the whole time is over.
        let turns = u32::try_from(servers.len().min(3)).unwrap_or(1);
        let within = self.settings.timeout / turns.max(1);
        let mut failed = LdapError::Busy;
        for turn in 0..servers.len() {
            let index = (first + turn) % servers.len().max(1);
            let Some(server) = servers.get(index) else { continue };
            match self.connect(server, within).await {
                Ok(connection) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    let (kept, spent) = (false, false);
                    return Ok(Borrowed { connection, server: index, kept, spent, place });
                }
                Err(error) => {
                    // The next attempt begins with another, also where this one is given up.
                    self.preferred.store((index + 1) % servers.len().max(1), Ordering::Relaxed);
                    failed = error;
                }
            }
        }
        Err(failed)
    }

    fn take_idle(&self) -> Option<Idle> {
        let now = clock::instant();
        let mut idle = self.idle();
        idle.retain(|one| now.duration_since(one.since) < IDLE);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, LdapError> {
    let wrong = |why: String| LdapError::Authorities { path: path.to_owned(), why };
    let certificates = PemFile::read(path).and_then(|file| file.certificates());
    let mut roots = RootCertStore::empty();
    for certificate in certificates.map_err(|error| wrong(error.to_string()))? {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(roots)
}

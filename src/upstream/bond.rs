//! One client connection's own connection to a server, for logins that belong to a connection.
//!
//! Always holds: what was opened or bound for one owner is given to no other, whatever comes over the
//! client's connection; a connection that is lost is not replaced in silence, since the client takes
//! itself for logged in; nothing is awaited while the lock is held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Single};
use super::server::Server;
use crate::client_address::ClientAddress;
use crate::identifier::SiteId;

/// For whom a connection is bound: a proxy's connection may bring more than one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The site that the requests are for.
    pub site: SiteId,
    /// Who sends them.
    pub client: ClientAddress,
}

/// What a client's connection is bound to.
#[derive(Debug, Default)]
pub struct Bond {
    state: Mutex<State>,
    /// The client's connection must end.
    parted: CancellationToken,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unbound,
    /// A request is on its way over the connection, or was and did not come to its end.
    InUse(Owner, Arc<Server>),
    Waiting(Owner, Arc<Server>, Box<Single>),
}

/// What there is for a request.
#[derive(Debug)]
pub(super) enum Kept {
    /// Nothing yet for this owner.
    Nothing,
    /// Its own.
    Connection(Arc<Server>, Box<Single>),
    /// It had one, which is gone.
    Gone(Arc<Server>),
}

impl Bond {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this owner has a connection here, or had one.
    #[must_use]
    pub fn is_of(&self, owner: &Owner) -> bool {
        match &*self.lock() {
            State::Unbound => false,
            State::InUse(of, _) | State::Waiting(of, ..) => of == owner,
        }
    }

    /// The owner's connection. Whoever else had one here has none any more.
    pub(super) fn take(&self, owner: &Owner) -> Kept {
        let mut state = self.lock();
        let before = std::mem::take(&mut *state);
        match before {
            State::InUse(of, server) if of == *owner => {
                *state = State::InUse(of, Arc::clone(&server));
                Kept::Gone(server)
            }
            State::Waiting(of, server, single) if of == *owner => {
                *state = State::InUse(of, Arc::clone(&server));
                Kept::Connection(server, single)
            }
            other => {
                drop(state);
                // Ended here and not under the lock: that wakes its task.
                drop(other);
                Kept::Nothing
            }
        }
    }

    /// This owner uses a connection to this server from now on.
    pub(super) fn begin(&self, owner: Owner, server: &Arc<Server>) {
        let before = std::mem::replace(&mut *self.lock(), State::InUse(owner, Arc::clone(server)));
        drop(before);
    }

    /// The answer has ended, and the connection waits for its owner's next request.
    pub(super) fn keep(&self, connection: Connection) {
        // Streams of HTTP/2 are others' too.
        let Connection::Http1(single) = connection else { return };
        let mut state = self.lock();
        *state = match std::mem::take(&mut *state) {
            State::InUse(owner, server) => State::Waiting(owner, server, single),
            other => other,
        };
    }

    /// Ends the client's connection with the answer that is under way.
    pub fn part(&self) {
        self.parted.cancel();
    }

    fn upstreams_end(&self) -> Option<CancellationToken> {
        match &*self.lock() {
            State::Waiting(_, _, single) => Some(single.ended.clone()),
            State::Unbound | State::InUse(..) => None,
        }
    }

    /// Whether the client's connection must end.
    #[must_use]
    pub fn has_parted(&self) -> bool {
        self.parted.is_cancelled() || self.upstreams_end().is_some_and(|ended| ended.is_cancelled())
    }

    /// Waits until the client's connection must end, while no request is under way.
    pub async fn parted(&self) {
        let upstreams_end = self.upstreams_end();
        let ended = async {
            match upstreams_end {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.parted.cancelled() => {}
            () = ended => {}
        }
    }
}

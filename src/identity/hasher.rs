//! Runs the password function off the threads that serve, a bounded number at a time.
//!
//! Strangers never hold every place where there is more than one, and never the whole queue: who has
//! been proven from the same network before waits for one evaluation at most.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::password::{Password, PasswordFunction, impossible};

/// How many attempts of each kind may wait.
const WAITING: usize = 64;

/// There are too many attempts at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overloaded;

/// Ahead of strangers, or as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Preferred,
    Stranger,
}

pub(super) struct Hasher {
    function: Arc<dyn PasswordFunction>,
    impossible: Arc<str>,
    running: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    preferred_queue: Arc<Semaphore>,
    stranger_queue: Arc<Semaphore>,
}

impl Hasher {
    /// Evaluates the function once, for the hash that nobody's password fits.
    pub(super) fn new(function: Arc<dyn PasswordFunction>, at_once: usize) -> Self {
        let at_once = at_once.max(1);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            impossible: impossible(&*function),
            function,
            running: semaphore(at_once),
            strangers: semaphore((at_once - 1).max(1)),
            preferred_queue: semaphore(WAITING),
            stranger_queue: semaphore(WAITING),
        }
    }

    pub(super) fn is_own(&self, kept: &str) -> bool {
        self.function.is_own(kept)
    }

    /// A place in the queue, to be taken before anything is waited for.
    pub(super) fn queue(&self, lane: Lane) -> Result<OwnedSemaphorePermit, Overloaded> {
        let queue = match lane {
            Lane::Preferred => &self.preferred_queue,
            Lane::Stranger => &self.stranger_queue,
        };
        Arc::clone(queue).try_acquire_owned().map_err(|_| Overloaded)
    }

    /// Compares the password with a kept form, or with the one that none fits: one evaluation of the
    /// same cost either way.
    ///
    /// The evaluation goes on when the caller is dropped, and keeps its places until it ends, so that
    /// hanging up does not make room for more.
    pub(super) async fn verify(
        &self,
        lane: Lane,
        place: OwnedSemaphorePermit,
        password: Password,
        kept: Option<Arc<str>>,
    ) -> Result<bool, Overloaded> {
        let among_strangers = match lane {
            Lane::Preferred => None,
            Lane::Stranger => {
                Some(Arc::clone(&self.strangers).acquire_owned().await.map_err(|_| Overloaded)?)
            }
        };
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Overloaded)?;
        let function = Arc::clone(&self.function);
        let impossible = Arc::clone(&self.impossible);
        let evaluation = tokio::task::spawn_blocking(move || {
            let fits = function.verify(&password, kept.as_deref().unwrap_or(&impossible));
            let fits = fits && kept.is_some();
            drop((place, among_strangers, running));
            fits
        });
        evaluation.await.map_err(|_| Overloaded)
    }
}

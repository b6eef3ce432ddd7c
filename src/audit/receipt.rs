//! What one gets for an entry: the means to wait until it is on disk.

use std::sync::Arc;

use super::options::{Class, Unavailable};
use super::queue::Queue;
use crate::policy::Admission;

/// Stands for an entry that was handed over. Dropping it waits for nothing and loses nothing.
#[derive(Debug)]
#[must_use = "wait for `durable` where the answer must not come before the entry is on disk"]
pub struct Receipt {
    state: State,
    on_failure: Admission,
}

#[derive(Debug)]
enum State {
    NothingToKeep,
    Lost,
    Waiting { queue: Arc<Queue>, class: Class, number: u64 },
}

impl Receipt {
    pub(super) fn nothing_to_keep() -> Self {
        Self { state: State::NothingToKeep, on_failure: Admission::Allow }
    }

    pub(super) fn lost(on_failure: Admission) -> Self {
        Self { state: State::Lost, on_failure }
    }

    pub(super) fn waiting(
        queue: Arc<Queue>,
        class: Class,
        number: u64,
        on_failure: Admission,
    ) -> Self {
        Self { state: State::Waiting { queue, class, number }, on_failure }
    }

    /// Resolves when the entry is on disk; asks the writer to hurry. Can be dropped at any point.
    ///
    /// # Errors
    /// [`Unavailable`] where the entry could not be kept (yet) and `on_failure` says to stop then.
    /// With `on_failure: allow` it resolves well after the first attempt.
    pub async fn durable(self) -> Result<(), Unavailable> {
        let on_failure = self.on_failure;
        if self.reached_disk().await || on_failure == Admission::Allow {
            Ok(())
        } else {
            Err(Unavailable)
        }
    }

    /// Resolves with whether the entry is on disk, whatever `on_failure` says. For an outbox, which
    /// deletes only what was kept.
    pub async fn reached_disk(self) -> bool {
        let (queue, class, number) = match self.state {
            State::NothingToKeep => return true,
            State::Lost => return false,
            State::Waiting { queue, class, number } => (queue, class, number),
        };
        let mut progress = queue.progress.subscribe();
        queue.hurry();
        loop {
            let now = *progress.borrow_and_update().get(class);
            if now.durable >= number {
                return true;
            }
            if now.ended || now.failed >= number || progress.changed().await.is_err() {
                return false;
            }
        }
    }
}

//! `Expect: 100-continue` (RFC 9110 section 10.1.1): the client's body is asked for when the upstream
//! asks for it, or has said nothing for a moment.
//!
//! hyper sends 100 to the client when the body is first asked for. A request that is rejected is
//! never asked for its body, and one that the upstream refuses at once is not either.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use tokio::time::Sleep;

/// So long an upstream is waited for that may not know of 100 at all; clients wait about as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the upstream says.
#[derive(Debug, Default)]
pub(super) struct Invitation {
    given: AtomicBool,
    body: AtomicWaker,
}

impl Invitation {
    /// The upstream wants the body.
    pub(super) fn give(&self) {
        self.given.store(true, Ordering::Release);
        self.body.wake();
    }
}

/// Whether the client's body may be asked for.
#[derive(Debug, Default)]
pub(super) struct Invited(Option<Waiting>);

#[derive(Debug)]
struct Waiting {
    invitation: Arc<Invitation>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Invited {
    /// When the invitation is given, or a moment after the body is first wanted.
    pub(super) fn by(invitation: Arc<Invitation>) -> Self {
        Self(Some(Waiting { invitation, patience: None }))
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.0 else { return Poll::Ready(()) };
        waiting.invitation.body.register(context.waker());
        let patience =
            waiting.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        let given = waiting.invitation.given.load(Ordering::Acquire);
        if !given && patience.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.0 = None;
        Poll::Ready(())
    }
}

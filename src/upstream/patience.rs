//! How long an answer's head is waited for.
//!
//! Nearly every answer comes long before its limit, and a timer that is armed and taken off again for
//! each of them costs more than the decision. So one that is far off is armed only when the request
//! is asked again and still has no answer. What drives a client's connection asks every exchange that
//! lasts, about once a second at most: see [`crate::listen::Watch`].

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::clock;

/// A limit below this is kept from the beginning.
const FAR_OFF: Duration = Duration::from_secs(5);
/// How often within a limit it is looked at what has gone up.
const LOOKS: u32 = 8;

/// Waits for the head of an answer; none where it takes longer. Who is still sending a large body
/// is not late: the time begins anew as long as something goes up, which is noticed an eighth of the
/// limit later at most.
pub(super) async fn answered_within<F: Future>(
    limit: Duration,
    mut sending: Pin<&mut F>,
    sent: impl Fn() -> u64,
) -> Option<F::Output> {
    let mut waiting = None;
    let mut asked = limit < FAR_OFF;
    poll_fn(move |context| {
        if let Poll::Ready(answered) = sending.as_mut().poll(context) {
            return Poll::Ready(Some(answered));
        }
        if !std::mem::replace(&mut asked, true) {
            return Poll::Pending;
        }
        let waiting = waiting.get_or_insert_with(|| Waiting::new(limit, sent()));
        waiting.poll(context, &sent).map(|()| None)
    })
    .await
}

/// A wait that may be over.
struct Waiting {
    limit: Duration,
    /// When it began, or something was last seen to have gone up.
    since: Instant,
    sent: u64,
    /// The next look; none where it would be beyond all time.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Waiting {
    fn new(limit: Duration, sent: u64) -> Self {
        let since = clock::instant();
        let look = || Box::pin(sleep_until((since + limit / LOOKS).into()));
        let sleep = since.checked_add(limit).map(|_| look());
        Self { limit, since, sent, sleep }
    }

    fn poll(&mut self, context: &mut Context<'_>, sent: impl Fn() -> u64) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        while sleep.as_mut().poll(context).is_ready() {
            let (now, sent) = (clock::instant(), sent());
            if std::mem::replace(&mut self.sent, sent) != sent {
                self.since = now;
            }
            let waited = now.duration_since(self.since);
            let Some(left) = self.limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                return Poll::Ready(());
            };
            sleep.as_mut().reset((now + left.min(self.limit / LOOKS)).into());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Waker;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    fn ask<F: Future>(waiting: Pin<&mut F>) -> Poll<F::Output> {
        waiting.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn whoever_still_sends_is_not_late() {
        let looks = AtomicU64::new(0);
        let enough = async {
            while looks.load(Ordering::Relaxed) < 5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let sent = || looks.fetch_add(1, Ordering::Relaxed);
        assert_eq!(answered_within(SHORT, pin!(enough), sent).await, Some(()));
    }

    #[tokio::test]
    async fn whoever_has_sent_all_waits_no_longer_than_the_limit() {
        let never = std::future::pending::<()>();
        assert_eq!(answered_within(SHORT, pin!(never), || 7).await, None);
    }

    #[tokio::test]
    async fn a_limit_that_is_far_off_is_kept_by_whoever_is_asked_twice() {
        let mut never = pin!(std::future::pending::<()>());
        let mut waiting = pin!(answered_within(FAR_OFF, never.as_mut(), || 7));
        assert_eq!(ask(waiting.as_mut()), Poll::Pending);
        assert_eq!(waiting.await, None);
    }

    #[test]
    fn a_limit_without_end_is_none() {
        let mut never = pin!(std::future::pending::<()>());
        let mut waiting = pin!(answered_within(Duration::MAX, never.as_mut(), || 7));
        assert_eq!(ask(waiting.as_mut()), Poll::Pending);
        assert_eq!(ask(waiting.as_mut()), Poll::Pending);
    }
}

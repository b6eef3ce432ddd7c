//! What a provider publishes, fetched when somebody needs it and kept for a while.
//!
//! Always holds: one fetch at a time, however many wait for it; a provider that does not answer, or
//! whose document lacks what was looked for, is not asked again at every request; what is older than
//! a day is not believed any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::client::Silence;
use crate::clock;

/// How often one document may be fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// So long it is not asked for again.
    pub(super) fresh_for: Duration,
    /// So long after a fetch, failed or not, there is no other, whoever misses what in it.
    pub(super) at_most_every: Duration,
    /// So long it is believed while no newer one can be had.
    pub(super) believed_for: Duration,
}

pub(super) struct Kept<T> {
    rhythm: Rhythm,
    current: ArcSwapOption<(Instant, Arc<T>)>,
    last_asked: Mutex<Option<Instant>>,
}

impl<T> Kept<T> {
    pub(super) fn new(rhythm: Rhythm) -> Self {
        Self { rhythm, current: ArcSwapOption::empty(), last_asked: Mutex::new(None) }
    }

    /// The document.
    pub(super) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, Silence>
    where
        F: Future<Output = Result<T, Silence>>,
    {
        if let Some(kept) = self.not_older_than(self.rhythm.fresh_for) {
            return Ok(kept);
        }
        let mut last_asked = self.last_asked.lock().await;
        // Somebody else may have fetched it meanwhile.
        if let Some(kept) = self.not_older_than(self.rhythm.fresh_for) {
            return Ok(kept);
        }
        let fetched = self.fetch(&mut last_asked, fetch).await;
        fetched.or_else(|silence| self.not_older_than(self.rhythm.believed_for).ok_or(silence))
    }

    /// A newer document than `known`, which lacks what was looked for; where that cannot be had now,
    /// `known` stays what there is.
    pub(super) async fn newer<F>(&self, known: Arc<T>, fetch: impl FnOnce() -> F) -> Arc<T>
    where
        F: Future<Output = Result<T, Silence>>,
    {
        let mut last_asked = self.last_asked.lock().await;
        if let Some(kept) = self.not_older_than(self.rhythm.believed_for)
            && !Arc::ptr_eq(&kept, &known)
        {
            return kept;
        }
        self.fetch(&mut last_asked, fetch).await.unwrap_or(known)
    }

    async fn fetch<F>(
        &self,
        last_asked: &mut Option<Instant>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Silence>
    where
        F: Future<Output = Result<T, Silence>>,
    {
        let now = clock::instant();
        if last_asked.is_some_and(|at| now.duration_since(at) < self.rhythm.at_most_every) {
            return Err(Silence::Recently);
        }
        // Before asking: whoever hangs up while we wait must not make us ask again at once.
        *last_asked = Some(now);
        let fetched = Arc::new(fetch().await?);
        self.current.store(Some(Arc::new((clock::instant(), Arc::clone(&fetched)))));
        Ok(fetched)
    }

    fn not_older_than(&self, age: Duration) -> Option<Arc<T>> {
        let current = self.current.load();
        let (at, kept) = &**current.as_ref()?;
        (clock::instant().duration_since(*at) < age).then(|| Arc::clone(kept))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn kept(fresh: u64, every: u64, believed: u64) -> Kept<usize> {
        let seconds = Duration::from_secs;
        Kept::new(Rhythm {
            fresh_for: seconds(fresh),
            at_most_every: seconds(every),
            believed_for: seconds(believed),
        })
    }

    #[tokio::test]
    async fn it_is_fetched_once_while_it_is_fresh() {
        let (kept, asked) = (kept(60, 0, 60), AtomicUsize::new(0));
        let fetch = || async { Ok(asked.fetch_add(1, Ordering::Relaxed)) };
        for _ in 0..5 {
            assert_eq!(*kept.get(fetch).await.unwrap(), 0);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn whoever_misses_something_in_it_again_and_again_makes_one_fetch() {
        let (kept, asked) = (kept(60, 60, 60), AtomicUsize::new(0));
        let fetch = || async { Ok(asked.fetch_add(1, Ordering::Relaxed)) };
        let first = kept.get(fetch).await.unwrap();
        for _ in 0..100 {
            assert_eq!(*kept.newer(Arc::clone(&first), fetch).await, 0);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_silent_provider_is_not_asked_at_every_request() {
        let (kept, asked) = (kept(60, 60, 60), AtomicUsize::new(0));
        let fetch = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(Silence::Slow("x".into()))
        };
        assert_eq!(kept.get(fetch).await, Err(Silence::Slow("x".into())));
        for _ in 0..10 {
            assert_eq!(kept.get(fetch).await, Err(Silence::Recently));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_older_one_is_believed_while_no_newer_can_be_had_and_no_longer() {
        for (believed, expected) in [(60, true), (0, false)] {
            let kept = kept(0, 0, believed);
            kept.get(|| async { Ok(1) }).await.unwrap();
            let again = kept.get(|| async { Err(Silence::Slow("x".into())) }).await;
            assert_eq!(again.is_ok(), expected);
        }
    }
}

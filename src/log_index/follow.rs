//! Keeps the index up with the segments.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::read;
use super::tally::{Tally, tally};
use crate::audit::head::{self, Found};
use crate::audit::options::PerClass;
use crate::audit::segment::{self, Header, LineEnd, Lines};
use crate::audit::{Class, node_in};
use crate::clock;
use crate::lifecycle::Tasks;
use crate::store::StoreError;
use crate::store::log::{Batch, Bookmark, Bookmarks, LogIndex};
use crate::telemetry;

/// The chains that are indexed.
pub(super) const INDEXED: [Class; 2] = [Class::Denied, Class::People];
/// So many entries are put in by one transaction; what is less waits for company.
const AT_ONCE: usize = 2000;
/// Between two looks when little waits: each has a price of its own, however little it puts in.
const PAUSE: Duration = Duration::from_secs(1);
/// How often all is looked at; in between only denials and people, and those only where there are new
/// ones. Nobody waits for the counts of allowed traffic, and writing them has a price of its own.
const ALL: Duration = Duration::from_secs(5);
/// While much waits, it rests this many times as long as it worked, so that most of the machine is
/// left to the traffic.
const RESTS: u32 = 7;
/// The nice value of the thread that follows: on Linux each thread has its own, and whoever it starts
/// begins with it.
const LEAST_WEIGHT: i32 = 19;
/// The shortest and the longest of those rests.
const SHORTEST: Duration = Duration::from_millis(20);
/// Before it tries again after something failed.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);

/// Reads the segments of one node behind the writer.
#[derive(Debug)]
pub struct Follower {
    directory: Arc<PathBuf>,
    index: LogIndex,
    node: Option<String>,
    /// The first sequence that each chain's segments hold, as the index was last brought to.
    kept: PerClass<Option<u64>>,
    /// The last sequence of each chain that this has seen in the index.
    reached: PerClass<u64>,
}

/// What one look led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// How many entries were put in.
    pub entries: u64,
    /// How many are left to be put in.
    pub behind: u64,
}

/// Why the index does not follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The index.
    #[error("the index of the block log cannot be written")]
    Index(#[from] StoreError),
    /// The segments.
    #[error("the audit log cannot be read for its index")]
    Log(#[from] io::Error),
}

impl Follower {
    /// Follows the log in this directory.
    #[must_use]
    pub fn new(directory: PathBuf, index: LogIndex) -> Self {
        let (kept, reached) = (PerClass::default(), PerClass::default());
        Self { directory: Arc::new(directory), index, node: None, kept, reached }
    }

    /// Follows until the tasks are stopped, in a thread of its own to which the system gives what
    /// the traffic leaves: a flood of rejections is a flood of entries, and whoever may pass must
    /// not wait for those.
    ///
    /// # Errors
    /// What the operating system says: there is no thread to be had.
    pub fn spawn(mut self, tasks: &Tasks) -> io::Result<()> {
        self.index = self.index.for_filling();
        let (stopping, ended) = (tasks.stopping(), CancellationToken::new());
        let over = ended.clone().drop_guard();
        std::thread::Builder::new().name("log-index".to_owned()).spawn(move || {
            let _over = over;
            step_back();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .thread_name("log-index")
                .build();
            match runtime {
                Ok(runtime) => {
                    runtime.block_on(stopping.run_until_cancelled(self.follow()));
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the index of the block log does not follow; searches read the files"
                ),
            }
        })?;
        tasks.spawn(async move { ended.cancelled().await });
        Ok(())
    }

    async fn follow(&mut self) {
        let mut failing = false;
        let mut all = clock::instant();
        loop {
            let began = clock::instant();
            let round = if began >= all || failing {
                all = began + ALL;
                self.round().await
            } else {
                self.round_of_new().await
            };
            let took = clock::instant().duration_since(began);
            let pause = match &round {
                Ok(round) if round.behind >= AT_ONCE as u64 => {
                    (took * RESTS).clamp(SHORTEST, PAUSE)
                }
                Ok(_) => PAUSE,
                Err(error) => self.failed(error, failing).await,
            };
            failing = round.is_err();
            tokio::time::sleep(pause).await;
        }
    }

    /// A round where denials or people have been flushed since the last one.
    async fn round_of_new(&mut self) -> Result<Round, FollowError> {
        let (directory, reached) = (Arc::clone(&self.directory), self.reached);
        match blocking(move || is_beyond(&directory, reached)).await? {
            true => self.entries().await.map(|(round, ..)| round),
            false => Ok(Round::default()),
        }
    }

    /// Puts what has been flushed since into the index, at most one batch of each chain, and takes
    /// out what its segments hold no longer.
    ///
    /// # Errors
    /// [`FollowError`]; the next round goes on where this one stood.
    pub async fn round(&mut self) -> Result<Round, FollowError> {
        if self.index.is_lost()? {
            tracing::error!(
                "the file of the block log's index was deleted or replaced; it is made again from \
                 the segments"
            );
            metrics::counter!("geovagt_log_index_failures_total").increment(1);
            self.index.start_anew().await?;
            (self.kept, self.reached) = Default::default();
        }
        let (round, node, Bookmarks { chains, forgotten }) = self.entries().await?;
        if let Some(node) = node {
            self.tally(&node, *chains.get(Class::Allowed), forgotten).await?;
            self.delete_what_is_gone(&node).await?;
        }
        Ok(round)
    }

    /// The denials and people of a round; and whose log it is, and how far the index had come before.
    async fn entries(&mut self) -> Result<(Round, Option<String>, Bookmarks), FollowError> {
        let Some(node) = self.node().await? else { return Ok(Default::default()) };
        let Bookmarks { chains, forgotten } = self.index.bookmarks(&node).await?;
        let mut round = Round::default();
        let mut unreadable = 0;
        for class in INDEXED {
            let from = *chains.get(class);
            let directory = Arc::clone(&self.directory);
            let part = blocking(move || read::read(&directory, class, from, AT_ONCE)).await?;
            unreadable += part.to.unreadable;
            let many = part.entries.len() as u64;
            round.behind += part.flushed.saturating_sub(part.to.sequence);
            *self.reached.get_mut(class) = from.sequence;
            if part.to == from {
                continue;
            }
            let (node, to) = (node.clone(), part.to);
            let (entries, tallied) = (part.entries, Vec::new());
            let batch = Batch { node, class, from, to, forgotten, entries, tallied };
            if self.index.write(batch).await? {
                *self.reached.get_mut(class) = to.sequence;
                round.entries += many;
                metrics::counter!("geovagt_log_index_entries_total").increment(many);
            } else {
                // Somebody else was there first, or something was forgotten meanwhile.
                round.behind += many.max(1);
            }
        }
        metrics::gauge!("geovagt_log_index_behind_entries").set(round.behind as f64);
        metrics::gauge!("geovagt_log_index_unreadable_lines").set(unreadable as f64);
        self.index.stands(|standing| {
            standing.behind = round.behind;
            standing.unreadable = unreadable;
            standing.trouble = None;
        });
        Ok((round, Some(node), Bookmarks { chains, forgotten }))
    }

    /// Counts some of the allowed traffic. Nobody waits for it to be up with the log.
    async fn tally(&self, node: &str, from: Bookmark, forgotten: i64) -> Result<(), FollowError> {
        let directory = Arc::clone(&self.directory);
        let Tally { tallied, to } = blocking(move || tally(&directory, from)).await?;
        if to == from {
            return Ok(());
        }
        let (node, class, entries) = (node.to_owned(), Class::Allowed, Vec::new());
        // Where it was not where this began, the next round begins where it is.
        self.index.write(Batch { node, class, from, to, forgotten, entries, tallied }).await?;
        Ok(())
    }

    /// Whose log it is. An index of another log in the same place is made anew.
    async fn node(&mut self) -> Result<Option<String>, FollowError> {
        if self.node.is_none() {
            let directory = Arc::clone(&self.directory);
            self.node = blocking(move || node_in(&directory)).await?;
            if let Some(node) = &self.node
                && self.index.is_own()
                && self.index.holds_others(node).await?
            {
                self.index.start_anew().await?;
            }
        }
        Ok(self.node.clone())
    }

    /// Says what failed, once, and how long to wait. A damaged file of our own is thrown away.
    async fn failed(&mut self, error: &FollowError, again: bool) -> Duration {
        let said = telemetry::chain(error);
        if let FollowError::Index(StoreError::Damaged(place)) = error
            && self.index.is_own()
        {
            tracing::error!(%place, "the index of the block log is damaged and is made again from the segments");
            if let Err(error) = self.index.start_anew().await {
                tracing::error!(%error, "the damaged index cannot be removed");
            }
        } else if !again {
            tracing::warn!(
                error = said,
                "the index of the block log does not follow; searches read the files until it does"
            );
        }
        metrics::counter!("geovagt_log_index_failures_total").increment(1);
        self.index.stands(|standing| standing.trouble = Some(said));
        AFTER_TROUBLE
    }

    async fn delete_what_is_gone(&mut self, node: &str) -> Result<(), FollowError> {
        for class in INDEXED {
            let directory = Arc::clone(&self.directory);
            let first = blocking(move || first_kept(&directory, class)).await?;
            let Some((sequence, begun)) = first else { continue };
            if *self.kept.get(class) == Some(sequence) {
                continue;
            }
            let mut after = None;
            loop {
                let kept = (sequence, begun);
                after = self.index.delete_before((node, class), kept, after).await?;
                if after.is_none() {
                    break;
                }
                tokio::time::sleep(SHORTEST).await;
            }
            self.index.delete_old_hours().await?;
            *self.kept.get_mut(class) = Some(sequence);
        }
        Ok(())
    }
}

/// Whether denials or people have been flushed that come after these.
fn is_beyond(directory: &std::path::Path, reached: PerClass<u64>) -> io::Result<bool> {
    for class in INDEXED {
        if let Found::Head(head) = head::read(directory, class)?
            && head.sequence > *reached.get(class)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first entry that a chain's segments hold, and when its segment was begun; none where nothing
/// was ever deleted.
fn first_kept(directory: &std::path::Path, class: Class) -> io::Result<Option<(u64, Timestamp)>> {
    let segments = segment::list(&directory.join(class.word()))?;
    let Some((_, path)) = segments.first().filter(|(number, _)| *number > 1) else {
        return Ok(None);
    };
    let mut lines = match Lines::open(path, 0) {
        Ok(lines) => lines,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let complete = lines.advance()? == Some(LineEnd::Complete);
    let header = Header::parse(class, &lines.line).filter(|_| complete);
    Ok(header.map(|header| (header.first_sequence, header.created)))
}

/// This thread, and those that it starts, run on what others leave.
fn step_back() {
    // Elsewhere it would be the whole process that steps back.
    if !cfg!(target_os = "linux") {
        return;
    }
    if let Err(error) = rustix::process::setpriority_process(None, LEAST_WEIGHT) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the thread that follows the log has the weight of any other"
        );
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FollowError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| FollowError::Log(io::Error::other(error)))??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Audit, Event, Facts, Options};
    use crate::client_address::{ClientAddress, UnknownBecause};
    use crate::identifier::ListenerId;
    use crate::policy::{Denial, Reason};
    use crate::store::Store;

    /// Looks between two full rounds until something new has come.
    async fn next(follower: &mut Follower) -> u64 {
        loop {
            let entries = follower.round_of_new().await.unwrap().entries;
            if entries > 0 {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn an_index_whose_file_is_deleted_or_replaced_is_made_again() {
        let state = tempfile::tempdir().unwrap();
        let mut options = Options::new(state.path().join("audit"));
        options.flush = Duration::from_millis(2);
        let (audit, _) = Audit::open(options, &Tasks::new()).unwrap();
        let event = Event::new(Action::SignIn, clock::now(), clock::random_bytes());
        audit.record(event).durable().await.unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let index = store.log().clone();
        let mut follower = Follower::new(state.path().join("audit"), index.for_filling());
        while follower.round().await.unwrap().entries == 0 {}
        let whole = index.bookmarks(follower.node.as_deref().unwrap()).await.unwrap();
        assert_eq!(follower.round().await.unwrap(), Round::default());
        let file = state.path().join(crate::store::log::LOG_INDEX_FILE_NAME);
        let replace = || {
            std::fs::rename(&file, file.with_extension("away")).unwrap();
            std::fs::copy(file.with_extension("away"), &file).unwrap();
        };
        let remove = || std::fs::remove_file(&file).unwrap();
        for lose in [&remove as &dyn Fn(), &replace] {
            lose();
            assert_eq!(
                follower.round().await.unwrap().entries,
                whole.chains.get(Class::People).sequence
            );
            assert!(file.exists(), "what is written is found");
            assert_eq!(index.bookmarks(follower.node.as_deref().unwrap()).await.unwrap(), whole);
            assert_eq!(follower.round().await.unwrap(), Round::default(), "once");
        }
    }

    #[tokio::test]
    async fn between_full_rounds_new_denials_and_people_are_taken_once() {
        let state = tempfile::tempdir().unwrap();
        let mut options = Options::new(state.path().join("audit"));
        options.flush = Duration::from_millis(2);
        let (audit, _) = Audit::open(options, &Tasks::new()).unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let mut follower = Follower::new(state.path().join("audit"), store.log().clone());
        follower.round().await.unwrap();
        assert_eq!(follower.round_of_new().await.unwrap(), Round::default(), "nothing is new");
        for _ in 0..3 {
            let event = Event::new(Action::SignIn, clock::now(), clock::random_bytes());
            audit.record(event).durable().await.unwrap();
            assert_eq!(next(&mut follower).await, 1);
            let client = ClientAddress::Unknown(UnknownBecause::Unparsable);
            let facts = Facts::new(clock::now(), ListenerId::parse("web").unwrap(), client);
            audit.deny(facts, Denial::new(Reason::ClientAddressUnknown));
            assert_eq!(next(&mut follower).await, 1);
            assert_eq!(follower.round_of_new().await.unwrap(), Round::default());
        }
        assert_eq!(
            follower.round().await.unwrap(),
            Round::default(),
            "nor does a full round differ"
        );
    }
}

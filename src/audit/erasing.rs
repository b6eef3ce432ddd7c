//! Orders carried out by the process that holds the log: one at a time, a segment at a time, beside
//! the writing, which goes on.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::handle::Audit;
use super::options::Class;
use super::order::{Order, Why};
use super::relay::Command;
use super::rewrite::{self, Refused, Staged};
use super::segment::{self, Lines};
use super::sign::PublicKey;
use super::{records, retention};
use crate::clock;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The order's name in the log.
    pub order: String,
    /// How many entries were changed.
    pub entries: u64,
    /// In which segments.
    pub segments: Vec<(String, u64)>,
    /// What could not be changed, in words.
    pub refused: Vec<String>,
}

/// Why nothing more was done.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The log is not written by this process, or not now.
    #[error("the log is not written here now; try again when it is")]
    NotHere,
    /// A file.
    #[error("the log cannot be changed")]
    Io(#[from] io::Error),
}

/// What was looked at for the rule of the configuration; guards that one order is carried out at a
/// time.
#[derive(Debug, Default)]
pub(super) struct Erasing(tokio::sync::Mutex<BTreeSet<(Class, u64)>>);

/// A segment that is ready to take the old one's place.
#[derive(Debug)]
pub struct Ready(Staged);

impl Ready {
    /// Of which chain.
    #[must_use]
    pub fn chain(&self) -> &'static str {
        self.0.class.word()
    }

    /// Which one.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.0.segment
    }
}

/// A segment that was written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// Of which chain.
    pub class: Class,
    /// Which one.
    pub segment: u64,
    /// Its file.
    pub path: PathBuf,
}

impl Rewritten {
    /// The segment of this chain, where it is still kept.
    #[must_use]
    pub fn found(log: &Path, chain: &str, segment: u64) -> Option<Self> {
        let class = Class::from_word(chain)?;
        let path = log.join(chain).join(segment::file_name(segment));
        path.exists().then_some(Self { class, segment, path })
    }

    /// Which gateway wrote it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn node(&self) -> io::Result<Option<String>> {
        Ok(retention::header(self.class, &self.path)?.map(|header| header.node))
    }

    /// The lines from which something was taken, as they stand there now.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn lines(&self) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
        let mut lines = Lines::open(&self.path, 0)?;
        Ok(std::iter::from_fn(move || {
            loop {
                match lines.advance() {
                    Err(error) => return Some(Err(error)),
                    Ok(None) => return None,
                    Ok(Some(_)) => {}
                }
                if memchr::memmem::find(&lines.line, b"\"commitments\":{").is_some() {
                    return Some(Ok(String::from_utf8_lossy(&lines.line).into_owned()));
                }
            }
        }))
    }
}

/// What came of looking at the next segment.
#[derive(Debug)]
pub enum Step {
    /// It is ready to take the old one's place.
    Ready(Ready),
    /// It stays as it is.
    Unchanged,
    /// There is no more to do.
    Over,
}

/// An order that is being carried out; nobody else's is meanwhile.
#[derive(Debug)]
pub struct Pass<'a> {
    audit: &'a Audit,
    looked_at: tokio::sync::MutexGuard<'a, BTreeSet<(Class, u64)>>,
    order: Arc<Order>,
    places: VecDeque<(Class, u64)>,
    all: usize,
    erased: Erased,
}

impl Pass<'_> {
    /// Writes the next segment anew, beside the log.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn next(&mut self) -> Result<Step, EraseError> {
        let Some(place) = self.places.pop_front() else { return Ok(Step::Over) };
        let (order, log) = (Arc::clone(&self.order), self.audit.shared().directory.clone());
        match blocking(move || rewrite::stage(&log, place, &order)).await? {
            Ok(staged) => {
                if self.order.why == Why::Age {
                    self.looked_at.insert(place);
                }
                return Ok(staged.map_or(Step::Unchanged, |staged| Step::Ready(Ready(staged))));
            }
            // Its time was over meanwhile.
            Err(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(Refused::Io(error)) => return Err(error.into()),
            Err(refused) => self.erased.refused.push(refused.to_string()),
        }
        Ok(Step::Unchanged)
    }

    /// How many segments are looked at, and how many there are to look at.
    #[must_use]
    pub fn looked_at(&self) -> (usize, usize) {
        (self.all - self.places.len(), self.all)
    }

    /// What is done so far.
    #[must_use]
    pub fn so_far(&self) -> &Erased {
        &self.erased
    }

    /// Puts it on record and in the old one's place. None where the old one's time was over.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn put_in_place(&mut self, ready: Ready) -> Result<Option<Rewritten>, EraseError> {
        let Ready(staged) = ready;
        let (class, segment, entries) = (staged.class, staged.segment, staged.entries);
        let record = Box::new(self.order.record(&staged, clock::now()));
        let staged = Box::new(staged);
        let there = self.audit.command(|done| Command::Rewritten { staged, record, done }).await?;
        if !there {
            return Ok(None);
        }
        self.erased.entries += entries;
        self.erased.segments.push((class.word().to_owned(), segment));
        Ok(Rewritten::found(&self.audit.shared().directory, class.word(), segment))
    }

    /// What was done.
    #[must_use]
    pub fn done(self) -> Erased {
        self.erased
    }
}

impl Audit {
    /// Carries an order out. What is already changed stays changed where it fails halfway; to give it
    /// again does the rest.
    ///
    /// # Errors
    /// [`EraseError`].
    #[cfg(test)]
    pub(super) async fn erase(&self, order: Order) -> Result<Erased, EraseError> {
        let mut pass = self.begin_erasing(order).await?;
        loop {
            match pass.next().await? {
                Step::Ready(ready) => drop(pass.put_in_place(ready).await?),
                Step::Unchanged => {}
                Step::Over => return Ok(pass.done()),
            }
        }
    }

    /// Begins to carry an order out, when whoever does so now is done.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn begin_erasing(&self, order: Order) -> Result<Pass<'_>, EraseError> {
        let shared = self.shared();
        let looked_at = shared.erasing.0.lock().await;
        if order.why != Why::Age {
            self.command(|done| Command::TurnOver { done }).await?;
        }
        let order = Arc::new(order);
        let (asked, log, known) = (Arc::clone(&order), shared.directory.clone(), looked_at.clone());
        let places: VecDeque<_> = blocking(move || candidates(&log, &asked, &known)).await??.into();
        let erased = Erased { order: order.id.to_string(), ..Erased::default() };
        let all = places.len();
        Ok(Pass { audit: self, looked_at, order, places, all, erased })
    }

    /// Signs with a new key from now on; the old one signs that. Gives the new public key.
    ///
    /// # Errors
    /// [`EraseError`]: the old key goes on.
    pub async fn change_key(&self) -> Result<PublicKey, EraseError> {
        self.command(|done| Command::ChangeKey { done }).await
    }

    /// Deletes now what is older than its retention, as it is done every hour. Gives the number of
    /// files.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn delete_what_is_over(&self) -> Result<usize, EraseError> {
        self.command(|done| Command::KeepHouse { done }).await
    }

    async fn command<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<io::Result<T>>) -> Command,
    ) -> Result<T, EraseError> {
        let (done, finished) = oneshot::channel();
        if !self.shared().queue.command(command(done)) {
            return Err(EraseError::NotHere);
        }
        // Without an answer the writer does not hold the files, or has died and said so.
        Ok(finished.await.map_err(|_| EraseError::NotHere)??)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, io::Error> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

/// When the oldest segment that is kept was begun.
///
/// # Errors
/// What the operating system says.
pub fn oldest_segment(log: &Path) -> io::Result<Option<jiff::Timestamp>> {
    let mut oldest = None;
    for class in Class::ALL {
        let Some((_, path)) = segment::list(&log.join(class.word()))?.into_iter().next() else {
            continue;
        };
        let begun = retention::header(class, &path)?.map(|header| header.created);
        oldest = oldest.into_iter().chain(begun).min();
    }
    Ok(oldest)
}

/// The closed segments that can hold something of the order.
fn candidates(
    log: &Path,
    order: &Order,
    looked_at: &BTreeSet<(Class, u64)>,
) -> io::Result<Vec<(Class, u64)>> {
    let by_age = order.why == Why::Age;
    let mut places = Vec::new();
    for class in order.classes() {
        let segments = segment::list(&log.join(class.word()))?;
        for pair in segments.windows(2) {
            let [(number, path), (_, next)] = pair else { continue };
            if by_age && looked_at.contains(&(class, *number)) {
                continue;
            }
            let begun = retention::header(class, path)?.map(|header| header.created);
            let ended = retention::header(class, next)?.map(|header| header.created);
            if order.selection.can_take_from(begun, ended, by_age) {
                places.push((class, *number));
            }
        }
    }
    if by_age && !places.is_empty() {
        let records = records::read(log)?;
        places.retain(|place| {
            let rewritings = records.rewritings.get(place);
            !rewritings.is_some_and(|all| all.iter().any(|one| one.reason == Why::Age.word()))
        });
    }
    Ok(places)
}

#[cfg(test)]
mod tests;

//! Orders carried out by the process that holds the log: one at a time, a segment at a time, beside
//! the writing, which goes on.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;
use tokio::sync::oneshot;

use super::handle::Audit;
use super::options::Class;
use super::order::{Order, Why};
use super::relay::Command;
use super::rewrite::{self, Refused};
use super::segment;
use super::sign::PublicKey;
use super::{records, retention};
use crate::clock;

/// An entry can be this much older than its neighbours: it waited for a disk with room.
const LATEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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

impl Audit {
    /// Carries an order out. What is already changed stays changed where it fails halfway; to give it
    /// again does the rest.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn erase(&self, order: Order) -> Result<Erased, EraseError> {
        let shared = self.shared();
        let mut looked_at = shared.erasing.0.lock().await;
        let log = shared.directory.clone();
        if order.why != Why::Age {
            self.command(|done| Command::TurnOver { done }).await?;
        }
        let (asked, at) = (order.clone(), log.clone());
        let known = looked_at.clone();
        let segments = blocking(move || candidates(&at, &asked, &known)).await??;
        let mut erased = Erased { order: order.id.to_string(), ..Erased::default() };
        for place in segments {
            let (asked, at) = (order.clone(), log.clone());
            let staged = match blocking(move || rewrite::stage(&at, place, &asked)).await? {
                Ok(staged) => staged,
                Err(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(Refused::Io(error)) => return Err(error.into()),
                Err(refused) => {
                    erased.refused.push(refused.to_string());
                    continue;
                }
            };
            if order.why == Why::Age {
                looked_at.insert(place);
            }
            let Some(staged) = staged else { continue };
            let (record, entries) = (order.record(&staged, clock::now()), staged.entries);
            let staged = Box::new(staged);
            let record = Box::new(record);
            if self.command(|done| Command::Rewritten { staged, record, done }).await? {
                erased.entries += entries;
                erased.segments.push((place.0.word().to_owned(), place.1));
            }
        }
        Ok(erased)
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

/// The closed segments that can hold something of the order.
fn candidates(
    log: &std::path::Path,
    order: &Order,
    looked_at: &BTreeSet<(Class, u64)>,
) -> io::Result<Vec<(Class, u64)>> {
    let by_age = order.why == Why::Age;
    let records = if by_age { records::read(log)? } else { records::Records::default() };
    let is_done = |place: &(Class, u64)| {
        let rewritings = records.rewritings.get(place);
        looked_at.contains(place)
            || rewritings.is_some_and(|all| all.iter().any(|one| one.reason == Why::Age.word()))
    };
    let mut places = Vec::new();
    for class in order.classes() {
        let segments = segment::list(&log.join(class.word()))?;
        for pair in segments.windows(2) {
            let [(number, path), (_, next)] = pair else { continue };
            let place = (class, *number);
            if by_age && is_done(&place) {
                continue;
            }
            let begun = retention::header(class, path)?.map(|header| header.created);
            let ended = retention::header(class, next)?.map(|header| header.created);
            let selection = &order.selection;
            let too_late = begun.zip(selection.until).is_some_and(|(begun, until)| {
                begun.saturating_sub(LATEST).is_ok_and(|begun| begun >= until)
            });
            let too_early = ended.zip(selection.since).is_some_and(|(ended, since)| ended < since);
            // The rule takes whole segments, so that each is written anew once.
            let too_young =
                by_age && ended.zip(selection.until).is_none_or(|(ended, until)| ended >= until);
            if !too_late && !too_early && !too_young {
                places.push(place);
            }
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests;

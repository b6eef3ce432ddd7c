//! One search over the index, what the index has not seen yet, and the segments.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::follow::INDEXED;
use super::read;
use crate::audit::head::{self, Found};
use crate::audit::search::{Filter, FoundEntry, search_in};
use crate::audit::{Action, Class, node_in};
use crate::policy::Reason;
use crate::store::StoreError;
use crate::store::log::{Cursor, LogIndex, LogQuery, Taken};
use crate::telemetry;

/// So many entries that the index has not seen yet are read from the files; more, and the files are
/// read altogether.
const MOST_UNSEEN: usize = 20_000;
/// So many entries are asked of the index at a time.
const AT_ONCE: usize = 200;

/// What of allowed traffic is looked through. It is in the files alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowed {
    /// Where it can hold what is looked for.
    #[default]
    Too,
    /// It and nothing else.
    Only,
    /// Not at all.
    Not,
}

/// Why the log cannot be looked through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// The index.
    #[error("the index of the block log does not answer")]
    Index(#[from] StoreError),
    /// The files.
    #[error("the audit log cannot be read")]
    Log(#[from] io::Error),
}

/// A search through everything that a node knows, newest first.
#[derive(Debug)]
pub struct Search<'a> {
    directory: PathBuf,
    query: &'a LogQuery,
    allowed: Allowed,
    /// The index, and what it has not seen yet, newest first.
    indexed: Option<(LogIndex, VecDeque<FoundEntry>)>,
    without_index: Option<String>,
}

impl<'a> Search<'a> {
    /// Prepares a search through the log in this directory, with its index where there is one that
    /// can be used.
    ///
    /// # Errors
    /// [`LookError`] where the log cannot be read.
    pub async fn prepare(
        directory: &Path,
        index: Option<&LogIndex>,
        query: &'a LogQuery,
        allowed: Allowed,
    ) -> Result<Self, LookError> {
        let (mut indexed, mut without_index) = (None, None);
        if let Some(index) = index.filter(|_| allowed != Allowed::Only) {
            match unseen(directory, index).await? {
                Ok(mut unseen) => {
                    unseen.retain(|found| is_wanted(query, found));
                    unseen.sort_by_key(|found| std::cmp::Reverse(order(found)));
                    indexed = Some((index.clone(), unseen.into()));
                }
                Err(why) => without_index = Some(why),
            }
        }
        let directory = directory.to_owned();
        Ok(Self { directory, query, allowed, indexed, without_index })
    }

    /// Why the index is not used, where it is not.
    #[must_use]
    pub fn without_index(&self) -> Option<&str> {
        self.without_index.as_deref()
    }

    /// Gives each entry to `each`, newest first, until it says that this is enough. Reads files
    /// between: for a command, or a thread of its own.
    ///
    /// # Errors
    /// [`LookError`] where something cannot be read; what was given until then stands.
    pub async fn run<E: From<LookError>>(
        self,
        mut each: impl FnMut(FoundEntry) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let Self { directory, query, allowed, indexed, without_index: _ } = self;
        let mut classes = Vec::new();
        if allowed != Allowed::Only && indexed.is_none() {
            classes.extend(INDEXED);
        }
        if allowed == Allowed::Only || (allowed == Allowed::Too && may_be_allowed(&query.filter)) {
            classes.push(Class::Allowed);
        }
        let filed = search_in(&directory, &query.filter, &classes).map_err(LookError::from)?;
        let mut filed = filed
            .filter(|found| found.as_ref().map_or(true, |found| is_wanted(query, found)))
            .peekable();
        let mut pages = Pages::new(indexed, query);
        loop {
            pages.fill().await.map_err(LookError::from)?;
            let of_files = match filed.peek() {
                // Said first, so that nobody takes an incomplete answer for a whole one.
                Some(Err(_)) => None,
                Some(Ok(found)) => Some(order(found)),
                None => Some((jiff::Timestamp::MIN, Class::Allowed, 0)),
            };
            let from_index =
                matches!((of_files, pages.peek()), (Some(file), Some(page)) if page > file);
            let next = if from_index { pages.next().map(Ok) } else { filed.next() };
            let Some(found) = next else { return Ok(()) };
            if each(found.map_err(LookError::from)?)?.is_break() {
                return Ok(());
            }
        }
    }
}

/// What comes of the index and of what it has not seen, by time.
struct Pages<'a> {
    index: Option<LogIndex>,
    query: &'a LogQuery,
    unseen: VecDeque<FoundEntry>,
    found: VecDeque<FoundEntry>,
    before: Option<Cursor>,
}

impl<'a> Pages<'a> {
    fn new(indexed: Option<(LogIndex, VecDeque<FoundEntry>)>, query: &'a LogQuery) -> Self {
        let (index, unseen) = indexed.map_or((None, VecDeque::new()), |(i, u)| (Some(i), u));
        Self { index, query, unseen, found: VecDeque::new(), before: None }
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.found.is_empty() {
            let Some(index) = &self.index else { return Ok(()) };
            let page = index.search(self.query, self.before, AT_ONCE).await?;
            self.before = page.next;
            if self.before.is_none() {
                self.index = None;
            }
            self.found.extend(page.entries.into_iter().map(|entry| FoundEntry {
                class: entry.class,
                sequence: entry.sequence,
                event: entry.event,
                line: entry.line,
            }));
        }
        Ok(())
    }

    fn peek(&self) -> Option<(jiff::Timestamp, Class, u64)> {
        self.unseen.front().map(order).max(self.found.front().map(order))
    }

    fn next(&mut self) -> Option<FoundEntry> {
        let (unseen, found) = (self.unseen.front().map(order), self.found.front().map(order));
        let lines = (self.unseen.front().map(line), self.found.front().map(line));
        if lines.0.is_some() && lines.0 == lines.1 {
            // The index took it in after the files were read.
            self.unseen.pop_front();
        }
        if unseen > found { self.unseen.pop_front() } else { self.found.pop_front() }
    }
}

fn order(found: &FoundEntry) -> (jiff::Timestamp, Class, u64) {
    (found.event.at, found.class, found.sequence)
}

fn line(found: &FoundEntry) -> &str {
    &found.line
}

/// What was flushed and is not in the index yet, or why the index cannot be used.
async fn unseen(
    directory: &Path,
    index: &LogIndex,
) -> Result<Result<Vec<FoundEntry>, String>, LookError> {
    if !index.is_there() {
        return Ok(Err("there is no index yet".to_owned()));
    }
    let Some(node) = node_in(directory)? else { return Ok(Ok(Vec::new())) };
    let bookmarks = match index.bookmarks(&node).await {
        Ok(bookmarks) => bookmarks,
        Err(error) => return Ok(Err(telemetry::chain(&error))),
    };
    let mut unseen = Vec::new();
    for class in INDEXED {
        if !matches!(head::read(directory, class)?, Found::Head(_)) {
            return Ok(Err(format!("the head of the chain {class} is not there")));
        }
        let part = read::read(directory, class, *bookmarks.chains.get(class), MOST_UNSEEN)?;
        if part.to.sequence < part.flushed {
            let behind = part.flushed - bookmarks.chains.get(class).sequence;
            return Ok(Err(format!("the index is {behind} entries behind")));
        }
        unseen.extend(part.entries.into_iter().map(Taken::found));
    }
    Ok(Ok(unseen))
}

fn is_wanted(query: &LogQuery, found: &FoundEntry) -> bool {
    query.matches(found.class, &found.event)
}

/// Whether the chain of allowed traffic can hold what is looked for.
fn may_be_allowed(filter: &Filter) -> bool {
    let of_allowed = |action: Action| {
        let own = [Action::Allowed, Action::Completed];
        // What is found on opening is written into the chain that it was found in.
        let notes = [Action::ChainDamaged, Action::TailSetAside];
        own.contains(&action) || notes.contains(&action)
    };
    let reason = filter.reason.as_deref().and_then(Reason::from_code);
    filter.action.is_none_or(of_allowed) && reason.is_none_or(|reason| reason.verdict() == "allow")
}

//! The mailboxes of the demo's travellers: a mail server of its own takes what the gateway sends, so
//! that a travel link is opened as a person would.
//!
//! Letters are in memory alone and end with the demo. Always holds: it takes mail on loopback only,
//! never passes any on, and keeps so much of it and no more.

mod read;
mod smtp;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

pub(super) use read::Content;
pub use smtp::serve;

/// The oldest letters go first.
const KEPT: usize = 200;

/// A letter that came in.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// In the order of coming.
    pub(super) number: u64,
    /// To whom the gateway said it goes.
    pub(super) to: String,
    pub(super) came: Timestamp,
    pub(super) content: Content,
}

/// What came in so far.
#[derive(Debug, Clone, Default)]
pub struct Post(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    came: u64,
    letters: VecDeque<Letter>,
}

impl Post {
    fn take(&self, to: &[String], message: &str, came: Timestamp) {
        let content = read::read(message);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.came += 1;
        let letter = Letter { number: kept.came, to: to.join(", "), came, content };
        kept.letters.push_front(letter);
        kept.letters.truncate(KEPT);
    }

    #[cfg(test)]
    pub(super) fn take_for_tests(&self, message: &str) {
        self.take(&["bo@example.net".to_owned()], message, Timestamp::UNIX_EPOCH);
    }

    /// Newest first.
    pub(super) fn letters(&self) -> Vec<Letter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).letters.iter().cloned().collect()
    }

    pub(super) fn letter(&self, number: u64) -> Option<Letter> {
        self.letters().into_iter().find(|letter| letter.number == number)
    }
}

#[cfg(test)]
mod tests;

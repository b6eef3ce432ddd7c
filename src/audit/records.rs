//! What the chain of people says about the log itself: what was deleted because its time was over,
//! which segments were written anew by whose order, which keys followed one another.
//!
//! Nothing is proven here: the walk over the chain does that.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::chain::{self, Hash};
use super::event::{Action, Event, Field, Outcome};
use super::keys;
use super::options::{Class, PerClass};
use super::segment::{self, LineEnd, Lines};
use super::sign::PublicKey;

/// How many records of deletion of one chain are remembered; one that was recorded and not carried
/// out leaves the one before in force.
const REMEMBERED: usize = 64;

/// What is on record.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// What was deleted of each chain, oldest first.
    pub deletions: PerClass<VecDeque<Deletion>>,
    /// What each segment was written anew to, oldest first.
    pub rewritings: BTreeMap<(Class, u64), Vec<Rewriting>>,
    /// Keys that followed one another, provably: the old one and the new one.
    pub successions: Vec<(PublicKey, PublicKey)>,
    /// The same with the old one's signature.
    pub signed_successions: Vec<(PublicKey, PublicKey, String)>,
    /// Keys that came without the old one's consent.
    pub unproven_keys: Vec<PublicKey>,
}

/// Whole segments that were deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// When it was recorded.
    pub at: Timestamp,
    /// The last segment that went.
    pub through: u64,
    /// The hash of its end.
    pub hash: Hash,
    /// How many files went; none where a record is written anew.
    pub segments: u64,
    /// What else the record says: `entries`, `first_entry`, `last_entry`, `from`, `until`.
    pub details: BTreeMap<String, String>,
}

/// One segment that was written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewriting {
    /// The order.
    pub order: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// `deleted` or `pseudonymised`.
    pub action: Action,
    /// The word for why.
    pub reason: String,
    /// Who gave it; none: the rule of the configuration.
    pub by: Option<String>,
    /// How many entries it changed there.
    pub entries: u64,
    /// SHA-256 of the whole file as it left it.
    pub digest: Hash,
    /// Where in the chain of people the record stands: its segment.
    pub recorded_in: u64,
    /// The record.
    pub event: Event,
}

/// Reads the records.
///
/// # Errors
/// What the operating system says.
pub fn read(directory: &Path) -> io::Result<Records> {
    let mut records = Records::default();
    for (number, path) in segment::list(&directory.join(Class::People.word()))? {
        let mut lines = match Lines::open(&path, 0) {
            // Its time was over while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            lines => lines?,
        };
        while let Some(end) = lines.advance()? {
            if end != LineEnd::Complete || !mentions(&lines.line) {
                continue;
            }
            if let Ok(entry) = chain::open(Class::People, &lines.line) {
                records.take(&entry.event, number);
            }
        }
    }
    Ok(records)
}

/// Whether a line can be a record; cheap, before it is read.
fn mentions(line: &[u8]) -> bool {
    // The action stands near the beginning of the line.
    let start = line.get(..400.min(line.len())).unwrap_or_default();
    [Action::Deleted, Action::Pseudonymised, Action::KeyChanged].iter().any(|action| {
        memchr::memmem::find(start, format!("\"action\":\"{action}\"").as_bytes()).is_some()
    })
}

impl Records {
    fn take(&mut self, event: &Event, recorded_in: u64) {
        if let Some((class, deletion)) = deletion(event) {
            let deletions = self.deletions.get_mut(class);
            if deletions.len() == REMEMBERED {
                deletions.pop_front();
            }
            deletions.push_back(deletion);
        } else if let Some((place, rewriting)) = rewriting(event, recorded_in) {
            self.rewritings.entry(place).or_default().push(rewriting);
        } else if event.action == Action::KeyChanged {
            match keys::succession(event) {
                Some((old, new, signature)) => {
                    self.successions.push((old, new));
                    self.signed_successions.push((old, new, signature));
                }
                None if event.outcome == Outcome::Failure => {
                    let new = event.details.get("new_key").and_then(|key| PublicKey::parse(key));
                    self.unproven_keys.extend(new);
                }
                None => {}
            }
        }
    }

    /// The newest record of this segment's rewriting.
    #[must_use]
    pub fn last_rewriting(&self, class: Class, segment: u64) -> Option<&Rewriting> {
        self.rewritings.get(&(class, segment))?.last()
    }
}

fn deletion(event: &Event) -> Option<(Class, Deletion)> {
    if event.action != Action::Deleted {
        return None;
    }
    let class = Class::from_word(event.details.get("chain")?)?;
    let deletion = Deletion {
        at: event.at,
        through: event.details.get("through_segment")?.parse().ok()?,
        hash: Hash::parse(event.details.get("final_hash")?)?,
        segments: event.count,
        details: event.details.clone(),
    };
    Some((class, deletion))
}

fn rewriting(event: &Event, recorded_in: u64) -> Option<((Class, u64), Rewriting)> {
    if !matches!(event.action, Action::Deleted | Action::Pseudonymised) {
        return None;
    }
    let class = Class::from_word(event.details.get("chain")?)?;
    let segment = event.details.get("segment")?.parse().ok()?;
    let rewriting = Rewriting {
        order: event.details.get("order")?.clone(),
        at: event.at,
        action: event.action,
        reason: event.reason.as_deref().unwrap_or_default().to_owned(),
        by: event.personal.get(Field::UserName).map(ToString::to_string),
        entries: event.count,
        digest: Hash::parse(event.details.get("digest")?)?,
        recorded_in,
        event: event.clone(),
    };
    Some(((class, segment), rewriting))
}

//! What is asked of the index, and what it answers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::search::Filter;
use crate::audit::{Class, Event, Reference};
use crate::identifier::OrganizationId;

/// Whose entries may be shown. It comes from the roles of who asks, never from a request alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Organizations {
    /// Everything, also what belongs to none: for the command line.
    All,
    /// What belongs to one of these, and nothing else.
    These(BTreeSet<OrganizationId>),
}

/// What one looks for; everything that is set must hold.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Whose entries may be shown.
    pub organizations: Organizations,
    /// The same wishes that a search through the segments takes: reference, client network, user,
    /// site, country, reason, action, since, until.
    pub filter: Filter,
    /// Any of these actions, in the words of `event.action`; empty: every action.
    pub actions: Vec<String>,
    /// `allow`, `identify`, `deny`.
    pub verdict: Option<String>,
    /// The listener.
    pub listener: Option<String>,
    /// One chain alone.
    pub class: Option<Class>,
}

/// The place of an entry in the order of all: where a page ended. Prints and reads as a short text
/// for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub(super) i64);

/// One entry.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Which gateway wrote it.
    pub node: String,
    /// In which chain.
    pub class: Class,
    /// Its place in the chain.
    pub sequence: u64,
    /// Its content.
    pub event: Event,
    /// Its line, byte for byte.
    pub line: String,
    /// Its place in the order of all.
    pub cursor: Cursor,
}

/// Some entries, newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins; none: there is no more.
    pub next: Option<Cursor>,
    /// Where the page is not full although there may be more: what would match is so rare among so
    /// much that it was looked for down to this instant, and from [`Page::next`] it goes on.
    pub looked_to: Option<Timestamp>,
}

/// Which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What was read out over the telephone.
    Reference(Reference),
    /// `event.id`
    Id(Uuid),
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Hours; the name is the instant at which it begins.
    Hour,
    /// Days of a time zone; the name is `2026-11-22`.
    Day,
    /// Countries; the name is the code, empty where none is known.
    Country,
    /// Sites; empty where none is known.
    Site,
    /// Reasons; empty where none stands.
    Reason,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What was counted together.
    pub name: String,
    /// How many: a folded entry counts as what it stands for.
    pub count: u64,
    /// How many entries that are.
    pub entries: u64,
}

impl LogQuery {
    /// Everything that these organisations may see.
    #[must_use]
    pub fn of(organizations: Organizations) -> Self {
        Self {
            organizations,
            filter: Filter::default(),
            actions: Vec::new(),
            verdict: None,
            listener: None,
            class: None,
        }
    }

    /// Not before this instant, and before that.
    #[must_use]
    pub fn between(mut self, since: Timestamp, until: Timestamp) -> Self {
        (self.filter.since, self.filter.until) = (Some(since), Some(until));
        self
    }

    /// Whether an entry is one that is looked for, and may be shown.
    #[must_use]
    pub fn matches(&self, class: Class, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: &Option<smol_str::SmolStr>| {
            wanted.is_none() || wanted.as_deref() == found.as_deref()
        };
        let ours = match &self.organizations {
            Organizations::All => true,
            Organizations::These(these) => {
                these.iter().any(|id| Some(id.as_str()) == event.organization.as_deref())
            }
        };
        let actions = &self.actions;
        ours && self.filter.matches(event)
            && (actions.is_empty() || actions.iter().any(|word| *word == event.action.word()))
            && is(&self.verdict, &event.verdict)
            && is(&self.listener, &event.listener)
            && self.class.is_none_or(|wanted| wanted == class)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Why a text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the log")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        i64::from_str_radix(text, 16).ok().filter(|n| *n >= 0).map(Self).ok_or(InvalidCursor)
    }
}

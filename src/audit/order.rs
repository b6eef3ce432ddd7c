//! An order to take personal values out of the log: whose, which, why.
//!
//! PURE. The order itself enters the log; so why is one of a few words and the number of a case, never
//! what somebody wrote.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::chain::{Asked, Fate};
use super::event::{Action, Event, Field};
use super::options::Class;
use super::pseudonym::{self, Keys};
use super::search::LATEST;
use crate::clock;
use crate::policy::Actor;

/// Why personal values are taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The rule of the configuration: `audit.pseudonymise_after`.
    Age,
    /// A person asked for it (article 17 of the General Data Protection Regulation).
    ErasureRequest,
    /// They were never to be there.
    Mistake,
    /// A supervisory authority or a court ordered it.
    Authority,
    /// They are needed no longer.
    NoLongerNeeded,
}

impl Why {
    /// Every reason that a person can give.
    pub const GIVEN: [Self; 4] =
        [Self::ErasureRequest, Self::Mistake, Self::Authority, Self::NoLongerNeeded];

    /// As it stands in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Age => "pseudonymise_after",
            Self::ErasureRequest => "erasure_request",
            Self::Mistake => "mistake",
            Self::Authority => "authority",
            Self::NoLongerNeeded => "no_longer_needed",
        }
    }

    /// The reason of this word, where a person can give it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::GIVEN.into_iter().find(|why| why.word() == word)
    }
}

/// What becomes of the values.
#[derive(Debug, Clone)]
pub enum What {
    /// They go; nobody gets them back.
    Remove,
    /// Pseudonyms stand in their place; two people together can ask whom they stand for.
    Pseudonymise(Arc<Keys>),
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Of this organisation alone.
    pub organization: Option<String>,
    /// What one person is called (names, `provider/subject`, pseudonyms), in lower case. None:
    /// everybody.
    pub names: BTreeSet<String>,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its name, in each of its records.
    pub id: Uuid,
    /// What becomes of the values.
    pub what: What,
    /// Which entries.
    pub selection: Selection,
    /// Who gave it; none: the rule of the configuration.
    pub by: Option<Actor>,
    /// Why.
    pub why: Why,
    /// The number of a case that says more.
    pub case: Option<String>,
}

impl Order {
    /// What a person orders.
    #[must_use]
    pub fn given(what: What, selection: Selection, by: Actor, why: Why) -> Self {
        Self { id: Uuid::now_v7(), what, selection, by: Some(by), why, case: None }
    }

    /// What the configuration orders of everything before this instant.
    #[must_use]
    pub fn by_age(keys: Arc<Keys>, before: Timestamp) -> Self {
        let selection = Selection { until: Some(before), ..Selection::default() };
        let what = What::Pseudonymise(keys);
        Self { id: Uuid::now_v7(), what, selection, by: None, why: Why::Age, case: None }
    }

    /// What becomes of one value, or the month for which there is no key.
    pub(super) fn fate(&self, asked: &Asked<'_>) -> Result<Fate, String> {
        let Asked { event, field, value, .. } = *asked;
        if !self.touches(asked) {
            return Ok(Fate::Kept);
        }
        match &self.what {
            What::Remove => Ok(Fate::Removed),
            What::Pseudonymise(keys) => match keys.pseudonym(field, event.at, value) {
                Some(pseudonym) => Ok(Fate::Replaced(pseudonym)),
                None => Err(pseudonym::period(event.at)),
            },
        }
    }

    /// Whether anything becomes of one value.
    pub(super) fn touches(&self, asked: &Asked<'_>) -> bool {
        // One pseudonym does not follow another.
        let may = matches!(self.what, What::Remove) || !asked.is_pseudonym;
        may && self.selection.takes(asked.event, asked.field)
    }

    /// The record of what it does to one segment.
    pub(super) fn record(&self, staged: &super::rewrite::Staged, now: Timestamp) -> Event {
        let action = match self.what {
            What::Remove => Action::Deleted,
            What::Pseudonymise(_) => Action::Pseudonymised,
        };
        let mut event = Event::new(action, now, clock::random_bytes()).reason(self.why.word());
        event.id = staged.id;
        event.count = staged.entries;
        event.organization = self.selection.organization.as_deref().map(Into::into);
        if let Some(by) = &self.by {
            event = event.user(&by.name);
            let account = by.operating_system_user.as_deref().map(Into::into);
            event.personal.set(Field::UserEffective, account);
        }
        event = event
            .detail("order", self.id)
            .detail("chain", staged.class)
            .detail("segment", staged.segment)
            .detail("digest", staged.digest);
        let Selection { since, until, names, .. } = &self.selection;
        if !names.is_empty() {
            event = event.detail("about", "one_person");
        }
        for (key, value) in [
            ("since", since.map(|at| at.to_string())),
            ("until", until.map(|at| at.to_string())),
            ("case", self.case.clone()),
        ] {
            if let Some(value) = value {
                event = event.detail(key, value);
            }
        }
        event
    }

    /// Which chains can hold something of it.
    pub(super) fn classes(&self) -> [Class; 3] {
        Class::ALL
    }
}

impl Selection {
    /// Whether a segment that was written from `begun` until `ended` can hold something of it. The
    /// rule of the configuration takes whole segments, so that each is written anew once.
    pub(super) fn can_take_from(
        &self,
        begun: Option<Timestamp>,
        ended: Option<Timestamp>,
        whole: bool,
    ) -> bool {
        let too_late = begun.zip(self.until).is_some_and(|(begun, until)| {
            begun.saturating_sub(LATEST).is_ok_and(|begun| begun >= until)
        });
        let too_early = ended.zip(self.since).is_some_and(|(ended, since)| ended < since);
        let too_young = whole && ended.zip(self.until).is_none_or(|(ended, until)| ended >= until);
        !too_late && !too_early && !too_young
    }

    fn takes(&self, event: &Event, field: Field) -> bool {
        let within = self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && (self.organization.is_none()
                || self.organization.as_deref() == event.organization.as_deref());
        if !within {
            return false;
        }
        // Whoever changed the log, or looked behind a pseudonym, answers for it while it is kept.
        let answers = matches!(
            event.action,
            Action::Deleted
                | Action::Pseudonymised
                | Action::Reidentified
                | Action::ReidentificationAsked
                | Action::ErasureOrdered
        );
        if answers && matches!(field, Field::UserName | Field::UserEffective) {
            return false;
        }
        self.names.is_empty() || self.is_theirs(event, field)
    }

    /// Of an entry in which the person did something everything is theirs but whom they did it to.
    fn is_theirs(&self, event: &Event, field: Field) -> bool {
        let names = |field| {
            let value = event.personal.get(field);
            value.is_some_and(|value| self.names.contains(&value.to_lowercase()))
        };
        match field {
            Field::UserTarget => names(Field::UserTarget),
            _ => names(Field::UserName) || names(Field::UserId) || names(Field::UserEffective),
        }
    }
}

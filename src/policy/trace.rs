//! The steps of a decision, for those who ask to see them.
//!
//! The decision tells each step to a [`Trace`]. The one that serves requests forgets them without
//! building a word; `explain` keeps them. So both run the same code.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Admission;
use crate::language::{self, Language};
use crate::territory::Territory;

/// One step of a decision, in the contract's order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// Which step: `path_rule` where one decides, `client_address`, `deny_networks`, `allow_networks`, `private_networks`,
    /// `corrections`, `location`, `list`, `travel_exemptions`, `authentication`, `path_closed`, `path_countries`.
    pub step: &'static str,
    /// What was found, in words.
    pub outcome: String,
    /// Whether it settled the matter. What follows is there only because the policy merely reports,
    /// or because the site asks those who are let in who they are.
    pub ends: bool,
}

/// Where a decision tells its steps.
pub(super) trait Trace {
    /// Takes a step; `outcome` is called only by those who keep it.
    fn step(&mut self, step: &'static str, ends: bool, outcome: impl FnOnce(&Words<'_>) -> String);
}

/// Forgets everything.
pub(super) struct Untraced;

impl Trace for Untraced {
    fn step(&mut self, _: &'static str, _: bool, _: impl FnOnce(&Words<'_>) -> String) {}
}

/// Keeps every step.
pub(super) struct Recorder<'a> {
    words: Words<'a>,
    steps: Vec<Step>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(zone: &'a TimeZone, language: Language) -> Self {
        Self { words: Words { zone, language }, steps: Vec::new() }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

impl Trace for Recorder<'_> {
    fn step(&mut self, step: &'static str, ends: bool, outcome: impl FnOnce(&Words<'_>) -> String) {
        self.steps.push(Step { step, outcome: outcome(&self.words), ends });
    }
}

/// Writes instants as a person of the organisation reads them.
pub(super) struct Words<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) language: Language,
}

impl Words<'_> {
    /// `12 May 2025`, with the time where it is not the start of that day.
    pub(super) fn instant(&self, at: Timestamp) -> String {
        if self.begins_a_day(at) {
            return self.day(at);
        }
        match self.language {
            Language::Danish => {
                format!("{} kl. {}", self.day(at), self.written(at, "%H.%M %Z"))
            }
            Language::English => format!("{}, {}", self.day(at), self.written(at, "%H:%M %Z")),
        }
    }

    /// The end of something that no longer holds at `at`: `the end of 8 December 2026` where `at`
    /// is the start of the day after, so that nobody reads one day too many.
    pub(super) fn end(&self, at: Timestamp) -> String {
        let just_before = at.checked_sub(SignedDuration::from_nanos(1));
        match (just_before, self.language) {
            (Ok(last), Language::Danish) if self.begins_a_day(at) => {
                format!("udgangen af {}", self.day(last))
            }
            (Ok(last), Language::English) if self.begins_a_day(at) => {
                format!("the end of {}", self.day(last))
            }
            (Ok(_) | Err(_), _) => self.instant(at),
        }
    }

    /// `12 May 2025`.
    pub(super) fn day(&self, at: Timestamp) -> String {
        language::date(at.to_zoned(self.zone.clone()).date(), self.language)
    }

    /// The one in this language.
    pub(super) fn either(&self, danish: &str, english: &str) -> String {
        match self.language {
            Language::Danish => danish.to_owned(),
            Language::English => english.to_owned(),
        }
    }

    /// What a policy does with somebody.
    pub(super) fn verb(&self, admission: Admission) -> &'static str {
        match (admission, self.language) {
            (Admission::Allow, Language::Danish) => "lukker ind",
            (Admission::Deny, Language::Danish) => "holder ude",
            (Admission::Allow, Language::English) => "lets in",
            (Admission::Deny, Language::English) => "keeps out",
        }
    }

    /// A place: its code on a terminal, and in Danish, which is read on pages, its name before it.
    pub(super) fn place(&self, territory: Territory) -> String {
        match self.language {
            Language::Danish => format!("{} ({territory})", territory.name(self.language)),
            Language::English => territory.to_string(),
        }
    }

    fn begins_a_day(&self, at: Timestamp) -> bool {
        let zoned = at.to_zoned(self.zone.clone());
        zoned.start_of_day().is_ok_and(|start| start == zoned)
    }

    fn written(&self, at: Timestamp, format: &str) -> String {
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_days_where_they_begin_one() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let words = Words { zone: &zone, language: Language::English };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(words.instant(at("2025-05-11T22:00:00Z")), "12 May 2025");
        assert_eq!(words.instant(at("2026-12-01T07:00:00Z")), "1 December 2026, 08:00 CET");
        assert_eq!(words.end(at("2026-12-08T23:00:00Z")), "the end of 8 December 2026");
        assert_eq!(words.end(at("2026-12-08T11:00:00Z")), "8 December 2026, 12:00 CET");
        let words = Words { language: Language::Danish, ..words };
        assert_eq!(words.instant(at("2025-05-11T22:00:00Z")), "12. maj 2025");
        assert_eq!(words.instant(at("2026-12-01T07:00:00Z")), "1. december 2026 kl. 08.00 CET");
        assert_eq!(words.end(at("2026-12-08T23:00:00Z")), "udgangen af 8. december 2026");
    }
}

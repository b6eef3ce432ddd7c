//! The steps of a decision, for those who ask to see them.
//!
//! The decision tells each step to a [`Trace`]. The one that serves requests forgets them without
//! building a word; `explain` keeps them. So both run the same code.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// One step of a decision, in the contract's order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// Which step: `client_address`, `deny_networks`, `allow_networks`, `private_networks`,
    /// `corrections`, `location`, `list`, `travel_exemptions`, `authentication`.
    pub step: &'static str,
    /// What was found, in words.
    pub outcome: String,
    /// Whether it settled the matter (the site's authentication may still ask).
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
    pub(super) fn new(zone: &'a TimeZone) -> Self {
        Self { words: Words { zone }, steps: Vec::new() }
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
}

impl Words<'_> {
    /// `12 May 2025`, with the time where it is not the start of that day.
    pub(super) fn instant(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.zone.clone());
        let midnight = zoned.start_of_day().is_ok_and(|start| start == zoned);
        zoned.strftime(if midnight { "%-d %B %Y" } else { "%-d %B %Y, %H:%M %Z" }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_days_where_they_begin_one() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let words = Words { zone: &zone };
        assert_eq!(words.instant("2025-05-11T22:00:00Z".parse().unwrap()), "12 May 2025");
        assert_eq!(
            words.instant("2026-12-01T07:00:00Z".parse().unwrap()),
            "1 December 2026, 08:00 CET"
        );
    }
}

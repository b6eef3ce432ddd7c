//! An explanation as a person reads it on a terminal: English, at most 80 columns.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::Explanation;
use crate::policy::Reason;
use crate::policy::trace::Words;

const WIDTH: usize = 80;
const OUTCOME_COLUMN: usize = 23;
/// So many of the other exemptions are told.
const OTHERS: usize = 5;

impl Explanation {
    /// The explanation as text, each line at most 80 columns, ending with a newline.
    #[must_use]
    pub fn to_text(&self, time_zone: &TimeZone) -> String {
        let words = Words { zone: time_zone, language: crate::language::Language::English };
        let mut text = String::new();
        let address = self.address.map_or("an unknown address".to_owned(), |a| a.to_string());
        let user =
            self.user.as_deref().map(|u| format!(", {u} taken as proven")).unwrap_or_default();
        let Self { site, organization, .. } = self;
        let at = words.instant(self.at);
        paragraph(&mut text, "", 0, &format!("{address} to {site} of {organization}{user}, {at}"));
        text.push('\n');
        for (index, step) in self.steps.iter().enumerate() {
            let last = index + 1 == self.steps.len();
            let label = format!("{:>2} {}", number(step.step), step.step.replace('_', " "));
            let arrow =
                if last { format!(" → {}", outcome(self.verdict)) } else { String::new() };
            paragraph(&mut text, &label, OUTCOME_COLUMN, &format!("{}{arrow}", step.outcome));
        }
        text.push('\n');
        self.write_facts(&mut text, &words);
        text
    }

    fn write_facts(&self, text: &mut String, words: &Words<'_>) {
        let mut fact = |label: &str, value: &str| paragraph(text, label, OUTCOME_COLUMN, value);
        let reasons = |reason: Reason, would_be: Option<Reason>| match would_be {
            Some(would_be) => format!("{reason} (enforced: {would_be})"),
            None => reason.to_string(),
        };
        let reason = reasons(self.reason, self.would_be);
        fact("   verdict", &format!("{}: {reason}", self.verdict));
        if let Some(exemption) = &self.exemption {
            fact("   exemption", exemption.as_str());
        }
        for other in self.other_exemptions.iter().take(OTHERS) {
            fact("   but not by", &format!("{}, which {}", other.exemption, other.because));
        }
        let location = &self.location;
        if let Some(network) = location.network {
            let built = location.database_built.map(|built| words.day(built));
            let built = built.map(|b| format!(", database of {b}")).unwrap_or_default();
            fact("   database", &format!("{network}{built}"));
        }
        if let Some(registered) =
            location.registered_country.filter(|r| Some(*r) != location.country)
        {
            fact("   registered", &format!("in {registered}; not what is decided on"));
        }
        if let Some(upcoming) = &self.upcoming {
            let from = words.instant(upcoming.effective_from);
            let reason = reasons(upcoming.reason, upcoming.would_be);
            let (version, verdict) = (&upcoming.version, upcoming.verdict);
            fact("   upcoming", &format!("from {from}, version {version}: {verdict}: {reason}"));
        }
    }
}

/// The number of a step in the contract's order; none for the mode, which belongs to the one before.
fn number(step: &str) -> &'static str {
    match step {
        "client_address" => "1",
        "deny_networks" => "2",
        "allow_networks" => "3",
        "private_networks" => "4",
        "corrections" => "5",
        "location" => "6",
        "list" => "7",
        "travel_exemptions" => "8",
        "authentication" => "9",
        _ => "",
    }
}

fn outcome(verdict: &str) -> &'static str {
    match verdict {
        "allow" => "let in",
        "identify" => "asked who it is",
        _ => "rejected",
    }
}

/// A label, then words from `column` on, broken before the edge. A single word that is longer than
/// a line is cut; nothing that a terminal would obey goes out.
fn paragraph(text: &mut String, label: &str, column: usize, words: &str) {
    let room = WIDTH - column;
    let mut line = format!("{label:<column$}");
    let mut used = 0;
    for word in words.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > room {
            end_line(text, &mut line, column, &mut used);
        }
        while rest.len() > room {
            line.extend(rest.drain(..room));
            end_line(text, &mut line, column, &mut used);
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        used += rest.len();
        line.extend(rest);
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

fn end_line(text: &mut String, line: &mut String, column: usize, used: &mut usize) {
    let _ = writeln!(text, "{}", line.trim_end());
    *line = " ".repeat(column);
    *used = 0;
}

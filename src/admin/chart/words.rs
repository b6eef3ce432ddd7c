//! The few words that charts have of their own.

use crate::language::{Language, number};

pub(super) struct Words {
    pub(super) show_table: &'static str,
    /// Heads the column of bars, which only repeats the figures.
    pub(super) drawn: &'static str,
}

pub(super) const DANISH: Words = Words { show_table: "Vis tallene som tabel", drawn: "Tegnet" };

pub(super) const ENGLISH: Words =
    Words { show_table: "Show the figures as a table", drawn: "Drawn" };

pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::Danish => &DANISH,
        Language::English => &ENGLISH,
    }
}

/// What a line shows, for those who do not see it.
pub(super) fn line_in_words(values: &[u64], language: Language) -> String {
    let figure = |value: Option<u64>| number(value.unwrap_or(0), language);
    let lowest = figure(values.iter().copied().min());
    let highest = figure(values.iter().copied().max());
    let latest = figure(values.last().copied());
    match language {
        Language::Danish => format!("Lavest {lowest}, højest {highest}, senest {latest}."),
        Language::English => format!("Lowest {lowest}, highest {highest}, latest {latest}."),
    }
}

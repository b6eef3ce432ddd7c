//! A few names, each with its figure and a bar. The table is the chart.

use std::fmt::Write as _;

use super::svg::{Escaped, Tenths, scaled};
use super::words::words;
use super::{Chart, Tone};
use crate::language::{Language, number};

/// One name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// Where the name leads: a path or query on this host; anything else is left out.
    pub link: Option<String>,
    /// The figure.
    pub value: u64,
    /// What it usually is.
    pub usual: Option<u64>,
}

/// A list of bars, in the caller's order.
#[derive(Debug, Clone)]
pub struct BarList<'a> {
    /// What one learns from it, as a sentence.
    pub title: &'a str,
    /// Heads the column of names.
    pub name_head: &'a str,
    /// Heads the column of figures.
    pub value_head: &'a str,
    /// Heads the column of usual figures; shown where a row has one.
    pub usual_head: &'a str,
    /// The rows.
    pub rows: &'a [Row],
    /// Its colour.
    pub tone: Tone,
    /// Whose figures and words.
    pub language: Language,
}

impl BarList<'_> {
    /// Draws it.
    #[must_use]
    pub fn draw(&self) -> Chart {
        let has_usual = self.rows.iter().any(|row| row.usual.is_some());
        let highest = self.rows.iter().map(|row| row.value).max().unwrap_or(0);
        let head =
            |text: &str| format!(r#"<th scope="col" class="chart-figure">{}</th>"#, Escaped(text));
        let mut out = String::new();
        let _ = write!(
            out,
            r#"<table class="bar-list {}"><caption>{}</caption><thead><tr><th scope="col">{}</th>{}{}<th scope="col"><span class="away">{}</span></th></tr></thead><tbody>"#,
            self.tone.class(),
            Escaped(self.title),
            Escaped(self.name_head),
            head(self.value_head),
            if has_usual { head(self.usual_head) } else { String::new() },
            words(self.language).drawn,
        );
        for row in self.rows {
            let _ = write!(out, r#"<tr><th scope="row">{}</th>"#, name(row));
            let mut figure = |value: Option<u64>| {
                let shown = value.map_or_else(|| "–".to_owned(), |v| number(v, self.language));
                let _ = write!(out, r#"<td class="chart-figure">{shown}</td>"#);
            };
            figure(Some(row.value));
            if has_usual {
                figure(row.usual);
            }
            let width = Tenths(scaled(row.value, highest, 200));
            let _ = write!(
                out,
                r#"<td class="chart-track"><svg viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="chart-bar" width="{width}" height="14"/></svg></td></tr>"#
            );
        }
        out.push_str("</tbody></table>");
        Chart(out)
    }
}

fn name(row: &Row) -> String {
    let shown = Escaped(&row.name);
    let stays_here = |link: &&String| {
        link.starts_with('?') || (link.starts_with('/') && !link.starts_with("//"))
    };
    match row.link.as_ref().filter(stays_here) {
        Some(link) => format!(r#"<a href="{}">{shown}</a>"#, Escaped(link)),
        None => shown.to_string(),
    }
}

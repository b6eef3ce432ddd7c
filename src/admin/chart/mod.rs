//! Charts as SVG made here, each with its figures as a table beside it.
//!
//! PURE: knows the two languages and nothing else of the house. Three forms: [`Bars`] over time,
//! [`BarList`] for a few names with a figure each, [`sparkline`] beside a single figure.
//!
//! Always holds: the title says the finding and is the caller's; what is drawn is also written (a
//! table, or a description where a line stands beside its figure); colour never carries meaning
//! alone; everything that comes from outside is escaped here, so a [`Chart`] stands in a template
//! as it is; no style or script stands in it, so that it passes a strict policy.
//!
//! The stylesheet of the administration takes [`CSS`] in; it uses the variables `--ink`, `--line`,
//! `--accent`, `--rejected`, `--allowed` and `--attention`.

mod bar_list;
mod bars;
mod sparkline;
mod svg;
mod words;

use std::fmt;

pub use bar_list::{BarList, Row};
pub use bars::{Bar, Bars};
pub use sparkline::sparkline;

/// The rules for charts, to be taken into the one stylesheet.
pub const CSS: &str = include_str!("chart.css");

/// What a chart is about, which gives its colour. The words stand in its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// What was rejected.
    Rejected,
    /// What was let in.
    Allowed,
    /// What somebody ought to look at.
    Attention,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "chart-plain",
            Self::Rejected => "chart-rejected",
            Self::Allowed => "chart-allowed",
            Self::Attention => "chart-attention",
        }
    }
}

/// A finished chart: markup of our own in which everything from outside is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart(String);

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Chart {}

#[cfg(test)]
mod tests;

//! A view as a table with its filters: what the reviewer's questions are answered by.

use askama::Template;

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// A path of ours.
    pub(crate) link: Option<String>,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), link: None }
    }

    pub(crate) fn link(text: impl Into<String>, link: impl Into<String>) -> Self {
        Self { text: text.into(), link: Some(link.into()) }
    }
}

/// The filter of spans, where the view has one.
pub(crate) struct Spans {
    pub(crate) action: &'static str,
    pub(crate) label: &'static str,
    pub(crate) show: &'static str,
    pub(crate) chosen: &'static str,
    pub(crate) options: Vec<(&'static str, &'static str)>,
    /// Whom it is about: label and what was typed.
    pub(crate) about: Option<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "review/table.html")]
pub(crate) struct Table {
    pub(crate) help: &'static str,
    pub(crate) spans: Option<Spans>,
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) empty: &'static str,
    /// Text and query of the next page.
    pub(crate) next: Option<(&'static str, String)>,
    pub(crate) back: &'static str,
}

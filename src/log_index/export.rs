//! The log as a file for other programs: one entry a line, or a table for a spreadsheet.
//!
//! Always holds: the search stands in the file's head; no cell of a table is taken for a formula.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use smol_str::SmolStr;

use crate::audit::event::Field;
use crate::audit::search::FoundEntry;
use crate::audit::terminal_safe;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180), UTF-8 with a byte order mark, which spreadsheets need.
    Csv,
    /// One JSON object a line; the first says what the file is.
    JsonLines,
}

/// What stands at the head of a file.
#[derive(Debug, Clone, Serialize)]
pub struct Head {
    /// When it was made.
    pub made: Timestamp,
    /// Who made it.
    pub by: String,
    /// The search, each wish with what was wanted.
    pub search: std::collections::BTreeMap<String, String>,
}

/// The columns of a table.
const COLUMNS: [&str; 24] = [
    "timestamp",
    "chain",
    "sequence",
    "id",
    "action",
    "outcome",
    "reason",
    "verdict",
    "count",
    "reference",
    "organization",
    "site",
    "listener",
    "country",
    "region",
    "client_ip",
    "as_number",
    "user",
    "user_target",
    "exemption",
    "method",
    "domain",
    "path",
    "status",
];

/// Writes a file entry by entry.
#[derive(Debug)]
pub struct Export<W: Write> {
    format: Format,
    out: W,
}

impl<W: Write> Export<W> {
    /// Begins the file with its head.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn begin(mut out: W, format: Format, head: &Head) -> io::Result<Self> {
        match format {
            Format::JsonLines => {
                #[derive(Serialize)]
                struct Line<'a> {
                    geovagt_export: &'a Head,
                }
                serde_json::to_writer(&mut out, &Line { geovagt_export: head })?;
                out.write_all(b"\n")?;
            }
            Format::Csv => {
                out.write_all("\u{feff}".as_bytes())?;
                row(&mut out, ["geovagt audit export", &head.made.to_string(), &head.by])?;
                for (wish, value) in &head.search {
                    row(&mut out, ["search", wish, value])?;
                }
                if head.search.is_empty() {
                    row(&mut out, ["search", "everything", ""])?;
                }
                row(&mut out, COLUMNS)?;
            }
        }
        Ok(Self { format, out })
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(&mut self, found: &FoundEntry) -> io::Result<()> {
        match self.format {
            Format::JsonLines => writeln!(self.out, "{}", found.line),
            Format::Csv => row(&mut self.out, cells(found).iter().map(String::as_str)),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn cells(found: &FoundEntry) -> [String; 24] {
    let event = &found.event;
    let text = |text: &Option<SmolStr>| text.as_deref().unwrap_or_default().to_owned();
    let personal =
        |field| event.personal.get(field).map_or("", |value: &SmolStr| value.as_str()).to_owned();
    let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    let outcome = serde_json::to_value(event.outcome).ok();
    [
        format!("{:.3}", event.at),
        found.class.to_string(),
        found.sequence.to_string(),
        event.id.to_string(),
        event.action.to_string(),
        outcome.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned(),
        text(&event.reason),
        text(&event.verdict),
        event.count.to_string(),
        text(&event.reference),
        text(&event.organization),
        text(&event.site),
        text(&event.listener),
        text(&event.country),
        text(&event.region),
        personal(Field::ClientIp),
        number(event.as_number.map(u64::from)),
        personal(Field::UserName),
        personal(Field::UserTarget),
        text(&event.exemption),
        text(&event.method),
        text(&event.domain),
        text(&event.path),
        number(event.status.map(u64::from)),
    ]
}

/// Writes a row, each cell harmless to a spreadsheet.
pub(super) fn row<'a>(
    out: &mut impl Write,
    cells: impl IntoIterator<Item = &'a str>,
) -> io::Result<()> {
    for (position, cell) in cells.into_iter().enumerate() {
        if position > 0 {
            out.write_all(b",")?;
        }
        let cell = harmless(cell);
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

/// A cell that no spreadsheet takes for a formula: an apostrophe before what would begin one. What
/// would act on a terminal or break a line is shown as it is written in a program.
pub fn harmless(cell: &str) -> String {
    let cell = terminal_safe(cell);
    let begins = cell.trim_start().chars().next();
    let full_width = ['＝', '＋', '－', '＠'];
    let is_formula = begins.is_some_and(|c| "=+-@|%".contains(c) || full_width.contains(&c));
    if is_formula { format!("'{cell}") } else { cell.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Class, Event};

    #[test]
    fn no_cell_is_a_formula() {
        for evil in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =cmd|' /C calc'!A0", "\r=1", "|x", "＝1"]
        {
            let cell = harmless(evil);
            let first = cell.chars().next().unwrap();
            assert!(first == '\'' || first == '\\', "{evil:?} -> {cell:?}");
        }
        for plain in ["", "anna@x.dk", "203.0.113.9", "2026-11-22T03:11:51.000Z", "a=b"] {
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn what_a_client_sends_stays_in_its_cell() {
        let at = "2026-11-22T03:11:51.123Z".parse().unwrap();
        let mut event =
            Event::new(Action::Denied, at, [0; 10]).user("=HYPERLINK(\"http://x\",\"y\")");
        event.path = Some("/a\",\"b\r\n=1".into());
        let found = FoundEntry { class: Class::Denied, sequence: 7, event, line: "{}".into() };
        let search = [("country".to_owned(), "=CN".to_owned())].into();
        let head = Head { made: at, by: "bente".into(), search };
        let mut export = Export::begin(Vec::new(), Format::Csv, &head).unwrap();
        export.write(&found).unwrap();
        let bytes = export.finish().unwrap();
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true);
        let rows: Vec<csv::StringRecord> =
            reader.from_reader(bytes.as_slice()).records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(&rows[1][2], "'=CN");
        assert_eq!(rows[2].len(), rows[3].len());
        assert_eq!(&rows[3][17], "'=HYPERLINK(\"http://x\",\"y\")");
        assert!(rows[3][22].starts_with("/a\",\"b") && !rows[3][22].contains('\n'));
        assert_eq!((&rows[3][0], &rows[3][2]), ("2026-11-22T03:11:51.123Z", "7"));
        let mut export = Export::begin(Vec::new(), Format::JsonLines, &head).unwrap();
        export.write(&found).unwrap();
        let text = String::from_utf8(export.finish().unwrap()).unwrap();
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["geovagt_export"]["search"]["country"], "=CN");
    }
}

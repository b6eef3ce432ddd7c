//! A small line beside a single figure.

use std::fmt::Write as _;

use super::svg::{Escaped, Tenths, scaled};
use super::words::line_in_words;
use super::{Chart, Tone};
use crate::language::Language;

const WIDTH: u32 = 120;
const HEIGHT: u32 = 32;
/// Keeps the line's own width and the dot inside.
const EDGE: u32 = 3;

/// The values, oldest first, as a line whose end is marked. `id` is unlike every other on the page;
/// `title` says what is counted. Its description says lowest, highest and latest.
#[must_use]
pub fn sparkline(id: &str, title: &str, values: &[u64], tone: Tone, language: Language) -> Chart {
    let mut out = String::new();
    let id = Escaped(id);
    let _ = write!(
        out,
        r#"<svg class="sparkline {}" role="img" aria-labelledby="{id}-title" aria-describedby="{id}-desc" viewBox="0 0 {WIDTH} {HEIGHT}"><title id="{id}-title">{}</title><desc id="{id}-desc">{}</desc>"#,
        tone.class(),
        Escaped(title),
        line_in_words(values, language),
    );
    let highest = values.iter().copied().max().unwrap_or(0);
    let gaps = u64::try_from(values.len().saturating_sub(1).max(1)).unwrap_or(1);
    let mut points = String::new();
    let mut end = None;
    for (index, &value) in values.iter().enumerate() {
        let along = u64::try_from(index).unwrap_or(0) * u64::from(WIDTH - 2 * EDGE) * 10 / gaps;
        let x = EDGE * 10 + u32::try_from(along).unwrap_or(0);
        let y = ((HEIGHT - EDGE) * 10).saturating_sub(scaled(value, highest, HEIGHT - 2 * EDGE));
        let _ = write!(points, "{},{} ", Tenths(x), Tenths(y));
        end = Some((x, y));
    }
    if let Some((x, y)) = end {
        let _ = write!(out, r#"<polyline class="chart-line" points="{}"/>"#, points.trim_end());
        let (x, y) = (Tenths(x), Tenths(y));
        let _ = write!(out, r#"<circle class="chart-dot" cx="{x}" cy="{y}" r="3"/>"#);
    }
    out.push_str("</svg>");
    Chart(out)
}

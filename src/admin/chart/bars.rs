//! Bars over time, with the figures that matter written at them.

use std::fmt::Write as _;

use super::svg::{Escaped, Tenths, scaled, width_of};
use super::words::words;
use super::{Chart, Tone};
use crate::language::{Language, number};

/// One span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Under the axis: short.
    pub label: String,
    /// In the table: whole.
    pub name: String,
    /// The figure.
    pub value: u64,
    /// What it usually is at that time.
    pub usual: Option<u64>,
}

/// A chart of bars, oldest first.
#[derive(Debug, Clone)]
pub struct Bars<'a> {
    /// Unlike every other on the page.
    pub id: &'a str,
    /// What one learns from it, as a sentence.
    pub title: &'a str,
    /// What is drawn, for those who do not see it.
    pub description: &'a str,
    /// Heads the column of names.
    pub name_head: &'a str,
    /// Heads the column of figures.
    pub value_head: &'a str,
    /// Heads the column of usual figures and stands at their line; shown where a bar has one.
    pub usual_head: &'a str,
    /// The bars.
    pub bars: &'a [Bar],
    /// Its colour.
    pub tone: Tone,
    /// Whose figures and words.
    pub language: Language,
}

/// A drawing for one width of screen, in units.
struct Canvas {
    class: &'static str,
    width: u32,
    height: u32,
}

const CANVASES: [Canvas; 2] = [
    Canvas { class: "chart-wide", width: 720, height: 220 },
    Canvas { class: "chart-narrow", width: 350, height: 200 },
];
/// Room for figures above the bars and for labels below them.
const ABOVE: u32 = 24;
const BELOW: u32 = 24;

impl Bars<'_> {
    /// Draws it. Where there is nothing to draw the title stands alone.
    #[must_use]
    pub fn draw(&self) -> Chart {
        let mut out = String::new();
        let title = Escaped(self.title);
        let _ = write!(out, r#"<figure class="chart {}">"#, self.tone.class());
        let _ = write!(out, "<figcaption>{title}</figcaption>");
        if self.highest() > 0 {
            for canvas in &CANVASES {
                self.drawing(canvas, &mut out);
            }
            self.table(&mut out);
        }
        out.push_str("</figure>");
        Chart(out)
    }

    fn highest(&self) -> u64 {
        self.bars.iter().map(|bar| bar.value.max(bar.usual.unwrap_or(0))).max().unwrap_or(0)
    }

    fn drawing(&self, canvas: &Canvas, out: &mut String) {
        let Canvas { class, width, height } = *canvas;
        let id = format!("{}-{class}", self.id);
        let id = Escaped(&id);
        let _ = write!(
            out,
            r#"<svg class="{class}" role="img" aria-labelledby="{id}-title" aria-describedby="{id}-desc" viewBox="0 0 {width} {height}">"#
        );
        let _ = write!(out, r#"<title id="{id}-title">{}</title>"#, Escaped(self.title));
        let _ = write!(out, r#"<desc id="{id}-desc">{}</desc>"#, Escaped(self.description));
        self.columns(canvas, out);
        self.usual_line(canvas, out);
        self.figures(canvas, out);
        self.labels(canvas, out);
        let base = height - BELOW;
        let _ = write!(
            out,
            r#"<line class="chart-base" x1="0" x2="{width}" y1="{base}" y2="{base}"/></svg>"#
        );
    }

    /// Where the bar stands and how wide its place is, in tenths.
    fn place(&self, canvas: &Canvas, index: usize) -> (u32, u32) {
        let count = u64::try_from(self.bars.len().max(1)).unwrap_or(1);
        let at = |index: usize| {
            let tenths = u64::try_from(index).unwrap_or(0) * u64::from(canvas.width) * 10 / count;
            u32::try_from(tenths).unwrap_or(u32::MAX)
        };
        let left = at(index);
        (left, at(index + 1).saturating_sub(left).max(1))
    }

    /// How far down the top of a value lies, in tenths.
    fn top(&self, canvas: &Canvas, value: u64) -> u32 {
        let base = canvas.height - BELOW;
        (base * 10).saturating_sub(scaled(value, self.highest(), base - ABOVE))
    }

    fn columns(&self, canvas: &Canvas, out: &mut String) {
        let base = (canvas.height - BELOW) * 10;
        for (index, bar) in self.bars.iter().enumerate().filter(|(_, bar)| bar.value > 0) {
            let (left, pitch) = self.place(canvas, index);
            let gap = (pitch / 5).min(40);
            let top = self.top(canvas, bar.value);
            let _ = write!(
                out,
                r#"<rect class="chart-bar" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>"#,
                Tenths(left + gap / 2),
                Tenths(top),
                Tenths(pitch.saturating_sub(gap).max(5)),
                Tenths(base.saturating_sub(top)),
                Escaped(&bar.name),
                number(bar.value, self.language),
            );
        }
    }

    fn usual_line(&self, canvas: &Canvas, out: &mut String) {
        // On the axis itself it would say nothing; the table does.
        if self.bars.iter().all(|bar| bar.usual.unwrap_or(0) == 0) {
            return;
        }
        let mut path = String::new();
        let mut last = None;
        for (index, bar) in self.bars.iter().enumerate() {
            let Some(usual) = bar.usual else { continue };
            let (left, pitch) = self.place(canvas, index);
            let top = self.top(canvas, usual);
            let begin = if last.is_none() { 'M' } else { 'L' };
            let _ =
                write!(path, "{begin}{} {}H{}", Tenths(left), Tenths(top), Tenths(left + pitch));
            last = Some((left + pitch, top));
        }
        let Some((right, top)) = last else { return };
        let _ = write!(out, r#"<path class="chart-usual" d="{path}"/>"#);
        let _ = write!(
            out,
            r#"<text class="chart-usual-label" x="{}" y="{}" text-anchor="end">{}</text>"#,
            Tenths(right),
            Tenths(top.saturating_sub(50)),
            Escaped(self.usual_head),
        );
    }

    /// At every bar where there is room, else at the highest and the last.
    fn figures(&self, canvas: &Canvas, out: &mut String) {
        let shown: Vec<String> =
            self.bars.iter().map(|bar| number(bar.value, self.language)).collect();
        let widest = shown.iter().map(|text| width_of(text)).max().unwrap_or(0);
        let (_, pitch) = self.place(canvas, 0);
        let all = pitch >= (widest + 4) * 10;
        let highest = (0..self.bars.len())
            .max_by_key(|&index| self.bars.get(index).map_or(0, |bar| bar.value));
        let last = self.bars.len().checked_sub(1).filter(|&last| {
            let apart = highest.map_or(0, |highest| last - highest);
            let has_usual = self.bars.iter().any(|bar| bar.usual.is_some());
            // The usual line has its own words there.
            !has_usual
                && u64::try_from(apart).unwrap_or(0) * u64::from(pitch) > u64::from(widest) * 15
        });
        for (index, (bar, text)) in self.bars.iter().zip(&shown).enumerate() {
            let chosen = all || Some(index) == highest || Some(index) == last;
            if chosen && bar.value > 0 {
                let top = self.top(canvas, bar.value).saturating_sub(60);
                self.text_at(canvas, index, top, ("chart-value", text), out);
            }
        }
    }

    fn labels(&self, canvas: &Canvas, out: &mut String) {
        let widest = self.bars.iter().map(|bar| width_of(&bar.label)).max().unwrap_or(0);
        let (_, pitch) = self.place(canvas, 0);
        let each = usize::try_from(((widest + 12) * 10).div_ceil(pitch.max(1))).unwrap_or(1).max(1);
        let y = (canvas.height - 6) * 10;
        for (index, bar) in self.bars.iter().enumerate().step_by(each) {
            self.text_at(canvas, index, y, ("chart-label", &bar.label), out);
        }
    }

    /// Text in the middle of a bar's place, kept inside the drawing.
    fn text_at(
        &self,
        canvas: &Canvas,
        index: usize,
        y: u32,
        (class, text): (&str, &str),
        out: &mut String,
    ) {
        let (left, pitch) = self.place(canvas, index);
        let (middle, half) = (left + pitch / 2, width_of(text) * 5);
        let (x, anchor) = if middle < half {
            (0, "start")
        } else if middle + half > canvas.width * 10 {
            (canvas.width * 10, "end")
        } else {
            (middle, "middle")
        };
        let _ = write!(
            out,
            r#"<text class="{class}" x="{}" y="{}" text-anchor="{anchor}">{}</text>"#,
            Tenths(x),
            Tenths(y),
            Escaped(text),
        );
    }

    fn table(&self, out: &mut String) {
        let has_usual = self.bars.iter().any(|bar| bar.usual.is_some());
        let head =
            |text: &str| format!(r#"<th scope="col" class="chart-figure">{}</th>"#, Escaped(text));
        let _ = write!(
            out,
            "<details><summary>{}</summary><table class=\"bar-list\"><caption>{}</caption><thead><tr><th scope=\"col\">{}</th>{}{}</tr></thead><tbody>",
            words(self.language).show_table,
            Escaped(self.title),
            Escaped(self.name_head),
            head(self.value_head),
            if has_usual { head(self.usual_head) } else { String::new() },
        );
        for bar in self.bars {
            let _ = write!(
                out,
                r#"<tr><th scope="row">{}</th><td class="chart-figure">{}</td>"#,
                Escaped(&bar.name),
                number(bar.value, self.language),
            );
            if has_usual {
                let usual = bar.usual.map_or_else(|| "–".to_owned(), |u| number(u, self.language));
                let _ = write!(out, r#"<td class="chart-figure">{usual}</td>"#);
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></details>");
    }
}

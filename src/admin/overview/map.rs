//! The world in five steps of one colour, as SVG made here.
//!
//! PURE. The shapes are Natural Earth's, in a file that `tests/map/make_map.mjs` makes. Always
//! holds: every territory that has a count has a shape or a dot of its own; what is drawn carries
//! classes and no style, so that it passes a strict policy; the figures also stand in a table.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use crate::language::{Language, number};
use crate::territory::Territory;

const DATA: &str = include_str!("map/world.txt");
/// How many steps of the colour there are.
pub(in crate::admin) const STEPS: usize = 5;
/// How large a dot is.
const RADIUS: u8 = 7;

/// The map of the world as it lies in the file.
struct World {
    width: u32,
    height: u32,
    /// Code and what is drawn.
    shapes: Vec<(&'static str, Shape)>,
}

enum Shape {
    /// The `d` of a path.
    Outline(&'static str),
    Dot(u32, u32),
}

static WORLD: LazyLock<World> = LazyLock::new(read);

fn read() -> World {
    let mut size =
        DATA.lines().next().unwrap_or_default().split(' ').filter_map(|n| n.parse().ok());
    let (width, height) = (size.next().unwrap_or(1), size.next().unwrap_or(1));
    let lines = DATA.lines().filter(|line| !line.starts_with('#'));
    let shapes = lines.filter_map(|line| {
        let (code, drawn) = line.split_once('\t')?;
        let shape = match drawn.strip_prefix('@') {
            Some(place) => {
                let (x, y) = place.split_once(',')?;
                Shape::Dot(x.parse().ok()?, y.parse().ok()?)
            }
            None => Shape::Outline(drawn),
        };
        Some((code, shape))
    });
    World { width, height, shapes: shapes.collect() }
}

/// A map with figures on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Map(String);

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Made here of numbers, codes and names of our own tables.
impl askama::filters::HtmlSafe for Map {}

/// One step of the colour and the figures it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Step {
    /// 1 to 5.
    pub(in crate::admin) number: usize,
    /// The smallest figure.
    pub(in crate::admin) from: u64,
    /// The largest.
    pub(in crate::admin) to: u64,
}

/// The steps for figures of which this is the largest: each as many times as much as the one before
/// it, because one country always has a thousand times as much as another. None where there is none.
pub(in crate::admin) fn steps(largest: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut from = 1;
    for number in 1..=STEPS {
        if from > largest {
            break;
        }
        let to = if number == STEPS { largest } else { end_of(number, largest).max(from) };
        steps.push(Step { number, from, to });
        from = to + 1;
    }
    steps
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a root of a figure is less than the figure"
)]
fn end_of(step: usize, largest: u64) -> u64 {
    (largest as f64).powf(step as f64 / STEPS as f64).floor() as u64
}

/// Which step a figure has; none for nothing.
pub(in crate::admin) fn step_of(steps: &[Step], count: u64) -> Option<usize> {
    steps.iter().find(|step| (step.from..=step.to).contains(&count)).map(|step| step.number)
}

/// Draws the figures. `title` is what the map says to whoever does not see it.
pub(in crate::admin) fn draw(
    counts: &BTreeMap<Territory, u64>,
    title: &str,
    language: Language,
) -> Map {
    let steps = steps(counts.values().copied().max().unwrap_or(0));
    let World { width, height, shapes } = &*WORLD;
    let mut svg = String::with_capacity(DATA.len() + 16 * 1024);
    let _ = write!(
        svg,
        "<svg class=\"map\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"map-title\"><title id=\"map-title\">"
    );
    push_escaped(&mut svg, title);
    svg.push_str("</title>");
    // Dots stand on top of what surrounds them.
    let is_dot = |shape: &Shape| matches!(shape, Shape::Dot(..));
    for dots in [false, true] {
        for (code, shape) in shapes.iter().filter(|(_, shape)| is_dot(shape) == dots) {
            let territory = Territory::parse(code).ok();
            let count = territory.and_then(|t| counts.get(&t)).copied().unwrap_or(0);
            let step = step_of(&steps, count);
            if step.is_none() && code.contains('-') {
                // A part of a country is drawn only where there is something to say of it.
                continue;
            }
            one(&mut svg, shape, step.unwrap_or(0));
            match territory.filter(|_| count > 0) {
                Some(territory) => {
                    svg.push_str("<title>");
                    push_escaped(&mut svg, &territory.name(language));
                    let _ = write!(svg, ": {}</title>", number(count, language));
                    svg.push_str(if dots { "</circle>" } else { "</path>" });
                }
                None => svg.push_str(if dots { "</circle>" } else { "</path>" }),
            }
        }
    }
    svg.push_str("</svg>");
    Map(svg)
}

fn one(svg: &mut String, shape: &Shape, step: usize) {
    let _ = match shape {
        Shape::Outline(path) => write!(svg, "<path class=\"step-{step}\" d=\"{path}\">"),
        Shape::Dot(x, y) if step == 0 => {
            write!(svg, "<circle class=\"step-0\" cx=\"{x}\" cy=\"{y}\" r=\"3\">")
        }
        Shape::Dot(x, y) => {
            write!(svg, "<circle class=\"step-{step}\" cx=\"{x}\" cy=\"{y}\" r=\"{RADIUS}\">")
        }
    };
}

fn push_escaped(svg: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            '&' => svg.push_str("&amp;"),
            '"' => svg.push_str("&quot;"),
            other => svg.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceFile, examine_list};
    use crate::territory::Country;

    fn is_drawn(code: &str) -> bool {
        WORLD.shapes.iter().any(|(known, _)| *known == code)
    }

    #[test]
    fn every_entry_of_the_shipped_list_and_every_country_has_a_shape_or_a_dot() {
        let source = SourceFile::new("l", include_str!("../../../config/lists/cfcs.yaml"));
        let list = examine_list(None, &source).unwrap().list;
        let entries = list.versions()[0].territories.to_vec();
        assert_eq!(entries.len(), 38);
        let missing: Vec<String> = entries
            .iter()
            .chain(&Country::assigned().map(Territory::country_of).collect::<Vec<_>>())
            .map(ToString::to_string)
            .filter(|code| !is_drawn(code))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        let counts = entries.iter().map(|&t| (t, 7)).collect();
        let map = draw(&counts, "x", Language::Danish).to_string();
        for territory in &entries {
            let told = format!("<title>{}: 7</title>", territory.name(Language::Danish));
            assert_eq!(map.matches(&told).count(), 1, "{told}");
        }
    }

    #[test]
    fn each_place_on_the_map_lies_on_the_map() {
        assert!(WORLD.width == 1600 && WORLD.height > 600);
        for (code, shape) in &WORLD.shapes {
            match shape {
                Shape::Dot(x, y) => assert!(*x <= WORLD.width && *y <= WORLD.height, "{code}"),
                Shape::Outline(path) => {
                    assert!(path.starts_with('M') && path.ends_with('z'), "{code}");
                    let safe = |c: char| c.is_ascii_digit() || "Mlz -".contains(c);
                    assert!(path.chars().all(safe), "{code}");
                }
            }
        }
        assert!(DATA.len() < 150 * 1024);
    }

    #[test]
    fn five_steps_hold_every_figure_once() {
        for largest in [1, 2, 3, 5, 9, 31, 100, 12_345, 9_999_999] {
            let steps = steps(largest);
            assert_eq!((steps[0].from, steps[steps.len() - 1].to), (1, largest), "{largest}");
            assert!(steps.len() <= STEPS);
            for pair in steps.windows(2) {
                assert_eq!(pair[0].to + 1, pair[1].from, "{largest}");
            }
            assert!(step_of(&steps, 0).is_none());
            assert!((1..=largest.min(500)).all(|count| step_of(&steps, count).is_some()));
        }
        assert!(steps(0).is_empty());
    }

    #[test]
    fn what_has_no_figure_stands_in_the_quiet_ground() {
        let china = Territory::parse("CN").unwrap();
        let map = draw(&[(china, 3)].into(), "a <b> & c", Language::English).to_string();
        assert!(map.contains("a &lt;b&gt; &amp; c"));
        assert_eq!(map.matches("<title>").count(), 1, "China alone is told of");
        assert!(!map.contains("style="));
        let colours = (1..=STEPS).filter(|n| map.contains(&format!("step-{n}\""))).count();
        assert_eq!(colours, 1);
    }
}

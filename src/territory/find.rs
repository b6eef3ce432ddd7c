//! From what a person wrote to a territory.
//!
//! Always holds: only what is the same name after folding (case, diacritics, spaces, punctuation,
//! order of words) is a match. A near miss is named, never taken: Niger is not Nigeria.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Territory;
use super::aliases::{ALIASES, AMBIGUOUS, PARTS};
use super::fold::{folded, words};
use super::names::{named, three_letter_codes};

/// A longer text is no name of a country.
const LONGEST: usize = 120;
/// At most this many suggestions.
const SUGGESTIONS: usize = 3;

/// A territory that was found, and what the text was to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Its code or a name of it.
    Exact(Territory),
    /// The name of a part of it, such as Bali; the territory holds more than was asked for.
    PartOf(Territory),
}

impl Match {
    /// The territory, whatever the text was to it.
    #[must_use]
    pub fn territory(self) -> Territory {
        match self {
            Self::Exact(territory) | Self::PartOf(territory) => territory,
        }
    }
}

/// The text is no name or code of a territory, or of more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no country that is known here{}", suggestion(nearest))]
pub struct NotFound {
    /// What was asked, shortened where it was very long.
    pub text: String,
    /// What may have been meant, the nearest first; often none.
    pub nearest: Vec<Territory>,
}

/// The territory that a code or a Danish, English or ISO name means.
///
/// # Errors
/// [`NotFound`] with what may have been meant.
pub fn find(text: &str) -> Result<Territory, NotFound> {
    look_up(text).map(Match::territory)
}

/// As [`find`], and tells a part (Bali) from the whole.
///
/// # Errors
/// [`NotFound`] with what may have been meant.
pub fn look_up(text: &str) -> Result<Match, NotFound> {
    let text = text.trim();
    if text.len() > LONGEST {
        let text = text.chars().take(LONGEST / 4).collect::<String>() + "…";
        return Err(NotFound { text, nearest: Vec::new() });
    }
    if let Ok(territory) = Territory::parse(text)
        && territory.is_assigned()
    {
        return Ok(Match::Exact(territory));
    }
    // In capitals alone: "and" between two names is not Andorra.
    if let Some((territory, _)) = three_letter_codes().find(|(_, code)| *code == text) {
        return Ok(Match::Exact(territory));
    }
    INDEX
        .in_order
        .get(&folded(text))
        .or_else(|| INDEX.any_order.get(&in_any_order(text)))
        .copied()
        .ok_or_else(|| NotFound { text: text.to_owned(), nearest: nearest(text) })
}

struct Index {
    in_order: HashMap<String, Match>,
    any_order: HashMap<String, Match>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { in_order: HashMap::new(), any_order: HashMap::new() };
    let parts = entries(PARTS).map(|(territory, name)| (Match::PartOf(territory), name));
    // Parts go first: their names belong to subdivisions too, and the subdivision's code is the
    // way to ask for it alone.
    for (found, name) in parts.chain(all_names().map(|(t, name)| (Match::Exact(t), name))) {
        index.in_order.entry(folded(name)).or_insert(found);
        index.any_order.entry(in_any_order(name)).or_insert(found);
    }
    index
});

/// Every name that is taken, with its territory.
fn all_names() -> impl Iterator<Item = (Territory, &'static str)> {
    named()
        .flat_map(|(territory, danish, english)| [(territory, danish), (territory, english)])
        .chain(entries(ALIASES))
}

fn entries(
    table: &'static [(&'static str, &'static [&'static str])],
) -> impl Iterator<Item = (Territory, &'static str)> {
    table
        .iter()
        .filter_map(|(code, names)| Some((Territory::parse(code).ok()?, names)))
        .flat_map(|(territory, names)| names.iter().map(move |name| (territory, *name)))
}

/// "Korea, Republic of" and "Republic of Korea" are one name.
fn in_any_order(text: &str) -> String {
    let mut words = words(text);
    words.sort_unstable();
    words.concat()
}

fn nearest(text: &str) -> Vec<Territory> {
    let asked = folded(text);
    if asked.is_empty() {
        return Vec::new();
    }
    let several = AMBIGUOUS
        .iter()
        .filter(|(word, _)| folded(word) == asked)
        .flat_map(|(_, codes)| codes.iter().filter_map(|code| Territory::parse(code).ok()));
    let whole = Territory::parse(text).ok().map(|t| Territory::country_of(t.country()));
    let country = whole.filter(|t| t.is_assigned() && text.contains('-'));
    let mut found: Vec<Territory> = several.chain(country).collect();
    for territory in by_likeness(&asked) {
        if !found.contains(&territory) {
            found.push(territory);
        }
    }
    found.truncate(SUGGESTIONS);
    found
}

/// Names that are a typing error away, the nearest first. Very short texts resemble everything.
fn by_likeness(asked: &str) -> Vec<Territory> {
    if asked.chars().count() < 3 {
        return Vec::new();
    }
    let mut likely: Vec<(f64, Territory)> = all_names()
        .filter(|(_, name)| name.len() > 3)
        .map(|(territory, name)| {
            let name = folded(name);
            let likeness = strsim::jaro_winkler(asked, &name)
                .max(strsim::normalized_damerau_levenshtein(asked, &name) + 0.1);
            (likeness, territory)
        })
        .filter(|(likeness, _)| *likeness >= 0.86)
        .collect();
    likely.sort_by(|(a, s), (b, t)| b.total_cmp(a).then(s.cmp(t)));
    likely.into_iter().map(|(_, territory)| territory).collect()
}

fn suggestion(nearest: &[Territory]) -> String {
    use crate::language::Language::English;
    let names: Vec<String> = nearest.iter().map(|t| format!("{} ({t})", t.name(English))).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;

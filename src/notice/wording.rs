//! What the messages say, in Danish and in English. PURE.

mod danish;
mod english;

use super::compose::Notice;
use crate::language::Language;

/// A text message is at most this long: two parts of a concatenated one.
const LONGEST_SHORT: usize = 300;

/// Subject and text of a mail.
pub(super) fn long(notice: &Notice<'_>) -> (String, String) {
    match notice.language() {
        Language::Danish => danish::long(notice),
        Language::English => english::long(notice),
    }
}

/// One line for a telephone.
pub(super) fn short(notice: &Notice<'_>) -> String {
    let text = match notice.language() {
        Language::Danish => danish::short(notice),
        Language::English => english::short(notice),
    };
    super::plain(&text).chars().take(LONGEST_SHORT).collect()
}

/// Paragraphs, a blank line between two, a newline at the end.
fn letter(paragraphs: &[String]) -> String {
    let paragraphs: Vec<&str> =
        paragraphs.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    paragraphs.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests;

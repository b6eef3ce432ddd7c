//! What surrounds every page: head, masthead, places.

use askama::Template;
use http::StatusCode;

use super::page::Page;
use super::style::CSS;
use crate::language::Language;

#[derive(Template)]
#[template(path = "shell.html")]
struct Shell<'a> {
    language: Language,
    title: &'a str,
    organization: Option<&'a str>,
    other_language: &'a str,
    places: bool,
    css: &'a str,
    /// Rendered, and therefore escaped, by a template of its own.
    body: String,
}

/// Everything about a page but its content.
pub(super) struct Frame<'a> {
    pub(super) status: StatusCode,
    pub(super) language: Language,
    pub(super) title: &'a str,
    pub(super) organization: Option<&'a str>,
    /// Where the other language stands: `#en` in the same page, `?sprog=en` for the page anew.
    pub(super) other_language: &'a str,
    /// Whether the links to our own places stand below.
    pub(super) places: bool,
}

impl Frame<'_> {
    /// Puts the content, one template or several, into the frame.
    pub(super) fn around(self, content: &[&dyn askama::DynTemplate]) -> Page {
        let body = content.iter().map(|part| part.dyn_render().unwrap_or_default()).collect();
        let shell = Shell {
            language: self.language,
            title: self.title,
            organization: self.organization,
            other_language: self.other_language,
            places: self.places,
            css: &CSS,
            body,
        };
        // Rendering fails only where writing to the buffer does, and a String takes everything.
        Page::html(self.status, self.language, shell.render().unwrap_or_default())
    }
}

/// `?sprog=da` for a page in the other language.
pub(super) fn switch_to_other(language: Language) -> &'static str {
    match language {
        Language::Danish => "?sprog=en",
        Language::English => "?sprog=da",
    }
}

/// `#en` for a page that holds both languages.
pub(super) fn anchor_of_other(language: Language) -> &'static str {
    match language {
        Language::Danish => "#en",
        Language::English => "#da",
    }
}

/// The language of a page under `/.geovagt/`: what its query asks for (`?sprog=da|en`), else what
/// the browser prefers, else the organisation's.
#[must_use]
pub fn language(
    query: Option<&str>,
    accept_language: Option<&str>,
    organization: Language,
) -> Language {
    query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("sprog="))
        .and_then(Language::parse)
        .unwrap_or_else(|| Language::negotiate(accept_language, organization))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_wins_over_the_browser_and_the_browser_over_the_organisation() {
        use Language::{Danish, English};
        assert_eq!(language(Some("next=/&sprog=en"), Some("da"), Danish), English);
        assert_eq!(language(Some("sprog=tlh"), Some("en"), Danish), English);
        assert_eq!(language(None, None, English), English);
        assert_eq!(language(Some("nosprog=en"), None, Danish), Danish);
    }
}

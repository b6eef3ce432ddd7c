//! What the reasons of the log mean: the codes beside the words that the pages use for them.

use askama::Template;
use http::StatusCode;

use super::reasons::{capital, reason, verdict};
use super::words::{self, Words};
use crate::admin::{Answer, Place, Visitor, shell};
use crate::policy::Reason;

struct Explained {
    code: &'static str,
    words: String,
}

struct Group {
    verdict: &'static str,
    reasons: Vec<Explained>,
}

#[derive(Template)]
#[template(path = "log/reasons.html")]
struct Glossary {
    words: &'static Words,
    groups: Vec<Group>,
}

pub(super) async fn page(visitor: Visitor) -> Answer {
    let language = visitor.language;
    let words = words::of(language);
    let group = |word: &str| Group {
        verdict: verdict(word, language),
        reasons: Reason::ALL
            .iter()
            .filter(|one| one.verdict() == word)
            .map(|&one| Explained { code: one.code(), words: capital(reason(one, language)) })
            .collect(),
    };
    let page = Glossary { words, groups: ["deny", "identify", "allow"].map(group).into() };
    Ok(shell::frame_with(StatusCode::OK, &visitor, Place::Log, words.glossary, &page))
}

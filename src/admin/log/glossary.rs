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

#[cfg(test)]
mod tests {
    use crate::admin::fixture::Office;

    #[tokio::test]
    async fn every_reason_of_the_log_is_explained_to_those_who_read_it() {
        let office = Office::open().await;
        let mut security = office.signed_in("sofie.lind").await;
        for (page, example) in [
            ("/log/reasons?sprog=da", "Landet står på listen"),
            ("/log/reasons?sprog=en", "The country stands on the list"),
        ] {
            let text = office.get(&mut security, page).await.text;
            assert!(text.contains(example), "{page}: {text}");
            for reason in crate::policy::Reason::ALL {
                assert!(text.contains(&format!("id=\"{reason}\"")), "{page}: {reason}");
            }
        }
        let list = office.get(&mut security, "/log").await.text;
        assert!(list.contains("href=\"/log/reasons\""));
    }
}

//! Rejections that differ in nothing but their reference, made once.
//!
//! A flood asks for the same page again and again. Always holds: what is put together from a kept
//! answer is, byte for byte, what would have been made anew in the same minute; at most [`CAPACITY`]
//! are kept, and only for that minute, which stands on the page.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use foldhash::quality::RandomState;
use jiff::Timestamp;

use super::client::ClientKind;
use super::page::Page;
use super::wording;
use crate::audit::Reference;
use crate::identifier::SiteId;
use crate::language::Language;
use crate::policy::Reason;
use crate::territory::Territory;

/// So many different ones are kept; a page has some 10 KB.
const CAPACITY: usize = 128;

/// What a rejection depends on beside its reference and the minute, as long as the configuration
/// does not change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Variant {
    /// Whose page.
    pub site: SiteId,
    /// Why.
    pub reason: Reason,
    /// The entry on the list in force that covers the client.
    pub listed: Option<Territory>,
    /// What the client prefers.
    pub language: Language,
    /// What the client is.
    pub kind: ClientKind,
    /// Whether DB-IP is to be named.
    pub db_ip: bool,
}

/// The rejections that were made last. One belongs to one configuration.
#[derive(Debug, Default)]
pub struct Prebuilt {
    kept: ArcSwap<Kept>,
}

#[derive(Debug, Default, Clone)]
struct Kept {
    minute: i64,
    answers: HashMap<Variant, Arc<Answer>, RandomState>,
}

#[derive(Debug)]
struct Answer {
    /// Without its body.
    page: Page,
    pieces: Vec<Piece>,
    length: usize,
}

/// A part of a body.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Reference(Form),
}

/// The forms in which a reference stands in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Written,
    Letters,
    Words(Language),
}

impl Prebuilt {
    /// The rejection with this reference, where it was made in the same minute.
    #[must_use]
    pub fn page(&self, variant: &Variant, at: Timestamp, reference: Reference) -> Option<Page> {
        let kept = self.kept.load();
        let answer = kept.answers.get(variant).filter(|_| kept.minute == minute(at))?;
        Some(answer.with(reference))
    }

    /// Keeps a rejection that was made with this reference, its body included.
    pub fn keep(&self, variant: &Variant, at: Timestamp, page: &Page, reference: Reference) {
        let Some(answer) = Answer::of(page, reference).map(Arc::new) else { return };
        let minute = minute(at);
        self.kept.rcu(|kept| {
            let mut kept = if kept.minute == minute { Kept::clone(kept) } else { Kept::default() };
            kept.minute = minute;
            if kept.answers.len() < CAPACITY {
                kept.answers.insert(variant.clone(), Arc::clone(&answer));
            }
            kept
        });
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl Form {
    const ALL: [Self; 4] = [
        Self::Written,
        Self::Letters,
        Self::Words(Language::Danish),
        Self::Words(Language::English),
    ];

    fn of(self, written: &str) -> String {
        match self {
            Self::Written => written.to_owned(),
            Self::Letters => wording::reference_letters(written),
            Self::Words(language) => wording::reference_words(written, language),
        }
    }
}

impl Answer {
    /// None where the body is no text: then it is made anew each time.
    fn of(page: &Page, reference: Reference) -> Option<Self> {
        let text = std::str::from_utf8(&page.body).ok()?;
        let written = reference.to_string();
        let forms = Form::ALL.map(|form| (form, form.of(&written)));
        let mut pieces = Vec::new();
        let mut rest = text;
        let next = |rest: &str| {
            let found = forms.iter().filter_map(|(form, text)| {
                // Of two that begin at the same place, the longer one stands there.
                rest.find(text.as_str()).map(|at| (at, std::cmp::Reverse(text.len()), *form))
            });
            found.min_by_key(|&(at, length, _)| (at, length))
        };
        while let Some((at, std::cmp::Reverse(length), form)) = next(rest) {
            pieces.push(Piece::Text(rest.get(..at)?.to_owned()));
            pieces.push(Piece::Reference(form));
            rest = rest.get(at + length..)?;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let page = Page { body: Bytes::new(), ..page.clone() };
        // Words differ in length from reference to reference.
        Some(Self { page, pieces, length: text.len() + 128 })
    }

    fn with(&self, reference: Reference) -> Page {
        let written = reference.to_string();
        let mut body = String::with_capacity(self.length);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Reference(Form::Written) => body.push_str(&written),
                Piece::Reference(form) => body.push_str(&form.of(&written)),
            }
        }
        let page = Page { body: Bytes::from(body), ..self.page.clone() };
        page.with_reference(Some(&written))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    fn variant(site: &str) -> Variant {
        Variant {
            site: SiteId::parse(site).unwrap(),
            reason: Reason::CountryListed,
            listed: None,
            language: Language::Danish,
            kind: ClientKind::Other,
            db_ip: false,
        }
    }

    /// A page with every form of its reference, some of them twice.
    fn page(reference: Reference) -> Page {
        let written = reference.to_string();
        let forms = Form::ALL.map(|form| form.of(&written)).join(" | ");
        let body = format!("{written}{written}<p>{forms}</p>{written}");
        Page::text(StatusCode::FORBIDDEN, Language::Danish, body).with_reference(Some(&written))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_kept_answer_is_what_would_have_been_made_anew() {
        let prebuilt = Prebuilt::default();
        let first = reference("K7QX-2M9D");
        assert_eq!(prebuilt.page(&variant("a"), at(0), first), None);
        prebuilt.keep(&variant("a"), at(0), &page(first), first);
        for other in ["0000-0000", "ZZZZ-ZZZZ", "1234-ABCD", "K7QX-2M9D"].map(reference) {
            assert_eq!(prebuilt.page(&variant("a"), at(59), other), Some(page(other)));
        }
        assert_eq!(prebuilt.page(&variant("b"), at(0), first), None, "another site");
        assert_eq!(prebuilt.page(&variant("a"), at(60), first), None, "another minute");
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let prebuilt = Prebuilt::default();
        let first = reference("K7QX-2M9D");
        for number in 0..CAPACITY + 50 {
            prebuilt.keep(&variant(&format!("s{number}")), at(0), &page(first), first);
        }
        assert_eq!(prebuilt.kept.load().answers.len(), CAPACITY);
        prebuilt.keep(&variant("a"), at(60), &page(first), first);
        assert_eq!(prebuilt.kept.load().answers.len(), 1, "the minute is over");
    }
}

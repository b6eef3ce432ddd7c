//! The report in both languages.

use crate::admin::log::reasons;
use crate::audit::Action;
use crate::language::{self, Language, number};
use crate::log_index::{Figure, Subject};
use crate::policy::Reason;
use crate::territory::Territory;

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) quarter: &'static str,
    pub(super) show: &'static str,
    pub(super) file: &'static str,
    pub(super) what: &'static str,
    pub(super) number: &'static str,
    pub(super) total: &'static str,
    pub(super) nothing: &'static str,
    pub(super) hidden: &'static str,
    pub(super) unknown: &'static str,
    pub(super) not_over: &'static str,
}

const DANISH: Words = Words {
    title: "Tal til udvalget",
    intro: "Et kvartals tal uden personer. Tal under fem vises ikke, og heller ikke andre tal, som de kunne regnes ud af.",
    quarter: "Kvartal",
    show: "Vis",
    file: "Hent som CSV",
    what: "Hvad",
    number: "Antal",
    total: "I alt",
    nothing: "Der er ingen tal for det her kvartal.",
    hidden: "vises ikke",
    unknown: "Ukendt",
    not_over: "Kvartalet er ikke slut. Det er tallene indtil nu.",
};

const ENGLISH: Words = Words {
    title: "Figures for the committee",
    intro: "A quarter's figures without persons. Figures under five are not shown, nor others from which they could be worked out.",
    quarter: "Quarter",
    show: "Show",
    file: "Download as CSV",
    what: "What",
    number: "Number",
    total: "In all",
    nothing: "There are no figures of this quarter.",
    hidden: "not shown",
    unknown: "Unknown",
    not_over: "The quarter is not over. These are its figures so far.",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }

    pub(super) fn figure(&self, figure: Figure, language: Language) -> String {
        match figure {
            Figure::Shown(count) => number(count, language),
            Figure::Hidden => self.hidden.to_owned(),
        }
    }
}

/// What a table is about.
pub(super) fn subject(subject: Subject, language: Language) -> &'static str {
    match (subject, language) {
        (subject, Language::English) => subject.title(),
        (Subject::RejectionsByCountry, Language::Danish) => "Afvisninger efter land",
        (Subject::RejectionsByReason, Language::Danish) => "Afvisninger efter grund",
        (Subject::RejectionsBySite, Language::Danish) => "Afvisninger efter system",
        (Subject::RejectionsByMonth, Language::Danish) => "Afvisninger efter måned",
        (Subject::ExemptAccessByCountry, Language::Danish) => "Adgang med rejseadgang efter land",
        (Subject::Exemptions, Language::Danish) => "Rejseadgange",
    }
}

/// A row's name: a code that people do not read.
pub(super) fn row(subject: Subject, code: &str, language: Language) -> String {
    if code.is_empty() {
        return Words::of(language).unknown.to_owned();
    }
    let named = match subject {
        Subject::RejectionsByCountry | Subject::ExemptAccessByCountry => {
            Territory::parse(code).ok().map(|territory| territory.name(language).into_owned())
        }
        Subject::RejectionsByReason => {
            Reason::from_code(code).map(|reason| reasons::reason(reason, language).to_owned())
        }
        Subject::RejectionsByMonth => month(code, language),
        Subject::Exemptions => {
            Action::from_word(code).map(|action| reasons::action(action, language).to_owned())
        }
        Subject::RejectionsBySite => None,
    };
    named.unwrap_or_else(|| code.to_owned())
}

fn month(code: &str, language: Language) -> Option<String> {
    let (year, month) = code.split_once('-')?;
    let month: i8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
    Some(format!("{} {year}", language::month(month, language)))
}

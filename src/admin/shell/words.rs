//! The frame in both languages.

use super::Place;
use crate::language::Language;

/// What the frame says.
pub(super) struct Words {
    pub(super) product: &'static str,
    pub(super) to_content: &'static str,
    pub(super) places: &'static str,
    pub(super) overview: &'static str,
    pub(super) travel: &'static str,
    pub(super) log: &'static str,
    pub(super) list: &'static str,
    pub(super) system: &'static str,
    pub(super) own: &'static str,
    pub(super) organization: &'static str,
    pub(super) choose: &'static str,
    pub(super) find_reference: &'static str,
    pub(super) find: &'static str,
    pub(super) account: &'static str,
    pub(super) sign_out: &'static str,
    pub(super) other_language: &'static str,
}

const DANISH: Words = Words {
    product: "geovagt",
    to_content: "Gå til indholdet",
    places: "Steder",
    overview: "Overblik",
    travel: "Rejser",
    log: "Log",
    list: "Liste",
    system: "System",
    own: "Min rejse",
    organization: "Organisation",
    choose: "Vælg",
    find_reference: "Find afvisning på reference",
    find: "Find",
    account: "Din konto",
    sign_out: "Log ud",
    other_language: "In English",
};

const ENGLISH: Words = Words {
    product: "geovagt",
    to_content: "Go to the content",
    places: "Places",
    overview: "Overview",
    travel: "Travel",
    log: "Log",
    list: "List",
    system: "System",
    own: "My travel",
    organization: "Organisation",
    choose: "Choose",
    find_reference: "Find a rejection by its reference",
    find: "Find",
    account: "Your account",
    sign_out: "Sign out",
    other_language: "På dansk",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }

    pub(super) fn place(&self, place: Place) -> &'static str {
        match place {
            Place::Overview => self.overview,
            Place::Travel => self.travel,
            Place::Log => self.log,
            Place::List => self.list,
            Place::System => self.system,
            Place::Own | Place::Elsewhere => self.own,
        }
    }
}

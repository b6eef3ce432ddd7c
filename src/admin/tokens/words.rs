//! The tokens in both languages.

use super::Wrong;
use crate::config::Role;
use crate::language::Language;

/// What the pages of tokens say.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) empty: &'static str,
    pub(super) label: &'static str,
    pub(super) label_help: &'static str,
    pub(super) label_wrong: &'static str,
    pub(super) scope: &'static str,
    pub(super) scope_wrong: &'static str,
    pub(super) read: &'static str,
    pub(super) write: &'static str,
    pub(super) roles: &'static str,
    pub(super) roles_wrong: &'static str,
    pub(super) days: &'static str,
    pub(super) days_help: &'static str,
    pub(super) days_wrong: &'static str,
    pub(super) new: &'static str,
    pub(super) make: &'static str,
    pub(super) made_by: &'static str,
    pub(super) ends: &'static str,
    pub(super) used: &'static str,
    pub(super) never: &'static str,
    pub(super) state: &'static str,
    pub(super) counts: &'static str,
    pub(super) over: &'static str,
    pub(super) revoked: &'static str,
    pub(super) revoke: &'static str,
    pub(super) really: &'static str,
    pub(super) really_text: &'static str,
    pub(super) done: &'static str,
    pub(super) once: &'static str,
    pub(super) back: &'static str,
    pub(super) problems: &'static str,
    pub(super) error: &'static str,
}

const DANISH: Words = Words {
    title: "Nøgler til programmer",
    lead: "Et program bruger geovagt med en nøgle. Det handler i dit navn, med de roller du giver det, og ikke længere end du selv kan logge ind.",
    empty: "Der er ingen nøgler.",
    label: "Navn",
    label_help: "Hvad nøglen bruges til, fx “Journalsystemet”.",
    label_wrong: "Skriv et navn på højst 60 tegn.",
    scope: "Må",
    scope_wrong: "Vælg, hvad nøglen må.",
    read: "læse",
    write: "læse og ændre",
    roles: "Roller",
    roles_wrong: "Vælg mindst én rolle, som du selv har.",
    days: "Gælder i dage",
    days_help: "Fra 1 til 366.",
    days_wrong: "Skriv et helt tal fra 1 til 366.",
    new: "Ny nøgle",
    make: "Lav nøglen",
    made_by: "Lavet af",
    ends: "Udløber",
    used: "Sidst brugt",
    never: "aldrig",
    state: "Tilstand",
    counts: "✓ gælder",
    over: "– udløbet",
    revoked: "✕ spærret",
    revoke: "Spær",
    really: "Vil du spærre nøglen?",
    really_text: "Programmet, der bruger den, kommer ikke længere ind. Det kan ikke gøres om; det skal så have en ny nøgle.",
    done: "Nøglen er lavet",
    once: "Kopiér den nu. Vi gemmer den ikke og kan ikke vise den igen.",
    back: "Til nøglerne",
    problems: "Der er noget, der skal rettes",
    error: "Fejl: ",
};

const ENGLISH: Words = Words {
    title: "Tokens for programs",
    lead: "A program uses geovagt with a token. It acts in your name, with the roles you give it, and no longer than you yourself can sign in.",
    empty: "There are no tokens.",
    label: "Name",
    label_help: "What the token is for, such as “Records system”.",
    label_wrong: "Enter a name of at most 60 characters.",
    scope: "May",
    scope_wrong: "Choose what the token may do.",
    read: "read",
    write: "read and change",
    roles: "Roles",
    roles_wrong: "Choose at least one role that you have yourself.",
    days: "Valid for days",
    days_help: "From 1 to 366.",
    days_wrong: "Enter a whole number from 1 to 366.",
    new: "New token",
    make: "Make the token",
    made_by: "Made by",
    ends: "Expires",
    used: "Last used",
    never: "never",
    state: "State",
    counts: "✓ valid",
    over: "– expired",
    revoked: "✕ revoked",
    revoke: "Revoke",
    really: "Revoke the token?",
    really_text: "The program that uses it will no longer get in. This cannot be undone; it will then need a new token.",
    done: "The token is made",
    once: "Copy it now. We do not keep it and cannot show it again.",
    back: "To the tokens",
    problems: "Something needs to be corrected",
    error: "Error: ",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }

    pub(super) fn wrong(&self, wrong: &Wrong) -> &'static str {
        match wrong {
            Wrong::Label => self.label_wrong,
            Wrong::Scope => self.scope_wrong,
            Wrong::Roles => self.roles_wrong,
            Wrong::Days => self.days_wrong,
        }
    }
}

/// A role as people say it.
pub(super) fn role(role: Role, language: Language) -> &'static str {
    crate::admin::access::role_name(role, language)
}

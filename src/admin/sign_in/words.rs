//! Signing in, in both languages.

use crate::language::Language;

/// What the pages of signing in say.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) organization: &'static str,
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    pub(super) submit: &'static str,
    pub(super) note: &'static str,
    pub(super) problem: &'static str,
    pub(super) wrong: &'static str,
    pub(super) too_old: &'static str,
    pub(super) forged: &'static str,
    pub(super) too_many: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) no_entry: &'static str,
    pub(super) failed: &'static str,
    pub(super) provider: &'static str,
    pub(super) with: &'static str,
    pub(super) or: &'static str,
}

const DANISH: Words = Words {
    title: "Log ind",
    lead: "Herfra giver man rejseadgang, gennemgår loggen og passer sin egen rejse.",
    organization: "Organisation",
    name: "Brugernavn",
    password: "Adgangskode",
    submit: "Log ind",
    note: "Dit log-in bliver skrevet i loggen. Vi beder dig aldrig om adgangskoden i en mail eller i telefonen.",
    problem: "Du kom ikke ind",
    wrong: "Navn og adgangskode passer ikke sammen, eller kontoen kan ikke bruges her. Prøv igen.",
    too_old: "Formularen var for gammel. Udfyld den igen.",
    forged: "Formularen kom ikke fra denne side. Udfyld den igen.",
    too_many: "Der har været for mange forsøg. Vent et minut, og prøv igen.",
    unavailable: "Vi kan ikke slå noget op lige nu. Prøv igen om lidt.",
    no_entry: "Loggen kan ikke skrives lige nu, og så kan ingen logge ind. Sig det til den, der driver geovagt.",
    failed: "Det gik ikke. Prøv igen.",
    provider: "Det sted, der skal vise, hvem du er, svarer ikke. Prøv igen om lidt.",
    with: "Log ind med",
    or: "Eller med navn og adgangskode",
};

const ENGLISH: Words = Words {
    title: "Sign in",
    lead: "This is where travel exemptions are granted, the log is reviewed, and your own travel is seen to.",
    organization: "Organisation",
    name: "User name",
    password: "Password",
    submit: "Sign in",
    note: "Your sign-in is written to the log. We never ask for your password by mail or telephone.",
    problem: "You did not get in",
    wrong: "Name and password do not match, or the account cannot be used here. Try again.",
    too_old: "The form was too old. Fill it in again.",
    forged: "The form did not come from this site. Fill it in again.",
    too_many: "There have been too many attempts. Wait a minute and try again.",
    unavailable: "We cannot look anything up now. Try again in a while.",
    no_entry: "The log cannot be written now, so nobody can sign in. Tell whoever runs geovagt.",
    failed: "That did not work. Try again.",
    provider: "The place that shows who you are does not answer. Try again in a while.",
    with: "Sign in with",
    or: "Or with name and password",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }
}

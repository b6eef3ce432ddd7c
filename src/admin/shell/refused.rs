//! Pages for what cannot be shown: what is the matter, whether anything was saved, what to do.

use askama::Template;
use axum::response::Response;

use super::{Place, frame_with};
use crate::admin::{Refusal, Visitor};
use crate::language::Language;

/// A refusal in words.
pub(in crate::admin) struct RefusalWords {
    /// One line.
    pub(in crate::admin) title: &'static str,
    /// What is the matter and what to do.
    pub(in crate::admin) detail: String,
    /// Where to go on.
    pub(in crate::admin) way_on: &'static str,
}

#[derive(Template)]
#[template(path = "shell/refused.html")]
struct Refused<'a> {
    words: &'a RefusalWords,
    code: Option<&'a str>,
    code_label: &'static str,
}

/// The page for somebody who is signed in.
pub(in crate::admin) fn refused(visitor: &Visitor, refusal: &Refusal) -> Response {
    let words = refusal_words(refusal, visitor.language);
    let code = match refusal {
        Refusal::Fault(code) => Some(code.as_str()),
        _ => None,
    };
    let code_label = match visitor.language {
        Language::Danish => "Sig denne kode, hvis du ringer:",
        Language::English => "Say this code if you call:",
    };
    let body = Refused { words: &words, code, code_label };
    frame_with(refusal.status(), visitor, Place::Elsewhere, words.title, &body)
}

/// The words for a refusal.
pub(in crate::admin) fn refusal_words(refusal: &Refusal, language: Language) -> RefusalWords {
    let (title, detail) = match language {
        Language::Danish => danish(refusal),
        Language::English => english(refusal),
    };
    let detail = match refusal {
        Refusal::Invalid(text) | Refusal::Conflict(text) => text.clone(),
        _ => detail.to_owned(),
    };
    let way_on = match language {
        Language::Danish => "Til forsiden",
        Language::English => "To the front page",
    };
    RefusalWords { title, detail, way_on }
}

fn danish(refusal: &Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::SignInNeeded => ("Log ind", "Du skal logge ind for at komme videre."),
        Refusal::NotPermitted => (
            "Det har du ikke adgang til",
            "Din rolle omfatter ikke denne side. Intet er ændret. Skal du bruge den i dit arbejde, så bed den, der driver geovagt hos jer, om rollen.",
        ),
        Refusal::NotFound => (
            "Siden findes ikke",
            "Der er ikke noget her, eller det tilhører en anden organisation. Se efter, om adressen er skrevet rigtigt.",
        ),
        Refusal::MethodNotAllowed => (
            "Det kan man ikke her",
            "Siden findes, men kan ikke bruges på den måde. Intet er ændret.",
        ),
        Refusal::Forged => (
            "Formularen kunne ikke bekræftes",
            "Den er for gammel, eller den kom ikke fra denne side. Intet er gemt. Gå tilbage, hent siden igen, og send den en gang til.",
        ),
        Refusal::TooLarge => (
            "Det er for meget på én gang",
            "Vi tager højst 2 MB ad gangen. Intet er gemt. Del det op, og prøv igen.",
        ),
        Refusal::TooSlow => (
            "Det tog for lang tid",
            "Vi ved ikke, om noget nåede at blive gemt. Se efter, før du prøver igen.",
        ),
        Refusal::Invalid(_) => ("Der er noget, der ikke passer", ""),
        Refusal::Conflict(_) => ("Det kan ikke lade sig gøre nu", ""),
        Refusal::PreconditionFailed => (
            "Den er ændret siden",
            "En anden har ændret den, efter at du hentede den. Intet er gemt. Hent den igen.",
        ),
        Refusal::TooMany => ("For mange forsøg", "Vent et øjeblik, og prøv igen. Intet er ændret."),
        Refusal::NoEntry => (
            "Loggen kan ikke skrives",
            "Hvert kig på en persons rejse eller på loggen skrives ned, før noget vises. Det kan vi ikke lige nu, så intet vises. Sig det til den, der driver geovagt.",
        ),
        Refusal::Unavailable => (
            "Lageret svarer ikke",
            "Vi kan hverken hente eller gemme noget lige nu. Trafikken berøres ikke. Prøv igen om lidt.",
        ),
        Refusal::Fault(_) => (
            "Der gik noget galt hos os",
            "Siden kunne ikke laves. Se efter, om det, du gjorde, er gemt, før du prøver igen.",
        ),
    }
}

fn english(refusal: &Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::SignInNeeded => ("Sign in", "You have to sign in to go on."),
        Refusal::NotPermitted => (
            "You do not have access to this",
            "Your role does not cover this page. Nothing was changed. If your work needs it, ask whoever runs geovagt for the role.",
        ),
        Refusal::NotFound => (
            "There is no such page",
            "There is nothing here, or it is another organisation's. See whether the address is written correctly.",
        ),
        Refusal::MethodNotAllowed => (
            "That cannot be done here",
            "The page is there, but cannot be used in this way. Nothing was changed.",
        ),
        Refusal::Forged => (
            "The form could not be confirmed",
            "It is too old, or it did not come from this site. Nothing was saved. Go back, load the page again, and send it once more.",
        ),
        Refusal::TooLarge => (
            "That is too much at once",
            "We take at most 2 MB at a time. Nothing was saved. Divide it and try again.",
        ),
        Refusal::TooSlow => (
            "It took too long",
            "We do not know whether anything was saved. Look before you try again.",
        ),
        Refusal::Invalid(_) => ("Something does not fit", ""),
        Refusal::Conflict(_) => ("That cannot be done now", ""),
        Refusal::PreconditionFailed => (
            "It has changed since",
            "Somebody has changed it after you loaded it. Nothing was saved. Load it again.",
        ),
        Refusal::TooMany => {
            ("Too many attempts", "Wait a moment and try again. Nothing was changed.")
        }
        Refusal::NoEntry => (
            "The log cannot be written",
            "Every look at somebody's travel or at the log is written down before anything is shown. That is not possible now, so nothing is shown. Tell whoever runs geovagt.",
        ),
        Refusal::Unavailable => (
            "The store does not answer",
            "Nothing can be loaded or saved now. Traffic is not affected. Try again in a while.",
        ),
        Refusal::Fault(_) => (
            "Something went wrong on our side",
            "The page could not be made. See whether what you did was saved before you try again.",
        ),
    }
}

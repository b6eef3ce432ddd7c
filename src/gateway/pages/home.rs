//! "I am home again": the traveller's own journeys, and the button that ends one.

use askama::Template;
use http::StatusCode;

use super::page::Page;
use super::shell::{Frame, switch_to_other};
use crate::config::Organization;
use crate::language::Language;
use crate::policy::Phase;

/// What a signed-in traveller sees of their own journeys.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page.
    pub language: Language,
    /// The one who is signed in.
    pub name: &'a str,
    /// The token that the form must send back.
    pub csrf: &'a str,
    /// The journeys, those that can be ended first.
    pub journeys: &'a [OwnJourney],
    /// The exemption that was ended just now.
    pub closed: Option<&'a str>,
}

/// One journey of the person who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnJourney {
    /// The exemption's name.
    pub id: String,
    /// Where it stands.
    pub phase: Phase,
    /// The countries, in the language of the page.
    pub places: String,
    /// From when until when.
    pub days: String,
    /// Why it was refused.
    pub reason: Option<String>,
}

impl OwnJourney {
    /// Whether there is something to end.
    fn can_end(&self) -> bool {
        matches!(self.phase, Phase::Planned | Phase::Active)
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    language: Language,
    name: &'a str,
    csrf: &'a str,
    journeys: &'a [OwnJourney],
    closed: Option<&'a str>,
}

/// The page.
#[must_use]
pub fn home(view: &Home<'_>) -> Page {
    let title = match (view.language, view.closed) {
        (Language::Danish, None) => "Er du hjemme igen?",
        (Language::Danish, Some(_)) => "Velkommen hjem",
        (Language::English, None) => "Are you home again?",
        (Language::English, Some(_)) => "Welcome home",
    };
    let frame = Frame {
        status: StatusCode::OK,
        language: view.language,
        title,
        organization: Some(&view.organization.name),
        other_language: switch_to_other(view.language),
        places: true,
    };
    frame.around(&[&HomeTemplate {
        language: view.language,
        name: view.name,
        csrf: view.csrf,
        journeys: view.journeys,
        closed: view.closed,
    }])
}

/// Where a journey stands, as its traveller reads it.
fn standing(phase: Phase, language: Language) -> &'static str {
    let (danish, english) = match phase {
        Phase::Applied | Phase::AwaitingApproval => {
            ("… Ansøgningen er ikke afgjort endnu", "… Not decided yet")
        }
        Phase::Planned => ("→ Godkendt, er ikke begyndt", "→ Approved, has not begun"),
        Phase::Active => ("✓ Gælder nu", "✓ Counts now"),
        Phase::Ended => ("– Er slut", "– Is over"),
        Phase::Refused => ("✕ Afslået", "✕ Refused"),
        Phase::Withdrawn => ("– Trukket tilbage", "– Taken back"),
        Phase::Revoked => ("✕ Tilbagekaldt", "✕ Revoked"),
        Phase::Closed => ("– Lukket, du er hjemme", "– Closed, you are home"),
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

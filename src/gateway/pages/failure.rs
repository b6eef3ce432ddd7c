//! What a person reads when something did not work: what failed, what to do, whom to call.

use askama::Template;
use http::{Method, StatusCode};
use jiff::Timestamp;

use super::client::{ClientKind, RequestShape};
use super::contact::ContactView;
use super::page::Page;
use super::shell::{Frame, anchor_of_other};
use super::wording;
use crate::config::Organization;
use crate::language::Language;

/// What did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 400: the request can be read in two ways, or not at all.
    UnclearRequest,
    /// 403: the one answer to all credentials that do not open the door.
    SignInFailed,
    /// Who is it? For programs, which are asked in the answer's head: 401.
    SignInNeeded,
    /// 400: a sign-in that came back and cannot be gone on with.
    SignInBroken,
    /// 503: where people sign in gives no answer.
    ProviderUnavailable,
    /// 404: no site answers for this host.
    UnknownSite,
    /// 404: there is no such page under `/.geovagt/`.
    PageNotFound,
    /// 405: the page does not take this method.
    MethodNotAllowed,
    /// 408: the rest of what was to be sent never came.
    BodyTimeout,
    /// 413: more was sent than is taken.
    TooLarge,
    /// 421: this connection was opened for another host.
    Misdirected,
    /// 429: this client asks too often.
    TooManyRequests {
        /// Seconds until it makes sense to try again.
        retry_after: u32,
    },
    /// 431: the header is too large.
    HeaderTooLarge,
    /// 502: the system behind answered nonsense, or nothing.
    UpstreamInvalid,
    /// 503: the system behind cannot be reached.
    UpstreamUnavailable,
    /// 503: the gateway has as much to do as it can.
    Overload,
    /// 503: the log cannot be written.
    AuditUnavailable,
    /// 504: the system behind did not answer in time.
    UpstreamTimeout,
}

/// A failure, as it is told to the client.
#[derive(Debug, Clone, Copy)]
pub struct FailureView<'a> {
    /// What did not work.
    pub failure: Failure,
    /// Whose site it is; none where the site is not known: then nobody is named.
    pub organization: Option<&'a Organization>,
    /// The language the client prefers; the page holds both.
    pub language: Language,
    /// The reference of the audit entry, where there is one.
    pub reference: Option<&'a str>,
    /// The instant.
    pub at: Timestamp,
}

impl Failure {
    /// The status it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::UnclearRequest | Self::SignInBroken => StatusCode::BAD_REQUEST,
            Self::SignInFailed => StatusCode::FORBIDDEN,
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::UnknownSite | Self::PageNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UpstreamInvalid => StatusCode::BAD_GATEWAY,
            Self::UpstreamUnavailable
            | Self::Overload
            | Self::AuditUnavailable
            | Self::ProviderUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Title, what is the matter, what to do.
    fn texts(self, language: Language) -> [&'static str; 3] {
        match language {
            Language::Danish => self.texts_danish(),
            Language::English => self.texts_english(),
        }
    }

    fn texts_danish(self) -> [&'static str; 3] {
        match self {
            Self::UnclearRequest => [
                "Forespørgslen kunne ikke læses",
                "Din browser eller app sendte noget, som kan forstås på mere end én måde. Derfor er det ikke sendt videre.",
                "Skriv adressen ind på ny. Sker det igen, så slet cookies for siden, eller brug en anden browser.",
            ],
            Self::SignInFailed => [
                "Du blev ikke logget ind",
                "Navnet eller adgangskoden passer ikke, eller der er ikke åbnet for dig herfra lige nu.",
                "Se efter, om caps lock er slået til, og prøv igen. Lykkes det ikke, så kontakt servicedesken, og opgiv referencen.",
            ],
            Self::SignInNeeded => [
                "Log ind for at fortsætte",
                "Systemet vil vide, hvem du er, før det svarer.",
                "Log ind med dit navn og din adgangskode.",
            ],
            Self::SignInBroken => [
                "Login blev ikke gennemført",
                "Svaret hører ikke til et login, som denne browser er i gang med. Måske tog det for lang tid, blev afbrudt, eller siden blev åbnet igen.",
                "Begynd forfra herfra. Lykkes det ikke, så kontakt servicedesken, og opgiv referencen.",
            ],
            Self::ProviderUnavailable => [
                "Vi kan ikke logge nogen ind lige nu",
                "Det sted, hvor du skal vise, hvem du er, svarer ikke, som det skal. Der er ikke noget i vejen med din konto.",
                "Prøv igen om lidt. Er det stadig galt, så kontakt servicedesken, og opgiv referencen.",
            ],
            Self::UnknownSite => [
                "Her er ikke noget på den adresse",
                "Ingen side svarer på det navn, du har skrevet.",
                "Se efter, om adressen er stavet rigtigt, og prøv igen.",
            ],
            Self::PageNotFound => [
                "Siden findes ikke",
                "Der er ingen side på den adresse.",
                "Se efter, om adressen er stavet rigtigt, eller brug et af linkene nedenfor.",
            ],
            Self::MethodNotAllowed => [
                "Det kan siden ikke tage imod",
                "Din browser eller app bad om noget, som denne side ikke kan.",
                "Åbn siden på ny fra adresselinjen.",
            ],
            Self::BodyTimeout => [
                "Det, du sendte, nåede ikke frem",
                "Forbindelsen gik i stå undervejs, så vi fik kun en del af det. Vi ved ikke, om systemet bag ved har gemt noget af det.",
                "Se efter, om forbindelsen til nettet er god, og send det igen.",
            ],
            Self::TooLarge => [
                "Det var for meget på én gang",
                "Det, du sendte, er større, end vi tager imod.",
                "Send mindre ad gangen.",
            ],
            Self::Misdirected => [
                "Forbindelsen hører til en anden adresse",
                "Din browser genbrugte en forbindelse, der var åbnet til en anden side.",
                "Genindlæs siden. Hjælper det ikke, så luk browseren, og åbn den igen.",
            ],
            Self::TooManyRequests { .. } => [
                "Der kom for mange forsøg på kort tid",
                "Vi har sat farten ned for din forbindelse for at beskytte mod it-angreb.",
                "Vent et minut, og prøv igen.",
            ],
            Self::HeaderTooLarge => [
                "Din browser sendte for meget med",
                "Det skyldes som regel gamle cookies.",
                "Slet cookies for siden, og prøv igen.",
            ],
            Self::UpstreamInvalid => [
                "Systemet svarede ikke, som det skulle",
                "Din adgang er i orden, men systemet bag ved har problemer.",
                "Prøv igen om lidt. Er det stadig galt, så kontakt servicedesken, og opgiv referencen.",
            ],
            Self::UpstreamUnavailable => [
                "Systemet er ude af drift lige nu",
                "Din adgang er i orden, men vi kan ikke få fat i systemet bag ved.",
                "Prøv igen om lidt. Er det stadig galt, så kontakt servicedesken, og opgiv referencen.",
            ],
            Self::UpstreamTimeout => [
                "Systemet var for længe om at svare",
                "Din adgang er i orden, men systemet bag ved svarede ikke i tide. Vi ved ikke, om det nåede at gemme det, du var i gang med.",
                "Se efter, om det blev gemt, før du prøver igen. Er det stadig galt, så kontakt servicedesken, og opgiv referencen.",
            ],
            Self::Overload => [
                "Der er meget travlt lige nu",
                "Vi kan ikke tage imod flere forespørgsler i øjeblikket.",
                "Vent et minut, og prøv igen.",
            ],
            Self::AuditUnavailable => [
                "Adgangen er lukket et øjeblik",
                "Vi kan ikke føre log lige nu, og uden log giver vi ikke adgang. Intet er sendt videre.",
                "Prøv igen om lidt. Er det stadig galt, så kontakt servicedesken, og opgiv referencen.",
            ],
        }
    }

    fn texts_english(self) -> [&'static str; 3] {
        match self {
            Self::UnclearRequest => [
                "The request could not be read",
                "Your browser or app sent something that can be understood in more than one way. So it was not passed on.",
                "Type the address again. If it happens again, delete the cookies of this site or use another browser.",
            ],
            Self::SignInFailed => [
                "You were not signed in",
                "The name or the password does not match, or access is not open to you from here at this time.",
                "Check whether caps lock is on, and try again. If it does not work, contact the service desk and quote the reference.",
            ],
            Self::SignInNeeded => [
                "Sign in to go on",
                "The system wants to know who you are before it answers.",
                "Sign in with your name and your password.",
            ],
            Self::SignInBroken => [
                "The sign-in was not completed",
                "The answer does not belong to a sign-in that this browser has begun. Perhaps it took too long, was interrupted, or the page was opened again.",
                "Begin again from here. If that does not help, contact the service desk and quote the reference.",
            ],
            Self::ProviderUnavailable => [
                "We cannot sign anybody in right now",
                "The place where you show who you are does not answer as it should. There is nothing wrong with your account.",
                "Try again in a while. If it is still wrong, contact the service desk and quote the reference.",
            ],
            Self::UnknownSite => [
                "There is nothing at this address",
                "No site answers to the name you typed.",
                "Check the spelling of the address, and try again.",
            ],
            Self::PageNotFound => [
                "There is no such page",
                "There is no page at this address.",
                "Check the spelling of the address, or use one of the links below.",
            ],
            Self::MethodNotAllowed => [
                "This page cannot take that",
                "Your browser or app asked for something that this page does not do.",
                "Open the page again from the address bar.",
            ],
            Self::BodyTimeout => [
                "What you sent did not arrive",
                "The connection came to a standstill on the way, so we received only a part. We do not know whether the system behind has kept any of it.",
                "Check that your connection is good, and send it again.",
            ],
            Self::TooLarge => [
                "That was too much at once",
                "What you sent is larger than we accept.",
                "Send less at a time.",
            ],
            Self::Misdirected => [
                "The connection belongs to another address",
                "Your browser used a connection again that was opened for another site.",
                "Reload the page. If that does not help, close the browser and open it again.",
            ],
            Self::TooManyRequests { .. } => [
                "There were too many attempts in a short time",
                "We have slowed down your connection to protect against cyber attacks.",
                "Wait a minute, and try again.",
            ],
            Self::HeaderTooLarge => [
                "Your browser sent too much along",
                "Old cookies are the usual cause.",
                "Delete the cookies of this site, and try again.",
            ],
            Self::UpstreamInvalid => [
                "The system did not answer as it should",
                "Your access is in order, but the system behind has a problem.",
                "Try again in a while. If it is still wrong, contact the service desk and quote the reference.",
            ],
            Self::UpstreamUnavailable => [
                "The system is out of service right now",
                "Your access is in order, but we cannot reach the system behind.",
                "Try again in a while. If it is still wrong, contact the service desk and quote the reference.",
            ],
            Self::UpstreamTimeout => [
                "The system took too long to answer",
                "Your access is in order, but the system behind did not answer in time. We do not know whether it saved what you were doing.",
                "See whether it was saved before you try again. If it is still wrong, contact the service desk and quote the reference.",
            ],
            Self::Overload => [
                "It is very busy right now",
                "We cannot take any more requests at the moment.",
                "Wait a minute, and try again.",
            ],
            Self::AuditUnavailable => [
                "Access is closed for a moment",
                "We cannot keep the log right now, and without a log we give no access. Nothing was passed on.",
                "Try again in a while. If it is still wrong, contact the service desk and quote the reference.",
            ],
        }
    }

    /// Seconds for `Retry-After`.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after } => Some(u64::from(retry_after)),
            Self::UpstreamUnavailable
            | Self::Overload
            | Self::AuditUnavailable
            | Self::ProviderUnavailable => Some(30),
            _ => None,
        }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Fragment<'a> {
    language: Language,
    level: u8,
    heading: &'static str,
    matter: &'static str,
    remedy: &'static str,
    try_again: bool,
    contact: Option<ContactView<'a>>,
    reference: Option<&'a str>,
    reference_letters: String,
    reference_words: String,
    local_time: Option<String>,
    universal_time: String,
}

impl<'a> Fragment<'a> {
    fn of(view: &FailureView<'a>, language: Language, level: u8) -> Self {
        let [heading, matter, remedy] = view.failure.texts(language);
        let reference = view.reference;
        Self {
            language,
            level,
            heading,
            matter,
            remedy,
            try_again: matches!(
                view.failure,
                Failure::SignInFailed | Failure::SignInBroken | Failure::ProviderUnavailable
            ),
            contact: view.organization.map(|o| ContactView::of(o, language)),
            reference,
            reference_letters: reference.map(wording::reference_letters).unwrap_or_default(),
            reference_words: reference
                .map(|text| wording::reference_words(text, language))
                .unwrap_or_default(),
            local_time: view
                .organization
                .map(|o| wording::instant(view.at, &o.time_zone, language)),
            universal_time: wording::universal(view.at, language),
        }
    }
}

/// The page for a failure, in both languages, the preferred one first.
#[must_use]
pub fn failure(view: &FailureView<'_>) -> Page {
    let language = view.language;
    let [title, ..] = view.failure.texts(language);
    let frame = Frame {
        status: view.failure.status(),
        language,
        title,
        organization: view.organization.map(|o| o.name.as_str()),
        other_language: anchor_of_other(language),
        places: view.failure == Failure::PageNotFound,
    };
    let preferred = Fragment::of(view, language, 1);
    let other = Fragment::of(view, language.other(), 2);
    frame
        .around(&[&preferred, &other])
        .with_reference(view.reference)
        .with_retry_after(view.failure.retry_after())
}

/// The answer to a failure that fits the client. ActiveSync never gets 401, 500, 502 or 504: it
/// would ask for the password or fetch everything anew; 503 makes it wait.
#[must_use]
pub fn failure_response(shape: &RequestShape<'_>, view: &FailureView<'_>) -> Page {
    let status = view.failure.status();
    let page = match shape.kind() {
        ClientKind::Browser => failure(view),
        ClientKind::Script => problem(view),
        ClientKind::ActiveSync if status.is_server_error() => {
            Page::text(StatusCode::SERVICE_UNAVAILABLE, view.language, String::new())
                .with_retry_after(Some(30))
        }
        ClientKind::ActiveSync => Page::text(status, view.language, String::new()),
        ClientKind::Office | ClientKind::Dav | ClientKind::WebSocket | ClientKind::Other => {
            plain(view)
        }
    }
    .with_reference(view.reference);
    let page = match view.failure.retry_after() {
        Some(seconds) => page.with_retry_after(Some(seconds)),
        None => page,
    };
    if shape.method == Method::HEAD { page.without_body() } else { page }
}

fn plain(view: &FailureView<'_>) -> Page {
    let line = |language| {
        let [title, matter, remedy] = view.failure.texts(language);
        let reference = view.reference.map(|text| format!(" Reference: {text}"));
        format!("{title}. {matter} {remedy}{}\n", reference.unwrap_or_default())
    };
    let body = line(view.language) + &line(view.language.other());
    Page::text(view.failure.status(), view.language, body)
}

fn problem(view: &FailureView<'_>) -> Page {
    let status = view.failure.status();
    let [_, matter, _] = view.failure.texts(view.language);
    let mut document = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": matter,
    });
    if let (Some(reference), Some(members)) = (view.reference, document.as_object_mut()) {
        members.insert("reference".to_owned(), reference.into());
    }
    Page::problem(status, view.language, &document)
}

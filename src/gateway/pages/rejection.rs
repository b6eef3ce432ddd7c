//! The rejection: the page for a person, and what suits every other client.

use askama::Template;
use http::{Method, StatusCode};
use jiff::Timestamp;
use std::time::Duration;

use super::client::{ClientKind, RequestShape};
use super::contact::ContactView;
use super::failure::{Failure, FailureView, failure_response};
use super::page::Page;
use super::shell::{Frame, anchor_of_other};
use super::wording;
use crate::audit::Reference;
use crate::config::Organization;
use crate::language::Language;
use crate::policy::Reason;

/// What a territory is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names<'a> {
    /// In Danish.
    pub danish: &'a str,
    /// In English.
    pub english: &'a str,
}

impl<'a> Names<'a> {
    /// The name in one language.
    #[must_use]
    pub fn in_language(self, language: Language) -> &'a str {
        match language {
            Language::Danish => self.danish,
            Language::English => self.english,
        }
    }
}

/// One rejection, as it is told to the client.
#[derive(Debug, Clone, Copy)]
pub struct Rejection<'a> {
    /// Why. Every reason that has to do with credentials or exemptions is told as `country_listed`.
    pub reason: Reason,
    /// The territory *on the list in force* that covers the client; none where it is elsewhere.
    pub listed_country: Option<Names<'a>>,
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language the client prefers; the page holds both.
    pub language: Language,
    /// The reference of the audit entry.
    pub reference: &'a str,
    /// The instant of the rejection.
    pub at: Timestamp,
    /// How long denials are kept.
    pub kept: Duration,
    /// Whether DB-IP's database decided: its licence asks for a link.
    pub db_ip: bool,
}

/// In seconds: a phone that goes on asking costs little, and a traveller whose journey begins waits
/// no longer than this without touching it.
const ACTIVE_SYNC_AGAIN_AFTER: u64 = 300;

/// What may be told of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Listed,
    UnknownLocation,
    DeniedNetwork,
    PrivateNetwork,
    AddressUnknown,
    PathClosed,
    PathOtherCountry,
    NotAuthorized,
}

impl Case {
    /// What a client in this place may be told. In a listed country every reason past the list
    /// itself is the list: whoever tries credentials there learns nothing of them.
    pub(super) fn of(reason: Reason, in_listed_country: bool) -> Self {
        match reason {
            Reason::ClientAddressUnknown => Self::AddressUnknown,
            Reason::DeniedNetwork => Self::DeniedNetwork,
            Reason::DeniedPrivateNetwork => Self::PrivateNetwork,
            Reason::UnknownLocation => Self::UnknownLocation,
            Reason::CountryListed
            | Reason::ExemptionNotStarted
            | Reason::ExemptionEnded
            | Reason::ExemptionOtherTerritory
            | Reason::ExemptionOtherSite
            | Reason::ExemptionDeviceMissing
            | Reason::ExemptionMultiFactorMissing
            | Reason::ExemptionsDisabled => Self::Listed,
            _ if in_listed_country => Self::Listed,
            Reason::PathClosed => Self::PathClosed,
            Reason::PathOtherCountry => Self::PathOtherCountry,
            _ => Self::NotAuthorized,
        }
    }

    /// What the page is called.
    pub(super) fn title(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::PathClosed, Language::Danish) => "Denne del af siden er lukket",
            (Self::PathClosed, Language::English) => "This part of the site is closed",
            (_, Language::Danish) => "Du kan ikke få adgang herfra",
            (_, Language::English) => "You cannot get access from here",
        }
    }

    /// The code that a program is told.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Listed => Reason::CountryListed,
            Self::UnknownLocation => Reason::UnknownLocation,
            Self::DeniedNetwork => Reason::DeniedNetwork,
            Self::PrivateNetwork => Reason::DeniedPrivateNetwork,
            Self::AddressUnknown => Reason::ClientAddressUnknown,
            Self::PathClosed => Reason::PathClosed,
            Self::PathOtherCountry => Reason::PathOtherCountry,
            Self::NotAuthorized => Reason::NotAuthorized,
        }
        .code()
    }
}

#[derive(Template)]
#[template(path = "rejection.html")]
struct Fragment<'a> {
    language: Language,
    /// Of the title: 1 in the preferred language, 2 in the other.
    level: u8,
    case: Case,
    country: &'a str,
    organization: &'a str,
    organization_possessive: String,
    contact: ContactView<'a>,
    /// Whether the organisation has an exemption scheme at all.
    exemptions: bool,
    reference: &'a str,
    reference_letters: String,
    reference_words: String,
    local_time: String,
    universal_time: String,
    kept: String,
    db_ip: bool,
}

impl<'a> Fragment<'a> {
    fn of(rejection: &Rejection<'a>, language: Language, level: u8) -> Self {
        let Rejection { organization, reference, at, .. } = *rejection;
        Self {
            language,
            level,
            case: rejection.case(),
            country: rejection.country_in(language),
            organization: &organization.name,
            organization_possessive: wording::possessive(&organization.name, language),
            contact: ContactView::of(organization, language),
            exemptions: organization.travel_exemptions.enabled,
            reference,
            reference_letters: wording::reference_letters(reference),
            reference_words: wording::reference_words(reference, language),
            local_time: wording::instant(at, &organization.time_zone, language),
            universal_time: wording::universal(at, language),
            kept: wording::duration(rejection.kept, language),
            db_ip: rejection.db_ip,
        }
    }
}

impl<'a> Rejection<'a> {
    fn case(&self) -> Case {
        Case::of(self.reason, self.listed_country.is_some())
    }

    fn country_in(&self, language: Language) -> &'a str {
        match (self.listed_country, language) {
            (Some(names), _) => names.in_language(language),
            (None, Language::Danish) => "et land på listen",
            (None, Language::English) => "a country on the list",
        }
    }

    /// The two denials that are about the gateway and not about the client.
    fn as_failure(&self) -> Option<FailureView<'a>> {
        let failure = match self.reason {
            Reason::Overload => Failure::Overload,
            Reason::AuditUnavailable => Failure::AuditUnavailable,
            _ => return None,
        };
        Some(FailureView {
            failure,
            organization: Some(self.organization),
            language: self.language,
            reference: Some(self.reference),
            at: self.at,
        })
    }

    /// One sentence, for those who get no page.
    fn sentence(&self, language: Language) -> String {
        let country = self.country_in(language);
        let organization = &self.organization.name;
        match (self.case(), language) {
            (Case::Listed, Language::Danish) => format!(
                "{organization} har lukket for adgang fra {country}; afvisningen skyldes kun, hvor forbindelsen kommer fra."
            ),
            (Case::Listed, Language::English) => format!(
                "{organization} has closed access from {country}; you were turned away only because of where the connection comes from."
            ),
            (Case::NotAuthorized, Language::Danish) => {
                "Dit log-in giver ikke adgang til dette system.".to_owned()
            }
            (Case::NotAuthorized, Language::English) => {
                "Your sign-in does not give access to this system.".to_owned()
            }
            (Case::PathClosed, Language::Danish) => {
                format!("{organization} har lukket denne del af siden for alle.")
            }
            (Case::PathClosed, Language::English) => {
                format!("{organization} has closed this part of the site to everybody.")
            }
            (Case::PathOtherCountry, Language::Danish) => {
                format!("{organization} har kun åbnet denne del af siden fra bestemte lande.")
            }
            (Case::PathOtherCountry, Language::English) => format!(
                "{organization} has opened this part of the site from certain countries alone."
            ),
            (_, Language::Danish) => format!(
                "{organization} giver ikke adgang fra det netværk, som forbindelsen kommer fra."
            ),
            (_, Language::English) => format!(
                "{organization} gives no access from the network that the connection comes from."
            ),
        }
    }
}

/// The rejection page, in both languages, the preferred one first. 403, or 503 where the gateway
/// itself is the cause.
#[must_use]
pub fn rejection(rejection: &Rejection<'_>) -> Page {
    if let Some(view) = rejection.as_failure() {
        return super::failure::failure(&view);
    }
    let language = rejection.language;
    let title = rejection.case().title(language);
    let frame = Frame {
        status: StatusCode::FORBIDDEN,
        language,
        title,
        organization: Some(&rejection.organization.name),
        other_language: anchor_of_other(language),
        places: false,
    };
    let preferred = Fragment::of(rejection, language, 1);
    let other = Fragment::of(rejection, language.other(), 2);
    frame.around(&[&preferred, &other]).with_reference(Some(rejection.reference))
}

/// The rejection that fits the client: the page for a browser, a problem document for a script, a
/// status without a body for what would otherwise ask for the password or fetch everything anew.
#[must_use]
pub fn deny_response(shape: &RequestShape<'_>, denied: &Rejection<'_>) -> Page {
    if let Some(view) = denied.as_failure() {
        return failure_response(shape, &view);
    }
    let page = match shape.kind() {
        ClientKind::Browser => rejection(denied),
        ClientKind::Script => problem(denied),
        ClientKind::ActiveSync => Page::text(StatusCode::FORBIDDEN, denied.language, String::new())
            .with_retry_after(Some(ACTIVE_SYNC_AGAIN_AFTER)),
        ClientKind::Office | ClientKind::Dav | ClientKind::WebSocket | ClientKind::Other => {
            plain(denied)
        }
    }
    .with_reference(Some(denied.reference));
    if shape.method == Method::HEAD { page.without_body() } else { page }
}

/// A status and the reference, when a flood leaves no time for more.
#[must_use]
pub fn in_short(status: StatusCode, reference: &Reference) -> Page {
    let reference = reference.to_string();
    let body = format!("Reference: {reference}\n");
    Page::text(status, Language::English, body).with_reference(Some(&reference))
}

fn plain(denied: &Rejection<'_>) -> Page {
    let reference = denied.reference;
    let body = format!(
        "{} Reference: {reference}\n{} Reference: {reference}\n",
        denied.sentence(denied.language),
        denied.sentence(denied.language.other()),
    );
    Page::text(StatusCode::FORBIDDEN, denied.language, body)
}

fn problem(denied: &Rejection<'_>) -> Page {
    let document = serde_json::json!({
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": denied.sentence(denied.language),
        "reason": denied.case().code(),
        "reference": denied.reference,
    });
    Page::problem(StatusCode::FORBIDDEN, denied.language, &document)
}

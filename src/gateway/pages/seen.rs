//! `/.geovagt/`: what the gateway sees of you, and why.

use std::net::IpAddr;

use askama::Template;
use http::StatusCode;
use jiff::Timestamp;

use super::page::Page;
use super::rejection::{Case, Names};
use super::shell::{Frame, switch_to_other};
use super::wording;
use crate::config::Organization;
use crate::language::Language;
use crate::policy::{Mode, Reason};

/// What the gateway sees of the one who asks.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page.
    pub language: Language,
    /// The instant of the answer.
    pub at: Timestamp,
    /// The site, as people know it.
    pub site: &'a str,
    /// The client's address; none where it could not be derived.
    pub address: Option<IpAddr>,
    /// The IPv4 address that the client's IPv6 address carries, where it is judged by that.
    pub judged: Option<IpAddr>,
    /// Where the address was read.
    pub origin: AddressOrigin,
    /// Where the address is.
    pub location: SeenLocation<'a>,
    /// What was decided.
    pub verdict: SeenVerdict,
    /// Why.
    pub reason: Reason,
    /// Whether the policy enforces.
    pub mode: Mode,
    /// The version of the list in force; none where none has begun.
    pub list_version: Option<&'a str>,
    /// The build of the database.
    pub database_built: Option<Timestamp>,
    /// Whether it is DB-IP's database.
    pub db_ip: bool,
    /// The reference, where this is a rejection.
    pub reference: Option<&'a str>,
    /// The proven person's login name.
    pub signed_in_as: Option<&'a str>,
    /// The proven person's own exemption, where one counts here and now. Shown only together with
    /// [`Seen::signed_in_as`].
    pub exemption: Option<OwnExemption<'a>>,
    /// Whether the person's programs may be let pass from this address, or are.
    pub address_grant: AddressGrantSeen,
}

/// What a person can do about programs on their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressGrantSeen {
    /// Nothing here.
    None,
    /// They may be let pass.
    Offered,
    /// They pass until this instant.
    Runs(Timestamp),
}

/// Where the client's address was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressOrigin {
    /// It is the connection's other end.
    Peer,
    /// A trusted proxy said so in `X-Forwarded-For`.
    XForwardedFor,
    /// A trusted proxy said so in `Forwarded`.
    Forwarded,
    /// A trusted proxy said so by the PROXY protocol.
    ProxyProtocol,
}

/// Where the address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenLocation<'a> {
    /// In a country.
    Country {
        /// Its names, or those of the subdivision where that is known.
        names: Names<'a>,
        /// Whether the list in force covers it.
        listed: bool,
    },
    /// On a private network.
    PrivateNetwork,
    /// Nowhere the database knows.
    NotInDatabase,
    /// No address, no place.
    AddressUnknown,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenVerdict {
    /// You get in.
    Allowed,
    /// You are asked who you are.
    Identify,
    /// You do not get in.
    Denied,
}

/// The exemption of the one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnExemption<'a> {
    /// Its name.
    pub id: &'a str,
    /// The instant at which it ends here.
    pub until: Timestamp,
}

#[derive(Template)]
#[template(path = "seen.html")]
struct SeenTemplate<'a> {
    language: Language,
    site: &'a str,
    address: Option<IpAddr>,
    judged: Option<IpAddr>,
    origin: AddressOrigin,
    location: SeenLocation<'a>,
    place: &'a str,
    verdict: SeenVerdict,
    reason: &'static str,
    report_only: bool,
    list_version: Option<&'a str>,
    database_built: Option<String>,
    db_ip: bool,
    reference: Option<&'a str>,
    signed_in_as: Option<&'a str>,
    exemption: Option<(&'a str, String)>,
    may_grant: bool,
    grant_until: Option<String>,
    at: String,
}

/// The page.
#[must_use]
pub fn seen(view: &Seen<'_>) -> Page {
    let language = view.language;
    let zone = &view.organization.time_zone;
    let title = match language {
        Language::Danish => "Hvad vi ser om dig",
        Language::English => "What we see of you",
    };
    let frame = Frame {
        status: StatusCode::OK,
        language,
        title,
        organization: Some(&view.organization.name),
        other_language: switch_to_other(language),
        places: true,
    };
    let place = match view.location {
        SeenLocation::Country { names, .. } => names.in_language(language),
        _ => "",
    };
    let exemption = view
        .signed_in_as
        .and(view.exemption)
        .map(|exemption| (exemption.id, wording::instant(exemption.until, zone, language)));
    frame
        .around(&[&SeenTemplate {
            language,
            site: view.site,
            address: view.address,
            judged: view.judged.filter(|&judged| Some(judged) != view.address),
            origin: view.origin,
            location: view.location,
            place,
            verdict: view.verdict,
            reason: reason_in_words(told(view), language),
            report_only: view.mode == Mode::ReportOnly,
            list_version: view.list_version,
            database_built: view
                .database_built
                .map(|built| wording::date(zone.to_datetime(built).date(), language)),
            db_ip: view.db_ip,
            reference: view.reference,
            signed_in_as: view.signed_in_as,
            exemption,
            may_grant: view.address_grant == AddressGrantSeen::Offered,
            grant_until: match view.address_grant {
                AddressGrantSeen::Runs(until) => Some(wording::instant(until, zone, language)),
                AddressGrantSeen::None | AddressGrantSeen::Offered => None,
            },
            at: wording::instant(view.at, zone, language),
        }])
        .with_reference(view.reference)
}

/// The reason that this client may read: the true one for whoever has proven who they are, else
/// what the rejection page would tell.
fn told(view: &Seen<'_>) -> Reason {
    if view.verdict != SeenVerdict::Denied || view.signed_in_as.is_some() {
        return view.reason;
    }
    let listed = matches!(view.location, SeenLocation::Country { listed: true, .. });
    match view.reason {
        Reason::Overload | Reason::AuditUnavailable => view.reason,
        reason => Reason::from_code(Case::of(reason, listed).code()).unwrap_or(reason),
    }
}

fn reason_in_words(reason: Reason, language: Language) -> &'static str {
    let (danish, english) = match reason {
        Reason::PrivateNetwork => (
            "Du er på et privat netværk, som har adgang.",
            "You are on a private network that has access.",
        ),
        Reason::AllowedNetwork => (
            "Dit netværk har fået adgang, uanset hvilket land det er i.",
            "Your network has been given access, whatever country it is in.",
        ),
        Reason::CountryNotListed => {
            ("Landet står ikke på listen.", "The country is not on the list.")
        }
        Reason::TravelExemption => (
            "Du har en rejseundtagelse, der gælder her og nu.",
            "You have a travel exemption that counts here and now.",
        ),
        Reason::ReportOnly => (
            "Stedet ville blive afvist, men reglen måler kun og afviser ikke endnu.",
            "The place would be rejected, but the rule only measures and does not reject yet.",
        ),
        Reason::UnknownLocationAllowed => (
            "Vi kender ikke landet, og det er tilladt her.",
            "We do not know the country, and that is allowed here.",
        ),
        Reason::IdentificationNeeded => (
            "Landet står på listen. Log ind for at komme videre.",
            "The country is on the list. Sign in to go on.",
        ),
        Reason::AuthenticationRequired => {
            ("Alle skal logge ind her.", "Everybody has to sign in here.")
        }
        Reason::ClientAddressUnknown => (
            "Vi kan ikke se, hvilken adresse forbindelsen kommer fra.",
            "We cannot tell which address the connection comes from.",
        ),
        Reason::DeniedNetwork => ("Dit netværk er lukket ude.", "Your network is closed out."),
        Reason::DeniedPrivateNetwork => {
            ("Private netværk har ikke adgang.", "Private networks have no access.")
        }
        Reason::UnknownLocation => (
            "Vi kan ikke se, hvilket land forbindelsen kommer fra.",
            "We cannot tell which country the connection comes from.",
        ),
        Reason::CountryListed => ("Landet står på listen.", "The country is on the list."),
        Reason::ExemptionNotStarted => (
            "Landet står på listen, og din rejseundtagelse er ikke begyndt.",
            "The country is on the list, and your travel exemption has not begun.",
        ),
        Reason::ExemptionEnded => (
            "Landet står på listen, og din rejseundtagelse er slut.",
            "The country is on the list, and your travel exemption has ended.",
        ),
        Reason::ExemptionOtherTerritory => (
            "Landet står på listen, og din rejseundtagelse gælder et andet sted.",
            "The country is on the list, and your travel exemption is for another place.",
        ),
        Reason::ExemptionOtherSite => (
            "Landet står på listen, og din rejseundtagelse gælder et andet system.",
            "The country is on the list, and your travel exemption is for another system.",
        ),
        Reason::ExemptionDeviceMissing => (
            "Landet står på listen, og din rejseundtagelse gælder kun på en enhed, du har knyttet til den hjemmefra.",
            "The country is on the list, and your travel exemption counts only on a device that you bound to it at home.",
        ),
        Reason::ExemptionMultiFactorMissing => (
            "Landet står på listen, og din rejseundtagelse kræver log-in med mere end adgangskode.",
            "The country is on the list, and your travel exemption demands more than a password to sign in.",
        ),
        Reason::SignInSite => (
            "Her logger man ind, og en kollega er på rejse i landet.",
            "People sign in here, and a colleague is travelling in the country.",
        ),
        Reason::ExemptionsDisabled => (
            "Landet står på listen, og der gives ikke rejseundtagelser.",
            "The country is on the list, and no travel exemptions are given.",
        ),
        Reason::NotAuthorized => (
            "Dit log-in giver ikke adgang til dette system.",
            "Your sign-in does not give access to this system.",
        ),
        Reason::AcmeChallenge => (
            "En prøve af sidens certifikat slipper igennem alle steder fra.",
            "A challenge for the site's certificate gets through from everywhere.",
        ),
        Reason::PathClosed => (
            "Denne del af siden er lukket for alle.",
            "This part of the site is closed to everybody.",
        ),
        Reason::PathOtherCountry => (
            "Denne del af siden er kun åben fra bestemte lande, også for den, der rejser.",
            "This part of the site is open from some countries alone, to travellers too.",
        ),
        Reason::UnclearRequest | Reason::UnknownSite => {
            ("Forespørgslen hører ikke til nogen side.", "The request belongs to no site.")
        }
        Reason::Overload => ("Der er meget travlt lige nu.", "It is very busy right now."),
        Reason::AuditUnavailable => {
            ("Vi kan ikke føre log lige nu.", "We cannot keep the log right now.")
        }
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

//! The travel link's page, and the page of the address that may pass for a while.

use std::time::Duration;

use askama::Template;
use http::StatusCode;
use jiff::Timestamp;

use super::page::Page;
use super::shell::{Frame, switch_to_other};
use super::wording;
use crate::config::Organization;
use crate::language::{Language, last_minute};

/// What became of opening a travel link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TravelLinkState<'a> {
    /// The person has to sign in first.
    SignIn {
        /// Where that is.
        location: &'a str,
    },
    /// The device may be bound; a button does it, since mail scanners open links.
    Ask {
        /// The token that the form must send back.
        csrf: &'a str,
        /// Whether the form came back too late.
        expired: bool,
    },
    /// The device is bound.
    Bound {
        /// The other sites where the link is to be opened on this device.
        others: &'a [String],
    },
    /// There is no such link for this person.
    Unknown,
    /// The link or its journey is over.
    Ended,
    /// The link has bound as many devices as it may.
    UsedUp,
    /// It was opened in a country that is on the list.
    Abroad,
}

/// The travel link's page.
#[derive(Debug, Clone, Copy)]
pub struct TravelLinkView<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page.
    pub language: Language,
    /// The path of the link.
    pub path: &'a str,
    /// The person, where one has signed in.
    pub name: &'a str,
    /// The exemption and its end, where the link is this person's.
    pub exemption: Option<(&'a str, Timestamp)>,
    /// What became of it.
    pub state: TravelLinkState<'a>,
}

/// What somebody can do about the programs on their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressState<'a> {
    /// Programs may be let pass from here.
    Ask {
        /// The token that the form must send back.
        csrf: &'a str,
        /// For how long.
        span: Duration,
    },
    /// They may pass now, from these networks and until these instants.
    Runs {
        /// The token that the form must send back.
        csrf: &'a str,
        /// Where and until when.
        grants: &'a [(String, Timestamp)],
        /// For how long it can be asked for anew; none where that cannot be from here.
        span: Option<Duration>,
    },
    /// It has been ended.
    Ended,
    /// There is nothing to let pass here: no exemption of the person's is active here.
    NotHere,
}

/// The page of the address that may pass.
#[derive(Debug, Clone, Copy)]
pub struct AddressView<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page.
    pub language: Language,
    /// The site, as people know it.
    pub site: &'a str,
    /// The network that would pass.
    pub network: &'a str,
    /// What can be done.
    pub state: AddressState<'a>,
}

#[derive(Template)]
#[template(path = "travel_link.html")]
struct TravelLinkTemplate<'a> {
    language: Language,
    organization: &'a str,
    phone: Option<&'a str>,
    path: &'a str,
    name: &'a str,
    exemption: Option<(&'a str, String)>,
    state: TravelLinkState<'a>,
}

#[derive(Template)]
#[template(path = "address.html")]
struct AddressTemplate<'a> {
    language: Language,
    site: &'a str,
    network: &'a str,
    span: Option<String>,
    runs: Vec<(&'a str, String)>,
    state: AddressState<'a>,
}

/// The travel link's page, with the status that suits what became of it.
#[must_use]
pub fn travel_link(view: &TravelLinkView<'_>) -> Page {
    let (status, danish, english) = match view.state {
        TravelLinkState::SignIn { .. } | TravelLinkState::Ask { .. } => {
            (StatusCode::OK, "Knyt denne enhed til din rejse", "Bind this device to your journey")
        }
        TravelLinkState::Bound { .. } => {
            (StatusCode::OK, "Enheden er klar til rejsen", "The device is ready for the journey")
        }
        TravelLinkState::Unknown => {
            (StatusCode::NOT_FOUND, "Linket gælder ikke for dig", "The link is not for you")
        }
        TravelLinkState::Ended => (StatusCode::GONE, "Linket er udløbet", "The link has ended"),
        TravelLinkState::UsedUp => (StatusCode::GONE, "Linket er brugt op", "The link is used up"),
        TravelLinkState::Abroad => {
            (StatusCode::FORBIDDEN, "Åbn linket hjemmefra", "Open the link at home")
        }
    };
    let zone = &view.organization.time_zone;
    let exemption = view
        .exemption
        .map(|(id, until)| (id, wording::instant(last_minute(until), zone, view.language)));
    frame(status, view.language, view.organization, [danish, english]).around(&[
        &TravelLinkTemplate {
            language: view.language,
            organization: &view.organization.name,
            phone: view.organization.contact.phone.as_deref(),
            path: view.path,
            name: view.name,
            exemption,
            state: view.state,
        },
    ])
}

/// The page of the address that may pass.
#[must_use]
pub fn address(view: &AddressView<'_>) -> Page {
    let (status, danish, english) = match view.state {
        AddressState::Ask { .. } => {
            (StatusCode::OK, "Lad dine programmer slippe igennem", "Let your programs pass")
        }
        AddressState::Runs { .. } => {
            (StatusCode::OK, "Dine programmer slipper igennem", "Your programs may pass")
        }
        AddressState::Ended => {
            (StatusCode::OK, "Der er lukket for dine programmer", "Your programs are closed out")
        }
        AddressState::NotHere => {
            (StatusCode::FORBIDDEN, "Det kan ikke slås til herfra", "This cannot be done from here")
        }
    };
    let (span, runs) = match view.state {
        AddressState::Ask { span, .. } => (Some(span), &[][..]),
        AddressState::Runs { span, grants, .. } => (span, grants),
        AddressState::Ended | AddressState::NotHere => (None, &[][..]),
    };
    let zone = &view.organization.time_zone;
    let until = |at: Timestamp| wording::instant(at, zone, view.language);
    frame(status, view.language, view.organization, [danish, english]).around(&[&AddressTemplate {
        language: view.language,
        site: view.site,
        network: view.network,
        span: span.map(|span| wording::duration(span, view.language)),
        runs: runs.iter().map(|(network, at)| (network.as_str(), until(*at))).collect(),
        state: view.state,
    }])
}

fn frame<'a>(
    status: StatusCode,
    language: Language,
    organization: &'a Organization,
    [danish, english]: [&'static str; 2],
) -> Frame<'a> {
    Frame {
        status,
        language,
        title: match language {
            Language::Danish => danish,
            Language::English => english,
        },
        organization: Some(&organization.name),
        other_language: switch_to_other(language),
        places: true,
    }
}

//! What can be wrong with a request, and what the one who grants should know.

use jiff::Zoned;
use jiff::civil::Date;

use super::Phase;
use crate::identifier::{OrganizationId, SiteId};
use crate::policy::ExemptionId;
use crate::territory::Territory;

/// A purpose has at most this many characters.
pub const MAXIMUM_PURPOSE: usize = 500;
/// A case number has at most this many characters.
pub const MAXIMUM_CASE_NUMBER: usize = 100;
/// A journey has at most this many legs.
pub const MAXIMUM_LEGS: usize = 50;
/// A leg has at most this many territories.
pub const MAXIMUM_TERRITORIES: usize = 100;

/// An application names at most this many devices.
pub const MAXIMUM_DEVICES: usize = 20;
/// What a device is called has at most this many characters.
pub const MAXIMUM_DEVICE: usize = 100;

/// Why a request cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The scheme is off.
    #[error(
        "{0} has not switched travel exemptions on; that takes a decision and its case number, under travel_exemptions"
    )]
    SchemeOff(OrganizationId),
    /// The person belongs elsewhere.
    #[error(
        "the person belongs to {actual}, not to {wanted}; nobody grants for another organisation"
    )]
    PersonOfAnotherOrganization {
        /// The organisation of the request.
        wanted: OrganizationId,
        /// The person's.
        actual: OrganizationId,
    },
    /// No leg.
    #[error("a journey needs at least one leg, such as --leg \"CN,HK 2026-12-01..2026-12-08\"")]
    NoLeg,
    /// Too many legs.
    #[error("a journey has at most {MAXIMUM_LEGS} legs, and this one has {0}")]
    TooManyLegs(usize),
    /// A leg without a territory would open the whole world.
    #[error("leg {leg} names no country; an exemption is never for the whole world")]
    NoTerritory {
        /// The first leg is 1.
        leg: usize,
    },
    /// Too many territories.
    #[error("leg {leg} names {count} territories; {MAXIMUM_TERRITORIES} are the most")]
    TooManyTerritories {
        /// The first leg is 1.
        leg: usize,
        /// How many.
        count: usize,
    },
    /// A code that nobody has assigned.
    #[error("leg {leg} names {territory}, which is no assigned country or subdivision code")]
    Unassigned {
        /// The first leg is 1.
        leg: usize,
        /// The code.
        territory: Territory,
    },
    /// The end does not lie after the start.
    #[error("leg {leg} ends before it begins; write the first day first")]
    EndNotAfterStart {
        /// The first leg is 1.
        leg: usize,
    },
    /// Everything is over.
    #[error("the journey is over already; an exemption cannot open the past")]
    EndInThePast,
    /// Longer than allowed.
    #[error(
        "the journey lasts longer than the {maximum} days that {organization} allows; split it or shorten it"
    )]
    TooLong {
        /// `maximum_days`
        maximum: u16,
        /// The organisation.
        organization: OrganizationId,
    },
    /// An application that comes too late.
    #[error(
        "the journey begins {begins}, and {organization} wants {lead_days} working days to decide: from today on it can begin {earliest}; whoever has to travel sooner calls, and may be granted it without an application"
    )]
    TooSoon {
        /// The organisation.
        organization: OrganizationId,
        /// `lead_days`
        lead_days: u16,
        /// The first day of the journey.
        begins: Date,
        /// The first day on which it could begin.
        earliest: Date,
    },
    /// An extension that does not extend.
    #[error(
        "the journey lasts until {} already; name a later end",
        .0.strftime("%Y-%m-%d %H:%M %Z")
    )]
    NotLater(Zoned),
    /// Nothing there that could be extended.
    #[error("{id} cannot be extended: it is {phase}; apply anew", phase = .phase.word())]
    NothingToExtend {
        /// The exemption.
        id: ExemptionId,
        /// Where it stands.
        phase: Phase,
    },
    /// No device.
    #[error(
        "an application names the devices that are taken along; add --device, such as --device iPad"
    )]
    NoDevice,
    /// Too many devices.
    #[error("an application names at most {MAXIMUM_DEVICES} devices, and this one has {0}")]
    TooManyDevices(usize),
    /// Nothing that could be dialled.
    #[error("{}", no_telephone(.0))]
    NoTelephone(String),
    /// Nothing that could be written to.
    #[error("{}", no_mail(.0))]
    NoMail(String),
    /// No site.
    #[error("an exemption names the systems it is for; add --site")]
    NoSite,
    /// A site that does not exist.
    #[error("there is no site {0} in the configuration")]
    UnknownSite(SiteId),
    /// A site of another organisation.
    #[error("site {0} belongs to another organisation; nobody grants for its systems")]
    SiteOfAnotherOrganization(SiteId),
    /// A text is missing.
    #[error("the {0} is missing")]
    Empty(Text),
    /// A text is too long.
    #[error("the {text} has {length} characters; {maximum} are the most")]
    TextTooLong {
        /// Which.
        text: Text,
        /// How many it has.
        length: usize,
        /// How many it may have.
        maximum: usize,
    },
    /// A text holds characters that do not show, or change how others show.
    #[error("the {0} holds a control character; write it as plain text on one line")]
    ControlCharacter(Text),
}

fn no_telephone(typed: &str) -> String {
    match typed {
        "" => "an application names the telephone number that the traveller answers; add --telephone, \
               such as --telephone \"+45 20 00 00 00\""
            .to_owned(),
        typed => format!(
            "{typed:?} is no telephone number; write it as dialled from abroad, such as +45 20 00 00 00"
        ),
    }
}

fn no_mail(typed: &str) -> String {
    match typed {
        "" => {
            "an application names a private mail address for notices; add --mail, such as --mail \
               anna@example.net"
                .to_owned()
        }
        typed => format!("{typed:?} is no mail address; write one such as anna@example.net"),
    }
}

/// The texts of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// `--purpose`
    Purpose,
    /// `--case`
    CaseNumber,
    /// `--device`
    Device,
    /// `--caller-verified`
    Verification,
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Purpose => "purpose",
            Self::CaseNumber => "case number",
            Self::Device => "name of a device",
            Self::Verification => "account of how the caller was verified",
        })
    }
}

/// What the one who grants should know, though nothing forbids it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Caution {
    /// Nobody is rejected from there.
    #[error("{territory} is not on the list of site {site}: the exemption changes nothing there")]
    NotListed {
        /// The territory.
        territory: Territory,
        /// The site.
        site: SiteId,
    },
    /// The site never asks, so the exemption cannot be claimed.
    #[error("site {0} has authentication: never, so nobody can use an exemption there")]
    NeverAsks(SiteId),
}

//! Everything that can stand in the way of what somebody asked for.

use super::person::NoPerson;
use crate::audit::Reference;
use crate::identifier::{ListId, OrganizationId, SiteId};
use crate::policy::{EmergencyRefused, InvalidLeg, OLDEST_REJECTION, Problem};
use crate::territory::NotFound;

/// One thing that is wrong; shown as the command line says it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody, or more than one, is meant.
    #[error("{0}")]
    Person(#[from] NoPerson),
    /// A leg that cannot be read.
    #[error("leg {number}: {}", super::sentence(source))]
    Leg {
        /// The first leg is 1.
        number: usize,
        /// Why.
        source: InvalidLeg,
    },
    /// The name of a country that nobody knows.
    #[error("leg {number}: {source}")]
    Country {
        /// The first leg is 1.
        number: usize,
        /// Why.
        source: NotFound,
    },
    /// A first or last day that is none.
    #[error("leg {number}: {typed:?} is no day such as 2026-12-01")]
    Day {
        /// The first leg is 1.
        number: usize,
        /// Whether it is the last day.
        end: bool,
        /// What was typed.
        typed: String,
    },
    /// A new end that cannot be read.
    #[error("--until: {}", super::sentence(.0))]
    Until(InvalidLeg),
    /// No such site.
    #[error("there is no site {typed:?}; {there_are}")]
    Site {
        /// What was typed.
        typed: String,
        /// Those of the organisation.
        there_are: String,
    },
    /// A list that the configuration names and nobody could read.
    #[error("the list {list} that site {site} is under was not read; see `geovagt check`")]
    List {
        /// The site that is under it.
        site: SiteId,
        /// The list.
        list: ListId,
    },
    /// Nobody grants their own.
    #[error("nobody grants their own journey; apply for it, and another person decides")]
    OwnGrant,
    /// What the scheme does not allow.
    #[error("{0}")]
    Held(#[from] Problem),
    /// What an emergency does not allow.
    #[error("{0}")]
    Emergency(#[from] EmergencyRefused),
    /// What was typed is no reference.
    #[error("that is no reference; it is eight characters such as K7QX-2M9D")]
    NoReference,
    /// The log does not have the reference.
    #[error(
        "no rejection with the reference {reference} stands in the log (the last {days} days were looked through, and only one of the last {hours} hours counts); let the caller read it again, letter by letter (a rejection can be found two seconds after it was shown){}",
        elsewhere(*several),
        hours = OLDEST_REJECTION.as_hours()
    )]
    NoRejection {
        /// The reference.
        reference: Reference,
        /// How far back was looked.
        days: i64,
        /// Whether other gateways keep logs of their own.
        several: bool,
    },
    /// It was rejected where nobody can grant anything.
    #[error("{0} was rejected at no site of an organisation that the configuration has")]
    NoOrganization(Reference),
    /// It was rejected elsewhere.
    #[error("{reference} was rejected at a site of {actual}, not of {wanted}")]
    OtherOrganization {
        /// The reference.
        reference: Reference,
        /// Where it was.
        actual: OrganizationId,
        /// Where it was taken to be.
        wanted: String,
    },
    /// The scheme is off.
    #[error(
        "{0} has not switched travel exemptions on; that takes a decision and its case number, under travel_exemptions"
    )]
    SchemeOff(OrganizationId),
}

/// With several gateways the reference may be that of one that cannot tell the others.
fn elsewhere(several: bool) -> &'static str {
    match several {
        true => {
            "; or another gateway on this store rejected the caller and cannot reach the store now: run this command on that machine"
        }
        false => "",
    }
}

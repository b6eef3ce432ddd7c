//! An emergency: the traveller stands in front of the wall and calls, and one person grants what the
//! rejection in the log says, for a short while.
//!
//! PURE. Always holds: what is granted is the country and the site of one rejection of one client,
//! for one person, at most [`LONGEST_EMERGENCY`], and without a second person until the end of the
//! next working day.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::problem::{MAXIMUM_CASE_NUMBER, Problem, Text};
use super::validation::{check_common, check_text, finish, tidied};
use super::{Actor, ExemptionState, GrantGrounds, GrantRequest, Leg, TravelExemption, ValidGrant};
use crate::identifier::{OrganizationId, SiteId};
use crate::policy::{Demands, ExemptionId, Location, Person, Reason, UserName, working_days};
use crate::territory::{Country, Territory};

/// No emergency lasts longer, whatever an organisation writes.
pub const LONGEST_EMERGENCY: Duration = Duration::from_secs(72 * 3600);
/// A rejection that is older says nothing of where somebody stands now.
pub const OLDEST_REJECTION: SignedDuration = SignedDuration::from_hours(24);
/// How far a log's clock may be ahead of ours.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);
/// How a caller was verified is told in at most this many characters.
pub const MAXIMUM_VERIFICATION: usize = 500;

/// What the log says of the rejection that a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyRejection {
    /// The reference, as it is read out.
    pub reference: String,
    /// When it was.
    pub at: Timestamp,
    /// Whose site it was.
    pub organization: Option<OrganizationId>,
    /// The site.
    pub site: Option<SiteId>,
    /// Where the client was.
    pub territory: Option<Territory>,
    /// Why it was rejected.
    pub reason: Option<Reason>,
    /// How many rejections the entry stands for.
    pub count: u64,
    /// Whether the entry still names the client.
    pub names_client: bool,
}

/// Who called, who took the call, and how they knew who it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyCall {
    /// The traveller.
    pub person: Person,
    /// The traveller's login name.
    pub user_name: UserName,
    /// How the caller was verified.
    pub caller_verified: String,
    /// Why the person travels.
    pub purpose: String,
    /// The case it belongs to.
    pub case_number: String,
    /// Who grants.
    pub by: Actor,
}

/// What is kept of an emergency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// The reference that was read out.
    pub reference: String,
    /// How the caller was verified.
    pub caller_verified: String,
    /// The first instant at which it no longer counts without a second person.
    pub confirm_before: Timestamp,
}

/// Why a reference leads to no exemption.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmergencyRefused {
    /// One entry for many clients.
    #[error(
        "{reference} stands for {count} equal rejections, so it does not show who called; ask the caller to load the page again and to read out the new reference"
    )]
    Folded {
        /// The reference.
        reference: String,
        /// How many.
        count: u64,
    },
    /// The country was not the cause.
    #[error(
        "{reference} was rejected for another reason than the country ({reason}); an exemption would change nothing"
    )]
    NotTheCountry {
        /// The reference.
        reference: String,
        /// The reason, or what stands for it.
        reason: &'static str,
    },
    /// Too long ago.
    #[error(
        "{reference} is from {}, more than {hours} hours ago; ask the caller to load the page again and to read out the new reference",
        told(at),
        hours = OLDEST_REJECTION.as_hours()
    )]
    TooOld {
        /// The reference.
        reference: String,
        /// When it was.
        at: Zoned,
    },
    /// The clock of the log is not ours.
    #[error(
        "{reference} is from {}, which is still to come; set the clock of this machine first",
        told(at)
    )]
    FromTheFuture {
        /// The reference.
        reference: String,
        /// When it says it was.
        at: Zoned,
    },
    /// Another organisation's site.
    #[error(
        "{reference} was rejected at a site of {actual}, not of {wanted}; nobody grants for another organisation"
    )]
    OtherOrganization {
        /// The reference.
        reference: String,
        /// The person's organisation.
        wanted: OrganizationId,
        /// The site's organisation, or what stands for it.
        actual: String,
    },
    /// The organisation has no emergencies.
    #[error(
        "{0} has not switched emergencies on; that takes `emergency` under its travel_exemptions"
    )]
    Off(OrganizationId),
    /// Not for this site.
    #[error("{organization} grants no emergency for site {site}; there are: {known}")]
    OtherSite {
        /// The organisation.
        organization: OrganizationId,
        /// The site.
        site: SiteId,
        /// `emergency.sites`
        known: String,
    },
    /// The one who grants is the one who travels.
    #[error("nobody grants an emergency to themselves; another person must")]
    Own,
    /// Anything that a grant must be too.
    #[error("{0}")]
    Problem(Problem),
}

/// An emergency that has been found good. Only [`emergency`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidEmergency {
    grant: ValidGrant,
    emergency: Emergency,
}

impl ValidEmergency {
    /// What it grants.
    #[must_use]
    pub fn grant(&self) -> &ValidGrant {
        &self.grant
    }

    /// The exemption under its new name, provisional, and what is kept of the emergency.
    #[must_use]
    pub fn into_exemption(self, id: ExemptionId) -> (TravelExemption, Emergency) {
        let state = ExemptionState::Provisional { until: self.emergency.confirm_before };
        (self.grant.into_state(id, state), self.emergency)
    }
}

/// Holds a call against the rejection that its reference leads to, and against the organisation's
/// scheme.
///
/// # Errors
/// Everything that stands in the way, at once; never empty.
pub fn emergency(
    rejection: &EmergencyRejection,
    call: &EmergencyCall,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
) -> Result<ValidEmergency, Vec<EmergencyRefused>> {
    let mut refused = Vec::new();
    check_rejection(rejection, call.person.organization(), (now, grounds.time_zone), &mut refused);
    if call.by.is_called(call.user_name.as_str()) {
        refused.push(EmergencyRefused::Own);
    }
    let mut problems = Vec::new();
    let caller_verified = call.caller_verified.trim().to_owned();
    check_text(Text::Verification, &caller_verified, MAXIMUM_VERIFICATION, &mut problems);
    let maximum = check_scheme(rejection, call.person.organization(), grounds, &mut refused);
    let confirm_before = working_days::end_of_next_working_day(now, grounds.time_zone);
    let emergency =
        Emergency { reference: rejection.reference.clone(), caller_verified, confirm_before };
    let named = rejection.site.clone().zip(territory(rejection, grounds, now));
    let (Some((site, territory)), Some(maximum)) = (named, maximum) else {
        refused.extend(problems.into_iter().map(EmergencyRefused::Problem));
        if refused.is_empty() {
            let reason = "the list in force rejects nobody from there";
            let reference = rejection.reference.clone();
            refused.push(EmergencyRefused::NotTheCountry { reference, reason });
        }
        return Err(refused);
    };
    let until = now.checked_add(maximum).unwrap_or(now);
    let request = tidied(&GrantRequest {
        // Whoever stands abroad can bind no device any more.
        demands: Some(Demands::NONE),
        organization: call.person.organization().clone(),
        person: call.person.clone(),
        user_name: call.user_name.clone(),
        sites: vec![site],
        legs: vec![Leg { territories: vec![territory], from: now, until }],
        purpose: call.purpose.clone(),
        case_number: call.case_number.clone(),
    });
    check_common(&request, grounds, None, now, &mut problems);
    if !request.case_number.is_empty() {
        check_text(Text::CaseNumber, &request.case_number, MAXIMUM_CASE_NUMBER, &mut problems);
    }
    refused.extend(problems.into_iter().map(EmergencyRefused::Problem));
    if !refused.is_empty() {
        return Err(refused);
    }
    let found_good = |problems: Vec<Problem>| -> Vec<EmergencyRefused> {
        problems.into_iter().map(EmergencyRefused::Problem).collect()
    };
    let grant = finish(request, grounds, now, Vec::new()).map_err(found_good)?;
    Ok(ValidEmergency { grant, emergency })
}

fn told(at: &Zoned) -> String {
    at.strftime("%Y-%m-%d %H:%M %Z").to_string()
}

fn check_rejection(
    rejection: &EmergencyRejection,
    home: &OrganizationId,
    (now, zone): (Timestamp, &TimeZone),
    refused: &mut Vec<EmergencyRefused>,
) {
    let reference = || rejection.reference.clone();
    if rejection.count != 1 || !rejection.names_client {
        refused.push(EmergencyRefused::Folded { reference: reference(), count: rejection.count });
    }
    let by_country = rejection.reason.is_some_and(is_by_country);
    if !by_country || rejection.territory.is_none() {
        let reason = rejection.reason.map_or("none stands in the entry", Reason::code);
        refused.push(EmergencyRefused::NotTheCountry { reference: reference(), reason });
    }
    let age = now.duration_since(rejection.at);
    let at = rejection.at.to_zoned(zone.clone());
    if age > OLDEST_REJECTION {
        refused.push(EmergencyRefused::TooOld { reference: reference(), at: at.clone() });
    }
    if -age > CLOCK_DIFFERENCE {
        refused.push(EmergencyRefused::FromTheFuture { reference: reference(), at });
    }
    if rejection.organization.as_ref() != Some(home) {
        let none = || "nobody that we know".to_owned();
        refused.push(EmergencyRefused::OtherOrganization {
            reference: reference(),
            wanted: home.clone(),
            actual: rejection.organization.as_ref().map_or_else(none, ToString::to_string),
        });
    }
}

/// Whether an exemption for this place and site would have let the client in.
fn is_by_country(reason: Reason) -> bool {
    [
        Reason::CountryListed,
        Reason::ExemptionNotStarted,
        Reason::ExemptionEnded,
        Reason::ExemptionOtherTerritory,
        Reason::ExemptionOtherSite,
    ]
    .contains(&reason)
}

/// How long an emergency lasts at this organisation, for this site.
fn check_scheme(
    rejection: &EmergencyRejection,
    home: &OrganizationId,
    grounds: GrantGrounds<'_>,
    refused: &mut Vec<EmergencyRefused>,
) -> Option<Duration> {
    let Some(scheme) = &grounds.scheme.emergency else {
        refused.push(EmergencyRefused::Off(home.clone()));
        return None;
    };
    if let Some(site) = rejection.site.as_ref().filter(|site| !scheme.sites.contains(site)) {
        let names: Vec<&str> = scheme.sites.iter().map(SiteId::as_str).collect();
        refused.push(EmergencyRefused::OtherSite {
            organization: home.clone(),
            site: site.clone(),
            known: names.join(", "),
        });
    }
    Some(scheme.maximum.min(LONGEST_EMERGENCY))
}

/// What a leg has to name to let this client in and nobody elsewhere: the subdivision where the list
/// in force names it by itself, else the country.
fn territory(
    rejection: &EmergencyRejection,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
) -> Option<Territory> {
    let exact = rejection.territory?;
    let country: Country = exact.country();
    let location = Location::Country { country, subdivision: exact.subdivision() };
    let list = (grounds.site)(rejection.site.as_ref()?)?.list;
    let entry = list.in_force(now)?.territories.covering(location)?;
    let alone = entry.subdivision().is_some();
    Some(if alone { exact } else { Territory::country_of(country) })
}

#[cfg(test)]
#[path = "emergency_tests.rs"]
mod tests;

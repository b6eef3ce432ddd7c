//! What an exemption must be before it is granted; everything that is wrong is found at once.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::problem::{
    Caution, MAXIMUM_CASE_NUMBER, MAXIMUM_LEGS, MAXIMUM_PURPOSE, MAXIMUM_TERRITORIES, Problem, Text,
};
use super::{GrantRequest, Interval, Leg, ValidGrant, journey};
use crate::identifier::{OrganizationId, SiteId};
use crate::policy::{Authentication, CountryList, ExemptionScheme, Location};
use crate::territory::Territory;

/// What a request is held against.
#[derive(Clone, Copy)]
pub struct GrantGrounds<'a> {
    /// The organisation's scheme.
    pub scheme: &'a ExemptionScheme,
    /// The organisation's time zone, in which days are counted.
    pub time_zone: &'a TimeZone,
    /// The site of this name; none where the configuration has no such site.
    pub site: &'a dyn Fn(&SiteId) -> Option<GrantSite<'a>>,
    /// Whether a code is assigned in ISO 3166.
    pub assigned: &'a dyn Fn(Territory) -> bool,
}

/// What a request is held against, of one site.
#[derive(Debug, Clone, Copy)]
pub struct GrantSite<'a> {
    /// Whose site it is.
    pub organization: &'a OrganizationId,
    /// Whether it ever asks who somebody is.
    pub authentication: Authentication,
    /// The list it is under.
    pub list: &'a CountryList,
}

impl std::fmt::Debug for GrantGrounds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrantGrounds").field("scheme", self.scheme).finish_non_exhaustive()
    }
}

/// Holds a request against the organisation's scheme and sites.
///
/// # Errors
/// Everything that is wrong with it, at once; never empty.
pub fn validate(
    request: &GrantRequest,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
) -> Result<ValidGrant, Vec<Problem>> {
    let mut problems = Vec::new();
    let request = tidied(request);
    check_common(&request, grounds, None, now, &mut problems);
    check_text(Text::CaseNumber, &request.case_number, MAXIMUM_CASE_NUMBER, &mut problems);
    finish(request, grounds, now, problems)
}

/// The request with its texts trimmed and its sites each once.
pub(super) fn tidied(request: &GrantRequest) -> GrantRequest {
    let mut request = request.clone();
    request.purpose = request.purpose.trim().to_owned();
    request.case_number = request.case_number.trim().to_owned();
    request.sites.sort_unstable();
    request.sites.dedup();
    request
}

/// What an exemption must be, however it comes about. `counted_from`: where the longest journey is
/// counted from, if that is earlier than its first leg.
pub(super) fn check_common(
    request: &GrantRequest,
    grounds: GrantGrounds<'_>,
    counted_from: Option<Timestamp>,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) {
    let organization = &request.organization;
    if !grounds.scheme.enabled {
        problems.push(Problem::SchemeOff(organization.clone()));
    }
    if request.person.organization() != organization {
        problems.push(Problem::PersonOfAnotherOrganization {
            wanted: organization.clone(),
            actual: request.person.organization().clone(),
        });
    }
    check_legs(&request.legs, grounds, problems);
    check_span(request, grounds, counted_from, now, problems);
    check_sites(request, grounds, problems);
    check_text(Text::Purpose, &request.purpose, MAXIMUM_PURPOSE, problems);
}

/// The request as one that has been found good, or what is wrong with it.
pub(super) fn finish(
    request: GrantRequest,
    grounds: GrantGrounds<'_>,
    now: Timestamp,
    problems: Vec<Problem>,
) -> Result<ValidGrant, Vec<Problem>> {
    if !problems.is_empty() {
        return Err(problems);
    }
    let needs_second_approval = needs_second_approval(&request.legs, grounds.scheme);
    let cautions = cautions(&request, grounds, now);
    Ok(ValidGrant { request, needs_second_approval, cautions })
}

/// Whether one of the legs goes where the organisation wants a second person.
///
/// A leg for a country opens its subdivisions too, and one for a subdivision opens part of the
/// country; so RU and RU-CE each call for what the other is named for.
#[must_use]
pub fn needs_second_approval(legs: &[Leg], scheme: &ExemptionScheme) -> bool {
    legs.iter().flat_map(|leg| &leg.territories).any(|territory| {
        scheme.two_approvers.iter().any(|named| {
            let part_of_other = named.subdivision().is_none() || territory.subdivision().is_none();
            named.country() == territory.country() && (part_of_other || named == territory)
        })
    })
}

fn check_legs(legs: &[Leg], grounds: GrantGrounds<'_>, problems: &mut Vec<Problem>) {
    if legs.is_empty() {
        problems.push(Problem::NoLeg);
    }
    if legs.len() > MAXIMUM_LEGS {
        problems.push(Problem::TooManyLegs(legs.len()));
        return;
    }
    for (leg, number) in legs.iter().zip(1..) {
        let count = leg.territories.len();
        if count == 0 {
            problems.push(Problem::NoTerritory { leg: number });
        }
        if count > MAXIMUM_TERRITORIES {
            problems.push(Problem::TooManyTerritories { leg: number, count });
        } else {
            let unassigned = leg.territories.iter().filter(|&&t| !(grounds.assigned)(t));
            problems.extend(
                unassigned.map(|&territory| Problem::Unassigned { leg: number, territory }),
            );
        }
        if leg.until <= leg.from {
            problems.push(Problem::EndNotAfterStart { leg: number });
        }
    }
}

fn check_span(
    request: &GrantRequest,
    grounds: GrantGrounds<'_>,
    counted_from: Option<Timestamp>,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) {
    let Some(mut whole) = journey(&request.legs) else { return };
    if whole.until <= now {
        problems.push(Problem::EndInThePast);
    }
    whole.from = whole.from.min(counted_from.unwrap_or(whole.from));
    if lasts_longer_than(whole, grounds.scheme.maximum_days, grounds.time_zone) {
        problems.push(Problem::TooLong {
            maximum: grounds.scheme.maximum_days,
            organization: request.organization.clone(),
        });
    }
}

/// Days are counted on the calendar, so that a change to or from summer time plays no part.
fn lasts_longer_than(whole: Interval, days: u16, zone: &TimeZone) -> bool {
    whole
        .from
        .to_zoned(zone.clone())
        .checked_add(Span::new().days(days))
        .is_ok_and(|latest| latest.timestamp() < whole.until)
}

fn check_sites(request: &GrantRequest, grounds: GrantGrounds<'_>, problems: &mut Vec<Problem>) {
    if request.sites.is_empty() {
        problems.push(Problem::NoSite);
    }
    for site in &request.sites {
        match (grounds.site)(site) {
            None => problems.push(Problem::UnknownSite(site.clone())),
            Some(known) if *known.organization != request.organization => {
                problems.push(Problem::SiteOfAnotherOrganization(site.clone()));
            }
            Some(_) => {}
        }
    }
}

pub(super) fn check_text(which: Text, text: &str, maximum: usize, problems: &mut Vec<Problem>) {
    let length = text.chars().count();
    if length == 0 {
        problems.push(Problem::Empty(which));
    }
    if length > maximum {
        problems.push(Problem::TextTooLong { text: which, length, maximum });
    }
    if text.chars().any(does_not_show) {
        problems.push(Problem::ControlCharacter(which));
    }
}

/// Control characters, line and paragraph separators, and the marks that turn the direction of
/// text around: what could make a log line or a page show something else than what is stored.
pub(super) fn does_not_show(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

fn cautions(request: &GrantRequest, grounds: GrantGrounds<'_>, now: Timestamp) -> Vec<Caution> {
    let mut cautions = Vec::new();
    let mut territories: Vec<Territory> =
        request.legs.iter().flat_map(|leg| leg.territories.iter().copied()).collect();
    territories.sort_unstable();
    territories.dedup();
    for site in &request.sites {
        let Some(known) = (grounds.site)(site) else { continue };
        if known.authentication == Authentication::Never {
            cautions.push(Caution::NeverAsks(site.clone()));
        }
        let unlisted = territories.iter().filter(|&&t| !is_or_will_be_listed(known.list, t, now));
        cautions.extend(
            unlisted.map(|&territory| Caution::NotListed { territory, site: site.clone() }),
        );
    }
    cautions
}

fn is_or_will_be_listed(list: &CountryList, territory: Territory, now: Timestamp) -> bool {
    let location =
        Location::Country { country: territory.country(), subdivision: territory.subdivision() };
    let to_come = list.versions().iter().filter(|version| version.effective_from > now);
    list.in_force(now)
        .into_iter()
        .chain(to_come)
        .any(|version| version.territories.covering(location).is_some())
}

#[cfg(test)]
#[path = "validation_tests.rs"]
mod tests;

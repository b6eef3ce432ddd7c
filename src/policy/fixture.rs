//! What the tests of this room are made of.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    Admission, Authentication, CountryList, ExemptionId, ExemptionState, Exemptions, Extent, Leg,
    ListVersion, Location, Mode, Person, Policy, PolicyParts, Proof, Scheduled, Subject,
    TravelExemption, UserName, Verdict, decide,
};
use crate::client_address::{ClientAddress, KnownAddress};
use crate::identifier::{ListId, OrganizationId, ProviderId, SiteId};
use crate::territory::Territory;

/// The 38 entries of the minutes, in their order.
pub(super) const ENTRIES: &str = "AF DZ AO AM AZ BW BR CD EG GE GH HK BY IN ID IR IQ JP KZ CN KG LY \
                                  ML MA MM NG KP CG RU TJ TH RU-CE UA UZ VN YE ZM ZW";

/// The day of the tests.
pub(super) const NOW: &str = "2026-12-04T12:00:00Z";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn territories(codes: &str) -> Vec<Territory> {
    codes.split_whitespace().map(|code| Territory::parse(code).unwrap()).collect()
}

pub(super) fn place(code: &str) -> Location {
    let territory = Territory::parse(code).unwrap();
    Location::Country { country: territory.country(), subdivision: territory.subdivision() }
}

pub(super) fn address(text: &str) -> ClientAddress {
    ClientAddress::Known(KnownAddress::new(text.parse().unwrap()).unwrap())
}

pub(super) fn organization(name: &str) -> OrganizationId {
    OrganizationId::parse(name).unwrap()
}

pub(super) fn site(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

/// A person of an organisation, written `anna@ballerup`.
pub(super) fn person(name: &str) -> Person {
    let (subject, home) = name.split_once('@').unwrap();
    Person::new(organization(home), ProviderId::parse("local").unwrap(), subject)
}

/// A list of versions: name, instant, territories.
pub(super) fn list(versions: &[(&str, &str, &str)]) -> Arc<CountryList> {
    let versions = versions.iter().map(|(name, from, codes)| ListVersion {
        version: (*name).into(),
        source: "minutes".into(),
        adopted_by: "the owners".into(),
        adopted_on: "2025-03-27".parse().unwrap(),
        announced_on: "2025-03-27".parse().unwrap(),
        effective_from: at(from),
        early_start: None,
        territories: territories(codes).into_iter().collect(),
    });
    let id = ListId::parse("cfcs").unwrap();
    Arc::new(CountryList::new(id, "Lande på listen".into(), 14, versions.collect()).unwrap())
}

/// The site `mail` of `ballerup` under the list of the minutes, everything at its default.
pub(super) fn parts() -> PolicyParts {
    PolicyParts {
        organization: organization("ballerup"),
        site: site("mail"),
        list: list(&[("2025-05", "2025-05-11T22:00:00Z", ENTRIES)]),
        mode: Scheduled::fixed(Mode::Enforce),
        unknown_location: Scheduled::fixed(Admission::Deny),
        private_networks: Admission::Deny,
        allow_networks: vec![],
        deny_networks: vec![],
        corrections: vec![],
        authentication: Authentication::WhenBlocked,
        exemptions_enabled: true,
        sign_in: false,
        extent: Extent::Site,
    }
}

/// [`parts`], with one thing changed.
pub(super) fn policy(change: impl FnOnce(&mut PolicyParts)) -> Policy {
    let mut parts = parts();
    change(&mut parts);
    Policy::new(parts)
}

pub(super) fn leg(codes: &str, from: &str, until: &str) -> Leg {
    Leg { territories: territories(codes), from: at(from), until: at(until) }
}

pub(super) fn exemption(id: &str, who: &str, sites: &[&str], legs: Vec<Leg>) -> TravelExemption {
    let person = person(who);
    TravelExemption {
        id: ExemptionId::new(id),
        user_name: UserName::parse(person.subject()).unwrap(),
        organization: person.organization().clone(),
        person,
        sites: sites.iter().map(|name| site(name)).collect(),
        legs,
        purpose: "visit to a friendship town".into(),
        case_number: "26/1234".into(),
        demands: super::Demands::NONE,
        state: ExemptionState::Granted,
    }
}

/// Anna's journey to China and Hong Kong, first week of December, mail alone.
pub(super) fn journey() -> TravelExemption {
    let leg = leg("CN HK", "2026-11-30T23:00:00Z", "2026-12-08T23:00:00Z");
    exemption("TE-ANNA", "anna@ballerup", &["mail"], vec![leg])
}

pub(super) fn snapshot(exemptions: Vec<TravelExemption>) -> Exemptions {
    Exemptions::new(exemptions, |_| Duration::ZERO)
}

/// The verdict and reason as words, such as `deny country_listed`.
pub(super) fn decided(
    policy: &Policy,
    exemptions: &Exemptions,
    location: Location,
    who: Option<&str>,
    now: &str,
) -> String {
    let person = who.map(person);
    let subject = Subject {
        address: address("203.0.113.9"),
        location,
        person: person.as_ref(),
        proof: Proof::NONE,
    };
    words(&decide(policy, &subject, exemptions, at(now)))
}

pub(super) fn words(verdict: &Verdict) -> String {
    format!("{} {}", verdict.word(), verdict.reason())
}

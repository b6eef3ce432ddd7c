//! The one decision. HTTP, TCP, `explain`, the forecast, forward-auth and the replay all ask it.
//!
//! Order: 1 client address known? 2 deny networks 3 allow networks 4 private networks 5 corrections
//! 6 location 7 the list in force 8 travel exemptions 9 the site's authentication. A path that is
//! closed rejects whoever these steps would let in or ask, one that is open from some countries alone
//! whomever steps 5 to 8 would from elsewhere, or by an exemption; for an ACME challenge where the site
//! lets those in, step 6 settles the matter.
//!
//! Where even the first version of a list is still to come, nothing is rejected for standing on it:
//! that is the announcement lock. Whoever loads the configuration warns of it.

mod words;

use jiff::Timestamp;

use self::words::Outcome;
pub(super) use self::words::none_counts;
use super::exemption::{Claim, Exemptions, covering_territories};
use super::trace::{Trace, Untraced};
use super::{
    Admission, Authentication, Challenge, Denial, Extent, ListVersion, Location, Mode, Permit,
    Person, Policy, Proof, Reach, Reason, Verdict,
};
use crate::client_address::ClientAddress;
use crate::territory::{Country, Territory};

/// What is decided about: where somebody comes from, and who it is as far as that is proven.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The one client address.
    pub address: ClientAddress,
    /// Where the database has it.
    pub location: Location,
    /// The person, only where proven; a name that was merely claimed is no person.
    pub person: Option<&'a Person>,
    /// How the person was proven; of nobody in particular, what they brought along.
    pub proof: Proof<'a>,
}

/// Decides. Costs no allocation.
#[must_use]
pub fn decide(
    policy: &Policy,
    subject: &Subject<'_>,
    exemptions: &Exemptions,
    now: Timestamp,
) -> Verdict {
    decide_with(policy, subject, exemptions, now, &mut Untraced)
}

/// As [`decide`], telling each step.
pub(super) fn decide_with(
    policy: &Policy,
    subject: &Subject<'_>,
    exemptions: &Exemptions,
    now: Timestamp,
    trace: &mut impl Trace,
) -> Verdict {
    let case = Case { policy, subject, exemptions, now };
    case.name_rule(trace);
    let by_network = case.by_network(trace);
    let located = by_network.is_none();
    let verdict = by_network.unwrap_or_else(|| case.by_location(trace));
    match case.by_reach(verdict, located, trace) {
        Verdict::Allow(permit) => case.by_authentication(permit, trace),
        verdict @ (Verdict::Identify(_) | Verdict::Deny(_)) => verdict,
    }
}

fn allow(reason: Reason) -> Verdict {
    Verdict::Allow(Permit::new(reason))
}

fn deny(reason: Reason) -> Verdict {
    Verdict::Deny(Denial::new(reason))
}

/// Whether nobody's journey has a part in what steps 5 to 8 say.
fn does_not_travel(verdict: &Verdict) -> bool {
    let reason = verdict.reason();
    matches!(reason, Reason::CountryNotListed | Reason::ReportOnly)
}

struct Case<'a> {
    policy: &'a Policy,
    subject: &'a Subject<'a>,
    exemptions: &'a Exemptions,
    now: Timestamp,
}

impl Case<'_> {
    /// Which rule of the site's paths decides here, for the trace alone.
    fn name_rule(&self, trace: &mut impl Trace) {
        if let Extent::Path { rule, .. } = &self.policy.extent {
            trace.step("path_rule", false, |words| words.path_rule(rule));
        }
    }

    /// What a path rule leaves of the verdict. `located` says that the place gave it, and no network.
    fn by_reach(&self, verdict: Verdict, located: bool, trace: &mut impl Trace) -> Verdict {
        let Extent::Path { reach, .. } = &self.policy.extent else { return verdict };
        match (reach, &verdict) {
            (Reach::All, _) | (_, Verdict::Deny(_)) => verdict,
            (Reach::Nobody, _) => {
                trace.step("path_closed", true, |words| {
                    words.either("stien er lukket for alle", "the path is closed to everybody")
                });
                deny(Reason::PathClosed)
            }
            (Reach::OnlyFrom(_), _) if !located => verdict,
            (Reach::OnlyFrom(countries), _) => {
                let inside = self.is_in(countries) && does_not_travel(&verdict);
                trace.step("path_countries", !inside, |words| words.path_countries(countries));
                if inside { verdict } else { deny(Reason::PathOtherCountry) }
            }
        }
    }

    fn is_in(&self, countries: &[Country]) -> bool {
        let Subject { address, location, .. } = *self.subject;
        let country = self.policy.corrected(address, location, self.now).country();
        country.is_some_and(|country| countries.contains(&country))
    }

    /// Steps 1 to 4: what the address settles by itself.
    fn by_network(&self, trace: &mut impl Trace) -> Option<Verdict> {
        let known = match self.subject.address {
            ClientAddress::Known(known) => known,
            ClientAddress::Unknown(because) => {
                trace.step("client_address", true, |words| words.unknown_address(because));
                return Some(deny(Reason::ClientAddressUnknown));
            }
        };
        let (seen, judged) = (known.seen(), known.judged());
        trace.step("client_address", false, |words| words.known_address(seen, judged));

        // Few addresses hold another one, for which the rules count too.
        let deny_networks = &self.policy.deny_networks;
        let denied = deny_networks
            .find(seen, self.now)
            .or_else(|| (judged != seen).then(|| deny_networks.find(judged, self.now)).flatten());
        trace.step("deny_networks", denied.is_some(), |words| words.denied_network(denied));
        if denied.is_some() {
            return Some(deny(Reason::DeniedNetwork));
        }

        let allowed = self.policy.allow_networks.find(judged, self.now);
        trace.step("allow_networks", allowed.is_some(), |words| words.allowed_network(allowed));
        if allowed.is_some() {
            return Some(allow(Reason::AllowedNetwork));
        }

        let private = self.subject.location == Location::PrivateNetwork;
        let admission = self.policy.private_networks;
        trace.step("private_networks", private, |words| words.private_network(private, admission));
        private.then(|| match admission {
            Admission::Allow => allow(Reason::PrivateNetwork),
            Admission::Deny => deny(Reason::DeniedPrivateNetwork),
        })
    }

    /// Steps 5 to 8: where the address is.
    fn by_location(&self, trace: &mut impl Trace) -> Verdict {
        let location = self.corrected(trace);
        match location {
            Location::Country { .. } | Location::NotInDatabase
                if self.policy.extent == Extent::AcmeChallenge =>
            {
                trace.step("location", true, |words| {
                    words.either(
                        "en ACME-forespørgsel, som systemet lukker ind fra alle steder",
                        "an ACME challenge, which the site lets in from everywhere",
                    )
                });
                allow(Reason::AcmeChallenge)
            }
            Location::Country { .. } => {
                trace.step("location", false, |words| {
                    location.territory().map(|t| words.place(t)).unwrap_or_default()
                });
                self.by_list(location, trace)
            }
            Location::NotInDatabase => {
                let admission = self.policy.unknown_location.at(self.now);
                trace.step("location", true, |words| words.not_in_database(admission));
                match admission {
                    Admission::Allow => allow(Reason::UnknownLocationAllowed),
                    Admission::Deny => {
                        self.unless_only_reported(deny(Reason::UnknownLocation), trace)
                    }
                }
            }
            Location::PrivateNetwork | Location::AddressUnknown => {
                trace.step("location", true, |words| {
                    words.either("der er ingen adresse at slå op", "there is no address to look up")
                });
                deny(Reason::ClientAddressUnknown)
            }
        }
    }

    fn corrected(&self, trace: &mut impl Trace) -> Location {
        let correction =
            self.policy.correction(self.subject.address, self.subject.location, self.now);
        trace.step("corrections", false, |words| words.correction(correction));
        correction.map_or(self.subject.location, |entry| entry.value.0.into())
    }

    fn by_list(&self, location: Location, trace: &mut impl Trace) -> Verdict {
        let list = &self.policy.list;
        let Some(version) = list.in_force(self.now) else {
            let first = list.announced(self.now).map(|version| version.effective_from);
            trace.step("list", true, |words| words.no_version(list.id(), first));
            return allow(Reason::CountryNotListed);
        };
        let entry = version.territories.covering(location);
        trace.step("list", entry.is_none(), |words| {
            let place = entry.or(location.territory());
            words.on_list(place, entry.is_some(), (list.id(), version))
        });
        if entry.is_none() {
            return allow(Reason::CountryNotListed);
        }
        self.unless_only_reported(self.by_exemption(location, version, trace), trace)
    }

    /// Step 8. An exemption is looked at only where the site asks people who they are at all.
    fn by_exemption(
        &self,
        location: Location,
        version: &ListVersion,
        trace: &mut impl Trace,
    ) -> Verdict {
        let territories = covering_territories(location, &version.territories);
        let (verdict, outcome) =
            self.at_sign_in(territories).unwrap_or_else(|| self.asked(territories));
        trace.step("travel_exemptions", true, |words| outcome.words(words));
        verdict
    }

    /// Where people sign in for other sites, everybody gets in while one of them travels there.
    fn at_sign_in(&self, territories: [Option<Territory>; 2]) -> Option<(Verdict, Outcome<'_>)> {
        let Policy { organization, sign_in, exemptions_enabled, .. } = self.policy;
        let open = *sign_in
            && *exemptions_enabled
            && self.exemptions.anybody_travels(organization, territories, self.now);
        open.then(|| (allow(Reason::SignInSite), Outcome::SignIn))
    }

    fn asked(&self, territories: [Option<Territory>; 2]) -> (Verdict, Outcome<'_>) {
        match self.subject.person {
            _ if self.policy.authentication == Authentication::Never => {
                (deny(Reason::CountryListed), Outcome::SiteNeverAsks)
            }
            None => self.by_door(territories),
            Some(person) if *person.organization() != self.policy.organization => {
                (deny(Reason::NotAuthorized), Outcome::Foreigner(person))
            }
            Some(person) => self.by_claim(person, territories),
        }
    }

    fn by_door(&self, territories: [Option<Territory>; 2]) -> (Verdict, Outcome<'_>) {
        let Policy { organization, site, .. } = self.policy;
        if !self.policy.exemptions_enabled {
            (deny(Reason::CountryListed), Outcome::SchemeOff(None))
        } else if self.exemptions.is_open(
            (organization, site),
            territories,
            &self.subject.proof,
            self.now,
        ) {
            let challenge = Challenge::new(Reason::IdentificationNeeded);
            (Verdict::Identify(challenge), Outcome::DoorOpen)
        } else {
            (deny(Reason::CountryListed), Outcome::DoorClosed)
        }
    }

    fn by_claim(
        &self,
        person: &Person,
        territories: [Option<Territory>; 2],
    ) -> (Verdict, Outcome<'_>) {
        if !self.policy.exemptions_enabled {
            let held = self.exemptions.anything_held_by(person);
            let reason =
                if held.is_some() { Reason::ExemptionsDisabled } else { Reason::CountryListed };
            return (deny(reason), Outcome::SchemeOff(held));
        }
        let proof = self.subject.proof;
        match self.exemptions.claim(person, &self.policy.site, territories, proof, self.now) {
            Claim::Covered { exemption, until } => {
                let permit =
                    Permit::new(Reason::TravelExemption).with_exemption(exemption.id.clone());
                (Verdict::Allow(permit), Outcome::Covered { exemption, until })
            }
            Claim::Missed(miss) => (deny(miss.reason), Outcome::Missed(miss)),
            Claim::Nothing => (deny(Reason::CountryListed), Outcome::NothingHeld),
        }
    }

    fn unless_only_reported(&self, verdict: Verdict, trace: &mut impl Trace) -> Verdict {
        match (self.policy.mode.at(self.now), verdict) {
            (Mode::ReportOnly, verdict @ (Verdict::Identify(_) | Verdict::Deny(_))) => {
                let reason = verdict.reason();
                trace.step("mode", true, |words| words.only_reported(reason));
                Verdict::Allow(Permit::new(Reason::ReportOnly).with_would_be(reason))
            }
            (Mode::ReportOnly | Mode::Enforce, verdict) => verdict,
        }
    }

    /// Step 9. A person of another organisation is nobody here: never named to the upstream, and
    /// not authorised where the site asks.
    fn by_authentication(&self, permit: Permit, trace: &mut impl Trace) -> Verdict {
        let own = |person: &&Person| *person.organization() == self.policy.organization;
        let asks = self.policy.authentication == Authentication::Always;
        let person = self.subject.person;
        let (verdict, outcome) = match (person, person.filter(own)) {
            (None, _) if asks => {
                let challenge = Challenge::new(Reason::AuthenticationRequired);
                (
                    Verdict::Identify(challenge),
                    ("systemet spørger alle, hvem de er", "the site asks everybody who they are"),
                )
            }
            (Some(_), None) if asks => (
                deny(Reason::NotAuthorized),
                (
                    "personen hører til en anden organisation",
                    "the person belongs to another organisation",
                ),
            ),
            (_, person) => {
                let outcome = match person {
                    Some(_) => ("personen er bevist", "the person is proven"),
                    None => ("systemet spørger ikke her", "the site does not ask here"),
                };
                (Verdict::Allow(permit.with_person(person)), outcome)
            }
        };
        trace.step("authentication", true, |words| words.either(outcome.0, outcome.1));
        verdict
    }
}

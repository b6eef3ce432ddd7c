//! Whether every site there is rejects somebody, whoever it may turn out to be.
//!
//! PURE. Policies that differ in whose they are alone decide alike about whoever has not said who
//! they are, unless somebody travels where that is. So one of each kind is asked, and a thousand
//! sites cost what one does: this is asked for each connection of a flood.

use std::sync::Arc;

use jiff::Timestamp;

use super::exemption::covering_territories;
use super::site_policy::{Extent, Reach};
use super::{Denial, Exemptions, Policy, Subject, Verdict, decide};

/// One policy of each kind.
#[derive(Debug, Default)]
pub struct Everywhere {
    kinds: Vec<Policy>,
}

impl Everywhere {
    /// Of all policies of all sites.
    #[must_use]
    pub fn of<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Self {
        let mut kinds: Vec<Policy> = Vec::new();
        for policy in policies {
            if !kinds.iter().any(|kind| are_alike(kind, policy)) {
                kinds.push(policy.clone());
            }
        }
        Self { kinds }
    }

    /// The rejection by every policy: none of them lets the subject in, and none asks who it is.
    /// None also where there is no policy. `all` are those that this was made of.
    pub fn rejects<'a>(
        &self,
        all: impl IntoIterator<Item = &'a Policy>,
        subject: &Subject<'_>,
        exemptions: &Exemptions,
        now: Timestamp,
    ) -> Option<Denial> {
        let alone = |policy: &Policy| nobody_travels_there(policy, subject, exemptions, now);
        if subject.person.is_none() && self.kinds.iter().all(alone) {
            by_each(&self.kinds, subject, &Exemptions::default(), now)
        } else {
            by_each(all, subject, exemptions, now)
        }
    }
}

fn by_each<'a>(
    policies: impl IntoIterator<Item = &'a Policy>,
    subject: &Subject<'_>,
    exemptions: &Exemptions,
    now: Timestamp,
) -> Option<Denial> {
    let mut last = None;
    for policy in policies {
        match decide(policy, subject, exemptions, now) {
            Verdict::Deny(denial) => last = Some(denial),
            Verdict::Allow(_) | Verdict::Identify(_) => return None,
        }
    }
    last
}

/// Whether no exemption of anybody's can play a part in what the policy decides.
fn nobody_travels_there(
    policy: &Policy,
    subject: &Subject<'_>,
    exemptions: &Exemptions,
    now: Timestamp,
) -> bool {
    let Some(version) = policy.list_version(now) else { return true };
    let location = policy.corrected(subject.address, subject.location, now);
    let territories = covering_territories(location, &version.territories);
    !exemptions.anybody_travels_at_all(territories, now)
}

/// Whether they decide alike where no exemption plays a part.
fn are_alike(one: &Policy, other: &Policy) -> bool {
    let reach = |policy: &Policy| match &policy.extent {
        Extent::Path { reach, .. } => reach.clone(),
        Extent::Site | Extent::AcmeChallenge => Reach::All,
    };
    let is_challenge = |policy: &Policy| policy.extent == Extent::AcmeChallenge;
    (Arc::ptr_eq(&one.list, &other.list) || one.list == other.list)
        && one.mode == other.mode
        && one.unknown_location == other.unknown_location
        && one.private_networks == other.private_networks
        && one.allow_networks == other.allow_networks
        && one.deny_networks == other.deny_networks
        && one.corrections == other.corrections
        && one.authentication == other.authentication
        && reach(one) == reach(other)
        && is_challenge(one) == is_challenge(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Authentication;
    use crate::policy::fixture::{
        address, at, exemption, leg, organization, parts, place, site, snapshot,
    };
    use crate::policy::{PolicyParts, Proof};
    use crate::territory::Country;

    const NOON: &str = "2026-12-01T12:00:00Z";

    fn stranger(code: &str) -> Subject<'static> {
        let address = address("203.0.113.9");
        Subject { address, location: place(code), person: None, proof: Proof::UNSEEN }
    }

    fn sites(count: usize) -> Vec<Policy> {
        (0..count)
            .map(|number| {
                let (site, organization) = (site(&format!("s{number}")), organization("ballerup"));
                Policy::new(PolicyParts { site, organization, ..parts() })
            })
            .collect()
    }

    #[test]
    fn sites_that_differ_in_name_are_one_kind() {
        let mut policies = sites(1000);
        assert_eq!(Everywhere::of(&policies).kinds.len(), 1);
        policies
            .push(Policy::new(PolicyParts { authentication: Authentication::Always, ..parts() }));
        assert_eq!(Everywhere::of(&policies).kinds.len(), 2);
        let only_from = |codes: &[&str]| {
            let countries = codes.iter().map(|code| Country::parse(code).unwrap()).collect();
            let extent =
                Extent::Path { rule: Arc::from("/ecp/"), reach: Reach::OnlyFrom(countries) };
            Policy::new(PolicyParts { extent, ..parts() })
        };
        policies.extend([only_from(&["DK"]), only_from(&["DK"]), only_from(&["DK", "SE"])]);
        assert_eq!(Everywhere::of(&policies).kinds.len(), 4);
    }

    #[test]
    fn nobody_is_rejected_where_there_is_nothing() {
        let everywhere = Everywhere::of([]);
        let none: [&Policy; 0] = [];
        let noon = at(NOON);
        assert!(everywhere.rejects(none, &stranger("CN"), &Exemptions::default(), noon).is_none());
    }

    #[test]
    fn a_traveller_to_one_of_many_sites_opens_all_that_is_asked_by_connection() {
        let policies = sites(3);
        let everywhere = Everywhere::of(&policies);
        let journey = leg("CN", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z");
        let travels = snapshot(vec![exemption("TE-1", "anna@ballerup", &["s2"], vec![journey])]);
        let rejects =
            |code, at| everywhere.rejects(&policies, &stranger(code), &travels, at).is_some();
        let (noon, later) = (at(NOON), at("2026-12-02T00:00:00Z"));
        assert!(!rejects("CN", noon), "the door of s2 is open");
        assert!(rejects("CN", later));
        assert!(rejects("RU", noon));
        assert!(!rejects("DK", noon));
    }
}

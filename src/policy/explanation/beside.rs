//! What a person holds that does not let them in, and why: for whoever is on the telephone with them.

use jiff::Timestamp;

use crate::identifier::SiteId;
use crate::language::Language::{Danish, English};
use crate::policy::trace::Words;
use crate::policy::{ExemptionId, ExemptionState, Leg, Phase, TravelExemption};
use crate::territory::Territory;

/// Everything that a person holds, in whatever state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Holdings<'a> {
    /// The exemptions.
    pub exemptions: &'a [TravelExemption],
    /// Whether the account is locked, so that none of them counts.
    pub locked: bool,
}

/// An exemption that does not count for what was asked about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct OtherExemption {
    /// Which.
    pub exemption: ExemptionId,
    /// Where it stands then, as `exemption list --state` has it.
    pub state: &'static str,
    /// Why it does not count, as the rest of a sentence about it.
    pub because: String,
}

/// What was asked about.
pub(super) struct Asked<'a> {
    pub(super) site: &'a SiteId,
    pub(super) territories: [Option<Territory>; 2],
    pub(super) at: Timestamp,
}

impl Holdings<'_> {
    /// Each of them and why it does not count, what ends last first.
    pub(super) fn told(&self, asked: &Asked<'_>, words: &Words<'_>) -> Vec<OtherExemption> {
        let mut held: Vec<&TravelExemption> = self.exemptions.iter().collect();
        held.sort_by_key(|one| std::cmp::Reverse((one.journey().map(|(_, until)| until), &one.id)));
        held.into_iter()
            .map(|one| OtherExemption {
                exemption: one.id.clone(),
                state: one.phase(asked.at).word(),
                because: self.because(one, asked, words),
            })
            .collect()
    }

    fn because(&self, one: &TravelExemption, asked: &Asked<'_>, words: &Words<'_>) -> String {
        match one.phase(asked.at) {
            Phase::Applied => words.either(
                "er ansøgt og venter på en afgørelse",
                "was applied for and waits for a decision",
            ),
            Phase::AwaitingApproval => words.either(
                "venter på, at en anden person godkender",
                "waits for another person's approval",
            ),
            Phase::Refused => words.either("blev afslået", "was refused"),
            Phase::Withdrawn => words.either(
                "blev trukket tilbage af den, der søgte",
                "was taken back by whoever applied",
            ),
            Phase::Revoked => words.either("er tilbagekaldt", "was revoked"),
            Phase::Closed => words.either(
                "er afsluttet, før rejsen var slut",
                "was closed before the journey was over",
            ),
            Phase::Planned | Phase::Active | Phase::Ended => {
                let mut faults = faults(one, asked, words);
                if self.locked {
                    faults.push(words.either("er på en låst konto", "belongs to a locked account"));
                }
                faults.join(", ")
            }
        }
    }
}

/// What is amiss with one that counts somewhere at some time.
fn faults(one: &TravelExemption, asked: &Asked<'_>, words: &Words<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    if !one.sites.contains(asked.site) {
        let sites: Vec<&str> = one.sites.iter().map(SiteId::as_str).collect();
        let (sites, site) = (sites.join(", "), asked.site);
        faults.push(match words.language {
            Danish => format!("gælder {sites} og ikke {site}"),
            English => format!("is for {sites} and not for {site}"),
        });
    }
    let covers = |leg: &&Leg| {
        leg.territories.iter().any(|&territory| asked.territories.contains(&Some(territory)))
    };
    let mut legs: Vec<&Leg> = one.legs.iter().filter(covers).collect();
    if legs.is_empty() {
        let mut places: Vec<String> = one
            .legs
            .iter()
            .flat_map(|leg| &leg.territories)
            .map(|&place| words.place(place))
            .collect();
        places.sort_unstable();
        places.dedup();
        let places = places.join(", ");
        faults.push(match words.language {
            Danish => format!("gælder {places} alene"),
            English => format!("is for {places} alone"),
        });
        legs = one.legs.iter().collect();
    }
    faults.extend(time(one.state, &legs, asked.at, words));
    faults
}

/// Why none of these legs counts at this instant; none where one does.
fn time(state: ExemptionState, legs: &[&Leg], at: Timestamp, words: &Words<'_>) -> Option<String> {
    let unconfirmed = match state {
        ExemptionState::Provisional { until } => Some(until),
        ExemptionState::Applied
        | ExemptionState::AwaitingApproval
        | ExemptionState::Granted
        | ExemptionState::Refused
        | ExemptionState::Withdrawn
        | ExemptionState::Revoked
        | ExemptionState::Closed => None,
    };
    if legs.iter().any(|leg| leg.from <= at && at < leg.until) {
        let end = unconfirmed.filter(|&until| until <= at)?;
        let end = words.end(end);
        return Some(match words.language {
            Danish => format!("gjaldt til {end}, for ingen anden har godkendt den"),
            English => format!("counted until {end}, because nobody else approved it"),
        });
    }
    let next = legs.iter().map(|leg| leg.from).filter(|&from| at < from).min();
    if let Some(from) = next {
        let from = words.instant(from);
        return Some(match words.language {
            Danish => format!("gælder fra {from}"),
            English => format!("counts from {from}"),
        });
    }
    let end = words.end(legs.iter().map(|leg| leg.until).max()?);
    Some(match words.language {
        Danish => format!("gjaldt til {end}"),
        English => format!("counted until {end}"),
    })
}

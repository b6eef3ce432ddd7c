//! A decision with every step that led to it, for `explain`: as JSON and as text.

mod beside;
mod hypothetical;
mod text;

pub use beside::{Holdings, OtherExemption};
pub use hypothetical::{Ambiguous, Hypothetical};

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::beside::Asked;
use super::decision::{decide_with, none_counts};
use super::exemption::covering_territories;
use super::trace::{Recorder, Words};
use super::{
    ExemptionId, Exemptions, Permit, Policy, Reason, Step, Subject, UserName, Verdict, forecast,
};
use crate::client_address::ClientAddress;
use crate::identifier::{ListId, OrganizationId, SiteId};
use crate::language::Language;
use crate::territory::{Country, Subdivision};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whom it is about; the person is taken as proven.
    pub subject: Subject<'a>,
    /// The person's login name, to be shown.
    pub user_name: Option<&'a UserName>,
    /// What the person holds, as far as it was looked for.
    pub holdings: Holdings<'a>,
    /// The instant of the decision.
    pub at: Timestamp,
    /// What else the database says.
    pub database: DatabaseFacts,
    /// The organisation's time zone, for dates in words.
    pub time_zone: &'a TimeZone,
}

/// What the database says about an address beside its location. No decision looks at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Where the network is registered.
    pub registered_country: Option<Country>,
    /// The network that the database holds the address in.
    pub network: Option<IpNet>,
    /// When the database was built.
    pub built: Option<Timestamp>,
}

/// The answer; it serialises as `explain --json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The client address as seen; none where it is unknown.
    pub address: Option<IpAddr>,
    /// Where the database has it.
    pub location: ExplainedLocation,
    /// The site.
    pub site: SiteId,
    /// The path of the site's rule that decides, where one does.
    pub path_rule: Option<String>,
    /// Whose site it is.
    pub organization: OrganizationId,
    /// The login name of the person who was taken as proven.
    pub user: Option<String>,
    /// The instant of the decision.
    pub at: Timestamp,
    /// The list, and the version in force.
    pub list: ExplainedList,
    /// `allow`, `identify` or `deny`.
    pub verdict: &'static str,
    /// Why.
    pub reason: Reason,
    /// In report-only mode: what enforcing would give.
    pub would_be: Option<Reason>,
    /// The exemption that lets the person in.
    pub exemption: Option<ExemptionId>,
    /// What else the person holds, where exemptions were looked at and none lets the person in.
    pub other_exemptions: Vec<OtherExemption>,
    /// `enforce` or `report_only`.
    pub mode: &'static str,
    /// The decision when the announced version begins.
    pub upcoming: Option<ExplainedUpcoming>,
    /// Each step, in order.
    pub steps: Vec<Step>,
}

impl Explanation {
    /// As it is told to whoever may ask about a person, but may not read when and where they travel:
    /// the exemption that lets in is named, and none that does not.
    #[must_use]
    pub fn without_journeys(mut self, language: Language) -> Self {
        self.other_exemptions.clear();
        let told = self.user.is_some() && self.exemption.is_none();
        for step in self.steps.iter_mut().filter(|step| told && step.step == "travel_exemptions") {
            none_counts(language).clone_into(&mut step.outcome);
        }
        self
    }
}

/// See [`Explanation::location`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedLocation {
    /// `country`, `private`, `not_in_database` or `unknown`.
    pub kind: &'static str,
    /// The country.
    pub country: Option<Country>,
    /// Its subdivision.
    pub subdivision: Option<Subdivision>,
    /// The country that a correction puts in its place, and that is decided on.
    pub corrected_to: Option<Country>,
    /// Where the network is registered.
    pub registered_country: Option<Country>,
    /// The database's network.
    #[serde(serialize_with = "as_text")]
    pub network: Option<IpNet>,
    /// When the database was built.
    pub database_built: Option<Timestamp>,
}

/// See [`Explanation::list`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedList {
    /// The name under `country_lists`.
    pub id: ListId,
    /// The version in force.
    pub version: Option<String>,
    /// When it came into force.
    pub effective_from: Option<Timestamp>,
}

/// See [`Explanation::upcoming`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedUpcoming {
    /// The announced version.
    pub version: String,
    /// When it begins.
    pub effective_from: Timestamp,
    /// `allow`, `identify` or `deny`.
    pub verdict: &'static str,
    /// Why.
    pub reason: Reason,
    /// In report-only mode: what enforcing would give.
    pub would_be: Option<Reason>,
}

/// Decides, by the same function that serves, and keeps every step, in English.
#[must_use]
pub fn explain(policy: &Policy, exemptions: &Exemptions, question: &Question<'_>) -> Explanation {
    explain_in(Language::English, policy, exemptions, question)
}

/// The same with the steps in a language.
#[must_use]
pub fn explain_in(
    language: Language,
    policy: &Policy,
    exemptions: &Exemptions,
    question: &Question<'_>,
) -> Explanation {
    let now = question.at;
    let subject = &question.subject;
    let mut recorder = Recorder::new(question.time_zone, language);
    let verdict = decide_with(policy, subject, exemptions, now, &mut recorder);
    let version = policy.list_version(now);
    Explanation {
        address: match subject.address {
            ClientAddress::Known(known) => Some(known.seen()),
            ClientAddress::Unknown(_) => None,
        },
        location: location(policy, question),
        site: policy.site().clone(),
        path_rule: policy.path_rule().map(ToString::to_string),
        organization: policy.organization().clone(),
        user: question.user_name.map(ToString::to_string),
        at: now,
        list: ExplainedList {
            id: policy.list().id().clone(),
            version: version.map(|v| v.version.clone()),
            effective_from: version.map(|v| v.effective_from),
        },
        verdict: verdict.word(),
        reason: verdict.reason(),
        would_be: would_be(&verdict),
        exemption: permit(&verdict).and_then(|permit| permit.exemption().cloned()),
        other_exemptions: other_exemptions(language, policy, &verdict, question),
        mode: policy.mode(now).word(),
        upcoming: forecast(policy, subject, exemptions, now).map(|upcoming| ExplainedUpcoming {
            version: upcoming.version.to_owned(),
            effective_from: upcoming.effective_from,
            verdict: upcoming.verdict.word(),
            reason: upcoming.verdict.reason(),
            would_be: would_be(&upcoming.verdict),
        }),
        steps: recorder.into_steps(),
    }
}

fn permit(verdict: &Verdict) -> Option<&Permit> {
    match verdict {
        Verdict::Allow(permit) => Some(permit),
        Verdict::Identify(_) | Verdict::Deny(_) => None,
    }
}

/// Why what the person holds does not let them in; nothing where none was needed.
fn other_exemptions(
    language: Language,
    policy: &Policy,
    verdict: &Verdict,
    question: &Question<'_>,
) -> Vec<OtherExemption> {
    let Subject { address, location, .. } = question.subject;
    let located = policy.corrected(address, location, question.at);
    let in_force = policy.list_version(question.at);
    let territories = in_force
        .map_or([None, None], |version| covering_territories(located, &version.territories));
    let covered = permit(verdict).is_some_and(|permit| permit.exemption().is_some());
    let by_network = matches!(
        verdict.reason(),
        Reason::AllowedNetwork | Reason::DeniedNetwork | Reason::ClientAddressUnknown
    );
    if covered || by_network || territories == [None, None] {
        return Vec::new();
    }
    let asked = Asked { site: policy.site(), territories, at: question.at };
    question.holdings.told(&asked, &Words { zone: question.time_zone, language })
}

fn would_be(verdict: &Verdict) -> Option<Reason> {
    permit(verdict).and_then(Permit::would_be)
}

fn location(policy: &Policy, question: &Question<'_>) -> ExplainedLocation {
    let Subject { address, location, .. } = question.subject;
    let DatabaseFacts { registered_country, network, built } = question.database;
    ExplainedLocation {
        kind: location.kind(),
        country: location.country(),
        subdivision: location.territory().and_then(crate::territory::Territory::subdivision),
        corrected_to: policy.correction(address, location, question.at).map(|entry| entry.value.0),
        registered_country,
        network,
        database_built: built,
    }
}

fn as_text<S: serde::Serializer>(
    network: &Option<IpNet>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match network {
        Some(network) => serializer.collect_str(network),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;

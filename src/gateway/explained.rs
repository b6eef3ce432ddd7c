//! The decision about a request that nobody has sent, with each step that leads to it: by the same
//! choice of policy and the same function as a real one. The command line and the administration ask.

use super::Snapshot;
use super::canonical::canonical_path;
use super::sites::ProtectedSite;
use crate::client_address::{ClientAddress, KnownAddress};
use crate::language::Language;
use crate::policy::{
    self, Ambiguous, DatabaseFacts, Explanation, Hypothetical, Policy, Proof, Question, Subject,
    Verdict,
};

/// Decides about it at this site, and says each step in this language.
///
/// # Errors
/// [`Ambiguous`] where a real request would not be decided about.
pub(crate) fn explain(
    snapshot: &Snapshot,
    site: &ProtectedSite,
    asked: &Hypothetical<'_>,
    language: Language,
) -> Result<Explanation, Ambiguous> {
    let address = match KnownAddress::new(asked.address) {
        Ok(known) => ClientAddress::Known(known),
        Err(because) => ClientAddress::Unknown(because),
    };
    let database = &snapshot.database;
    let located = database.locate(&address);
    let network = match address {
        ClientAddress::Known(known) => database.network_of(known.judged()),
        ClientAddress::Unknown(_) => None,
    };
    let person = asked.person.map(|(_, person)| person);
    let proof = if person.is_some() { Proof::FULL } else { Proof::NONE };
    let question = Question {
        subject: Subject { address, location: located.location, person, proof },
        user_name: asked.person.map(|(name, _)| name),
        holdings: asked.holdings,
        at: asked.at,
        database: DatabaseFacts {
            registered_country: located.registered_country,
            network,
            built: Some(database.info().built),
        },
        time_zone: &site.organization.time_zone,
    };
    let exemptions = &snapshot.exemptions;
    let policy = policy_at(site, asked.path, |policy| {
        policy::decide(policy, &question.subject, exemptions, asked.at)
    })?;
    Ok(policy::explain_in(language, policy, exemptions, &question))
}

/// The policy that decides at a path: the same choice that a request makes.
fn policy_at<'a>(
    site: &'a ProtectedSite,
    path: &str,
    decide: impl Fn(&Policy) -> Verdict,
) -> Result<&'a Policy, Ambiguous> {
    let ambiguous = |why: String| Ambiguous { path: path.to_owned(), why };
    let canonical = canonical_path(path).map_err(|unclear| ambiguous(unclear.to_string()))?;
    let choice = site.policies.choose(canonical.path(), canonical.query().is_none());
    let choice =
        choice.map_err(|unclear| ambiguous(format!("{unclear}, and the site has path rules")))?;
    Ok(site.policies.strictest(&choice, decide).0)
}

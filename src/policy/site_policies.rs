//! The policies of one site: its own, those of its path rules, and the exemption of ACME challenges.
//!
//! PURE. Which of them decides is a matter of the request's path alone. Where upstreams may read a
//! path in several ways, each reading's policy decides, and the strictest verdict counts.

use super::rule_path::{Loosest, RulePath, UnclearPath};
use super::{Policy, Reason, Verdict};

/// Where ACME challenges are answered (RFC 8555 section 8.3).
pub const ACME_CHALLENGES: &str = "/.well-known/acme-challenge/";
/// No authority makes longer tokens.
const LONGEST_TOKEN: usize = 256;

/// The policies of one site. Immutable.
#[derive(Debug)]
pub struct SitePolicies {
    own: Policy,
    /// The longest first.
    rules: Vec<PathRule>,
    acme_challenge: Option<Policy>,
}

/// A path and the policy that decides there.
#[derive(Debug)]
pub struct PathRule {
    /// From here down.
    pub path: RulePath,
    /// What decides.
    pub policy: Policy,
}

/// Which policies of a site decide about a request: one, unless its path has several readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    first: Chosen,
    others: Vec<Chosen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chosen {
    Own,
    Rule(usize),
    AcmeChallenge,
}

impl Choice {
    /// The site's own policy.
    pub const OWN: Self = Self::only(Chosen::Own);

    const fn only(chosen: Chosen) -> Self {
        Self { first: chosen, others: Vec::new() }
    }

    /// Whether the request is an ACME challenge, which goes on without anybody's credentials.
    #[must_use]
    pub fn is_acme_challenge(&self) -> bool {
        self.first == Chosen::AcmeChallenge
    }
}

impl SitePolicies {
    /// Puts them together. `acme_challenge` stands where the site exempts challenges.
    #[must_use]
    pub fn new(own: Policy, mut rules: Vec<PathRule>, acme_challenge: Option<Policy>) -> Self {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.path.depth()));
        Self { own, rules, acme_challenge }
    }

    /// The site's own policy.
    #[must_use]
    pub fn own(&self) -> &Policy {
        &self.own
    }

    /// Every policy that may decide about a request to the site.
    pub fn all(&self) -> impl Iterator<Item = &Policy> {
        let rules = self.rules.iter().map(|rule| &rule.policy);
        std::iter::once(&self.own).chain(rules).chain(&self.acme_challenge)
    }

    /// Chooses by a path as it goes on to the upstream. `only_reads` says of the request that it
    /// asks for a document and brings nothing: no body, no query, no change of protocol.
    ///
    /// # Errors
    /// [`UnclearPath`]: no policy can be chosen.
    pub fn choose(&self, path: &str, only_reads: bool) -> Result<Choice, UnclearPath> {
        if self.acme_challenge.is_some() && only_reads && is_acme_challenge(path) {
            return Ok(Choice::only(Chosen::AcmeChallenge));
        }
        if self.rules.is_empty() {
            return Ok(Choice::OWN);
        }
        let loosest = Loosest::read(path)?;
        let plain = self.rules.iter().find(|rule| rule.path.holds_plainly(path));
        // A looser reading holds for every rule that a stricter one does, so it can only go deeper.
        let least = plain.map_or(0, |rule| rule.path.depth());
        let deep_enough = |rule: &PathRule| rule.path.depth() >= least;
        let held = self.rules.iter().enumerate().filter(|(_, rule)| deep_enough(rule));
        let held = held.filter(|(_, rule)| rule.path.is_above(&loosest));
        let own = plain.is_none().then_some(Chosen::Own);
        let mut readings = held.map(|(index, _)| Chosen::Rule(index)).chain(own);
        let first = readings.next().ok_or(UnclearPath)?;
        Ok(Choice { first, others: readings.collect() })
    }

    /// The policy for the gateway's own pages: the site's, or else the first of a rule that would
    /// ask this client who it is. Whoever some part of the site asks finds the way to sign in; a part
    /// that lets everybody in opens no sign-in to whoever the site rejects.
    #[must_use]
    pub fn choose_for_own_pages(&self, decide: impl Fn(&Policy) -> Verdict) -> Choice {
        if self.rules.is_empty() || !matches!(decide(&self.own), Verdict::Deny(_)) {
            return Choice::OWN;
        }
        let asks = |rule: &PathRule| matches!(decide(&rule.policy), Verdict::Identify(_));
        let rule = self.rules.iter().position(asks);
        rule.map_or(Choice::OWN, |index| Choice::only(Chosen::Rule(index)))
    }

    /// The policy that decides, where the path has one reading.
    #[must_use]
    pub fn only(&self, choice: &Choice) -> Option<&Policy> {
        choice.others.is_empty().then(|| self.get(choice.first))
    }

    /// The strictest verdict of all readings, and the policy it is from.
    pub fn strictest(
        &self,
        choice: &Choice,
        decide: impl Fn(&Policy) -> Verdict,
    ) -> (&Policy, Verdict) {
        let policy = self.get(choice.first);
        let mut found = (policy, decide(policy));
        for &other in &choice.others {
            let policy = self.get(other);
            let verdict = decide(policy);
            if strictness(&verdict) > strictness(&found.1) {
                found = (policy, verdict);
            }
        }
        found
    }

    fn get(&self, chosen: Chosen) -> &Policy {
        match chosen {
            Chosen::Own => &self.own,
            Chosen::Rule(index) => self.rules.get(index).map_or(&self.own, |rule| &rule.policy),
            Chosen::AcmeChallenge => self.acme_challenge.as_ref().unwrap_or(&self.own),
        }
    }
}

/// Rejecting is stricter than asking, and asking than letting in; of what is otherwise the same,
/// what tells a stranger less and the log more.
fn strictness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Deny(_) => 4,
        Verdict::Identify(challenge) if challenge.reason() == Reason::IdentificationNeeded => 3,
        Verdict::Identify(_) => 2,
        Verdict::Allow(permit) if permit.exemption().is_some() => 1,
        Verdict::Allow(_) => 0,
    }
}

/// The challenges' directory, octet for octet, and behind it a token of base64url and nothing else
/// (RFC 8555 section 8.3).
fn is_acme_challenge(path: &str) -> bool {
    path.strip_prefix(ACME_CHALLENGES).is_some_and(|token| {
        (1..=LONGEST_TOKEN).contains(&token.len())
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fixture::{NOW, address, at, parts, place, snapshot};
    use super::super::{Authentication, Extent, Policy, Proof, Reach, Subject, decide};
    use super::*;

    /// `/ecp` closed, `/ecp/public` open to all who may use the site, `/asks` asks everybody.
    fn policies() -> SitePolicies {
        let rule = |path: &str, closed: bool, authentication| {
            let reach = if closed { Reach::Nobody } else { Reach::All };
            let extent = Extent::Path { rule: Arc::from(path), reach };
            PathRule {
                path: RulePath::parse(path).unwrap(),
                policy: Policy::new(super::super::PolicyParts {
                    extent,
                    authentication,
                    ..parts()
                }),
            }
        };
        let when_blocked = Authentication::WhenBlocked;
        let rules = vec![
            rule("/ecp/", true, when_blocked),
            rule("/ecp/public", false, when_blocked),
            rule("/asks/", false, Authentication::Always),
        ];
        let acme = Policy::new(super::super::PolicyParts {
            extent: Extent::AcmeChallenge,
            authentication: Authentication::Never,
            ..parts()
        });
        SitePolicies::new(Policy::new(parts()), rules, Some(acme))
    }

    /// The reason of the verdict for a stranger in this country.
    fn reason(path: &str, only_reads: bool, country: &str) -> String {
        let policies = policies();
        let Ok(choice) = policies.choose(path, only_reads) else { return "unclear".to_owned() };
        let subject = Subject {
            address: address("203.0.113.9"),
            location: place(country),
            person: None,
            proof: Proof::NONE,
        };
        let none = snapshot(vec![]);
        let (_, verdict) =
            policies.strictest(&choice, |policy| decide(policy, &subject, &none, at(NOW)));
        verdict.reason().to_string()
    }

    #[test]
    fn the_longest_path_decides_alone() {
        for (path, expected) in [
            ("/", "country_not_listed"),
            ("/owa/", "country_not_listed"),
            ("/ecpx", "country_not_listed"),
            ("/ecp", "path_closed"),
            ("/ecp/", "path_closed"),
            ("/ecp/x", "path_closed"),
            ("/ecp/public", "country_not_listed"),
            ("/ecp/public/x", "country_not_listed"),
            ("/asks/x", "authentication_required"),
        ] {
            assert_eq!(reason(path, true, "DK"), expected, "{path}");
        }
    }

    #[test]
    fn of_several_readings_the_strictest_counts() {
        for path in [
            "/ECP/",
            "/%65cp/x",
            "/ecp;x/",
            "/ecp./",
            "/ecp%20/",
            // One reading is the open rule, another the closed one above it.
            "/ECP/public",
            "/ecp/%70ublic;x/",
        ] {
            assert_eq!(reason(path, true, "DK"), "path_closed", "{path}");
        }
        assert_eq!(reason("/x/..%252fecp", true, "DK"), "unclear");
        assert_eq!(reason("/ASKS/", true, "DK"), "authentication_required");
        assert_eq!(reason("/asks/;/x", true, "DK"), "authentication_required");
    }

    #[test]
    fn a_challenge_is_one_token_that_is_only_read() {
        let token = format!("{ACME_CHALLENGES}aB-_9");
        assert_eq!(reason(&token, true, "CN"), "acme_challenge");
        assert_eq!(reason(&token, false, "CN"), "country_listed");
        for path in [
            ACME_CHALLENGES.to_owned(),
            ACME_CHALLENGES.trim_end_matches('/').to_owned(),
            format!("{token}/"),
            format!("{token}/x"),
            format!("{token};x"),
            format!("{token}%2fx"),
            format!("{token}.html"),
            format!("/{}", token.to_uppercase()),
            format!("/x{token}"),
            format!("{ACME_CHALLENGES}{}", "a".repeat(LONGEST_TOKEN + 1)),
        ] {
            let found = reason(&path, true, "CN");
            assert!(found == "country_listed" || found == "unclear", "{path}: {found}");
        }
    }
}

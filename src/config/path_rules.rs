//! `sites.*.paths`: parts of a site where another policy decides, everybody is asked, only some
//! countries are let in, or nobody is.

use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::checker::{Checker, Text, Wrong, all};
use super::names::Names;
use super::organizations::Organization;
use super::sites::{AUTHENTICATION, somebody_can_sign_in};
use crate::identifier::PolicyId;
use crate::policy::{ACME_CHALLENGES, Authentication, Reach, RulePath};
use crate::territory::Country;

/// Where the gateway's own pages are; no rule holds for them.
const OWN_PAGES: &str = "/.geovagt";

/// One of `sites.*.paths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule {
    /// From here down.
    pub path: RulePath,
    /// Another policy; none: the site's.
    pub policy: Option<PolicyId>,
    /// When people are asked who they are; none: as the site says.
    pub authentication: Option<Authentication>,
    /// Whom it lets in of those whom the policy would.
    pub reach: Reach,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPathRule {
    path: Option<Text>,
    /// Default none: the site's.
    policy: Option<Text>,
    /// Default none: the site's.
    authentication: Option<Text>,
    /// Default none: all whom the policy lets in.
    only_from: Option<Spanned<Vec<Text>>>,
    /// Default false.
    closed: Option<Spanned<bool>>,
}

/// The rules of a site, no two for one path.
pub(super) fn check(
    raw: Option<&Vec<Spanned<RawPathRule>>>,
    acme_challenge: bool,
    names: &Names,
    owner: Option<&Organization>,
    check: &mut Checker<'_>,
) -> Option<Vec<PathRule>> {
    let mut taken: Vec<RulePath> = Vec::new();
    all(raw.into_iter().flatten().map(|rule| {
        let checked = rule.value.check(rule, names, owner, check)?;
        let at = rule.value.path.as_ref().map_or(rule.referenced, |path| path.referenced);
        if let Some(other) = taken.iter().find(|other| other.is_same(&checked.path)) {
            let says =
                format!("`{other}` has a rule already; case and a slash at the end mean nothing");
            check.refuse(at, says, "let one rule alone decide about a path");
            return None;
        }
        if acme_challenge && is_at_or_below(&checked.path, ACME_CHALLENGES) {
            check.refuse(
                at,
                "`acme_challenge: true` decides about this path already",
                "remove this rule, or `acme_challenge`",
            );
            return None;
        }
        taken.push(checked.path.clone());
        Some(checked)
    }))
}

impl RawPathRule {
    fn check(
        &self,
        rule: &Spanned<Self>,
        names: &Names,
        owner: Option<&Organization>,
        check: &mut Checker<'_>,
    ) -> Option<PathRule> {
        let path = check
            .required(&self.path, "path", rule.referenced)
            .and_then(|text| check.parsed(text, "the path of a rule", path));
        let policy = match &self.policy {
            Some(text) => names.policies.mentioned(text, check).map(Some),
            None => Some(None),
        };
        let authentication = match &self.authentication {
            Some(text) => {
                let word = check.word(Some(text), Authentication::WhenBlocked, &AUTHENTICATION);
                word.filter(|word| somebody_can_sign_in(*word, Some(text), owner, check)).map(Some)
            }
            None => Some(None),
        };
        let closed = self.closed.as_ref().is_some_and(|closed| closed.value);
        let only_from = match &self.only_from {
            Some(written) => only_from(written, check).map(Some),
            None => Some(None),
        };
        let decides =
            policy != Some(None) || authentication != Some(None) || self.only_from.is_some();
        if closed == decides {
            let says = if closed {
                "a closed path lets nobody in, so nothing else decides there"
            } else {
                "this rule changes nothing"
            };
            let help =
                "write `policy:`, `authentication:` or `only_from:`, or `closed: true` alone";
            check.refuse(rule.referenced, says, help);
            return None;
        }
        let reach = match only_from? {
            Some(countries) => Reach::OnlyFrom(countries),
            None if closed => Reach::Nobody,
            None => Reach::All,
        };
        Some(PathRule { path: path?, policy: policy?, authentication: authentication?, reach })
    }
}

/// Countries, none of them twice. None at all leaves the allow networks.
fn only_from(written: &Spanned<Vec<Text>>, check: &mut Checker<'_>) -> Option<Arc<[Country]>> {
    let mut taken: Vec<Country> = Vec::new();
    for text in &written.value {
        let country = check.country(text, "a path is open from whole countries")?;
        if taken.contains(&country) {
            check.refuse(text.referenced, format!("{country} stands here twice"), "remove one");
            return None;
        }
        taken.push(country);
    }
    Some(taken.into())
}

fn path(text: &str) -> Result<RulePath, Wrong> {
    let help =
        "write it as `/ecp/`, plain; the rule holds for every spelling of it and for all below";
    let path = RulePath::parse(text).map_err(|error| Wrong::new(error.to_string(), help))?;
    if is_at_or_below(&path, OWN_PAGES) {
        return Err(Wrong::new("is where the gateway's own pages are", "remove this rule"));
    }
    Ok(path)
}

fn is_at_or_below(path: &RulePath, of: &str) -> bool {
    let folded = format!("{}/", path.as_str().trim_end_matches('/').to_ascii_lowercase());
    folded.starts_with(&format!("{}/", of.trim_end_matches('/')))
}

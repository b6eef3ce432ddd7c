//! `identity`

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::checker::{Checker, Entries, Text, Wrong};
use super::names::Names;
use super::nearest::known_names;
use crate::identifier::ProviderId;

/// `identity.*`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Accounts in the store.
    Local,
}

/// Kinds of the contract that this version does not have.
const LATER: [&str; 4] = ["oidc", "ldap", "bearer", "client_certificate"];

/// A provider. Which keys it takes depends on its kind, so any are read.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct RawProvider(Entries<Spanned<serde_json::Value>>);

/// Default `{local: {kind: local}}`.
pub(super) fn check(
    raw: Option<&Entries<RawProvider>>,
    names: &Names,
    check: &mut Checker<'_>,
) -> BTreeMap<ProviderId, Provider> {
    let Some(raw) = raw else {
        return ProviderId::parse("local").map(|id| (id, Provider::Local)).into_iter().collect();
    };
    let mut providers = BTreeMap::new();
    for (key, provider) in &raw.0 {
        let checked = provider.check(key.referenced, check);
        if let (Ok(id), Some(checked)) = (ProviderId::parse(&key.value), checked)
            && names.providers.holds(&id)
        {
            providers.insert(id, checked);
        }
    }
    providers
}

impl RawProvider {
    fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<Provider> {
        let kind = self.0.0.iter().find(|(key, _)| key.value == "kind").map(|(_, value)| value);
        let kind = check.required(&kind, "kind", here)?;
        let word = kind.value.as_str().unwrap_or_default().to_owned();
        let text = Text::new(word, kind.referenced, kind.defined);
        check.parsed(&text, "a kind of provider", kind_of)?;
        let mut known = true;
        for (key, _) in self.0.0.iter().filter(|(key, _)| key.value != "kind") {
            let says = format!("unknown key `{}`", key.value);
            check.refuse(key.referenced, says, "a local provider has only `kind`");
            known = false;
        }
        known.then_some(Provider::Local)
    }
}

fn kind_of(kind: &str) -> Result<(), Wrong> {
    if kind == "local" {
        Ok(())
    } else if LATER.contains(&kind) {
        Err(Wrong::new(
            "is a kind of provider that is not in this version",
            "use `kind: local`, accounts made with `geovagt user add`",
        ))
    } else {
        Err(Wrong::new("is no kind of provider", known_names(kind, ["local"])))
    }
}

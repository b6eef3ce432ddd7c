//! Who was signed out by their provider, and when. PURE.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Proof;
use crate::identifier::ProviderId;
use crate::store::{LogoutOf, Partly, ProviderLogout, UnclearLogout};

/// What began before such an instant has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Logouts {
    known: HashMap<(ProviderId, LogoutOf), Timestamp>,
    /// What could not be read the last time.
    unclear: Vec<UnclearLogout>,
}

impl Logouts {
    pub(super) fn of(logouts: Partly<ProviderLogout, UnclearLogout>) -> Self {
        let mut all = Self { known: HashMap::new(), unclear: logouts.unclear };
        for logout in logouts.clear {
            all.add((logout.provider, logout.of), logout.at);
        }
        all
    }

    /// The same and one more.
    pub(super) fn and(&self, logout: &ProviderLogout) -> Self {
        let mut all = self.clone();
        all.add((logout.provider.clone(), logout.of.clone()), logout.at);
        all
    }

    /// The same and what was read now.
    pub(super) fn with(&self, others: &Self) -> Self {
        let mut all = Self { known: self.known.clone(), unclear: others.unclear.clone() };
        for (key, at) in &others.known {
            all.add(key.clone(), *at);
        }
        all
    }

    fn add(&mut self, key: (ProviderId, LogoutOf), at: Timestamp) {
        let known = self.known.entry(key).or_insert(at);
        *known = at.max(*known);
    }

    pub(super) fn has_ended(&self, provider: &ProviderId, proof: &Proof, began: Timestamp) -> bool {
        if self.known.is_empty() && self.unclear.is_empty() {
            return false;
        }
        let names =
            [proof.sid.clone().map(LogoutOf::Session), proof.sub.clone().map(LogoutOf::Subject)];
        let ended =
            |of: LogoutOf| self.known.get(&(provider.clone(), of)).is_some_and(|at| began <= *at);
        let unclear = [proof.sid.as_deref(), proof.sub.as_deref()];
        names.into_iter().flatten().any(ended)
            || self.unclear.iter().any(|one| one.may_concern(provider, &unclear))
    }

    /// How many could not be read.
    pub(super) fn unclear(&self) -> usize {
        self.unclear.len()
    }

    /// What is too old to concern any session is forgotten.
    pub(super) fn since(mut self, oldest: Timestamp) -> Self {
        self.known.retain(|_, at| *at >= oldest);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: &str) -> ProviderId {
        ProviderId::parse(id).unwrap()
    }

    fn unclear(provider: Option<ProviderId>, name: Option<&str>) -> Logouts {
        let unclear = vec![UnclearLogout { provider, name: name.map(str::to_owned) }];
        Logouts::of(Partly { clear: Vec::new(), unclear })
    }

    #[test]
    fn a_logout_that_cannot_be_read_ends_whatever_it_may_be_about() {
        let proof = |sid: Option<&str>| Proof {
            user_name: "anna".into(),
            sub: Some("anna-sub".into()),
            sid: sid.map(str::to_owned),
            multi_factor: false,
            groups: Vec::new(),
        };
        let ended = |logouts: &Logouts, at: &str, sid| {
            logouts.has_ended(&provider(at), &proof(sid), Timestamp::MAX)
        };
        let named = unclear(Some(provider("entra")), Some("s1"));
        assert!(ended(&named, "entra", Some("s1")));
        assert!(!ended(&named, "entra", Some("s2")) && !ended(&named, "adfs", Some("s1")));
        assert!(!ended(&named, "entra", None));
        let person = unclear(None, Some("anna-sub"));
        assert!(ended(&person, "entra", None) && ended(&person, "adfs", Some("s1")));
        let any = unclear(Some(provider("entra")), None);
        assert!(ended(&any, "entra", None) && !ended(&any, "adfs", None));
        // Once it can be read again, it is what it says.
        let read = Logouts::of(Partly { clear: Vec::new(), unclear: Vec::new() });
        assert!(!ended(&any.with(&read), "entra", None));
        assert!(ended(&read.with(&any), "entra", None));
    }
}

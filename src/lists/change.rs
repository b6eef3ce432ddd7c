//! What one version of a list changes of another. PURE.

use crate::policy::TerritorySet;
use crate::territory::Territory;

/// What stands on the later version and not on the earlier one, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// New.
    pub(crate) added: Vec<Territory>,
    /// Gone.
    pub(crate) removed: Vec<Territory>,
}

impl Change {
    /// From `before`, or from no list at all, to `after`.
    pub(crate) fn between(before: Option<&TerritorySet>, after: &TerritorySet) -> Self {
        let was = before.map(TerritorySet::to_vec).unwrap_or_default();
        let is_new = |t: &Territory| !before.is_some_and(|before| before.names(*t));
        Self {
            added: after.to_vec().into_iter().filter(is_new).collect(),
            removed: was.into_iter().filter(|&t| !after.names(t)).collect(),
        }
    }

    /// Whether both say the same.
    pub(crate) fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_what_goes_is_told_apart() {
        let set = |codes: &str| -> TerritorySet {
            codes.split(' ').map(|code| Territory::parse(code).unwrap()).collect()
        };
        let codes = |all: &[Territory]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let change = Change::between(Some(&set("CN RU AF")), &set("RU RU-CE KR"));
        assert_eq!(codes(&change.added), ["KR", "RU-CE"]);
        assert_eq!(codes(&change.removed), ["AF", "CN"]);
        assert!(!change.is_none());
        assert!(Change::between(Some(&set("CN")), &set("CN")).is_none());
        assert_eq!(codes(&Change::between(None, &set("CN")).added), ["CN"]);
    }
}

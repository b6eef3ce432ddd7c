//! `policies`

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::checker::{Checker, Text};
use super::names::Names;
use super::network::{RawCorrection, RawRule};
use crate::identifier::{ListId, PolicyId};
use crate::policy::{Admission, Correction, Mode, NetworkRule};

/// `policies.*`
#[derive(Debug, Clone)]
pub struct PolicySettings {
    /// The name under `policies`.
    pub id: PolicyId,
    /// The list that is held against the country.
    pub list: ListId,
    /// Enforce or only report.
    pub mode: Mode,
    /// Whether an address that the database does not hold gets in.
    pub unknown_location: Admission,
    /// Whether private networks get in.
    pub private_networks: Admission,
    /// Networks that get in whatever their country is.
    pub allow_networks: Vec<NetworkRule>,
    /// Networks that never get in.
    pub deny_networks: Vec<NetworkRule>,
    /// Networks whose country the database has wrong.
    pub corrections: Vec<Correction>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    list: Option<Text>,
    /// Default `enforce`.
    mode: Option<Text>,
    /// Default `deny`.
    unknown_location: Option<Text>,
    /// Default `deny`.
    private_networks: Option<Text>,
    allow_networks: Option<Vec<Spanned<RawRule>>>,
    deny_networks: Option<Vec<Spanned<RawRule>>>,
    corrections: Option<Vec<Spanned<RawCorrection>>>,
}

pub(super) const ADMISSION: [(&str, Admission); 2] =
    [("allow", Admission::Allow), ("deny", Admission::Deny)];

impl RawPolicy {
    pub(super) fn check(
        &self,
        id: PolicyId,
        here: Location,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<PolicySettings> {
        let list = check
            .required(&self.list, "list", here)
            .and_then(|text| names.lists.mentioned(text, check));
        let modes = [("enforce", Mode::Enforce), ("report_only", Mode::ReportOnly)];
        let mode = check.word(self.mode.as_ref(), Mode::Enforce, &modes);
        let deny = Admission::Deny;
        let unknown_location = check.word(self.unknown_location.as_ref(), deny, &ADMISSION);
        let private_networks = check.word(self.private_networks.as_ref(), deny, &ADMISSION);
        let allow_networks = check.rules(self.allow_networks.as_ref(), true);
        let deny_networks = check.rules(self.deny_networks.as_ref(), false);
        let corrections = check.corrections(self.corrections.as_ref());
        Some(PolicySettings {
            id,
            list: list?,
            mode: mode?,
            unknown_location: unknown_location?,
            private_networks: private_networks?,
            allow_networks: allow_networks?,
            deny_networks: deny_networks?,
            corrections: corrections?,
        })
    }
}

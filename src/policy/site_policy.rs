//! The policy of one site: everything that a decision about it looks at, built once at load.

use std::sync::Arc;

use jiff::Timestamp;

use super::network_table::{Entry, NetworkTable};
use super::{
    Admission, Authentication, Correction, CountryList, ListVersion, Location, Mode, NetworkRule,
    Scheduled,
};
use crate::client_address::ClientAddress;
use crate::identifier::{OrganizationId, SiteId};
use crate::territory::Country;

/// What a [`Policy`] is made of: the checked settings of a site, its policy and its organisation.
#[derive(Debug, Clone)]
pub struct PolicyParts {
    /// Whose site it is.
    pub organization: OrganizationId,
    /// The site.
    pub site: SiteId,
    /// The list that is held against the country.
    pub list: Arc<CountryList>,
    /// Enforce or only report.
    pub mode: Scheduled<Mode>,
    /// Whether an address that the database does not hold gets in.
    pub unknown_location: Scheduled<Admission>,
    /// Whether private networks get in.
    pub private_networks: Admission,
    /// Networks that get in whatever their country is: the policy's and the site's own.
    pub allow_networks: Vec<NetworkRule>,
    /// Networks that never get in.
    pub deny_networks: Vec<NetworkRule>,
    /// Networks whose country the database has wrong.
    pub corrections: Vec<Correction>,
    /// When people are asked who they are.
    pub authentication: Authentication,
    /// Whether the organisation has switched its exemption scheme on.
    pub exemptions_enabled: bool,
    /// Whether the people of the organisation sign in here for its other sites.
    pub sign_in: bool,
    /// Which part of the site it is for.
    pub extent: Extent,
}

/// Which part of a site a [`Policy`] is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All that no path rule is for.
    Site,
    /// What lies at and below the path of a rule.
    Path {
        /// The path as the operator wrote it; the log names the rule by it.
        rule: Arc<str>,
        /// Whom it lets in of those whom the policy would.
        reach: Reach,
    },
    /// ACME challenges, which are let in whatever the location.
    AcmeChallenge,
}

/// Whom a path rule lets in of those whom its policy would let in or ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Whoever is in one of these countries, or gets in by a network whatever the country: no
    /// exemption counts, and neither does that a policy only reports or lets unknown places in.
    OnlyFrom(Arc<[Country]>),
    /// Nobody, whoever they are and wherever they come from.
    Nobody,
}

/// The policy of one site. Immutable; a change builds a new one.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) organization: OrganizationId,
    pub(super) site: SiteId,
    pub(super) list: Arc<CountryList>,
    pub(super) mode: Scheduled<Mode>,
    pub(super) unknown_location: Scheduled<Admission>,
    pub(super) private_networks: Admission,
    pub(super) allow_networks: NetworkTable<String>,
    /// The same networks with their classes; none where no network has one.
    allow_classes: NetworkTable<Option<Arc<str>>>,
    pub(super) deny_networks: NetworkTable<String>,
    pub(super) corrections: NetworkTable<(Country, String)>,
    pub(super) authentication: Authentication,
    pub(super) exemptions_enabled: bool,
    pub(super) sign_in: bool,
    pub(super) extent: Extent,
}

impl Policy {
    /// Builds the policy of a site.
    #[must_use]
    pub fn new(parts: PolicyParts) -> Self {
        let table = |rules: Vec<NetworkRule>| {
            NetworkTable::new(rules.into_iter().map(|r| (r.network, r.expires, r.reason)))
        };
        let classed = parts.allow_networks.iter().any(|rule| rule.class.is_some());
        let classes = parts.allow_networks.iter().filter(|_| classed);
        let classes = classes.map(|rule| (rule.network, rule.expires, rule.class.clone()));
        let allow_classes = NetworkTable::new(classes);
        Self {
            organization: parts.organization,
            site: parts.site,
            list: parts.list,
            mode: parts.mode,
            unknown_location: parts.unknown_location,
            private_networks: parts.private_networks,
            allow_networks: table(parts.allow_networks),
            allow_classes,
            deny_networks: table(parts.deny_networks),
            corrections: NetworkTable::new(
                parts
                    .corrections
                    .into_iter()
                    .map(|c| (c.network, Some(c.expires), (c.country, c.reason))),
            ),
            authentication: parts.authentication,
            exemptions_enabled: parts.exemptions_enabled,
            sign_in: parts.sign_in,
            extent: parts.extent,
        }
    }

    /// Whose site it is.
    #[must_use]
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &SiteId {
        &self.site
    }

    /// The list with all its versions.
    #[must_use]
    pub fn list(&self) -> &Arc<CountryList> {
        &self.list
    }

    /// The class of the allow network that this address comes in by.
    #[must_use]
    pub fn class_of(&self, address: &ClientAddress, now: Timestamp) -> Option<&Arc<str>> {
        let ClientAddress::Known(known) = address else { return None };
        self.allow_classes.find(known.judged(), now)?.value.as_ref()
    }

    /// The version of the list that counts at this instant.
    #[must_use]
    pub fn list_version(&self, now: Timestamp) -> Option<&ListVersion> {
        self.list.in_force(now)
    }

    /// Whether the location's verdict is enforced or only reported at this instant.
    #[must_use]
    pub fn mode(&self, now: Timestamp) -> Mode {
        self.mode.at(now)
    }

    /// When people are asked who they are.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.authentication
    }

    /// Which part of the site it is for.
    #[must_use]
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// The path of the rule it is the policy of.
    #[must_use]
    pub fn path_rule(&self) -> Option<&Arc<str>> {
        match &self.extent {
            Extent::Path { rule, .. } => Some(rule),
            Extent::Site | Extent::AcmeChallenge => None,
        }
    }

    /// Whether an exemption can have any effect on this site.
    #[must_use]
    pub fn exemptions_apply(&self) -> bool {
        self.exemptions_enabled && self.authentication != Authentication::Never
    }

    /// The next instant at which time alone changes the policy: a version of the list or an announced
    /// setting begins, or a network rule or correction expires.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [
            self.list.announced(now).map(|version| version.effective_from),
            self.mode.changes_at(now),
            self.unknown_location.changes_at(now),
            self.allow_networks.next_expiry(now),
            self.deny_networks.next_expiry(now),
            self.corrections.next_expiry(now),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The location that is decided on: a correction's country where one holds the address, else
    /// what the database says. Private networks and unknown addresses are never corrected.
    #[must_use]
    pub fn corrected(
        &self,
        address: ClientAddress,
        location: Location,
        now: Timestamp,
    ) -> Location {
        self.correction(address, location, now).map_or(location, |entry| entry.value.0.into())
    }

    pub(super) fn correction(
        &self,
        address: ClientAddress,
        location: Location,
        now: Timestamp,
    ) -> Option<&Entry<(Country, String)>> {
        match (address, location) {
            (ClientAddress::Known(known), Location::Country { .. } | Location::NotInDatabase) => {
                self.corrections.find(known.judged(), now)
            }
            (ClientAddress::Known(_) | ClientAddress::Unknown(_), _) => None,
        }
    }
}

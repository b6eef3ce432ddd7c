//! The parts of the configuration that a decision looks at.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::identifier::SiteId;
use crate::territory::{Country, Territory};

/// `mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// `report_only`: what would be rejected is counted and named, and let in.
    ReportOnly,
    /// `enforce`
    Enforce,
}

impl Mode {
    /// The word of the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ReportOnly => "report_only",
            Self::Enforce => "enforce",
        }
    }
}

/// `allow` or `deny`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
}

/// One allow or deny network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRule {
    /// The network.
    pub network: IpNet,
    /// Why it stands there.
    pub reason: String,
    /// The instant from which it no longer counts; none: it stays.
    pub expires: Option<Timestamp>,
    /// What the log calls whoever comes in by it, so that they are counted and found together.
    pub class: Option<Arc<str>>,
}

/// One network whose country is known better than the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The network.
    pub network: IpNet,
    /// Where it really is.
    pub country: Country,
    /// Why it stands there.
    pub reason: String,
    /// The instant from which it no longer counts. Corrections always end.
    pub expires: Timestamp,
}

/// `authentication`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// `never`: nobody is asked, so no exemption can apply.
    Never,
    /// `when_blocked`: only where the location would be rejected.
    WhenBlocked,
    /// `always`
    Always,
}

/// `travel_exemptions`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionScheme {
    /// Off: no grants, and existing ones have no effect.
    pub enabled: bool,
    /// The case number of the decision that switched it on.
    pub decision: Option<String>,
    /// The longest exemption, in days.
    pub maximum_days: u16,
    /// Working days between an application and the journey; binds applications, not grants.
    pub lead_days: u16,
    /// How long two legs of one exemption reach into each other.
    pub transit_grace: Duration,
    /// Where an exemption needs a second person.
    pub two_approvers: Vec<Territory>,
    /// What can be granted to a traveller who calls from in front of the wall; none: nothing.
    pub emergency: Option<EmergencyScheme>,
}

/// `travel_exemptions.emergency`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyScheme {
    /// The longest such exemption.
    pub maximum: Duration,
    /// The sites that it can be for.
    pub sites: Vec<SiteId>,
}

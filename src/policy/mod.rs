//! Who gets in: policy, travel exemption, decision.
//!
//! PURE: names no runtime, socket, file, database or clock; `now` is an argument. May use
//! [`crate::territory`], [`crate::identifier`] and [`crate::client_address`].
//!
//! Always holds: a [`Permit`] can be made only in here, and nothing that is unknown, empty or broken
//! leads to one.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod announcement;
pub mod civil;
mod country_list;
mod decision;
mod door;
mod everywhere;
mod exemption;
mod explanation;
mod forecast;
mod location;
mod network_table;
mod person;
mod proof;
mod reason;
mod rule_path;
mod schedule;
mod settings;
mod site_policies;
mod site_policy;
mod trace;
mod verdict;
pub mod working_days;

pub use country_list::{CountryList, EarlyStart, ListVersion, TerritorySet};
pub use decision::{Subject, decide};
pub use door::{door_is_open, everyone_denied_by_connection, opens_door};
pub use everywhere::Everywhere;
pub use exemption::{
    Actor, Application, ApplicationRequest, ApprovalRefused, Caution, Decision, Emergency,
    EmergencyCall, EmergencyRefused, EmergencyRejection, ExemptionState, Exemptions, GrantGrounds,
    GrantRequest, GrantSite, InvalidLeg, LONGEST_EMERGENCY, Leg, MAXIMUM_CASE_NUMBER,
    MAXIMUM_DEVICE, MAXIMUM_DEVICES, MAXIMUM_LEGS, MAXIMUM_PURPOSE, MAXIMUM_TERRITORIES,
    MAXIMUM_VERIFICATION, OLDEST_REJECTION, Part, Participant, Phase, Problem, StepRefused, Text,
    TravelExemption, ValidApplication, ValidEmergency, ValidGrant, emergency, follow_end,
    is_surely_another, may_approve, needs_second_approval, take_step, validate,
    validate_application, validate_extension, validate_reached,
};
pub use explanation::{
    Ambiguous, DatabaseFacts, Explanation, Holdings, Hypothetical, OtherExemption, Question,
    explain, explain_in,
};
pub use forecast::{Upcoming, forecast};
pub use location::Location;
pub use person::{InvalidUserName, Person, UserName};
pub use proof::{Demands, Device, InvalidDemands, Proof};
pub use reason::Reason;
pub use rule_path::{InvalidRulePath, RulePath, UnclearPath};
pub use schedule::Scheduled;
pub use settings::{
    Admission, Authentication, Correction, EmergencyScheme, ExemptionScheme, Mode, NetworkRule,
};
pub use site_policies::{ACME_CHALLENGES, Choice, PathRule, SitePolicies};
pub use site_policy::{Extent, Policy, PolicyParts, Reach};
pub use trace::Step;
pub use verdict::{Challenge, Denial, ExemptionId, Permit, Verdict};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod reach_tests;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tidy;

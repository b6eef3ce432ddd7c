//! Who gets in: policy, travel exemption, decision.
//!
//! PURE: names no runtime, socket, file, database or clock; `now` is an argument. May use
//! [`crate::territory`], [`crate::identifier`] and [`crate::client_address`].
//!
//! Always holds: a [`Permit`] can be made only in here, and nothing that is unknown, empty or broken
//! leads to one.

mod country_list;
mod location;
mod person;
mod reason;
mod settings;
mod verdict;

pub use country_list::{CountryList, EarlyStart, ListVersion, TerritorySet};
pub use location::Location;
pub use person::{InvalidUserName, Person, UserName};
pub use reason::Reason;
pub use settings::{Admission, Authentication, Correction, ExemptionScheme, Mode, NetworkRule};
pub use verdict::{Challenge, Denial, ExemptionId, Permit, Verdict};

//! Questions about a place before it is known who comes from there.
//!
//! Each is the decision itself, asked about a stranger or about somebody who would have proven who
//! they are: there is no second way to decide.

use jiff::Timestamp;

use super::{Exemptions, Location, Person, Policy, Proof, Reason, Subject, Verdict, decide};
use crate::client_address::ClientAddress;

/// Whether somebody who has not said who they are, brings nothing along that would, and comes from
/// a listed country, is asked: an
/// exemption for this place and site is active now. Where this is false, no sign-in page, password
/// check or handshake exists for them.
#[must_use]
pub fn door_is_open(
    policy: &Policy,
    address: ClientAddress,
    location: Location,
    exemptions: &Exemptions,
    now: Timestamp,
) -> bool {
    let stranger = Subject { address, location, person: None, proof: Proof::NONE };
    decide(policy, &stranger, exemptions, now).reason() == Reason::IdentificationNeeded
}

/// Whether this person, once proven, would be let in by an exemption. Only the password of somebody
/// for whom this is true is worth proving at an open door.
#[must_use]
pub fn opens_door(
    policy: &Policy,
    exemptions: &Exemptions,
    (person, proof): (&Person, Proof<'_>),
    address: ClientAddress,
    location: Location,
    now: Timestamp,
) -> bool {
    let traveller = Subject { address, location, person: Some(person), proof };
    decide(policy, &traveller, exemptions, now).reason() == Reason::TravelExemption
}

/// Whether everybody at this address is rejected, whoever they may turn out to be: for listeners
/// with `denial: close`, which then reject before TLS.
#[must_use]
pub fn everyone_denied_by_connection(
    policy: &Policy,
    address: ClientAddress,
    location: Location,
    exemptions: &Exemptions,
    now: Timestamp,
) -> bool {
    let stranger = Subject { address, location, person: None, proof: Proof::UNSEEN };
    matches!(decide(policy, &stranger, exemptions, now), Verdict::Deny(_))
}

//! How somebody was proven, and what an exemption demands of that. PURE.
//!
//! Always holds: an exemption whose demands are not met opens nothing, and where it demands a device
//! nobody without one is even asked who they are: to a stranger it is as if it were not there.

use super::{ExemptionId, Reason, TravelExemption};

/// How somebody was proven, or what they brought along before anybody asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof<'a> {
    /// Whether more than one factor was proven.
    pub multi_factor: bool,
    /// The device that the request comes from, where it is a known one.
    pub device: Option<Device<'a>>,
}

/// A known device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device<'a> {
    /// It was bound to these exemptions, by the travel link or by its number.
    Bound(&'a [ExemptionId]),
    /// The organisation manages it: its certificate proves the person too.
    Managed,
    /// It cannot be seen yet, before TLS say. It leaves doors open, and proves nothing.
    Unseen,
}

/// What an exemption demands beyond the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Demands {
    /// More than one factor.
    pub multi_factor: bool,
    /// A device that is bound to the exemption, or a managed one.
    pub device: bool,
}

/// Why a text names no demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no demand; write none, or device, multi_factor or both with a comma between")]
pub struct InvalidDemands(String);

impl Proof<'_> {
    /// Nothing beyond a password, from a device that nobody knows.
    pub const NONE: Self = Self { multi_factor: false, device: None };
    /// Everything that can be demanded: for questions about somebody who is taken as proven.
    pub const FULL: Self = Self { multi_factor: true, device: Some(Device::Managed) };
    /// Of whom nothing can be known yet.
    pub const UNSEEN: Self = Self { multi_factor: false, device: Some(Device::Unseen) };

    /// The demand of an exemption that this does not meet.
    pub(super) fn lacks(&self, exemption: &TravelExemption) -> Option<Reason> {
        let Demands { multi_factor, device } = exemption.demands;
        if device && !self.device.is_some_and(|device| device.serves(&exemption.id)) {
            Some(Reason::ExemptionDeviceMissing)
        } else if multi_factor && !self.multi_factor {
            Some(Reason::ExemptionMultiFactorMissing)
        } else {
            None
        }
    }

    /// The exemptions that the device is bound to.
    pub(super) fn bound(&self) -> &[ExemptionId] {
        match self.device {
            Some(Device::Bound(exemptions)) => exemptions,
            Some(Device::Managed | Device::Unseen) | None => &[],
        }
    }
}

impl Device<'_> {
    fn serves(self, exemption: &ExemptionId) -> bool {
        match self {
            Self::Bound(exemptions) => exemptions.contains(exemption),
            Self::Managed => true,
            Self::Unseen => false,
        }
    }
}

impl Demands {
    /// Neither.
    pub const NONE: Self = Self { multi_factor: false, device: false };
    /// A device.
    pub const DEVICE: Self = Self { multi_factor: false, device: true };

    /// Each demand's word.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let all = [("device", self.device), ("multi_factor", self.multi_factor)];
        all.into_iter().filter_map(|(word, demanded)| demanded.then_some(word))
    }

    /// Reads `none`, or words with commas between them.
    ///
    /// # Errors
    /// [`InvalidDemands`] where a word is no demand.
    pub fn parse(text: &str) -> Result<Self, InvalidDemands> {
        if text.trim() == "none" {
            return Ok(Self::NONE);
        }
        let mut demands = Self::NONE;
        for word in text.split(',').map(str::trim) {
            match word {
                "device" => demands.device = true,
                "multi_factor" => demands.multi_factor = true,
                other => return Err(InvalidDemands(other.to_owned())),
            }
        }
        Ok(demands)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{NOW, at, journey, parts, person, place, policy, snapshot};
    use super::super::{Policy, Subject, TravelExemption, decide};
    use super::*;
    use crate::policy::fixture::{address, exemption};

    fn reason(
        policy: &Policy,
        held: &[TravelExemption],
        who: Option<&str>,
        proof: Proof<'_>,
    ) -> String {
        let person = who.map(person);
        let subject = Subject {
            address: address("203.0.113.9"),
            location: place("CN"),
            person: person.as_ref(),
            proof,
        };
        super::super::fixture::words(&decide(policy, &subject, &snapshot(held.to_vec()), at(NOW)))
    }

    fn demanding(demands: Demands) -> TravelExemption {
        TravelExemption { demands, ..journey() }
    }

    fn bound(ids: &[ExemptionId]) -> Proof<'_> {
        Proof { device: Some(Device::Bound(ids)), ..Proof::NONE }
    }

    const ANNA: Option<&str> = Some("anna@ballerup");

    #[test]
    fn a_demanded_device_is_bound_to_this_very_exemption() {
        let (policy, held) = (policy(|_| {}), [demanding(Demands::DEVICE)]);
        let says = |who, proof| reason(&policy, &held, who, proof);
        let own = [ExemptionId::new("TE-OLD"), ExemptionId::new("TE-ANNA")];
        let other = [ExemptionId::new("TE-OTHER")];
        assert_eq!(says(ANNA, Proof::NONE), "deny exemption_device_missing");
        assert_eq!(says(ANNA, bound(&other)), "deny exemption_device_missing");
        assert_eq!(says(ANNA, Proof::UNSEEN), "deny exemption_device_missing");
        assert_eq!(says(ANNA, bound(&own)), "allow travel_exemption");
        assert_eq!(says(ANNA, Proof::FULL), "allow travel_exemption");
        // Another's device is of no use to somebody who holds no exemption.
        assert_eq!(says(Some("bo@ballerup"), bound(&own)), "deny country_listed");
    }

    #[test]
    fn whoever_has_no_such_device_finds_no_door() {
        let (policy, held) = (policy(|_| {}), [demanding(Demands::DEVICE)]);
        let says = |proof| reason(&policy, &held, None, proof);
        let own = [ExemptionId::new("TE-ANNA")];
        let other = [ExemptionId::new("TE-OTHER")];
        assert_eq!(says(Proof::NONE), "deny country_listed");
        assert_eq!(says(bound(&other)), "deny country_listed");
        assert_eq!(says(bound(&own)), "identify identification_needed");
        assert_eq!(says(Proof::UNSEEN), "identify identification_needed");
        // A certificate tells who it is as well, so it never stands at the door nameless.
        assert_eq!(says(Proof::FULL), "deny country_listed");
    }

    #[test]
    fn a_bound_device_opens_the_door_of_its_own_journey_alone() {
        let own = [ExemptionId::new("TE-ANNA")];
        let says = |change: fn(&mut TravelExemption)| {
            let mut held = demanding(Demands::DEVICE);
            change(&mut held);
            reason(&policy(|_| {}), &[held], None, bound(&own))
        };
        assert_eq!(says(|_| {}), "identify identification_needed");
        assert_eq!(says(|e| e.sites.clear()), "deny country_listed");
        assert_eq!(says(|e| e.legs[0].territories.truncate(0)), "deny country_listed");
        assert_eq!(says(|e| e.legs[0].until = at("2026-12-01T00:00:00Z")), "deny country_listed");
    }

    #[test]
    fn more_than_one_factor_is_asked_for_at_an_open_door() {
        let demands = Demands { multi_factor: true, device: false };
        let (policy, held) = (policy(|_| {}), [demanding(demands)]);
        let says = |who, proof| reason(&policy, &held, who, proof);
        let two = Proof { multi_factor: true, device: None };
        assert_eq!(says(None, Proof::NONE), "identify identification_needed");
        assert_eq!(says(ANNA, Proof::NONE), "deny exemption_multi_factor_missing");
        assert_eq!(says(ANNA, two), "allow travel_exemption");
    }

    #[test]
    fn an_exemption_without_demands_opens_where_one_with_them_does_not() {
        let easy = exemption("TE-ZZZZ", "anna@ballerup", &["mail"], journey().legs);
        let held = [demanding(Demands::DEVICE), easy];
        assert_eq!(reason(&policy(|_| {}), &held, ANNA, Proof::NONE), "allow travel_exemption");
        assert_eq!(
            reason(&policy(|_| {}), &held, None, Proof::NONE),
            "identify identification_needed"
        );
    }

    #[test]
    fn the_site_to_sign_in_at_opens_while_somebody_of_the_organisation_travels_there() {
        let sign_in = |enabled| {
            let mut parts = parts();
            parts.site = crate::identifier::SiteId::parse("login").unwrap();
            parts.authentication = super::super::Authentication::Never;
            parts.sign_in = true;
            parts.exemptions_enabled = enabled;
            Policy::new(parts)
        };
        let held = [demanding(Demands::DEVICE)];
        let says =
            |policy: &Policy, held: &[TravelExemption]| reason(policy, held, None, Proof::NONE);
        assert_eq!(says(&sign_in(true), &held), "allow sign_in_site");
        assert_eq!(says(&sign_in(true), &[]), "deny country_listed");
        assert_eq!(says(&sign_in(false), &held), "deny country_listed");
        let herlev = exemption("TE-H", "anna@herlev", &["mail"], journey().legs);
        assert_eq!(says(&sign_in(true), &[herlev]), "deny country_listed");
        let mut elsewhere = journey();
        elsewhere.legs[0].territories = super::super::fixture::territories("TH");
        assert_eq!(says(&sign_in(true), &[elsewhere]), "deny country_listed");
        let mut over = journey();
        over.legs[0].until = at(NOW);
        assert_eq!(says(&sign_in(true), &[over]), "deny country_listed");
    }

    #[test]
    fn demands_read_as_they_are_written() {
        let both = Demands { multi_factor: true, device: true };
        assert_eq!(Demands::parse("device,multi_factor"), Ok(both));
        assert_eq!(Demands::parse(" multi_factor , device "), Ok(both));
        assert_eq!(Demands::parse("none"), Ok(Demands::NONE));
        assert_eq!(both.words().collect::<Vec<_>>(), ["device", "multi_factor"]);
        for wrong in ["", "device,", "mfa", "none,device"] {
            assert!(Demands::parse(wrong).is_err(), "{wrong}");
        }
    }
}

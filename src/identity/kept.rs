//! What the store keeps of people's devices, grants and ends, as it was at the last change, in
//! memory: a request never asks the store.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::identifier::{OrganizationId, SiteId};
use crate::policy::{ExemptionId, Person};
use crate::store::{AddressGrant, BoundDevice, DeviceKind, Partly, UnclearEnd};

/// What was read from the store.
#[derive(Default)]
pub(super) struct Kept {
    ends: HashMap<Person, Timestamp>,
    unclear_ends: Vec<UnclearEnd>,
    devices: HashMap<String, Vec<BoundDevice>>,
    grants: HashMap<SiteId, Vec<AddressGrant>>,
}

impl Kept {
    /// Devices and grants from before their person's end are left out.
    pub(super) fn new(
        ends: Partly<(Person, Timestamp), UnclearEnd>,
        devices: Vec<BoundDevice>,
        grants: Vec<AddressGrant>,
    ) -> Self {
        let Partly { clear, unclear } = ends;
        let ends = clear.into_iter().collect();
        let mut kept = Self { ends, unclear_ends: unclear, ..Self::default() };
        for device in devices {
            if kept.counts(&device.person, device.bound) {
                kept.devices.entry(device.mark.clone()).or_default().push(device);
            }
        }
        for grant in grants {
            if kept.counts(&grant.grant.person, grant.began) {
                kept.grants.entry(grant.grant.site.clone()).or_default().push(grant);
            }
        }
        kept
    }

    /// Whether what was proven of a person at this instant still counts.
    pub(super) fn counts(&self, person: &Person, proven_at: Timestamp) -> bool {
        self.ends.get(person).is_none_or(|&end| end < proven_at)
            && !self.unclear_ends.iter().any(|end| end.may_concern(person))
    }

    /// How many ends could not be read.
    pub(super) fn unclear(&self) -> usize {
        self.unclear_ends.len()
    }

    /// The exemptions of this organisation that a device is bound to.
    pub(super) fn exemptions_of(
        &self,
        organization: &OrganizationId,
        kind: DeviceKind,
        mark: &str,
    ) -> Vec<ExemptionId> {
        let bound = self.devices.get(mark).into_iter().flatten();
        bound
            .filter(|device| device.kind == kind && device.person.organization() == organization)
            .map(|device| device.exemption.clone())
            .collect()
    }

    /// The grants by which an address may pass to a site, the newest first.
    pub(super) fn grants_for(
        &self,
        site: &SiteId,
        address: IpAddr,
        now: Timestamp,
    ) -> impl Iterator<Item = &AddressGrant> {
        let here = self.grants.get(site).into_iter().flatten().rev();
        here.filter(move |kept| kept.grant.network.contains(&address) && now < kept.grant.ends)
    }

    /// The grants of a person for a site.
    pub(super) fn grants_of(
        &self,
        person: &Person,
        site: &SiteId,
        now: Timestamp,
    ) -> impl Iterator<Item = &AddressGrant> {
        let here = self.grants.get(site).into_iter().flatten();
        here.filter(move |kept| kept.grant.person == *person && now < kept.grant.ends)
    }

    /// Whether the grant of this name is there still.
    pub(super) fn has_grant(&self, id: &str, now: Timestamp) -> bool {
        let mut all = self.grants.values().flatten();
        all.any(|kept| kept.id == id && now < kept.grant.ends)
    }
}

/// The network that a grant is for: the one address, or in IPv6 what one household or hotel has.
#[must_use]
pub fn granted_network(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, length).map_or(IpNet::from(address), |network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_for_one_address_or_one_network_of_ipv6() {
        let network = |text: &str| granted_network(text.parse().unwrap()).to_string();
        assert_eq!(network("203.0.113.9"), "203.0.113.9/32");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }

    fn person(organization: &str) -> Person {
        let provider = crate::identifier::ProviderId::parse("local").unwrap();
        Person::new(OrganizationId::parse(organization).unwrap(), provider, "anna")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_083_200 + second).unwrap()
    }

    fn device(bound: i64) -> BoundDevice {
        BoundDevice {
            id: "d".into(),
            exemption: ExemptionId::new("TE-7K2M9D"),
            person: person("ballerup"),
            kind: DeviceKind::ActiveSync,
            mark: "APPL1".into(),
            label: "iPad".into(),
            bound: at(bound),
        }
    }

    fn grant(began: i64) -> AddressGrant {
        let grant = crate::store::NewAddressGrant {
            person: person("ballerup"),
            user_name: crate::policy::UserName::parse("anna").unwrap(),
            site: SiteId::parse("mail").unwrap(),
            exemption: ExemptionId::new("TE-7K2M9D"),
            network: "203.0.113.9/32".parse().unwrap(),
            multi_factor: false,
            device: None,
            ends: at(100),
        };
        AddressGrant { id: "g".into(), began: at(began), grant }
    }

    fn kept(end: i64, began: i64) -> Kept {
        let ends = Partly { clear: vec![(person("ballerup"), at(end))], unclear: Vec::new() };
        Kept::new(ends, vec![device(began)], vec![grant(began)])
    }

    #[test]
    fn a_device_is_known_to_its_own_organisation_alone() {
        let kept = kept(0, 1);
        let known = |organization: &str, kind| {
            let organization = OrganizationId::parse(organization).unwrap();
            kept.exemptions_of(&organization, kind, "APPL1").len()
        };
        assert_eq!(known("ballerup", DeviceKind::ActiveSync), 1);
        assert_eq!(known("egedal", DeviceKind::ActiveSync), 0);
        assert_eq!(known("ballerup", DeviceKind::Browser), 0);
    }

    #[test]
    fn what_began_before_its_persons_end_is_left_out() {
        let site = SiteId::parse("mail").unwrap();
        let address = "203.0.113.9".parse().unwrap();
        for (end, left) in [(5, 1), (6, 0), (7, 0)] {
            let kept = kept(end, 6);
            assert_eq!(kept.grants_for(&site, address, at(8)).count(), left, "{end}");
            let organization = OrganizationId::parse("ballerup").unwrap();
            let kind = DeviceKind::ActiveSync;
            assert_eq!(kept.exemptions_of(&organization, kind, "APPL1").len(), left, "{end}");
        }
    }
}

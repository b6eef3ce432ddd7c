//! Address grants: after signing in with a browser, somebody lets the programs on the same address
//! pass for a while that can neither sign in nor show a certificate.
//!
//! Always holds: a grant is for one site and one network, never outlives its time, its person's end
//! or its exemption (the policy decides about its person at each request), and names nobody to the
//! upstream: it tells where somebody is, not who sends this very request.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;

use super::kept::granted_network;
use super::{Authenticator, How, Identity, KnownDevice};
use crate::identifier::SiteId;
use crate::policy::ExemptionId;
use crate::store::{DeviceKind, NewAddressGrant, StoreError};

/// The grant that an identity stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) id: String,
    /// Whether the person had proven more than one factor when it began.
    pub(super) multi_factor: bool,
}

/// A person's own grant, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnGrant {
    /// From where programs may pass.
    pub network: IpNet,
    /// Until when.
    pub until: Timestamp,
}

impl Authenticator {
    /// The people for whom this address may pass to this site, the newest grant first.
    #[must_use]
    pub fn granted(&self, site: &SiteId, address: IpAddr, now: Timestamp) -> Vec<Identity> {
        let kept = self.0.kept.load();
        kept.grants_for(site, address, now)
            .filter_map(|granted| {
                let grant = &granted.grant;
                if !self.person_stands(&grant.person) {
                    return None;
                }
                let organization = grant.person.organization();
                let device = match &grant.device {
                    // A device that was taken back takes its grants with it.
                    Some(mark) => {
                        let kind = DeviceKind::Browser;
                        let exemptions = kept.exemptions_of(organization, kind, mark);
                        if exemptions.is_empty() {
                            return None;
                        }
                        let mark = mark.clone();
                        Some(Box::new(KnownDevice::Bound { kind, mark, exemptions }))
                    }
                    None => None,
                };
                Some(Identity {
                    person: grant.person.clone(),
                    user_name: grant.user_name.clone(),
                    how: How::AddressGrant,
                    at: granted.began,
                    epoch: self.epoch_of(&grant.person)?,
                    device,
                    grant: Some(Box::new(Granted {
                        id: granted.id.clone(),
                        multi_factor: grant.multi_factor,
                    })),
                    session: None,
                    ends: None,
                    outside: None,
                })
            })
            .collect()
    }

    /// The grants of somebody who has signed in, for this site.
    #[must_use]
    pub fn own_grants(&self, identity: &Identity, site: &SiteId, now: Timestamp) -> Vec<OwnGrant> {
        let kept = self.0.kept.load();
        let own = kept.grants_of(identity.person(), site, now);
        own.map(|kept| OwnGrant { network: kept.grant.network, until: kept.grant.ends }).collect()
    }

    /// Lets the programs on this address pass for somebody who has signed in from it.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept; nothing passes then.
    pub async fn grant_address(
        &self,
        identity: &Identity,
        device: Option<&KnownDevice>,
        (site, exemption): (&SiteId, &ExemptionId),
        address: IpAddr,
        (now, span): (Timestamp, Duration),
    ) -> Result<OwnGrant, StoreError> {
        let network = granted_network(address);
        let until = now.checked_add(span).unwrap_or(now);
        let grant = NewAddressGrant {
            person: identity.person.clone(),
            user_name: identity.user_name.clone(),
            site: site.clone(),
            exemption: exemption.clone(),
            network,
            multi_factor: identity.multi_factor(),
            device: device.and_then(KnownDevice::mark).map(str::to_owned),
            ends: until,
        };
        self.0.store.grant_address(grant, now).await?;
        self.reload(now).await?;
        Ok(OwnGrant { network, until })
    }

    /// Ends the grants of somebody for a site; gives how many those were.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn end_grants(
        &self,
        identity: &Identity,
        site: &SiteId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let ended = self.0.store.end_address_grants(&identity.person, site, now).await?;
        self.reload(now).await?;
        Ok(ended)
    }
}

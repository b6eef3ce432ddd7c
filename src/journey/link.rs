//! Travel links: made, and given to the traveller by mail.

use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, HostPattern};
use crate::identity::LinkToken;
use crate::policy::{Actor, ExemptionId, Phase, TravelExemption};
use crate::store::{By, ExemptionError, LinkWanted, Store, StoreError};

/// How many devices a link binds, on each site, and for how many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// How many devices.
    pub(crate) devices: u8,
    /// For how many days; never longer than the journey lasts.
    pub(crate) days: u8,
}

impl Extent {
    /// What goes out with an approval, which may be weeks ahead of the journey.
    const AT_APPROVAL: Self = Self { devices: 4, days: 60 };
}

/// Why no mail would reach the traveller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// Nobody sends mail for the organisation.
    NoSender,
    /// Nobody has said where the traveller is reached.
    NoAddress,
}

/// What an approval means for the traveller's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtApproval {
    /// None is demanded, or the journey does not count yet.
    Nothing,
    /// The link goes out by mail.
    Sent,
    /// Somebody has to give the link.
    ToBeGiven,
}

/// One person's yes. Where the exemption counts by it and demands a device, the message that tells of
/// it brings the link: both are kept at once, so that none goes out without it in between.
pub(crate) async fn approve(
    config: &Config,
    store: &Store,
    (id, two_people): (&ExemptionId, bool),
    by: By<'_>,
    now: Timestamp,
) -> Result<(TravelExemption, AtApproval), ExemptionError> {
    let link = match store.exemption(id).await? {
        Some(record) => to_be_sent(config, store, &record.exemption, now).await?,
        None => None,
    };
    let exemption = store.approve_with_link(id, two_people, link.as_ref(), by, now).await?;
    let means = match link {
        _ if !demands_device_now(&exemption, now) => AtApproval::Nothing,
        Some(_) => AtApproval::Sent,
        None => AtApproval::ToBeGiven,
    };
    Ok((exemption, means))
}

/// What a grant means: the link goes out by mail where the exemption counts at once, demands a device
/// and the traveller can be reached.
pub(crate) async fn at_approval(
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
    by: &Actor,
    now: Timestamp,
) -> Result<AtApproval, ExemptionError> {
    if !demands_device_now(exemption, now) {
        return Ok(AtApproval::Nothing);
    }
    let Some(wanted) = to_be_sent(config, store, exemption, now).await? else {
        return Ok(AtApproval::ToBeGiven);
    };
    store.give_travel_link(&exemption.id, wanted, by, now).await?;
    Ok(AtApproval::Sent)
}

fn demands_device_now(exemption: &TravelExemption, now: Timestamp) -> bool {
    let counts = matches!(exemption.phase(now), Phase::Planned | Phase::Active);
    counts && exemption.demands.device
}

/// The link that a message about the approval can bring; none where no device is demanded, or no
/// message reaches the traveller.
async fn to_be_sent(
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
    now: Timestamp,
) -> Result<Option<LinkWanted>, StoreError> {
    if !exemption.demands.device || unreachable(config, store, exemption).await?.is_some() {
        return Ok(None);
    }
    let host = host_of(config, exemption);
    Ok(host.map(|host| wanted(exemption, host, Extent::AT_APPROVAL, now)))
}

/// What a link is to be.
pub(crate) fn wanted(
    exemption: &TravelExemption,
    host: &str,
    extent: Extent,
    now: Timestamp,
) -> LinkWanted {
    let days = SignedDuration::from_hours(24 * i64::from(extent.days));
    let journey_ends = exemption.journey().map_or(now, |(_, until)| until);
    let ends = now.checked_add(days).unwrap_or(now).min(journey_ends);
    let address = format!("https://{host}/.geovagt/rejse/");
    LinkWanted { address, devices: i64::from(extent.devices), ends }
}

/// Makes a link that is shown once and kept nowhere.
pub(crate) async fn make(
    store: &Store,
    id: &ExemptionId,
    wanted: &LinkWanted,
    by: &Actor,
    now: Timestamp,
) -> Result<String, ExemptionError> {
    let token = LinkToken::new();
    let extent = (wanted.devices, wanted.ends);
    store.make_travel_link(id, &token.hash(), extent, by, now).await?;
    Ok(format!("{}{}", wanted.address, token.reveal()))
}

/// Why no mail would reach the traveller; none: one would.
pub(crate) async fn unreachable(
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
) -> Result<Option<Unreachable>, StoreError> {
    let notices = config.notices.as_ref();
    if notices.and_then(|notices| notices.sender(&exemption.organization)).is_none() {
        return Ok(Some(Unreachable::NoSender));
    }
    let mail = store.contact(&exemption.id).await?.and_then(|contact| contact.mail);
    Ok(mail.is_none().then_some(Unreachable::NoAddress))
}

/// The first host by name that one of the exemption's sites answers for.
pub(crate) fn host_of<'c>(config: &'c Config, exemption: &TravelExemption) -> Option<&'c str> {
    let sites = exemption.sites.iter().filter_map(|site| config.sites.get(site));
    let sites = sites.filter(|site| site.tcp.is_none());
    sites.flat_map(|site| &site.hosts).find_map(|host| match host {
        HostPattern::Exact(host) => Some(host.as_str()),
        HostPattern::Suffix(_) | HostPattern::Any => None,
    })
}

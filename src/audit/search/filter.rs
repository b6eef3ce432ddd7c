//! What one looks for.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::super::event::{Action, Event, Field};
use super::super::reference::Reference;
use crate::territory::Territory;

/// What one looks for; everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The code that a client was told.
    pub reference: Option<Reference>,
    /// The network that the client is in.
    pub client: Option<IpNet>,
    /// Who did it, or whom it was done to; in either case.
    pub user: Option<String>,
    /// The site.
    pub site: Option<String>,
    /// The client's country or subdivision.
    pub country: Option<Territory>,
    /// The reason.
    pub reason: Option<String>,
    /// The action; `denied` finds `repeated` too.
    pub action: Option<Action>,
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether the line can match at all; cheap, before it is read.
    pub(super) fn may_match(&self, line: &str) -> bool {
        let names = |text: &str| line.contains(text);
        self.reference.is_none_or(|reference| names(&reference.to_string()))
            && self.site.as_deref().is_none_or(names)
            && self.reason.as_deref().is_none_or(names)
            && self.country.is_none_or(|place| names(&format!("\"{}\"", place.country())))
    }

    /// Whether the entry is one that is looked for.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: &Option<SmolStr>| {
            wanted.is_none() || wanted.as_deref() == found.as_deref()
        };
        self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && self.reference.is_none_or(|wanted| event.reference == Some(wanted.short()))
            && is(&self.site, &event.site)
            && is(&self.reason, &event.reason)
            && self.action.is_none_or(|wanted| {
                wanted == event.action
                    || (wanted == Action::Denied && event.action == Action::Repeated)
            })
            && self.country.is_none_or(|wanted| is_in(wanted, event))
            && self.client.is_none_or(|wanted| is_from(wanted, event))
            && self.user.as_deref().is_none_or(|wanted| concerns(wanted, event))
    }
}

fn is_in(wanted: Territory, event: &Event) -> bool {
    let subdivision = wanted.subdivision();
    event.country.as_deref() == Some(wanted.country().as_str())
        && subdivision.is_none_or(|part| event.region.as_deref() == Some(part.as_str()))
}

/// A repeated denial stands for a whole network of clients, of which one is named.
fn is_from(wanted: IpNet, event: &Event) -> bool {
    [Field::ClientIp, Field::ClientNatIp].into_iter().any(|field| {
        let Some(Ok(ip)) = event.personal.get(field).map(|text| text.parse::<IpAddr>()) else {
            return false;
        };
        if event.action != Action::Repeated {
            return wanted.contains(&ip);
        }
        let prefix = if ip.is_ipv4() { 24 } else { 64 };
        let Ok(network) = IpNet::new(ip, prefix) else { return false };
        wanted.contains(&network.network()) || network.contains(&wanted.network())
    })
}

fn concerns(wanted: &str, event: &Event) -> bool {
    let wanted = wanted.to_lowercase();
    [Field::UserName, Field::UserId, Field::UserEffective, Field::UserTarget]
        .into_iter()
        .filter_map(|field| event.personal.get(field))
        .any(|name| name.to_lowercase() == wanted)
}

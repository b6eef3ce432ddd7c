//! What the request path knows about a request when it is decided. Owned, and cheap to fill: most of
//! it is shared text.

use std::sync::Arc;

use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::event::{Event, Field};
use super::text::capped;
use crate::client_address::{ClientAddress, address_text};
use crate::identifier::{ListId, ListenerId, OrganizationId, SiteId};
use crate::policy::{Location, Mode, Person};
use crate::territory::Country;

/// The longest path and query that are kept, in bytes.
pub const LONGEST_PATH: usize = 2048;
/// The longest user agent that is kept, in bytes.
pub const LONGEST_USER_AGENT: usize = 512;
/// The longest of any other text from a client, in bytes.
pub const LONGEST_NAME: usize = 256;

/// What is known about a request or connection.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it arrived.
    pub at: Timestamp,
    /// Where it arrived.
    pub listener: ListenerId,
    /// The site that its host names.
    pub site: Option<SiteId>,
    /// Whose site that is.
    pub organization: Option<OrganizationId>,
    /// The one client address.
    pub client: ClientAddress,
    /// Where that address is.
    pub location: Location,
    /// The country that its network is registered in.
    pub registered_country: Option<Country>,
    /// Its autonomous system.
    pub as_number: Option<u32>,
    /// The name that a person has proven, or claimed where the reason says so.
    pub user: Option<SmolStr>,
    /// The proven person.
    pub person: Option<Person>,
    /// The request's method; none for a connection.
    pub method: Option<http::Method>,
    /// The canonical host.
    pub domain: Option<SmolStr>,
    /// The canonical path, without the query.
    pub path: Option<SmolStr>,
    /// The query; dropped unless the configuration keeps it.
    pub query: Option<SmolStr>,
    /// `User-Agent`
    pub user_agent: Option<SmolStr>,
    /// The device that ActiveSync names; not kept in the log.
    pub device_id: Option<SmolStr>,
    /// The list and its version in force.
    pub list: Option<(ListId, SmolStr)>,
    /// The policy's mode.
    pub mode: Option<Mode>,
    /// The path of the site's rule that decided, where one did.
    pub path_rule: Option<Arc<str>>,
    /// The class of the allow network that let the client in.
    pub network_class: Option<Arc<str>>,
    /// Whether another proxy asked and forwards by itself.
    pub forward_auth: bool,
    /// When the database was built.
    pub database_built: Option<Timestamp>,
    /// The status that a rejection answers; none: closed without a byte.
    pub status: Option<u16>,
}

impl Facts {
    /// Facts of which only instant, listener and client are known yet.
    #[must_use]
    pub fn new(at: Timestamp, listener: ListenerId, client: ClientAddress) -> Self {
        Self {
            at,
            listener,
            site: None,
            organization: None,
            client,
            location: Location::AddressUnknown,
            registered_country: None,
            as_number: None,
            user: None,
            person: None,
            method: None,
            domain: None,
            path: None,
            query: None,
            user_agent: None,
            device_id: None,
            list: None,
            mode: None,
            path_rule: None,
            network_class: None,
            forward_auth: false,
            database_built: None,
            status: None,
        }
    }

    /// Cuts what a client can make long, so that entries in memory stay small.
    pub(super) fn shorten(&mut self, path: usize, user_agent: usize) {
        cut(&mut self.path, path);
        cut(&mut self.query, path);
        cut(&mut self.user_agent, user_agent);
        cut(&mut self.user, LONGEST_NAME);
        cut(&mut self.domain, LONGEST_NAME);
    }

    /// Writes what is known into an event.
    pub(super) fn describe(&self, event: &mut Event) {
        event.organization = self.organization.as_ref().map(Into::into);
        event.listener = Some((&self.listener).into());
        event.site = self.site.as_ref().map(Into::into);
        match self.client {
            ClientAddress::Known(address) => {
                let (seen, judged) = (address.seen(), address.judged());
                event.personal.set(Field::ClientIp, Some(address_text(seen)));
                if judged != seen {
                    event.personal.set(Field::ClientNatIp, Some(address_text(judged)));
                }
            }
            ClientAddress::Unknown(because) => {
                event.details.insert("client_address".to_owned(), because.to_string());
            }
        }
        if let Some(territory) = self.location.territory() {
            event.country = Some(territory.country().as_str().into());
            event.region = territory.subdivision().map(|s| s.as_str().into());
        }
        event.registered_country = self.registered_country.map(|c| c.as_str().into());
        event.as_number = self.as_number;
        if self.user.is_some() {
            event.personal.set(Field::UserName, self.user.clone());
        }
        if let Some(person) = &self.person {
            let id = format_smolstr!("{}/{}", person.provider(), person.subject());
            event.personal.set(Field::UserId, Some(id));
        }
        event.personal.set(Field::UserAgent, self.user_agent.clone());
        event.method = self.method.as_ref().map(|method| method.as_str().into());
        event.domain.clone_from(&self.domain);
        event.path.clone_from(&self.path);
        event.query.clone_from(&self.query);
        event.rule = self.list.as_ref().map(|(id, v)| (id.into(), v.clone()));
        event.mode = self.mode.map(|mode| SmolStr::new_static(mode.word()));
        event.database_built = self.database_built;
        event.status = self.status;
        if let Some(rule) = &self.path_rule {
            event.details.insert("path_rule".to_owned(), rule.to_string());
        }
        if let Some(class) = &self.network_class {
            event.details.insert("network_class".to_owned(), class.to_string());
        }
        if self.forward_auth {
            event.details.insert("via".to_owned(), "forward_auth".to_owned());
        }
    }
}

fn cut(text: &mut Option<SmolStr>, maximum: usize) {
    if let Some(text) = text
        && text.len() > maximum
    {
        *text = capped(text, maximum).into();
    }
}

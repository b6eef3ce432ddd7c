//! How a rejection is told: as usual, or with less while it floods (`denial: adaptive`).
//!
//! Always holds: less is told only to clients whom every site rejects, so that a traveller's open
//! door is open to the whole country, and whoever may pass never finds the connection closed.

use jiff::Timestamp;

use super::{Gateway, Snapshot};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::geoip::Located;
use crate::listen::{ConnectionAddress, ConnectionFacts};

/// How a rejection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// With what suits the client.
    AsUsual,
    /// With a status and the reference: a proxy's connection carries others too.
    Short,
    /// The connection ends without a byte.
    Close,
}

impl Gateway {
    /// Counts a rejection where the listener is adaptive, and says how it is told.
    pub(super) fn manner(
        &self,
        snapshot: &Snapshot,
        connection: &ConnectionFacts,
        client: ClientAddress,
        located: &Located,
        now: Timestamp,
    ) -> Manner {
        let Some(flood) = self.floods.of(&connection.listener) else { return Manner::AsUsual };
        if snapshot.rejects_everywhere(client, located, now).is_none()
            || !flood.rejected(client, located.location, clock::instant())
        {
            return Manner::AsUsual;
        }
        match connection.address {
            ConnectionAddress::Settled(_) => Manner::Close,
            ConnectionAddress::PerRequest => Manner::Short,
        }
    }
}

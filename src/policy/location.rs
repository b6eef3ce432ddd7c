//! Where an address is, as far as a database can tell.

use crate::territory::{Country, Subdivision, Territory};

/// Where a client is. There is no `Option` that a caller could wave through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// The database (or a correction) names a country, and a subdivision where it knows one.
    Country {
        /// The country the address is in.
        country: Country,
        /// Its subdivision, in a city-level database.
        subdivision: Option<Subdivision>,
    },
    /// RFC 1918, loopback, unique local, link-local and the like: no country exists.
    PrivateNetwork,
    /// A public address that the database does not hold.
    NotInDatabase,
    /// There is no client address to look up.
    AddressUnknown,
}

impl Location {
    /// The country, where there is one.
    #[must_use]
    pub fn country(self) -> Option<Country> {
        match self {
            Self::Country { country, .. } => Some(country),
            Self::PrivateNetwork | Self::NotInDatabase | Self::AddressUnknown => None,
        }
    }

    /// The most exact territory that is known.
    #[must_use]
    pub fn territory(self) -> Option<Territory> {
        match self {
            Self::Country { country, subdivision: Some(subdivision) } => {
                Some(Territory::subdivision_of(country, subdivision))
            }
            Self::Country { country, subdivision: None } => Some(Territory::country_of(country)),
            Self::PrivateNetwork | Self::NotInDatabase | Self::AddressUnknown => None,
        }
    }

    /// The word for it in `explain` and the log: `country`, `private`, `not_in_database`, `unknown`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Country { .. } => "country",
            Self::PrivateNetwork => "private",
            Self::NotInDatabase => "not_in_database",
            Self::AddressUnknown => "unknown",
        }
    }
}

impl From<Country> for Location {
    fn from(country: Country) -> Self {
        Self::Country { country, subdivision: None }
    }
}

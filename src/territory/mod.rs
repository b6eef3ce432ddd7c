//! Countries and their subdivisions: ISO 3166-1 and 3166-2 codes, names in Danish and English.
//!
//! PURE: no I/O, no clock, nothing of the network. Names and subdivision codes come from the Unicode
//! CLDR (see `NOTICE`).
//!
//! Always holds: [`find`] takes a name only where it is that name; what merely resembles one is
//! handed back as a suggestion.

mod aliases;
mod collation;
mod countries;
mod find;
mod fold;
mod names;
mod subdivisions;

use std::fmt;

pub use collation::sort_by_name;
pub use find::{Match, NotFound, find, look_up};

/// An assigned ISO 3166-1 alpha-2 country code (or `XK`, which every database uses for Kosovo).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// The part of an ISO 3166-2 code after the hyphen: one to three letters or digits, upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subdivision([u8; 3]);

/// A country, or one subdivision of it: `RU`, `RU-CE`. What stands on a list or in a leg.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Territory {
    country: Country,
    subdivision: Option<Subdivision>,
}

/// Why a text is no territory code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a country code such as DK, nor a subdivision code such as RU-CE")]
pub struct InvalidTerritory(pub String);

impl Country {
    /// How many values [`Country::index`] can take.
    pub const COUNT: usize = 26 * 26;

    /// Two ASCII letters in either case make a code. Whether the code is assigned is not looked at:
    /// a database may know a code that is newer than this program.
    #[must_use]
    pub const fn from_letters(letters: [u8; 2]) -> Option<Self> {
        let [a, b] = [letters[0].to_ascii_uppercase(), letters[1].to_ascii_uppercase()];
        if a.is_ascii_uppercase() && b.is_ascii_uppercase() { Some(Self([a, b])) } else { None }
    }

    /// Reads a two-letter code in either case.
    ///
    /// # Errors
    /// [`InvalidTerritory`] for anything but two ASCII letters.
    pub fn parse(text: &str) -> Result<Self, InvalidTerritory> {
        <[u8; 2]>::try_from(text.as_bytes())
            .ok()
            .and_then(Self::from_letters)
            .ok_or_else(|| InvalidTerritory(text.to_owned()))
    }

    /// The code in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// A number below [`Country::COUNT`], for bit sets and tables.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0[0] - b'A') as usize * 26 + (self.0[1] - b'A') as usize
    }
}

impl Subdivision {
    /// Reads one to three ASCII letters or digits, in either case.
    ///
    /// # Errors
    /// [`InvalidTerritory`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidTerritory> {
        let invalid = || InvalidTerritory(text.to_owned());
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > 3 || !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(invalid());
        }
        let mut code = [0_u8; 3];
        for (slot, byte) in code.iter_mut().zip(bytes) {
            *slot = byte.to_ascii_uppercase();
        }
        Ok(Self(code))
    }

    /// The code in upper case, without the country.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&b| b == 0).unwrap_or(3);
        self.0.get(..length).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("?")
    }
}

impl Territory {
    /// A country as a whole.
    #[must_use]
    pub const fn country_of(country: Country) -> Self {
        Self { country, subdivision: None }
    }

    /// One subdivision of a country.
    #[must_use]
    pub const fn subdivision_of(country: Country, subdivision: Subdivision) -> Self {
        Self { country, subdivision: Some(subdivision) }
    }

    /// Reads `RU` or `RU-CE`, in either case.
    ///
    /// # Errors
    /// [`InvalidTerritory`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidTerritory> {
        let invalid = || InvalidTerritory(text.to_owned());
        match text.split_once('-') {
            None => Country::parse(text).map(Self::country_of),
            Some((country, subdivision)) => Ok(Self::subdivision_of(
                Country::parse(country).map_err(|_| invalid())?,
                Subdivision::parse(subdivision).map_err(|_| invalid())?,
            )),
        }
    }

    /// The country, also where this is a subdivision.
    #[must_use]
    pub const fn country(self) -> Country {
        self.country
    }

    /// The subdivision, where this is one.
    #[must_use]
    pub const fn subdivision(self) -> Option<Subdivision> {
        self.subdivision
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Subdivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Territory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subdivision {
            None => fmt::Display::fmt(&self.country, f),
            Some(subdivision) => write!(f, "{}-{subdivision}", self.country),
        }
    }
}

macro_rules! debug_and_serialize_as_display {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidTerritory;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    )*};
}

impl<'de> serde::Deserialize<'de> for Territory {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

debug_and_serialize_as_display!(Country, Subdivision, Territory);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_either_case_and_shown_in_upper_case() {
        for (text, shown) in [("DK", "DK"), ("dk", "DK"), ("ru-ce", "RU-CE"), ("UA-43", "UA-43")] {
            assert_eq!(Territory::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "D", "DNK", "D1", "RU-", "RU-ABCD", "RU-C E", "RU-CE-X", "ÆØ"] {
            assert!(Territory::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_code_has_an_index_of_its_own() {
        assert_eq!(Country::parse("AA").unwrap().index(), 0);
        assert_eq!(Country::parse("ZZ").unwrap().index(), Country::COUNT - 1);
    }
}

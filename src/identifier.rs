//! Short names that the configuration gives to things, each its own type.
//!
//! PURE. A value of one of these types has been checked once, at the edge, and is cheap to clone: a
//! short one is copied, and no counter of it is shared between the threads. No later code checks it
//! again.

use std::fmt;

use smol_str::SmolStr;

/// Why a text cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// Nothing was given.
    #[error("a name must not be empty")]
    Empty,
    /// More than [`MAXIMUM_LENGTH`] bytes were given.
    #[error("a name has at most {MAXIMUM_LENGTH} characters")]
    TooLong,
    /// A character outside `a-z 0-9 _ -`, or a first character that is no letter or digit.
    #[error(
        "a name is made of a-z, 0-9, _ and -, and begins with a letter or a digit; found {0:?}"
    )]
    Character(char),
}

/// Identifiers are at most this many bytes long.
pub const MAXIMUM_LENGTH: usize = 63;

fn check(text: &str) -> Result<(), InvalidIdentifier> {
    if text.len() > MAXIMUM_LENGTH {
        return Err(InvalidIdentifier::TooLong);
    }
    let first = text.chars().next().ok_or(InvalidIdentifier::Empty)?;
    if !(first.is_ascii_lowercase() || first.is_ascii_digit()) {
        return Err(InvalidIdentifier::Character(first));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    match text.chars().find(|&c| !allowed(c)) {
        Some(c) => Err(InvalidIdentifier::Character(c)),
        None => Ok(()),
    }
}

macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks the text and makes the identifier of it.
            ///
            /// # Errors
            /// [`InvalidIdentifier`] where the text is empty, too long or has other characters.
            pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
                check(text)?;
                Ok(Self(SmolStr::new(text)))
            }

            /// The identifier as it stands in the configuration.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&$name> for SmolStr {
            fn from(name: &$name) -> Self {
                name.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidIdentifier;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

identifier!(
    /// One municipality on the gateway, as named under `organizations`.
    OrganizationId
);
identifier!(
    /// One protected system, as named under `sites`.
    SiteId
);
identifier!(
    /// One listener, as named under `listeners`.
    ListenerId
);
identifier!(
    /// One country list, as named under `country_lists`.
    ListId
);
identifier!(
    /// One policy, as named under `policies`.
    PolicyId
);
identifier!(
    /// One way to know a person, as named under `identity`.
    ProviderId
);

impl ListenerId {
    /// The administration's, which is none of `listeners`.
    #[must_use]
    pub fn of_administration() -> Self {
        Self(SmolStr::new_static("admin"))
    }
}

impl ProviderId {
    /// Where no provider has proven anybody: a token that the operator made on the command line.
    #[must_use]
    pub fn of_tokens() -> Self {
        Self(SmolStr::new_static("*token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_lower_case_words() {
        assert_eq!(SiteId::parse("kilden-2").unwrap().as_str(), "kilden-2");
        assert_eq!(SiteId::parse(""), Err(InvalidIdentifier::Empty));
        assert_eq!(SiteId::parse("-x"), Err(InvalidIdentifier::Character('-')));
        assert_eq!(SiteId::parse("Kilden"), Err(InvalidIdentifier::Character('K')));
        assert_eq!(SiteId::parse("a/../b"), Err(InvalidIdentifier::Character('/')));
        assert_eq!(SiteId::parse(&"a".repeat(64)), Err(InvalidIdentifier::TooLong));
    }
}

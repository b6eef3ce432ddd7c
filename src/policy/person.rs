//! Who a person is: organisation, provider and the subject that this provider never gives again.

use std::fmt;
use std::sync::Arc;

use crate::identifier::{OrganizationId, ProviderId};

/// A person. Two persons are the same when all three parts are; names play no part in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Person {
    organization: OrganizationId,
    provider: ProviderId,
    subject: Arc<str>,
}

impl Person {
    /// The person that `provider` knows as `subject` in `organization`.
    #[must_use]
    pub fn new(organization: OrganizationId, provider: ProviderId, subject: &str) -> Self {
        Self { organization, provider, subject: Arc::from(subject) }
    }

    /// The organisation whose sites this person may use.
    #[must_use]
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// The provider that proves who this is.
    #[must_use]
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// The provider's immutable name for the person (for local accounts the account's id).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.organization, self.provider, self.subject)
    }
}

/// A login name as a person types it: compared in lower case, without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

/// Why a text is no login name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user name has 1 to 254 characters, none of them a colon, a space at an end, or a control character"
)]
pub struct InvalidUserName;

impl UserName {
    /// Reads a login name. Colons are refused because HTTP Basic ends the name at the first one
    /// (RFC 7617 section 2).
    ///
    /// # Errors
    /// [`InvalidUserName`] where it is empty, too long, or has a colon or control character.
    pub fn parse(text: &str) -> Result<Self, InvalidUserName> {
        let length = text.chars().count();
        let unfit = |c: char| c == ':' || c.is_control();
        if length == 0 || length > 254 || text.trim() != text || text.chars().any(unfit) {
            return Err(InvalidUserName);
        }
        Ok(Self(Arc::from(text.to_lowercase())))
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_one_readable_word_or_address() {
        assert_eq!(
            UserName::parse("Anna.Holm@Example.dk").unwrap().as_str(),
            "anna.holm@example.dk"
        );
        for text in ["", " anna", "anna ", "an:na", "an\nna", "an\u{1b}[31mna", &"a".repeat(255)] {
            assert_eq!(UserName::parse(text), Err(InvalidUserName), "{text:?}");
        }
    }
}

//! Whom a route is for.

use super::Visitor;
use crate::config::Role;
use crate::identifier::ProviderId;

/// Whom a route is for. The roles are those in the organisation that the visitor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Everybody: signing in itself, and the description of the API.
    Everybody,
    /// Whoever is signed in; a traveller is nothing else.
    SignedIn,
    /// Whoever is signed in and somebody: a token that was made on the command line is nobody's, and
    /// one for another organisation than its maker's own does not reach what is the maker's own.
    Somebody,
    /// Whoever has one of these roles.
    Roles(&'static [Role]),
    /// Whoever has one of these roles, and the operators of the centre.
    RolesOrCentre(&'static [Role]),
}

impl Right {
    /// Whoever has any role at all: everybody but travellers and operators of the centre.
    pub const STAFF: Self = Self::Roles(&Role::ALL);

    /// Whether a visitor has it.
    #[must_use]
    pub fn is_of(self, visitor: &Visitor) -> bool {
        match self {
            Self::Everybody | Self::SignedIn => true,
            Self::Somebody => {
                let (person, token) = (&visitor.person, visitor.token.is_some());
                *person.provider() != ProviderId::of_tokens()
                    && (!token || person.organization() == visitor.organization_id())
            }
            Self::Roles(roles) => visitor.has_any(roles),
            Self::RolesOrCentre(roles) => visitor.has_any(roles) || visitor.centre_operator,
        }
    }
}

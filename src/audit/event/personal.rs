//! The fields that say who somebody is.
//!
//! PURE.

/// A field that says who somebody is. It enters the chain as a salted commitment, so that it can be
/// removed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `client.ip`: the address as seen.
    ClientIp,
    /// `client.nat.ip`: the address it carries and is judged by, where that differs.
    ClientNatIp,
    /// `user.name`: who did it, or who was let in or rejected.
    UserName,
    /// `user.id`: provider and subject of the proven person.
    UserId,
    /// `user.effective.name`: the operating-system user of a command.
    UserEffective,
    /// `user.target.name`: whom it was done to.
    UserTarget,
    /// `user_agent.original`
    UserAgent,
}

impl Field {
    /// Every personal field, in the order of its place in an entry.
    pub const ALL: [Self; 7] = [
        Self::ClientIp,
        Self::ClientNatIp,
        Self::UserName,
        Self::UserId,
        Self::UserEffective,
        Self::UserTarget,
        Self::UserAgent,
    ];

    /// The field's name in an entry.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::ClientIp => "client.ip",
            Self::ClientNatIp => "client.nat.ip",
            Self::UserName => "user.name",
            Self::UserId => "user.id",
            Self::UserEffective => "user.effective.name",
            Self::UserTarget => "user.target.name",
            Self::UserAgent => "user_agent.original",
        }
    }

    /// The field with this name.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.path() == path)
    }
}

/// One value for each personal field that has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerField<T>([Option<T>; 7]);

impl<T> Default for PerField<T> {
    fn default() -> Self {
        Self([const { None }; 7])
    }
}

impl<T> PerField<T> {
    /// What the field holds.
    pub fn get(&self, field: Field) -> Option<&T> {
        self.0.get(field as usize).and_then(Option::as_ref)
    }

    /// Puts a value into the field, or empties it.
    pub fn set(&mut self, field: Field, value: Option<T>) {
        if let Some(slot) = self.0.get_mut(field as usize) {
            *slot = value;
        }
    }
}

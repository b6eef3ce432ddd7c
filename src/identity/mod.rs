//! Who somebody is: local accounts by HTTP Basic or the sign-in form, people of outside providers,
//! and the session afterwards.
//!
//! May use `config`, `store`, `policy` and `identifier`; of HTTP only header values, and `outside`
//! asks providers with a client of its own. Knows nothing of sites,
//! countries and exemptions: whoever asks says, by [`Attempt::eligible`], whose password is worth
//! proving at this door.
//!
//! Always holds:
//! - an [`Identity`] is made only in here, after a proof;
//! - every attempt that reaches the password costs exactly one evaluation of argon2id of the same
//!   cost, whether the account exists, is locked, is eligible or not, and ends in the same
//!   [`Outcome::NotProven`];
//! - the failures of strangers slow other strangers down; they never keep out somebody who has
//!   proven the account from the same network before;
//! - what an account's older epoch proved counts no longer.

mod authenticator;
mod basic;
mod directory;
mod form;
mod hasher;
mod keys;
mod limits;
mod next;
mod outside;
mod password;
mod recent;
mod session;
mod sign_in;

use std::sync::Arc;

use jiff::Timestamp;

use crate::policy::{Person, UserName};

pub use authenticator::{Attempt, Authenticator, AuthenticatorError, Outcome, People, Why};
pub use form::{FormError, FormGuard, MAXIMUM_FORM_LENGTH, SignInForm, field};
pub use next::Next;
pub use outside::{Arrival, Arrived, Departing, Departure, LogoutRefused, OutsideError, Providers};
pub use password::{Argon2id, Password, PasswordFunction, UnfitPassword};

/// Every cookie of ours, by the name it has on a protected and on a plain connection. None of them
/// goes on to an upstream.
pub const GATEWAY_COOKIES: &[&str] = &[
    "__Host-geovagt",
    "geovagt",
    "__Host-geovagt-form",
    "geovagt-form",
    "__Host-geovagt-oidc",
    "geovagt-oidc",
];

/// Somebody who has been proven. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    person: Person,
    user_name: UserName,
    how: How,
    at: Timestamp,
    epoch: i64,
    session: Option<session::Life>,
    outside: Option<Arc<outside::Proof>>,
}

/// How somebody was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Name and password in the `Authorization` header of this very request.
    Basic,
    /// Name and password in the sign-in form.
    Form,
    /// A session that began with the form, or with an OpenID Connect provider.
    Session,
    /// An OpenID Connect provider, a moment ago.
    Oidc,
    /// A bearer token in the `Authorization` header of this very request.
    Bearer,
}

impl How {
    /// The word for it in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Form => "form",
            Self::Session => "session",
            Self::Oidc => "oidc",
            Self::Bearer => "bearer",
        }
    }
}

impl Identity {
    /// Who it is.
    #[must_use]
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The login name, to be shown.
    #[must_use]
    pub fn user_name(&self) -> &UserName {
        &self.user_name
    }

    /// How it was proven.
    #[must_use]
    pub fn how(&self) -> How {
        self.how
    }

    /// Whether more than a password was asked for, as far as the provider says so.
    #[must_use]
    pub fn multi_factor(&self) -> bool {
        self.outside.as_ref().is_some_and(|proof| proof.multi_factor)
    }

    /// When the password was proven; for a session, when it began.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

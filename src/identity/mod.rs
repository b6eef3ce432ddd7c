//! Who somebody is: local accounts by HTTP Basic, the sign-in form or a mail program's login, people of
//! outside providers, and the session afterwards.
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

mod attempt;
mod authenticator;
mod basic;
mod certificate;
mod device;
mod directory;
mod factor;
mod form;
mod grant;
mod hasher;
mod kept;
mod keys;
mod ldap;
mod limits;
mod link;
mod next;
mod outside;
mod password;
mod prove;
mod recent;
mod remembered;
mod session;
mod sign_in;

use std::sync::Arc;

use jiff::Timestamp;

use crate::policy::{Person, UserName};

pub use attempt::{Attempt, Holders, Outcome, Why};
pub use authenticator::{Authenticator, AuthenticatorError, People};
pub use certificate::Certified;
pub use device::{KnownDevice, may_name_a_device};
pub use form::{FormError, FormGuard, MAXIMUM_FORM_LENGTH, SignInForm, field};
pub use grant::OwnGrant;
pub use kept::granted_network;
pub use ldap::{
    Directories, ExaminedServer, Found, LdapError, LdapHealth, LdapProvider, PeopleThere,
};
pub use link::{LinkToken, UsableLink};
pub use next::Next;
pub use outside::{
    Arrival, Arrived, ClientKeyError, Departing, Departure, IdToken, LogoutRefused, OutsideError,
    ProviderError, Providers,
};
pub use password::{Argon2id, Password, PasswordFunction, UnfitPassword};
pub use prove::Beside;
pub use remembered::Remembered;

/// Every cookie of ours, by the name it has on a protected and on a plain connection. None of them
/// goes on to an upstream.
pub const GATEWAY_COOKIES: &[&str] = &[
    "__Host-geovagt",
    "geovagt",
    "__Host-geovagt-form",
    "geovagt-form",
    "__Host-geovagt-device",
    "geovagt-device",
    "__Host-geovagt-oidc",
    "geovagt-oidc",
    "__Host-geovagt-admin",
    "geovagt-admin",
    "__Host-geovagt-language",
    "geovagt-language",
    "__Host-geovagt-oidc-2",
    "geovagt-oidc-2",
    "__Host-geovagt-oidc-3",
    "geovagt-oidc-3",
    "__Secure-geovagt-hint",
    "geovagt-hint",
];

/// Somebody who has been proven. Only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    person: Person,
    user_name: UserName,
    how: How,
    at: Timestamp,
    epoch: i64,
    // Few have them, and whoever is let in is carried along by every request's future.
    device: Option<Box<KnownDevice>>,
    grant: Option<Box<grant::Granted>>,
    session: Option<session::Life>,
    /// When the proof itself expires: a token's.
    ends: Option<Timestamp>,
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
    /// The address alone: the person has let its programs pass.
    AddressGrant,
    /// The certificate of a managed device, on this very connection.
    Certificate,
    /// An OpenID Connect provider, a moment ago.
    Oidc,
    /// A bearer token in the `Authorization` header of this very request.
    Bearer,
    /// Name and password in the words of a mail protocol, on this very connection.
    Mail,
}

impl How {
    /// The word for it in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Form => "form",
            Self::Session => "session",
            Self::AddressGrant => "address_grant",
            Self::Certificate => "certificate",
            Self::Oidc => "oidc",
            Self::Bearer => "bearer",
            Self::Mail => "mail",
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
            || self.grant.as_ref().is_some_and(|grant| grant.multi_factor)
    }

    /// The device that the proof itself tells of; a cookie's is another matter.
    #[must_use]
    pub fn device(&self) -> Option<&KnownDevice> {
        self.device.as_deref()
    }

    /// Whether this very request proves the person, so that an upstream may be told who it is.
    #[must_use]
    pub fn names_the_person(&self) -> bool {
        self.how != How::AddressGrant
    }

    /// When the password was proven; for a session, when it began.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

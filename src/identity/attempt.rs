//! An attempt to prove who somebody is, and how it ended.

use std::net::IpAddr;

use jiff::Timestamp;

use super::Identity;
use crate::identifier::OrganizationId;
use crate::policy::{Person, UserName};

/// Where and when somebody tries to prove who they are, and whose proof is worth anything there.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The organisation whose site it is; accounts of others do not exist here.
    pub organization: &'a OrganizationId,
    /// The one client address of the request.
    pub client: IpAddr,
    /// False for people whom this door does not open for: their password is not proven, at the same
    /// cost and with the same answer.
    pub eligible: &'a (dyn Fn(&Person) -> bool + Send + Sync),
    /// Shows everybody who holds an exemption here, with the name it was given under: a directory
    /// hears of nobody else while the door is theirs alone.
    pub holders: &'a Holders<'a>,
    /// The instant of the request.
    pub now: Timestamp,
}

/// Shows people one after the other.
pub type Holders<'a> = dyn Fn(&mut dyn FnMut(&Person, &UserName)) + Send + Sync + 'a;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is this person.
    Proven(Identity),
    /// It is not. The client must not see why.
    NotProven {
        /// For the log alone.
        why: Why,
        /// The name that was claimed, where it is one. For the log alone.
        claimed: Option<UserName>,
    },
    /// Too many attempts; nothing was looked at. The answer is "come back later".
    Limited,
}

/// Why somebody was not proven. For the log, never for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The header is no well-formed Basic header, or the name or password cannot be one.
    Malformed,
    /// There is no such account in this organisation.
    UnknownAccount,
    /// The account is locked.
    Locked,
    /// The person exists, and this door does not open for them.
    NotEligible,
    /// The password is another.
    WrongPassword,
    /// More than one entry of the directory answers to the name.
    Ambiguous,
    /// The directory has refused this person's passwords too often to be asked once more.
    TooManyFailures,
    /// The account changed while the password was compared.
    Changed,
    /// An answer of a provider that belongs to no sign-in of this browser.
    Stray,
    /// The provider ended the sign-in.
    Ended,
    /// A token that does not hold.
    Token,
    /// The person is in none of the groups that may come in this way.
    Group,
    /// The provider gave no answer that can be used.
    Provider,
}

impl Why {
    /// The word for it in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownAccount => "unknown_account",
            Self::Locked => "locked",
            Self::NotEligible => "not_eligible",
            Self::WrongPassword => "wrong_password",
            Self::Ambiguous => "ambiguous_name",
            Self::TooManyFailures => "too_many_failures",
            Self::Changed => "changed",
            Self::Stray => "stray_answer",
            Self::Ended => "ended_by_provider",
            Self::Token => "invalid_token",
            Self::Group => "not_in_group",
            Self::Provider => "provider_unavailable",
        }
    }
}

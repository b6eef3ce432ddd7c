//! What can happen, in the words of `event.action`, and how it ends.
//!
//! PURE.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($(#[$meta:meta])* $variant:ident = $word:literal $category:literal $kind:literal,)*) => {
        /// `event.action`
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$meta])* $variant,)* }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word of the contract.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// `event.category` of the Elastic Common Schema.
            #[must_use]
            pub(in super::super) const fn category(self) -> &'static str {
                match self { $(Self::$variant => $category,)* }
            }

            /// `event.type` of the Elastic Common Schema.
            #[must_use]
            pub(in super::super) const fn kind(self) -> &'static str {
                match self { $(Self::$variant => $kind,)* }
            }
        }
    };
}

actions! {
    /// A request or connection was forwarded.
    Allowed = "allowed" "network" "allowed",
    /// A request or connection was rejected.
    Denied = "denied" "network" "denied",
    /// Many equal rejections, with their count.
    Repeated = "repeated" "network" "denied",
    /// The end of an exchange that took longer than ten seconds.
    Completed = "completed" "network" "end",
    /// A person was recognised.
    Identified = "identified" "authentication" "info",
    /// A person signed in.
    SignIn = "sign_in" "authentication" "start",
    /// Somebody tried to sign in.
    SignInFailed = "sign_in_failed" "authentication" "start",
    /// A person signed out.
    SignOut = "sign_out" "authentication" "end",
    /// A travel exemption was applied for.
    ExemptionApplied = "exemption_applied" "iam" "creation",
    /// A travel exemption was granted.
    ExemptionGranted = "exemption_granted" "iam" "creation",
    /// A second person approved it.
    ExemptionApproved = "exemption_approved" "iam" "change",
    /// An application was refused.
    ExemptionRefused = "exemption_refused" "iam" "change",
    /// It was revoked.
    ExemptionRevoked = "exemption_revoked" "iam" "deletion",
    /// It was closed.
    ExemptionClosed = "exemption_closed" "iam" "deletion",
    /// Where its traveller is reached was changed.
    ExemptionContact = "exemption_contact" "iam" "change",
    /// Its time was over.
    ExemptionEnded = "exemption_ended" "iam" "deletion",
    /// A link for binding devices to an exemption was given out.
    TravelLinkMade = "travel_link_made" "iam" "creation",
    /// A device was bound to an exemption.
    DeviceBound = "device_bound" "iam" "creation",
    /// A bound device counts no longer.
    DeviceRevoked = "device_revoked" "iam" "deletion",
    /// Everything that was proven of a person counts no longer: a lost device.
    PersonEnded = "person_ended" "iam" "change",
    /// A person let the programs on their address pass for a while.
    AddressGranted = "address_granted" "authentication" "start",
    /// That person ended it.
    AddressGrantEnded = "address_grant_ended" "authentication" "end",
    /// The use of an exemption looked odd; nothing follows from it.
    OddUse = "odd_use" "intrusion_detection" "info",
    /// A local account was made.
    UserAdded = "user_added" "iam" "creation",
    /// A local account was changed (password, lock).
    UserChanged = "user_changed" "iam" "change",
    /// A local account was removed.
    UserRemoved = "user_removed" "iam" "deletion",
    /// The register of systems outside the gateway was changed.
    SystemChanged = "system_changed" "configuration" "change",
    /// A second factor for the administration was set up or taken away.
    SecondFactor = "second_factor" "iam" "change",
    /// A token for the administration's API was made.
    TokenMade = "token_made" "iam" "creation",
    /// It was revoked.
    TokenRevoked = "token_revoked" "iam" "deletion",
    /// A policy came into force.
    PolicyLoaded = "policy_loaded" "configuration" "change",
    /// A database came into use.
    DatabaseLoaded = "database_loaded" "configuration" "change",
    /// Somebody searched the log.
    LogSearched = "log_searched" "database" "access",
    /// Somebody looked at somebody's travel.
    TravelViewed = "travel_viewed" "database" "access",
    /// Somebody looked at what is stored about somebody.
    PersonViewed = "person_viewed" "database" "access",
    /// What is stored of a person was deleted, but for what has to stay.
    PersonForgotten = "person_forgotten" "iam" "deletion",
    /// Somebody exported the log.
    LogExported = "log_exported" "database" "access",
    /// Somebody reviewed the log.
    LogReviewed = "log_reviewed" "database" "access",
    /// A breach file was opened.
    BreachOpened = "breach_opened" "database" "creation",
    /// Something was added to a breach file.
    BreachChanged = "breach_changed" "database" "change",
    /// Pseudonyms were put in the place of personal fields.
    Pseudonymised = "pseudonymised" "database" "change",
    /// Two people asked together whom a pseudonym stands for, and were told.
    Reidentified = "reidentified" "database" "access",
    /// One person asked whom a pseudonym stands for, and waits for another.
    ReidentificationAsked = "reidentification_asked" "database" "info",
    /// Somebody ordered that personal fields leave the log, or give way to pseudonyms.
    ErasureOrdered = "erasure_ordered" "database" "info",
    /// Whole segments were deleted, their time being over; or personal fields, on somebody's order.
    Deleted = "deleted" "database" "deletion",
    /// Another key signs the log from now on.
    KeyChanged = "key_changed" "database" "change",
    /// The gateway started.
    Started = "started" "process" "start",
    /// The gateway stopped.
    Stopped = "stopped" "process" "end",
    /// On opening, the log held less or other than its head says.
    ChainDamaged = "chain_damaged" "database" "error",
    /// On opening, an unfinished tail was set aside.
    TailSetAside = "tail_set_aside" "database" "change",
    /// A network or a country began to flood an adaptive listener with what is rejected.
    FloodBegan = "flood_began" "intrusion_detection" "start",
    /// That flood is over; `count` says how many it was.
    FloodEnded = "flood_ended" "intrusion_detection" "end",
    /// Entries could not be kept; `count` says how many.
    EntriesLost = "entries_lost" "database" "error",
}

impl Action {
    /// The action with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// `event.outcome`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// `success`
    Success,
    /// `failure`
    Failure,
    /// `unknown`
    Unknown,
}

impl Outcome {
    pub(in super::super) fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

impl std::str::FromStr for Action {
    type Err = UnknownAction;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::from_word(word).ok_or(UnknownAction)
    }
}

/// Why a word is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such action")]
pub struct UnknownAction;

//! What happened: the content of an entry, before it has a place in a chain.
//!
//! PURE. Field names follow the Elastic Common Schema; `line` writes them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::facts::Facts;
use super::reference::Reference;
use crate::identifier::OrganizationId;

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
            pub(super) const fn category(self) -> &'static str {
                match self { $(Self::$variant => $category,)* }
            }

            /// `event.type` of the Elastic Common Schema.
            #[must_use]
            pub(super) const fn kind(self) -> &'static str {
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
    /// Its time was over.
    ExemptionEnded = "exemption_ended" "iam" "deletion",
    /// A local account was made.
    UserAdded = "user_added" "iam" "creation",
    /// A local account was changed (password, lock).
    UserChanged = "user_changed" "iam" "change",
    /// A local account was removed.
    UserRemoved = "user_removed" "iam" "deletion",
    /// A policy came into force.
    PolicyLoaded = "policy_loaded" "configuration" "change",
    /// A database came into use.
    DatabaseLoaded = "database_loaded" "configuration" "change",
    /// Somebody searched the log.
    LogSearched = "log_searched" "database" "access",
    /// Somebody exported the log.
    LogExported = "log_exported" "database" "access",
    /// Somebody reviewed the log.
    LogReviewed = "log_reviewed" "database" "access",
    /// Personal fields were removed.
    Pseudonymised = "pseudonymised" "database" "change",
    /// Whole segments were deleted, their time being over.
    Deleted = "deleted" "database" "deletion",
    /// The gateway started.
    Started = "started" "process" "start",
    /// The gateway stopped.
    Stopped = "stopped" "process" "end",
    /// On opening, the log held less or other than its head says.
    ChainDamaged = "chain_damaged" "database" "error",
    /// On opening, an unfinished tail was set aside.
    TailSetAside = "tail_set_aside" "database" "change",
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
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

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

/// The content of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// UUIDv7. Who appends an event twice (an outbox after a crash) can be told by it.
    #[serde(with = "as_text")]
    pub id: Uuid,
    /// When it happened; whole milliseconds.
    pub at: Timestamp,
    /// What happened.
    #[serde(with = "as_text")]
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// The verdict's reason, or a word that says why.
    pub reason: Option<String>,
    /// Milliseconds from the request to the answer's head, or to its end where `completed`.
    pub milliseconds: Option<u64>,
    /// Whose it is.
    pub organization: Option<String>,
    /// Who; each removable.
    #[serde(with = "personal_fields")]
    pub personal: PerField<String>,
    /// The country of the client.
    pub country: Option<String>,
    /// The subdivision of the client, without the country.
    pub region: Option<String>,
    /// The country that the client's network is registered in.
    pub registered_country: Option<String>,
    /// The client's autonomous system.
    pub as_number: Option<u32>,
    /// `http.request.method`
    pub method: Option<String>,
    /// `http.response.status_code`; none: no answer was given.
    pub status: Option<u16>,
    /// `url.domain`
    pub domain: Option<String>,
    /// `url.path`
    pub path: Option<String>,
    /// `url.query`, where the configuration keeps it.
    pub query: Option<String>,
    /// `rule.ruleset` and `rule.version`: the list and its version in force.
    pub rule: Option<(String, String)>,
    /// The site.
    pub site: Option<String>,
    /// The listener.
    pub listener: Option<String>,
    /// `allow`, `identify`, `deny`.
    pub verdict: Option<String>,
    /// Report-only: the reason for which it would have been rejected.
    pub would_be: Option<String>,
    /// What the client was told.
    pub reference: Option<String>,
    /// The travel exemption it is about, or that let it in.
    pub exemption: Option<String>,
    /// `enforce` or `report_only`.
    pub mode: Option<String>,
    /// When the database was built.
    pub database_built: Option<Timestamp>,
    /// How many equal events this entry stands for.
    pub count: u64,
    /// What else belongs to it. Never anything that says who somebody is: this enters the chain as
    /// it stands.
    pub details: BTreeMap<String, String>,
}

impl Event {
    /// An event of which nothing but the action is known.
    #[must_use]
    pub fn new(action: Action, at: Timestamp, random: [u8; 10]) -> Self {
        let milliseconds = at.as_millisecond();
        let since_epoch = u64::try_from(milliseconds).unwrap_or(0);
        Self {
            id: uuid::Builder::from_unix_timestamp_millis(since_epoch, &random).into_uuid(),
            at: Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH),
            action,
            outcome: Outcome::Success,
            reason: None,
            milliseconds: None,
            organization: None,
            personal: PerField::default(),
            country: None,
            region: None,
            registered_country: None,
            as_number: None,
            method: None,
            status: None,
            domain: None,
            path: None,
            query: None,
            rule: None,
            site: None,
            listener: None,
            verdict: None,
            would_be: None,
            reference: None,
            exemption: None,
            mode: None,
            database_built: None,
            count: 1,
            details: BTreeMap::new(),
        }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Why: a reason code or another single word.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// Whose it is.
    #[must_use]
    pub fn organization(mut self, organization: &OrganizationId) -> Self {
        self.organization = Some(organization.as_str().to_owned());
        self
    }

    /// Who did it.
    #[must_use]
    pub fn user(self, name: &str) -> Self {
        self.personal(Field::UserName, name)
    }

    /// Whom it was done to: the traveller, the account.
    #[must_use]
    pub fn target(self, name: &str) -> Self {
        self.personal(Field::UserTarget, name)
    }

    /// The operating-system user who gave the command.
    #[must_use]
    pub fn operating_system_user(self, name: &str) -> Self {
        self.personal(Field::UserEffective, name)
    }

    /// Puts a value into a personal field.
    #[must_use]
    pub fn personal(mut self, field: Field, value: &str) -> Self {
        self.personal.set(field, Some(value.to_owned()));
        self
    }

    /// The travel exemption it is about.
    #[must_use]
    pub fn exemption(mut self, id: &str) -> Self {
        self.exemption = Some(id.to_owned());
        self
    }

    /// What the client was told.
    #[must_use]
    pub fn reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference.to_string());
        self
    }

    /// The status that was answered.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Something else that belongs to it and says nothing of who somebody is.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.details.insert(key.to_owned(), value.to_string());
        self
    }

    /// What is known of the request it happened in.
    #[must_use]
    pub fn facts(mut self, facts: &Facts) -> Self {
        facts.describe(&mut self);
        self
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

mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &impl Display, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(d: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

mod personal_fields {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{Field, PerField};

    pub(super) fn serialize<S: Serializer>(
        personal: &PerField<String>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_map(Field::ALL.iter().filter_map(|&f| Some((f.path(), personal.get(f)?))))
    }

    pub(super) fn deserialize<'de, D>(d: D) -> Result<PerField<String>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let mut personal = PerField::default();
        for (path, value) in BTreeMap::<String, String>::deserialize(d)? {
            let field = Field::from_path(&path)
                .ok_or_else(|| D::Error::custom(format_args!("no personal field {path:?}")))?;
            personal.set(field, Some(value));
        }
        Ok(personal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_action() {
        for &action in Action::ALL {
            assert_eq!(Action::from_word(action.word()), Some(action));
        }
        assert_eq!(Action::from_word("nothing"), None);
        for field in Field::ALL {
            assert_eq!(Field::from_path(field.path()), Some(field));
        }
    }

    #[test]
    fn an_event_waits_in_an_outbox_as_json() {
        let at: Timestamp = "2026-11-22T03:11:51.123456Z".parse().unwrap();
        let event = Event::new(Action::ExemptionGranted, at, [7; 10])
            .user("karen@ballerup.dk")
            .target("anna@ballerup.dk")
            .operating_system_user("root")
            .exemption("TE-7K2M9D")
            .detail("legs", "CN 2026-12-01..2026-12-08");
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        assert_eq!(event.at.to_string(), "2026-11-22T03:11:51.123Z");
        assert_eq!(event.id.get_version_num(), 7);
        assert!(serde_json::from_str::<Event>(&json.replace("exemption_granted", "x")).is_err());
        assert!(serde_json::from_str::<Event>(&json.replace("user.name", "user.x")).is_err());
    }
}

//! What happened: the content of an entry, before it has a place in a chain.
//!
//! PURE. Field names follow the Elastic Common Schema; `line` writes them.

mod action;
mod personal;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

use super::facts::Facts;
use super::reference::Reference;
use crate::identifier::OrganizationId;

pub use action::{Action, Outcome, UnknownAction};
pub use personal::{Field, PerField};

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
    pub reason: Option<SmolStr>,
    /// Milliseconds from the request to the answer's head, or to its end where `completed`.
    pub milliseconds: Option<u64>,
    /// Whose it is.
    pub organization: Option<SmolStr>,
    /// Who; each removable.
    #[serde(with = "personal_fields")]
    pub personal: PerField<SmolStr>,
    /// The country of the client.
    pub country: Option<SmolStr>,
    /// The subdivision of the client, without the country.
    pub region: Option<SmolStr>,
    /// The country that the client's network is registered in.
    pub registered_country: Option<SmolStr>,
    /// The client's autonomous system.
    pub as_number: Option<u32>,
    /// `http.request.method`
    pub method: Option<SmolStr>,
    /// `http.response.status_code`; none: no answer was given.
    pub status: Option<u16>,
    /// `url.domain`
    pub domain: Option<SmolStr>,
    /// `url.path`
    pub path: Option<SmolStr>,
    /// `url.query`, where the configuration keeps it.
    pub query: Option<SmolStr>,
    /// `rule.ruleset` and `rule.version`: the list and its version in force.
    pub rule: Option<(SmolStr, SmolStr)>,
    /// The site.
    pub site: Option<SmolStr>,
    /// The listener.
    pub listener: Option<SmolStr>,
    /// `allow`, `identify`, `deny`.
    pub verdict: Option<SmolStr>,
    /// Report-only: the reason for which it would have been rejected.
    pub would_be: Option<SmolStr>,
    /// What the client was told.
    pub reference: Option<SmolStr>,
    /// The travel exemption it is about, or that let it in.
    pub exemption: Option<SmolStr>,
    /// `enforce` or `report_only`.
    pub mode: Option<SmolStr>,
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
        self.reason = Some(reason.into());
        self
    }

    /// Whose it is.
    #[must_use]
    pub fn organization(mut self, organization: &OrganizationId) -> Self {
        self.organization = Some(organization.into());
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
        self.personal.set(field, Some(value.into()));
        self
    }

    /// The travel exemption it is about.
    #[must_use]
    pub fn exemption(mut self, id: &str) -> Self {
        self.exemption = Some(id.into());
        self
    }

    /// What the client was told.
    #[must_use]
    pub fn reference(mut self, reference: Reference) -> Self {
        self.reference = Some(reference.short());
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

    use smol_str::SmolStr;

    use super::{Field, PerField};

    pub(super) fn serialize<S: Serializer>(
        personal: &PerField<SmolStr>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_map(Field::ALL.iter().filter_map(|&f| Some((f.path(), personal.get(f)?))))
    }

    pub(super) fn deserialize<'de, D>(d: D) -> Result<PerField<SmolStr>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let mut personal = PerField::default();
        for (path, value) in BTreeMap::<String, SmolStr>::deserialize(d)? {
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

//! Messages to travellers: what waits to be sent, who is sending it, what became of it; and where a
//! traveller is reached.
//!
//! Always holds: the same occasion makes one row for each channel, whichever node sees it first; a row
//! is sent by whoever holds its claim; what was sent or given up is never sent again by itself. After
//! a crash between sending and saying so the claim runs out and the message goes out once more,
//! under the same id.

mod claim;
mod contacts;
mod enqueue;
mod read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::identifier::OrganizationId;
use crate::language::Language;
use crate::mail_address::MailAddress;
use crate::policy::ExemptionId;

words! {
    /// What a message is about.
    NoticeKind {
        /// The application is here, or the grant waits for the second person.
        Received = "received",
        /// The journey is approved.
        Approved = "approved",
        /// The application is refused.
        Refused = "refused",
        /// The journey begins tomorrow.
        StartsTomorrow = "starts_tomorrow",
        /// The exemption ends tomorrow.
        EndsTomorrow = "ends_tomorrow",
        /// The exemption has ended.
        Ended = "ended",
        /// The exemption was taken back.
        Revoked = "revoked",
        /// The exemption was closed.
        Closed = "closed",
        /// It was used from a country where the traveller was not expected.
        UnexpectedCountry = "unexpected_country",
        /// The list changes for a country of the journey.
        ListChange = "list_change",
    }
}

words! {
    /// The way that a message takes.
    Channel {
        /// The private mailbox.
        Mail = "mail",
        /// A telephone, through a gateway that takes mail.
        Sms = "sms",
    }
}

words! {
    /// What became of a message.
    NoticeState {
        /// To be sent.
        Waiting = "waiting",
        /// The mail server has it.
        Sent = "sent",
        /// Given up; somebody should look at it.
        Failed = "failed",
        /// Not to be sent: nowhere to send it, or notices are switched off.
        Withheld = "withheld",
    }
}

/// Where a traveller is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// How the traveller is addressed.
    pub name: Option<String>,
    /// A private mailbox.
    pub mail: Option<MailAddress>,
    /// For people to call; no message goes there.
    pub telephone: Option<String>,
    /// An address whose mail becomes a text message.
    pub sms_mail: Option<MailAddress>,
    /// The language of the messages; none: the organisation's.
    pub language: Option<Language>,
}

impl Contact {
    /// Where a message of this channel goes.
    #[must_use]
    pub fn address(&self, channel: Channel) -> Option<&MailAddress> {
        match channel {
            Channel::Mail => self.mail.as_ref(),
            Channel::Sms => self.sms_mail.as_ref(),
        }
    }
}

/// What a message says beyond what the exemption itself does. Gone once the message has ended.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeDetails {
    /// Why, where somebody gave a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The territory that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// The instant that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Territories that a new version of the list adds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Territories that it takes off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// The travel link that it is to bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_wanted: Option<LinkWanted>,
    /// The travel link: a secret of the traveller's, made when the message is written and never kept.
    #[serde(skip)]
    pub link: Option<String>,
}

/// A travel link that a message is to bring. No secret: the link itself is made for the message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkWanted {
    /// What stands before its token.
    pub address: String,
    /// How many devices it binds, on each site.
    pub devices: i64,
    /// Until when.
    pub ends: Timestamp,
}

impl std::fmt::Debug for NoticeDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoticeDetails")
            .field("territory", &self.territory)
            .field("link", &self.link.as_ref().map(|_| "[secret]"))
            .finish_non_exhaustive()
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRecord {
    /// UUIDv7; the same in every attempt.
    pub id: String,
    /// The exemption.
    pub exemption: ExemptionId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it is about.
    pub kind: NoticeKind,
    /// What tells it from another of the same kind: a day, an instant, a list's version.
    pub occasion: String,
    /// The way it takes.
    pub channel: Channel,
    /// What it says.
    pub details: NoticeDetails,
    /// Grows with each message about the exemption.
    pub number: u32,
    /// When its cause came about.
    pub created: Timestamp,
    /// What became of it.
    pub state: NoticeState,
    /// When it is to be tried.
    pub due: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Until when somebody may be sending it.
    pub claimed_until: Timestamp,
    /// When it was sent or given up.
    pub ended: Option<Timestamp>,
    /// Why it was not sent, so far.
    pub problem: Option<String>,
    claim: String,
}

/// Why a message cannot be tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownNotice {
    /// There is none of that id that has failed.
    #[error("no failed notice has the id {0}; see `geovagt notices list --failed`")]
    NotFailed(String),
    /// The store failed.
    #[error("the notice could not be changed")]
    Store(#[from] super::StoreError),
}

#[cfg(test)]
pub(super) mod tests;

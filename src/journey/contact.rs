//! Where a traveller is reached, and what of it is changed.

use super::text::{TextFault, check_text};
use crate::language::Language;
use crate::mail_address::{InvalidMailAddress, MailAddress};
use crate::store::Contact;

/// A name or a telephone number has at most this many characters.
const LONGEST: usize = 100;

/// What is stated replaces what was known; an empty text takes it away.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stated<'a> {
    /// A private mailbox.
    pub(crate) mail: Option<&'a str>,
    /// An address whose mail becomes a text message.
    pub(crate) sms_mail: Option<&'a str>,
    /// For people to call.
    pub(crate) telephone: Option<&'a str>,
    /// How the traveller is addressed.
    pub(crate) name: Option<&'a str>,
    /// The language of the messages.
    pub(crate) language: Option<&'a str>,
}

/// Which part of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Mail,
    SmsMail,
    Telephone,
    Name,
}

impl Part {
    /// As the command line calls it.
    const fn flag(self) -> &'static str {
        match self {
            Self::Mail => "--mail",
            Self::SmsMail => "--sms-mail",
            Self::Telephone => "--telephone",
            Self::Name => "--name",
        }
    }
}

/// Why a part of it cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContactFault {
    /// No address.
    #[error("{} {typed:?}: {source}", part.flag())]
    Address {
        /// Which.
        part: Part,
        /// What was written.
        typed: String,
        /// Why.
        source: InvalidMailAddress,
    },
    /// No text.
    #[error("{} {fault}", part.flag())]
    Text {
        /// Which.
        part: Part,
        /// Why.
        fault: TextFault,
    },
    /// Neither language.
    #[error("--language {0:?} is neither da nor en")]
    Language(String),
}

/// The contact as it is to be, or everything that is wrong.
pub(crate) fn changed(before: Contact, stated: Stated<'_>) -> Result<Contact, Vec<ContactFault>> {
    let mut faults = Vec::new();
    let mut address = |part: Part, stated: Option<&str>, known: Option<MailAddress>| match stated
        .map(str::trim)
    {
        None => known,
        Some("") => None,
        Some(text) => MailAddress::parse(text)
            .map_err(|source| {
                faults.push(ContactFault::Address { part, typed: text.to_owned(), source });
            })
            .ok(),
    };
    let mail = address(Part::Mail, stated.mail, before.mail);
    let sms_mail = address(Part::SmsMail, stated.sms_mail, before.sms_mail);
    let mut text =
        |part: Part, stated: Option<&str>, known: Option<String>| match stated.map(str::trim) {
            None => known,
            Some("") => None,
            Some(text) => check_text(text, LONGEST)
                .map_err(|fault| faults.push(ContactFault::Text { part, fault }))
                .ok()
                .map(|()| text.to_owned()),
        };
    let telephone = text(Part::Telephone, stated.telephone, before.telephone);
    let name = text(Part::Name, stated.name, before.name);
    let language = match stated.language {
        None => before.language,
        Some("") => None,
        Some(tag) => {
            let language = Language::parse(tag);
            if language.is_none() {
                faults.push(ContactFault::Language(tag.to_owned()));
            }
            language
        }
    };
    if faults.is_empty() {
        Ok(Contact { name, mail, telephone, sms_mail, language })
    } else {
        Err(faults)
    }
}

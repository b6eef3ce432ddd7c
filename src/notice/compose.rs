//! From what happened to what the traveller reads. PURE.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{calendar, plain, wording};
use crate::config::Organization;
use crate::language::Language;
use crate::language::{Dates, last_minute};
use crate::policy::{Leg, TravelExemption};
use crate::store::{Channel, Contact, NoticeDetails, NoticeKind, NoticeRecord};
use crate::territory::Territory;

/// One notice, ready to be written: what happened, to which journey, for whom.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// What it is about.
    pub kind: NoticeKind,
    /// The journey.
    pub exemption: &'a TravelExemption,
    /// Whose it is.
    pub organization: &'a Organization,
    /// For whom.
    pub contact: &'a Contact,
    /// What else it says; among it the travel link, where there is one.
    pub details: &'a NoticeDetails,
    /// Its place among the exemption's notices.
    pub number: u32,
    /// When its cause came about.
    pub created: Timestamp,
}

/// What the traveller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Lines that end with `\n`.
    pub text: String,
    /// The journey for the traveller's calendar.
    pub calendar: Option<Calendar>,
    /// The language that it is in.
    pub language: Language,
}

/// An RFC 5545 file and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The file.
    pub content: String,
    /// `PUBLISH` or `CANCEL`.
    pub method: &'static str,
}

impl<'a> Notice<'a> {
    /// The notice that a record stands for.
    #[must_use]
    pub fn of(
        record: &'a NoticeRecord,
        exemption: &'a TravelExemption,
        organization: &'a Organization,
        contact: &'a Contact,
    ) -> Self {
        let (details, created) = (&record.details, record.created);
        let (kind, number) = (record.kind, record.number);
        Self { kind, exemption, organization, contact, details, number, created }
    }

    /// What is sent on this way. A text message is one line and carries nothing along.
    #[must_use]
    pub fn letter(&self, channel: Channel, organizer: &str) -> Letter {
        let language = self.language();
        match channel {
            Channel::Mail => {
                let (subject, text) = wording::long(self);
                Letter {
                    subject: plain(&subject),
                    text,
                    calendar: self.calendar(organizer),
                    language,
                }
            }
            Channel::Sms => Letter {
                subject: plain(&self.organization.name),
                text: wording::short(self) + "\n",
                calendar: None,
                language,
            },
        }
    }

    fn calendar(&self, organizer: &str) -> Option<Calendar> {
        let method = match self.kind {
            NoticeKind::Approved | NoticeKind::StartsTomorrow => "PUBLISH",
            NoticeKind::Revoked | NoticeKind::Closed => "CANCEL",
            NoticeKind::Received
            | NoticeKind::Refused
            | NoticeKind::EndsTomorrow
            | NoticeKind::Ended
            | NoticeKind::UnexpectedCountry
            | NoticeKind::ListChange => return None,
        };
        Some(Calendar { content: calendar::write(self, method, organizer), method })
    }

    pub(super) fn language(&self) -> Language {
        self.contact.language.unwrap_or(self.organization.language)
    }

    pub(super) fn zone(&self) -> &'a TimeZone {
        &self.organization.time_zone
    }

    pub(super) fn dates(&self) -> Dates<'a> {
        Dates { zone: self.zone(), language: self.language() }
    }

    /// `Anna`, where it is known.
    pub(super) fn first_name(&self) -> Option<String> {
        let name = plain(self.contact.name.as_deref()?);
        name.split(' ').next().filter(|name| !name.is_empty()).map(str::to_owned)
    }

    /// Every place of the journey once, in the order of travelling.
    pub(super) fn places(&self) -> String {
        let mut places: Vec<Territory> = Vec::new();
        for leg in &self.exemption.legs {
            for place in &leg.territories {
                if !places.contains(place) {
                    places.push(*place);
                }
            }
        }
        self.named(&places)
    }

    pub(super) fn places_of(&self, leg: &Leg) -> String {
        self.named(&leg.territories)
    }

    /// The names of codes, as far as they are any.
    pub(super) fn named_codes(&self, codes: &[String]) -> String {
        let places: Vec<Territory> =
            codes.iter().filter_map(|code| Territory::parse(code).ok()).collect();
        self.named(&places)
    }

    fn named(&self, places: &[Territory]) -> String {
        let language = self.language();
        self.listed(places.iter().map(|place| place.name(language).into_owned()))
    }

    pub(super) fn sites(&self) -> String {
        self.listed(self.exemption.sites.iter().map(ToString::to_string))
    }

    /// `a, b og c`
    fn listed(&self, parts: impl Iterator<Item = String>) -> String {
        let and = match self.language() {
            Language::Danish => " og ",
            Language::English => " and ",
        };
        let parts: Vec<String> = parts.collect();
        match parts.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, before)) => format!("{}{and}{last}", before.join(", ")),
            None => String::new(),
        }
    }

    pub(super) fn from(&self) -> Timestamp {
        self.exemption.journey().map_or(self.created, |(from, _)| from)
    }

    pub(super) fn until(&self) -> Timestamp {
        self.exemption.journey().map_or(self.created, |(_, until)| until)
    }

    /// The last minute that belongs to the journey.
    pub(super) fn last(&self) -> Timestamp {
        last_minute(self.until())
    }

    pub(super) fn case_number(&self) -> String {
        plain(&self.exemption.case_number)
    }

    pub(super) fn phone(&self) -> Option<String> {
        self.organization.contact.phone.as_deref().map(plain)
    }

    pub(super) fn reason(&self) -> Option<String> {
        self.details.reason.as_deref().map(plain).filter(|reason| !reason.is_empty())
    }

    /// The travel link, where it is one that can be clicked and nothing else.
    pub(super) fn link(&self) -> Option<&str> {
        let link = self.details.link.as_deref()?;
        let harmless = |c: char| c.is_ascii_graphic() && !"<>\"\\^`{|}".contains(c);
        (link.starts_with("https://") && link.chars().all(harmless)).then_some(link)
    }
}

//! What somebody looks for, as it stands in the address.
//!
//! Always holds: what cannot be read is told at its field and nothing is searched; the organisation
//! comes from the visitor alone.

use std::collections::BTreeSet;

use ipnet::IpNet;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::words::Words;
use crate::admin::Fields;
use crate::audit::{Action, Class, Reference};
use crate::identifier::OrganizationId;
use crate::language::Language;
use crate::policy::Reason;
use crate::store::log::{LogQuery, Organizations};
use crate::territory::{self, Territory};

/// The fields of the search, in the order of the form.
pub(crate) const FIELDS: [&str; 13] = [
    "reference",
    "span",
    "since",
    "until",
    "country",
    "site",
    "user",
    "client",
    "reason",
    "action",
    "verdict",
    "listener",
    "class",
];

/// The longest text of a field.
const LONGEST: usize = 256;

/// Something that cannot be read, at its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The field's name in the form.
    pub(crate) field: &'static str,
    /// What is wrong, and the way out.
    pub(crate) text: String,
}

/// Who reads, when, and in whose time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) organization: &'a OrganizationId,
    pub(crate) zone: &'a TimeZone,
    pub(crate) language: Language,
    pub(crate) now: Timestamp,
}

/// Reads the fields of a search. Where neither a time nor a reference is asked for, the last seven
/// days are meant.
pub(crate) fn read(fields: &Fields, reader: Reader<'_>) -> Result<LogQuery, Vec<FieldError>> {
    let mut reading =
        Reading { fields, reader, words: super::words::of(reader.language), errors: Vec::new() };
    let query = reading.query();
    if reading.errors.is_empty() { Ok(query) } else { Err(reading.errors) }
}

/// A day, or a day and a time, in a zone; or an instant. `end` counts a day to its end.
pub(crate) fn read_time(text: &str, zone: &TimeZone, end: bool) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if text.contains(['T', ' ']) {
        let civil: DateTime = text.replace(' ', "T").parse().ok()?;
        return civil.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    }
    let day: Date = text.parse().ok()?;
    let day = if end { day.checked_add(1.day()).ok()? } else { day };
    day.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

struct Reading<'a> {
    fields: &'a Fields,
    reader: Reader<'a>,
    words: &'static Words,
    errors: Vec<FieldError>,
}

impl Reading<'_> {
    fn query(&mut self) -> LogQuery {
        let only = BTreeSet::from([self.reader.organization.clone()]);
        let mut query = LogQuery::of(Organizations::These(only));
        let words = self.words;
        query.filter.reference =
            self.parsed("reference", words.bad_reference, |text| Reference::parse(text).ok());
        query.filter.client = self.parsed("client", words.bad_client, read_network);
        query.filter.country = self.country();
        query.filter.reason = self
            .parsed("reason", words.bad_choice, Reason::from_code)
            .map(|reason| reason.code().to_owned());
        query.filter.action = self.parsed("action", words.bad_choice, Action::from_word);
        query.filter.site = self.text("site");
        query.filter.user = self.text("user");
        query.listener = self.text("listener");
        query.verdict = self.parsed("verdict", words.bad_choice, |text| {
            matches!(text, "allow" | "identify" | "deny").then(|| text.to_owned())
        });
        query.class = self.parsed("class", words.bad_choice, |text| {
            Class::ALL.into_iter().find(|class| class.word() == text)
        });
        (query.filter.since, query.filter.until) = self.span(query.filter.reference.is_some());
        query
    }

    fn span(&mut self, has_reference: bool) -> (Option<Timestamp>, Option<Timestamp>) {
        let (zone, words) = (self.reader.zone, self.words);
        let since = self.parsed("since", words.bad_time, |text| read_time(text, zone, false));
        let until = self.parsed("until", words.bad_time, |text| read_time(text, zone, true));
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            self.wrong("until", words.until_before_since);
        }
        if since.is_some() || until.is_some() {
            return (since, until);
        }
        let length = self.parsed("span", words.bad_choice, span_length).flatten();
        let asked = self.fields.given("span").is_some();
        match (length, asked || has_reference) {
            (Some(length), _) => (self.reader.now.checked_sub(length).ok(), None),
            (None, true) => (None, None),
            (None, false) => (self.reader.now.checked_sub(DEFAULT_SPAN).ok(), None),
        }
    }

    fn country(&mut self) -> Option<Territory> {
        let text = self.text("country")?;
        match territory::find(&text) {
            Ok(found) => Some(found),
            Err(unknown) => {
                let nearest: Vec<String> = unknown
                    .nearest
                    .iter()
                    .map(|one| one.name(self.reader.language).into_owned())
                    .collect();
                let text = super::words::unknown_country(&nearest, self.reader.language);
                self.errors.push(FieldError { field: "country", text });
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        field: &'static str,
        wrong: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(field)?;
        let found = read(&text);
        if found.is_none() {
            self.wrong(field, wrong);
        }
        found
    }

    fn text(&mut self, field: &'static str) -> Option<String> {
        let text = self.fields.given(field)?.to_owned();
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            self.wrong(field, self.words.bad_text);
            return None;
        }
        Some(text)
    }

    fn wrong(&mut self, field: &'static str, text: &str) {
        self.errors.push(FieldError { field, text: text.to_owned() });
    }
}

const DEFAULT_SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// `all` has no length.
#[expect(clippy::option_option, reason = "no such span, and one without an end")]
fn span_length(word: &str) -> Option<Option<SignedDuration>> {
    let hours = match word {
        "1h" => 1,
        "24h" => 24,
        "7d" => 7 * 24,
        "30d" => 30 * 24,
        "all" => return Some(None),
        _ => return None,
    };
    Some(Some(SignedDuration::from_hours(hours)))
}

fn read_network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok();
    network.or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str) -> Result<LogQuery, Vec<FieldError>> {
        let organization = OrganizationId::parse("ballerup").unwrap();
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let reader = Reader {
            organization: &organization,
            zone: &zone,
            language: Language::Danish,
            now: "2026-11-22T12:00:00Z".parse().unwrap(),
        };
        read(&Fields::read(query.as_bytes()), reader)
    }

    #[test]
    fn every_field_reaches_the_query() {
        let query = search(
            "reference=k7qx2m9d&since=2026-11-20&until=2026-11-21T08:30&country=Kina&site=kilden\
             &user=anna&client=203.0.113.9&reason=country_listed&action=denied&verdict=deny\
             &listener=web&class=denied",
        )
        .unwrap();
        let filter = &query.filter;
        assert_eq!(filter.reference.unwrap().to_string(), "K7QX-2M9D");
        assert_eq!(filter.since.unwrap().to_string(), "2026-11-19T23:00:00Z");
        assert_eq!(filter.until.unwrap().to_string(), "2026-11-21T07:30:00Z");
        assert_eq!(filter.country.unwrap().to_string(), "CN");
        assert_eq!(
            (filter.site.as_deref(), filter.user.as_deref()),
            (Some("kilden"), Some("anna"))
        );
        assert_eq!(filter.client.unwrap().to_string(), "203.0.113.9/32");
        assert_eq!(filter.reason.as_deref(), Some("country_listed"));
        assert_eq!(filter.action, Some(Action::Denied));
        assert_eq!(
            (query.verdict.as_deref(), query.listener.as_deref()),
            (Some("deny"), Some("web"))
        );
        assert_eq!(query.class, Some(Class::Denied));
    }

    #[test]
    fn whatever_is_asked_it_is_of_the_visitors_organisation() {
        let query = search("organization=other&organizations=All").unwrap();
        let only = BTreeSet::from([OrganizationId::parse("ballerup").unwrap()]);
        assert_eq!(query.organizations, Organizations::These(only));
    }

    #[test]
    fn seven_days_are_meant_where_no_time_is_named() {
        let since = |query| search(query).unwrap().filter.since.map(|at| at.to_string());
        assert_eq!(since("").as_deref(), Some("2026-11-15T12:00:00Z"));
        assert_eq!(since("span=1h").as_deref(), Some("2026-11-22T11:00:00Z"));
        assert_eq!(since("span=all"), None);
        assert_eq!(since("reference=K7QX-2M9D"), None, "a reference is found however old");
        assert_eq!(since("span=1h&until=2026-11-01"), None);
    }

    #[test]
    fn a_day_counts_to_its_end_also_where_the_clocks_change() {
        let until = |query| search(query).unwrap().filter.until.unwrap().to_string();
        assert_eq!(until("until=2026-11-21"), "2026-11-21T23:00:00Z");
        assert_eq!(until("until=2026-10-25"), "2026-10-25T23:00:00Z");
        assert_eq!(until("until=2026-10-24"), "2026-10-24T22:00:00Z");
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_field() {
        for (query, field) in [
            ("since=i+g%C3%A5r", "since"),
            ("since=2026-02-30", "since"),
            ("until=99999-01-01", "until"),
            ("since=2026-11-22&until=2026-11-20", "until"),
            ("span=9h", "span"),
            ("reference=123", "reference"),
            ("client=300.1.1.1", "client"),
            ("client=203.0.113.0/33", "client"),
            ("country=Kinax", "country"),
            ("reason=because", "reason"),
            ("action=explode", "action"),
            ("verdict=maybe", "verdict"),
            ("class=all", "class"),
            ("user=a%00b", "user"),
            ("site=a%0Ab", "site"),
        ] {
            let errors = search(query).unwrap_err();
            assert_eq!(errors.iter().map(|e| e.field).collect::<Vec<_>>(), [field], "{query}");
        }
        let long = format!("user={}", "x".repeat(257));
        assert_eq!(search(&long).unwrap_err().len(), 1);
        let text = &search("country=Kinax").unwrap_err()[0].text;
        assert!(text.contains("Kina"), "the nearest is named: {text}");
        assert_eq!(search("since=x&until=y&client=z").unwrap_err().len(), 3, "all at once");
    }
}

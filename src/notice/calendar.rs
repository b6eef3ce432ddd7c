//! The journey as a calendar file (RFC 5545, RFC 5546). PURE.
//!
//! Always holds: the same leg has the same UID in every file, and a later file a higher SEQUENCE, so
//! that a calendar replaces what it has; lines end with CRLF and are at most 75 octets long.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::compose::Notice;
use super::plain;
use crate::language::Language;
use crate::language::last_minute;
use crate::policy::Leg;

/// Writes every leg of the notice's journey. `method` is `PUBLISH` or `CANCEL`; `organizer` a mail
/// address.
#[must_use]
pub fn write(notice: &Notice<'_>, method: &str, organizer: &str) -> String {
    let mut file = File::default();
    for (name, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//geovagt//geovagt//DA"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", method),
    ] {
        file.line(name, value);
    }
    let zone = Zone::of(notice);
    zone.write(&mut file);
    for (position, leg) in (1_u32..).zip(&notice.exemption.legs) {
        event(&mut file, notice, (position, leg), &zone, (method, organizer));
    }
    file.line("END", "VCALENDAR");
    file.text
}

fn event(
    file: &mut File,
    notice: &Notice<'_>,
    (position, leg): (u32, &Leg),
    zone: &Zone<'_>,
    (method, organizer): (&str, &str),
) {
    let exemption = notice.exemption;
    let organization = plain(&notice.organization.name);
    let places = notice.places_of(leg);
    let sites = notice.sites();
    let (summary, description) = match notice.language() {
        Language::Danish => (
            format!("Rejseundtagelse: {places}"),
            format!("Adgang til {sites} fra {places}. Sagsnr. {}", notice.case_number()),
        ),
        Language::English => (
            format!("Travel exemption: {places}"),
            format!("Access to {sites} from {places}. Case no. {}", notice.case_number()),
        ),
    };
    let cancelled = method == "CANCEL";
    file.line("BEGIN", "VEVENT");
    file.line("UID", &format!("{}-{position}@{}.geovagt", exemption.id, exemption.organization));
    file.line("SEQUENCE", &notice.number.to_string());
    file.line("DTSTAMP", &utc(notice.created));
    file.line(&format!("DTSTART{}", zone.parameter()), &zone.local(leg.from));
    file.line(&format!("DTEND{}", zone.parameter()), &zone.local(leg.until));
    file.line("SUMMARY", &escaped(&summary));
    file.line("DESCRIPTION", &escaped(&description));
    file.line("LOCATION", &escaped(&places));
    file.line(&format!("ORGANIZER;CN={}", quoted(&organization)), &format!("mailto:{organizer}"));
    file.line("STATUS", if cancelled { "CANCELLED" } else { "CONFIRMED" });
    file.line("CLASS", "PRIVATE");
    file.line("TRANSP", "TRANSPARENT");
    file.line("END", "VEVENT");
}

/// The organisation's time zone, with its changes during the journey.
struct Zone<'a> {
    zone: &'a TimeZone,
    /// None: instants stand in UTC.
    name: Option<&'a str>,
    from: Timestamp,
    until: Timestamp,
}

impl<'a> Zone<'a> {
    fn of(notice: &Notice<'a>) -> Self {
        let zone = notice.zone();
        let name = zone.iana_name().filter(|name| *name != "UTC");
        Self { zone, name, from: notice.from(), until: notice.until() }
    }

    fn parameter(&self) -> String {
        self.name.map(|name| format!(";TZID={name}")).unwrap_or_default()
    }

    fn local(&self, at: Timestamp) -> String {
        match self.name {
            Some(_) => self.zone.to_datetime(at).strftime("%Y%m%dT%H%M%S").to_string(),
            None => utc(at),
        }
    }

    /// RFC 5545 section 3.6.5: each stretch between two changes as an observance of its own, from the
    /// one in which the journey begins to the one in which it ends.
    fn write(&self, file: &mut File) {
        let Some(name) = self.name else { return };
        file.line("BEGIN", "VTIMEZONE");
        file.line("TZID", name);
        let after = |at: Timestamp| at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at);
        let before = self.zone.preceding(after(self.from)).next().map(|change| change.timestamp());
        let during = self.zone.following(self.from).map(|change| change.timestamp());
        let changes = before.into_iter().chain(during.take_while(|at| *at <= self.until));
        let mut any = false;
        for at in changes {
            any = true;
            self.observance(file, at);
        }
        if !any {
            // A zone without any change before.
            self.observance(file, Timestamp::UNIX_EPOCH);
        }
        file.line("END", "VTIMEZONE");
    }

    fn observance(&self, file: &mut File, at: Timestamp) {
        let earlier = self.zone.to_offset_info(last_minute(at));
        let now = self.zone.to_offset_info(at);
        let kind = if now.dst().is_dst() { "DAYLIGHT" } else { "STANDARD" };
        let start = earlier.offset().to_datetime(at).strftime("%Y%m%dT%H%M%S").to_string();
        file.line("BEGIN", kind);
        file.line("DTSTART", &start);
        file.line("TZOFFSETFROM", &offset(earlier.offset()));
        file.line("TZOFFSETTO", &offset(now.offset()));
        file.line("TZNAME", &escaped(now.abbreviation()));
        file.line("END", kind);
    }
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `+0100`; with seconds where a zone of long ago has some.
fn offset(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if seconds == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{seconds:02}")
    }
}

/// RFC 5545 section 3.3.11.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if matches!(c, '\\' | ';' | ',') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// RFC 5545 section 3.2: a quoted parameter value holds no quote.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "'"))
}

#[derive(Default)]
struct File {
    text: String,
}

impl File {
    /// RFC 5545 section 3.1: folded at 75 octets, never inside a character.
    fn line(&mut self, name: &str, value: &str) {
        const LONGEST: usize = 75;
        let mut width = 0;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if width + c.len_utf8() > LONGEST {
                self.text.push_str("\r\n ");
                width = 1;
            }
            self.text.push(c);
            width += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::fixture::{anna, at, journey, notice, organization};
    use crate::store::{NoticeDetails, NoticeKind};
    use proptest::prelude::*;

    fn file(legs: &[&str], municipality: &str, kind: NoticeKind) -> String {
        let (exemption, organization) = (journey(legs), organization(municipality));
        let (contact, details) = (anna(Language::Danish), NoticeDetails::default());
        let notice = notice(kind, &exemption, &organization, &contact, &details);
        write(&notice, "PUBLISH", "rejser@example.dk")
    }

    fn unfolded(file: &str) -> Vec<String> {
        file.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_journey_over_the_change_of_time_carries_both_observances() {
        let lines =
            unfolded(&file(&["CN 2027-03-20..2027-03-30"], "ballerup", NoticeKind::Approved));
        let expected = [
            "BEGIN:VTIMEZONE",
            "TZID:Europe/Copenhagen",
            "BEGIN:STANDARD",
            "DTSTART:20261025T030000",
            "TZOFFSETFROM:+0200",
            "TZOFFSETTO:+0100",
            "TZNAME:CET",
            "END:STANDARD",
            "BEGIN:DAYLIGHT",
            "DTSTART:20270328T020000",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:+0200",
            "TZNAME:CEST",
            "END:DAYLIGHT",
            "END:VTIMEZONE",
        ];
        assert_eq!(&lines[5..20], expected, "{lines:#?}");
        assert!(lines.contains(&"DTSTART;TZID=Europe/Copenhagen:20270320T000000".to_owned()));
        assert!(lines.contains(&"DTEND;TZID=Europe/Copenhagen:20270331T000000".to_owned()));
        assert!(lines.contains(&"SEQUENCE:3".to_owned()), "{lines:#?}");
        assert!(lines.contains(&"UID:TE-7K2M9D-1@ballerup.geovagt".to_owned()), "{lines:#?}");
    }

    #[test]
    fn lines_are_folded_and_texts_escaped() {
        let file =
            file(&["CN,HK,MO,RU,BY 2026-12-01..2026-12-08"], "ballerup", NoticeKind::Approved);
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        assert!(file.ends_with("END:VCALENDAR\r\n"));
        let summary = unfolded(&file).into_iter().find(|line| line.starts_with("SUMMARY")).unwrap();
        assert!(summary.contains("\\, "), "{summary}");
        assert_eq!(escaped("a,b;c\\d\r\nEND:VEVENT"), "a\\,b\\;c\\\\d END:VEVENT");
        assert_eq!(quoted("A \"B\" C"), "\"A 'B' C\"");
        assert_eq!(at("2026-12-01T00:00:00Z").to_string(), "2026-12-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn a_line_folds_and_unfolds_to_itself(value in "\\PC{0,300}") {
            let mut file = File::default();
            file.line("SUMMARY", &value);
            prop_assert!(file.text.split("\r\n").all(|line| line.len() <= 75));
            let unfolded = file.text.replace("\r\n ", "");
            prop_assert_eq!(unfolded, format!("SUMMARY:{}\r\n", value));
        }
    }
}

//! What somebody typed of a journey, in a form, a row of a file or a call, and what it says.
//!
//! PURE. Always holds: whatever was typed is kept as it was typed, so that a page can show it again.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::admin::Fields;
use crate::journey::Trouble;
use crate::policy::{InvalidLeg, Leg, MAXIMUM_TERRITORIES};
use crate::territory::{self, Territory};

/// A form has room for so many legs.
pub(crate) const LEGS: usize = 4;

/// A journey as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The name of whoever travels.
    pub(crate) who: String,
    /// The person who was chosen among several, as [`super::people::key`] writes it.
    pub(crate) person: String,
    /// Where and when.
    pub(crate) legs: Vec<TypedLeg>,
    /// The names of the systems.
    pub(crate) sites: Vec<String>,
    /// Why.
    pub(crate) purpose: String,
    /// The case.
    pub(crate) case: String,
    /// What is taken along, with a comma or a new line between two.
    pub(crate) devices: String,
    /// Where the traveller is called.
    pub(crate) telephone: String,
    /// A private mailbox.
    pub(crate) mail: String,
}

/// One leg as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TypedLeg {
    /// The names or codes of countries.
    pub(crate) places: String,
    /// The first day.
    pub(crate) from: String,
    /// The last day.
    pub(crate) until: String,
}

impl TypedLeg {
    fn is_empty(&self) -> bool {
        self.places.is_empty() && self.from.is_empty() && self.until.is_empty()
    }
}

impl Typed {
    /// What a form sent.
    pub(crate) fn read(fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).to_owned();
        let leg = |number: usize| TypedLeg {
            places: text(&format!("places-{number}")),
            from: text(&format!("from-{number}")),
            until: text(&format!("until-{number}")),
        };
        Self {
            who: text("who"),
            person: text("person"),
            legs: (1..=LEGS).map(leg).collect(),
            sites: fields.all("site").map(str::to_owned).collect(),
            purpose: text("purpose"),
            case: text("case"),
            devices: text("devices"),
            telephone: text("telephone"),
            mail: text("mail"),
        }
    }

    /// The devices, each for itself.
    pub(crate) fn devices(&self) -> Vec<String> {
        let parts = self.devices.split([',', ';', '\n']).map(str::trim);
        parts.filter(|device| !device.is_empty()).map(str::to_owned).collect()
    }

    /// The legs in days of a time zone, or what cannot be read of them. The number of a leg is its
    /// place in the form.
    pub(crate) fn legs(&self, zone: &TimeZone) -> Vec<Result<Leg, Trouble>> {
        let typed = (1..).zip(&self.legs).filter(|(_, leg)| !leg.is_empty());
        typed.flat_map(|(number, leg)| read_leg(number, leg, zone)).collect()
    }

    /// The fields as a form sends them, for a page that carries them on.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut fields = vec![
            own("who", &self.who),
            own("person", &self.person),
            own("purpose", &self.purpose),
            own("case", &self.case),
            own("devices", &self.devices),
            own("telephone", &self.telephone),
            own("mail", &self.mail),
        ];
        for (number, leg) in (1..).zip(&self.legs) {
            fields.push((format!("places-{number}"), leg.places.clone()));
            fields.push((format!("from-{number}"), leg.from.clone()));
            fields.push((format!("until-{number}"), leg.until.clone()));
        }
        fields.extend(self.sites.iter().map(|site| own("site", site)));
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }
}

/// The leg, or everything about it that cannot be read.
fn read_leg(number: usize, typed: &TypedLeg, zone: &TimeZone) -> Vec<Result<Leg, Trouble>> {
    let mut troubles = Vec::new();
    let mut territories = Vec::new();
    for found in places(&typed.places) {
        match found {
            Ok(territory) => territories.push(territory),
            Err(source) => troubles.push(Trouble::Country { number, source }),
        }
    }
    territories.sort_unstable();
    territories.dedup();
    let mut day = |text: &str, end: bool| {
        let read = read_date(text);
        if read.is_none() {
            troubles.push(Trouble::Day { number, end, typed: text.chars().take(40).collect() });
        }
        read
    };
    let (from, until) = (day(&typed.from, false), day(&typed.until, true));
    let span = from.zip(until).map(|(from, until)| Leg::of_days(territories, (from, until), zone));
    match span {
        Some(Ok(leg)) if troubles.is_empty() => return vec![Ok(leg)],
        Some(Err(source)) => troubles.push(Trouble::Leg { number, source }),
        Some(Ok(_)) | None => {}
    }
    troubles.into_iter().map(Err).collect()
}

/// The countries of a text: one name, or several with a comma or semicolon between two.
fn places(text: &str) -> Vec<Result<Territory, territory::NotFound>> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    // "Korea, Republic of" is one country.
    if let Ok(one) = territory::find(text) {
        return vec![Ok(one)];
    }
    let parts = text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts.take(MAXIMUM_TERRITORIES + 1).map(territory::find).collect()
}

/// A day as browsers send it, or as people write it here: `2026-12-01`, `1.12.2026`, `01/12-2026`.
pub(crate) fn read_date(text: &str) -> Option<Date> {
    let parts: Vec<&str> =
        text.trim().split(['-', '.', '/', ' ']).filter(|p| !p.is_empty()).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    if !parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let (year, day) = if first.len() == 4 { (first, third) } else { (third, first) };
    if year.len() != 4 || second.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(year.parse().ok()?, second.parse().ok()?, day.parse().ok()?).ok()
}

/// Why an end cannot be read.
pub(crate) fn no_day(text: &str) -> InvalidLeg {
    InvalidLeg::Instant(text.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_browsers_and_people_write_them() {
        let day = "2026-12-01".parse().ok();
        for text in ["2026-12-01", "1.12.2026", "01.12.2026", "1/12-2026", "1. 12. 2026"] {
            assert_eq!(read_date(text), day, "{text}");
        }
        for text in
            ["", "1.12.26", "31.11.2026", "2026-12", "i morgen", "2026-12-01T08:00", "1.12.2026.1"]
        {
            assert_eq!(read_date(text), None, "{text}");
        }
    }

    #[test]
    fn countries_are_names_or_codes_in_either_language() {
        let codes = |text: &str| {
            places(text)
                .into_iter()
                .map(|p| p.map(|t| t.to_string()).map_err(|e| e.text))
                .collect::<Vec<_>>()
        };
        let ok = |codes: &[&str]| codes.iter().map(|c| Ok((*c).to_owned())).collect::<Vec<_>>();
        assert_eq!(codes("Kina, hong kong; TH"), ok(&["CN", "HK", "TH"]));
        assert_eq!(codes("Korea, Republic of"), ok(&["KR"]));
        assert_eq!(codes(" "), ok(&[]));
        assert_eq!(codes("Kinesien"), [Err("Kinesien".to_owned())]);
    }

    #[test]
    fn what_cannot_be_read_is_told_of_the_leg_it_stands_in() {
        let leg = |places: &str, from: &str, until: &str| TypedLeg {
            places: places.into(),
            from: from.into(),
            until: until.into(),
        };
        let typed = Typed {
            legs: vec![
                leg("Kina", "2026-12-01", "2026-12-08"),
                TypedLeg::default(),
                leg("Kinesien", "i morgen", ""),
            ],
            ..Typed::default()
        };
        let read = typed.legs(&TimeZone::UTC);
        assert_eq!(read.iter().filter(|leg| leg.is_ok()).count(), 1);
        let told: Vec<String> =
            read.iter().filter_map(|leg| leg.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|text| text.starts_with("leg 3: ")), "{told:?}");
    }
}

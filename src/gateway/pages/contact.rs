//! Whom the page tells people to call.

use super::wording::{possessive, zone_name};
use crate::config::Organization;
use crate::language::Language;

/// What `contact.html` shows.
pub(super) struct ContactView<'a> {
    pub(super) organization: &'a str,
    pub(super) organization_possessive: String,
    pub(super) phone: Option<Phone<'a>>,
    pub(super) email: Option<&'a str>,
    pub(super) hours: Option<String>,
    pub(super) zone: String,
}

/// A telephone number.
pub(super) struct Phone<'a> {
    /// As written in the configuration.
    pub(super) shown: &'a str,
    /// For `tel:` (RFC 3966): the digits and a leading plus.
    pub(super) dialled: String,
}

impl<'a> ContactView<'a> {
    pub(super) fn of(organization: &'a Organization, language: Language) -> Self {
        let contact = &organization.contact;
        Self {
            organization: &organization.name,
            organization_possessive: possessive(&organization.name, language),
            phone: contact.phone.as_deref().and_then(Phone::read),
            email: text(contact.email.as_deref()),
            hours: text(contact.hours.as_deref()).map(|hours| shown_hours(hours, language)),
            zone: zone_name(&organization.time_zone, language),
        }
    }
}

impl<'a> Phone<'a> {
    /// `None` where no digit stands in it: a button that dials nothing helps nobody.
    fn read(shown: &'a str) -> Option<Self> {
        let shown = shown.trim();
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        let plus = if shown.starts_with('+') { "+" } else { "" };
        (!digits.is_empty()).then(|| Self { shown, dialled: format!("{plus}{digits}") })
    }
}

/// `kl. 8-15`, where the configuration says `8-15`; `man-fre 8-15` stays as it is.
fn shown_hours(hours: &str, language: Language) -> String {
    match language {
        Language::Danish if hours.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("kl. {hours}")
        }
        _ => hours.to_owned(),
    }
}

fn text(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_dialled_without_what_makes_it_readable() {
        let dialled = |shown| Phone::read(shown).map(|phone| phone.dialled);
        assert_eq!(dialled("+45 00 00 00 00").as_deref(), Some("+4500000000"));
        assert_eq!(dialled("00 00 00 00 (lokal 5)").as_deref(), Some("000000005"));
        assert_eq!(dialled("javascript:alert"), None);
        assert_eq!(dialled(" "), None);
    }
}

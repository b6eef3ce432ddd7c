//! What one record says, in either layout.

use std::collections::HashMap;

use maxminddb::LookupResult;
use serde::de::IgnoredAny;

use super::error::Problem;
use crate::territory::{Country, Subdivision};

/// The place that a record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) country: Country,
    pub(super) subdivision: Option<Subdivision>,
    pub(super) registered_country: Option<Country>,
}

/// The fields that are read; MaxMind's nested layout, and the flat one of `country_code`.
#[derive(serde::Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    country: Option<Entity<'a>>,
    #[serde(borrow, default)]
    country_code: Option<&'a str>,
    #[serde(borrow, default)]
    registered_country: Option<Entity<'a>>,
    #[serde(borrow, default)]
    subdivisions: Vec<Entity<'a>>,
}

#[derive(serde::Deserialize)]
struct Entity<'a> {
    #[serde(borrow, default)]
    iso_code: Option<&'a str>,
    #[serde(borrow, default)]
    names: Option<Names<'a>>,
    #[serde(default)]
    geoname_id: Option<IgnoredAny>,
}

#[derive(serde::Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    en: Option<&'a str>,
}

/// Which layouts were met, and each distinct place once.
#[derive(Debug, Default)]
pub(super) struct Places {
    numbers: HashMap<Place, u32>,
    pub(super) list: Vec<Place>,
    pub(super) nested: bool,
    pub(super) flat: bool,
}

impl Places {
    /// The number of the place that a record names, counted from zero; `None` where the record
    /// names no country.
    pub(super) fn number_of(
        &mut self,
        found: &LookupResult<'_, &[u8]>,
    ) -> Result<Option<u32>, Problem> {
        let record = found.decode::<Record<'_>>().map_err(|e| unreadable(&e))?;
        let Some(record) = record else { return Ok(None) };
        self.nested |= record.country.as_ref().is_some_and(|c| c.iso_code.is_some());
        self.flat |= record.country_code.is_some();
        let Some(place) = place_of(&record)? else { return Ok(None) };
        let next =
            u32::try_from(self.list.len()).map_err(|_| Problem::damaged("too many places"))?;
        let number = *self.numbers.entry(place).or_insert(next);
        if number == next {
            self.list.push(place);
        }
        Ok(Some(number))
    }
}

pub(super) fn unreadable(error: &maxminddb::MaxMindDbError) -> Problem {
    Problem::Damaged(format!("a record cannot be read: {error}"))
}

/// Decided on `country`; only where there is none on the country that the network is registered in.
fn place_of(record: &Record<'_>) -> Result<Option<Place>, Problem> {
    let entities = record.country.iter().chain(&record.registered_country);
    if entities.chain(&record.subdivisions).any(Entity::is_empty) {
        return Err(Problem::damaged("a record's country is empty"));
    }
    let code = |entity: &Option<Entity<'_>>| country(entity.as_ref().and_then(|e| e.iso_code));
    let registered_country = code(&record.registered_country)?;
    let located = code(&record.country)?.or(country(record.country_code)?);
    let Some(country) = located.or(registered_country) else { return Ok(None) };
    let first = record.subdivisions.first().filter(|_| located.is_some());
    let subdivision = first.and_then(|first| subdivision(country, first));
    Ok(Some(Place { country, subdivision, registered_country }))
}

impl Entity<'_> {
    /// No writer makes an entity of nothing; a hole of zeros does.
    fn is_empty(&self) -> bool {
        self.iso_code.is_none() && self.names.is_none() && self.geoname_id.is_none()
    }
}

/// The codes with which databases say that they do not know; `EU` and `AP` were "somewhere there".
fn country(code: Option<&str>) -> Result<Option<Country>, Problem> {
    match code {
        None | Some("" | "-" | "ZZ" | "XX" | "EU" | "AP") => Ok(None),
        Some(code) => Country::parse(code)
            .map(Some)
            .map_err(|_| Problem::Damaged(format!("{code:?} is no country code"))),
    }
}

/// `CE`, `RU-CE`, or a name where the database has no code (DB-IP Lite).
fn subdivision(country: Country, entity: &Entity<'_>) -> Option<Subdivision> {
    if let Some(code) = entity.iso_code.filter(|code| !code.is_empty()) {
        let own = code
            .split_once('-')
            .filter(|(prefix, _)| prefix.eq_ignore_ascii_case(country.as_str()))
            .map_or(code, |(_, own)| own);
        return Subdivision::parse(own).ok();
    }
    let name = entity.names.as_ref()?.en?;
    let chechnya =
        ["Chechnya", "Chechen Republic", "Chechenskaya Respublika", "Chechen", "Chechnia"];
    if country.as_str() == "RU" && chechnya.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Subdivision::parse("CE").ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity<'a>(iso_code: Option<&'a str>, name: Option<&'a str>) -> Entity<'a> {
        Entity { iso_code, names: name.map(|en| Names { en: Some(en) }), geoname_id: None }
    }

    fn read(record: &Record<'_>) -> String {
        match place_of(record) {
            Err(problem) => problem.to_string(),
            Ok(None) => "none".into(),
            Ok(Some(place)) => {
                let subdivision = place.subdivision.map(|s| format!("-{s}")).unwrap_or_default();
                let registered = place.registered_country.map(|c| format!(" ({c})"));
                format!("{}{subdivision}{}", place.country, registered.unwrap_or_default())
            }
        }
    }

    fn nested<'a>(country: Option<&'a str>, registered: Option<&'a str>) -> Record<'a> {
        Record {
            country: country.map(|c| entity(Some(c), None)),
            country_code: None,
            registered_country: registered.map(|c| entity(Some(c), None)),
            subdivisions: vec![],
        }
    }

    #[test]
    fn the_country_decides_and_the_registration_only_where_there_is_none() {
        assert_eq!(read(&nested(Some("CN"), Some("US"))), "CN (US)");
        assert_eq!(read(&nested(None, Some("US"))), "US (US)");
        assert_eq!(read(&nested(Some("dk"), None)), "DK");
        assert_eq!(read(&nested(None, None)), "none");
        for unknown in ["", "-", "ZZ", "XX", "EU", "AP"] {
            assert_eq!(read(&nested(Some(unknown), None)), "none");
        }
        let flat = Record { country_code: Some("CN"), ..nested(None, None) };
        assert_eq!(read(&flat), "CN");
    }

    #[test]
    fn what_no_database_says_is_damage() {
        for code in ["C", "CHN", "C1", "\u{1}\u{2}", "Danmark"] {
            assert!(read(&nested(Some(code), None)).contains("is no country code"), "{code:?}");
            assert!(read(&nested(Some("DK"), Some(code))).contains("is no country code"));
        }
        let hole = Record { country: Some(entity(None, None)), ..nested(None, Some("DK")) };
        assert!(read(&hole).contains("is empty"));
    }

    #[test]
    fn a_subdivision_is_read_by_code_or_by_name() {
        let at = |country, entity| {
            read(&Record { subdivisions: vec![entity], ..nested(Some(country), None) })
        };
        assert_eq!(at("RU", entity(Some("CE"), None)), "RU-CE");
        assert_eq!(at("RU", entity(Some("ru-ce"), None)), "RU-CE");
        assert_eq!(at("RU", entity(Some("MOW"), Some("Chechnya"))), "RU-MOW");
        for name in ["Chechnya", "Chechen Republic", "chechenskaya respublika"] {
            assert_eq!(at("RU", entity(None, Some(name))), "RU-CE");
            assert_eq!(at("DK", entity(None, Some(name))), "DK");
        }
        assert_eq!(at("RU", entity(None, Some("Moscow"))), "RU");
        assert_eq!(at("UA", entity(Some("43"), None)), "UA-43");
        assert_eq!(at("RU", entity(Some("UA-43"), None)), "RU");
        let registered_only =
            Record { subdivisions: vec![entity(Some("CE"), None)], ..nested(None, Some("RU")) };
        assert_eq!(read(&registered_only), "RU (RU)");
    }
}

//! A country list's file: raw, then a [`CountryList`], with every finding at once.
//!
//! Always holds: no version without all of source, adopter, adopted, announced and effective dates;
//! no version that is empty, no territory that does not exist. A wrong code is never passed over: a
//! list that is shorter than its paper would let somebody in.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::checker::{Checker, Surroundings, Text, Wrong, all};
use super::forgiving::parse_all;
use super::{Finding, Place, SourceFile};
use crate::identifier::ListId;
use crate::language::Language;
use crate::policy::{CountryList, EarlyStart, ListVersion, civil};
use crate::territory::{self, Territory};

/// The notice of a list that names none, in days.
const DEFAULT_NOTICE_DAYS: u16 = 14;

/// A list, and where its versions stand.
#[derive(Debug, Clone)]
pub struct ListFile {
    /// The list.
    pub list: CountryList,
    /// Warnings and notes; no error.
    pub findings: Vec<Finding>,
    places: BTreeMap<String, Place>,
}

impl ListFile {
    /// Where a version begins in the file.
    #[must_use]
    pub fn place_of(&self, version: &str) -> Option<Place> {
        self.places.get(version).cloned()
    }
}

/// Reads a list from its file.
///
/// # Errors
/// Every finding, where one of them is an error.
pub fn read_list(id: &ListId, path: &Path) -> Result<CountryList, Vec<Finding>> {
    let source = SourceFile::read(path).map_err(|finding| {
        vec![finding.with_help("name the list's file under `country_lists`; begin with a copy of config/lists/cfcs.yaml")]
    })?;
    examine_list(Some(id), &source).map(|file| file.list)
}

/// Looks at a list in memory. With an `id`, the list must bear it.
///
/// # Errors
/// Every finding, where one of them is an error.
pub fn examine_list(id: Option<&ListId>, source: &SourceFile) -> Result<ListFile, Vec<Finding>> {
    let (raw, mut findings) = parse_all::<RawList>(source);
    let Some(raw) = raw else { return Err(findings) };
    let surroundings =
        Surroundings { environment: &|_| None, now: Timestamp::UNIX_EPOCH, static_only: false };
    let mut check = Checker::new(source, surroundings);
    let list = raw.check(id, &mut check);
    let failed = !findings.is_empty() || check.has_errors();
    findings.extend(check.into_findings());
    match list {
        Some(list) if !failed => Ok(ListFile { list, findings, places: raw.places(source) }),
        _ if findings.is_empty() => Err(vec![Finding::error("the list is empty")]),
        _ => Err(findings),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    id: Text,
    name: Text,
    /// Default `14d`.
    minimum_notice: Option<Text>,
    versions: Spanned<Vec<Spanned<RawVersion>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    version: Option<Text>,
    source: Option<Text>,
    adopted_by: Option<Text>,
    adopted_on: Option<Text>,
    announced_on: Option<Text>,
    effective_from: Option<Text>,
    early_start: Option<Spanned<RawEarlyStart>>,
    territories: Option<Spanned<Vec<Text>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEarlyStart {
    reason: Option<Text>,
    approved_by: Option<Spanned<Vec<Text>>>,
}

impl RawList {
    fn check(&self, id: Option<&ListId>, check: &mut Checker<'_>) -> Option<CountryList> {
        let own = check.parsed(&self.id, "a name", |text| {
            ListId::parse(text).map_err(|why| Wrong::new("is no name", why.to_string()))
        });
        if let (Some(own), Some(expected)) = (&own, id)
            && own != expected
        {
            let says = format!("this list is `{own}`, but the configuration calls it `{expected}`");
            check.refuse(self.id.referenced, says, format!("write `id: {expected}`"));
        }
        let name = check.label(&self.name);
        let notice = self.notice(check);
        if self.versions.value.is_empty() {
            let says = "a list without a version would let everybody in";
            check.refuse(self.versions.referenced, says, "add the version that was adopted");
        }
        let versions = all(self.versions.value.iter().map(|v| v.value.check(v.referenced, check)));
        self.told_apart(versions.as_deref().unwrap_or_default(), check);
        CountryList::new(own?, name?, notice?, versions?)
    }

    fn notice(&self, check: &mut Checker<'_>) -> Option<u16> {
        let Some(text) = &self.minimum_notice else { return Some(DEFAULT_NOTICE_DAYS) };
        let days = check.parsed(text, "a number of days", |text| {
            let days = text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok());
            days.filter(|days| *days <= 366).ok_or_else(|| {
                Wrong::new("is not a number of days", "write days, 366 at most, such as `14d`")
            })
        })?;
        if days == 0 {
            let says = "without notice nobody is told before a version starts";
            check.warn(text.referenced, says, "write the notice that was promised, such as `14d`");
        }
        Some(days)
    }

    /// Versions differ in name and in start; otherwise which is in force would be chance.
    fn told_apart(&self, versions: &[ListVersion], check: &mut Checker<'_>) {
        let mut names = BTreeMap::new();
        for raw in &self.versions.value {
            let Some(text) = &raw.value.version else { continue };
            if let Some(first) = names.insert(text.value.as_str(), text.referenced) {
                let says = format!("version `{}` stands twice", text.value);
                let help = format!("line {} has it already; give this one a name", first.line());
                check.refuse(text.referenced, says, help);
            }
        }
        let mut starts = BTreeMap::new();
        for (version, raw) in versions.iter().zip(&self.versions.value) {
            let at = raw.value.effective_from.as_ref().map_or(raw.referenced, |t| t.referenced);
            if let Some(other) = starts.insert(version.effective_from, &version.version) {
                let says = format!("version `{other}` starts at the same instant");
                check.refuse(at, says, "keep one of them, or let one start later");
            }
        }
    }

    fn places(&self, source: &SourceFile) -> BTreeMap<String, Place> {
        let versions = self.versions.value.iter().filter_map(|raw| raw.value.version.as_ref());
        versions.map(|text| (text.value.trim().to_owned(), source.place(text.referenced))).collect()
    }
}

impl RawVersion {
    fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<ListVersion> {
        let mut label = |value: &Option<Text>, key| {
            check.required(value, key, here).and_then(|text| check.label(text))
        };
        let version = label(&self.version, "version");
        let source = label(&self.source, "source");
        let adopted_by = label(&self.adopted_by, "adopted_by");
        let mut day = |value: &Option<Text>, key| {
            let text = check.required(value, key, here)?;
            check.parsed(text, "a date", read_date)
        };
        let adopted_on = day(&self.adopted_on, "adopted_on");
        let announced_on = day(&self.announced_on, "announced_on");
        let effective_from = check
            .required(&self.effective_from, "effective_from", here)
            .and_then(|text| check.parsed(text, "a date", read_start));
        let early_start = match &self.early_start {
            Some(early) => early.value.check(early.referenced, check).map(Some),
            None => Some(None),
        };
        let territories = check
            .required(&self.territories, "territories", here)
            .and_then(|list| read_territories(list, check));
        let version = ListVersion {
            version: version?,
            source: source?,
            adopted_by: adopted_by?,
            adopted_on: adopted_on?,
            announced_on: announced_on?,
            effective_from: effective_from?,
            early_start: early_start?,
            territories: territories?.into_iter().collect(),
        };
        self.in_order(&version, check);
        Some(version)
    }

    /// Adopted, announced, in force: in this order.
    fn in_order(&self, version: &ListVersion, check: &mut Checker<'_>) {
        let starts = version.effective_from.to_zoned(civil::denmark()).date();
        let dates = [&self.adopted_on, &self.announced_on];
        let [adopted, announced] = dates.map(|text| text.as_ref().map(|t| t.referenced));
        if let Some(at) = announced.filter(|_| version.announced_on > starts) {
            let says = format!("announced on {}, after its start", version.announced_on);
            check.refuse(at, says, "a version is announced before it starts; correct the dates");
        }
        if let Some(at) = adopted.filter(|_| version.adopted_on > starts) {
            let says = format!("adopted on {}, after its start", version.adopted_on);
            check.refuse(at, says, "a version is adopted before it starts; correct the dates");
        } else if let Some(at) = adopted.filter(|_| version.adopted_on > version.announced_on) {
            let says = format!("adopted on {}, after it was announced", version.adopted_on);
            check.warn(at, says, "see whether the dates are interchanged");
        }
    }
}

impl RawEarlyStart {
    fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<EarlyStart> {
        let reason =
            check.required(&self.reason, "reason", here).and_then(|text| check.label(text));
        let people = check.required(&self.approved_by, "approved_by", here)?;
        let names = all(people.value.iter().map(|text| check.label(text)))?;
        let help = "name two different people, such as `approved_by: [Anna Holm, Bo Lind]`";
        let Ok(names) = <[String; 2]>::try_from(names) else {
            check.refuse(people.referenced, "an early start takes exactly two people", help);
            return None;
        };
        let early = EarlyStart { reason: reason?, approved_by: names };
        if !early.has_two_people() {
            check.refuse(people.referenced, "this is the same person twice", help);
            return None;
        }
        Some(early)
    }
}

fn read_date(text: &str) -> Result<Date, Wrong> {
    let wrong = || Wrong::new("is not a date", "write year-month-day, such as 2026-12-01");
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date: Date = text.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    if (2000..=2200).contains(&date.year()) { Ok(date) } else { Err(wrong()) }
}

fn read_start(text: &str) -> Result<Timestamp, Wrong> {
    if let Ok(date) = read_date(text) {
        return civil::midnight(date).ok_or_else(|| Wrong::new("is not a date", "write another"));
    }
    text.parse().map_err(|_| {
        let help = "write a day (it begins at midnight in Denmark), such as 2026-12-01, or an \
                    instant such as 2026-12-01T06:00:00+01:00";
        Wrong::new("is neither a day nor an instant", help)
    })
}

fn read_territories(list: &Spanned<Vec<Text>>, check: &mut Checker<'_>) -> Option<Vec<Territory>> {
    if list.value.is_empty() {
        let says = "a version without territories would let everybody in";
        check.refuse(list.referenced, says, "write the codes that were adopted");
        return None;
    }
    let mut lines = BTreeMap::new();
    let read = list.value.iter().map(|text| {
        let territory = check.parsed(text, "a territory", read_territory)?;
        if let Some(first) = lines.insert(territory, text.referenced) {
            let says = format!("{territory} stands twice");
            check.refuse(text.referenced, says, format!("line {} has it already", first.line()));
        }
        Some(territory)
    });
    all(read)
}

/// An assigned code; a wrong one is answered with the one that was meant.
pub(super) fn read_territory(text: &str) -> Result<Territory, Wrong> {
    let code = Territory::parse(text).ok();
    if let Some(territory) = code.filter(|t| t.is_assigned()) {
        return Ok(territory);
    }
    let what =
        if code.is_some() { "is a code that ISO 3166 does not assign" } else { "is no code" };
    let shown = |t: &Territory| format!("{t} ({})", t.name(Language::English));
    let help = match territory::find(text) {
        Ok(meant) => format!("write {}", shown(&meant)),
        Err(unknown) if unknown.nearest.is_empty() => {
            "write a code of ISO 3166 such as CN or RU-CE; `geovagt lists import` makes them of names"
                .to_owned()
        }
        Err(unknown) => {
            let near: Vec<String> = unknown.nearest.iter().map(shown).collect();
            format!("did you mean {}?", near.join(" or "))
        }
    };
    Err(Wrong::new(what, help))
}

#[cfg(test)]
#[path = "list_file_tests.rs"]
mod tests;

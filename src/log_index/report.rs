//! The committee's figures of a quarter: no persons, and no figure that leads to one.
//!
//! Always holds: a figure under five is not shown, nor can it be worked out from those that are.
//! Where a table with a total hides a row, larger ones are hidden with it until two different figures
//! and ten in all are hidden; where that cannot be, and with a total under ten, no row is shown. Rows
//! stand in the order of their names, which says nothing of their size.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::export::row;
use crate::audit::{Action, Class};
use crate::store::StoreError;
use crate::store::log::{By, LogIndex, LogQuery, Organizations};

/// Under this, a figure is not shown.
const SMALL: u64 = 5;
/// What is hidden together is at least so much.
const TOGETHER: u64 = 10;

/// A quarter of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: i16,
    /// 1 to 4
    number: i8,
}

/// Why a text is no quarter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a quarter is written like 2026-Q3")]
pub struct InvalidQuarter;

impl Quarter {
    /// The last one that is over.
    #[must_use]
    pub fn before(now: Timestamp, zone: &TimeZone) -> Self {
        let date = now.to_zoned(zone.clone()).date();
        let number = (date.month() - 1) / 3;
        if number == 0 {
            Self { year: date.year() - 1, number: 4 }
        } else {
            Self { year: date.year(), number }
        }
    }

    /// From its first instant to the first one after it.
    #[must_use]
    pub fn span(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let first = |year, number| {
            let date = Date::new(year, (number - 1) * 3 + 1, 1).ok();
            let begins = date.and_then(|date| date.to_zoned(zone.clone()).ok());
            begins.map_or(Timestamp::MAX, |begins| begins.timestamp())
        };
        let (year, next) =
            if self.number == 4 { (self.year + 1, 1) } else { (self.year, self.number + 1) };
        (first(self.year, self.number), first(year, next))
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year, self.number)
    }
}

impl FromStr for Quarter {
    type Err = InvalidQuarter;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (year, number) = text.split_once(['Q', 'q']).ok_or(InvalidQuarter)?;
        let year = year.strip_suffix('-').unwrap_or(year);
        let quarter = Self {
            year: year.parse().map_err(|_| InvalidQuarter)?,
            number: number.parse().map_err(|_| InvalidQuarter)?,
        };
        let good = (2000..9000).contains(&quarter.year) && (1..=4).contains(&quarter.number);
        if good { Ok(quarter) } else { Err(InvalidQuarter) }
    }
}

/// A figure, or that it is too small to be shown or would give away one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Figure {
    /// So many.
    Shown(u64),
    /// Not shown; `null` in JSON.
    Hidden,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(number) => write!(f, "{number}"),
            Self::Hidden => f.write_str("*"),
        }
    }
}

/// What a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Rejections by country.
    RejectionsByCountry,
    /// Rejections by reason.
    RejectionsByReason,
    /// Rejections by site.
    RejectionsBySite,
    /// Rejections by month.
    RejectionsByMonth,
    /// Access by a travel exemption, by country.
    ExemptAccessByCountry,
    /// Steps of applications and exemptions. They have no total.
    Exemptions,
}

impl Subject {
    /// In English.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::RejectionsByCountry => "Rejections by country",
            Self::RejectionsByReason => "Rejections by reason",
            Self::RejectionsBySite => "Rejections by site",
            Self::RejectionsByMonth => "Rejections by month",
            Self::ExemptAccessByCountry => "Access with a travel exemption, by country",
            Self::Exemptions => "Travel exemptions",
        }
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What it is about.
    pub subject: Subject,
    /// The rows by name; the name is a code (`CN`, `country_listed`, `mail`, `2026-07`), empty where
    /// none is known.
    pub rows: Vec<(String, Figure)>,
    /// All of it; none where the rows do not add up to anything.
    pub total: Option<Figure>,
}

/// A quarter's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `2026-Q3`
    pub quarter: String,
    /// Whose; empty: everybody's.
    pub organizations: Vec<String>,
    /// The tables.
    pub tables: Vec<Table>,
}

impl Report {
    /// Makes the report of the index. See that it is up with the log first.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn make(
        index: &LogIndex,
        organizations: &Organizations,
        quarter: Quarter,
        zone: &TimeZone,
    ) -> Result<Self, StoreError> {
        let (since, until) = quarter.span(zone);
        let query = || LogQuery::of(organizations.clone()).between(since, until);
        let counted = async |query: &LogQuery, by| {
            let counts = index.counts(query, by, zone).await?;
            Ok(counts.into_iter().map(|count| (count.name, count.count)).collect::<Vec<_>>())
        };
        let mut denied = query();
        denied.class = Some(Class::Denied);
        denied.actions = [Action::Denied, Action::Repeated].map(|a| a.word().to_owned()).to_vec();
        let mut exempt = query();
        exempt.class = Some(Class::People);
        exempt.filter.action = Some(Action::Allowed);
        let mut tables = vec![
            with_total(Subject::RejectionsByMonth, by_month(counted(&denied, By::Day).await?)),
            with_total(Subject::RejectionsByCountry, counted(&denied, By::Country).await?),
            with_total(Subject::RejectionsByReason, counted(&denied, By::Reason).await?),
            with_total(Subject::RejectionsBySite, counted(&denied, By::Site).await?),
            with_total(Subject::ExemptAccessByCountry, counted(&exempt, By::Country).await?),
        ];
        let mut steps = Vec::new();
        for action in STEPS {
            let mut query = query();
            query.filter.action = Some(action);
            let counts: Vec<(String, u64)> = counted(&query, By::Site).await?;
            steps.push((action.word().to_owned(), counts.iter().map(|(_, count)| count).sum()));
        }
        tables.push(without_total(Subject::Exemptions, steps));
        let organizations = match organizations {
            Organizations::All => Vec::new(),
            Organizations::These(these) => these.iter().map(ToString::to_string).collect(),
        };
        Ok(Self { quarter: quarter.to_string(), organizations, tables })
    }

    /// Writes it as comma-separated values.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all("\u{feff}".as_bytes())?;
        row(out, ["quarter", "organization", "table", "row", "count"])?;
        let whose = self.organizations.join(" ");
        for table in &self.tables {
            let title = table.subject.title();
            for (name, figure) in &table.rows {
                row(out, [&self.quarter, &whose, title, name, &csv_figure(*figure)])?;
            }
            if let Some(total) = table.total {
                row(out, [&self.quarter, &whose, title, "total", &csv_figure(total)])?;
            }
        }
        Ok(())
    }

    /// As text for a terminal or a letter.
    #[must_use]
    pub fn to_text(&self) -> String {
        use fmt::Write as _;
        let mut text = format!("Geo-blocking, {}", self.quarter);
        if !self.organizations.is_empty() {
            let _ = write!(text, ", {}", self.organizations.join(", "));
        }
        text.push('\n');
        for table in &self.tables {
            let _ = write!(text, "\n{}\n", table.subject.title());
            for (name, figure) in &table.rows {
                let name = if name.is_empty() { "unknown" } else { name };
                let _ = writeln!(text, "  {name:<30} {figure:>12}");
            }
            if let Some(total) = table.total {
                let _ = writeln!(text, "  {:<30} {total:>12}", "total");
            }
        }
        text.push_str(
            "\n* under five, or hidden so that one under five cannot be worked out; a total under ten \
             shows no rows.\n",
        );
        text
    }
}

const STEPS: [Action; 6] = [
    Action::ExemptionApplied,
    Action::ExemptionGranted,
    Action::ExemptionApproved,
    Action::ExemptionRefused,
    Action::ExemptionRevoked,
    Action::ExemptionClosed,
];

fn csv_figure(figure: Figure) -> String {
    match figure {
        Figure::Shown(number) => number.to_string(),
        Figure::Hidden => "hidden".to_owned(),
    }
}

fn by_month(days: Vec<(String, u64)>) -> Vec<(String, u64)> {
    let mut months = std::collections::BTreeMap::<String, u64>::new();
    for (day, count) in days {
        let month = day.get(..7).unwrap_or_default().to_owned();
        let sum = months.entry(month).or_default();
        *sum = sum.saturating_add(count);
    }
    months.into_iter().collect()
}

/// A table whose rows add up to its total.
fn with_total(subject: Subject, mut rows: Vec<(String, u64)>) -> Table {
    rows.sort();
    let counts: Vec<u64> = rows.iter().map(|(_, count)| *count).collect();
    let total = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let hidden = if (1..TOGETHER).contains(&total) { None } else { hidden(&counts) };
    let Some(hidden) = hidden else {
        return Table { subject, rows: Vec::new(), total: Some(Figure::Hidden) };
    };
    let rows = rows.into_iter().map(|(name, count)| {
        (name, if hidden.contains(&count) { Figure::Hidden } else { Figure::Shown(count) })
    });
    Table { subject, rows: rows.collect(), total: Some(Figure::Shown(total)) }
}

fn without_total(subject: Subject, rows: Vec<(String, u64)>) -> Table {
    let figure = |count| {
        if (1..SMALL).contains(&count) { Figure::Hidden } else { Figure::Shown(count) }
    };
    let rows = rows.into_iter().map(|(name, count)| (name, figure(count))).collect();
    Table { subject, rows, total: None }
}

/// The counts that are not shown beside a total of at least ten: those under five and the next
/// larger ones, until two different ones and ten in all are hidden. Rows of one count are hidden
/// together, so any two hidden rows could change places and nothing shown would change. None where
/// no rows can be shown at all.
fn hidden(counts: &[u64]) -> Option<BTreeSet<u64>> {
    let there: BTreeSet<u64> = counts.iter().copied().filter(|count| *count > 0).collect();
    let mut hidden: BTreeSet<u64> = there.iter().copied().filter(|count| *count < SMALL).collect();
    if hidden.is_empty() {
        return Some(hidden);
    }
    loop {
        let of = counts.iter().filter(|count| hidden.contains(*count));
        let sum = of.fold(0_u64, |sum, count| sum.saturating_add(*count));
        if hidden.len() >= 2 && sum >= TOGETHER {
            return Some(hidden);
        }
        let next = there.iter().copied().find(|count| !hidden.contains(count))?;
        hidden.insert(next);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Everything that can be read off: each row and the total.
    fn published(counts: &[u64]) -> Vec<Option<u64>> {
        let rows = counts.iter().enumerate().map(|(n, count)| (n.to_string(), *count)).collect();
        let table = with_total(Subject::RejectionsByCountry, rows);
        let seen = |figure: &Figure| match figure {
            Figure::Shown(number) => Some(*number),
            Figure::Hidden => None,
        };
        let mut seen: Vec<_> = table
            .rows
            .iter()
            .map(|(_, figure)| seen(figure))
            .chain(table.total.iter().map(seen))
            .collect();
        seen.push(Some(table.rows.len() as u64));
        seen
    }

    #[test]
    fn no_small_figure_can_be_worked_out() {
        // Whoever knows the rule and every published figure still has at least two candidates.
        let mut worlds = BTreeMap::<Vec<Option<u64>>, Vec<[u64; 4]>>::new();
        for number in 0..14_u64.pow(4) {
            let counts = [0, 1, 2, 3].map(|place| number / 14_u64.pow(place) % 14);
            worlds.entry(published(&counts)).or_default().push(counts);
        }
        for (seen, worlds) in worlds {
            for place in 0..4 {
                let values: BTreeSet<u64> = worlds.iter().map(|world| world[place]).collect();
                let small = values.iter().any(|value| (1..SMALL).contains(value));
                assert!(!small || values.len() > 1, "{seen:?}: {worlds:?}");
            }
        }
    }

    #[test]
    fn what_is_large_is_shown() {
        assert_eq!(hidden(&[100, 50, 7]), Some([].into()));
        assert_eq!(hidden(&[100, 50, 3]), Some([3, 50].into()));
        assert_eq!(hidden(&[100, 0, 4, 4, 2]), Some([2, 4].into()));
        assert_eq!(hidden(&[4, 4, 4, 4]), None);
    }

    #[test]
    fn a_quarter_is_that_of_the_place() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let quarter: Quarter = "2026-Q3".parse().unwrap();
        let (since, until) = quarter.span(&zone);
        assert_eq!(since.to_string(), "2026-06-30T22:00:00Z");
        assert_eq!(until.to_string(), "2026-09-30T22:00:00Z");
        let at = |text: &str| Quarter::before(text.parse().unwrap(), &zone).to_string();
        assert_eq!(at("2026-09-30T21:59:59Z"), "2026-Q2");
        assert_eq!(at("2026-09-30T22:00:00Z"), "2026-Q3");
        assert_eq!(at("2026-01-01T00:00:00Z"), "2025-Q4");
        for wrong in ["2026", "2026-Q5", "2026-Q0", "Q3", "x-Q1", "2026-Q-1"] {
            assert!(wrong.parse::<Quarter>().is_err(), "{wrong}");
        }
    }
}

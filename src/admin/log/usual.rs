//! What is usual: medians of the same hour, and of a day, over the weeks before.
//!
//! PURE.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::store::log::Count;

/// The weeks that tell what is usual.
pub(crate) const WEEKS_BEFORE: SignedDuration = SignedDuration::from_hours(28 * 24);
const DAYS_BEFORE: usize = 28;

/// The middle of some figures, of which those that are not there are nothing.
pub(crate) fn median(mut figures: Vec<u64>, among: usize) -> u64 {
    figures.resize(figures.len().max(among), 0);
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(0)
}

/// What each hour of the day usually has, from counts by the hour over [`WEEKS_BEFORE`].
pub(crate) fn of_hours(counts: &[Count], zone: &TimeZone) -> BTreeMap<i8, u64> {
    let mut hours: BTreeMap<i8, Vec<u64>> = (0..24).map(|hour| (hour, Vec::new())).collect();
    for count in counts {
        let Ok(at) = count.name.parse::<Timestamp>() else { continue };
        hours.entry(at.to_zoned(zone.clone()).hour()).or_default().push(count.count);
    }
    hours.into_iter().map(|(hour, figures)| (hour, median(figures, DAYS_BEFORE))).collect()
}

/// What a day usually has, from counts by the day over [`WEEKS_BEFORE`].
pub(crate) fn of_a_day(counts: &[Count]) -> u64 {
    median(counts.iter().map(|count| count.count).collect(), DAYS_BEFORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_anything_count_as_nothing() {
        assert_eq!(median(vec![9, 9], 28), 0);
        assert_eq!(median(vec![9; 15], 28), 9);
        assert_eq!(median(Vec::new(), 0), 0);
        assert_eq!(median(vec![1, 2, 100], 3), 2);
    }

    #[test]
    fn hours_are_those_of_the_clock_on_the_wall() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let counts: Vec<Count> = (1..=28)
            .map(|day| Count { name: format!("2026-11-{day:02}T13:00:00Z"), count: 7, entries: 7 })
            .collect();
        let usual = of_hours(&counts, &zone);
        assert_eq!((usual[&14], usual[&13], usual.len()), (7, 0, 24));
        assert_eq!(of_a_day(&counts), 7);
    }
}

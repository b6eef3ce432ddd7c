//! What time brings about: the day before, the end, and a list that changes. PURE.
//!
//! Always holds: the same instant and the same exemptions give the same occasions, on every node; an
//! occasion that nobody looked for while it was there is not made up for later.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::language::last_minute;
use crate::policy::{CountryList, ExemptionId, ListVersion, Phase, TravelExemption};
use crate::store::{NoticeDetails, NoticeKind};

/// From this hour of the day before on.
const HOUR: i8 = 9;
/// The end is told of for so long.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Something to tell a traveller of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Occasion {
    /// Whose journey.
    pub exemption: ExemptionId,
    /// What.
    pub kind: NoticeKind,
    /// What tells it from another of its kind.
    pub occasion: String,
    /// What else is said.
    pub details: NoticeDetails,
}

/// What is to be told of one exemption now; `all` are the exemptions there are. Days are the
/// organisation's.
#[must_use]
pub fn by_time(
    one: &TravelExemption,
    all: &[TravelExemption],
    zone: &TimeZone,
    now: Timestamp,
) -> Vec<Occasion> {
    let (phase, Some((from, until))) = (one.phase(now), one.journey()) else { return Vec::new() };
    let day = |at: Timestamp| zone.to_datetime(at).date();
    let mut occasions = Vec::new();
    let mut tell = |kind, day: Date, at| {
        occasions.push(Occasion {
            exemption: one.id.clone(),
            kind,
            occasion: day.to_string(),
            details: NoticeDetails { at: Some(at), ..NoticeDetails::default() },
        });
    };
    let (first, last) = (day(from), day(last_minute(until)));
    if phase == Phase::Planned && is_day_before(first, zone, now) {
        tell(NoticeKind::StartsTomorrow, first, from);
    }
    if phase == Phase::Active && is_day_before(last, zone, now) && !goes_on(one, all) {
        tell(NoticeKind::EndsTomorrow, last, until);
    }
    if phase == Phase::Ended && now.duration_since(until) < TOLD_FOR && !goes_on(one, all) {
        tell(NoticeKind::Ended, last, until);
    }
    occasions
}

fn is_day_before(day: Date, zone: &TimeZone, now: Timestamp) -> bool {
    let local = zone.to_datetime(now);
    local.date().tomorrow().is_ok_and(|tomorrow| tomorrow == day)
        && local.time() >= Time::constant(HOUR, 0, 0, 0)
}

/// Whether another exemption of the same person takes over: an extension is one of its own.
fn goes_on(one: &TravelExemption, all: &[TravelExemption]) -> bool {
    let Some((_, until)) = one.journey() else { return false };
    let takes_over = |other: &TravelExemption| {
        other.id != one.id
            && other.person == one.person
            && other.state == one.state
            && other.legs.iter().any(|leg| {
                let same_place = one
                    .legs
                    .iter()
                    .filter(|own| own.until == until)
                    .flat_map(|own| &own.territories)
                    .all(|place| leg.territories.contains(place));
                same_place && leg.from <= until && until < leg.until
            })
    };
    all.iter().any(takes_over)
}

/// What is to be told because a version of the list was announced since `granted` that differs, for
/// a place of the journey, from the one before it, and counts before the journey is over.
#[must_use]
pub fn by_list(
    one: &TravelExemption,
    granted: Timestamp,
    list: &CountryList,
    zone: &TimeZone,
    now: Timestamp,
) -> Vec<Occasion> {
    let planned = matches!(one.phase(now), Phase::Planned | Phase::Active);
    let (true, Some((_, until))) = (planned, one.journey()) else { return Vec::new() };
    let granted = zone.to_datetime(granted).date();
    let versions = list.versions();
    let changes = versions.iter().zip(versions.iter().skip(1)).filter(|(_, version)| {
        granted <= version.announced_on
            && version.announced_on <= zone.to_datetime(now).date()
            && version.effective_from < until
    });
    changes
        .filter_map(|(before, version)| {
            let details = difference(one, before, version);
            let touched = !details.added.is_empty() || !details.removed.is_empty();
            touched.then(|| Occasion {
                exemption: one.id.clone(),
                kind: NoticeKind::ListChange,
                occasion: format!("{} {}", list.id(), version.version),
                details,
            })
        })
        .collect()
}

/// The places of the journey that come onto the list, or leave it, while the journey may be there.
fn difference(one: &TravelExemption, before: &ListVersion, version: &ListVersion) -> NoticeDetails {
    let mut details =
        NoticeDetails { at: Some(version.effective_from), ..NoticeDetails::default() };
    for leg in one.legs.iter().filter(|leg| version.effective_from < leg.until) {
        for place in &leg.territories {
            let covered = |version: &ListVersion| {
                let country = crate::territory::Territory::country_of(place.country());
                version.territories.names(*place) || version.territories.names(country)
            };
            let into = match (covered(before), covered(version)) {
                (false, true) => &mut details.added,
                (true, false) => &mut details.removed,
                (true, true) | (false, false) => continue,
            };
            let code = place.to_string();
            if !into.contains(&code) {
                into.push(code);
            }
        }
    }
    details
}

#[cfg(test)]
mod tests;

//! How long, and how often, a message is tried. PURE.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::policy::TravelExemption;
use crate::store::NoticeKind;

/// After the first attempt; doubled after each.
const FIRST: SignedDuration = SignedDuration::from_secs(30);
/// No pause is longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// Up to when a message is of any use: `patience` after its cause, and not beyond the instant that it
/// speaks of.
#[must_use]
pub fn useful_until(
    kind: NoticeKind,
    exemption: &TravelExemption,
    created: Timestamp,
    patience: Duration,
) -> Timestamp {
    let patience = SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
    let given_up = created.checked_add(patience).unwrap_or(Timestamp::MAX);
    let journey = exemption.journey();
    match (kind, journey) {
        (NoticeKind::StartsTomorrow, Some((from, _))) => given_up.min(from),
        (NoticeKind::EndsTomorrow, Some((_, until))) => given_up.min(until),
        _ => given_up,
    }
}

/// When to try again after `attempts` failed ones; none where that would be too late. `random` spreads
/// what failed together.
#[must_use]
pub fn next_attempt(
    attempts: u32,
    now: Timestamp,
    useful_until: Timestamp,
    random: u8,
) -> Option<Timestamp> {
    let doublings = attempts.saturating_sub(1).min(16);
    let pause = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let spread = pause / 4 * i32::from(random) / 255;
    let next = now.checked_add(pause).ok()?.checked_add(spread).ok()?;
    (next < useful_until).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_796_083_200 + seconds).unwrap()
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pause = |attempts, random| {
            let next = next_attempt(attempts, at(0), Timestamp::MAX, random).unwrap();
            next.duration_since(at(0)).as_secs()
        };
        let pauses: Vec<i64> = (1..=9).map(|attempts| pause(attempts, 0)).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(pause(1, 255), 37);
        assert_eq!(pause(u32::MAX, 255), 4500);
    }

    #[test]
    fn what_would_come_too_late_is_not_tried() {
        assert_eq!(next_attempt(1, at(0), at(31), 0), Some(at(30)));
        assert_eq!(next_attempt(1, at(0), at(30), 0), None);
    }

    proptest! {
        #[test]
        fn every_message_ends(patience in 3600_i64..14 * 86_400, random: u8) {
            let (mut now, mut attempts) = (at(0), 1);
            while let Some(next) = next_attempt(attempts, now, at(patience), random) {
                prop_assert!(next > now && next < at(patience));
                (now, attempts) = (next, attempts + 1);
                prop_assert!(attempts < 400);
            }
            // It has not given up early either.
            prop_assert!(now >= at(patience - 4500), "{now}");
        }
    }
}

//! Instants as a person types them: `2h`, `2026-11-22`, `2026-11-22T03:11:51Z`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// This long ago.
    Ago(SignedDuration),
    /// A day, UTC.
    Day(Date),
    /// An instant.
    At(Timestamp),
}

impl When {
    /// Reads what was typed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        ago(text)
            .map(Self::Ago)
            .or_else(|| text.parse().ok().map(Self::At))
            .or_else(|| text.parse().ok().map(Self::Day))
            .ok_or_else(|| {
                "say 2h, 30m or 3d for a time ago, a day such as 2026-11-22 (UTC), or an instant such as 2026-11-22T03:11:51Z".to_owned()
            })
    }

    /// As the beginning of a range: a day from its first instant.
    pub(super) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
            Self::Day(day) => midnight(day).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }

    /// As the end of a range: a day to its last instant.
    pub(super) fn until(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Day(day) => {
                day.checked_add(1.day()).ok().and_then(midnight).unwrap_or(Timestamp::MAX)
            }
            Self::Ago(_) | Self::At(_) => self.from(now),
        }
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn ago(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let number: i64 = number.parse::<u32>().ok()?.into();
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let range = |text| {
            let when = When::parse(text).unwrap();
            (when.from(now).to_string(), when.until(now).to_string())
        };
        let same = |text: &str| (text.to_owned(), text.to_owned());
        assert_eq!(range("2h"), same("2026-11-22T10:00:00Z"));
        assert_eq!(range("90m"), same("2026-11-22T10:30:00Z"));
        assert_eq!(range("1w"), same("2026-11-15T12:00:00Z"));
        assert_eq!(range("2026-11-20T08:00:00+01:00"), same("2026-11-20T07:00:00Z"));
        let day = ("2026-11-20T00:00:00Z".to_owned(), "2026-11-21T00:00:00Z".to_owned());
        assert_eq!(range("2026-11-20"), day);
        for text in ["", "h", "2", "-2h", "2x", "99999999999d", "yesterday", "2026-13-01", "2æ"] {
            assert!(When::parse(text).is_err(), "{text:?}");
        }
    }
}

//! Spans of time as an operator writes them: `45d`, `200ms`, `72h`, `0h`. PURE.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::checker::{Checker, Text, Wrong};

/// Units and their length in milliseconds, longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1000)];

/// Reads a whole number and its unit.
pub(super) fn parse(text: &str) -> Result<Duration, Wrong> {
    let wrong =
        |says: &str| Wrong::new(says, "write a whole number and its unit: ms, s, m, h or d");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(wrong("is not a span of time"));
    }
    if unit.is_empty() {
        return Err(wrong("has no unit"));
    }
    let milliseconds = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, length)| *length)
        .ok_or_else(|| wrong("has a unit that is not known"))?;
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| wrong("is too long"))
}

/// The shortest way to write a span.
pub(super) fn written(span: Duration) -> String {
    let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut units = UNITS;
    units.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
    units.iter().find(|(_, length)| milliseconds > 0 && milliseconds % length == 0).map_or_else(
        || "0s".to_owned(),
        |(name, length)| format!("{}{name}", milliseconds / length),
    )
}

pub(super) const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

impl Checker<'_> {
    /// A span within bounds, both inclusive.
    pub(super) fn span(
        &mut self,
        text: Option<&Text>,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let Some(text) = text else { return Some(default) };
        self.parsed(text, "a span of time within its bounds", |value| {
            let span = parse(value)?;
            if bounds.contains(&span) {
                return Ok(span);
            }
            let (least, most) = (written(*bounds.start()), written(*bounds.end()));
            Err(Wrong::new(
                "lies outside what can stand here",
                format!("write a span from {least} to {most}"),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        assert_eq!(parse("45d").unwrap(), days(45));
        assert_eq!(parse("200ms").unwrap(), Duration::from_millis(200));
        assert_eq!(parse("0h").unwrap(), Duration::ZERO);
        for (text, says) in [
            ("", "is not a span of time"),
            ("d", "is not a span of time"),
            ("-1d", "is not a span of time"),
            ("45", "has no unit"),
            ("45 d", "has a unit that is not known"),
            ("1.5h", "has a unit that is not known"),
            ("5D", "has a unit that is not known"),
            ("99999999999999d", "is too long"),
            ("999999999999999999999999s", "is too long"),
        ] {
            assert_eq!(parse(text).unwrap_err().says, says, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(milliseconds in 0..u64::MAX / 86_400_000) {
            let span = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&written(span)).unwrap(), span);
        }
    }
}

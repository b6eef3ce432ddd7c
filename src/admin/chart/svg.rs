//! What the forms share: escaping, lengths and figures.

use std::fmt;

/// Text as it may stand between tags and in quoted attributes of HTML and SVG.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // No browser shows them, and XML forbids them.
                other if other.is_control() => f.write_str(" ")?,
                other => fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

/// `value` of `highest`, in tenths of a unit of a scale of `length` units: drawn with one decimal.
/// What is more than nothing is seen.
pub(super) fn scaled(value: u64, highest: u64, length: u32) -> u32 {
    if highest == 0 {
        return 0;
    }
    let tenths = u128::from(value.min(highest)) * u128::from(length) * 10 / u128::from(highest);
    let least = if value > 0 { 10 } else { 0 };
    u32::try_from(tenths).unwrap_or(0).max(least)
}

/// Tenths of a unit as SVG writes them.
pub(super) struct Tenths(pub(super) u32);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}", self.0 / 10),
            tenth => write!(f, "{}.{tenth}", self.0 / 10),
        }
    }
}

/// How wide a text is at the chart's size of letters, in units; rather too wide.
pub(super) fn width_of(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX).saturating_mul(8)
}

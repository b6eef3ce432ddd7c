//! The two languages that geovagt speaks, and how each writes dates, numbers and lists of names.
//! What pages, mails and the command line all need. PURE.

mod collation;
mod dates;
mod phrases;

pub use collation::sort_key;
pub(crate) use dates::{Dates, last_minute};
pub use dates::{date, instant, month, universal, zone_name};
pub use phrases::{duration, enumeration, number, possessive};

/// Danish or English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// `da`
    Danish,
    /// `en`
    English,
}

impl Language {
    /// The BCP 47 tag, as in `<html lang>` and `Content-Language`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Danish => "da",
            Self::English => "en",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Danish => Self::English,
            Self::English => Self::Danish,
        }
    }

    /// `da` or `en`, in any case; anything else is none.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        if primary.eq_ignore_ascii_case("da") {
            Some(Self::Danish)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::English)
        } else {
            None
        }
    }

    /// The language an `Accept-Language` value asks for (RFC 9110 section 12.5.4), or `default`
    /// where it asks for neither. Norwegian and Swedish readers get Danish before English.
    #[must_use]
    pub fn negotiate(accept_language: Option<&str>, default: Self) -> Self {
        let mut best: Option<(u16, Self)> = None;
        for range in accept_language.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let quality = parts.find_map(quality_of).unwrap_or(1000);
            let language = match Self::parse(tag) {
                Some(language) => language,
                None if is_scandinavian(tag) => Self::Danish,
                None if tag == "*" => default,
                None => continue,
            };
            if quality > 0 && best.is_none_or(|(q, _)| quality > q) {
                best = Some((quality, language));
            }
        }
        best.map_or(default, |(_, language)| language)
    }
}

fn is_scandinavian(tag: &str) -> bool {
    ["nb", "nn", "no", "sv", "fo", "kl"]
        .iter()
        .any(|code| tag.get(..2).is_some_and(|t| t.eq_ignore_ascii_case(code)))
        && matches!(tag.as_bytes().get(2), None | Some(b'-'))
}

/// `q=0.8` in thousandths; anything malformed counts as 0.
fn quality_of(parameter: &str) -> Option<u16> {
    let value = parameter.trim().strip_prefix("q=")?.trim();
    let quality: f32 = value.parse().unwrap_or(0.0);
    if !(0.0..=1.0).contains(&quality) {
        return Some(0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value lies between 0 and 1000"
    )]
    Some((quality * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::Language::{self, Danish, English};

    #[test]
    fn the_preferred_language_wins() {
        for (header, expected) in [
            (None, Danish),
            (Some(""), Danish),
            (Some("en"), English),
            (Some("en-GB,da;q=0.8"), English),
            (Some("en;q=0.5, da;q=0.9"), Danish),
            (Some("da;q=0, en;q=0.1"), English),
            (Some("zh-CN,zh;q=0.9"), Danish),
            (Some("zh-CN, en;q=0.2"), English),
            (Some("nb-NO, en;q=0.9"), Danish),
            (Some("en;q=nonsense, da;q=0.1"), Danish),
        ] {
            assert_eq!(Language::negotiate(header, Danish), expected, "{header:?}");
        }
        assert_eq!(Language::negotiate(Some("fr"), English), English);
    }
}

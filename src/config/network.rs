//! Networks, the rules that name them, and when a rule ends.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_yaml::Spanned;

use super::checker::{Checker, Text, Wrong, all};
use super::list_file::read_territory;
use crate::policy::{Correction, NetworkRule};
use crate::territory::Country;

/// Where an end that is only a day is read: a policy may serve several organisations, and the
/// municipalities that run this are Danish.
const TIME_ZONE_OF_DAYS: &str = "Europe/Copenhagen";

/// The longest that a correction should stand unseen.
const LONGEST_CORRECTION: SignedDuration = SignedDuration::from_hours(367 * 24);

/// `- {network: 192.0.2.0/24, reason: …, expires: 2027-01-31}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    network: Option<Text>,
    reason: Option<Text>,
    expires: Option<Text>,
    /// Of networks that get in.
    class: Option<Text>,
}

/// `- {network: …, country: DK, reason: …, expires: …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCorrection {
    network: Option<Text>,
    country: Option<Text>,
    reason: Option<Text>,
    expires: Option<Text>,
}

/// A network in CIDR notation, or one address.
pub(super) fn parse(text: &str) -> Result<IpNet, Wrong> {
    let network = read(text).ok_or_else(|| {
        Wrong::new("is not a network", "write it as 192.0.2.0/24 or 2001:db8::/32")
    })?;
    if network.trunc() != network {
        return Err(Wrong::new(
            "has bits set behind its prefix",
            format!("the network is {}; the one address is {}", network.trunc(), network.addr()),
        ));
    }
    if let IpNet::V6(v6) = network
        && v6.prefix_len() >= 96
        && let Some(v4) = v6.addr().to_ipv4_mapped()
    {
        // Client addresses are judged as IPv4 there, so such a network would never match.
        return Err(Wrong::new(
            "is an IPv4 network in IPv6 clothes",
            format!("write it as {v4}/{}", v6.prefix_len() - 96),
        ));
    }
    Ok(network)
}

/// The standard library's address, which takes no `010.0.0.0` that others read as octal.
fn read(text: &str) -> Option<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let Some(prefix) = prefix else { return Some(IpNet::from(address)) };
    let plain = prefix.len() <= 3 && prefix.chars().all(|c| c.is_ascii_digit());
    IpNet::new(address, prefix.parse().ok().filter(|_| plain)?).ok()
}

/// Whether a network is so wide that it hardly names anybody in particular.
pub(super) fn is_vast(network: &IpNet) -> bool {
    match network {
        IpNet::V4(v4) => v4.prefix_len() < 8,
        IpNet::V6(v6) => v6.prefix_len() < 16 && !v6.addr().is_unique_local(),
    }
}

/// A day (from its beginning, Danish time) or an instant (RFC 3339).
fn end(text: &str) -> Result<Timestamp, Wrong> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let wrong = || {
        Wrong::new(
            "is neither a day nor an instant",
            "write 2027-01-31 (its beginning, Danish time) or 2027-01-31T12:00:00+01:00",
        )
    };
    // Only the plain form: the reader of dates would also take a date with a time behind it.
    if text.len() != "2027-01-31".len() {
        return Err(wrong());
    }
    let day: Date = text.parse().map_err(|_| wrong())?;
    let zone = TimeZone::get(TIME_ZONE_OF_DAYS).map_err(|_| wrong())?;
    Ok(day.to_zoned(zone).map_err(|_| wrong())?.timestamp())
}

/// An instant as the days are counted here: `2026-01-31 00:00 CET`.
fn told(at: Timestamp) -> String {
    let zone = TimeZone::get(TIME_ZONE_OF_DAYS).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

impl Checker<'_> {
    pub(super) fn network(&mut self, text: &Text) -> Option<IpNet> {
        self.parsed(text, "a network", parse)
    }

    /// A whole country. `because` says why no part of one can stand here.
    pub(super) fn country(&mut self, text: &Text, because: &str) -> Option<Country> {
        self.parsed(text, "a country code", |value| {
            let territory = read_territory(value)?;
            match territory.subdivision() {
                None => Ok(territory.country()),
                Some(_) => Err(Wrong::new(
                    "is a part of a country",
                    format!("{because}: write {}", territory.country()),
                )),
            }
        })
    }

    fn expiry(&mut self, text: &Text) -> Option<Timestamp> {
        let expires = self.parsed(text, "a day or an instant", end)?;
        if expires <= self.now() {
            self.warn(
                text.referenced,
                format!("this ended at {} and has no effect any more", told(expires)),
                "remove it, or give it a new end",
            );
        }
        Some(expires)
    }

    pub(super) fn rules(
        &mut self,
        rules: Option<&Vec<Spanned<RawRule>>>,
        opens: bool,
    ) -> Option<Vec<NetworkRule>> {
        all(rules.into_iter().flatten().map(|rule| self.rule(rule, opens)))
    }

    fn rule(&mut self, rule: &Spanned<RawRule>, opens: bool) -> Option<NetworkRule> {
        let raw = &rule.value;
        let network = self
            .required(&raw.network, "network", rule.referenced)
            .and_then(|text| self.named_network(text, opens));
        let reason =
            self.required(&raw.reason, "reason", rule.referenced).and_then(|text| self.label(text));
        let expires = match &raw.expires {
            Some(text) => self.expiry(text).map(Some),
            None => Some(None),
        };
        let class = match &raw.class {
            Some(text) if opens => self.label(text).map(|class| Some(class.into())),
            Some(text) => {
                self.refuse(
                    text.referenced,
                    "`class` is for networks that get in",
                    "remove it here; rejected clients are found by their reason",
                );
                None
            }
            None => Some(None),
        };
        Some(NetworkRule { network: network?, reason: reason?, expires: expires?, class: class? })
    }

    /// A network of a rule: one that names nearly everybody turns the list off.
    fn named_network(&mut self, text: &Text, opens: bool) -> Option<IpNet> {
        let network = self.network(text)?;
        if opens && is_vast(&network) {
            self.refuse(
                text.referenced,
                "this network is so wide that the country list would hardly count any more",
                "name the networks you mean; to let everybody in, set `mode: report_only`",
            );
            return None;
        }
        Some(network)
    }

    pub(super) fn corrections(
        &mut self,
        corrections: Option<&Vec<Spanned<RawCorrection>>>,
    ) -> Option<Vec<Correction>> {
        all(corrections.into_iter().flatten().map(|correction| self.correction(correction)))
    }

    fn correction(&mut self, correction: &Spanned<RawCorrection>) -> Option<Correction> {
        let (raw, here) = (&correction.value, correction.referenced);
        let network = self
            .required(&raw.network, "network", here)
            .and_then(|text| self.named_network(text, true));
        let country = self
            .required(&raw.country, "country", here)
            .and_then(|text| self.country(text, "a correction names a country"));
        let reason = self.required(&raw.reason, "reason", here).and_then(|text| self.label(text));
        if raw.expires.is_none() {
            self.refuse(
                here,
                "a correction without an end outlives the error that it corrects",
                "add `expires:` with a day within a year",
            );
        }
        let expires = raw.expires.as_ref().and_then(|text| {
            let expires = self.expiry(text)?;
            if expires.duration_since(self.now()) > LONGEST_CORRECTION {
                self.warn(
                    text.referenced,
                    "this correction outlives a year, and networks change hands sooner than that",
                    "give it an end within a year, and look at it again then",
                );
            }
            Some(expires)
        });
        Some(Correction {
            network: network?,
            country: country?,
            reason: reason?,
            expires: expires?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_are_read_exactly() {
        assert_eq!(parse("192.0.2.0/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(parse("192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
        assert_eq!(parse("2001:db8::1").unwrap().to_string(), "2001:db8::1/128");
        assert_eq!(parse("0.0.0.0/0").unwrap().prefix_len(), 0);
        for (text, says) in [
            ("", "is not a network"),
            ("10.0.0.0/33", "is not a network"),
            ("010.0.0.0/8", "is not a network"),
            ("10.0.0/8", "is not a network"),
            ("10.0.0.0/+8", "is not a network"),
            ("10.0.0.0/", "is not a network"),
            ("fe80::1%eth0", "is not a network"),
            ("10.1.2.3/8", "has bits set behind its prefix"),
            ("::ffff:10.0.0.0/104", "is an IPv4 network in IPv6 clothes"),
            ("::ffff:10.0.0.1", "is an IPv4 network in IPv6 clothes"),
        ] {
            assert_eq!(parse(text).unwrap_err().says, says, "{text:?}");
        }
        assert_eq!(
            parse("10.1.2.3/8").unwrap_err().help,
            "the network is 10.0.0.0/8; the one address is 10.1.2.3"
        );
        assert_eq!(parse("::ffff:10.0.0.0/104").unwrap_err().help, "write it as 10.0.0.0/8");
    }

    #[test]
    fn networks_that_name_nobody_in_particular_are_vast() {
        for (network, vast) in [
            ("0.0.0.0/0", true),
            ("128.0.0.0/1", true),
            ("10.0.0.0/8", false),
            ("::/0", true),
            ("2000::/3", true),
            ("fd00::/8", false),
            ("2a00::/16", false),
        ] {
            assert_eq!(is_vast(&parse(network).unwrap()), vast, "{network}");
        }
    }

    #[test]
    fn a_day_ends_at_its_beginning_in_denmark() {
        for (text, instant) in [
            ("2027-01-31", "2027-01-30T23:00:00Z"),
            ("2027-07-01", "2027-06-30T22:00:00Z"),
            ("2027-01-31T12:00:00+01:00", "2027-01-31T11:00:00Z"),
        ] {
            assert_eq!(end(text).unwrap(), instant.parse().unwrap(), "{text}");
        }
        for text in ["", "2027-02-30", "31.01.2027", "2027-01-31T12:00", "2027-1-31", "20270131"] {
            assert!(end(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-f:./TZ+-]{0,50}") {
            let _ = (parse(&text), end(&text));
        }
    }
}

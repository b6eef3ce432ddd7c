//! How an upstream's servers are watched, and what follows when one fails.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;
use http::uri::PathAndQuery;
use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use crate::config::checker::{Checker, Text, Wrong};

/// `upstream.health`: asks each server again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for.
    pub path: PathAndQuery,
    /// How often.
    pub interval: Duration,
    /// How long a server may take.
    pub timeout: Duration,
    /// What a healthy server answers.
    pub status: RangeInclusive<u16>,
    /// So many good answers in a row bring a server back.
    pub rise: u32,
    /// So many failures in a row take it out.
    pub fall: u32,
}

/// `upstream.ejection`: takes a server out that fails requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ejection {
    /// So many failures in a row take it out.
    pub failures: u32,
    /// For so long the first time, doubled each time it fails again.
    pub back_off: Duration,
    /// Never longer.
    pub longest: Duration,
}

/// `upstream.retries`: how much may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Of one request.
    pub attempts: u32,
    /// Of all the site's requests within ten seconds.
    pub percent: u32,
    /// So many within ten seconds whatever the share is.
    pub floor: u32,
}

/// `upstream.connections`: how much one server is given at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Requests at a time, each with a connection of its own over HTTP/1.1. None: no limit.
    pub maximum: Option<usize>,
    /// How many wait when all are taken.
    pub queue: usize,
    /// How long they wait.
    pub wait: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHealthCheck {
    path: Option<Text>,
    /// Default 5s.
    interval: Option<Text>,
    /// Default 2s.
    timeout: Option<Text>,
    /// Default 200-399.
    status: Option<Text>,
    /// Default 2.
    rise: Option<Spanned<u64>>,
    /// Default 3.
    fall: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEjection {
    failures: Option<Spanned<u64>>,
    back_off: Option<Text>,
    longest: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetries {
    attempts: Option<Spanned<u64>>,
    percent: Option<Spanned<u64>>,
    floor: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConnections {
    maximum: Option<Spanned<u64>>,
    queue: Option<Spanned<u64>>,
    wait: Option<Text>,
}

fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}

fn count(
    number: Option<&Spanned<u64>>,
    default: u64,
    bounds: RangeInclusive<u64>,
    check: &mut Checker<'_>,
) -> Option<u32> {
    check.number(number, default, bounds).and_then(|number| u32::try_from(number).ok())
}

impl RawHealthCheck {
    pub(super) fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<HealthCheck> {
        let path = check
            .required(&self.path, "path", here)
            .and_then(|text| check.parsed(text, "a path", path));
        let (short, most) = (Duration::from_millis(100), Duration::from_secs(3600));
        let interval = check.span(self.interval.as_ref(), Duration::from_secs(5), short..=most);
        let timeout = check.span(self.timeout.as_ref(), Duration::from_secs(2), short..=most);
        let status = match &self.status {
            Some(text) => check.parsed(text, "a status or a range of them", status),
            None => Some(200..=399),
        };
        let rise = count(self.rise.as_ref(), 2, 1..=100, check);
        let fall = count(self.fall.as_ref(), 3, 1..=100, check);
        Some(HealthCheck {
            path: path?,
            interval: interval?,
            timeout: timeout?,
            status: status?,
            rise: rise?,
            fall: fall?,
        })
    }
}

fn path(text: &str) -> Result<PathAndQuery, Wrong> {
    let wrong = || Wrong::new("is not a path", "write it as \"/health\"");
    if !text.starts_with('/') || text.contains('#') {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// `200` or `200-399`.
fn status(text: &str) -> Result<RangeInclusive<u16>, Wrong> {
    let wrong = || Wrong::new("is not a status", "write one as \"204\", or a range as \"200-399\"");
    let code = |text: &str| {
        let code: StatusCode = text.trim().parse().map_err(|_| wrong())?;
        Ok(code.as_u16())
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let range = code(from)?..=code(to)?;
    if range.is_empty() || *range.end() > 599 || *range.start() < 200 {
        Err(wrong())
    } else {
        Ok(range)
    }
}

impl RawEjection {
    pub(super) fn check(&self, check: &mut Checker<'_>) -> Option<Ejection> {
        let failures = count(self.failures.as_ref(), 5, 1..=1000, check);
        let back_off = check.span(
            self.back_off.as_ref(),
            Duration::from_secs(10),
            Duration::from_millis(100)..=Duration::from_secs(3600),
        );
        let longest =
            check.span(self.longest.as_ref(), Duration::from_secs(300), seconds(1, 86_400));
        Some(Ejection { failures: failures?, back_off: back_off?, longest: longest? })
    }
}

impl RawRetries {
    pub(super) fn check(&self, check: &mut Checker<'_>) -> Option<Retries> {
        let attempts = count(self.attempts.as_ref(), 2, 0..=10, check);
        let percent = count(self.percent.as_ref(), 20, 0..=100, check);
        let floor = count(self.floor.as_ref(), 10, 0..=10_000, check);
        Some(Retries { attempts: attempts?, percent: percent?, floor: floor? })
    }
}

impl RawConnections {
    pub(super) fn check(&self, check: &mut Checker<'_>) -> Option<Connections> {
        let maximum = count(self.maximum.as_ref(), 0, 1..=1_000_000, check);
        let queue = count(self.queue.as_ref(), 100, 0..=100_000, check);
        let wait = check.span(self.wait.as_ref(), Duration::from_secs(1), seconds(0, 60));
        let size = |number: u32| usize::try_from(number).ok();
        Some(Connections {
            maximum: size(maximum?).filter(|maximum| *maximum > 0),
            queue: size(queue?)?,
            wait: wait?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_or_a_range() {
        assert_eq!(status("204").unwrap(), 204..=204);
        assert_eq!(status("200-399").unwrap(), 200..=399);
        for text in ["", "2xx", "399-200", "100", "200-600", "200-", "-"] {
            assert!(status(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        assert_eq!(path("/health?deep=1").unwrap().as_str(), "/health?deep=1");
        for text in ["", "health", "http://a/", "/a b", "/#"] {
            assert!(path(text).is_err(), "{text:?}");
        }
    }
}

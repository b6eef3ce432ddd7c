//! Times as the command line tells them to a person.
//!
//! One rule: what people live by (a journey, a link, a message, who decided when) is told in the
//! organisation's time, and lines of the log in UTC, as they are written there; either says which. JSON
//! is always UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Config;
use crate::identifier::OrganizationId;

/// `2026-11-22 09:00 CET`.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// The organisation's; UTC where the configuration no longer has it.
pub(super) fn zone(config: &Config, organization: &OrganizationId) -> TimeZone {
    let found = config.organizations.get(organization);
    found.map_or(TimeZone::UTC, |organization| organization.time_zone.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_time_says_whose_it_is() {
        let at: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        let copenhagen = TimeZone::get("Europe/Copenhagen").unwrap();
        assert_eq!(local(at, &copenhagen), "2026-07-01 12:00 CEST");
        assert_eq!(local(at, &TimeZone::UTC), "2026-07-01 10:00 UTC");
    }

    /// A format with an hour in it and no zone is a time that somebody will read wrongly.
    #[test]
    fn no_time_on_the_command_line_is_without_its_zone() {
        let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli")];
        let mut seen = 0;
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let shipped = source.split("#[cfg(test)]").next().unwrap();
            for after in shipped.split("%H:%M").skip(1) {
                let format = after.split('"').next().unwrap();
                assert!(format.ends_with('Z'), "{}: {format:?}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 4, "formats are found");
    }
}

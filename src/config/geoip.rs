//! `geoip`

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_yaml::Spanned;

use super::checker::{Checker, Text};
use super::duration::days;

/// `geoip`
#[derive(Debug, Clone)]
pub struct Geoip {
    /// Country or city level.
    pub database: PathBuf,
    /// Optional autonomous systems, recorded in the log.
    pub asn: Option<PathBuf>,
    /// The age of the build from which it warns.
    pub warn_after: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGeoip {
    /// Default `/usr/share/geovagt/country.mmdb`.
    database: Option<Text>,
    /// Default none.
    asn: Option<Text>,
    /// Default `45d`.
    warn_after: Option<Text>,
    /// Not in this version.
    update: Option<Spanned<IgnoredAny>>,
}

impl RawGeoip {
    pub(super) fn check(&self, check: &mut Checker<'_>) -> Option<Geoip> {
        if let Some(update) = &self.update {
            check.refuse(
                update.referenced,
                "this version does not fetch databases by itself",
                "remove `update`, and replace the file by a job of your own; it is taken up on reload",
            );
        }
        let database = check.path_or(self.database.as_ref(), "/usr/share/geovagt/country.mmdb");
        let asn = match &self.asn {
            Some(text) => check.path(text).map(Some),
            None => Some(None),
        };
        let warn_after = check.span(self.warn_after.as_ref(), days(45), days(1)..=days(3650));
        Some(Geoip { database: database?, asn: asn?, warn_after: warn_after? })
    }
}

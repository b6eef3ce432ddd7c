//! `audit.anchors`: where signed heads of the log are kept beside it, so that a log that was put back
//! to how it was earlier shows.

use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::checker::{Checker, Text, Wrong};
use super::duration::days;
use crate::mail_address::MailAddress;

/// One place elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Where.
    pub target: AnchorTarget,
    /// How often, beside the end of each segment.
    pub interval: Duration,
}

/// Where heads are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnchorTarget {
    /// A file that is appended to, on a disk that the gateway's user cannot write over elsewhere.
    File(PathBuf),
    /// A collector that speaks syslog (RFC 5424) over a stream.
    Syslog {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// Whether under TLS.
        tls: bool,
        /// The authorities whose certificates count; none: what the operating system trusts.
        ca: Option<PathBuf>,
    },
    /// Mail, by the server of `notices`.
    Mail(Vec<MailAddress>),
}

impl AnchorTarget {
    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Syslog { host, port, .. } => format!("syslog {host}:{port}"),
            Self::Mail(to) => {
                let to: Vec<String> = to.iter().map(ToString::to_string).collect();
                format!("mail {}", to.join(", "))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnchor {
    kind: Option<Text>,
    path: Option<Text>,
    host: Option<Text>,
    /// Default 6514 with TLS, 601 without.
    port: Option<Spanned<u64>>,
    /// Default `tls`.
    security: Option<Text>,
    ca: Option<Text>,
    to: Option<Vec<Text>>,
    /// Default `1h`, of mail `1d`.
    interval: Option<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Syslog,
    Mail,
}

impl RawAnchor {
    pub(super) fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<Anchor> {
        let kinds = [("file", Kind::File), ("syslog", Kind::Syslog), ("mail", Kind::Mail)];
        let kind = check.required(&self.kind, "kind", here)?;
        let kind = check.word(Some(kind), Kind::File, &kinds)?;
        self.refuse_others(kind, check);
        let usual = if kind == Kind::Mail { days(1) } else { Duration::from_secs(3600) };
        let interval = check.span(self.interval.as_ref(), usual, Duration::from_secs(1)..=days(7));
        let target = match kind {
            Kind::File => check
                .required(&self.path, "path", here)
                .and_then(|path| check.path(path))
                .map(AnchorTarget::File),
            Kind::Syslog => self.syslog(here, check),
            Kind::Mail => self.mail(here, check),
        };
        Some(Anchor { target: target?, interval: interval? })
    }

    /// A key that belongs to another kind would be without effect.
    fn refuse_others(&self, kind: Kind, check: &mut Checker<'_>) {
        let keys = [
            ("path", self.path.as_ref().map(|t| t.referenced), Kind::File),
            ("host", self.host.as_ref().map(|t| t.referenced), Kind::Syslog),
            ("port", self.port.as_ref().map(|n| n.referenced), Kind::Syslog),
            ("security", self.security.as_ref().map(|t| t.referenced), Kind::Syslog),
            ("ca", self.ca.as_ref().map(|t| t.referenced), Kind::Syslog),
            ("to", self.to.as_ref().and_then(|to| Some(to.first()?.referenced)), Kind::Mail),
        ];
        for (key, place, belongs) in keys {
            if let Some(place) = place.filter(|_| belongs != kind) {
                check.refuse(
                    place,
                    format!("`{key}` belongs to another kind of anchor"),
                    "take it out",
                );
            }
        }
    }

    fn syslog(&self, here: Location, check: &mut Checker<'_>) -> Option<AnchorTarget> {
        let host = check
            .required(&self.host, "host", here)
            .and_then(|text| check.parsed(text, "a host", read_host));
        let tls = check.word(self.security.as_ref(), true, &[("tls", true), ("none", false)]);
        let usual = if tls == Some(false) { 601 } else { 6514 };
        let port = check.number(self.port.as_ref(), usual, 1..=65_535);
        let ca = match &self.ca {
            Some(path) => check.path(path).map(Some),
            None => Some(None),
        };
        Some(AnchorTarget::Syslog {
            host: host?,
            port: u16::try_from(port?).ok()?,
            tls: tls?,
            ca: ca?,
        })
    }

    fn mail(&self, here: Location, check: &mut Checker<'_>) -> Option<AnchorTarget> {
        let to = check.required(&self.to, "to", here)?;
        if to.is_empty() {
            check.refuse(here, "`to` names nobody", "write `to: [security@example.dk]`");
            return None;
        }
        let read = |text: &str| {
            MailAddress::parse(text)
                .map_err(|error| Wrong::new("is no mail address", error.to_string()))
        };
        let to =
            super::checker::all(to.iter().map(|text| check.parsed(text, "a mail address", read)));
        to.map(AnchorTarget::Mail)
    }
}

fn read_host(text: &str) -> Result<String, Wrong> {
    match ServerName::try_from(text.to_owned()) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err(Wrong::new("is no host", "write its name or address alone, as siem.example.dk"))
        }
    }
}

#[cfg(test)]
#[path = "anchors_tests.rs"]
mod tests;

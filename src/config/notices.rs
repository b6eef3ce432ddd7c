//! `notices`: the mail that travellers get.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde_yaml::{Location, Spanned};
use zeroize::Zeroizing;

use super::checker::{Checker, Entries, Text, Wrong};
use super::names::Names;
use crate::identifier::OrganizationId;
use crate::mail_address::MailAddress;

/// `notices`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notices {
    /// The server that takes the mail.
    pub smtp: Smtp,
    /// Whom the mail is from.
    pub sender: Sender,
    /// How long one message is tried.
    pub give_up_after: Duration,
    /// What organisations have of their own. None there: it sends nothing.
    organizations: BTreeMap<OrganizationId, Option<Sender>>,
}

/// `smtp`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// A name or an address.
    pub host: String,
    /// 587 with StartTLS, 465 with TLS from the beginning, 25 without.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// The authorities whose certificates count; none: what the operating system trusts.
    pub ca: Option<PathBuf>,
    /// Who signs in, and with what; none: nobody does.
    pub login: Option<(String, SmtpPassword)>,
    /// How long the server may take for each message.
    pub timeout: Duration,
}

/// A password that does not print and is wiped when nobody has it any more.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpPassword(Arc<Zeroizing<String>>);

impl SmtpPassword {
    pub(crate) fn new(password: String) -> Self {
        Self(Arc::new(Zeroizing::new(password)))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SmtpPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// `security`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// `starttls`: nothing is said before TLS but that it is wanted.
    StartTls,
    /// `tls`: from the beginning.
    Tls,
    /// `none`: a server on this machine.
    None,
}

/// Whom mail is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// As shown; none: the address alone.
    pub name: Option<String>,
    /// Where answers go.
    pub address: MailAddress,
}

impl Notices {
    /// Whom an organisation's mail is from; none where it sends nothing.
    #[must_use]
    pub fn sender(&self, organization: &OrganizationId) -> Option<&Sender> {
        match self.organizations.get(organization) {
            Some(own) => own.as_ref(),
            None => Some(&self.sender),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotices {
    smtp: Option<Spanned<RawSmtp>>,
    sender: Option<Text>,
    /// Default `48h`.
    give_up_after: Option<Text>,
    organizations: Option<Entries<RawOwn>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSmtp {
    host: Option<Text>,
    /// Default 587, 465 or 25, as `security` says.
    port: Option<Spanned<u64>>,
    /// Default `starttls`.
    security: Option<Text>,
    /// Default none: what the operating system trusts.
    ca: Option<Text>,
    user: Option<Text>,
    password: Option<Text>,
    /// Default `30s`.
    timeout: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOwn {
    /// Default `true`.
    enabled: Option<bool>,
    /// Default: the sender of all.
    sender: Option<Text>,
}

impl RawNotices {
    pub(super) fn check(
        &self,
        here: Location,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<Notices> {
        let smtp = check
            .required(&self.smtp, "smtp", here)
            .and_then(|smtp| smtp.value.check(smtp.referenced, check));
        let sender = check
            .required(&self.sender, "sender", here)
            .and_then(|text| check.parsed(text, EXPECTED_SENDER, read_sender));
        let hour = Duration::from_secs(3600);
        let give_up_after =
            check.span(self.give_up_after.as_ref(), 48 * hour, hour..=14 * 24 * hour);
        let mut organizations = BTreeMap::new();
        let mut whole = true;
        for (key, raw) in self.organizations.iter().flat_map(|entries| &entries.0) {
            let named = names.organizations.mentioned(key, check);
            let own = match &raw.sender {
                Some(text) => check.parsed(text, EXPECTED_SENDER, read_sender),
                None => sender.clone(),
            };
            match (named, own) {
                (Some(id), Some(own)) => {
                    organizations.insert(id, raw.enabled.unwrap_or(true).then_some(own));
                }
                _ => whole = false,
            }
        }
        let (smtp, sender, give_up_after) = (smtp?, sender?, give_up_after?);
        whole.then_some(Notices { smtp, sender, give_up_after, organizations })
    }
}

impl RawSmtp {
    fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<Smtp> {
        let words = [
            ("starttls", SmtpSecurity::StartTls),
            ("tls", SmtpSecurity::Tls),
            ("none", SmtpSecurity::None),
        ];
        let security = check.word(self.security.as_ref(), SmtpSecurity::StartTls, &words);
        let host = check
            .required(&self.host, "host", here)
            .and_then(|text| check.parsed(text, "a host", read_host));
        let usual = match security {
            Some(SmtpSecurity::Tls) => 465,
            Some(SmtpSecurity::None) => 25,
            Some(SmtpSecurity::StartTls) | None => 587,
        };
        let port = check.number(self.port.as_ref(), usual, 1..=65_535);
        let ca = match &self.ca {
            Some(path) => check.path(path).map(Some),
            None => Some(None),
        };
        let login = self.login(here, check);
        let seconds = Duration::from_secs;
        let timeout = check.span(self.timeout.as_ref(), seconds(30), seconds(1)..=seconds(120));
        let (host, security) = (host?, security?);
        if security == SmtpSecurity::None && !is_this_machine(&host) {
            check.refuse(
                self.security.as_ref().map_or(here, |text| text.referenced),
                "mail goes without TLS to another machine",
                "write `security: starttls` or `tls`; `none` is for a server on this machine",
            );
            return None;
        }
        Some(Smtp {
            host,
            port: u16::try_from(port?).ok()?,
            security,
            ca: ca?,
            login: login?,
            timeout: timeout?,
        })
    }

    /// The password is never said back.
    fn login(
        &self,
        here: Location,
        check: &mut Checker<'_>,
    ) -> Option<Option<(String, SmtpPassword)>> {
        match (&self.user, &self.password) {
            (None, None) => Some(None),
            (Some(user), Some(password)) => {
                let user = check.label(user);
                let written = &password.value;
                let secret = check.value(password);
                let empty = secret.as_deref().is_some_and(str::is_empty);
                if empty {
                    check.refuse(password.referenced, "the password is empty", WRITE_A_SECRET);
                    return None;
                }
                if !written.contains("${") {
                    check.warn(password.referenced, "a password stands here", WRITE_A_SECRET);
                }
                Some(Some((user?, SmtpPassword::new(secret?))))
            }
            (Some(_), None) => {
                check.refuse(here, "`user` stands here without `password`", WRITE_A_SECRET);
                None
            }
            (None, Some(_)) => {
                check.refuse(here, "`password` stands here without `user`", "add `user:`");
                None
            }
        }
    }
}

const WRITE_A_SECRET: &str =
    "write `password: ${file:secrets/smtp}`, and the password in that file";
const EXPECTED_SENDER: &str = "a mail address, with or without a name";

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn read_host(text: &str) -> Result<String, Wrong> {
    match ServerName::try_from(text.to_owned()) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err(Wrong::new("is no host", "write its name or address alone, as mail.example.dk"))
        }
    }
}

/// `Name <address>`, or the address alone.
fn read_sender(text: &str) -> Result<Sender, Wrong> {
    let wrong =
        |says: &str| Wrong::new(says, "write it as \"Rejser i Ballerup <rejser@example.dk>\"");
    let (name, address) = match text.trim().strip_suffix('>') {
        Some(inside) => {
            let (name, address) =
                inside.rsplit_once('<').ok_or_else(|| wrong("is no mail address"))?;
            (Some(name.trim()), address)
        }
        None => (None, text.trim()),
    };
    let unfit = |c: char| c.is_control() || "<>\"".contains(c);
    if name.is_some_and(|name| name.chars().any(unfit) || name.chars().count() > 100) {
        return Err(wrong("has a name that cannot be shown"));
    }
    let address = MailAddress::parse(address).map_err(|_| wrong("is no mail address"))?;
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(Sender { name, address })
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;

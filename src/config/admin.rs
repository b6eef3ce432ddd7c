//! `admin`: the listener of the administration, who reaches it, and how people sign in there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde_yaml::Spanned;

use super::binds::Binds;
use super::checker::{Checker, Text, Wrong, all};
use super::listeners::{RawTls, Tls};
use super::names::Names;
use crate::identifier::OrganizationId;

/// How long a session lasts by itself.
const IDLE: Duration = Duration::from_secs(30 * 60);
const ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);

/// `admin`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Required off loopback.
    pub tls: Option<Tls>,
    /// Whose connections are taken; empty: everybody's who reaches the listener.
    pub networks: Vec<IpNet>,
    /// Who sees the health of every organisation and none of their people.
    pub operators: Vec<CentreOperator>,
    /// Whether a name and a password are enough.
    pub second_factor: SecondFactor,
    /// How long somebody stays signed in.
    pub session: SessionTimes,
}

/// `operators`: a user or group, as one organisation's providers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentreOperator {
    /// Whose providers prove the name.
    pub organization: OrganizationId,
    /// The user's name, or the group's.
    pub name: String,
}

/// `second_factor`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// Whoever signs in with a password shows a code or a passkey too.
    Required,
    /// On loopback alone.
    Off,
}

/// `session`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// After so long without a request it ends.
    pub idle: Duration,
    /// After so long it ends, used or not.
    pub absolute: Duration,
}

impl Default for SessionTimes {
    fn default() -> Self {
        Self { idle: IDLE, absolute: ABSOLUTE }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    bind: Option<Spanned<Vec<Text>>>,
    /// Default none: plain HTTP, on loopback alone.
    tls: Option<Spanned<RawTls>>,
    /// Default: everybody who reaches it.
    networks: Option<Vec<Text>>,
    /// Default: nobody.
    operators: Option<Vec<Text>>,
    /// Default `required`.
    second_factor: Option<Text>,
    session: Option<RawSession>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSession {
    /// Default `30m`.
    idle: Option<Text>,
    /// Default `12h`.
    absolute: Option<Text>,
}

pub(super) fn admin(
    raw: &Spanned<RawAdmin>,
    names: &Names,
    binds: &mut Binds,
    check: &mut Checker<'_>,
) -> Option<Admin> {
    let bind = check
        .required(&raw.value.bind, "bind", raw.referenced)
        .and_then(|addresses| binds.check(addresses, check));
    let tls = match &raw.value.tls {
        Some(tls) => tls.value.check(tls.referenced, &BTreeMap::new(), check).map(Some),
        None => Some(None),
    };
    let networks = all(raw.value.networks.iter().flatten().map(|text| check.network(text)));
    let operators = raw.value.operators.iter().flatten();
    let operators = all(operators.map(|text| centre_operator(text, names, check)));
    let words = [("required", SecondFactor::Required), ("off", SecondFactor::Off)];
    let second_factor =
        check.word(raw.value.second_factor.as_ref(), SecondFactor::Required, &words);
    let session = session(raw.value.session.as_ref().unwrap_or(&RawSession::default()), check);
    let (bind, tls) = (bind?, tls?);
    let second_factor = second_factor?;
    let at_bind = raw.value.bind.as_ref().map_or(raw.referenced, |bind| bind.referenced);
    let on_loopback = bind.iter().all(|address| address.ip().is_loopback());
    if tls.is_none() && !on_loopback {
        check.refuse(
            at_bind,
            "the administration without TLS may listen on loopback alone",
            "write 127.0.0.1 or [::1], or add `tls:`",
        );
        return None;
    }
    if second_factor == SecondFactor::Off && !on_loopback {
        let at = raw.value.second_factor.as_ref().map_or(at_bind, |text| text.referenced);
        check.refuse(
            at,
            "without a second factor the administration may listen on loopback alone",
            "write `second_factor: required`, or listen on 127.0.0.1 or [::1]",
        );
        return None;
    }
    Some(Admin {
        bind,
        tls,
        networks: networks?,
        operators: operators?,
        second_factor,
        session: session?,
    })
}

/// `ballerup/drift`: a name alone would be whoever calls himself that in any organisation.
fn centre_operator(text: &Text, names: &Names, check: &mut Checker<'_>) -> Option<CentreOperator> {
    let (organization, name) = check.parsed(text, "an organisation and a name", |value| {
        let parted = value.split_once('/').map(|(o, n)| (o.trim(), n.trim()));
        match parted {
            Some((organization, name)) if !organization.is_empty() && !name.is_empty() => {
                Ok((organization.to_owned(), name.to_owned()))
            }
            _ => Err(Wrong::new(
                "does not say whose user or group it is",
                "write the organisation before it, as `ballerup/drift`",
            )),
        }
    })?;
    let at = Text::new(organization, text.referenced, text.defined);
    let organization = names.organizations.mentioned(&at, check)?;
    Some(CentreOperator { organization, name })
}

fn session(raw: &RawSession, check: &mut Checker<'_>) -> Option<SessionTimes> {
    let minute = Duration::from_secs(60);
    let idle = check.span(raw.idle.as_ref(), IDLE, minute..=12 * 60 * minute);
    let absolute = check.span(raw.absolute.as_ref(), ABSOLUTE, minute..=24 * 60 * minute);
    Some(SessionTimes { idle: idle?, absolute: absolute? })
}

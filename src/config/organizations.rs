//! `organizations`

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::checker::{Checker, Entries, Text, Wrong, all};
use super::duration::days;
use super::emergency::RawEmergency;
use super::list_file::read_territory;
use super::names::Names;
use super::nearest::nearest;
use super::roles::{self, Roles};
use crate::identifier::{OrganizationId, PolicyId, ProviderId};
use crate::language::Language;
use crate::policy::ExemptionScheme;
use crate::territory::Territory;

/// `organizations.*`
#[derive(Debug, Clone)]
pub struct Organization {
    /// The name under `organizations`.
    pub id: OrganizationId,
    /// As shown on pages.
    pub name: String,
    /// The policy of its sites, unless a site names another.
    pub policy: PolicyId,
    /// For civil dates.
    pub time_zone: TimeZone,
    /// What a client gets that asks for neither language.
    pub language: Language,
    /// Whom the page tells people to call.
    pub contact: Contact,
    /// The exemption scheme.
    pub travel_exemptions: ExemptionScheme,
    /// The ways its people can be known.
    pub identity_providers: Vec<ProviderId>,
    /// Who may do what.
    pub roles: Roles,
}

/// `contact`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// As dialled, with country code.
    pub phone: Option<String>,
    /// An address that can be reached from a listed country.
    pub email: Option<String>,
    /// As shown: `8-15`.
    pub hours: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOrganization {
    name: Option<Text>,
    policy: Option<Text>,
    /// Default `Europe/Copenhagen`.
    time_zone: Option<Text>,
    /// Default `da`.
    language: Option<Text>,
    contact: Option<RawContact>,
    travel_exemptions: Option<Spanned<RawExemptions>>,
    /// Default `[local]`, where `identity` has it.
    identity_providers: Option<Vec<Text>>,
    /// Default: nobody is named, so nobody is kept from anything.
    roles: Option<Entries<Vec<Text>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContact {
    phone: Option<Text>,
    email: Option<Text>,
    hours: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExemptions {
    /// Default `false`.
    enabled: Option<Spanned<bool>>,
    decision: Option<Text>,
    /// Default 30.
    maximum_days: Option<Spanned<u64>>,
    /// Default 5.
    lead_days: Option<Spanned<u64>>,
    /// Default `0h`.
    transit_grace: Option<Text>,
    two_approvers: Option<Vec<Text>>,
    /// Left out: nobody is granted anything by telephone.
    emergency: Option<Spanned<RawEmergency>>,
}

impl RawOrganization {
    pub(super) fn check(
        &self,
        id: OrganizationId,
        here: Location,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<Organization> {
        let name = check.required(&self.name, "name", here).and_then(|text| check.label(text));
        let policy = check
            .required(&self.policy, "policy", here)
            .and_then(|text| names.policies.mentioned(text, check));
        let time_zone = self.time_zone(check);
        let languages = [("da", Language::Danish), ("en", Language::English)];
        let language = check.word(self.language.as_ref(), Language::Danish, &languages);
        let contact = self.contact.as_ref().map_or(Some(Contact::default()), |c| c.check(check));
        let identity_providers = self.providers(names, check);
        let travel_exemptions = self.exemptions(identity_providers.as_deref(), names, check);
        let roles = roles::check(self.roles.as_ref(), check);
        Some(Organization {
            id,
            name: name?,
            policy: policy?,
            time_zone: time_zone?,
            language: language?,
            contact: contact?,
            travel_exemptions: travel_exemptions?,
            identity_providers: identity_providers?,
            roles: roles?,
        })
    }

    fn time_zone(&self, check: &mut Checker<'_>) -> Option<TimeZone> {
        let default =
            Text::new("Europe/Copenhagen".to_owned(), Location::UNKNOWN, Location::UNKNOWN);
        let text = self.time_zone.as_ref().unwrap_or(&default);
        check.parsed(text, "a time zone", |value| {
            TimeZone::get(value).map_err(|_| Wrong::new("is not a time zone", zone_help(value)))
        })
    }

    fn providers(&self, names: &Names, check: &mut Checker<'_>) -> Option<Vec<ProviderId>> {
        match &self.identity_providers {
            Some(providers) => {
                all(providers.iter().map(|text| names.providers.mentioned(text, check)))
            }
            None => {
                let local = ProviderId::parse("local").ok()?;
                Some(names.providers.holds(&local).then_some(local).into_iter().collect())
            }
        }
    }

    fn exemptions(
        &self,
        providers: Option<&[ProviderId]>,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<ExemptionScheme> {
        let Some(raw) = &self.travel_exemptions else { return Some(no_exemptions()) };
        let scheme = raw.value.check(raw.referenced, names, check)?;
        if scheme.enabled && providers.is_some_and(<[_]>::is_empty) {
            check.warn(
                raw.referenced,
                "nobody can use an exemption: the organisation has no identity provider",
                "add `identity_providers: [local]`",
            );
        }
        Some(scheme)
    }
}

fn no_exemptions() -> ExemptionScheme {
    ExemptionScheme {
        enabled: false,
        decision: None,
        maximum_days: 30,
        lead_days: 5,
        transit_grace: Duration::ZERO,
        two_approvers: Vec::new(),
        emergency: None,
    }
}

impl RawExemptions {
    fn check(
        &self,
        here: Location,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<ExemptionScheme> {
        let enabled = self.enabled.as_ref().is_some_and(|enabled| enabled.value);
        let decision = match &self.decision {
            Some(text) => check.label(text).map(Some),
            None => Some(None),
        };
        if enabled && self.decision.is_none() {
            check.refuse(
                self.enabled.as_ref().map_or(here, |enabled| enabled.referenced),
                "travel exemptions are switched on without the decision that allows them",
                "add `decision:` with the case number of the decision",
            );
        }
        let maximum_days = check.number(self.maximum_days.as_ref(), 30, 1..=366);
        let lead_days = check.number(self.lead_days.as_ref(), 5, 0..=366);
        let transit_grace =
            check.span(self.transit_grace.as_ref(), Duration::ZERO, Duration::ZERO..=days(3));
        let two_approvers =
            all(self.two_approvers.iter().flatten().map(|text| territory(text, check)));
        let emergency = match &self.emergency {
            Some(raw) => raw.value.check(raw.referenced, names, check).map(Some),
            None => Some(None),
        };
        Some(ExemptionScheme {
            enabled,
            decision: decision?,
            maximum_days: u16::try_from(maximum_days?).ok()?,
            lead_days: u16::try_from(lead_days?).ok()?,
            transit_grace: transit_grace?,
            two_approvers: two_approvers?,
            emergency: emergency?,
        })
    }
}

/// A wrong code here would quietly do without the second person, so only assigned ones pass.
fn territory(text: &Text, check: &mut Checker<'_>) -> Option<Territory> {
    check.parsed(text, "a territory code", read_territory)
}

impl RawContact {
    fn check(&self, check: &mut Checker<'_>) -> Option<Contact> {
        let mut shown = |text: &Option<Text>| match text {
            Some(text) => check.label(text).map(Some),
            None => Some(None),
        };
        let (phone, email, hours) = (shown(&self.phone), shown(&self.email), shown(&self.hours));
        Some(Contact { phone: phone?, email: email?, hours: hours? })
    }
}

fn zone_help(value: &str) -> String {
    let zones: Vec<String> =
        jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).collect();
    match nearest(value, zones.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write its IANA name, as Europe/Copenhagen".to_owned(),
    }
}

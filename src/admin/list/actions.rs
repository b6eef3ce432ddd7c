//! How the lists of an organisation stand; pages and API both call it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::admin::{Admin, Refusal, Visitor};
use crate::clock;
use crate::identifier::ListId;
use crate::lists::{self, Change};
use crate::policy::announcement::{
    EffectiveSettings, NoticeOf, SeenSettings, SettingsWait, effective_settings, notices,
};
use crate::policy::civil::days_later;
use crate::policy::{Admission, CountryList, ListVersion, Mode};

/// How one list stands.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Standing {
    /// The list.
    pub(in crate::admin) list: Arc<CountryList>,
    /// Whether what the database does not hold is let in.
    pub(in crate::admin) unknown_location: Admission,
    /// Of each version that is still to come: from when it may start, and why not earlier.
    pub(in crate::admin) notices: Vec<NoticeOf>,
    /// Stricter settings that wait for their notice.
    pub(in crate::admin) waiting: Vec<SettingsWait>,
    /// The systems where it is only reported who it would reject.
    pub(in crate::admin) reporting: Vec<String>,
    /// When it was looked at.
    pub(in crate::admin) now: Timestamp,
}

impl Standing {
    /// The version in force.
    pub(in crate::admin) fn in_force(&self) -> Option<&ListVersion> {
        self.list.in_force(self.now)
    }

    /// The next that will be.
    pub(in crate::admin) fn announced(&self) -> Option<&ListVersion> {
        self.list.announced(self.now)
    }

    /// What the announced version changes.
    pub(in crate::admin) fn change(&self) -> Option<Change> {
        let before = self.in_force().map(|version| &version.territories);
        Some(Change::between(before, &self.announced()?.territories))
    }

    /// The version by this name, or the one in force, or the first that will be.
    pub(super) fn version(&self, name: Option<&str>) -> Result<&ListVersion, Refusal> {
        lists::version(&self.list, name, self.now).map_err(|_| Refusal::NotFound)
    }

    /// What changed from the version before to this one; none for the first.
    pub(super) fn change_of(&self, version: &ListVersion) -> Option<Change> {
        let versions = self.list.versions();
        let position = versions.iter().position(|one| one.version == version.version)?;
        let before = versions.get(position.checked_sub(1)?)?;
        Some(Change::between(Some(&before.territories), &version.territories))
    }

    /// The earliest start of a version that would be announced now.
    pub(super) fn earliest_from_now(&self) -> Timestamp {
        days_later(self.now, self.list.minimum_notice_days())
    }
}

/// The lists that the organisation's systems are under, its own policy's first.
pub(in crate::admin) async fn standings(
    admin: &Admin,
    visitor: &Visitor,
) -> Result<Vec<Standing>, Refusal> {
    let (loaded, now) = (admin.loaded(), clock::now());
    let config = &loaded.config;
    let own = &visitor.organization;
    let sites = config.sites.values().filter(|site| site.organization == own.id);
    let policies = std::iter::once(&own.policy).chain(sites.map(|site| &site.policy));
    let mut seen = BTreeSet::new();
    let policies: Vec<_> =
        policies.filter(|id| seen.insert(*id)).filter_map(|id| config.policies.get(id)).collect();
    let memory = admin.store().announced().await?;
    let first = memory.first_installation;
    let mut standings: Vec<Standing> = Vec::new();
    for policy in policies {
        let Some(list) = loaded.lists.get(&policy.list) else { continue };
        let asked = SeenSettings {
            policy: policy.id.clone(),
            mode: policy.mode,
            unknown_location: policy.unknown_location,
            first_seen: now,
            baseline: first,
        };
        let days = list.minimum_notice_days();
        let EffectiveSettings { waiting, mode, .. } =
            effective_settings(&asked, &memory.settings, days, now);
        let under = config.sites.values().filter(|site| {
            mode == Mode::ReportOnly && site.organization == own.id && site.policy == policy.id
        });
        let reporting: Vec<String> = under.map(|site| site.id.to_string()).collect();
        if let Some(known) = standings.iter_mut().find(|one| *one.list.id() == policy.list) {
            known.waiting.extend(waiting);
            known.reporting.extend(reporting);
            continue;
        }
        standings.push(Standing {
            list: Arc::clone(list),
            unknown_location: lists::admission(config, &policy.list),
            notices: notices(list, &memory.of(&policy.list), first, now),
            waiting,
            reporting,
            now,
        });
    }
    Ok(standings)
}

/// The list of this name, or the first.
pub(super) async fn standing(
    admin: &Admin,
    visitor: &Visitor,
    wanted: Option<&str>,
) -> Result<(Standing, Vec<ListId>), Refusal> {
    let all = standings(admin, visitor).await?;
    let names = all.iter().map(|one| one.list.id().clone()).collect();
    let mut all = all.into_iter();
    let found = match wanted {
        None => all.next(),
        Some(wanted) => all.find(|one| one.list.id().as_str() == wanted),
    };
    found.map(|one| (one, names)).ok_or(Refusal::NotFound)
}

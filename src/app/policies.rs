//! Which lists and settings may be in force now: the announcement lock, with the store as its
//! memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::{Loaded, PolicySettings};
use crate::identifier::{ListId, PolicyId};
use crate::policy::announcement::{
    EffectiveSettings, LockReport, LockViolation, SeenSettings, SeenVersion, Stricter, check_lock,
    effective_settings, must_remember, remember,
};
use crate::policy::{Admission, Mode, Scheduled};
use crate::store::{Announced, Store, StoreError};

/// Why no policy can take effect.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The memory of what was announced when cannot be read.
    #[error("what was announced when cannot be read from the store")]
    Store(#[from] StoreError),
    /// Another node was faster.
    #[error("another node has announced something else at the same time; try again")]
    Meanwhile,
    /// A list breaks the announcement lock.
    #[error("the announcement lock refuses list `{list}`: {}", in_words(violations))]
    Locked {
        /// The list.
        list: ListId,
        /// What breaks the lock.
        violations: Vec<LockViolation>,
    },
}

fn in_words(violations: &[LockViolation]) -> String {
    let sentences: Vec<String> =
        violations.iter().map(|v| format!("{v}; {}", v.way_out())).collect();
    sentences.join(". ")
}

/// The settings that count, and from when.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    effective: BTreeMap<PolicyId, EffectiveSettings>,
}

/// What the lock says about a configuration.
#[derive(Debug)]
pub struct Inspection {
    /// About each list.
    pub reports: Vec<(ListId, LockReport)>,
    /// About each policy's settings.
    pub settings: Vec<EffectiveSettings>,
}

/// The same, with what is to be remembered of it once it takes effect.
pub(super) struct Judged {
    policies: Policies,
    reports: Vec<(ListId, LockReport)>,
    versions: Vec<(ListId, SeenVersion)>,
    settings: Vec<SeenSettings>,
    announced: Announced,
}

impl Judged {
    /// Holds what the configuration says against what this gateway has seen before. Nothing is
    /// remembered yet: what does not take effect has been announced to nobody.
    ///
    /// # Errors
    /// [`PoliciesError`] where the memory cannot be read.
    pub(super) async fn judge(
        loaded: &Loaded,
        store: &Store,
        now: Timestamp,
    ) -> Result<Self, PoliciesError> {
        Ok(judge(loaded, store.announced().await?, now))
    }

    /// The same where the memory is away: what the configuration says counts as it stands, and is
    /// judged when the memory is back.
    pub(super) fn without_memory(loaded: &Loaded, now: Timestamp) -> Self {
        judge(loaded, Announced { first_installation: true, ..Announced::default() }, now)
    }

    /// What counts.
    ///
    /// # Errors
    /// [`PoliciesError::Locked`]: nothing of the configuration may take effect.
    pub(super) fn policies(&self) -> Result<&Policies, PoliciesError> {
        let locked = self.reports.iter().find(|(_, report)| !report.violations.is_empty());
        match locked {
            Some((list, LockReport { violations, .. })) => {
                Err(PoliciesError::Locked { list: list.clone(), violations: violations.clone() })
            }
            None => Ok(&self.policies),
        }
    }

    /// Remembers what takes effect now: the last thing before it does.
    ///
    /// # Errors
    /// [`PoliciesError`] where the memory cannot be written, or another node has remembered
    /// something meanwhile by which something else would count; then it may not take effect.
    pub(super) async fn remember(
        &self,
        loaded: &Loaded,
        store: &Store,
        now: Timestamp,
    ) -> Result<(), PoliciesError> {
        let keep = async |judged: &Self| {
            store.remember_announced(&judged.versions, &judged.settings, &judged.announced).await
        };
        if !keep(self).await? {
            let again = Self::judge(loaded, store, now).await?;
            let same = again.policies()?.effective == self.policies.effective;
            if !(same && keep(&again).await?) {
                return Err(PoliciesError::Meanwhile);
            }
        }
        for wait in self.policies.waiting() {
            tracing::warn!("{wait}");
        }
        Ok(())
    }
}

impl Policies {
    /// A sentence for each stricter setting that still waits for its notice.
    pub(super) fn waiting(&self) -> impl Iterator<Item = String> {
        self.effective.values().flat_map(|e| &e.waiting).map(ToString::to_string)
    }

    /// What counts now, without remembering anything or refusing.
    ///
    /// # Errors
    /// [`StoreError`] where the memory cannot be read.
    pub(super) async fn judge_only(
        loaded: &Loaded,
        store: &Store,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(judge(loaded, store.announced().await?, now).policies)
    }

    /// What a start or reload would say, without remembering anything.
    ///
    /// # Errors
    /// [`StoreError`] where the memory cannot be read.
    pub async fn inspect(
        loaded: &Loaded,
        store: &Store,
        now: Timestamp,
    ) -> Result<Inspection, StoreError> {
        let judged = judge(loaded, store.announced().await?, now);
        let settings = judged.policies.effective.into_values().collect();
        Ok(Inspection { reports: judged.reports, settings })
    }

    /// The mode of a policy, and when a stricter one begins.
    pub(super) fn mode(&self, settings: &PolicySettings) -> Scheduled<Mode> {
        match self.wait(settings, Stricter::Mode) {
            Some(from) => Scheduled::changing(Mode::ReportOnly, from, settings.mode),
            None => Scheduled::fixed(settings.mode),
        }
    }

    /// Whether unknown locations get in, and when that ends.
    pub(super) fn unknown_location(&self, settings: &PolicySettings) -> Scheduled<Admission> {
        match self.wait(settings, Stricter::UnknownLocation) {
            Some(from) => Scheduled::changing(Admission::Allow, from, settings.unknown_location),
            None => Scheduled::fixed(settings.unknown_location),
        }
    }

    fn wait(&self, settings: &PolicySettings, setting: Stricter) -> Option<Timestamp> {
        let effective = self.effective.get(&settings.id)?;
        effective.waiting.iter().find(|wait| wait.setting == setting).map(|wait| wait.from)
    }
}

fn judge(loaded: &Loaded, announced: Announced, now: Timestamp) -> Judged {
    let first = announced.first_installation;
    let mut reports = Vec::new();
    let mut versions = Vec::new();
    for (id, list) in &loaded.lists {
        let seen = announced.of(id);
        let report = check_lock(list, &seen, first, now);
        let kept = remember(list, &seen, first, now);
        versions.extend(kept.into_iter().map(|version| (id.clone(), version)));
        reports.push((id.clone(), report));
    }
    let mut policies = Policies::default();
    let mut settings = Vec::new();
    for (id, policy) in &loaded.config.policies {
        let asked = SeenSettings {
            policy: id.clone(),
            mode: policy.mode,
            unknown_location: policy.unknown_location,
            first_seen: now,
            baseline: first,
        };
        let notice = loaded.lists.get(&policy.list).map_or(0, |list| list.minimum_notice_days());
        let effective = effective_settings(&asked, &announced.settings, notice, now);
        settings.extend(must_remember(&asked, &announced.settings).cloned());
        policies.effective.insert(id.clone(), effective);
    }
    Judged { policies, reports, versions, settings, announced }
}

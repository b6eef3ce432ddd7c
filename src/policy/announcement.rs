//! The announcement lock: enforcement starts no earlier and no stricter than was announced.
//!
//! PURE: the store's memory of what was seen before and the instant are arguments.
//!
//! The rules:
//! - Notice counts from the later of the day a version was announced and the instant at which it was
//!   first seen here in a form as strict as it has now. A version that gets further territories, or
//!   an earlier start, is seen anew.
//! - A version that only takes territories away is not stricter than the one before it, so it needs
//!   no notice: nobody can be locked out by it.
//! - What is in force at the first installation is the baseline and is not questioned. What is still
//!   to come then must keep its notice.
//! - What has been in force is history: it neither changes nor goes away, and nothing is put in
//!   before it.
//! - A shorter `minimum_notice` binds only what comes after the next version; otherwise it would be
//!   the way around itself.
//! - An early start takes a reason and two different people.

mod digest;
mod seen;
mod settings_lock;

use jiff::Timestamp;

pub use seen::SeenVersion;
pub use settings_lock::{
    EffectiveSettings, SeenSettings, SettingsWait, Stricter, effective_settings, must_remember,
};

use super::civil::{days_later, midnight, shown};
use super::{CountryList, ListVersion, TerritorySet};
use crate::territory::Territory;

/// What the lock says about a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockReport {
    /// Everything that breaks the lock; with any of it the list must not be loaded.
    pub violations: Vec<LockViolation>,
    /// From when each version may be enforced, oldest first.
    pub versions: Vec<Enforcement>,
}

/// From when a version may be enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforcement {
    /// The version's name.
    pub version: String,
    /// `effective_from`, or later where the notice reaches further.
    pub enforced_from: Timestamp,
}

/// One way in which a list breaks the lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockViolation {
    /// A stricter version would start before its notice is over.
    #[error(
        "version `{version}` would start on {}, but its notice of {notice_days} days lasts until {}",
        shown(*.effective_from),
        shown(*.earliest)
    )]
    TooEarly {
        /// The version.
        version: String,
        /// When it would start.
        effective_from: Timestamp,
        /// When it may start.
        earliest: Timestamp,
        /// The notice that was promised.
        notice_days: u16,
        /// The territories that it adds.
        added: Vec<Territory>,
    },
    /// An early start that does not name a reason and two different people.
    #[error(
        "the early start of version `{version}` does not name a reason and two different people"
    )]
    EarlyStartUnfounded {
        /// The version.
        version: String,
    },
    /// A version that has been in force reads differently now.
    #[error("version `{version}` has been in force and was changed since")]
    Changed {
        /// The version.
        version: String,
    },
    /// A version that has been in force is gone.
    #[error("version `{version}` has been in force and is gone from the file")]
    Removed {
        /// The version.
        version: String,
    },
    /// A new version was put before one that has been in force.
    #[error(
        "version `{version}` is new, but would have started before `{before}`, which has been in force"
    )]
    Backdated {
        /// The version.
        version: String,
        /// The one that has been in force.
        before: String,
    },
}

impl LockViolation {
    /// The version it is about.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::TooEarly { version, .. }
            | Self::EarlyStartUnfounded { version }
            | Self::Changed { version }
            | Self::Removed { version }
            | Self::Backdated { version, .. } => version,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn way_out(&self) -> String {
        match self {
            Self::TooEarly { earliest, .. } => format!(
                "let it start on {} or later, or add `early_start: {{reason, approved_by}}` with two different people",
                shown(*earliest)
            ),
            Self::EarlyStartUnfounded { .. } => {
                "write `early_start: {reason: …, approved_by: [one person, another person]}`"
                    .to_owned()
            }
            Self::Changed { .. } => {
                "put it back as it was, and make the change in a new version".to_owned()
            }
            Self::Removed { .. } => "put it back; a later version takes its place".to_owned(),
            Self::Backdated { .. } => {
                "give it a start that is still to come; what was in force stays as it was"
                    .to_owned()
            }
        }
    }
}

/// Holds a list against what was seen of it before.
///
/// `seen` is the store's memory of this list, in any order. `first_installation` says that this
/// installation has never loaded any list; it must not be taken from an empty `seen`, or a list
/// under a new name would be a way around the lock.
#[must_use]
pub fn check_lock(
    list: &CountryList,
    seen: &[SeenVersion],
    first_installation: bool,
    now: Timestamp,
) -> LockReport {
    let mut report = LockReport { violations: Vec::new(), versions: Vec::new() };
    let mut before: Option<&ListVersion> = None;
    for version in list.versions() {
        let memory = seen.iter().find(|s| s.version == version.version);
        let case = Case { list, version, before, memory, seen, first_installation, now };
        let (enforcement, violations) = case.judge();
        report.versions.push(enforcement);
        report.violations.extend(violations);
        before = Some(version);
    }
    let gone = seen
        .iter()
        .filter(|s| s.was_in_force(now))
        .filter(|s| !list.versions().iter().any(|v| v.version == s.version));
    report.violations.extend(gone.map(|s| LockViolation::Removed { version: s.version.clone() }));
    report
}

/// Why a version starts no earlier than it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeOf {
    /// The version's name.
    pub version: String,
    /// When it was first seen here in a form as strict as it has now.
    pub first_seen: Timestamp,
    /// The notice that was promised.
    pub notice_days: u16,
    /// When it may start: the notice counted from the later of that and its announcement.
    pub earliest: Timestamp,
    /// What it adds; where that is nothing it needs no notice.
    pub added: Vec<Territory>,
}

/// For each version that is still to come: what its notice is counted from.
#[must_use]
pub fn notices(
    list: &CountryList,
    seen: &[SeenVersion],
    first_installation: bool,
    now: Timestamp,
) -> Vec<NoticeOf> {
    let versions = list.versions();
    let befores = std::iter::once(None).chain(versions.iter().map(Some));
    befores
        .zip(versions)
        .filter(|(_, version)| version.effective_from > now)
        .map(|(before, version)| {
            let memory = seen.iter().find(|s| s.version == version.version);
            let case = Case { list, version, before, memory, seen, first_installation, now };
            NoticeOf {
                version: version.version.clone(),
                first_seen: case.first_seen(),
                notice_days: case.notice_days(),
                earliest: case.earliest(),
                added: case.added(),
            }
        })
        .collect()
}

/// What the store should remember of the list from now on: every version, with the instant from
/// which it counts as seen. Call it after [`check_lock`]; a list with violations may be remembered
/// too, because a version that is refused has been seen all the same.
///
/// What has been in force is kept as it was, whatever the file says now; so is what the lock let
/// pass and that is now refused, so that putting it back costs no new notice.
#[must_use]
pub fn remember(
    list: &CountryList,
    seen: &[SeenVersion],
    first_installation: bool,
    now: Timestamp,
) -> Vec<SeenVersion> {
    let mut kept: Vec<SeenVersion> = seen.iter().filter(|s| s.was_in_force(now)).cloned().collect();
    let mut before: Option<&ListVersion> = None;
    for version in list.versions() {
        if !kept.iter().any(|s| s.version == version.version) {
            let memory = seen.iter().find(|s| s.version == version.version);
            let case = Case { list, version, before, memory, seen, first_installation, now };
            kept.push(case.remembered());
        }
        before = Some(version);
    }
    kept
}

/// One version and everything its verdict depends on.
struct Case<'a> {
    list: &'a CountryList,
    version: &'a ListVersion,
    before: Option<&'a ListVersion>,
    memory: Option<&'a SeenVersion>,
    seen: &'a [SeenVersion],
    first_installation: bool,
    now: Timestamp,
}

impl Case<'_> {
    fn judge(&self) -> (Enforcement, Vec<LockViolation>) {
        let name = || self.version.version.clone();
        let as_written = self.version.effective_from;
        let enforced = |enforced_from| Enforcement { version: name(), enforced_from };
        if let Some(memory) = self.memory.filter(|m| m.was_in_force(self.now)) {
            let changed = memory.digest != self.version.digest();
            let violation = changed.then(|| LockViolation::Changed { version: name() });
            return (enforced(as_written), violation.into_iter().collect());
        }
        if self.first_installation && as_written <= self.now {
            return (enforced(as_written), Vec::new());
        }
        let mut violations = Vec::new();
        if let Some(later) = self.later_in_force() {
            violations.push(LockViolation::Backdated { version: name(), before: later });
        }
        let added = self.added();
        let earliest = self.earliest();
        if added.is_empty() || as_written >= earliest {
            return (enforced(as_written), violations);
        }
        match &self.version.early_start {
            Some(early) if early.has_two_people() && !early.reason.trim().is_empty() => {
                return (enforced(as_written), violations);
            }
            Some(_) => violations.push(LockViolation::EarlyStartUnfounded { version: name() }),
            None => violations.push(LockViolation::TooEarly {
                version: name(),
                effective_from: as_written,
                earliest,
                notice_days: self.notice_days(),
                added,
            }),
        }
        (enforced(earliest), violations)
    }

    fn remembered(&self) -> SeenVersion {
        let (enforcement, violations) = self.judge();
        let passed_before = self.memory.filter(|memory| memory.allowed_from.is_some());
        match passed_before {
            Some(memory) if !violations.is_empty() => memory.clone(),
            Some(_) | None => SeenVersion {
                version: self.version.version.clone(),
                digest: self.version.digest(),
                first_seen: self.first_seen(),
                allowed_from: violations.is_empty().then_some(enforcement.enforced_from),
                effective_from: self.version.effective_from,
                territories: self.version.territories.to_vec(),
                minimum_notice_days: self.list.minimum_notice_days(),
            },
        }
    }

    /// What this version names and the one before it did not; all of it for the first version.
    fn added(&self) -> Vec<Territory> {
        let nothing = TerritorySet::default();
        let before = self.before.map_or(&nothing, |before| &before.territories);
        unnamed(&self.version.territories, before)
    }

    fn earliest(&self) -> Timestamp {
        let days = self.notice_days();
        let announced = midnight(self.version.announced_on).unwrap_or(Timestamp::MAX);
        days_later(announced, days).max(days_later(self.first_seen(), days))
    }

    /// The longer of the list's notice now and that which was promised when the version before this
    /// one was first seen.
    fn notice_days(&self) -> u16 {
        let before = self.before.and_then(|b| self.seen.iter().find(|s| s.version == b.version));
        // Seen together with its predecessor or before a change of the notice, its own word counts.
        let promised = [before, self.memory].into_iter().flatten().map(|s| s.minimum_notice_days);
        promised.chain([self.list.minimum_notice_days()]).max().unwrap_or_default()
    }

    /// Since when the version is known in a form as strict as this one.
    fn first_seen(&self) -> Timestamp {
        let as_strict = |memory: &&SeenVersion| {
            let known: TerritorySet = memory.territories.iter().copied().collect();
            memory.effective_from <= self.version.effective_from
                && unnamed(&self.version.territories, &known).is_empty()
        };
        // A clock that was set back makes nothing older.
        self.memory.filter(as_strict).map_or(self.now, |memory| memory.first_seen)
    }

    fn later_in_force(&self) -> Option<String> {
        let mut in_force = self.seen.iter().filter(|s| s.was_in_force(self.now));
        in_force
            .find(|s| s.effective_from >= self.version.effective_from)
            .map(|s| s.version.clone())
    }
}

/// The territories that `before` does not name. A subdivision counts also where its country was
/// named: once it is named by itself, an exemption for the country no longer covers it.
fn unnamed(territories: &TerritorySet, before: &TerritorySet) -> Vec<Territory> {
    territories.to_vec().into_iter().filter(|&t| !before.names(t)).collect()
}

#[cfg(test)]
#[path = "announcement/tests.rs"]
mod tests;

//! The same lock for what a policy says beside its list: a stricter `mode` or `unknown_location`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identifier::{InvalidIdentifier, PolicyId};
use crate::policy::civil::{days_later, shown};
use crate::policy::{Admission, Mode};

/// The settings of a policy from one instant on, until the next record of the same policy. The
/// store keeps these as JSON values in the order in which they were seen and only ever adds to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredSettings", try_from = "StoredSettings")]
pub struct SeenSettings {
    /// The policy.
    pub policy: PolicyId,
    /// `mode` as the configuration said.
    pub mode: Mode,
    /// `unknown_location` as the configuration said.
    pub unknown_location: Admission,
    /// When the configuration was first seen to say so.
    pub first_seen: Timestamp,
    /// Whether this was the first installation, in which what stands counts at once.
    pub baseline: bool,
}

/// What a policy does at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSettings {
    /// The mode that counts.
    pub mode: Mode,
    /// The admission that counts.
    pub unknown_location: Admission,
    /// The stricter settings that still wait for their notice.
    pub waiting: Vec<SettingsWait>,
}

/// A stricter setting that waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "policy `{policy}` asks for `{}`, which is stricter than what was announced; it takes effect on {}, until then `{}` counts",
    setting.asked(), shown(*.from), setting.until_then()
)]
pub struct SettingsWait {
    /// The policy.
    pub policy: PolicyId,
    /// Which setting.
    pub setting: Stricter,
    /// When it takes effect.
    pub from: Timestamp,
}

/// A setting that can become stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stricter {
    /// `mode: report_only` to `enforce`.
    Mode,
    /// `unknown_location: allow` to `deny`.
    UnknownLocation,
}

impl Stricter {
    fn asked(self) -> &'static str {
        match self {
            Self::Mode => "mode: enforce",
            Self::UnknownLocation => "unknown_location: deny",
        }
    }

    fn until_then(self) -> &'static str {
        match self {
            Self::Mode => "mode: report_only",
            Self::UnknownLocation => "unknown_location: allow",
        }
    }
}

/// What counts at `now` for a policy that asks for `mode` and `unknown_location`.
///
/// `seen` is the store's memory of this policy, oldest first; records of other policies are passed
/// over. What the memory does not hold yet counts as seen now, as [`must_remember`] will record it.
///
/// A stricter setting counts from `first_seen` + the list's minimum notice. It counts at once at the
/// first installation, and where it was in effect less than that notice ago: taking back a slip, or
/// a short relaxation, surprises nobody.
#[must_use]
pub fn effective_settings(
    asked: &SeenSettings,
    seen: &[SeenSettings],
    minimum_notice_days: u16,
    now: Timestamp,
) -> EffectiveSettings {
    let mut history: Vec<&SeenSettings> =
        seen.iter().filter(|s| s.policy == asked.policy).collect();
    history.sort_by_key(|s| s.first_seen);
    let says_so =
        |s: &SeenSettings| (s.mode, s.unknown_location) == (asked.mode, asked.unknown_location);
    if !history.last().is_some_and(|last| says_so(last)) {
        history.push(asked);
    }
    let mut waiting = Vec::new();
    let mut counts = |setting, strict: fn(&SeenSettings) -> bool| match strict_from(
        &history,
        strict,
        minimum_notice_days,
    ) {
        Some(from) if from > now => {
            waiting.push(SettingsWait { policy: asked.policy.clone(), setting, from });
            false
        }
        from => from.is_some(),
    };
    let enforce = counts(Stricter::Mode, |s| s.mode == Mode::Enforce);
    let deny = counts(Stricter::UnknownLocation, |s| s.unknown_location == Admission::Deny);
    EffectiveSettings {
        mode: if enforce { Mode::Enforce } else { Mode::ReportOnly },
        unknown_location: if deny { Admission::Deny } else { Admission::Allow },
        waiting,
    }
}

/// The record to add to the memory, where what is asked differs from the newest one.
#[must_use]
pub fn must_remember<'a>(
    asked: &'a SeenSettings,
    seen: &[SeenSettings],
) -> Option<&'a SeenSettings> {
    let newest = seen.iter().filter(|s| s.policy == asked.policy).max_by_key(|s| s.first_seen);
    let same = newest
        .is_some_and(|n| (n.mode, n.unknown_location) == (asked.mode, asked.unknown_location));
    (!same).then_some(asked)
}

/// Since when, or from when on, the strict setting counts that the newest record asks for. None
/// where the newest record does not ask for it.
fn strict_from(
    history: &[&SeenSettings],
    strict: fn(&SeenSettings) -> bool,
    notice: u16,
) -> Option<Timestamp> {
    let mut counts_from: Option<Timestamp> = None;
    let mut ended: Option<Timestamp> = None;
    for (index, record) in history.iter().enumerate() {
        let at = record.first_seen;
        match (strict(record), counts_from) {
            (true, None) => {
                let known = ended.is_some_and(|ended| at < days_later(ended, notice));
                let at_once = (index == 0 && record.baseline) || known;
                counts_from = Some(if at_once { at } else { days_later(at, notice) });
            }
            (false, Some(from)) => {
                if from < at {
                    ended = Some(at);
                }
                counts_from = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    counts_from
}

/// How the store keeps [`SeenSettings`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSettings {
    policy: String,
    enforce: bool,
    deny_unknown_location: bool,
    first_seen: Timestamp,
    baseline: bool,
}

impl From<SeenSettings> for StoredSettings {
    fn from(settings: SeenSettings) -> Self {
        Self {
            policy: settings.policy.as_str().to_owned(),
            enforce: settings.mode == Mode::Enforce,
            deny_unknown_location: settings.unknown_location == Admission::Deny,
            first_seen: settings.first_seen,
            baseline: settings.baseline,
        }
    }
}

impl TryFrom<StoredSettings> for SeenSettings {
    type Error = InvalidIdentifier;

    fn try_from(stored: StoredSettings) -> Result<Self, Self::Error> {
        Ok(Self {
            policy: PolicyId::parse(&stored.policy)?,
            mode: if stored.enforce { Mode::Enforce } else { Mode::ReportOnly },
            unknown_location: if stored.deny_unknown_location {
                Admission::Deny
            } else {
                Admission::Allow
            },
            first_seen: stored.first_seen,
            baseline: stored.baseline,
        })
    }
}

//! How long the certificates that are served are still good, in metrics, log and `/readyz`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::identifier::ListenerId;
use crate::listen::Door;

/// From how long before its end a certificate warns.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How often it says so again.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

const METRIC: &str = "geovagt_certificate_expiry_timestamp_seconds";

/// One certificate that is served.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) listener: ListenerId,
    pub(super) chain: PathBuf,
    pub(super) not_after: Option<Timestamp>,
    standing: Standing,
}

/// How it stands with one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    EndsSoon,
    Expired,
}

/// What was said of which certificate, and when.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<(ListenerId, PathBuf), (Standing, Timestamp)>);

/// Every certificate of every listener.
pub(super) fn all(doors: &[Arc<Door>], now: Timestamp) -> Vec<Served> {
    let of = |door: &Arc<Door>| -> Vec<Served> {
        let served = |expiry: crate::listen::Expiry| Served {
            listener: door.name().clone(),
            chain: expiry.chain,
            not_after: expiry.not_after,
            standing: standing(expiry.not_after, now),
        };
        door.certificate_expiries().into_iter().map(served).collect()
    };
    doors.iter().flat_map(of).collect()
}

fn standing(not_after: Option<Timestamp>, now: Timestamp) -> Standing {
    match not_after.map(|end| end.duration_since(now)) {
        Some(left) if !left.is_positive() => Standing::Expired,
        Some(left) if left <= SOON => Standing::EndsSoon,
        Some(_) | None => Standing::Good,
    }
}

impl Served {
    /// A sentence, where there is something to do.
    pub(super) fn warning(&self, now: Timestamp) -> Option<String> {
        let chain = self.chain.display();
        let end = self.not_after?;
        let days = end.duration_since(now).as_hours() / 24;
        match self.standing {
            Standing::Good => None,
            Standing::EndsSoon => Some(format!("{chain} ends in {days} days, at {end}: renew it")),
            Standing::Expired => Some(format!("{chain} has expired at {end}: renew it")),
        }
    }
}

impl Said {
    /// Tells metrics and log. A warning is repeated each day.
    pub(super) fn tell(&mut self, doors: &[Arc<Door>], now: Timestamp) {
        let all = all(doors, now);
        for gone in self.forget_others(&all) {
            // A series cannot be taken back; without a number it raises no alarm.
            gauge(&gone.0, &gone.1).set(f64::NAN);
        }
        for served in all {
            if let Some(end) = served.not_after {
                gauge(&served.listener, &served.chain).set(end.as_second() as f64);
            }
            self.log(&served, now);
        }
    }

    fn forget_others(&mut self, all: &[Served]) -> Vec<(ListenerId, PathBuf)> {
        let is_served = |(listener, chain): &(ListenerId, PathBuf)| {
            all.iter().any(|served| served.listener == *listener && served.chain == *chain)
        };
        let gone: Vec<_> = self.0.keys().filter(|key| !is_served(key)).cloned().collect();
        self.0.retain(|key, _| is_served(key));
        gone
    }

    fn log(&mut self, served: &Served, now: Timestamp) {
        let key = (served.listener.clone(), served.chain.clone());
        let before = self.0.get(&key);
        let said = before.is_some_and(|(standing, at)| {
            *standing == served.standing && now.duration_since(*at) < AGAIN
        });
        if said {
            return;
        }
        self.0.insert(key, (served.standing, now));
        let Some(warning) = served.warning(now) else { return };
        let listener = served.listener.as_str();
        if served.standing == Standing::Expired {
            tracing::error!(listener, warning, "a certificate has expired and is served on");
        } else {
            tracing::warn!(listener, warning, "a certificate ends soon");
        }
    }
}

fn gauge(listener: &ListenerId, chain: &std::path::Path) -> metrics::Gauge {
    metrics::gauge!(
        METRIC,
        "listener" => listener.to_string(),
        "chain" => chain.display().to_string()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourteen_days_before_its_end_it_warns_and_at_its_end_it_has_expired() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let after = |seconds: i64| Some(now + SignedDuration::from_secs(seconds));
        let fortnight = 14 * 86_400;
        assert_eq!(standing(after(fortnight + 1), now), Standing::Good);
        assert_eq!(standing(after(fortnight), now), Standing::EndsSoon);
        assert_eq!(standing(after(1), now), Standing::EndsSoon);
        assert_eq!(standing(after(0), now), Standing::Expired);
        assert_eq!(standing(after(-9), now), Standing::Expired);
    }
}

//! The mail that travellers get: what time brings about is put into the store, and what is due is
//! sent. Beside the requests; nothing waits for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::App;
use crate::clock;
use crate::config::Loaded;
use crate::identifier::SiteId;
use crate::notice::{deliver, schedule};
use crate::operations::Part;
use crate::policy::{CountryList, ExemptionId, Phase, TravelExemption};
use crate::store::{ExemptionRecord, Store, StoreError};

/// How often is looked for what is due.
const DUE_EVERY: Duration = Duration::from_secs(1);
/// How often is looked for what time has brought about.
const TIME_EVERY: Duration = Duration::from_secs(30);
/// So many occasions are remembered as put in, so that the store is not asked for them again.
const REMEMBERED: usize = 10_000;
/// For so long after a journey is known where its traveller was reached.
const CONTACT_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Starts it.
pub(super) fn spawn(app: &App) {
    let app = app.clone();
    app.tasks.clone().spawn(async move { keep_telling(&app).await });
}

async fn keep_telling(app: &App) {
    let stopping = app.tasks.stopping();
    let mut looked = Looked::default();
    let mut failing = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(DUE_EVERY) => {}
            () = stopping.cancelled() => return,
        }
        let told = tell(app, &mut looked).await;
        if let Err(error) = &told
            && !failing
        {
            tracing::warn!(
                error = crate::telemetry::chain(error),
                "the store does not tell which notices are due"
            );
        }
        failing = told.is_err();
    }
}

/// What this process has looked at. The store alone decides what is new.
#[derive(Default)]
struct Looked {
    at: Option<std::time::Instant>,
    put_in: HashSet<schedule::Occasion>,
}

async fn tell(app: &App, looked: &mut Looked) -> Result<(), StoreError> {
    let loaded = app.state.loaded();
    let now = clock::instant();
    if looked.at.is_none_or(|at| now.duration_since(at) >= TIME_EVERY) {
        put_in_what_time_brings(&app.store, &loaded, clock::now(), &mut looked.put_in).await?;
        looked.at = Some(now);
    }
    deliver::round(&app.store, &loaded.config, &app.state.notices, &app.tasks.stopping()).await
}

/// Looks at every exemption, and forgets where travellers were reached whose journey is long over.
async fn put_in_what_time_brings(
    store: &Store,
    loaded: &Loaded,
    now: Timestamp,
    put_in: &mut HashSet<schedule::Occasion>,
) -> Result<(), StoreError> {
    let records = store.exemptions(None).await?;
    let all: Vec<TravelExemption> = records.iter().map(|record| record.exemption.clone()).collect();
    for record in &records {
        for occasion in occasions(loaded, record, &all, now) {
            if put_in.contains(&occasion) {
                continue;
            }
            let schedule::Occasion { exemption, kind, occasion: name, details } = &occasion;
            store.put_notice(exemption, *kind, name, details, now).await?;
            if put_in.len() >= REMEMBERED {
                put_in.clear();
            }
            put_in.insert(occasion);
        }
    }
    forget(store, &records, now).await
}

fn occasions(
    loaded: &Loaded,
    record: &ExemptionRecord,
    all: &[TravelExemption],
    now: Timestamp,
) -> Vec<schedule::Occasion> {
    let exemption = &record.exemption;
    let config = &loaded.config;
    let Some(organization) = config.organizations.get(&exemption.organization) else {
        return Vec::new();
    };
    if config.notices.as_ref().is_none_or(|n| n.sender(&organization.id).is_none()) {
        return Vec::new();
    }
    let zone = &organization.time_zone;
    let mut occasions = schedule::by_time(exemption, all, zone, now);
    for list in lists(loaded, &exemption.sites) {
        occasions.extend(schedule::by_list(exemption, record.granted_at, list, zone, now));
    }
    occasions
}

/// The lists that the sites are under, each once.
fn lists<'a>(loaded: &'a Loaded, sites: &[SiteId]) -> Vec<&'a Arc<CountryList>> {
    let policies = sites.iter().filter_map(|site| loaded.config.sites.get(site));
    let mut ids: Vec<_> =
        policies.filter_map(|site| Some(&loaded.config.policies.get(&site.policy)?.list)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().filter_map(|id| loaded.lists.get(id)).collect()
}

async fn forget(
    store: &Store,
    records: &[ExemptionRecord],
    now: Timestamp,
) -> Result<(), StoreError> {
    let over = |record: &ExemptionRecord| {
        let exemption = &record.exemption;
        let phase = exemption.phase(now);
        let last = record.history.last().map_or(record.granted_at, |entry| entry.at);
        let end = match phase {
            Phase::Ended => exemption.journey().map_or(last, |(_, until)| until),
            Phase::Revoked | Phase::Closed => last,
            _ => return false,
        };
        now.duration_since(end) > CONTACT_KEPT
    };
    let kept = store.contacts_kept().await?;
    let over: Vec<ExemptionId> = records
        .iter()
        .filter(|record| over(record) && kept.contains(&record.exemption.id))
        .map(|record| record.exemption.id.clone())
        .collect();
    if over.is_empty() { Ok(()) } else { store.forget_contacts(&over).await }
}

/// How it is, where notices are configured.
pub(super) fn part(app: &App) -> Option<Part> {
    app.state.loaded().config.notices.as_ref()?;
    let state = app.state.notices.state();
    let mut detail = format!("{} wait, {} failed", state.waiting, state.failed);
    if state.failed > 0 {
        detail.push_str(" (geovagt notices list --failed)");
    }
    if let Some(trouble) = &state.trouble {
        detail = format!("{detail}; {trouble}");
    }
    let warning = state.failed > 0 || state.trouble.is_some();
    Some(Part { name: "notices", ready: true, warning, detail })
}

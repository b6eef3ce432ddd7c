//! What the first page tells; page and API both call it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::TRAVEL;
use super::health::{self, Part, State};
use crate::admin::access::{self, Looked};
use crate::admin::list::{Standing, standings};
use crate::admin::{Admin, Refusal, Visitor};
use crate::clock;
use crate::config::Role;
use crate::identifier::OrganizationId;
use crate::log_review::{Reviewed, Standing as ReviewStanding};
use crate::policy::{ExemptionState, Phase, TravelExemption};
use crate::store::NoticeState;
use crate::store::log::{By, LogQuery, Organizations};
use crate::territory::Territory;

/// So many days are shown.
pub(super) const DAYS: i64 = 30;
/// Who travels within so many days is shown.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 14);
/// A version that starts within so many days is told of.
const ANNOUNCED: SignedDuration = SignedDuration::from_hours(24 * 30);
/// So many journeys are shown.
const MOST_JOURNEYS: usize = 20;
/// Those who review the log.
const REVIEWERS: &[Role] = &[Role::Security, Role::DataProtectionOfficer];

/// Everything that the page tells.
#[derive(Debug)]
pub(super) struct Overview {
    pub(super) now: Timestamp,
    pub(super) parts: Vec<Part>,
    pub(super) attention: Vec<Attention>,
    pub(super) traffic: Option<Traffic>,
    pub(super) travel: Travel,
    pub(super) organizations: Vec<OrganizationHealth>,
}

/// Something that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attention {
    /// The review of the log was due on that day.
    ReviewOverdue(Date),
    /// It is due on that day.
    ReviewWaits(Date),
    /// Messages that could not be sent.
    NoticesFailed(usize),
    /// A version that will start.
    Announced(String, Timestamp),
    /// Emergencies that a second person has to confirm, and until when the first of them.
    Emergencies(usize, Timestamp),
    /// Journeys that wait for an answer or a second person.
    Journeys(usize),
}

/// What passed in the last days.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    /// Each day with requests, rejections and exempt access.
    pub(super) days: Vec<(Date, Figures)>,
    /// Rejections by country.
    pub(super) countries: BTreeMap<Territory, u64>,
    /// Rejections from nowhere that is known.
    pub(super) unknown: u64,
}

/// The figures of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Figures {
    pub(super) requests: u64,
    pub(super) rejected: u64,
    pub(super) exempt: u64,
}

/// Who travels.
#[derive(Debug)]
pub(super) enum Travel {
    /// Not for this visitor.
    NotShown,
    /// The look cannot be written, so nothing is shown.
    NoEntry,
    /// Now, and within two weeks.
    Shown { now: Vec<TravelExemption>, next: Vec<TravelExemption> },
}

/// How one organisation is, for an operator of the centre.
#[derive(Debug)]
pub(super) struct OrganizationHealth {
    pub(super) name: String,
    pub(super) sites: usize,
    pub(super) out: usize,
    pub(super) lists: Vec<String>,
    pub(super) notices_failed: usize,
}

/// Everything, with who travels for those who may see it.
pub(super) async fn overview(admin: &Admin, visitor: &Visitor) -> Result<Overview, Refusal> {
    let travel = travel(admin, visitor, clock::now()).await?;
    Ok(Overview { travel, ..health_alone(admin, visitor).await? })
}

/// The same without anybody's travel.
pub(super) async fn health_alone(admin: &Admin, visitor: &Visitor) -> Result<Overview, Refusal> {
    let now = clock::now();
    let loaded = admin.loaded();
    let staff = visitor.has_any(&Role::ALL);
    let organizations: Vec<OrganizationId> = if visitor.centre_operator {
        loaded.config.organizations.keys().cloned().collect()
    } else {
        vec![visitor.organization_id().clone()]
    };
    let lists = standings(admin, visitor).await?;
    let failed = failed_notices(admin).await?;
    Ok(Overview {
        now,
        parts: health::parts(admin, &organizations, &lists, now).await?,
        attention: if staff {
            attention(admin, visitor, &lists, &failed, now).await?
        } else {
            Vec::new()
        },
        traffic: if staff { Some(traffic(admin, visitor, now).await?) } else { None },
        travel: Travel::NotShown,
        organizations: if visitor.centre_operator {
            health_of_all(admin, &failed, now)
        } else {
            Vec::new()
        },
    })
}

impl Overview {
    /// How many parts somebody should look at.
    pub(super) fn unwell(&self) -> usize {
        self.parts.iter().filter(|part| part.state() != State::Well).count()
    }
}

async fn failed_notices(admin: &Admin) -> Result<BTreeMap<OrganizationId, usize>, Refusal> {
    let mut failed = BTreeMap::new();
    for notice in admin.store().notices(Some(NoticeState::Failed)).await? {
        *failed.entry(notice.organization).or_insert(0) += 1;
    }
    Ok(failed)
}

async fn attention(
    admin: &Admin,
    visitor: &Visitor,
    lists: &[Standing],
    failed: &BTreeMap<OrganizationId, usize>,
    now: Timestamp,
) -> Result<Vec<Attention>, Refusal> {
    let organization = visitor.organization_id();
    let mut attention = Vec::new();
    if visitor.has_any(REVIEWERS) {
        let zone = &visitor.organization.time_zone;
        let progress = Reviewed { organization, zone }.progress(admin.store(), now).await?;
        match progress.map(|progress| progress.standing) {
            Some(ReviewStanding::Overdue(_, due)) => attention.push(Attention::ReviewOverdue(due)),
            Some(ReviewStanding::Waiting(_, due)) => attention.push(Attention::ReviewWaits(due)),
            Some(ReviewStanding::UpToDate(_)) | None => {}
        }
    }
    if visitor.has_any(TRAVEL) {
        // How many there are names nobody, so it is no look.
        let records = admin.store().exemptions(Some(organization)).await?;
        let states = || records.iter().map(|record| record.exemption.state);
        let confirm = states().filter_map(|state| match state {
            ExemptionState::Provisional { until } if until > now => Some(until),
            _ => None,
        });
        if let Some(first) = confirm.clone().min() {
            attention.push(Attention::Emergencies(confirm.count(), first));
        }
        let waiting = records.iter().filter(|record| {
            matches!(record.exemption.phase(now), Phase::Applied | Phase::AwaitingApproval)
        });
        let waiting = waiting.count();
        if waiting > 0 {
            attention.push(Attention::Journeys(waiting));
        }
    }
    if let Some(failed) = failed.get(organization).filter(|failed| **failed > 0) {
        attention.push(Attention::NoticesFailed(*failed));
    }
    let announced = lists.iter().filter_map(Standing::announced);
    let soon = announced.filter(|version| version.effective_from.duration_since(now) <= ANNOUNCED);
    attention.extend(
        soon.map(|version| Attention::Announced(version.version.clone(), version.effective_from)),
    );
    Ok(attention)
}

async fn traffic(admin: &Admin, visitor: &Visitor, now: Timestamp) -> Result<Traffic, Refusal> {
    let zone = &visitor.organization.time_zone;
    let loaded = admin.loaded();
    let organization = visitor.organization_id();
    let sites: Vec<&str> = loaded
        .config
        .sites
        .values()
        .filter(|site| site.organization == *organization)
        .map(|site| site.id.as_str())
        .collect();
    let today = now.to_zoned(zone.clone()).date();
    let day_of = |back: i64| today.checked_sub(jiff::Span::new().days(back)).unwrap_or(today);
    let first = day_of(DAYS - 1);
    let since = first.to_zoned(zone.clone()).map_or(now, |midnight| midnight.timestamp());
    let mut days: BTreeMap<Date, Figures> =
        (0..DAYS).map(|back| (day_of(back), Figures::default())).collect();
    for hour in admin.store().traffic(&sites, since).await? {
        if let Some(day) = days.get_mut(&hour.hour.to_zoned(zone.clone()).date()) {
            day.requests += hour.passed.requests;
            day.exempt += hour.passed.exempt;
        }
    }
    let organizations = Organizations::These([organization.clone()].into());
    let until = now.checked_add(SignedDuration::from_secs(60)).unwrap_or(now);
    let mut denied = LogQuery::of(organizations).between(since, until);
    denied.verdict = Some("deny".to_owned());
    let log = admin.store().log();
    for count in log.counts(&denied, By::Day, zone).await? {
        let day = count.name.parse().ok().and_then(|day: Date| days.get_mut(&day));
        if let Some(day) = day {
            day.rejected = count.count;
            // What was rejected before it reached a site's counter was asked all the same.
            day.requests = day.requests.max(count.count);
        }
    }
    let (mut countries, mut unknown) = (BTreeMap::new(), 0);
    for count in log.counts(&denied, By::Country, zone).await? {
        match Territory::parse(&count.name) {
            Ok(territory) => *countries.entry(territory).or_insert(0) += count.count,
            Err(_) => unknown += count.count,
        }
    }
    Ok(Traffic { days: days.into_iter().collect(), countries, unknown })
}

async fn travel(admin: &Admin, visitor: &Visitor, now: Timestamp) -> Result<Travel, Refusal> {
    if !visitor.has_any(TRAVEL) {
        return Ok(Travel::NotShown);
    }
    match access::look(admin, visitor, Looked::Travel, |event| event.detail("view", "overview"))
        .await
    {
        Ok(()) => {}
        // The page that tells of a broken log must not break with it.
        Err(Refusal::NoEntry) => return Ok(Travel::NoEntry),
        Err(refusal) => return Err(refusal),
    }
    let records = admin.store().exemptions(Some(visitor.organization_id())).await?;
    let (mut on, mut next) = (Vec::new(), Vec::new());
    for exemption in records.into_iter().map(|record| record.exemption) {
        match (exemption.phase(now), exemption.journey()) {
            (Phase::Active, _) => on.push(exemption),
            (Phase::Planned, Some((from, _))) if from.duration_since(now) <= SOON => {
                next.push(exemption);
            }
            _ => {}
        }
    }
    on.sort_by_key(|one| one.journey().map(|(_, until)| until));
    next.sort_by_key(|one| one.journey().map(|(from, _)| from));
    on.truncate(MOST_JOURNEYS);
    next.truncate(MOST_JOURNEYS);
    Ok(Travel::Shown { now: on, next })
}

/// The health of each organisation, and nothing of its people.
fn health_of_all(
    admin: &Admin,
    failed: &BTreeMap<OrganizationId, usize>,
    now: Timestamp,
) -> Vec<OrganizationHealth> {
    let loaded = admin.loaded();
    let condition = admin.in_effect().condition();
    let config = &loaded.config;
    config
        .organizations
        .values()
        .map(|organization| {
            let sites: Vec<_> =
                config.sites.values().filter(|site| site.organization == organization.id).collect();
            let is_out = |server: &&crate::oversight::UpstreamServer| {
                use crate::oversight::UpstreamStanding::{Down, Ejected};
                matches!(server.standing, Down | Ejected)
                    && sites.iter().any(|site| site.id == server.site)
            };
            let mut lists: Vec<String> = sites
                .iter()
                .filter_map(|site| loaded.lists.get(&config.policies.get(&site.policy)?.list))
                .map(|list| match list.in_force(now) {
                    Some(version) => format!("{} {}", list.id(), version.version),
                    None => list.id().to_string(),
                })
                .collect();
            lists.sort();
            lists.dedup();
            OrganizationHealth {
                name: organization.name.clone(),
                sites: sites.len(),
                out: condition.upstreams.iter().filter(is_out).count(),
                lists,
                notices_failed: failed.get(&organization.id).copied().unwrap_or(0),
            }
        })
        .collect()
}

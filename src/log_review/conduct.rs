//! Conducting a review: what stands, beginning, drawing, judging. The administration and the command
//! line both call it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smol_str::SmolStr;
use uuid::Uuid;

use super::{Draw, EACH, Group, Plan, SEED_LENGTH, Standing, group_of, pick};
use crate::audit::event::Field;
use crate::audit::{Action, Event};
use crate::identifier::OrganizationId;
use crate::policy::Actor;
use crate::store::log::{By, Count, LogQuery, Organizations, Wanted};
use crate::store::{self, NewReview, Outcome, Review, ReviewError, Store, StoreError};

/// So many entries are offered to the draw at a time.
const AT_ONCE: usize = 1000;

/// Whose log is reviewed, in whose days.
#[derive(Debug, Clone, Copy)]
pub struct Reviewed<'a> {
    /// The organisation.
    pub organization: &'a OrganizationId,
    /// Where its days begin.
    pub zone: &'a TimeZone,
}

/// How far the review of an organisation's log has come.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The plan.
    pub plan: Plan,
    /// What waits, and since when.
    pub standing: Standing,
    /// The review that is under way.
    pub open: Option<Review>,
}

/// Why a review does not begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConductError {
    /// Nobody has planned any.
    #[error("no review is planned; plan it first")]
    NotPlanned,
    /// Every span that is over has been reviewed.
    #[error("nothing waits for a review before {0}")]
    NothingWaits(jiff::civil::Date),
    /// The reviewer did it.
    #[error("this is your own doing; somebody else has to judge it")]
    OwnDoing,
    /// What the store says.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The index or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reviewed<'_> {
    /// How far it has come; none where nothing is planned.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn progress(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Option<Progress>, StoreError> {
        let Some(plan) = store.review_plan(self.organization).await? else { return Ok(None) };
        let reviews = store.reviews(self.organization).await?;
        let today = now.to_zoned(self.zone.clone()).date();
        let finished = reviews.iter().filter(|review| review.finished.is_some());
        let reviewed = finished.map(|review| review.period.until).max();
        let open = reviews.into_iter().find(|review| review.finished.is_none());
        let standing = match &open {
            Some(open) if today > open.due => Standing::Overdue(open.period, open.due),
            Some(open) => Standing::Waiting(open.period, open.due),
            None => plan.standing(reviewed, today),
        };
        Ok(Some(Progress { plan, standing, open }))
    }

    /// Begins the review that waits and draws its entries; one that is under way goes on.
    ///
    /// # Errors
    /// [`ConductError`].
    pub async fn begin(
        &self,
        store: &Store,
        (id, seed): (&str, [u8; SEED_LENGTH]),
        by: &Actor,
        now: Timestamp,
    ) -> Result<String, ConductError> {
        let progress = self.progress(store, now).await?.ok_or(ConductError::NotPlanned)?;
        let id = match (&progress.open, progress.standing) {
            (Some(open), _) if open.population.is_some() => return Err(ReviewError::Open.into()),
            // Its seed is in the log; it is drawn by that one and by no other.
            (Some(open), _) => open.id.clone(),
            (None, Standing::UpToDate(until)) => return Err(ConductError::NothingWaits(until)),
            (None, Standing::Waiting(period, due) | Standing::Overdue(period, due)) => {
                let organization = self.organization;
                let sample = progress.plan.sample;
                let new = NewReview { id, organization, period, due, seed, sample };
                store.begin_review(&new, by, now).await?;
                id.to_owned()
            }
        };
        self.draw(store, &id, by, now).await?;
        Ok(id)
    }

    async fn draw(
        &self,
        store: &Store,
        id: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), ConductError> {
        let review = store.review(self.organization, id).await?.ok_or(ReviewError::Unknown)?;
        let drawn = self.drawn_again(store, &review).await?;
        store.fill_review(self.organization, id, &drawn, by, now).await?;
        Ok(())
    }

    /// What a review's seed draws from the log as it is now: the same as then, as long as nothing of
    /// that span has been deleted.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn drawn_again(
        &self,
        store: &Store,
        review: &Review,
    ) -> Result<super::Drawn, StoreError> {
        let mut seed = [0; SEED_LENGTH];
        // It was written by us, as so many digits.
        let _ = hex::decode_to_slice(&review.seed, &mut seed);
        let begins = |day: jiff::civil::Date| {
            day.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
        };
        let organizations = Organizations::These([self.organization.clone()].into());
        let query = LogQuery::of(organizations)
            .between(begins(review.period.from), begins(review.period.until));
        let sample = usize::from(review.sample);
        let mut drawn = super::Drawn { chosen: Vec::new(), population: 0 };
        for (group, most) in [(Group::People, sample.div_ceil(2)), (Group::Denied, sample / 2)] {
            let mut query = query.clone();
            let of_group = Action::ALL.iter().filter(|action| group_of(**action) == group);
            query.actions = of_group.map(|action| action.word().to_owned()).collect();
            let hours = store.log().counts(&query, By::Hour, &TimeZone::UTC).await?;
            let many: u64 = hours.iter().map(|hour| hour.entries).sum();
            drawn.population += many;
            drawn.chosen.extend(if many > EACH {
                drawn_by_hours(store, &query, (&seed, group, most), &hours).await?
            } else {
                drawn_of_each(store, &query, (seed, group, review.sample)).await?
            });
        }
        Ok(drawn)
    }

    /// Keeps what a reviewer found of the entry at a place; says whether that finished the review.
    ///
    /// # Errors
    /// [`ConductError`].
    pub async fn judge(
        &self,
        store: &Store,
        (id, place): (&str, u32),
        (outcome, note): (Outcome, Option<&str>),
        by: store::By<'_>,
        now: Timestamp,
    ) -> Result<bool, ConductError> {
        let review = store.review(self.organization, id).await?.ok_or(ReviewError::Unknown)?;
        let item = review.items.iter().find(|item| item.place == place);
        let item = item.ok_or(ReviewError::Unknown)?;
        let wanted = item.entry.parse::<Uuid>().map_err(|_| ReviewError::Unknown)?;
        let organizations = Organizations::These([self.organization.clone()].into());
        let found = store.log().entry(&organizations, &Wanted::Id(wanted)).await?;
        if found.iter().any(|entry| is_doing_of(by, &entry.event)) {
            return Err(ConductError::OwnDoing);
        }
        let at = (self.organization, id, place);
        Ok(store.judge(at, (outcome, note), by.actor(), now).await?)
    }
}

/// Whether somebody did what an entry tells of: by the name, or by who they are whatever name they
/// went by then.
fn is_doing_of(by: store::By<'_>, event: &Event) -> bool {
    let said = |field| event.personal.get(field).map(|value: &SmolStr| value.to_lowercase());
    let name = by.actor().name.to_lowercase();
    let id = by.person().map(|person| format!("{}/{}", person.provider(), person.subject()));
    said(Field::UserName).is_some_and(|said| said == name)
        || id.is_some_and(|id| said(Field::UserId).is_some_and(|said| said == id.to_lowercase()))
}

/// Of few entries each is offered.
async fn drawn_of_each(
    store: &Store,
    query: &LogQuery,
    (seed, group, sample): ([u8; SEED_LENGTH], Group, u16),
) -> Result<Vec<Uuid>, StoreError> {
    let mut draw = Draw::new(seed, sample);
    let mut before = None;
    loop {
        let page = store.log().search(query, before, AT_ONCE).await?;
        for entry in &page.entries {
            draw.offer(entry.event.id, group);
        }
        before = page.next;
        if before.is_none() {
            return Ok(draw.finish().chosen);
        }
    }
}

/// Of many no more are read than are drawn.
async fn drawn_by_hours(
    store: &Store,
    query: &LogQuery,
    (seed, group, most): (&[u8; SEED_LENGTH], Group, usize),
    hours: &[Count],
) -> Result<Vec<Uuid>, StoreError> {
    let begins = |hour: &Count| hour.name.parse::<Timestamp>().ok();
    let hours: Vec<(i64, u64)> = hours
        .iter()
        .filter_map(|hour| Some((begins(hour)?.as_second() / 3600, hour.entries)))
        .collect();
    let mut chosen = Vec::new();
    // What was drawn before, and what was deleted since it was counted, is drawn anew.
    for turn in 0..u64::try_from(most).unwrap_or(0) * 4 {
        if chosen.len() >= most {
            break;
        }
        let Some((hour, newer)) = pick(seed, (group, turn), &hours) else { break };
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap_or(Timestamp::MAX);
        let (since, until) = (query.filter.since, query.filter.until);
        let mut of_hour = query.clone().between(at(hour), at(hour + 1));
        of_hour.filter.since = of_hour.filter.since.max(since);
        of_hour.filter.until = until
            .map_or(of_hour.filter.until, |until| of_hour.filter.until.map(|end| end.min(until)));
        let entry = store.log().entry_behind(&of_hour, newer).await?;
        let id = entry.map(|entry| entry.event.id).filter(|id| !chosen.contains(id));
        chosen.extend(id);
    }
    Ok(chosen)
}

#[cfg(test)]
#[path = "conduct_tests.rs"]
mod tests;

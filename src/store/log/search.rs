//! Searching: the rows that a plan leads to, merged by time and held against the query.

use jiff::Timestamp;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::plan::{Arm, FEWEST, Wishes, guide_of, hold};
use super::query::{Cursor, LogEntry, LogQuery, Organizations, Page, Wanted};
use super::row::{self, COLUMNS};

/// The most rows that are asked for at a time.
const MOST: usize = 2000;
/// So many hours with something in them are looked up at a time.
const HOURS: i64 = 60;

impl LogIndex {
    /// The newest entries that match, newest first, at most `limit`, older than `before`.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn search(
        &self,
        query: &LogQuery,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut reading = self.reading().await?;
        let page = self.search_in(&mut reading, query, before, limit).await?;
        reading.done().await?;
        Ok(page)
    }

    /// The entries that a reference leads to (an exchange may have several), or the one with an id.
    /// Another organisation's are none.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn entry(
        &self,
        organizations: &Organizations,
        wanted: &Wanted,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut query = LogQuery::of(organizations.clone());
        match wanted {
            Wanted::Reference(reference) => query.filter.reference = Some(*reference),
            Wanted::Id(id) => {
                // The instant in an id is that of its entry, give or take what its making took.
                let Some((seconds, nanoseconds)) = id.get_timestamp().map(|at| at.to_unix()) else {
                    return Ok(Vec::new());
                };
                let at = i64::try_from(seconds).ok();
                let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
                let Some(at) = at.and_then(|at| Timestamp::new(at, nanoseconds).ok()) else {
                    return Ok(Vec::new());
                };
                let around = jiff::SignedDuration::from_secs(2);
                query.filter.since = at.checked_sub(around).ok();
                query.filter.until = at.checked_add(around).ok();
            }
        }
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let page = self.search(&query, before, 200).await?;
            found.extend(page.entries.into_iter().filter(|entry| match wanted {
                Wanted::Reference(_) => true,
                Wanted::Id(id) => entry.event.id == *id,
            }));
            before = page.next;
            if before.is_none() || (matches!(wanted, Wanted::Id(_)) && !found.is_empty()) {
                return Ok(found);
            }
        }
    }

    pub(super) async fn search_in(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let Some(mut wishes) = self.wishes(reading, query).await? else {
            return Ok(Page::default());
        };
        if let Some(before) = before {
            wishes.places.end = wishes.places.end.min(before.0);
        }
        let arms = self.arms(reading, query, &wishes).await?;
        self.merge(reading, arms, &wishes, query, limit).await
    }

    /// The same where the rows are led to in another way than by a wish.
    pub(super) async fn led_by(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        ways: Vec<(Sql, &'static str)>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let Some(wishes) = self.wishes(reading, query).await? else {
            return Ok(Page::default());
        };
        let arms = ways.into_iter().map(|(from, entry)| Arm::over(from, &wishes, entry)).collect();
        self.merge(reading, arms, &wishes, query, limit).await
    }

    async fn merge(
        &self,
        reading: &mut Reading,
        mut arms: Vec<Arm>,
        wishes: &Wishes,
        query: &LogQuery,
        limit: usize,
    ) -> Result<Page, StoreError> {
        // Each row is a page to be fetched where nothing of it is in memory: no more than needed.
        let at_once = limit.saturating_add(1).div_ceil(arms.len().max(1)).clamp(FEWEST, MOST);
        for arm in &mut arms {
            arm.at_once = at_once;
        }
        let mut entries: Vec<LogEntry> = Vec::new();
        while entries.len() <= limit {
            for arm in &mut arms {
                self.fill(reading, arm, wishes, query).await?;
            }
            let newest = arms
                .iter_mut()
                .filter(|arm| !arm.found.is_empty())
                .max_by_key(|arm| arm.found.front().map(|entry| entry.cursor));
            let Some(entry) = newest.and_then(|arm| arm.found.pop_front()) else { break };
            // Two marks of one entry lead to it twice.
            if entries.last().is_none_or(|last| last.cursor != entry.cursor) {
                entries.push(entry);
            }
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = if more { entries.last().map(|entry| entry.cursor) } else { None };
        Ok(Page { entries, next })
    }

    /// Sees to it that the arm's newest entry is at hand, or that it has none.
    async fn fill(
        &self,
        reading: &mut Reading,
        arm: &mut Arm,
        wishes: &Wishes,
        query: &LogQuery,
    ) -> Result<(), StoreError> {
        while arm.found.is_empty() {
            let Some(range) = arm.ranges.pop_front() else {
                if self.more_hours(reading, arm, wishes).await? {
                    continue;
                }
                return Ok(());
            };
            let mut sql = Sql::new("SELECT ");
            for (position, column) in COLUMNS.split(", ").enumerate() {
                sql.push(if position == 0 { "e." } else { ", e." }).push(column.trim());
            }
            sql.push(" ");
            let mut sql = sql.with(&arm.from);
            sql.push(arm.entry).push(" >= ").number(range.start);
            sql.push(" AND ").push(arm.entry).push(" < ").number(range.end);
            let mut sql = sql.with(&arm.residual);
            sql.push(" ORDER BY ").push(arm.entry).push(" DESC LIMIT ");
            sql.number(i64::try_from(arm.at_once).unwrap_or(i64::MAX));
            let rows = reading.rows(sql.asked()).await?;
            if rows.len() == arm.at_once
                && let Some(last) = rows.last()
            {
                arm.ranges.push_front(range.start..self.integer(last, 0)?);
                arm.at_once = (arm.at_once * 2).min(MOST);
            }
            let named = rows.iter().flat_map(row::words_of).collect::<Vec<_>>();
            let words = self.words(reading, named.into_iter()).await?;
            for row in &rows {
                match row::read(row, &words) {
                    Some(entry) if query.matches(entry.class, &entry.event) => {
                        arm.found.push_back(entry);
                    }
                    Some(_) => {}
                    None => tracing::error!(
                        entry = self.integer(row, 0)?,
                        "a row of the log's index cannot be read and is left out; remove the index \
                         and it is made again"
                    ),
                }
            }
        }
        Ok(())
    }

    /// Asks for the next hours in which there is anything. No where there is none.
    async fn more_hours(
        &self,
        reading: &mut Reading,
        arm: &mut Arm,
        wishes: &Wishes,
    ) -> Result<bool, StoreError> {
        let Some(hours) = &mut arm.hours else { return Ok(false) };
        let end = hours.end;
        if end <= wishes.places.start {
            return Ok(false);
        }
        let hour = |place: i64| key::hour(key::instant(place));
        let mut sql = Sql::new("SELECT hour FROM log_hours WHERE organization = ");
        sql.number(hours.organization).push(" AND hour <= ").number(hour(end - 1));
        sql.push(" AND hour >= ").number(hour(wishes.places.start));
        hold(&mut sql, &wishes.dimensions, guide_of(&wishes.dimensions));
        sql.push(" GROUP BY hour ORDER BY hour DESC LIMIT ");
        sql.number(HOURS);
        let rows = reading.rows(sql.asked()).await?;
        for row in &rows {
            let places = key::places_of_hour(self.integer(row, 0)?);
            hours.end = places.start;
            let places = places.start.max(wishes.places.start)..places.end.min(end);
            match arm.ranges.back_mut() {
                Some(before) if before.start == places.end => before.start = places.start,
                _ => arm.ranges.push_back(places),
            }
        }
        Ok(!rows.is_empty())
    }
}

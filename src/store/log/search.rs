//! Searching: places are found in indexes alone, merged by time, and the entries read last.
//!
//! Always holds: what one question may cost is limited. Where that is used up before a page is full,
//! the page says how far it looked and where to go on.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::handle::{LogIndex, Sql};
use super::key;
use super::kinds::Matched;
use super::plan::{Arm, FEWEST, Span, Wishes, between, guided};
use super::query::{Cursor, LogEntry, LogQuery, Organizations, Page, Wanted};
use super::row::{self, COLUMNS_OF_ENTRY};
use crate::audit::event::Field;

/// The most places that are asked for at a time.
const MOST: usize = 2000;
/// So many are passed over by one question at most.
const EXAMINED: i64 = 32_768;
/// So many kinds are named in a question; more, and they are told apart here.
const KINDS: usize = 300;
/// So many kinds where the counts have named them.
const COUNTED_KINDS: usize = 2000;

/// What a page may cost, in places that are passed over within an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purse {
    left: i64,
}

impl Purse {
    /// Of a whole page: about 1300 pieces of a file, which are fetched in less than a tenth of a second
    /// where nothing of it is in memory.
    const PAGE: i64 = 130_000;
    /// Of a first try.
    const TRY: i64 = 30_000;
    /// A place that is taken out of the database.
    const TAKEN: i64 = 8;
    /// An entry that is read.
    const READ: i64 = 100;
    /// A question.
    pub(super) const ASKED: i64 = 40;

    fn page() -> Self {
        Self { left: most(Self::PAGE) }
    }

    fn first_try() -> Self {
        Self { left: most(Self::TRY) }
    }

    fn without_an_end() -> Self {
        Self { left: i64::MAX }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left <= 0
    }

    pub(super) fn spend(&mut self, many: i64) {
        self.left = self.left.saturating_sub(many);
    }
}

impl LogIndex {
    /// The newest entries that match, newest first, at most `limit`, older than `before`. Where there
    /// are fewer and [`Page::next`] says that it goes on, the log was looked through so far and no
    /// further: nothing between what it gives and that place is missing.
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
                // Nearly always it is the very same millisecond.
                let whole = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
                for around in [0, 50, 2000].map(jiff::SignedDuration::from_millis) {
                    query.filter.since = whole.checked_sub(around).ok();
                    let after = around + jiff::SignedDuration::from_millis(1);
                    query.filter.until = whole.checked_add(after).ok();
                    let found = self.first(&query, |entry| entry.event.id == *id).await?;
                    if let Some(found) = found {
                        return Ok(vec![found]);
                    }
                }
                return Ok(Vec::new());
            }
        }
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let page = self.search(&query, before, 200).await?;
            found.extend(page.entries);
            before = page.next;
            if before.is_none() {
                return Ok(found);
            }
        }
    }

    async fn first(
        &self,
        query: &LogQuery,
        is_it: impl Fn(&LogEntry) -> bool,
    ) -> Result<Option<LogEntry>, StoreError> {
        let mut before = None;
        loop {
            let page = self.search(query, before, 200).await?;
            before = page.next;
            let found = page.entries.into_iter().find(|entry| is_it(entry));
            if found.is_some() || before.is_none() {
                return Ok(found);
            }
        }
    }

    /// The entry that has so many newer ones beside it, of those that the words and the span of a
    /// query lead to in one organisation. Nothing but that entry is read.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn entry_behind(
        &self,
        query: &LogQuery,
        newer: u64,
    ) -> Result<Option<LogEntry>, StoreError> {
        let mut reading = self.reading().await?;
        let Some(wishes) = self.wishes(&mut reading, query).await? else { return Ok(None) };
        let Some(matched) = self.matched(&mut reading, &wishes).await?.pop() else {
            return Ok(None);
        };
        let mut arm = guided(&matched, &wishes);
        let mut kinds: Vec<i64> = Vec::new();
        while self.more_spans(&mut reading, &mut arm, &mut Purse::without_an_end()).await? {
            let counted = arm.spans.drain(..).filter_map(|span| span.counted);
            let before = kinds.len();
            kinds.extend(counted.flat_map(|counted| counted.kinds));
            if kinds.len() == before {
                break;
            }
        }
        if kinds.is_empty() && !matched.all {
            return Ok(None);
        }
        kinds.sort_unstable();
        kinds.dedup();
        let mut sql = Sql::new("SELECT entry ").with(&arm.from);
        sql.push("entry >= ").number(wishes.places.start);
        sql.push(" AND entry < ").number(wishes.places.end);
        if !kinds.is_empty() {
            sql.push(" AND kind IN ").numbers(&kinds);
        }
        sql.push(" ORDER BY entry DESC LIMIT 1 OFFSET ");
        sql.number(i64::try_from(newer).unwrap_or(i64::MAX));
        let rows = reading.rows(sql.asked()).await?;
        let places = rows.iter().map(|row| self.integer(row, 0)).collect::<Result<Vec<_>, _>>()?;
        let found = self.entries_at(&mut reading, &places, query).await?.pop();
        reading.done().await?;
        Ok(found)
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
        let matched = self.matched(reading, &wishes).await?;
        if matched.is_empty() || wishes.places.is_empty() || wishes.chains == [0] {
            return Ok(Page::default());
        }
        let of = (&wishes, matched.as_slice());
        let (mut purse, whole) = (Purse::first_try(), Purse::page());
        let Some(mut arms) = self.named_arms(reading, query, of).await? else {
            let (mut arms, mut purse) = (self.arms_by_words(reading, query, of).await?, whole);
            return self.merge(reading, &mut arms, query, limit, &mut purse).await;
        };
        let page = self.merge(reading, &mut arms, query, limit, &mut purse).await?;
        if page.entries.len() >= limit || page.next.is_none() {
            return Ok(page);
        }
        // What was named is common. Its words may be rare.
        purse = whole;
        let are_rare = !matched.iter().all(|one| one.all)
            && self.fewer_than(reading, (&matched, &wishes.places), FEW_READ).await?;
        let mut arms = if are_rare {
            self.arms_by_words(reading, query, of).await?
        } else {
            self.named_arms(reading, query, of).await?.unwrap_or_default()
        };
        self.merge(reading, &mut arms, query, limit, &mut purse).await
    }

    /// The newest places that an index leads to in another way than by a wish.
    pub(super) async fn places_led_by(
        &self,
        reading: &mut Reading,
        from: Sql,
        (wishes, matched): (&Wishes, &Matched),
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let mut arms = [Arm::over(from, Some(Arc::clone(&matched.numbers)), &wishes.places)];
        for arm in &mut arms {
            arm.at_once = limit.clamp(FEWEST, MOST);
        }
        let (mut places, mut purse) = (Vec::new(), Purse::page());
        while places.len() < limit
            && let Newest::At(place) = self.newest(reading, &mut arms, &mut purse).await?
        {
            places.push(place);
        }
        Ok(places)
    }

    /// Every entry that a network leads to by its second address alone.
    pub(super) async fn second_addresses(
        &self,
        reading: &mut Reading,
        query: &LogQuery,
        wishes: &Wishes,
        matched: &[Matched],
    ) -> Result<Vec<LogEntry>, StoreError> {
        let Some(network) = query.filter.client else { return Ok(Vec::new()) };
        let mut arms = Vec::new();
        for one in matched {
            arms.extend(self.second_arms(reading, network, (wishes, one)).await?);
        }
        let page =
            self.merge(reading, &mut arms, query, MOST, &mut Purse::without_an_end()).await?;
        let mut entries = page.entries;
        entries.retain(|entry| {
            let mut by_the_first = entry.event.clone();
            by_the_first.personal.set(Field::ClientNatIp, None);
            !query.matches(entry.class, &by_the_first)
        });
        Ok(entries)
    }

    async fn merge(
        &self,
        reading: &mut Reading,
        arms: &mut [Arm],
        query: &LogQuery,
        limit: usize,
        purse: &mut Purse,
    ) -> Result<Page, StoreError> {
        let wanted = limit.saturating_add(1);
        // Each place is a piece of a file to be fetched where nothing of it is in memory.
        let at_once = wanted.div_ceil(arms.len().max(1)).clamp(FEWEST, MOST);
        for arm in &mut *arms {
            arm.at_once = at_once;
        }
        let mut entries: Vec<LogEntry> = Vec::new();
        let mut last = None;
        let began = arms.iter().filter_map(Arm::frontier).max();
        loop {
            let missing = wanted.saturating_sub(entries.len()).max(FEWEST);
            let mut places = Vec::new();
            let mut over = false;
            while places.len() < missing && !over {
                match self.newest(reading, arms, purse).await? {
                    // Two marks of one entry lead to it twice.
                    Newest::At(place) if last != Some(place) => {
                        last = Some(place);
                        places.push(place);
                    }
                    Newest::At(_) => {}
                    Newest::None => over = true,
                    // Each page gets somewhere, or asking for the next would never end.
                    Newest::NotLookedFor { before }
                        if Some(before) == began && places.is_empty() && entries.is_empty() =>
                    {
                        *purse = Purse { left: Purse::ASKED };
                    }
                    Newest::NotLookedFor { before } => {
                        entries.extend(self.entries_at(reading, &places, query).await?);
                        return Ok(Page::cut(entries, limit, Some(Cursor(before))));
                    }
                }
            }
            purse.spend(Purse::READ.saturating_mul(i64::try_from(places.len()).unwrap_or(0)));
            entries.extend(self.entries_at(reading, &places, query).await?);
            if over || entries.len() >= wanted {
                return Ok(Page::cut(entries, limit, None));
            }
        }
    }

    /// The newest place that any arm leads to.
    async fn newest(
        &self,
        reading: &mut Reading,
        arms: &mut [Arm],
        purse: &mut Purse,
    ) -> Result<Newest, StoreError> {
        let mut frontier = None;
        for arm in &mut *arms {
            self.fill(reading, arm, purse).await?;
            if arm.found.is_empty() {
                frontier = frontier.max(arm.frontier());
            }
        }
        let newest = arms
            .iter_mut()
            .filter(|arm| !arm.found.is_empty())
            .max_by_key(|arm| arm.found.front().copied());
        let newest = newest.filter(|arm| {
            arm.found.front().is_some_and(|place| frontier.is_none_or(|before| *place >= before))
        });
        Ok(match (newest.and_then(|arm| arm.found.pop_front()), frontier) {
            (Some(place), _) => Newest::At(place),
            (None, Some(before)) => Newest::NotLookedFor { before },
            (None, None) => Newest::None,
        })
    }

    /// Sees to it that the arm's newest place is at hand, or that it has none, or that the purse is
    /// empty.
    async fn fill(
        &self,
        reading: &mut Reading,
        arm: &mut Arm,
        purse: &mut Purse,
    ) -> Result<(), StoreError> {
        while arm.found.is_empty() {
            if arm.spans.is_empty() && !self.more_spans(reading, arm, purse).await? {
                return Ok(());
            }
            if purse.is_empty() {
                return Ok(());
            }
            if let Some(span) = arm.next_span() {
                self.look_into(reading, arm, span, purse).await?;
            }
        }
        Ok(())
    }

    async fn look_into(
        &self,
        reading: &mut Reading,
        arm: &mut Arm,
        span: Span,
        purse: &mut Purse,
    ) -> Result<(), StoreError> {
        let promised = span.counted.as_ref().map_or(0, |counted| counted.wished);
        let (kinds, most) = match (&span.counted, &arm.kinds) {
            (Some(counted), _) => (Some(counted.kinds.as_slice()), COUNTED_KINDS),
            (None, kinds) => (kinds.as_ref().map(|kinds| kinds.as_slice()), KINDS),
        };
        let mut within = arm.within.clone();
        if let Some(kinds) = kinds.filter(|kinds| kinds.len() <= most) {
            within.push(" AND kind IN ").numbers(kinds);
        }
        let known = span.counted.as_ref().map(|counted| counted.all).filter(|all| *all <= EXAMINED);
        let mut low = span.places.start;
        let examined = if within.text.is_empty() {
            0
        } else if let Some(all) = known {
            all
        } else {
            let examined = arm.examined;
            arm.examined = (examined * 4).min(EXAMINED);
            let places = span.places.clone();
            low = self.place_after(reading, arm, places, examined).await?;
            examined
        };
        let sql = Sql::new("SELECT entry, kind ").with(&arm.from);
        let mut sql = sql.with(&between("entry", &(low..span.places.end))).with(&within);
        sql.push(" ORDER BY entry DESC LIMIT ");
        sql.number(i64::try_from(arm.at_once).unwrap_or(i64::MAX));
        let rows = reading.rows(sql.asked()).await?;
        let taken = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        purse.spend(Purse::ASKED + examined + taken.saturating_mul(Purse::TAKEN));
        let mut end = low;
        for row in &rows {
            let (entry, kind) = (self.integer(row, 0)?, self.integer(row, 1)?);
            if rows.len() >= arm.at_once {
                end = entry;
            }
            if arm.kinds.as_ref().is_none_or(|kinds| kinds.binary_search(&kind).is_ok()) {
                arm.found.push_back(entry);
            }
        }
        if end > span.places.start {
            let places = span.places.start..end;
            arm.spans.push_front(Span { places, counted: span.counted });
        }
        if arm.found.is_empty() {
            arm.at_once = (arm.at_once * 4).min(MOST);
        }
        let is_deleted = rows.is_empty() && promised > 0;
        arm.doubt = if is_deleted { (arm.doubt * 4).min(1 << 20) } else { 1 };
        Ok(())
    }

    /// The place that so many are passed over for, or the first of these.
    async fn place_after(
        &self,
        reading: &mut Reading,
        arm: &Arm,
        places: std::ops::Range<i64>,
        many: i64,
    ) -> Result<i64, StoreError> {
        let sql = Sql::new("SELECT entry ").with(&arm.from);
        let mut sql = sql.with(&between("entry", &places));
        sql.push(" ORDER BY entry DESC LIMIT 1 OFFSET ").number(many - 1);
        let rows = reading.rows(sql.asked()).await?;
        rows.first().map_or(Ok(places.start), |row| self.integer(row, 0))
    }

    /// The entries at these places that are wished for, in the same order.
    pub(super) async fn entries_at(
        &self,
        reading: &mut Reading,
        places: &[i64],
        query: &LogQuery,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut found = HashMap::new();
        for some in places.chunks(ROWS) {
            let mut sql = Sql::new("SELECT ");
            sql.push(COLUMNS_OF_ENTRY).push(" FROM log_entries WHERE entry IN ").numbers(some);
            let rows = reading.rows(sql.asked()).await?;
            let named = rows.iter().flat_map(row::words_of).collect::<Vec<_>>();
            let words = self.words(reading, named.into_iter()).await?;
            for row in &rows {
                match row::read(row, &words) {
                    Some(entry) if query.matches(entry.class, &entry.event) => {
                        found.insert(entry.cursor.0, entry);
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
        Ok(places.iter().filter_map(|place| found.remove(place)).collect())
    }
}

/// So many entries are read by one question.
const ROWS: usize = 250;
/// So many entries are rather read than more of what was named passed over.
const FEW_READ: i64 = 600;

/// The newest place of several arms.
enum Newest {
    At(i64),
    None,
    /// The purse is empty, and what stands before this place has not been looked for.
    NotLookedFor {
        before: i64,
    },
}

impl Page {
    /// A page of what was found: what there is too much is where the next one begins, or else the
    /// place up to which the log was looked through.
    fn cut(mut entries: Vec<LogEntry>, limit: usize, looked_to: Option<Cursor>) -> Self {
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = if more { entries.last().map(|entry| entry.cursor) } else { looked_to };
        let looked_to = looked_to.filter(|_| !more).map(|cursor| key::instant(cursor.0));
        Self { entries, next, looked_to }
    }
}

#[cfg(not(test))]
fn most(units: i64) -> i64 {
    units
}

#[cfg(test)]
use poor::most;

/// A test lets pages cost next to nothing, so that every one of them goes on.
#[cfg(test)]
pub(super) mod poor {
    use std::cell::Cell;

    thread_local! {
        static MOST: Cell<i64> = const { Cell::new(i64::MAX) };
    }

    pub(super) fn most(units: i64) -> i64 {
        units.min(MOST.get())
    }

    pub(in super::super) fn only(units: i64) {
        MOST.set(units);
    }
}

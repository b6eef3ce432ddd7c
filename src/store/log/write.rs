//! What the segments say is put into the index; what they no longer say is taken out.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use sqlx::Row;

use super::super::StoreError;
use super::super::transaction::Change;
use super::handle::{LogIndex, Sql};
use super::key;
use super::query::Cursor;
use super::row::{COLUMNS, NumberedRow, Taken, WIDTH};
use crate::audit::Class;
use crate::audit::options::PerClass;

/// So many rows are put in by one statement.
const AT_ONCE: usize = 100;

/// How far a chain has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bookmark {
    /// The segment.
    pub segment: u64,
    /// Where in it the next line begins.
    pub offset: u64,
    /// The sequence of the last entry.
    pub sequence: u64,
    /// How many lines could not be read.
    pub unreadable: u64,
}

/// How far the chains of one node have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bookmarks {
    /// Each chain's.
    pub chains: PerClass<Bookmark>,
    /// How often something has been forgotten.
    pub forgotten: i64,
}

/// What was read of one chain, from one bookmark to the next.
#[derive(Debug)]
pub struct Batch {
    /// Which gateway wrote it.
    pub node: String,
    /// In which chain.
    pub class: Class,
    /// Where it begins.
    pub from: Bookmark,
    /// Where it ends.
    pub to: Bookmark,
    /// How often something had been forgotten before the segments were read.
    pub forgotten: i64,
    /// What was read.
    pub entries: Vec<Taken>,
    /// What was only counted.
    pub tallied: Vec<Tallied>,
}

/// Some entries that are counted and not kept.
#[derive(Debug, Clone)]
pub struct Tallied {
    /// An instant of their hour.
    pub at: Timestamp,
    /// Organisation, site, listener, country, reason, verdict, action; empty where there is none.
    pub words: [String; 7],
    /// How many entries.
    pub entries: u64,
    /// What they stand for.
    pub total: u64,
}

impl Tallied {
    /// The row of `log_hours`, as [`NumberedRow::counted`] gives it.
    fn counted(&self, class: Class, numbers: &HashMap<String, i64>) -> [i64; 9] {
        let [organization, site, listener, country, reason, verdict, action] =
            self.words.each_ref().map(|word| numbers.get(word).copied().unwrap_or_default());
        let (hour, chain) = (key::hour(self.at), key::chain(class));
        [organization, hour, chain, country, site, listener, reason, verdict, action]
    }
}

impl LogIndex {
    /// How far the chains of this node have been read.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn bookmarks(&self, node: &str) -> Result<Bookmarks, StoreError> {
        let mut reading = self.reading().await?;
        let asked = sqlx::query(
            "SELECT chain, segment, reached, log_bookmarks.sequence, unreadable FROM log_bookmarks
             JOIN log_words ON number = node WHERE word = $1",
        );
        let rows = reading.rows(asked.bind(node.to_owned())).await?;
        let mut bookmarks = Bookmarks::default();
        for row in &rows {
            let Some(class) = key::class(self.integer(row, 0)?) else { continue };
            let number = |column| self.integer(row, column).map(|n| u64::try_from(n).unwrap_or(0));
            *bookmarks.chains.get_mut(class) = Bookmark {
                segment: number(1)?,
                offset: number(2)?,
                sequence: number(3)?,
                unreadable: number(4)?,
            };
        }
        let rows = reading.rows(sqlx::query("SELECT times FROM log_forgotten")).await?;
        bookmarks.forgotten = rows.first().map_or(Ok(0), |row| self.integer(row, 0))?;
        reading.done().await?;
        Ok(bookmarks)
    }

    /// Whether it holds entries of another node than this.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub(crate) async fn holds_others(&self, node: &str) -> Result<bool, StoreError> {
        let mut reading = self.reading().await?;
        let asked = sqlx::query(
            "SELECT word FROM log_bookmarks JOIN log_words ON number = node WHERE word <> $1",
        );
        let found = !reading.rows(asked.bind(node.to_owned())).await?.is_empty();
        reading.done().await?;
        Ok(found)
    }

    /// Puts a batch in. No where the bookmark is no longer where the batch begins, or something was
    /// forgotten since it was read: then it has to be read again.
    ///
    /// # Errors
    /// [`StoreError`]; perhaps it is in, which the bookmark tells.
    pub async fn write(&self, batch: Batch) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let Batch { node, class, from, to, forgotten, entries, tallied } = batch;
        let mut words: Vec<&str> = entries.iter().flat_map(Taken::words).collect();
        let counted = tallied.iter().flat_map(|tallied| &tallied.words);
        words.extend(counted.filter(|word| !word.is_empty()).map(String::as_str));
        words.push(&node);
        words.sort_unstable();
        words.dedup();
        let numbers = self.number(&mut change, &words).await?;
        let node = numbers.get(&node).copied().unwrap_or_default();
        if !self.is_where(&mut change, (node, class), from, forgotten).await? {
            return Ok(false);
        }
        let rows: Vec<NumberedRow> =
            entries.into_iter().map(|entry| entry.row(node, &numbers)).collect();
        self.put_in(&mut change, rows).await?;
        let mut hours: BTreeMap<[i64; 9], (i64, i64)> = BTreeMap::new();
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for tallied in &tallied {
            let (entries, total) = hours.entry(tallied.counted(class, &numbers)).or_default();
            *entries = entries.saturating_add(number(tallied.entries));
            *total = total.saturating_add(number(tallied.total));
        }
        count(&mut change, &hours).await?;
        let keep = sqlx::query(
            "INSERT INTO log_bookmarks (node, chain, segment, reached, sequence, unreadable)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (node, chain) DO UPDATE SET
             segment = excluded.segment, reached = excluded.reached,
             sequence = excluded.sequence, unreadable = excluded.unreadable",
        );
        let keep = keep.bind(node).bind(key::chain(class)).bind(number(to.segment));
        let keep = keep.bind(number(to.offset)).bind(number(to.sequence));
        change.execute(keep.bind(number(to.unreadable))).await?;
        change.commit_quietly().await?;
        self.remember(&numbers);
        Ok(true)
    }

    async fn is_where(
        &self,
        change: &mut Change,
        (node, class): (i64, Class),
        from: Bookmark,
        forgotten: i64,
    ) -> Result<bool, StoreError> {
        let asked = sqlx::query(
            "SELECT segment, reached, sequence FROM log_bookmarks WHERE node = $1 AND chain = $2",
        );
        let rows = change.rows(asked.bind(node).bind(key::chain(class))).await?;
        let found = match rows.first() {
            None => [0; 3],
            Some(row) => [self.integer(row, 0)?, self.integer(row, 1)?, self.integer(row, 2)?],
        };
        let wanted = [from.segment, from.offset, from.sequence];
        if found.map(|number| u64::try_from(number).unwrap_or(u64::MAX)) != wanted {
            return Ok(false);
        }
        let rows = change.rows(sqlx::query("SELECT times FROM log_forgotten")).await?;
        Ok(rows.first().map_or(Ok(0), |row| self.integer(row, 0))? == forgotten)
    }

    async fn put_in(
        &self,
        change: &mut Change,
        mut rows: Vec<NumberedRow>,
    ) -> Result<(), StoreError> {
        let mut hours: BTreeMap<[i64; 9], (i64, i64)> = BTreeMap::new();
        for row in &rows {
            let (entries, total) = hours.entry(row.counted()).or_default();
            *entries += 1;
            *total = total.saturating_add(row.folded());
        }
        // No place twice within the batch; what others have taken shows below.
        rows.sort_by_key(|row| row.entry);
        let mut taken = HashSet::with_capacity(rows.len());
        for row in &mut rows {
            while !taken.insert(row.entry) {
                row.entry = key::next(row.entry);
            }
        }
        for some in rows.chunks(AT_ONCE) {
            if insert(change, some).await? < some.len() as u64 {
                self.put_aside(change, some).await?;
            }
        }
        let marks: Vec<(&str, i64)> = rows
            .iter()
            .flat_map(|row| row.marks.iter().map(|mark| (mark.as_str(), row.entry)))
            .collect();
        insert_marks(change, &marks).await?;
        count(change, &hours).await
    }

    /// Some of these places were taken by entries of the same instant: each of ours that is not in
    /// goes to the next that is free.
    async fn put_aside(&self, change: &mut Change, rows: &[NumberedRow]) -> Result<(), StoreError> {
        for row in rows {
            let mut row = row.clone();
            loop {
                if insert(change, std::slice::from_ref(&row)).await? == 1
                    || row.is_in(change).await?
                {
                    break;
                }
                row.entry = key::next(row.entry);
            }
            // The mark of the place that it did not get leads nowhere, and is not followed.
            let marks: Vec<_> = row.marks.iter().map(|mark| (mark.as_str(), row.entry)).collect();
            insert_marks(change, &marks).await?;
        }
        Ok(())
    }
}

impl NumberedRow {
    async fn is_in(&self, change: &mut Change) -> Result<bool, StoreError> {
        let [node, chain, sequence, ..] = self.numbers;
        let asked = sqlx::query(
            "SELECT entry FROM log_entries
             WHERE entry = $1 AND node = $2 AND chain = $3 AND sequence = $4",
        );
        let asked = asked.bind(self.entry).bind(node).bind(chain).bind(sequence);
        Ok(!change.rows(asked).await?.is_empty())
    }
}

/// `VALUES ($1, $2), ($3, $4)`
fn values(text: &mut String, rows: usize, width: usize) {
    text.push_str(" VALUES ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            if column > 0 {
                text.push_str(", ");
            }
            text.push('$');
            text.push_str(itoa::Buffer::new().format(row * width + column + 1));
        }
        text.push(')');
    }
}

async fn insert(change: &mut Change, rows: &[NumberedRow]) -> Result<u64, StoreError> {
    let mut text = format!("INSERT INTO log_entries ({COLUMNS})");
    values(&mut text, rows.len(), WIDTH);
    text.push_str(" ON CONFLICT (entry) DO NOTHING");
    let mut asked = sqlx::query(sqlx::AssertSqlSafe(text));
    for row in rows {
        asked = asked.bind(row.entry);
        for number in row.numbers {
            asked = asked.bind(number);
        }
        for value in &row.personal {
            asked = asked.bind(value.clone());
        }
        asked = asked.bind(row.rest.clone()).bind(row.seal.clone());
    }
    change.execute(asked).await
}

async fn insert_marks(change: &mut Change, marks: &[(&str, i64)]) -> Result<(), StoreError> {
    for some in marks.chunks(AT_ONCE) {
        let mut text = "INSERT INTO log_marks (mark, entry)".to_owned();
        values(&mut text, some.len(), 2);
        text.push_str(" ON CONFLICT (mark, entry) DO NOTHING");
        let mut asked = sqlx::query(sqlx::AssertSqlSafe(text));
        for (mark, entry) in some {
            asked = asked.bind((*mark).to_owned()).bind(*entry);
        }
        change.execute(asked).await?;
    }
    Ok(())
}

async fn count(
    change: &mut Change,
    hours: &BTreeMap<[i64; 9], (i64, i64)>,
) -> Result<(), StoreError> {
    let all: Vec<_> = hours.iter().collect();
    for some in all.chunks(AT_ONCE) {
        let mut text =
            "INSERT INTO log_hours (organization, hour, chain, country, site, listener, \
             reason, verdict, action, entries, total)"
                .to_owned();
        values(&mut text, some.len(), 11);
        text.push_str(
            " ON CONFLICT (organization, hour, chain, country, site, listener, reason, verdict, \
             action) DO UPDATE SET entries = log_hours.entries + excluded.entries, \
             total = log_hours.total + excluded.total",
        );
        let mut asked = sqlx::query(sqlx::AssertSqlSafe(text));
        for (key, (entries, total)) in some {
            for number in *key {
                asked = asked.bind(*number);
            }
            asked = asked.bind(*entries).bind(*total);
        }
        change.execute(asked).await?;
    }
    Ok(())
}

/// So many rows go at a time, so that nobody waits long for a deletion.
const GONE_AT_ONCE: i64 = 500;

impl LogIndex {
    /// Takes these lines of one chain as they stand in its segments now: what was removed there is
    /// removed here. Call it after the segment was replaced; lines that the index has not seen yet
    /// are passed over, it reads them from the file. Gives how many entries that were.
    ///
    /// # Errors
    /// [`StoreError`]: call it again; what was forgotten once is forgotten.
    pub async fn forget(
        &self,
        node: &str,
        class: Class,
        lines: &[String],
    ) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        // Once also for nothing: whoever has read the old lines must not put them in any more.
        let mut rest = lines;
        loop {
            let (some, after) = rest.split_at(rest.len().min(AT_ONCE));
            forgotten += self.forget_some(node, class, some).await?;
            rest = after;
            if rest.is_empty() {
                return Ok(forgotten);
            }
        }
    }

    async fn forget_some(
        &self,
        node: &str,
        class: Class,
        lines: &[String],
    ) -> Result<u64, StoreError> {
        let mut change = self.begin().await?;
        change.execute(sqlx::query("UPDATE log_forgotten SET times = times + 1")).await?;
        let taken: Vec<Taken> = lines.iter().filter_map(|line| Taken::of(class, line)).collect();
        let mut words: Vec<&str> = taken.iter().flat_map(Taken::words).collect();
        words.push(node);
        let numbers = self.number(&mut change, &words).await?;
        let node = numbers.get(node).copied().unwrap_or_default();
        let mut replaced = 0;
        for taken in taken {
            let at = taken.event.at;
            let mut row = taken.row(node, &numbers);
            let [_, chain, sequence, ..] = row.numbers;
            let places = key::places(at);
            let asked = sqlx::query(
                "SELECT entry, client_nat, user_name, user_id, user_effective, user_target
                 FROM log_entries WHERE entry >= $1 AND entry < $2 AND node = $3
                 AND chain = $4 AND sequence = $5",
            );
            let asked = asked.bind(places.start).bind(places.end).bind(node).bind(chain);
            let rows = change.rows(asked.bind(sequence)).await?;
            let Some(old) = rows.first() else { continue };
            row.entry = self.integer(old, 0)?;
            for mark in old_marks(old) {
                let gone = sqlx::query("DELETE FROM log_marks WHERE mark = $1 AND entry = $2");
                change.execute(gone.bind(mark).bind(row.entry)).await?;
            }
            let gone = sqlx::query("DELETE FROM log_entries WHERE entry = $1");
            change.execute(gone.bind(row.entry)).await?;
            insert(&mut change, std::slice::from_ref(&row)).await?;
            let marks: Vec<_> = row.marks.iter().map(|mark| (mark.as_str(), row.entry)).collect();
            insert_marks(&mut change, &marks).await?;
            replaced += 1;
        }
        change.commit_quietly().await?;
        self.remember(&numbers);
        Ok(replaced)
    }

    /// Takes out some of what stands before this sequence of a chain, whose segments are gone: what
    /// is behind `after` and was written before `begun`, when the first segment that is kept was.
    /// Gives where to go on, and none when nothing is left.
    ///
    /// # Errors
    /// [`StoreError`]; call it again.
    pub(crate) async fn delete_before(
        &self,
        (node, class): (&str, Class),
        (first_kept, begun): (u64, Timestamp),
        after: Option<Cursor>,
    ) -> Result<Option<Cursor>, StoreError> {
        let mut reading = self.reading().await?;
        let number = self.number_of(&mut reading, node).await?;
        let mut rows = Vec::new();
        if let Some(node) = number {
            let first = i64::try_from(first_kept).unwrap_or(i64::MAX);
            let asked = sqlx::query(
                "SELECT entry, client_nat, user_name, user_id, user_effective, user_target
                 FROM log_entries WHERE node = $1 AND chain = $2 AND sequence < $3
                 AND entry > $4 AND entry < $5 ORDER BY entry LIMIT $6",
            );
            let asked = asked.bind(node).bind(key::chain(class)).bind(first);
            // An entry was written after what it tells of.
            let asked = asked.bind(after.map_or(-1, |after| after.0)).bind(key::first(begun));
            rows = reading.rows(asked.bind(GONE_AT_ONCE)).await?;
        }
        reading.done().await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut change = self.begin().await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let entry = self.integer(row, 0)?;
            for mark in old_marks(row) {
                let gone = sqlx::query("DELETE FROM log_marks WHERE mark = $1 AND entry = $2");
                change.execute(gone.bind(mark).bind(entry)).await?;
            }
            entries.push(entry);
        }
        let mut gone = Sql::new("DELETE FROM log_entries WHERE entry IN ");
        gone.numbers(&entries);
        change.execute(gone.asked()).await?;
        change.commit_quietly().await?;
        Ok(entries.last().map(|last| Cursor(*last)))
    }

    /// Takes out the counts of hours that ended before this one of a chain.
    ///
    /// # Errors
    /// [`StoreError`]; call it again.
    pub(crate) async fn delete_hours_before(
        &self,
        class: Class,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut change = self.begin().await?;
        let gone = sqlx::query("DELETE FROM log_hours WHERE chain = $1 AND hour < $2");
        let gone = gone.bind(key::chain(class)).bind(key::hour(before));
        let deleted = change.execute(gone).await?;
        change.commit_quietly().await?;
        Ok(deleted)
    }
}

#[cfg(test)]
impl LogIndex {
    /// Every personal value of a chain that stands anywhere.
    pub(super) async fn personal_values(&self, class: Class) -> Vec<String> {
        let mut reading = self.reading().await.unwrap();
        let asked = sqlx::query(
            "SELECT client, client_nat, user_name, user_id, user_effective, user_target, user_agent,
             mark FROM log_entries e LEFT JOIN log_marks m ON m.entry = e.entry WHERE chain = $1",
        );
        let rows = reading.rows(asked.bind(key::chain(class))).await.unwrap();
        reading.done().await.unwrap();
        let value =
            |row: &sqlx::any::AnyRow, column: usize| row.try_get::<Option<String>, _>(column);
        rows.iter().flat_map(|row| (0..8).filter_map(|c| value(row, c).unwrap())).collect()
    }
}

/// The marks that a row was given, made of what stands in it: the second address, and the people.
fn old_marks(row: &sqlx::any::AnyRow) -> Vec<String> {
    let text = |column: usize| row.try_get::<Option<String>, _>(column).ok().flatten();
    let mut marks: Vec<String> = (2..6).filter_map(|c| text(c).map(|n| key::person(&n))).collect();
    if let Some(nat) = text(1).and_then(|nat| nat.parse().ok()) {
        marks.push(key::second(key::network(nat)));
        marks.push(key::second_wide(key::wide(nat)));
    }
    marks
}

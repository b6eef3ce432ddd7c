//! What the segments no longer say is taken out of the index: single values that were forgotten, and
//! whole segments whose time is over.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::super::StoreError;
use super::super::transaction::Change;
use super::handle::{LogIndex, Sql};
use super::key;
use super::query::Cursor;
use super::row::{NumberedRow, Taken};
use super::write::{insert, insert_marks};
use crate::audit::Class;

/// So many rows go at a time, so that nobody waits long for a deletion.
const GONE_AT_ONCE: i64 = 500;
/// So many lines are taken anew by one change.
const LINES_AT_ONCE: usize = 100;

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
            let (some, after) = rest.split_at(rest.len().min(LINES_AT_ONCE));
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
        let rows = taken.into_iter().map(|taken| (taken.event.at, taken.row(node, &numbers)));
        let rows: Vec<(Timestamp, NumberedRow)> = rows.collect();
        let combinations = rows.iter().map(|(_, row)| row.combination()).collect();
        let kinds = self.kinds_of(&mut change, &combinations).await?;
        let mut replaced = 0;
        for (at, mut row) in rows {
            row.kind = kinds.number(&row.combination());
            let [_, chain, sequence, ..] = row.numbers;
            let places = key::places(at);
            let asked = sqlx::query(
                "SELECT entry, organization, client_nat, user_name, user_id, user_effective,
                 user_target, rest FROM log_entries WHERE entry >= $1 AND entry < $2 AND node = $3
                 AND chain = $4 AND sequence = $5",
            );
            let asked = asked.bind(places.start).bind(places.end).bind(node).bind(chain);
            let rows = change.rows(asked.bind(sequence)).await?;
            let Some(old) = rows.first() else { continue };
            row.entry = self.integer(old, 0)?;
            self.delete_marks(&mut change, old).await?;
            let gone = sqlx::query("DELETE FROM log_entries WHERE entry = $1");
            change.execute(gone.bind(row.entry)).await?;
            insert(&mut change, std::slice::from_ref(&row)).await?;
            insert_marks(&mut change, std::slice::from_ref(&row)).await?;
            replaced += 1;
        }
        change.commit_quietly().await?;
        self.remember(&numbers);
        self.remember_kinds(kinds);
        Ok(replaced)
    }

    /// Deletes the marks that a row was given.
    async fn delete_marks(&self, change: &mut Change, row: &AnyRow) -> Result<(), StoreError> {
        let (entry, organization) = (self.integer(row, 0)?, self.integer(row, 1)?);
        for mark in old_marks(row) {
            let gone = sqlx::query(
                "DELETE FROM log_marks WHERE organization = $1 AND mark = $2 AND entry = $3",
            );
            change.execute(gone.bind(organization).bind(mark).bind(entry)).await?;
        }
        Ok(())
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
                "SELECT entry, organization, client_nat, user_name, user_id, user_effective,
                 user_target, rest FROM log_entries WHERE node = $1 AND chain = $2 AND sequence < $3
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
            self.delete_marks(&mut change, row).await?;
            entries.push(self.integer(row, 0)?);
        }
        let mut gone = Sql::new("DELETE FROM log_entries WHERE entry IN ");
        gone.numbers(&entries);
        change.execute(gone.asked()).await?;
        change.commit_quietly().await?;
        Ok(entries.last().map(|last| Cursor(*last)))
    }

    /// Takes out the counts of hours that are older than every entry of every node. Those of an hour
    /// that still has entries stay whole: a search goes by them.
    ///
    /// # Errors
    /// [`StoreError`]; call it again.
    pub(crate) async fn delete_old_hours(&self) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let oldest = "SELECT entry FROM log_entries ORDER BY entry LIMIT 1";
        let rows = change.rows(sqlx::query(oldest)).await?;
        if let Some(oldest) = rows.first() {
            let hour = key::hour(key::instant(self.integer(oldest, 0)?));
            self.uncount_before(&mut change, hour).await?;
        }
        change.commit_quietly().await
    }
}

#[cfg(test)]
impl LogIndex {
    /// How many marks there are.
    pub(super) async fn marks(&self) -> i64 {
        let mut reading = self.reading().await.unwrap();
        let asked = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) FROM log_marks");
        let rows = reading.rows(asked).await.unwrap();
        reading.done().await.unwrap();
        rows[0].try_get(0).unwrap()
    }

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

/// The marks that a row was given, made of what stands in it: the second address, the people, and
/// where its network is registered.
fn old_marks(row: &AnyRow) -> Vec<String> {
    let text = |column: usize| row.try_get::<Option<String>, _>(column).ok().flatten();
    let mut marks: Vec<String> = (3..7).filter_map(|c| text(c).map(|n| key::person(&n))).collect();
    if let Some(nat) = text(2).and_then(|nat| nat.parse().ok()) {
        marks.push(key::second(key::network(nat)));
        marks.push(key::second_wide(key::wide(nat)));
    }
    let registered = text(7).and_then(|rest| super::row::registered_country(&rest));
    marks.extend(registered.map(|country| key::registered(&country)));
    marks
}

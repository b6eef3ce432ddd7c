//! How many there were in each hour, by kind, and the sums of that: written with the entries, read back
//! block by block.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlx::Row;

use super::super::StoreError;
use super::super::connections::Asked;
use super::super::transaction::{Change, Reading};
use super::block::{self, Item};
use super::handle::{LogIndex, Sql};
use super::kinds::Numbered;
use super::sums::{Sums, summed};

/// So many parts of a block, and they are put together: the newest, and before those every one that
/// is not far larger than all behind it, so that what is large is seldom written again.
const PARTS: usize = 48;
/// So many blocks are read by one question.
const BLOCKS: i64 = 8;

/// Counts that a change adds, by organisation.
pub(super) type Added = BTreeMap<i64, Vec<Item>>;

/// Where some counts stand.
#[derive(Debug, Clone, Copy)]
struct At {
    organization: i64,
    sums: Sums,
    block: i64,
}

impl At {
    fn bound(self, asked: Asked<'_>) -> Asked<'_> {
        asked.bind(self.organization).bind(self.sums.number()).bind(self.block)
    }
}

impl LogIndex {
    /// Adds to the counts, and to every sum of them.
    pub(super) async fn count(
        &self,
        change: &mut Change,
        added: Added,
        numbered: &Numbered,
    ) -> Result<(), StoreError> {
        for (organization, mut items) in added {
            block::sum(&mut items);
            let under = |sums, kind| numbered.under(sums, kind);
            for ((sums, block), items) in summed(&items, under) {
                self.add(change, At { organization, sums, block }, items).await?;
            }
        }
        Ok(())
    }

    async fn add(
        &self,
        change: &mut Change,
        at: At,
        mut items: Vec<Item>,
    ) -> Result<(), StoreError> {
        let asked = sqlx::query(
            "SELECT part, CAST(LENGTH(counts) AS BIGINT) FROM log_totals
             WHERE organization = $1 AND sums = $2 AND block = $3 ORDER BY part",
        );
        let rows = change.rows(at.bound(asked)).await?;
        let mut part = rows.last().map_or(Ok(0), |row| self.integer(row, 0).map(|n| n + 1))?;
        if rows.len() >= PARTS {
            let mut behind = 0_i64;
            for (newer, row) in rows.iter().rev().enumerate() {
                let long = self.integer(row, 1)?;
                if newer >= PARTS / 2 && long > behind.saturating_mul(2) {
                    break;
                }
                behind = behind.saturating_add(long);
                part = self.integer(row, 0)?;
            }
            items.extend(self.take_out(change, at, part).await?);
        }
        self.put_block(change, at, part, items).await
    }

    /// Takes out of the counts what is older than this hour.
    pub(super) async fn uncount_before(
        &self,
        change: &mut Change,
        hour: i64,
    ) -> Result<(), StoreError> {
        let number = block::block_of(hour);
        let mut cut = BTreeMap::<i64, Vec<Item>>::new();
        for sums in Sums::ALL {
            // What stands within the last sum of many hours is made of the hours that are left.
            let (block, first) = match sums {
                Sums::Long => (block::block_of(number), number),
                _ => (number, hour),
            };
            let gone = sqlx::query("DELETE FROM log_totals WHERE sums = $1 AND block < $2");
            change.execute(gone.bind(sums.number()).bind(block)).await?;
            let asked = sqlx::query(
                "SELECT DISTINCT organization FROM log_totals WHERE sums = $1 AND block = $2",
            );
            for row in change.rows(asked.bind(sums.number()).bind(block)).await? {
                let organization = self.integer(&row, 0)?;
                let at = At { organization, sums, block };
                let mut items = self.take_out(change, at, i64::MIN).await?;
                if sums == Sums::Long {
                    items.retain(|item| item.hour > number);
                    let left = cut.remove(&organization).unwrap_or_default();
                    items.extend(left.into_iter().map(|item| Item { hour: number, ..item }));
                } else {
                    items.retain(|item| item.hour >= first);
                }
                if sums == Sums::Kinds {
                    cut.insert(organization, items.clone());
                }
                self.put_block(change, at, 0, items).await?;
            }
        }
        Ok(())
    }

    /// Takes out the parts from this one on.
    async fn take_out(
        &self,
        change: &mut Change,
        at: At,
        from: i64,
    ) -> Result<Vec<Item>, StoreError> {
        let asked = sqlx::query(
            "SELECT counts FROM log_totals
             WHERE organization = $1 AND sums = $2 AND block = $3 AND part >= $4",
        );
        let mut items = Vec::new();
        for row in change.rows(at.bound(asked).bind(from)).await? {
            let octets: Vec<u8> = row.try_get(0).map_err(|error| self.fault(error))?;
            self.items(at.block, &octets, |item| items.push(item))?;
        }
        let gone = sqlx::query(
            "DELETE FROM log_totals
             WHERE organization = $1 AND sums = $2 AND block = $3 AND part >= $4",
        );
        change.execute(at.bound(gone).bind(from)).await?;
        Ok(items)
    }

    async fn put_block(
        &self,
        change: &mut Change,
        at: At,
        part: i64,
        mut items: Vec<Item>,
    ) -> Result<(), StoreError> {
        block::sum(&mut items);
        if items.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(
            "INSERT INTO log_totals (organization, sums, block, part, counts)
             VALUES ($1, $2, $3, $4, $5)",
        );
        let add = at.bound(add).bind(part);
        change.execute(add.bind(block::write(at.block, &items))).await.map(drop)
    }

    /// Gives each count of an organisation in these hours to `each`: the blocks in their order, and
    /// in no order within a block; one kind may come several times in one hour. In [`Sums::Long`]
    /// blocks are what hours are to the others. Gives how many octets were read.
    pub(super) async fn counted(
        &self,
        reading: &mut Reading,
        (organization, sums): (i64, Sums),
        hours: Range<i64>,
        mut each: impl FnMut(Item),
    ) -> Result<usize, StoreError> {
        let mut all = 0;
        if hours.is_empty() {
            return Ok(all);
        }
        let end = block::block_of(hours.end - 1) + 1;
        let mut first = block::block_of(hours.start);
        while first < end {
            // Before the first that is there are as many as there are years since 1970.
            first = match self.next_block(reading, (organization, sums), first).await? {
                Some(next) => next.max(first),
                None => return Ok(all),
            };
            let until = end.min(first.saturating_add(BLOCKS));
            let mut sql = Sql::new("SELECT block, counts FROM log_totals WHERE organization = ");
            sql.number(organization).push(" AND sums = ").number(sums.number());
            sql.push(" AND block >= ").number(first).push(" AND block < ").number(until);
            sql.push(" ORDER BY block");
            for row in reading.rows(sql.asked()).await? {
                let octets: &[u8] = row.try_get(1).map_err(|error| self.fault(error))?;
                all += octets.len();
                self.items(self.integer(&row, 0)?, octets, |item| {
                    if hours.contains(&item.hour) {
                        each(item);
                    }
                })?;
            }
            first = until;
        }
        Ok(all)
    }

    /// The first block from this one on that an organisation has.
    async fn next_block(
        &self,
        reading: &mut Reading,
        (organization, sums): (i64, Sums),
        from: i64,
    ) -> Result<Option<i64>, StoreError> {
        let mut sql = Sql::new("SELECT block FROM log_totals WHERE organization = ");
        sql.number(organization).push(" AND sums = ").number(sums.number());
        sql.push(" AND block >= ").number(from);
        sql.push(" ORDER BY block LIMIT 1");
        let rows = reading.rows(sql.asked()).await?;
        rows.first().map(|row| self.integer(row, 0)).transpose()
    }

    /// The last block up to this one that an organisation has, with the counts of every kind, and how
    /// many octets they are.
    pub(super) async fn block_up_to(
        &self,
        reading: &mut Reading,
        organization: i64,
        number: i64,
        mut each: impl FnMut(Item),
    ) -> Result<Option<(i64, usize)>, StoreError> {
        let mut sql = Sql::new("SELECT block, counts FROM log_totals WHERE organization = ");
        sql.number(organization).push(" AND sums = 0 AND block = (SELECT MAX(block)");
        sql.push(" FROM log_totals WHERE organization = ").number(organization);
        sql.push(" AND sums = 0 AND block <= ").number(number).push(")");
        let mut found = None;
        for row in reading.rows(sql.asked()).await? {
            let number = self.integer(&row, 0)?;
            let octets: &[u8] = row.try_get(1).map_err(|error| self.fault(error))?;
            let before = found.map_or(0, |(_, octets)| octets);
            found = Some((number, before + octets.len()));
            self.items(number, octets, &mut each)?;
        }
        Ok(found)
    }

    /// The first hour that an organisation has counts of.
    pub(super) async fn first_hour(
        &self,
        reading: &mut Reading,
        organization: i64,
    ) -> Result<Option<i64>, StoreError> {
        let of = (organization, Sums::smallest(&[]));
        let Some(number) = self.next_block(reading, of, 0).await? else {
            return Ok(None);
        };
        let hours = block::begins(number)..block::begins(number + 1);
        let mut first = None;
        self.counted(reading, of, hours, |item| {
            first = Some(first.map_or(item.hour, |hour: i64| hour.min(item.hour)));
        })
        .await?;
        Ok(first)
    }

    fn items(&self, number: i64, octets: &[u8], each: impl FnMut(Item)) -> Result<(), StoreError> {
        let read = block::read(number, octets, each);
        read.ok_or_else(|| self.unreadable("the counts of a block", &number.to_string()))
    }
}

/// How many there were and what they stand for, by hour, organisation and words.
#[cfg(test)]
pub(super) type Summed = BTreeMap<(i64, i64, [i64; 7]), (i64, i64)>;

#[cfg(test)]
impl Sums {
    /// What it says of what every kind says.
    pub(super) fn of(self, by_kind: &Summed) -> Summed {
        let mut summed = Summed::new();
        for ((hour, organization, words), (entries, total)) in by_kind {
            let words = self.told(*words).unwrap_or(*words);
            let sum = summed.entry((self.of_hour(*hour), *organization, words)).or_default();
            *sum = (sum.0 + entries, sum.1 + total);
        }
        summed
    }
}

#[cfg(test)]
impl LogIndex {
    /// What stands in the counts.
    pub(super) async fn summed(&self, sums: Sums) -> Summed {
        let mut reading = self.reading().await.unwrap();
        let rows = reading.rows(sqlx::query("SELECT DISTINCT organization FROM log_totals"));
        let mut summed = Summed::new();
        for row in rows.await.unwrap() {
            let organization = self.integer(&row, 0).unwrap();
            let kinds = self.kinds(&mut reading, organization).await.unwrap();
            let words: BTreeMap<_, _> =
                kinds.iter().map(|kind| (kind.number, kind.numbers)).collect();
            self.counted(&mut reading, (organization, sums), 0..i64::from(u32::MAX), |item| {
                let words = words[&item.kind];
                let words = sums.told(words).unwrap_or(words);
                let sum = summed.entry((item.hour, organization, words)).or_default();
                *sum = (sum.0 + item.entries, sum.1 + item.total);
            })
            .await
            .unwrap();
        }
        reading.done().await.unwrap();
        summed
    }

    /// The same, asked of the entries.
    pub(super) async fn summed_entries(&self) -> Summed {
        let mut reading = self.reading().await.unwrap();
        let asked = sqlx::query(
            "SELECT entry / 7549747200000, organization, chain, country, site, listener, reason,
             verdict, action, CAST(COUNT(*) AS BIGINT), CAST(SUM(folded) AS BIGINT)
             FROM log_entries GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9",
        );
        let rows = reading.rows(asked).await.unwrap();
        reading.done().await.unwrap();
        let figure = |row: &sqlx::any::AnyRow, column| self.integer(row, column).unwrap();
        rows.iter()
            .map(|row| {
                let words = [2, 3, 4, 5, 6, 7, 8].map(|column| figure(row, column));
                let of = (figure(row, 0), figure(row, 1), words);
                (of, (figure(row, 9), figure(row, 10)))
            })
            .collect()
    }

    /// The most parts that any counts stand in.
    pub(super) async fn most_parts(&self) -> i64 {
        let mut reading = self.reading().await.unwrap();
        let asked = sqlx::query(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM log_totals GROUP BY organization, sums, block
             ORDER BY 1 DESC LIMIT 1",
        );
        let rows = reading.rows(asked).await.unwrap();
        reading.done().await.unwrap();
        self.integer(&rows[0], 0).unwrap()
    }

    /// As if the segments were over that were written before this hour.
    pub(super) async fn delete_before_hour(&self, hour: i64) {
        let mut change = self.begin().await.unwrap();
        let gone = sqlx::query("DELETE FROM log_entries WHERE entry < $1");
        change.execute(gone.bind(super::key::places_of_hour(hour).start)).await.unwrap();
        change.commit_quietly().await.unwrap();
    }
}

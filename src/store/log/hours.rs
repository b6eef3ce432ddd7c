//! How many there were in each hour, by kind: written with the entries, read back block by block.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlx::Row;

use super::super::StoreError;
use super::super::transaction::{Change, Reading};
use super::block::{self, Item};
use super::handle::{LogIndex, Sql};

/// So many parts of a block, and they are put together.
const PARTS: usize = 48;
/// So many blocks are read by one question.
const BLOCKS: i64 = 8;

/// Counts that a change adds, by organisation and block.
pub(super) type Added = BTreeMap<(i64, i64), Vec<Item>>;

impl LogIndex {
    /// Adds to the counts.
    pub(super) async fn count(&self, change: &mut Change, added: Added) -> Result<(), StoreError> {
        for ((organization, number), mut items) in added {
            let asked = sqlx::query(
                "SELECT part FROM log_counts WHERE organization = $1 AND block = $2 ORDER BY part",
            );
            let rows = change.rows(asked.bind(organization).bind(number)).await?;
            let mut part = rows.last().map_or(Ok(0), |row| self.integer(row, 0).map(|n| n + 1))?;
            if rows.len() >= PARTS {
                items.extend(self.take_out(change, (organization, number)).await?);
                part = 0;
            }
            self.put_block(change, (organization, number), part, items).await?;
        }
        Ok(())
    }

    /// Takes out of the counts what is older than this hour.
    pub(super) async fn uncount_before(
        &self,
        change: &mut Change,
        hour: i64,
    ) -> Result<(), StoreError> {
        let number = block::block_of(hour);
        let gone = sqlx::query("DELETE FROM log_counts WHERE block < $1");
        change.execute(gone.bind(number)).await?;
        let asked = sqlx::query("SELECT DISTINCT organization FROM log_counts WHERE block = $1");
        for row in change.rows(asked.bind(number)).await? {
            let at = (self.integer(&row, 0)?, number);
            let mut items = self.take_out(change, at).await?;
            items.retain(|item| item.hour >= hour);
            self.put_block(change, at, 0, items).await?;
        }
        Ok(())
    }

    async fn take_out(
        &self,
        change: &mut Change,
        (organization, number): (i64, i64),
    ) -> Result<Vec<Item>, StoreError> {
        let asked =
            sqlx::query("SELECT counts FROM log_counts WHERE organization = $1 AND block = $2");
        let mut items = Vec::new();
        for row in change.rows(asked.bind(organization).bind(number)).await? {
            let octets: Vec<u8> = row.try_get(0).map_err(|error| self.fault(error))?;
            self.items(number, &octets, |item| items.push(item))?;
        }
        let gone = sqlx::query("DELETE FROM log_counts WHERE organization = $1 AND block = $2");
        change.execute(gone.bind(organization).bind(number)).await?;
        Ok(items)
    }

    async fn put_block(
        &self,
        change: &mut Change,
        (organization, number): (i64, i64),
        part: i64,
        mut items: Vec<Item>,
    ) -> Result<(), StoreError> {
        block::sum(&mut items);
        if items.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(
            "INSERT INTO log_counts (organization, block, part, counts) VALUES ($1, $2, $3, $4)",
        );
        let add = add.bind(organization).bind(number).bind(part);
        change.execute(add.bind(block::write(number, &items))).await.map(drop)
    }

    /// Gives each count of an organisation in these hours to `each`, in no order; one kind may come
    /// several times in one hour.
    pub(super) async fn counted(
        &self,
        reading: &mut Reading,
        organization: i64,
        hours: Range<i64>,
        mut each: impl FnMut(Item),
    ) -> Result<(), StoreError> {
        if hours.is_empty() {
            return Ok(());
        }
        let end = block::block_of(hours.end - 1) + 1;
        let mut first = block::block_of(hours.start);
        while first < end {
            // Before the first that is there are as many as there are years since 1970.
            first = match self.next_block(reading, organization, first).await? {
                Some(next) => next.max(first),
                None => return Ok(()),
            };
            let until = end.min(first.saturating_add(BLOCKS));
            let mut sql = Sql::new("SELECT block, counts FROM log_counts WHERE organization = ");
            sql.number(organization).push(" AND block >= ").number(first);
            sql.push(" AND block < ").number(until);
            for row in reading.rows(sql.asked()).await? {
                let octets: &[u8] = row.try_get(1).map_err(|error| self.fault(error))?;
                self.items(self.integer(&row, 0)?, octets, |item| {
                    if hours.contains(&item.hour) {
                        each(item);
                    }
                })?;
            }
            first = until;
        }
        Ok(())
    }

    /// The first block from this one on that an organisation has.
    async fn next_block(
        &self,
        reading: &mut Reading,
        organization: i64,
        from: i64,
    ) -> Result<Option<i64>, StoreError> {
        let mut sql = Sql::new("SELECT block FROM log_counts WHERE organization = ");
        sql.number(organization).push(" AND block >= ").number(from);
        sql.push(" ORDER BY block LIMIT 1");
        let rows = reading.rows(sql.asked()).await?;
        rows.first().map(|row| self.integer(row, 0)).transpose()
    }

    /// The last block up to this one that an organisation has, with its counts.
    pub(super) async fn block_up_to(
        &self,
        reading: &mut Reading,
        organization: i64,
        number: i64,
        mut each: impl FnMut(Item),
    ) -> Result<Option<i64>, StoreError> {
        let mut sql = Sql::new("SELECT block, counts FROM log_counts WHERE organization = ");
        sql.number(organization);
        sql.push(" AND block = (SELECT MAX(block) FROM log_counts WHERE organization = ");
        sql.number(organization).push(" AND block <= ").number(number).push(")");
        let mut found = None;
        for row in reading.rows(sql.asked()).await? {
            let number = self.integer(&row, 0)?;
            found = Some(number);
            let octets: &[u8] = row.try_get(1).map_err(|error| self.fault(error))?;
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
        let Some(number) = self.next_block(reading, organization, 0).await? else {
            return Ok(None);
        };
        let hours = block::begins(number)..block::begins(number + 1);
        let mut first = None;
        self.counted(reading, organization, hours, |item| {
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

//! What the segments say is put into the index.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::super::StoreError;
use super::super::connections::{ManyRows, Places};
use super::super::transaction::Change;
use super::block::Item;
use super::handle::LogIndex;
use super::key;
use super::kinds::{Combination, Numbered};
use super::row::{COLUMNS, NumberedRow, Taken, WIDTH};
use super::totals::Added;
use crate::audit::Class;
use crate::audit::options::PerClass;
use crate::naps::Naps;

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
    /// Whose they are, and the words of their kind.
    fn combination(&self, class: Class, numbers: &HashMap<String, i64>) -> Combination {
        let [organization, site, listener, country, reason, verdict, action] =
            self.words.each_ref().map(|word| numbers.get(word).copied().unwrap_or_default());
        let chain = key::chain(class);
        (organization, [chain, country, site, listener, reason, verdict, action])
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
        // Many entries, few words.
        let mut words: HashSet<&str> = entries.iter().flat_map(Taken::words).collect();
        let counted = tallied.iter().flat_map(|tallied| &tallied.words);
        words.extend(counted.filter(|word| !word.is_empty()).map(String::as_str));
        words.insert(&node);
        let mut words: Vec<&str> = words.into_iter().collect();
        words.sort_unstable();
        let numbers = self.number(&mut change, &words).await?;
        let node = numbers.get(&node).copied().unwrap_or_default();
        if !self.is_where(&mut change, (node, class), from, forgotten).await? {
            return Ok(false);
        }
        let mut naps = Naps::new();
        let row = |entry: Taken| {
            naps.if_due();
            entry.row(node, &numbers)
        };
        let rows: Vec<NumberedRow> = entries.into_iter().map(row).collect();
        let tallied: Vec<(Combination, Tallied)> =
            tallied.into_iter().map(|one| (one.combination(class, &numbers), one)).collect();
        let combinations = tallied.iter().map(|(combination, _)| *combination);
        let combinations = rows.iter().map(NumberedRow::combination).chain(combinations).collect();
        let kinds = self.kinds_of(&mut change, &combinations).await?;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut added = Added::new();
        for (combination, one) in &tallied {
            let kind = kinds.number(combination);
            let (entries, total) = (number(one.entries), number(one.total));
            let item = Item { kind, hour: key::hour(one.at), entries, total };
            added.entry(combination.0).or_default().push(item);
        }
        self.put_in(&mut change, rows, &kinds, added).await?;
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
        self.remember_kinds(kinds);
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
        kinds: &Numbered,
        mut added: Added,
    ) -> Result<(), StoreError> {
        for row in &mut rows {
            let combination = row.combination();
            row.kind = kinds.number(&combination);
            let item = Item { kind: row.kind, hour: row.hour, entries: 1, total: row.folded() };
            added.entry(combination.0).or_default().push(item);
        }
        // No place twice within the batch; what others have taken shows below.
        rows.sort_by_key(|row| row.entry);
        let mut taken = HashSet::with_capacity(rows.len());
        for row in &mut rows {
            while !taken.insert(row.entry) {
                row.entry = key::next(row.entry);
            }
        }
        for some in rows.chunks_mut(change.many_rows().at_once) {
            if insert(change, some).await? < some.len() as u64 {
                put_aside(change, some).await?;
            }
        }
        insert_marks(change, &rows).await?;
        self.count(change, added, kinds).await
    }
}

/// Some of these places were taken by entries of the same instant: each of ours that is not in goes
/// to the next that is free.
async fn put_aside(change: &mut Change, rows: &mut [NumberedRow]) -> Result<(), StoreError> {
    for row in rows {
        while insert(change, std::slice::from_ref(row)).await? == 0 && !row.is_in(change).await? {
            row.entry = key::next(row.entry);
        }
    }
    Ok(())
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

/// `VALUES ($1, $2), ($3, $4)`, or `VALUES (?, ?), (?, ?)`
fn values(text: &mut String, places: Places, rows: usize, width: usize) {
    text.push_str(" VALUES ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            if column > 0 {
                text.push_str(", ");
            }
            match places {
                Places::InOrder => text.push('?'),
                Places::Numbered => {
                    text.push('$');
                    text.push_str(itoa::Buffer::new().format(row * width + column + 1));
                }
            }
        }
        text.push(')');
    }
}

pub(super) async fn insert(change: &mut Change, rows: &[NumberedRow]) -> Result<u64, StoreError> {
    let ManyRows { insert, places, .. } = change.many_rows();
    let mut text = format!("{insert} log_entries ({COLUMNS})");
    values(&mut text, places, rows.len(), WIDTH);
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
        asked = asked.bind(row.kind).bind(row.host).bind(row.part).bind(row.family);
    }
    change.execute(asked).await
}

pub(super) async fn insert_marks(
    change: &mut Change,
    rows: &[NumberedRow],
) -> Result<(), StoreError> {
    let marks: Vec<(&NumberedRow, &String)> =
        rows.iter().flat_map(|row| row.marks.iter().map(move |mark| (row, mark))).collect();
    let ManyRows { insert, places, at_once } = change.many_rows();
    for some in marks.chunks(at_once) {
        let columns = "organization, mark, entry, kind, folded, family, network, host";
        let mut text = format!("{insert} log_marks ({columns})");
        values(&mut text, places, some.len(), 8);
        text.push_str(" ON CONFLICT DO NOTHING");
        let mut asked = sqlx::query(sqlx::AssertSqlSafe(text));
        for (row, mark) in some {
            let (organization, _) = row.combination();
            asked = asked.bind(organization).bind((*mark).clone()).bind(row.entry);
            let (network, host) = row.only_address();
            asked = asked.bind(row.kind).bind(row.folded()).bind(row.family);
            asked = asked.bind(network).bind(host);
        }
        change.execute(asked).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_many_rows_are_marked_as_the_database_counts_them() {
        let text = |places| {
            let mut text = String::new();
            values(&mut text, places, 2, 3);
            text
        };
        assert_eq!(text(Places::Numbered), " VALUES ($1, $2, $3), ($4, $5, $6)");
        assert_eq!(text(Places::InOrder), " VALUES (?, ?, ?), (?, ?, ?)");
    }
}

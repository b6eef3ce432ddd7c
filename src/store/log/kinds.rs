//! What entries have in common that people filter by.
//!
//! Always holds: a kind belongs to one organisation, so whoever may see certain organisations is
//! never led to a kind of another; kinds are only ever added, under growing numbers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use super::super::StoreError;
use super::super::transaction::{Change, Reading};
use super::handle::{LogIndex, Sql};
use super::plan::Wishes;
use super::sums::{self, StandIns, Sums};

/// Where in [`Kind::numbers`] a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Chain,
    Country,
    Site,
    Listener,
    Reason,
    Verdict,
    Action,
}

/// One combination of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) number: i64,
    /// In the order of [`Column`].
    pub(super) numbers: [i64; 7],
}

/// An organisation, and a combination of words that it has entries of.
pub(super) type Combination = (i64, [i64; 7]);

/// The kinds that have been met.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    of: HashMap<i64, Arc<Vec<Kind>>>,
    numbers: HashMap<Combination, i64>,
    stand_ins: StandIns,
}

/// The numbers of some combinations.
#[derive(Debug)]
pub(super) struct Numbered {
    numbers: HashMap<Combination, i64>,
    combinations: HashMap<i64, Combination>,
    stand_ins: StandIns,
}

impl Numbered {
    fn of(numbers: HashMap<Combination, i64>, stand_ins: StandIns) -> Self {
        let combinations = numbers.iter().map(|(of, number)| (*number, *of)).collect();
        Self { numbers, combinations, stand_ins }
    }

    /// The number of a combination.
    pub(super) fn number(&self, combination: &Combination) -> i64 {
        self.numbers.get(combination).copied().unwrap_or_default()
    }

    /// The kind that one is counted under.
    pub(super) fn under(&self, sums: Sums, kind: i64) -> i64 {
        match self.combinations.get(&kind) {
            Some(combination) => sums::under(sums, *combination, kind, &self.stand_ins),
            None => kind,
        }
    }
}

/// The kinds of an organisation that are wished for.
#[derive(Debug, Clone)]
pub(super) struct Matched {
    pub(super) organization: i64,
    /// Sorted.
    pub(super) numbers: Arc<Vec<i64>>,
    /// Whether these are all that it has entries of.
    pub(super) all: bool,
}

impl Matched {
    pub(super) fn has(&self, kind: i64) -> bool {
        self.numbers.binary_search(&kind).is_ok()
    }
}

impl Kind {
    pub(super) fn number_in(&self, column: Column) -> i64 {
        let [chain, country, site, listener, reason, verdict, action] = self.numbers;
        match column {
            Column::Chain => chain,
            Column::Country => country,
            Column::Site => site,
            Column::Listener => listener,
            Column::Reason => reason,
            Column::Verdict => verdict,
            Column::Action => action,
        }
    }
}

impl LogIndex {
    /// The numbers of these combinations, made where they have none. They are remembered once the
    /// change is kept: give them to [`LogIndex::remember_kinds`] then.
    pub(super) async fn kinds_of(
        &self,
        change: &mut Change,
        combinations: &BTreeSet<Combination>,
    ) -> Result<Numbered, StoreError> {
        let mut found = HashMap::new();
        let mut stand_ins = StandIns::new();
        let mut organizations = BTreeSet::new();
        let mut unknown = Vec::new();
        {
            let known = self.inner.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            for combination in combinations {
                match known.numbers.get(combination) {
                    Some(number) => drop(found.insert(*combination, *number)),
                    None => unknown.push(*combination),
                }
                for key in sums::keys(*combination) {
                    match known.stand_ins.get(&key) {
                        Some(number) => drop(stand_ins.insert(key, *number)),
                        None => drop(organizations.insert(combination.0)),
                    }
                }
            }
        }
        for combination in unknown {
            let (organization, numbers) = combination;
            let text = numbers.map(|number| number.to_string()).join(" ");
            let add = sqlx::query(
                "INSERT INTO log_kinds (organization, numbers) VALUES ($1, $2)
                 ON CONFLICT (organization, numbers) DO NOTHING",
            );
            change.execute(add.bind(organization).bind(text.clone())).await?;
            let asked = sqlx::query(
                "SELECT number FROM log_kinds WHERE organization = $1 AND numbers = $2",
            );
            let rows = change.rows(asked.bind(organization).bind(text.clone())).await?;
            let row = rows.first().ok_or_else(|| self.unreadable("a kind", &text))?;
            found.insert(combination, self.integer(row, 0)?);
        }
        for organization in organizations {
            let asked =
                sqlx::query("SELECT number, numbers FROM log_kinds WHERE organization = $1");
            for row in &change.rows(asked.bind(organization)).await? {
                let text: &str = sqlx::Row::try_get(row, 1).map_err(|error| self.fault(error))?;
                let numbers = numbers_in(text).ok_or_else(|| self.unreadable("a kind", text))?;
                sums::stand_in((organization, numbers), self.integer(row, 0)?, &mut stand_ins);
            }
        }
        Ok(Numbered::of(found, stand_ins))
    }

    /// What was kept is known from now on.
    pub(super) fn remember_kinds(&self, numbered: Numbered) {
        let mut known = self.inner.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        known.numbers.extend(numbered.numbers);
        known.stand_ins.extend(numbered.stand_ins);
    }

    /// Every kind of an organisation.
    pub(super) async fn kinds(
        &self,
        reading: &mut Reading,
        organization: i64,
    ) -> Result<Arc<Vec<Kind>>, StoreError> {
        let known = {
            let known = self.inner.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            known.of.get(&organization).cloned().unwrap_or_default()
        };
        let last = known.last().map_or(0, |kind| kind.number);
        let mut sql = Sql::new("SELECT number, numbers FROM log_kinds WHERE organization = ");
        sql.number(organization).push(" AND number > ").number(last).push(" ORDER BY number");
        let rows = reading.rows(sql.asked()).await?;
        if rows.is_empty() {
            return Ok(known);
        }
        let mut all = Vec::clone(&known);
        for row in &rows {
            let text: &str = sqlx::Row::try_get(row, 1).map_err(|error| self.fault(error))?;
            let numbers = numbers_in(text).ok_or_else(|| self.unreadable("a kind", text))?;
            all.push(Kind { number: self.integer(row, 0)?, numbers });
        }
        let all = Arc::new(all);
        let mut known = self.inner.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        known.of.insert(organization, Arc::clone(&all));
        Ok(all)
    }

    /// The organisations that the wishes are of.
    pub(super) async fn organizations(
        &self,
        reading: &mut Reading,
        wishes: &Wishes,
    ) -> Result<Vec<i64>, StoreError> {
        if let Some(organizations) = &wishes.organizations {
            return Ok(organizations.clone());
        }
        let sql = Sql::new(
            "WITH RECURSIVE found(n) AS (SELECT MIN(organization) FROM log_kinds UNION ALL
             SELECT (SELECT MIN(k.organization) FROM log_kinds k WHERE k.organization > found.n)
             FROM found WHERE found.n IS NOT NULL) SELECT n FROM found WHERE n IS NOT NULL",
        );
        let rows = reading.rows(sql.asked()).await?;
        rows.iter().map(|row| self.integer(row, 0)).collect()
    }

    /// The kinds that hold what is wished for, of each organisation that has any.
    pub(super) async fn matched(
        &self,
        reading: &mut Reading,
        wishes: &Wishes,
    ) -> Result<Vec<Matched>, StoreError> {
        let mut matched = Vec::new();
        for organization in self.organizations(reading, wishes).await? {
            let kinds = self.kinds(reading, organization).await?;
            let wished = kinds.iter().filter(|kind| wishes.hold_for(kind));
            let numbers: Vec<i64> = wished.map(|kind| kind.number).collect();
            // Allowed traffic has kinds, and no entries here.
            let kept = kinds.iter().filter(|kind| kind.number_in(Column::Chain) != 0).count();
            if !numbers.is_empty() {
                let all = numbers.len() == kept;
                matched.push(Matched { organization, numbers: Arc::new(numbers), all });
            }
        }
        Ok(matched)
    }
}

pub(super) fn numbers_in(text: &str) -> Option<[i64; 7]> {
    let mut numbers = [0; 7];
    let mut parts = text.split(' ');
    for number in &mut numbers {
        *number = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

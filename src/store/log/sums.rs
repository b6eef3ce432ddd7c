//! What is told apart in counts: every kind by the hour, and sums of those that long spans are read
//! from. A search, a chart or a view takes the smallest that knows what it asks for.
//!
//! Always holds: every sum is of the same entries. They are written by the same change, and what is
//! taken out of one is taken out of all.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use sqlx::Row;

use super::super::connections::Lent;
use super::super::{Place, StoreError};
use super::block::{self, Item, block_of};
use super::kinds::{Column, Combination, numbers_in};

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sums {
    /// Every kind in each hour.
    Kinds,
    /// Chain and country in each hour.
    Countries,
    /// Chain, site and reason in each hour.
    Sites,
    /// Chain, listener, verdict and action in each hour.
    Actions,
    /// Every kind in 256 hours: what is an hour to the others is a block of those to this.
    Long,
}

/// Under which kind another one is counted in which sums.
pub(super) type StandIns = HashMap<(Sums, i64, [i64; 7]), i64>;

impl Sums {
    pub(super) const ALL: [Self; 5] =
        [Self::Kinds, Self::Countries, Self::Sites, Self::Actions, Self::Long];

    /// As it stands in the table.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Kinds => 0,
            Self::Countries => 1,
            Self::Sites => 2,
            Self::Actions => 3,
            Self::Long => 4,
        }
    }

    /// The words of a kind that it tells apart; none: all of them.
    fn columns(self) -> Option<&'static [Column]> {
        match self {
            Self::Kinds | Self::Long => None,
            Self::Countries => Some(&[Column::Chain, Column::Country]),
            Self::Sites => Some(&[Column::Chain, Column::Site, Column::Reason]),
            Self::Actions => {
                Some(&[Column::Chain, Column::Listener, Column::Verdict, Column::Action])
            }
        }
    }

    /// The smallest that tells these apart, by the hour.
    pub(super) fn smallest(columns: &[Column]) -> Self {
        let tells = |sums: &Self| {
            sums.columns().is_some_and(|told| columns.iter().all(|column| told.contains(column)))
        };
        [Self::Actions, Self::Sites, Self::Countries].into_iter().find(tells).unwrap_or(Self::Kinds)
    }

    /// The words that it tells apart, 0 in the place of the others; none where it tells all apart.
    pub(super) fn told(self, numbers: [i64; 7]) -> Option<[i64; 7]> {
        let columns = self.columns()?;
        let mut told = [0; 7];
        for column in columns {
            let place = *column as usize;
            if let (Some(to), Some(from)) = (told.get_mut(place), numbers.get(place)) {
                *to = *from;
            }
        }
        Some(told)
    }

    /// Where an entry of this hour is counted.
    pub(super) fn of_hour(self, hour: i64) -> i64 {
        if self == Self::Long { block_of(hour) } else { hour }
    }
}

/// What each sum tells of a combination of words.
pub(super) fn keys(
    (organization, numbers): Combination,
) -> impl Iterator<Item = (Sums, i64, [i64; 7])> {
    Sums::ALL.into_iter().filter_map(move |sums| Some((sums, organization, sums.told(numbers)?)))
}

/// Takes notice of a kind: of those that a sum does not tell apart the first one stands for all.
pub(super) fn stand_in(combination: Combination, number: i64, stand_ins: &mut StandIns) {
    for key in keys(combination) {
        let first = stand_ins.entry(key).or_insert(number);
        *first = number.min(*first);
    }
}

/// The kind that one is counted under.
pub(super) fn under(
    sums: Sums,
    (organization, numbers): Combination,
    number: i64,
    stand_ins: &StandIns,
) -> i64 {
    let told = sums.told(numbers);
    told.and_then(|told| stand_ins.get(&(sums, organization, told))).copied().unwrap_or(number)
}

/// What each sum says of these items, by block; `under` says which kind one is counted under.
pub(super) fn summed(
    items: &[Item],
    under: impl Fn(Sums, i64) -> i64,
) -> BTreeMap<(Sums, i64), Vec<Item>> {
    let mut summed = BTreeMap::<(Sums, i64), Vec<Item>>::new();
    for item in items {
        for sums in Sums::ALL {
            let hour = sums.of_hour(item.hour);
            let one = Item { kind: under(sums, item.kind), hour, ..*item };
            summed.entry((sums, block_of(hour))).or_default().push(one);
        }
    }
    for items in summed.values_mut() {
        block::sum(items);
    }
    summed
}

/// Hours as the blocks that lie within them, and the hours before and after those; no blocks where
/// so few lie within that the hours are as soon read.
pub(super) fn split_long(hours: &Range<i64>) -> (Range<i64>, [Range<i64>; 2]) {
    let first = block_of(hours.start.saturating_add(block::HOURS - 1));
    let last = block_of(hours.end);
    if last.saturating_sub(first) < FEW_BLOCKS {
        return (0..0, [hours.clone(), 0..0]);
    }
    let before = hours.start..block::begins(first);
    (first..last, [before, block::begins(last)..hours.end])
}

const FEW_BLOCKS: i64 = 4;

/// Makes the sums of a database that has the counts of every kind alone. A step of the schema.
///
/// # Errors
/// [`StoreError`] where the database does not answer or what it holds cannot be read.
pub(in super::super) async fn make_sums(change: &mut Lent) -> Result<(), StoreError> {
    let mut kinds = HashMap::<i64, HashMap<i64, [i64; 7]>>::new();
    let asked = sqlx::query("SELECT organization, number, numbers FROM log_kinds");
    for row in change.rows(asked).await? {
        let text: String = get(change, &row, 2)?;
        let numbers = numbers_in(&text).ok_or_else(|| unreadable(change, "a kind", &text))?;
        let of = kinds.entry(get(change, &row, 0)?).or_default();
        of.insert(get(change, &row, 1)?, numbers);
    }
    for (organization, kinds) in kinds {
        let mut known = StandIns::new();
        for (number, words) in &kinds {
            stand_in((organization, *words), *number, &mut known);
        }
        let by_words = |sums, number| match kinds.get(&number) {
            Some(words) => under(sums, (organization, *words), number, &known),
            None => number,
        };
        let asked = sqlx::query(
            "SELECT DISTINCT block FROM log_totals WHERE organization = $1 AND sums = 0",
        );
        for (part, row) in change.rows(asked.bind(organization)).await?.iter().enumerate() {
            let number: i64 = get(change, row, 0)?;
            let asked = sqlx::query(
                "SELECT counts FROM log_totals WHERE organization = $1 AND sums = 0 AND block = $2",
            );
            let mut items = Vec::new();
            for row in change.rows(asked.bind(organization).bind(number)).await? {
                let octets: Vec<u8> = get(change, &row, 0)?;
                block::read(number, &octets, |item| items.push(item))
                    .ok_or_else(|| unreadable(change, "the counts of a block", &number))?;
            }
            for ((sums, number), items) in summed(&items, by_words) {
                if sums == Sums::Kinds {
                    continue;
                }
                let add = sqlx::query(
                    "INSERT INTO log_totals (organization, sums, block, part, counts)
                     VALUES ($1, $2, $3, $4, $5)",
                );
                let add = add.bind(organization).bind(sums.number()).bind(number);
                let add = add.bind(i64::try_from(part).unwrap_or(i64::MAX));
                change.execute(add.bind(block::write(number, &items))).await?;
            }
        }
    }
    Ok(())
}

fn get<'r, T>(change: &Lent, row: &'r sqlx::any::AnyRow, column: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
{
    row.try_get(column).map_err(|error| change.home().fault(error))
}

fn unreadable(change: &Lent, what: &'static str, value: &impl ToString) -> StoreError {
    let place: Place = change.home().place().clone();
    StoreError::Unreadable { place, what, value: value.to_string() }
}

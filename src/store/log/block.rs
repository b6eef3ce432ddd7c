//! How many there were of each kind in each hour, as octets.
//!
//! A block holds 256 hours of one organisation. Each kind that was met stands in it once, after its
//! distance from the kind before, with its hours; an hour after its distance from the hour before.
//! Most hours have one entry of a kind, which takes one or two octets: ten million entries are some
//! twenty million octets, few enough to be read through for any combination of wishes.
//!
//! PURE.

/// So many hours stand in a block.
pub(super) const HOURS: i64 = 256;

/// How many there were of a kind in an hour. Sorted by kind, then by hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) kind: i64,
    pub(super) hour: i64,
    /// How many entries.
    pub(super) entries: i64,
    /// What they stand for.
    pub(super) total: i64,
}

/// The block that an hour stands in.
pub(super) fn block_of(hour: i64) -> i64 {
    hour.div_euclid(HOURS)
}

/// The first hour of a block.
pub(super) fn begins(block: i64) -> i64 {
    block.saturating_mul(HOURS)
}

/// Puts what belongs together together.
pub(super) fn sum(items: &mut Vec<Item>) {
    items.sort_unstable();
    items.dedup_by(|next, kept| {
        let same = (next.kind, next.hour) == (kept.kind, kept.hour);
        if same {
            kept.entries = kept.entries.saturating_add(next.entries);
            kept.total = kept.total.saturating_add(next.total);
        }
        same
    });
}

/// Writes items of one block that [`sum`] has put together.
pub(super) fn write(block: i64, items: &[Item]) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() * 2);
    let mut kind = 0;
    for of_kind in items.chunk_by(|one, other| one.kind == other.kind) {
        let Some(first) = of_kind.first() else { continue };
        put(&mut out, first.kind.wrapping_sub(kind));
        put(&mut out, i64::try_from(of_kind.len()).unwrap_or(i64::MAX));
        kind = first.kind;
        let mut hour = begins(block);
        for item in of_kind {
            let more = item.total.wrapping_sub(item.entries);
            let marks = i64::from(item.entries != 1) | i64::from(more != 0) << 1;
            put(&mut out, item.hour.wrapping_sub(hour) << 2 | marks);
            hour = item.hour;
            if item.entries != 1 {
                put(&mut out, item.entries);
            }
            if more != 0 {
                // Nothing stands for less than itself; were it so, it would come back all the same.
                put(&mut out, more << 1 ^ more >> 63);
            }
        }
    }
    out
}

/// Gives each item to `each`. None where these octets are no block.
pub(super) fn read(block: i64, octets: &[u8], mut each: impl FnMut(Item)) -> Option<()> {
    let mut rest = octets;
    let mut kind = 0_i64;
    while !rest.is_empty() {
        kind = kind.wrapping_add(take(&mut rest)?);
        let mut hour = begins(block);
        for _ in 0..take(&mut rest)? {
            let distance = take(&mut rest)?;
            hour = hour.wrapping_add(distance >> 2);
            let entries = if distance & 1 == 0 { 1 } else { take(&mut rest)? };
            let more = if distance & 2 == 0 { 0 } else { take(&mut rest)? };
            let more = (more as u64 >> 1) as i64 ^ -(more & 1);
            each(Item { kind, hour, entries, total: entries.wrapping_add(more) });
        }
    }
    Some(())
}

/// Seven bits an octet, the lowest first; the highest bit says that more follow.
fn put(out: &mut Vec<u8>, number: i64) {
    let mut rest = number as u64;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let (octet, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(octet & 0x7f).checked_shl(shift)?;
        if *octet < 0x80 {
            return Some(number as i64);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            block in 0_i64..4000,
            made in prop::collection::vec(
                (1_i64..400, 0..HOURS, 0_i64..1000, -3_i64..100_000), 0..200),
        ) {
            let mut items: Vec<Item> = made
                .into_iter()
                .map(|(kind, hour, entries, more)| Item {
                    kind, hour: begins(block) + hour, entries, total: entries + more,
                })
                .collect();
            let all: i64 = items.iter().map(|item| item.total).sum();
            sum(&mut items);
            prop_assert_eq!(items.iter().map(|item| item.total).sum::<i64>(), all);
            let mut back = Vec::new();
            read(block, &write(block, &items), |item| back.push(item)).unwrap();
            prop_assert_eq!(back, items);
        }

        #[test]
        fn whatever_the_octets_reading_ends(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut items = 0;
            let _ = read(1, &octets, |_| items += 1);
            prop_assert!(items <= octets.len());
        }
    }

    #[test]
    fn one_entry_in_an_hour_takes_an_octet_or_two() {
        let item = |hour| Item { kind: 1, hour, entries: 1, total: 1 };
        let items: Vec<Item> = (0..100).map(item).collect();
        assert_eq!(write(0, &items).len(), 102);
    }

    #[test]
    fn a_block_that_was_cut_off_is_none() {
        let whole = write(0, &[Item { kind: 1, hour: 200, entries: 5, total: 9 }]);
        assert!(read(0, &whole, |_| {}).is_some());
        assert!(read(0, &whole[..whole.len() - 1], |_| {}).is_none());
    }
}

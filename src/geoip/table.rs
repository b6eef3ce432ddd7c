//! The compiled table: which answer an address has, in some ten nanoseconds and without allocating.
//!
//! The first addresses of all segments stand sorted; a first-level index over the leading bits says
//! between which two of them to search. IPv6 segments are kept by the first 64 bits of an address,
//! which halves what has to be read; the few networks longer than /64 stand in a table of their own.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::segments::Segments;

const IPV4_INDEX_BITS: u32 = 16;
/// Over `2000::/3`, so the index tells networks of /23 apart.
const IPV6_INDEX_BITS: u32 = 20;
/// An answer that begins with this bit is found among the long networks.
const LONG: u32 = 1 << 31;

/// The answers of all IPv4 addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ipv4Table {
    starts: Box<[u32]>,
    answers: Box<[u32]>,
    /// For each leading half of an address, the segment in which it begins.
    index: Box<[u32]>,
}

/// The answers of all IPv6 addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ipv6Table {
    starts: Box<[u64]>,
    answers: Box<[u32]>,
    index: Box<[u32]>,
    /// Segments inside of /64 networks: first address and answer.
    long: Box<[(u128, u32)]>,
}

/// The segment that holds the key: the last one that does not begin after it. `from` and `to` are
/// the segments in which the key's part of the index begins and ends.
fn segment_of<K: Ord + Copy>(starts: &[K], from: u32, to: u32, key: K) -> Option<usize> {
    let from = from as usize;
    let candidates = starts.get(from..=to as usize)?;
    let after = candidates.partition_point(|&start| start <= key);
    after.checked_sub(1).map(|before| from + before)
}

/// For each of the index's parts, the segment that holds the part's first address; one more at the
/// end, the last segment of all. `parts_before` tells how many parts begin before a key.
fn index_of<K: Copy>(starts: &[K], parts: usize, parts_before: impl Fn(K) -> usize) -> Box<[u32]> {
    let number = |segment: usize| u32::try_from(segment).unwrap_or(u32::MAX);
    let mut index = Vec::with_capacity(parts + 1);
    for (segment, &start) in starts.iter().enumerate().skip(1) {
        let end = parts_before(start);
        if end > index.len() {
            index.resize(end, number(segment - 1));
        }
    }
    index.resize(parts + 1, number(starts.len().saturating_sub(1)));
    index.into_boxed_slice()
}

impl Ipv4Table {
    pub(super) fn new(segments: &Segments) -> Self {
        let narrow = |start: u128| u32::try_from(start).unwrap_or(u32::MAX);
        let starts: Box<[u32]> = segments.starts().iter().map(|&(s, _)| narrow(s)).collect();
        let answers = segments.starts().iter().map(|&(_, answer)| answer).collect();
        let part = 1_u64 << (32 - IPV4_INDEX_BITS);
        let index = index_of(&starts, 1 << IPV4_INDEX_BITS, |start| {
            u64::from(start).div_ceil(part) as usize
        });
        Self { starts, answers, index }
    }

    /// The answer; `None` only for a table without segments.
    #[inline]
    pub(super) fn answer(&self, address: Ipv4Addr) -> Option<u32> {
        self.answers.get(self.segment(address.to_bits())?).copied()
    }

    #[inline]
    fn segment(&self, key: u32) -> Option<usize> {
        let part = (key >> (32 - IPV4_INDEX_BITS)) as usize;
        let &[from, to] = self.index.get(part..part + 2)? else { return None };
        segment_of(&self.starts, from, to, key)
    }

    /// The first and last address of the segment around this one.
    pub(super) fn around(&self, address: Ipv4Addr) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let segment = self.segment(address.to_bits())?;
        let first = self.starts.get(segment)?;
        let last = self.starts.get(segment + 1).map_or(u32::MAX, |next| next - 1);
        Some((Ipv4Addr::from_bits(*first), Ipv4Addr::from_bits(last)))
    }

    /// Each segment's first and last address and answer.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let ends = self.starts.iter().skip(1).map(|start| start - 1);
        let ends = ends.chain(std::iter::once(u32::MAX));
        let segments = self.starts.iter().zip(ends).zip(&self.answers);
        segments.map(|((&first, last), &answer)| (first, last, answer))
    }

    pub(super) fn bytes(&self) -> usize {
        (self.starts.len() + self.answers.len() + self.index.len()) * 4
    }
}

impl Ipv6Table {
    pub(super) fn new(segments: &Segments) -> Self {
        let mut parts = Halves::default();
        for (first, last, answer) in segments.iter() {
            parts.add(first, last, answer);
        }
        let starts = parts.starts.into_boxed_slice();
        let part = 1_u64 << (61 - IPV6_INDEX_BITS);
        let index = index_of(&starts, 1 << IPV6_INDEX_BITS, |start| {
            let inside = start.clamp(1 << 61, 2 << 61) - (1 << 61);
            inside.div_ceil(part) as usize
        });
        Self { starts, answers: parts.answers.into(), index, long: parts.long.into() }
    }

    /// The answer; `None` only for a table without segments.
    #[inline]
    pub(super) fn answer(&self, address: Ipv6Addr) -> Option<u32> {
        let answer = *self.answers.get(self.segment(upper(address.to_bits()))?)?;
        if answer == LONG { self.long_answer(address.to_bits()) } else { Some(answer) }
    }

    fn segment(&self, key: u64) -> Option<usize> {
        if key >> 61 != 1 {
            let last = u32::try_from(self.starts.len()).ok()?.checked_sub(1)?;
            return segment_of(&self.starts, 0, last, key);
        }
        let part = (key >> (61 - IPV6_INDEX_BITS)) as usize & ((1 << IPV6_INDEX_BITS) - 1);
        let &[from, to] = self.index.get(part..part + 2)? else { return None };
        segment_of(&self.starts, from, to, key)
    }

    #[cold]
    fn long_answer(&self, address: u128) -> Option<u32> {
        let after = self.long.partition_point(|&(start, _)| start <= address);
        self.long.get(after.checked_sub(1)?).map(|&(_, answer)| answer)
    }

    /// The first and last address of the segment around this one.
    pub(super) fn around(&self, address: Ipv6Addr) -> Option<(Ipv6Addr, Ipv6Addr)> {
        let bits = address.to_bits();
        let segment = self.segment(upper(bits))?;
        let mut first = u128::from(*self.starts.get(segment)?) << 64;
        let next = self.starts.get(segment + 1);
        let mut last = next.map_or(u128::MAX, |&next| (u128::from(next) << 64) - 1);
        if self.answers.get(segment) == Some(&LONG) {
            let after = self.long.partition_point(|&(start, _)| start <= bits);
            first = self.long.get(after.checked_sub(1)?).map_or(first, |&(start, _)| start);
            last = self.long.get(after).map_or(last, |&(start, _)| last.min(start - 1));
        }
        Some((Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last)))
    }

    pub(super) fn bytes(&self) -> usize {
        self.starts.len() * 8
            + (self.answers.len() + self.index.len()) * 4
            + self.long.len() * size_of::<(u128, u32)>()
    }
}

/// Segments on their way into an [`Ipv6Table`].
#[derive(Default)]
struct Halves {
    starts: Vec<u64>,
    answers: Vec<u32>,
    long: Vec<(u128, u32)>,
}

impl Halves {
    fn add(&mut self, first: u128, last: u128, answer: u32) {
        let mut begin = upper(first);
        if !first.is_multiple_of(1 << 64) {
            // The segment before ended in this /64 and has marked it.
            self.long.push((first, answer));
            if begin == upper(last) {
                return;
            }
            begin += 1;
        }
        let ends_inside = !last.wrapping_add(1).is_multiple_of(1 << 64);
        if !ends_inside || begin < upper(last) {
            self.starts.push(begin);
            self.answers.push(answer);
        }
        if ends_inside {
            self.starts.push(upper(last));
            self.answers.push(LONG);
            self.long.push((u128::from(upper(last)) << 64, answer));
        }
    }
}

fn upper(address: u128) -> u64 {
    (address >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(last: u128, cuts: &[(u128, u128, u32)]) -> Segments {
        let mut segments = Segments::new(last, 0);
        for &(first, last, answer) in cuts {
            let _ = segments.push(first, last, answer);
        }
        segments.finish();
        segments
    }

    /// The answer by looking at every segment.
    fn slow(segments: &Segments, address: u128) -> (u128, u128, u32) {
        segments.iter().find(|&(first, last, _)| (first..=last).contains(&address)).unwrap()
    }

    #[test]
    fn an_empty_family_has_one_answer() {
        let none = segments(u32::MAX.into(), &[]);
        assert_eq!(Ipv4Table::new(&none).answer(Ipv4Addr::BROADCAST), Some(0));
        let none = segments(u128::MAX, &[]);
        assert_eq!(Ipv6Table::new(&none).answer(Ipv6Addr::LOCALHOST), Some(0));
    }

    proptest! {
        #[test]
        fn the_ipv4_table_answers_as_the_segments_do(
            mut cuts in proptest::collection::vec((any::<u32>(), 0_u32..0x40_0000, 1_u32..5), 0..40),
            asked in proptest::collection::vec(any::<u32>(), 40),
        ) {
            cuts.sort_unstable();
            let wide: Vec<_> = cuts.iter()
                .map(|&(first, length, a)| (first.into(), first.saturating_add(length).into(), a))
                .collect();
            let segments = segments(u32::MAX.into(), &wide);
            let table = Ipv4Table::new(&segments);
            let edges = segments.iter().flat_map(|(first, last, _)| [first as u32, last as u32]);
            for address in edges.chain(asked).map(Ipv4Addr::from_bits) {
                let (first, last, answer) = slow(&segments, address.to_bits().into());
                prop_assert_eq!(table.answer(address), Some(answer));
                let around = table.around(address).unwrap();
                prop_assert_eq!((around.0.to_bits().into(), around.1.to_bits().into()), (first, last));
            }
            let back: Vec<_> = table.iter().map(|(f, l, a)| (f.into(), l.into(), a)).collect();
            prop_assert_eq!(back, segments.iter().collect::<Vec<_>>());
        }

        #[test]
        fn the_ipv6_table_answers_as_the_segments_do(
            mut cuts in proptest::collection::vec(
                (0_u64..6, 0_u32..6, 0_u32..3, 0_u32..4, 0_u32..3, 1_u32..5), 0..30),
            asked in proptest::collection::vec(any::<u128>(), 20),
        ) {
            // Crowded around few /64 networks, so that several segments fall into one.
            let address = |high: u64, low: u32| {
                let base = 0x2a00_0000_0000_0000_u64;
                u128::from(base + high) << 64 | u128::from(low) << 124 | u128::from(low & 1)
            };
            cuts.sort_unstable();
            let mut wide: Vec<_> = cuts.iter().map(|&(high, low, _, more, below, a)| {
                let first = address(high, low);
                (first, address(high + u64::from(more) / 2, low + below).max(first), a)
            }).collect();
            wide.sort_unstable();
            let segments = segments(u128::MAX, &wide);
            let table = Ipv6Table::new(&segments);
            let edges = segments.iter().flat_map(|(first, last, _)| [first, last]);
            for address in edges.chain(asked) {
                let (first, last, answer) = slow(&segments, address);
                let address = Ipv6Addr::from_bits(address);
                prop_assert_eq!(table.answer(address), Some(answer));
                let around = table.around(address).unwrap();
                let inside = around.0.to_bits() >= first && around.1.to_bits() <= last;
                prop_assert!(inside && (around.0..=around.1).contains(&address));
            }
        }
    }
}

//! An address family cut into segments that each have one answer. No address is without one.

/// A number for the answer of every address from 0 to the last, in ascending segments.
#[derive(Debug, Clone)]
pub(super) struct Segments {
    /// The first address of each segment and its answer; the first one is address 0.
    starts: Vec<(u128, u32)>,
    /// Where the next network may begin; none once the last address has its answer.
    next: Option<u128>,
    last: u128,
    default: u32,
}

impl Segments {
    /// Every address from 0 to `last` has the answer `default`.
    pub(super) fn new(last: u128, default: u32) -> Self {
        Self { starts: Vec::new(), next: Some(0), last, default }
    }

    /// Gives the addresses `first..=last` their answer. Networks come in ascending order; one that
    /// does not is passed over, and `false` says so.
    #[must_use]
    pub(super) fn push(&mut self, first: u128, last: u128, answer: u32) -> bool {
        let Some(next) = self.next.filter(|&n| n <= first && first <= last && last <= self.last)
        else {
            return false;
        };
        if next < first {
            self.begin(next, self.default);
        }
        self.begin(first, answer);
        self.next = last.checked_add(1).filter(|&after| after <= self.last);
        true
    }

    fn begin(&mut self, first: u128, answer: u32) {
        if self.starts.last().is_none_or(|&(_, before)| before != answer) {
            self.starts.push((first, answer));
        }
    }

    /// Ends the building: what is left has the default answer.
    pub(super) fn finish(&mut self) {
        if let Some(next) = self.next.take() {
            self.begin(next, self.default);
        }
    }

    /// Gives `first..=last` another answer, whatever it was. Only after [`Segments::finish`].
    pub(super) fn overlay(&mut self, first: u128, last: u128, answer: u32) {
        let after = last.checked_add(1).filter(|&after| after <= self.last);
        let resumed = after.map(|after| (after, self.answer(after)));
        let from = self.starts.partition_point(|&(start, _)| start < first);
        let to = self.starts.partition_point(|&(start, _)| after.is_none_or(|a| start <= a));
        self.starts.splice(from..to, std::iter::once((first, answer)).chain(resumed));
        self.starts.dedup_by(|later, earlier| later.1 == earlier.1);
    }

    fn answer(&self, address: u128) -> u32 {
        let after = self.starts.partition_point(|&(start, _)| start <= address);
        after.checked_sub(1).and_then(|i| self.starts.get(i)).map_or(self.default, |s| s.1)
    }

    /// The first address of each segment and its answer.
    pub(super) fn starts(&self) -> &[(u128, u32)] {
        &self.starts
    }

    /// Each segment's first and last address and its answer.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u128, u128, u32)> {
        let ends = self.starts.iter().skip(1).map(|&(start, _)| start.saturating_sub(1));
        let ends = ends.chain(std::iter::once(self.last));
        self.starts.iter().zip(ends).map(|(&(first, answer), last)| (first, last, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_come_in_order_and_within_the_family() {
        let mut segments = Segments::new(255, 0);
        assert!(segments.push(10, 19, 1));
        assert!(!segments.push(15, 25, 2));
        assert!(!segments.push(30, 29, 2));
        assert!(!segments.push(250, 256, 2));
        assert!(segments.push(20, 29, 1));
        assert!(segments.push(200, 255, 3));
        assert!(!segments.push(255, 255, 4));
        segments.finish();
        let all: Vec<_> = segments.iter().collect();
        assert_eq!(all, [(0, 9, 0), (10, 29, 1), (30, 199, 0), (200, 255, 3)]);
    }

    proptest! {
        #[test]
        fn segments_answer_as_a_plain_array_does(
            cuts in proptest::collection::vec((0_u8..40, 1_u8..20, 0_u32..3), 0..12),
            overlays in proptest::collection::vec((any::<u8>(), any::<u8>(), 0_u32..5), 0..6),
        ) {
            let mut slow = [9_u32; 256];
            let mut segments = Segments::new(255, 9);
            let mut at = 0_usize;
            for (gap, length, answer) in cuts {
                let (first, last) = (at + usize::from(gap), at + usize::from(gap + length) - 1);
                if last > 255 { break; }
                prop_assert!(segments.push(first as u128, last as u128, answer));
                slow[first..=last].fill(answer);
                at = last + 1;
            }
            segments.finish();
            for (one, other, answer) in overlays {
                let (first, last) = (one.min(other), one.max(other));
                segments.overlay(first.into(), last.into(), answer);
                slow[usize::from(first)..=usize::from(last)].fill(answer);
            }
            let starts = segments.starts();
            prop_assert_eq!(starts[0].0, 0);
            prop_assert!(starts.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 != w[1].1));
            for (first, last, answer) in segments.iter() {
                for address in first..=last {
                    prop_assert_eq!(slow[address as usize], answer);
                    prop_assert_eq!(segments.answer(address), answer);
                }
            }
        }
    }
}

//! From the counts to the spans that are worth looking into.

use super::super::StoreError;
use super::super::transaction::Reading;
use super::block;
use super::handle::LogIndex;
use super::key;
use super::kinds::Matched;
use super::plan::{Arm, Counted, Guide, Span};
use super::search::Purse;

/// Going through the counts of a block costs as much as passing over so many entries.
const A_BLOCK: i64 = 4000;

impl LogIndex {
    /// Gives the arm its next spans. No where there are none.
    pub(super) async fn more_spans(
        &self,
        reading: &mut Reading,
        arm: &mut Arm,
        purse: &mut Purse,
    ) -> Result<bool, StoreError> {
        let Some(guide) = &mut arm.guide else { return Ok(false) };
        while guide.end > guide.start && arm.spans.is_empty() {
            if purse.is_empty() {
                return Ok(false);
            }
            purse.spend(A_BLOCK);
            arm.spans.extend(self.next_spans(reading, guide).await?);
        }
        Ok(!arm.spans.is_empty())
    }

    async fn next_spans(
        &self,
        reading: &mut Reading,
        guide: &mut Guide,
    ) -> Result<Vec<Span>, StoreError> {
        let last = key::hour(key::instant(guide.end - 1));
        let mut hours = Vec::new();
        let matched = &guide.matched;
        let organization = matched.organization;
        let mut of_kind = (0, false);
        let found = self
            .block_up_to(reading, organization, block::block_of(last), |item| {
                if of_kind.0 != item.kind {
                    of_kind = (item.kind, matched.has(item.kind));
                }
                let place = usize::try_from(item.hour.rem_euclid(block::HOURS)).unwrap_or(0);
                if hours.is_empty() {
                    hours.resize_with(usize::try_from(block::HOURS).unwrap_or(0), Counted::default);
                }
                let Some(hour) = hours.get_mut(place) else { return };
                hour.all = hour.all.saturating_add(item.entries);
                if of_kind.1 {
                    hour.wished = hour.wished.saturating_add(item.entries);
                    hour.kinds.push(item.kind);
                }
            })
            .await?;
        let Some(number) = found else {
            guide.end = guide.start;
            return Ok(Vec::new());
        };
        let mut spans = Vec::new();
        for (place, counted) in hours.into_iter().enumerate().rev() {
            let hour = block::begins(number) + i64::try_from(place).unwrap_or(0);
            let of_hour = key::places_of_hour(hour);
            let places = of_hour.start.max(guide.start)..of_hour.end.min(guide.end);
            if counted.wished > 0 && !places.is_empty() {
                spans.push(Span { places, counted: Some(counted) });
            }
        }
        let begins = key::places_of_hour(block::begins(number)).start;
        guide.end = begins.clamp(guide.start, guide.end);
        Ok(spans)
    }

    /// How many entries the counts know of these kinds, where that is less than so many.
    pub(super) async fn fewer_than(
        &self,
        reading: &mut Reading,
        (matched, places): (&[Matched], &std::ops::Range<i64>),
        most: i64,
    ) -> Result<bool, StoreError> {
        let mut all = 0_i64;
        for one in matched {
            let (start, end) = (places.start, places.end);
            let mut guide = Guide { matched: one.clone(), end, start };
            while guide.end > guide.start {
                for span in self.next_spans(reading, &mut guide).await? {
                    let wished = span.counted.map_or(0, |counted| counted.wished);
                    all = all.saturating_add(wished);
                }
                if all >= most {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl Arm {
    /// The next span, with those beside it as long as they promise too little together.
    pub(super) fn next_span(&mut self) -> Option<Span> {
        let mut span = self.spans.pop_front()?;
        let Some(counted) = &mut span.counted else { return Some(span) };
        let enough = i64::try_from(self.at_once).unwrap_or(i64::MAX).saturating_mul(self.doubt);
        while counted.wished < enough
            && let Some(next) = self.spans.front()
            && let Some(more) = &next.counted
        {
            let is_beside = next.places.end == span.places.start;
            if !is_beside && self.doubt == 1 {
                break;
            }
            counted.wished = counted.wished.saturating_add(more.wished);
            // What stands between two that are apart is not known.
            let all = if is_beside { counted.all.saturating_add(more.all) } else { i64::MAX };
            counted.all = all;
            counted.kinds.extend_from_slice(&more.kinds);
            span.places.start = next.places.start;
            self.spans.pop_front();
        }
        counted.kinds.sort_unstable();
        counted.kinds.dedup();
        Some(span)
    }
}

//! From the counts to the spans that are worth looking into.

use std::collections::BTreeSet;

use super::super::StoreError;
use super::super::transaction::Reading;
use super::block;
use super::handle::LogIndex;
use super::key;
use super::kinds::Matched;
use super::plan::{Arm, Counted, Guide, Span};
use super::search::Purse;
use super::sums::{Sums, split_long};

/// So many octets of counts are read at the cost of passing over one entry.
const OCTETS: usize = 40;

/// What reading so many octets of counts costs.
fn read(octets: usize) -> i64 {
    Purse::ASKED + i64::try_from(octets / OCTETS).unwrap_or(i64::MAX)
}

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
            arm.spans.extend(self.next_spans(reading, guide, purse).await?);
            if arm.spans.is_empty() || guide.blocks.is_some() {
                self.pass_over(reading, guide, purse).await?;
            }
        }
        Ok(!arm.spans.is_empty())
    }

    /// Goes on where the next block with something that is wished for ends: where one has nothing of
    /// it, it is rare.
    async fn pass_over(
        &self,
        reading: &mut Reading,
        guide: &mut Guide,
        purse: &mut Purse,
    ) -> Result<(), StoreError> {
        if guide.end <= guide.start {
            return Ok(());
        }
        let block = |place: i64| block::block_of(key::hour(key::instant(place)));
        if guide.blocks.is_none() {
            let of = (guide.matched.organization, Sums::Long);
            let mut blocks = BTreeSet::new();
            let all = block(guide.start)..block(guide.end - 1) + 1;
            let reading = self.counted(reading, of, all, |item| {
                if guide.matched.has(item.kind) {
                    blocks.insert(item.hour);
                }
            });
            purse.spend(read(reading.await?));
            guide.blocks = Some(blocks);
        }
        let up_to = block(guide.end - 1);
        let next = guide.blocks.iter().flat_map(|blocks| blocks.range(..=up_to)).next_back();
        let end = next.map(|block| key::places_of_hour(block::begins(block + 1) - 1).end);
        guide.end = end.unwrap_or(guide.start).clamp(guide.start, guide.end);
        Ok(())
    }

    async fn next_spans(
        &self,
        reading: &mut Reading,
        guide: &mut Guide,
        purse: &mut Purse,
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
        purse.spend(read(found.map_or(0, |(_, octets)| octets)));
        let Some((number, _)) = found else {
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

    /// Whether the counts know of fewer entries of these kinds than so many, in all the hours that
    /// these places touch.
    pub(super) async fn fewer_than(
        &self,
        reading: &mut Reading,
        (matched, places): (&[Matched], &std::ops::Range<i64>),
        most: i64,
    ) -> Result<bool, StoreError> {
        let hour = |place: i64| key::hour(key::instant(place));
        let hours = hour(places.start)..hour(places.end - 1) + 1;
        let (blocks, [before, after]) = split_long(&hours);
        let mut all = 0_i64;
        for one in matched {
            for (sums, span) in
                [(Sums::Kinds, &after), (Sums::Long, &blocks), (Sums::Kinds, &before)]
            {
                self.counted(reading, (one.organization, sums), span.clone(), |item| {
                    if one.has(item.kind) {
                        all = all.saturating_add(item.entries);
                    }
                })
                .await?;
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

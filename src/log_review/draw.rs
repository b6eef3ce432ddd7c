//! Drawing entries so that nobody can foresee or choose them.
//!
//! Each entry gets a rank: the SHA-256 of the seed and its id. The lowest ranks are the sample. So
//! the same entries come out in whatever order they are offered, and whoever holds the seed can draw
//! them again.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::audit::Action;

/// How many random bytes a seed has.
pub const SEED_LENGTH: usize = 32;

/// What is drawn from separately: rejections of strangers are so many that nothing else would ever
/// come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Sign-ins, exempt access, administration, looking into the log.
    People,
    /// Rejections.
    Denied,
}

/// Which group an entry is drawn from.
#[must_use]
pub fn group_of(action: Action) -> Group {
    match action {
        Action::Denied | Action::Repeated => Group::Denied,
        _ => Group::People,
    }
}

/// A sample that is being drawn.
#[derive(Debug)]
pub struct Draw {
    seed: [u8; SEED_LENGTH],
    people: Lowest,
    denied: Lowest,
    population: u64,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The entries, those of people first, by rank.
    pub chosen: Vec<Uuid>,
    /// From among how many.
    pub population: u64,
}

impl Draw {
    /// Begins to draw `sample` entries, the larger half of them about people.
    #[must_use]
    pub fn new(seed: [u8; SEED_LENGTH], sample: u16) -> Self {
        let people = usize::from(sample.div_ceil(2));
        let denied = usize::from(sample / 2);
        Self { seed, people: Lowest::new(people), denied: Lowest::new(denied), population: 0 }
    }

    /// Offers an entry; each of the span once.
    pub fn offer(&mut self, id: Uuid, group: Group) {
        self.population += 1;
        let mut digest = Sha256::new();
        digest.update(self.seed);
        digest.update(id.as_bytes());
        let rank = digest.finalize().into();
        match group {
            Group::People => self.people.offer(rank, id),
            Group::Denied => self.denied.offer(rank, id),
        }
    }

    /// What was drawn.
    #[must_use]
    pub fn finish(self) -> Drawn {
        let chosen = self.people.kept.into_values().chain(self.denied.kept.into_values());
        Drawn { chosen: chosen.collect(), population: self.population }
    }
}

/// The lowest ranks so far.
#[derive(Debug)]
struct Lowest {
    kept: BTreeMap<[u8; 32], Uuid>,
    most: usize,
}

impl Lowest {
    fn new(most: usize) -> Self {
        Self { kept: BTreeMap::new(), most }
    }

    fn offer(&mut self, rank: [u8; 32], id: Uuid) {
        self.kept.insert(rank, id);
        if self.kept.len() > self.most {
            self.kept.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn draw(seed: u8, sample: u16, ids: impl Iterator<Item = (u128, Group)>) -> Drawn {
        let mut draw = Draw::new([seed; 32], sample);
        for (number, group) in ids {
            draw.offer(id(number), group);
        }
        draw.finish()
    }

    #[test]
    fn the_seed_alone_decides_whatever_the_order() {
        let ids = || (0..1000_u128).map(|n| (n, Group::Denied));
        let drawn = draw(1, 20, ids());
        assert_eq!(drawn, draw(1, 20, ids().rev()));
        assert_ne!(drawn.chosen, draw(2, 20, ids()).chosen);
        assert_eq!((drawn.chosen.len(), drawn.population), (10, 1000));
    }

    #[test]
    fn each_group_has_its_share() {
        let mixed = (0..1000_u128)
            .map(|n| (n, if n < 8 { Group::People } else { Group::Denied }))
            .collect::<Vec<_>>();
        let drawn = draw(3, 9, mixed.into_iter());
        let (people, denied) = drawn.chosen.split_at(5);
        assert!(people.iter().all(|one| *one < id(8)), "{people:?}");
        assert!(denied.len() == 4 && denied.iter().all(|one| *one >= id(8)), "{denied:?}");
    }

    #[test]
    fn a_small_log_is_taken_whole() {
        let drawn = draw(4, 20, (0..3).map(|n| (n, Group::People)));
        assert_eq!(drawn.chosen.len(), 3);
        assert_eq!(draw(5, 20, std::iter::empty()), Drawn { chosen: Vec::new(), population: 0 });
    }

    #[test]
    fn every_entry_comes_up_about_as_often() {
        let mut times = [0_u32; 50];
        for seed in 0..=255 {
            for one in draw(seed, 20, (0..50).map(|n| (n, Group::People))).chosen {
                times[usize::try_from(one.as_u128()).unwrap()] += 1;
            }
        }
        // 51.2 are expected, with a deviation of 6.4.
        assert!(times.iter().all(|n| (20..83).contains(n)), "{times:?}");
    }
}

//! Drawing entries so that nobody can foresee or choose them.
//!
//! Of a group of up to two thousand entries each gets a rank: the SHA-256 of the seed and its id. The
//! lowest ranks are the sample. So the same entries come out in whatever order they are offered, and
//! whoever holds the seed can draw them again.
//!
//! Of a larger group no more is read than is drawn, by [`pick`]: for each place of the sample the
//! hours race, each with a time that the seed gives it, shortened by how many entries it has; the
//! winner's entries are numbered by time and the seed names one. Each entry has the same chance, and
//! an entry that comes late moves what is drawn of its own hour and hardly anything else.

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

/// Up to so many entries of a group are each looked at.
pub const EACH: u64 = 2000;

/// Which entry of a large group stands at this turn of the sample: the number of its hour, and how
/// many of that hour's entries are newer. None where there are none.
#[must_use]
pub fn pick(
    seed: &[u8; SEED_LENGTH],
    (group, turn): (Group, u64),
    hours: &[(i64, u64)],
) -> Option<(i64, u64)> {
    let number = |what: u8, hour: i64| {
        let mut digest = Sha256::new();
        digest.update(seed);
        digest.update([what, u8::from(group == Group::Denied)]);
        digest.update(turn.to_be_bytes());
        digest.update(hour.to_be_bytes());
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = digest.finalize().into();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    };
    let time = |(hour, many): &(i64, u64)| {
        // From just above nothing to one.
        let part = ((number(1, *hour) >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        -part.ln() / *many as f64
    };
    let there = hours.iter().filter(|(_, many)| *many > 0);
    let (hour, many) = there.min_by(|one, other| time(one).total_cmp(&time(other)))?;
    Some((*hour, number(2, *hour) % many))
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
    fn of_a_large_group_every_entry_comes_up_about_as_often() {
        let hours = [(7, 10), (8, 0), (9, 30), (500_000, 60)];
        let mut times = std::collections::BTreeMap::<(i64, u64), u32>::new();
        for turn in 0..20_000 {
            let picked = pick(&[3; 32], (Group::Denied, turn), &hours).unwrap();
            *times.entry(picked).or_default() += 1;
        }
        // 200 are expected, with a deviation of 14.
        assert_eq!(times.len(), 100);
        assert!(times.values().all(|n| (130..270).contains(n)), "{times:?}");
        assert_eq!(pick(&[3; 32], (Group::Denied, 0), &[(8, 0)]), None);
    }

    #[test]
    fn what_comes_late_moves_little_of_a_large_group() {
        let hours: Vec<(i64, u64)> = (0..200).map(|hour| (hour, 50)).collect();
        let mut late = hours.clone();
        late[17].1 = 51;
        let all = |hours: &[(i64, u64)], seed| -> Vec<_> {
            (0..1000).map(|turn| pick(&[seed; 32], (Group::People, turn), hours)).collect()
        };
        let (before, after) = (all(&hours, 1), all(&late, 1));
        let moved: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).collect();
        assert!(moved.iter().all(|(_, other)| other.unwrap().0 == 17), "{moved:?}");
        assert!(moved.len() < 20, "{}", moved.len());
        assert!(before.iter().zip(all(&hours, 2)).filter(|(one, other)| *one == other).count() < 5);
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

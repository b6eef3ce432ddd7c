//! A hash tree over the entries of one segment, as in RFC 6962.
//!
//! PURE. Its root stands in the signed end of the segment. With the few hashes beside the way from an
//! entry to the root, whoever has the public key sees that the entry stood there, without one of the
//! others.

use super::chain::Hash;

/// The tree as it grows: one hash for each whole part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    count: u64,
    parts: Vec<Hash>,
}

impl Tree {
    /// Puts the next entry's hash behind the others.
    pub fn push(&mut self, entry: Hash) {
        let mut node = leaf(entry);
        let mut count = self.count;
        while count & 1 == 1 {
            if let Some(left) = self.parts.pop() {
                node = above(left, node);
            }
            count >>= 1;
        }
        self.parts.push(node);
        self.count += 1;
    }

    /// How many entries it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Its root. That of nothing is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut parts = self.parts.iter().rev();
        let Some(&last) = parts.next() else { return Hash::of(&[b""]) };
        parts.fold(last, |right, &left| above(left, right))
    }
}

/// Every hash of a tree, to find ways in.
#[derive(Debug, Clone)]
pub struct Levels(Vec<Vec<Hash>>);

impl Levels {
    /// The tree over these entries.
    #[must_use]
    pub fn of(entries: &[Hash]) -> Self {
        let mut levels = vec![entries.iter().map(|&entry| leaf(entry)).collect::<Vec<Hash>>()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let up = level.chunks(2).filter_map(|pair| match pair {
                [left, right] => Some(above(*left, *right)),
                // A last one without a neighbour goes up as it is.
                [alone] => Some(*alone),
                _ => None,
            });
            let up = up.collect();
            levels.push(up);
        }
        Self(levels)
    }

    /// The hashes beside the way from the entry at `index` to the root.
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Hash> {
        let beside = self.0.iter().enumerate().filter_map(|(height, level)| {
            level.get((index >> height) ^ 1).filter(|_| level.len() > 1).copied()
        });
        beside.collect()
    }
}

/// The root to which an entry at `index` of `count` leads by these hashes; none where they do not fit.
#[must_use]
pub fn root_by(entry: Hash, index: u64, count: u64, beside: &[Hash]) -> Option<Hash> {
    if index >= count {
        return None;
    }
    let (mut at, mut width, mut node) = (index, count, leaf(entry));
    let mut beside = beside.iter();
    while width > 1 {
        if at & 1 == 1 {
            node = above(*beside.next()?, node);
        } else if at + 1 < width {
            node = above(node, *beside.next()?);
        }
        at /= 2;
        width = width.div_ceil(2);
    }
    beside.next().is_none().then_some(node)
}

fn leaf(entry: Hash) -> Hash {
    Hash::of(&[&[0], entry.bytes()])
}

fn above(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], left.bytes(), right.bytes()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_entry_leads_to_the_root_and_nothing_else_does(
            count in 1_usize..70,
            at in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let entries: Vec<Hash> =
                (0..count).map(|n| Hash::of(&[&n.to_le_bytes()])).collect();
            let mut tree = Tree::default();
            for &entry in &entries {
                tree.push(entry);
            }
            let (index, length) = (at.index(count), count as u64);
            let beside = Levels::of(&entries).path(index);
            let by = |entry, index, beside: &[Hash]| root_by(entry, index, length, beside);
            prop_assert_eq!(by(entries[index], index as u64, &beside), Some(tree.root()));
            let other = other.index(count);
            if other != index {
                prop_assert_ne!(by(entries[other], index as u64, &beside), Some(tree.root()));
                prop_assert_ne!(by(entries[index], other as u64, &beside), Some(tree.root()));
            }
            for place in 0..beside.len() {
                let mut altered = beside.clone();
                altered[place] = Hash::ZERO;
                prop_assert_ne!(by(entries[index], index as u64, &altered), Some(tree.root()));
            }
            let mut longer = beside.clone();
            longer.push(Hash::ZERO);
            prop_assert_eq!(by(entries[index], index as u64, &longer), None);
            prop_assert_eq!(by(entries[index], length, &beside), None);
            prop_assert_eq!(tree.count(), length);
        }
    }

    #[test]
    fn the_root_of_none_is_none_of_the_others() {
        assert_eq!(Tree::default().root(), Hash::of(&[b""]));
        assert!(Levels::of(&[]).path(0).is_empty());
    }
}

//! The search tree, walked once and held to be a tree.
//!
//! The reader's own iterator stops at 128 levels, but a damaged tree whose nodes point at each other
//! still unfolds into astronomically many networks. Here every node is entered exactly once.

use maxminddb::Metadata;

use super::error::Problem;

/// Places in an IPv6 tree from which writers point at the IPv4 part: mapped addresses, Teredo,
/// 6to4, NAT64. Prefix and its length.
const ALIASES: [(u128, u32); 4] =
    [(0xffff_0000_0000, 96), (0x2001_0000 << 96, 32), (0x2002 << 112, 16), (0x0064_ff9b << 96, 96)];

/// The search tree of a file whose layout the reader has accepted.
pub(super) struct Tree<'a> {
    nodes: &'a [u8],
    node_count: u32,
    record_bits: u16,
    address_bits: u32,
}

/// A network that has a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    V4 { first: u32, last: u32 },
    V6 { first: u128, last: u128 },
}

/// A node or record that is still to be looked at.
#[derive(Clone, Copy)]
struct Step {
    target: u32,
    first: u128,
    depth: u32,
}

impl<'a> Tree<'a> {
    pub(super) fn new(bytes: &'a [u8], metadata: &Metadata) -> Result<Self, Problem> {
        let size = u64::from(metadata.node_count) * u64::from(metadata.record_size) / 4;
        let nodes = usize::try_from(size).ok().and_then(|size| bytes.get(..size));
        Ok(Self {
            nodes: nodes.ok_or_else(|| Problem::damaged("its search tree does not fit into it"))?,
            node_count: metadata.node_count,
            record_bits: metadata.record_size,
            address_bits: if metadata.ip_version == 4 { 32 } else { 128 },
        })
    }

    /// Calls `on_leaf` with each network that has a record, in ascending order, and with the
    /// record's offset in the data section.
    pub(super) fn walk(
        &self,
        mut on_leaf: impl FnMut(Leaf, u32) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let ipv4_start = self.ipv4_start()?;
        let mut visited = Visited::new(self.node_count);
        let mut stack = vec![Step { target: 0, first: 0, depth: 0 }];
        while let Some(step) = stack.pop() {
            if step.target == self.node_count {
                continue;
            }
            if step.target > self.node_count {
                let leaf = self.leaf(step);
                on_leaf(leaf, self.record_offset(step.target)?)?;
                continue;
            }
            if Some(step.target) == ipv4_start && is_alias(step) {
                continue;
            }
            if step.depth >= self.address_bits || !visited.enter(step.target) {
                return Err(Problem::damaged("its search tree runs in circles"));
            }
            let depth = step.depth + 1;
            let right_first = step.first | 1 << (self.address_bits - depth);
            let [left, right] = self.children(step.target)?;
            stack.push(Step { target: right, first: right_first, depth });
            stack.push(Step { target: left, first: step.first, depth });
        }
        if visited.count != self.node_count {
            return Err(Problem::damaged("parts of its search tree cannot be reached"));
        }
        Ok(())
    }

    fn leaf(&self, step: Step) -> Leaf {
        let last = step.first | mask(self.address_bits - step.depth);
        let narrow = |address: u128| u32::try_from(address).unwrap_or(u32::MAX);
        if last <= u128::from(u32::MAX) {
            return Leaf::V4 { first: narrow(step.first), last: narrow(last) };
        }
        Leaf::V6 { first: step.first, last }
    }

    /// A target above the number of nodes points past the 16 bytes between tree and data.
    fn record_offset(&self, target: u32) -> Result<u32, Problem> {
        target
            .checked_sub(self.node_count)
            .and_then(|distance| distance.checked_sub(16))
            .ok_or_else(|| Problem::damaged("its search tree points between tree and records"))
    }

    /// The node under which the IPv4 addresses stand in an IPv6 tree (`::/96`).
    fn ipv4_start(&self) -> Result<Option<u32>, Problem> {
        if self.address_bits == 32 {
            return Ok(None);
        }
        let mut node = 0;
        for _ in 0..96 {
            if node >= self.node_count {
                return Ok(None);
            }
            [node, _] = self.children(node)?;
        }
        Ok((node < self.node_count).then_some(node))
    }

    fn children(&self, node: u32) -> Result<[u32; 2], Problem> {
        let width = usize::from(self.record_bits) / 4;
        let start = node as usize * width;
        let bytes = self.nodes.get(start..start + width);
        let (left, right) = match bytes {
            Some(&[a, b, c, d, e, f]) => ([0, a, b, c], [0, d, e, f]),
            Some(&[a, b, c, both, d, e, f]) => ([both >> 4, a, b, c], [both & 0x0f, d, e, f]),
            Some(&[a, b, c, d, e, f, g, h]) => ([a, b, c, d], [e, f, g, h]),
            _ => return Err(Problem::damaged("its search tree does not fit into it")),
        };
        Ok([u32::from_be_bytes(left), u32::from_be_bytes(right)])
    }
}

fn mask(bits: u32) -> u128 {
    1_u128.checked_shl(bits).map_or(u128::MAX, |above| above - 1)
}

fn is_alias(step: Step) -> bool {
    ALIASES.contains(&(step.first, step.depth))
}

/// The nodes that were entered, one bit each.
struct Visited {
    bits: Vec<u64>,
    count: u32,
}

impl Visited {
    fn new(nodes: u32) -> Self {
        Self { bits: vec![0; (nodes as usize).div_ceil(64)], count: 0 }
    }

    /// Whether the node is entered for the first time.
    fn enter(&mut self, node: u32) -> bool {
        let Some(word) = self.bits.get_mut(node as usize / 64) else { return false };
        let bit = 1_u64 << (node % 64);
        let first = *word & bit == 0;
        *word |= bit;
        self.count += u32::from(first);
        first
    }
}

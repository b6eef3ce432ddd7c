//! The code of RFC 7541 appendix B, read four bits at a time.
//!
//! The code is canonical: the lengths alone give it, shorter codes first and equal ones in the order
//! of their symbols.

use std::sync::LazyLock;

/// How many bits the code of each octet has, and, last, that of the end.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The symbol that ends every string and stands in none.
const END: usize = 256;

static STEPS: LazyLock<Vec<[Step; 16]>> = LazyLock::new(steps);

/// A string that is being read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reader {
    node: u16,
}

/// What four bits gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// No octet is complete.
    Within(u16),
    /// This octet, whose code ended in the bit with this value (8, 4, 2 or 1).
    Octet { octet: u8, last_bit: u8, node: u16 },
    /// The code of the end, which no string may hold.
    End,
}

impl Reader {
    /// Reads the lower half of `bits`.
    pub(super) fn read(&mut self, bits: u8) -> Step {
        let row = STEPS.get(usize::from(self.node));
        let step =
            row.and_then(|row| row.get(usize::from(bits & 15))).copied().unwrap_or(Step::End);
        match step {
            Step::Within(node) | Step::Octet { node, .. } => self.node = node,
            Step::End => {}
        }
        step
    }
}

/// A place in the tree of codes: where 0 and 1 lead.
type Node = [Option<Leads>; 2];

#[derive(Clone, Copy)]
enum Leads {
    To(u16),
    Symbol(usize),
}

fn steps() -> Vec<[Step; 16]> {
    let tree = tree();
    let row = |node: u16| {
        let mut bits = 0_u8;
        [(); 16].map(|()| {
            let step = step(&tree, node, bits);
            bits += 1;
            step
        })
    };
    (0..tree.len()).filter_map(|node| u16::try_from(node).ok()).map(row).collect()
}

/// No code is shorter than five bits, so four complete one at most.
fn step(tree: &[Node], mut node: u16, bits: u8) -> Step {
    let mut octet = None;
    for bit in [8, 4, 2, 1] {
        let branch = usize::from(bits & bit != 0);
        match tree.get(usize::from(node)).and_then(|node| node.get(branch)).copied().flatten() {
            Some(Leads::To(next)) => node = next,
            Some(Leads::Symbol(symbol)) => match u8::try_from(symbol) {
                Ok(symbol) => (octet, node) = (Some((symbol, bit)), 0),
                Err(_) => return Step::End,
            },
            None => return Step::End,
        }
    }
    match octet {
        Some((octet, last_bit)) => Step::Octet { octet, last_bit, node },
        None => Step::Within(node),
    }
}

fn tree() -> Vec<Node> {
    let mut symbols: Vec<(u8, usize)> =
        LENGTHS.iter().enumerate().map(|(symbol, length)| (*length, symbol)).collect();
    symbols.sort_unstable();
    let mut tree: Vec<Node> = vec![[None; 2]];
    let (mut code, mut before) = (0_u32, 0);
    for (length, symbol) in symbols {
        code <<= length - before;
        before = length;
        plant(&mut tree, code, length, symbol);
        code += 1;
    }
    tree
}

fn plant(tree: &mut Vec<Node>, code: u32, length: u8, symbol: usize) {
    let mut node = 0;
    for bit in (0..length).rev() {
        let branch = usize::from(code >> bit & 1 != 0);
        let new = u16::try_from(tree.len()).unwrap_or(u16::MAX);
        let Some(way) = tree.get_mut(node).and_then(|node| node.get_mut(branch)) else { return };
        if bit == 0 {
            *way = Some(Leads::Symbol(symbol.min(END)));
        } else if let Some(Leads::To(next)) = way {
            node = usize::from(*next);
        } else {
            *way = Some(Leads::To(new));
            tree.push([None; 2]);
            node = usize::from(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Option<Vec<u8>> {
        let mut reader = Reader::default();
        let mut text = Vec::new();
        for bits in octets.iter().flat_map(|octet| [octet >> 4, *octet]) {
            match reader.read(bits) {
                Step::Within(_) => {}
                Step::Octet { octet, .. } => text.push(octet),
                Step::End => return None,
            }
        }
        Some(text)
    }

    /// Examples from RFC 7541 appendix C, and the codes at the edges of the table.
    #[test]
    fn the_standards_examples_read_as_it_says() {
        for (octets, text) in [
            ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
            ("a8eb10649cbf", "no-cache"),
            ("25a849e95bb8e8b4bf", "custom-value"),
            ("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"),
            ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("ffaffb", "#>"),
        ] {
            let octets = hex::decode(octets).unwrap();
            assert_eq!(read(&octets).as_deref(), Some(text.as_bytes()), "{text}");
        }
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xfc]), None, "the end's own code");
        assert_eq!(tree().len(), 256);
    }
}

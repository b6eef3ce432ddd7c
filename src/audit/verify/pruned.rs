//! What the chain of people says about segments that were deleted because their time was over.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use super::super::chain::{self, Hash};
use super::super::event::{Action, Event};
use super::super::options::{Class, PerClass};
use super::super::segment::{self, LineEnd, Lines};

/// How many records of one chain are remembered; a deletion that was recorded and not carried out
/// leaves the one before in force.
const REMEMBERED: usize = 64;

/// Up to which segment, and which hash, each chain was deleted.
pub(super) type Pruned = PerClass<VecDeque<(u64, Hash)>>;

/// Reads the records of deletion.
pub(super) fn recorded(directory: &Path) -> io::Result<Pruned> {
    let mut pruned = Pruned::default();
    for (_, path) in segment::list(&directory.join(Class::People.word()))? {
        let mut lines = Lines::open(&path, 0)?;
        while let Some(end) = lines.advance()? {
            let mentions = |line: &[u8]| line.windows(9).any(|w| w == br#""deleted""#);
            if end != LineEnd::Complete || !mentions(&lines.line) {
                continue;
            }
            let Ok(entry) = chain::open(Class::People, &lines.line) else { continue };
            if let Some((class, through, hash)) = read(&entry.event) {
                let records = pruned.get_mut(class);
                if records.len() == REMEMBERED {
                    records.pop_front();
                }
                records.push_back((through, hash));
            }
        }
    }
    Ok(pruned)
}

fn read(event: &Event) -> Option<(Class, u64, Hash)> {
    if event.action != Action::Deleted {
        return None;
    }
    let class = Class::from_word(event.details.get("chain")?)?;
    let through = event.details.get("through_segment")?.parse().ok()?;
    Some((class, through, Hash::parse(event.details.get("final_hash")?)?))
}

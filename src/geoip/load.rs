//! From a file's bytes to segments: every node of the tree and every record is looked at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use maxminddb::{LookupResult, Metadata, Reader};

use super::data::DataSection;
use super::error::Problem;
use super::segments::Segments;
use super::tree::{Leaf, Tree};

/// What a whole file says.
pub(super) struct Loaded {
    pub(super) metadata: Metadata,
    pub(super) built: Timestamp,
    pub(super) ipv4: Family,
    pub(super) ipv6: Family,
}

/// One address family. The answers are those that the caller gave the records.
pub(super) struct Family {
    /// Not finished: what the file leaves out has no answer yet.
    pub(super) networks: Vec<(u128, u128, u32)>,
    /// The last address of the family.
    pub(super) last: u128,
}

impl Family {
    /// The family as segments; every address that no network holds has the answer `default`.
    pub(super) fn segments(&self, default: u32) -> Segments {
        let mut segments = Segments::new(self.last, default);
        for &(first, last, answer) in &self.networks {
            let _in_order = segments.push(first, last, answer);
        }
        segments.finish();
        segments
    }

    fn add(&mut self, first: u128, last: u128, answer: u32) {
        if let Some(before) = self.networks.last_mut()
            && before.2 == answer
            && before.1.checked_add(1) == Some(first)
        {
            before.1 = last;
            return;
        }
        self.networks.push((first, last, answer));
    }
}

/// Walks the whole file. `answer_of` is asked once for each distinct record.
pub(super) fn load(
    bytes: &[u8],
    mut answer_of: impl FnMut(&LookupResult<'_, &[u8]>) -> Result<Option<u32>, Problem>,
) -> Result<Loaded, Problem> {
    if !super::file::has_metadata(bytes) {
        return Err(Problem::NoMetadata);
    }
    let reader = Reader::from_source(bytes).map_err(|e| Problem::Damaged(e.to_string()))?;
    let metadata = reader.metadata();
    let built = build_time(metadata)?;
    let tree = Tree::new(bytes, metadata)?;
    let mut data = DataSection::new(data_section(bytes, metadata)?);
    let mut answers: HashMap<u32, Option<u32>> = HashMap::new();
    let mut ipv4 = Family { networks: Vec::new(), last: u32::MAX.into() };
    let mut ipv6 = Family { networks: Vec::new(), last: u128::MAX };
    tree.walk(|leaf, record| {
        let answer = match answers.get(&record) {
            Some(&known) => known,
            None => {
                data.check_record(record)?;
                let found = found_at(&reader, leaf, record)?;
                let answer = answer_of(&found)?;
                answers.insert(record, answer);
                answer
            }
        };
        if let Some(answer) = answer {
            match leaf {
                Leaf::V4 { first, last } => ipv4.add(first.into(), last.into(), answer),
                Leaf::V6 { first, last } => ipv6.add(first, last, answer),
            }
        }
        Ok(())
    })?;
    Ok(Loaded { metadata: metadata.clone(), built, ipv4, ipv6 })
}

fn build_time(metadata: &Metadata) -> Result<Timestamp, Problem> {
    i64::try_from(metadata.build_epoch)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .filter(|&built| built > Timestamp::UNIX_EPOCH)
        .ok_or_else(|| Problem::damaged("its build date is no date"))
}

/// The bytes between the sixteen zeros after the tree and the metadata.
fn data_section<'a>(bytes: &'a [u8], metadata: &Metadata) -> Result<&'a [u8], Problem> {
    const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
    let tree_end = u64::from(metadata.node_count) * u64::from(metadata.record_size) / 4;
    let tree_end = usize::try_from(tree_end).unwrap_or(usize::MAX);
    let end = bytes.windows(MARKER.len()).rposition(|window| window == MARKER);
    let separator = bytes.get(tree_end..tree_end.saturating_add(16));
    if separator.is_none_or(|zeros| zeros.iter().any(|&b| b != 0)) {
        return Err(Problem::damaged("there are no zeros between its search tree and its records"));
    }
    end.and_then(|end| bytes.get(tree_end + 16..end))
        .ok_or_else(|| Problem::damaged("its search tree does not fit into it"))
}

/// The record as the reader finds it, which must be the one that the tree was seen to point at.
fn found_at<'a>(
    reader: &'a Reader<&'a [u8]>,
    leaf: Leaf,
    record: u32,
) -> Result<LookupResult<'a, &'a [u8]>, Problem> {
    let address: IpAddr = match leaf {
        Leaf::V4 { first, .. } => Ipv4Addr::from_bits(first).into(),
        Leaf::V6 { first, .. } => Ipv6Addr::from_bits(first).into(),
    };
    let found = reader.lookup(address).map_err(|e| Problem::Damaged(e.to_string()))?;
    if found.offset() != Some(record as usize) {
        return Err(Problem::damaged("its search tree can be read in two ways"));
    }
    Ok(found)
}

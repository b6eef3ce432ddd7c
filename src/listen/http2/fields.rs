//! Follows header blocks as far as to know which field is `:path`.
//!
//! The parser behind cuts a fragment off `:path` without a word, and drops pseudo fields from
//! trailers. Whoever stands in front of us may read both otherwise, so neither may pass. What is
//! followed is the shape of the fields alone (RFC 7541 section 6) and which entries of the dynamic
//! table are called `:path`; a block that indexes everything costs a few steps a field.

use std::collections::VecDeque;

use super::huffman::{Reader, Step};

/// The table's size that we offer: the default (RFC 9113 section 6.5.2).
pub(super) const TABLE_SIZE: usize = 4096;
/// What an entry counts beyond its octets (RFC 7541 section 4.1).
const ENTRY_OVERHEAD: usize = 32;
/// Lengths of the names in the static table (RFC 7541 appendix A), from index 1.
const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];
/// The last of the static table's pseudo fields.
const LAST_PSEUDO: usize = 14;
/// What `#` becomes: no target has it, in a path or in a query, and its code (RFC 7541 appendix B)
/// differs from that of `#` in the last bit.
const NO_TARGET: u8 = b'>';

/// Why a header block must not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It cannot be decoded.
    Encoding,
    /// A pseudo field behind a body.
    PseudoInTrailers,
}

/// The header blocks of one connection, in the order they come.
#[derive(Debug)]
pub(super) struct Fields {
    table: Table,
    at: At,
    field: Field,
    trailers: bool,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// Before a field.
    Field,
    /// In an integer that goes on.
    Integer { of: Of, value: usize, shift: u32 },
    /// Before a string.
    String(Part),
    /// In a string with so many octets left.
    Octets { part: Part, left: usize, huffman: Option<Reader> },
}

/// What an integer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Indexed,
    NameOfIndexing,
    NameOfOther,
    TableSize,
    Length { part: Part, huffman: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Value,
}

/// The field that is being read.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    enters_table: bool,
    name: Name,
    /// The beginning of a name that is spelled out.
    spelled: [u8; 5],
    name_length: usize,
    value_length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Name {
    #[default]
    Regular,
    Path,
    OtherPseudo,
}

impl Default for Fields {
    fn default() -> Self {
        let table = Table { entries: VecDeque::new(), used: 0, most: TABLE_SIZE };
        Self { table, at: At::Field, field: Field::default(), trailers: false }
    }
}

impl Fields {
    /// A header block begins.
    pub(super) fn begin(&mut self, trailers: bool) {
        self.at = At::Field;
        self.trailers = trailers;
    }

    /// The block has ended.
    pub(super) fn end(&self) -> Result<(), Wrong> {
        if matches!(self.at, At::Field) { Ok(()) } else { Err(Wrong::Encoding) }
    }

    /// Follows the next octets of a block. A fragment in `:path` becomes what no target may hold:
    /// the parser resets such a stream.
    pub(super) fn follow(&mut self, octets: &mut [u8]) -> Result<(), Wrong> {
        let mut at = 0;
        while at < octets.len() {
            if let Some(skipped) = self.pass_over(octets.len() - at) {
                at += skipped;
                continue;
            }
            if let Some(octet) = octets.get_mut(at) {
                self.octet(octet)?;
            }
            at += 1;
        }
        Ok(())
    }

    /// Passes over what is there of a value, where no octet of it has to be looked at; how much.
    fn pass_over(&mut self, available: usize) -> Option<usize> {
        let At::Octets { part: Part::Value, left, huffman } = self.at else { return None };
        let counted = self.field.enters_table && huffman.is_some();
        if self.field.name == Name::Path || counted {
            return None;
        }
        let skipped = left.min(available);
        self.field.value_length += skipped;
        self.octets_left(left - skipped, Part::Value, huffman);
        Some(skipped)
    }

    fn octet(&mut self, octet: &mut u8) -> Result<(), Wrong> {
        match self.at {
            At::Field => self.first(*octet),
            At::Integer { of, value, shift } => {
                let value = value
                    .checked_add(usize::from(*octet & 127).checked_shl(shift).unwrap_or_default())
                    .filter(|_| shift <= 21)
                    .ok_or(Wrong::Encoding)?;
                if *octet & 128 == 0 {
                    return self.integer(of, value);
                }
                self.at = At::Integer { of, value, shift: shift + 7 };
                Ok(())
            }
            At::String(part) => {
                let of = Of::Length { part, huffman: *octet & 128 != 0 };
                self.begin_integer(of, *octet, 7)
            }
            At::Octets { part, left, huffman } => self.octet_of_string(octet, part, left, huffman),
        }
    }

    fn first(&mut self, octet: u8) -> Result<(), Wrong> {
        self.field = Field::default();
        match octet.leading_zeros() {
            0 => self.begin_integer(Of::Indexed, octet, 7),
            1 => self.begin_integer(Of::NameOfIndexing, octet, 6),
            2 => self.begin_integer(Of::TableSize, octet, 5),
            _ => self.begin_integer(Of::NameOfOther, octet, 4),
        }
    }

    fn begin_integer(&mut self, of: Of, octet: u8, bits: u32) -> Result<(), Wrong> {
        let all = (1_u8 << bits) - 1;
        let value = usize::from(octet & all);
        if octet & all == all {
            self.at = At::Integer { of, value, shift: 0 };
            return Ok(());
        }
        self.integer(of, value)
    }

    fn integer(&mut self, of: Of, value: usize) -> Result<(), Wrong> {
        match of {
            Of::Indexed => {
                let (name, _) = self.table.name(value).ok_or(Wrong::Encoding)?;
                self.at = At::Field;
                self.allow(name)
            }
            Of::NameOfIndexing | Of::NameOfOther => {
                self.field.enters_table = of == Of::NameOfIndexing;
                if value == 0 {
                    self.at = At::String(Part::Name);
                    return Ok(());
                }
                let named = self.table.name(value).ok_or(Wrong::Encoding)?;
                (self.field.name, self.field.name_length) = named;
                self.at = At::String(Part::Value);
                self.allow(self.field.name)
            }
            Of::TableSize if value <= TABLE_SIZE => {
                self.table.resize(value);
                self.at = At::Field;
                Ok(())
            }
            Of::TableSize => Err(Wrong::Encoding),
            Of::Length { part, huffman } => {
                self.octets_left(value, part, huffman.then(Reader::default));
                if value == 0 && part == Part::Name { Err(Wrong::Encoding) } else { Ok(()) }
            }
        }
    }

    fn allow(&self, name: Name) -> Result<(), Wrong> {
        if self.trailers && name != Name::Regular { Err(Wrong::PseudoInTrailers) } else { Ok(()) }
    }

    fn octet_of_string(
        &mut self,
        octet: &mut u8,
        part: Part,
        left: usize,
        mut huffman: Option<Reader>,
    ) -> Result<(), Wrong> {
        match &mut huffman {
            None => {
                if self.read(part, *octet) {
                    *octet = NO_TARGET;
                }
            }
            Some(reader) => {
                for half in [4, 0] {
                    match reader.read(*octet >> half) {
                        Step::Within(_) => {}
                        Step::Octet { octet: symbol, last_bit, .. } => {
                            if self.read(part, symbol) {
                                *octet |= last_bit << half;
                            }
                        }
                        Step::End => return Err(Wrong::Encoding),
                    }
                }
            }
        }
        self.octets_left(left - 1, part, huffman);
        if matches!(self.at, At::String(Part::Value)) {
            self.field.name = self.field.spelled_name();
            return self.allow(self.field.name);
        }
        Ok(())
    }

    /// One octet of a string as it reads; whether it begins a fragment.
    fn read(&mut self, part: Part, octet: u8) -> bool {
        match part {
            Part::Name => {
                if let Some(place) = self.field.spelled.get_mut(self.field.name_length) {
                    *place = octet;
                }
                self.field.name_length += 1;
                false
            }
            Part::Value => {
                self.field.value_length += 1;
                self.field.name == Name::Path && octet == b'#'
            }
        }
    }

    fn octets_left(&mut self, left: usize, part: Part, huffman: Option<Reader>) {
        self.at = match part {
            _ if left > 0 => At::Octets { part, left, huffman },
            Part::Name => At::String(Part::Value),
            Part::Value => {
                if self.field.enters_table {
                    self.table.enter(&self.field);
                }
                At::Field
            }
        };
    }
}

impl Field {
    fn spelled_name(&self) -> Name {
        match (self.spelled.first(), self.name_length) {
            _ if self.name_length == 5 && self.spelled == *b":path" => Name::Path,
            (Some(b':'), 1..) => Name::OtherPseudo,
            _ => Name::Regular,
        }
    }
}

/// The dynamic table: of each entry, what its name is, how long it is, and what it counts.
#[derive(Debug)]
struct Table {
    entries: VecDeque<(Name, usize, usize)>,
    used: usize,
    most: usize,
}

impl Table {
    fn name(&self, index: usize) -> Option<(Name, usize)> {
        let Some(length) = STATIC_NAMES.get(index.checked_sub(1)?) else {
            let (name, length, _) = self.entries.get(index - STATIC_NAMES.len() - 1)?;
            return Some((*name, *length));
        };
        let name = match index {
            4 | 5 => Name::Path,
            ..=LAST_PSEUDO => Name::OtherPseudo,
            _ => Name::Regular,
        };
        Some((name, usize::from(*length)))
    }

    fn enter(&mut self, field: &Field) {
        let size = field.name_length + field.value_length + ENTRY_OVERHEAD;
        self.make_room(size);
        if size <= self.most {
            self.used += size;
            self.entries.push_front((field.name, field.name_length, size));
        }
    }

    fn resize(&mut self, most: usize) {
        self.most = most;
        self.make_room(0);
    }

    fn make_room(&mut self, size: usize) {
        while self.used + size > self.most
            && let Some((_, _, gone)) = self.entries.pop_back()
        {
            self.used -= gone;
        }
    }
}

//! How entries hold together: each one's hash covers the one before it.
//!
//! PURE. A chain is a segment's header, its entries, the next segment's header, and so on; each
//! carries the hash of what stands before it. The hash of an entry covers its line as written, with
//! each personal value replaced by a commitment: SHA-256 over a salt of 128 random bits, the field's
//! name and the value. Value and salt can be removed later ([`redact`]); the commitment stays in
//! their place and the hash stays the same.

mod kept;

use std::fmt;

use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

use super::event::{Event, Field, PerField};
use super::line::{self, Draft};
use super::options::Class;

pub(crate) use kept::Kept;

/// The version of the format, in every segment's header.
pub const FORMAT: u32 = 1;

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first header of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes)).filter(|hash| hash.to_string() == text)
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn digits<'d>(&self, digits: &'d mut [u8; 64]) -> &'d str {
        // The place is just as long as the digits, and digits are text.
        let _ = hex::encode_to_slice(self.0, digits);
        std::str::from_utf8(digits).unwrap_or_default()
    }

    /// The hash of the parts, one after the other.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 64]))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where in its chain an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// One more than the entry before it; the first has 1.
    pub sequence: u64,
    /// The hash of the entry or header before it.
    pub previous: Hash,
}

/// Random bytes for the salts of one entry.
pub type Salts = [u8; 16 * Field::ALL.len()];

/// An entry that has been checked: its hash fits what it says.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What happened.
    pub event: Event,
    /// Where it says it stands.
    pub position: Position,
    /// Its hash.
    pub hash: Hash,
    /// The personal fields that have been removed.
    pub removed: Vec<Field>,
    /// The personal fields in whose place a pseudonym stands.
    pub replaced: Vec<Field>,
}

/// How every pseudonym begins.
pub const PSEUDONYM: &str = "pseudonym:";

/// What becomes of a personal value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept,
    /// Its commitment stays.
    Removed,
    /// Its commitment and this pseudonym stay.
    Replaced(SmolStr),
}

/// A line as it was written anew.
#[derive(Debug)]
pub struct Rewritten {
    /// The line, without its newline. Its hash is what it was.
    pub line: Vec<u8>,
    /// What it no longer says: the field, its value and its salt.
    pub taken: Vec<(Field, SmolStr, [u8; 16])>,
    /// The pseudonyms that were removed from it.
    pub pseudonyms_removed: u64,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It cannot be read at all.
    #[error("this is not an entry")]
    NotAnEntry,
    /// It can be read, and was not written like this.
    #[error("the entry was altered")]
    Altered,
    /// A personal value and its salt do not belong together.
    #[error("the value or the salt of {0} was altered or removed without leaving its commitment")]
    Personal(&'static str),
}

/// What stands for a personal value in the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seal {
    Salt([u8; 16]),
    Commitment(Hash),
    Pseudonym(Hash),
}

impl Seal {
    fn is_salt(&self) -> bool {
        matches!(self, Self::Salt(_))
    }
}

/// Puts an event into its place: the line to write, without its newline, and its hash.
#[must_use]
pub fn seal(class: Class, position: Position, event: &Event, salts: &Salts) -> (Vec<u8>, Hash) {
    let mut line = Vec::with_capacity(1024);
    let hash = seal_onto(&mut line, class, position, event, salts);
    (line, hash)
}

/// The same, with the line appended to others.
pub fn seal_onto(
    lines: &mut Vec<u8>,
    class: Class,
    position: Position,
    event: &Event,
    salts: &Salts,
) -> Hash {
    let mut seals = PerField::default();
    for (field, salt) in Field::ALL.into_iter().zip(salts.as_chunks::<16>().0) {
        if event.personal.get(field).is_some() {
            seals.set(field, Some(Seal::Salt(*salt)));
        }
    }
    write(class, position, event, &seals, lines)
}

/// Checks a line (without its newline) against its own hash, byte for byte.
///
/// # Errors
/// [`Flaw`] where it was not written like this.
pub fn open(class: Class, line: &[u8]) -> Result<Sealed, Flaw> {
    let (sealed, _) = check(class, line)?;
    Ok(sealed)
}

/// Removes the values and salts of these fields, leaving their commitments. The hash stays.
///
/// # Errors
/// [`Flaw`] where the line was broken before.
pub fn redact(class: Class, line: &[u8], fields: &[Field]) -> Result<Vec<u8>, Flaw> {
    let fate = |asked: &Asked<'_>| match fields.contains(&asked.field) {
        true => Fate::Removed,
        false => Fate::Kept,
    };
    rewrite(class, line, fate).map(|rewritten| rewritten.line)
}

/// A personal value that may be taken out.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The entry it stands in.
    pub event: &'a Event,
    /// Its field.
    pub field: Field,
    /// The value.
    pub value: &'a str,
    /// Whether it is a pseudonym already.
    pub is_pseudonym: bool,
}

/// Asks about each personal value (pseudonyms too) what becomes of it. The hash stays.
///
/// # Errors
/// [`Flaw`] where the line was broken before.
pub fn rewrite(
    class: Class,
    line: &[u8],
    mut fate: impl FnMut(&Asked<'_>) -> Fate,
) -> Result<Rewritten, Flaw> {
    let (sealed, mut seals) = check(class, line)?;
    let draft = draft_of(&sealed.event, sealed.position, &seals, Vec::new());
    let mut event = sealed.event.clone();
    let mut rewritten = Rewritten {
        line: Vec::with_capacity(line.len()),
        taken: Vec::new(),
        pseudonyms_removed: 0,
    };
    for (field, range) in draft.personal.iter() {
        let Some(value) = sealed.event.personal.get(*field) else { continue };
        let Some(seal) = seals.get(*field).copied() else { continue };
        let is_pseudonym = matches!(seal, Seal::Pseudonym(_));
        let fate = fate(&Asked { event: &sealed.event, field: *field, value, is_pseudonym });
        let commitment = match seal {
            _ if fate == Fate::Kept => continue,
            Seal::Salt(salt) => {
                let written = draft.bytes.get(range.clone()).unwrap_or_default();
                rewritten.taken.push((*field, value.clone(), salt));
                commitment(*field, &salt, written)
            }
            // One pseudonym does not follow another: what it stood for is gone from here.
            Seal::Commitment(_) | Seal::Pseudonym(_) if fate != Fate::Removed => continue,
            Seal::Commitment(commitment) | Seal::Pseudonym(commitment) => {
                rewritten.pseudonyms_removed += 1;
                commitment
            }
        };
        let (value, seal) = match fate {
            Fate::Replaced(pseudonym) => (Some(pseudonym), Seal::Pseudonym(commitment)),
            Fate::Kept | Fate::Removed => (None, Seal::Commitment(commitment)),
        };
        event.personal.set(*field, value);
        seals.set(*field, Some(seal));
    }
    write(class, sealed.position, &event, &seals, &mut rewritten.line);
    Ok(rewritten)
}

/// The commitment that stands in a line for a field that was removed or replaced.
#[must_use]
pub fn commitment_in(line: &[u8], field: Field) -> Option<Hash> {
    let read = line::read(line).ok()?;
    Hash::parse(read.commitments.get(field)?)
}

/// The commitment to a value, as a line carries it when the value is gone.
#[must_use]
pub fn commit(field: Field, salt: &[u8; 16], value: &str) -> Hash {
    let mut written = Vec::new();
    super::text::push_json_string(&mut written, value);
    commitment(field, salt, &written)
}

fn check(class: Class, line: &[u8]) -> Result<(Sealed, PerField<Seal>), Flaw> {
    let read = line::read(line).map_err(|_| Flaw::NotAnEntry)?;
    let mut seals = PerField::default();
    let (mut removed, mut replaced) = (Vec::new(), Vec::new());
    for field in Field::ALL {
        let value = read.event.personal.get(field);
        let salt = read.salts.get(field).map(|text| salt_of(text).ok_or(Flaw::Altered));
        let commitment =
            read.commitments.get(field).map(|text| Hash::parse(text).ok_or(Flaw::Altered));
        let seal = match (value, salt.transpose()?, commitment.transpose()?) {
            (None, None, None) => continue,
            (Some(_), Some(salt), None) => Seal::Salt(salt),
            (None, None, Some(commitment)) => {
                removed.push(field);
                Seal::Commitment(commitment)
            }
            (Some(value), None, Some(commitment)) if value.starts_with(PSEUDONYM) => {
                replaced.push(field);
                Seal::Pseudonym(commitment)
            }
            _ => return Err(Flaw::Personal(field.path())),
        };
        seals.set(field, Some(seal));
    }
    let previous = Hash::parse(&read.previous).ok_or(Flaw::Altered)?;
    let position = Position { sequence: read.sequence, previous };
    let mut written = Vec::with_capacity(line.len());
    let hash = write(class, position, &read.event, &seals, &mut written);
    if written != line {
        return Err(Flaw::Altered);
    }
    Ok((Sealed { event: read.event, position, hash, removed, replaced }, seals))
}

fn salt_of(text: &str) -> Option<[u8; 16]> {
    let mut salt = [0; 16];
    hex::decode_to_slice(text, &mut salt).ok()?;
    Some(salt)
}

fn draft_of(event: &Event, position: Position, seals: &PerField<Seal>, bytes: Vec<u8>) -> Draft {
    let mut digits = [0; 64];
    let previous = position.previous.digits(&mut digits);
    line::draft(event, position.sequence, previous, |field| seals.get(field).is_some(), bytes)
}

/// Appends the line and gives its hash.
fn write(
    class: Class,
    position: Position,
    event: &Event,
    seals: &PerField<Seal>,
    lines: &mut Vec<u8>,
) -> Hash {
    let mut draft = draft_of(event, position, seals, std::mem::take(lines));
    let hash = hash(class, &mut draft, seals);
    draft.object("salts");
    for field in Field::ALL {
        if let Some(Seal::Salt(salt)) = seals.get(field) {
            draft.digits(field.path(), salt);
        }
    }
    draft.close();
    let is_gone = |field: &Field| matches!(seals.get(*field), Some(seal) if !seal.is_salt());
    if Field::ALL.iter().any(is_gone) {
        draft.object("commitments");
        for field in Field::ALL {
            if let Some(Seal::Commitment(commitment) | Seal::Pseudonym(commitment)) =
                seals.get(field)
            {
                draft.digits(field.path(), &commitment.0);
            }
        }
        draft.close();
    }
    draft.digits("hash", &hash.0);
    for _ in 0..3 {
        draft.close();
    }
    *lines = draft.bytes;
    hash
}

/// The hash of an entry: which chain, then the line up to its own place in the chain, with
/// commitments where personal values stand.
fn hash(class: Class, draft: &mut Draft, seals: &PerField<Seal>) -> Hash {
    let Draft { bytes, start, personal } = draft;
    // Hashing one piece costs less than hashing ten: it is put together behind the line.
    let line = bytes.len();
    for part in [&b"geovagt audit entry 1\n"[..], class.word().as_bytes(), b"\n"] {
        bytes.extend_from_slice(part);
    }
    let mut plain = *start;
    for (field, range) in personal.iter() {
        let commitment = match seals.get(*field) {
            None => continue,
            Some(Seal::Commitment(commitment) | Seal::Pseudonym(commitment)) => *commitment,
            Some(Seal::Salt(salt)) => {
                commitment(*field, salt, bytes.get(range.clone()).unwrap_or_default())
            }
        };
        bytes.extend_from_within(plain..range.start);
        // No JSON begins like this, so no value can be mistaken for a commitment.
        bytes.push(b'#');
        bytes.extend_from_slice(&commitment.0);
        plain = range.end;
    }
    bytes.extend_from_within(plain..line);
    let hash = Hash::of(&[bytes.get(line..).unwrap_or_default()]);
    bytes.truncate(line);
    hash
}

/// The commitment to one value, as its JSON stands in the line.
fn commitment(field: Field, salt: &[u8; 16], value: &[u8]) -> Hash {
    let mut committed = [0; 128];
    let parts = [b"geovagt audit field 1\n", &salt[..], field.path().as_bytes(), b"\n", value];
    // Hashing one piece costs half as much as hashing five.
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let Some(whole) = committed.get_mut(..length) else { return Hash::of(&parts) };
    let mut rest = &mut *whole;
    for part in parts {
        let (place, behind) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = behind;
    }
    Hash::of(&[whole])
}

#[cfg(test)]
mod tests;

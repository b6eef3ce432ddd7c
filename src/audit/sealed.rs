//! What pseudonyms stand for, sealed under the month's key, apart from the segments.
//!
//! `sealed/denied-00000003.jsonl`: a line for each entry. Always holds: what is opened fits the
//! commitment that the entry still carries.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use zeroize::Zeroizing;

use super::chain::{self, Hash};
use super::event::Field;
use super::options::Class;
use super::pseudonym::Keys;
use super::reference::Reference;
use super::segment::{self, LineEnd, Lines};
use crate::clock;

/// What one entry no longer says, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    pub(super) sequence: u64,
    pub(super) period: String,
    sealed: String,
}

/// A value with the salt of its commitment.
#[derive(Serialize, Deserialize)]
struct Taken {
    field: String,
    value: String,
    salt: String,
}

/// The entry that is meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) class: Class,
    pub(super) segment: u64,
    pub(super) sequence: u64,
    pub(super) hash: Hash,
}

impl Place {
    fn bound(&self) -> Vec<u8> {
        let Self { class, segment, sequence, hash } = self;
        format!("geovagt sealed 1\n{class}\n{segment}\n{sequence}\n{hash}\n").into_bytes()
    }
}

pub(super) fn directory(log: &Path) -> PathBuf {
    log.join("sealed")
}

pub(super) fn path(log: &Path, class: Class, segment: u64) -> PathBuf {
    directory(log).join(format!("{class}-{}", segment::file_name(segment)))
}

/// What is sealed of a segment.
pub(super) fn read(path: &Path) -> io::Result<Vec<Sealed>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}

impl Sealed {
    /// Seals what was taken from an entry; none where the month has no key.
    pub(super) fn seal(
        keys: &Keys,
        period: &str,
        place: Place,
        taken: &[(Field, SmolStr, [u8; 16])],
    ) -> Option<Self> {
        let taken: Vec<Taken> = taken
            .iter()
            .map(|(field, value, salt)| Taken {
                field: field.path().to_owned(),
                value: value.to_string(),
                salt: hex::encode(salt),
            })
            .collect();
        let mut bytes = Zeroizing::new(serde_json::to_vec(&taken).ok()?);
        let key = key(keys, period)?;
        let nonce: [u8; NONCE_LEN] = clock::random_bytes();
        let aad = Aad::from(place.bound());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *bytes).ok()?;
        let sealed = BASE64.encode([nonce.as_slice(), bytes.as_slice()].concat());
        Some(Self { sequence: place.sequence, period: period.to_owned(), sealed })
    }

    /// What the entry said, by field; none where the key is another, or something was altered.
    /// `line` is the entry as it stands in the segment.
    pub(super) fn open(
        &self,
        keys: &Keys,
        place: Place,
        line: &[u8],
    ) -> Option<Vec<(Field, String)>> {
        let mut bytes = Zeroizing::new(BASE64.decode(&self.sealed).ok()?);
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened =
            key(keys, &self.period)?.open_in_place(nonce, Aad::from(place.bound()), sealed).ok()?;
        let taken: Vec<Taken> = serde_json::from_slice(opened).ok()?;
        taken
            .into_iter()
            .map(|taken| {
                let field = Field::from_path(&taken.field)?;
                let mut salt = [0; 16];
                hex::decode_to_slice(&taken.salt, &mut salt).ok()?;
                let fits =
                    chain::commitment_in(line, field)? == chain::commit(field, &salt, &taken.value);
                fits.then_some((field, taken.value))
            })
            .collect()
    }
}

/// Whether something was sealed in this month.
///
/// # Errors
/// What the operating system says.
pub fn is_sealed_in(log: &Path, period: &str) -> io::Result<bool> {
    let entries = match fs::read_dir(directory(log)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        if read(&entry?.path())?.iter().any(|sealed| sealed.period == period) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An entry's id, and what its fields said before.
pub(crate) type Opened = (String, Vec<(Field, String)>);

/// Opens what stands behind a pseudonym, or behind the entry of a reference: of this organisation's
/// entries alone. Of a pseudonym nothing but what it stands for itself.
///
/// # Errors
/// What the operating system says.
pub fn open_sealed(
    log: &Path,
    keys: &Keys,
    organization: &str,
    wanted: &str,
) -> io::Result<Option<Opened>> {
    let is_pseudonym = wanted.starts_with(chain::PSEUDONYM);
    let wanted = match Reference::parse(wanted) {
        Ok(reference) if !is_pseudonym => reference.to_string(),
        _ => wanted.to_owned(),
    };
    for class in [Class::People, Class::Denied, Class::Allowed] {
        for (number, path) in segment::list(&log.join(class.word()))?.into_iter().rev() {
            let boxes = read(&self::path(log, class, number))?;
            if boxes.is_empty() {
                continue;
            }
            let mut lines = Lines::open(&path, 0)?;
            while lines.advance()? == Some(LineEnd::Complete) {
                if memchr::memmem::find(&lines.line, wanted.as_bytes()).is_none() {
                    continue;
                }
                let Ok(entry) = chain::open(class, &lines.line) else { continue };
                if entry.event.organization.as_deref() != Some(organization) {
                    continue;
                }
                let says =
                    |field: Field| entry.event.personal.get(field).is_some_and(|v| *v == wanted);
                let is_it = match is_pseudonym {
                    true => entry.replaced.iter().any(|field| says(*field)),
                    false => entry.event.reference.as_deref() == Some(wanted.as_str()),
                };
                let sequence = entry.position.sequence;
                let place = Place { class, segment: number, sequence, hash: entry.hash };
                let mine = boxes.iter().filter(|sealed| sealed.sequence == sequence && is_it);
                // Orders one after the other leave a box each.
                let mut values: Vec<_> = mine
                    .filter_map(|sealed| sealed.open(keys, place, &lines.line))
                    .flatten()
                    .collect();
                if is_pseudonym {
                    values.retain(|(field, _)| says(*field));
                }
                if !values.is_empty() {
                    return Ok(Some((entry.event.id.to_string(), values)));
                }
            }
        }
    }
    Ok(None)
}

fn key(keys: &Keys, period: &str) -> Option<LessSafeKey> {
    let secret = keys.sealing(period)?;
    UnboundKey::new(&AES_256_GCM_SIV, secret.as_slice()).ok().map(LessSafeKey::new)
}

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
use super::segment;
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

fn key(keys: &Keys, period: &str) -> Option<LessSafeKey> {
    let secret = keys.sealing(period)?;
    UnboundKey::new(&AES_256_GCM_SIV, secret.as_slice()).ok().map(LessSafeKey::new)
}

//! Reading an archive elsewhere, with the public key and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::chain::{self, FORMAT, Hash};
use super::super::options::Class;
use super::super::sign::{PublicKey, Signed, Statement};
use super::super::{keys, tree};
use super::{
    ENTRIES, Listed, MANIFEST, Manifest, PROOF, Proof, SIGNATURE, STATEMENTS, SUCCESSIONS,
    Succession, key, tar, to_sign,
};

/// What an archive proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// How many entries it holds, each proven.
    pub entries: u64,
    /// In how many segments they stood.
    pub segments: u64,
    /// When it was made, as its maker says.
    pub made: Timestamp,
    /// The key that signed it.
    pub key: String,
    /// Its files.
    pub files: Vec<String>,
}

/// Why an archive is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The form.
    #[error("this is no evidence archive of a gateway, or it was cut off or altered")]
    Form,
    /// The signature.
    #[error("the archive is not signed by the key {0}, nor by one that follows from it")]
    Key(String),
    /// A file.
    #[error("the file {0} is not the one that was signed")]
    File(String),
    /// An entry.
    #[error("entry {0} of {ENTRIES} is not proven: {1}")]
    Entry(usize, &'static str),
}

/// Accepts an archive by this key, or says why not.
///
/// # Errors
/// [`Refused`].
pub fn accept(archive: &[u8], given: PublicKey) -> Result<Accepted, Refused> {
    let parts = tar::read(archive).ok_or(Refused::Form)?;
    let Some((listed, [manifest, signature])) = parts.split_last_chunk::<2>() else {
        return Err(Refused::Form);
    };
    let (MANIFEST, SIGNATURE) = (manifest.0.as_str(), signature.0.as_str()) else {
        return Err(Refused::Form);
    };
    let part = |name: &str| {
        let found = listed.iter().find(|(known, _)| known == name);
        found.map(|(_, content)| content.as_slice()).ok_or(Refused::Form)
    };
    let read: Manifest = serde_json::from_slice(&manifest.1).map_err(|_| Refused::Form)?;
    let signer = key(&read.key).filter(|_| read.format == FORMAT).ok_or(Refused::Form)?;
    let signature = std::str::from_utf8(&signature.1).map_err(|_| Refused::Form)?;
    // Which keys follow from the given one says the archive, but each old key signs for its next.
    let trusted = trusted(given, part(SUCCESSIONS)?);
    if !trusted.contains(&signer) || !signer.has_signed(&to_sign(&manifest.1), signature) {
        return Err(Refused::Key(given.to_string()));
    }
    let now: Vec<Listed> = listed.iter().map(Listed::of).collect();
    if now != read.files {
        let other = now.iter().find(|file| !read.files.contains(file));
        return Err(Refused::File(other.map(|file| file.name.clone()).unwrap_or_default()));
    }
    let statements = statements(part(STATEMENTS)?, &trusted)?;
    let entries = entries(part(ENTRIES)?, part(PROOF)?, &statements)?;
    Ok(Accepted {
        entries,
        segments: statements.len() as u64,
        made: read.made,
        key: read.key,
        files: parts.iter().map(|(name, _)| name.clone()).collect(),
    })
}

/// The given key, those that follow from it, and those it follows from.
fn trusted(given: PublicKey, successions: &[u8]) -> BTreeSet<PublicKey> {
    let pairs: Vec<(PublicKey, PublicKey)> = lines::<Succession>(successions)
        .unwrap_or_default()
        .iter()
        .filter_map(|line| keys::proven(&line.old_key, &line.new_key, &line.signature))
        .collect();
    let mut trusted = BTreeSet::from([given]);
    for _ in 0..=pairs.len() {
        for (old, new) in &pairs {
            if trusted.contains(old) || trusted.contains(new) {
                trusted.extend([*old, *new]);
            }
        }
    }
    trusted
}

type Statements = BTreeMap<(Class, u64), Statement>;

fn statements(content: &[u8], trusted: &BTreeSet<PublicKey>) -> Result<Statements, Refused> {
    let wrong = || Refused::File(STATEMENTS.to_owned());
    let mut statements = Statements::new();
    for line in content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let opened = Signed::parse(line).and_then(|signed| signed.open());
        let (statement, key) = opened.ok_or_else(wrong)?;
        if !trusted.contains(&key) {
            return Err(wrong());
        }
        statements.insert((statement.class, statement.segment), statement);
    }
    Ok(statements)
}

/// Holds each entry against its segment's statement.
fn entries(content: &[u8], proof: &[u8], statements: &Statements) -> Result<u64, Refused> {
    let proofs = lines::<Proof>(proof).ok_or_else(|| Refused::File(PROOF.to_owned()))?;
    let found: Vec<&[u8]> =
        content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    if found.len() != proofs.len() {
        return Err(Refused::File(PROOF.to_owned()));
    }
    for (number, (line, proof)) in found.iter().zip(&proofs).enumerate() {
        let unproven = |why| Refused::Entry(number + 1, why);
        let class = Class::from_word(&proof.chain).ok_or_else(|| unproven("no such chain"))?;
        let statement = statements.get(&(class, proof.segment));
        let statement = statement.ok_or_else(|| unproven("nobody signed for its segment"))?;
        let entry = chain::open(class, line).map_err(|_| unproven("it was altered"))?;
        let beside: Option<Vec<Hash>> = proof.beside.iter().map(|hash| Hash::parse(hash)).collect();
        let beside = beside.ok_or_else(|| unproven("its proof is none"))?;
        let root = tree::root_by(entry.hash, proof.index, statement.entries, &beside);
        if root != Some(statement.tree) {
            return Err(unproven("it does not lead to what was signed"));
        }
        let first = (statement.sequence + 1).saturating_sub(statement.entries);
        if entry.position.sequence != first + proof.index {
            return Err(unproven("it stood in another place"));
        }
    }
    Ok(found.len() as u64)
}

fn lines<T: DeserializeOwned>(content: &[u8]) -> Option<Vec<T>> {
    content
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).ok())
        .collect()
}

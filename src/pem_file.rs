//! Certificates, revocation lists and keys in files in PEM form (RFC 7468).
//!
//! Always holds: what is read is a regular file of at most a mebibyte, and its octets are wiped
//! when it has been read: it may be a key. An error names the file and never what is in it.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::read_bytes;

/// No chain, list or key is longer, in octets.
const MAXIMUM_LENGTH: u64 = 1 << 20;

/// Why a file in PEM form cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemFileError {
    /// The file is missing or may not be read.
    #[error("cannot read {}: {why}; check its path and who may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// The file is no PEM, or holds nothing of the kind.
    #[error("{} holds no {wanted} in PEM form", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What was found.
        #[source]
        source: pem::Error,
    },
}

/// What stands in a file, read once.
pub(crate) struct PemFile<'p> {
    path: &'p Path,
    octets: Zeroizing<Vec<u8>>,
}

impl<'p> PemFile<'p> {
    /// Reads a file. It stands on a disk: not for the threads that serve.
    pub(crate) fn read(path: &'p Path) -> Result<Self, PemFileError> {
        match read_bytes(path, MAXIMUM_LENGTH) {
            Ok(octets) => Ok(Self { path, octets: Zeroizing::new(octets) }),
            Err(why) => Err(PemFileError::Read { path: path.to_owned(), why: why.to_string() }),
        }
    }

    /// As it stands there.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Every certificate, and at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, PemFileError> {
        self.all("certificate")
    }

    /// Every revocation list, and at least one.
    pub(crate) fn revocation_lists(
        &self,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, PemFileError> {
        self.all("revocation list")
    }

    /// The first private key.
    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>, PemFileError> {
        let key = PrivateKeyDer::from_pem_slice(&self.octets);
        key.map_err(|source| self.wrong("private key", source))
    }

    fn all<T: PemObject>(&self, wanted: &'static str) -> Result<Vec<T>, PemFileError> {
        let all = T::pem_slice_iter(&self.octets).collect::<Result<Vec<_>, _>>();
        match all {
            Ok(all) if all.is_empty() => Err(self.wrong(wanted, pem::Error::NoItemsFound)),
            Ok(all) => Ok(all),
            Err(source) => Err(self.wrong(wanted, source)),
        }
    }

    fn wrong(&self, wanted: &'static str, source: pem::Error) -> PemFileError {
        PemFileError::Content { path: self.path.to_owned(), wanted, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_holds_nobody_up() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let long = directory.path().join("long");
        std::fs::write(&long, vec![b'-'; usize::try_from(MAXIMUM_LENGTH).unwrap() + 1]).unwrap();
        for path in [&fifo, &long, &directory.path().to_owned(), &directory.path().join("gone")] {
            let wrong = PemFile::read(path).err().unwrap();
            assert!(matches!(wrong, PemFileError::Read { .. }), "{wrong}");
        }
    }

    #[test]
    fn a_file_of_something_else_says_what_is_missing_and_shows_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for (content, is_key) in [(key.as_str(), true), ("", false), ("rubbish", false)] {
            std::fs::write(&path, content).unwrap();
            let file = PemFile::read(&path).unwrap();
            assert_eq!(file.private_key().is_ok(), is_key);
            for wrong in [file.certificates().unwrap_err(), file.revocation_lists().unwrap_err()] {
                let said = format!("{wrong} {wrong:?}");
                assert!(said.contains("key.pem holds no"), "{said}");
                assert!(!said.contains("rubbish") && !said.contains("PRIVATE"), "{said}");
            }
        }
    }
}

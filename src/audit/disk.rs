//! The few things that are done to files, so that a test can let them fail.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Where the log is written.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Opens a file to append to, made where it does not exist, readable by its owner alone.
    ///
    /// # Errors
    /// What the operating system says.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Puts a file in place as a whole: after a crash there is the old or the new one.
    ///
    /// # Errors
    /// What the operating system says; then the old one is still there.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Makes the names in a directory survive a crash.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// A file that is appended to.
pub trait DiskFile: Send {
    /// Writes all of it to the end, or an unknown part of it where it fails.
    ///
    /// # Errors
    /// What the operating system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until what was written survives a crash.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync(&mut self) -> io::Result<()>;

    /// How long the file is.
    ///
    /// # Errors
    /// What the operating system says.
    fn length(&mut self) -> io::Result<u64>;

    /// Cuts the file to this length.
    ///
    /// # Errors
    /// What the operating system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// The machine's own files.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&mut self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Makes a directory that its owner alone may enter; it may be there already.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

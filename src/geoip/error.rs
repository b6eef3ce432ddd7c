//! What can be wrong with a database file, in sentences that name the way out.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::territory::{Country, Territory};

/// A database file that is not used, and why.
#[derive(Debug)]
pub struct DatabaseError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the GeoIP database {} is not used: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for DatabaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

/// What is wrong with a database file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing is there.
    #[error("there is no such file; put a MaxMind-format database there or correct the path")]
    Missing,
    /// The operating system refuses.
    #[error("this user may not read it; make it readable for the user that runs geovagt")]
    NotPermitted,
    /// A directory, a pipe, a device.
    #[error("it is not a regular file; give the path of the .mmdb file itself")]
    NotAFile,
    /// Reading or writing failed.
    #[error("it cannot be read or written; look at the disk and the file's permissions")]
    Unreadable(#[source] std::io::Error),
    /// Larger than any database.
    #[error("it has {bytes} bytes, more than the {maximum} that a database may have")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        maximum: u64,
    },
    /// No byte.
    #[error("it is empty; fetch it again")]
    Empty,
    /// A file of another kind.
    #[error("it is {}; {}", .0.description(), .0.way_out())]
    OtherKind(FileKind),
    /// The metadata that stands at the end of every database is missing.
    #[error(
        "it has no MaxMind-format metadata at its end: it was cut off or is something else; \
         fetch it again and compare its checksum"
    )]
    NoMetadata,
    /// It contradicts itself.
    #[error("it is damaged ({0}); fetch it again and compare its checksum")]
    Damaged(String),
    /// A sound file about something else.
    #[error(
        "its type is {database_type:?} and its records hold no {expected}; \
         take a database that holds it"
    )]
    WrongContent {
        /// The type it states.
        database_type: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// The build date has not come yet.
    #[error(
        "it says that it was built at {built}, which is in the future; \
         check this machine's clock, or fetch the file again"
    )]
    BuiltInFuture {
        /// Its build date.
        built: Timestamp,
    },
    /// An update that is older than what runs.
    #[error(
        "it was built at {built}, before the running one ({running}); \
         to go back to it on purpose, put it there yourself and restart the gateway"
    )]
    Older {
        /// Its build date.
        built: Timestamp,
        /// The running one's.
        running: Timestamp,
    },
    /// A country that must be known has no address.
    #[error(
        "it holds no address of {}, which stands on a list; take a complete database",
        join(.0)
    )]
    CountriesMissing(Vec<Country>),
    /// Parts of countries on a list that it cannot tell apart.
    #[error(
        "it cannot tell {} from the rest of the country, so nobody there would be rejected; take a \
         city-level database, or put the whole country on the list",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    SubdivisionsUnseen(Vec<Territory>),
    /// An update without the IPv4 or the IPv6 addresses that the running one has.
    #[error("it holds no {0} addresses, and the running one does; take a complete database")]
    FamilyMissing(&'static str),
    /// An update that would move too many addresses to another country.
    #[error(
        "it places {percent:.1} % of the known IPv4 addresses in another country than the running \
         one, more than the {maximum_percent} % that an update may; if that is intended, put it \
         there yourself and restart the gateway"
    )]
    ChangeTooLarge {
        /// The share in percent.
        percent: f64,
        /// The limit in percent.
        maximum_percent: f64,
    },
}

/// What a file is that is no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `.gz`, also `.tar.gz`
    Gzip,
    /// `.zip`
    Zip,
    /// `.xz`
    Xz,
    /// `.zst`
    Zstandard,
    /// `.bz2`
    Bzip2,
    /// `.tar`
    Tar,
    /// A web page, often a sign-in or error page.
    Html,
    /// Readable text: CSV, JSON, an error message.
    Text,
    /// Nothing but zero bytes.
    Zeros,
}

impl FileKind {
    fn description(self) -> &'static str {
        match self {
            Self::Gzip => "compressed with gzip",
            Self::Zip => "a zip archive",
            Self::Xz => "compressed with xz",
            Self::Zstandard => "compressed with zstd",
            Self::Bzip2 => "compressed with bzip2",
            Self::Tar => "a tar archive",
            Self::Html => "a web page",
            Self::Text => "plain text",
            Self::Zeros => "nothing but zeros",
        }
    }

    fn way_out(self) -> &'static str {
        match self {
            Self::Gzip | Self::Zip | Self::Xz | Self::Zstandard | Self::Bzip2 | Self::Tar => {
                "unpack it and give the .mmdb file"
            }
            Self::Html | Self::Text => {
                "the download answered with a message instead of the file: read it, and fetch again"
            }
            Self::Zeros => "the disk was probably full when it was written: fetch it again",
        }
    }
}

fn join(countries: &[Country]) -> String {
    countries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Problem {
    pub(super) fn at(self, path: &Path) -> DatabaseError {
        DatabaseError { path: path.to_owned(), problem: self }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    pub(super) fn of_io(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Self::Missing,
            std::io::ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => Self::Unreadable(error),
        }
    }
}

//! What is added to the log from now on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::line;
use super::super::options::{Class, PerClass};
use super::super::segment::{self, LineEnd, Lines};
use super::FoundEntry;

/// Stands at the end of each chain and reads what comes.
#[derive(Debug)]
pub struct Follow {
    directory: PathBuf,
    ends: PerClass<End>,
}

#[derive(Debug, Clone, Copy, Default)]
struct End {
    segment: u64,
    offset: u64,
}

impl Follow {
    /// Begins at the end of what is there now.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn from_now(directory: &Path) -> io::Result<Self> {
        let mut ends = PerClass::<End>::default();
        for class in Class::ALL {
            let segments = segment::list(&directory.join(class.word()))?;
            if let Some((number, path)) = segments.last() {
                // The line that is being written now may begin before the file's end.
                let length = fs::metadata(path)?.len();
                let offset = start_of_last_line(path, length)?;
                *ends.get_mut(class) = End { segment: *number, offset };
            }
        }
        Ok(Self { directory: directory.to_owned(), ends })
    }

    /// What has been added since the last call, by time.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn added(&mut self) -> io::Result<Vec<FoundEntry>> {
        let mut added = Vec::new();
        for class in Class::ALL {
            let end = self.ends.get_mut(class);
            for (number, path) in segment::list(&self.directory.join(class.word()))? {
                if number < end.segment {
                    continue;
                }
                if number > end.segment {
                    *end = End { segment: number, offset: 0 };
                }
                let mut lines = Lines::open(&path, end.offset)?;
                while lines.advance()? == Some(LineEnd::Complete) {
                    end.offset = lines.offset;
                    let line = String::from_utf8_lossy(&lines.line).into_owned();
                    if let Ok(read) = line::read(line.as_bytes()) {
                        let (sequence, event) = (read.sequence, read.event);
                        added.push(FoundEntry { class, sequence, event, line });
                    }
                }
            }
        }
        added.sort_by_key(|entry| entry.event.at);
        Ok(added)
    }
}

fn start_of_last_line(path: &Path, length: u64) -> io::Result<u64> {
    let mut lines = Lines::open(path, length.saturating_sub(segment::LONGEST_LINE))?;
    let mut offset = lines.offset;
    while lines.offset < length && lines.advance()? == Some(LineEnd::Complete) {
        offset = lines.offset;
    }
    Ok(offset)
}

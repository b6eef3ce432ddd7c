//! What an order would change, before anybody gives it. Nothing is written, nothing proven.

use std::io;
use std::path::Path;

use super::chain::Asked;
use super::event::Field;
use super::line;
use super::order::Order;
use super::retention;
use super::segment::{self, LineEnd, Lines};

/// So many lines are read between two looks at the clock.
const AT_ONCE: u64 = 4096;

/// What an order would change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast {
    /// So many entries.
    pub entries: u64,
    /// In so many files.
    pub segments: u64,
    /// Not everything was looked through: it is more, or at least no less.
    pub cut_short: bool,
}

/// Counts what an order would change in this log, for as long as `goes_on` says.
///
/// # Errors
/// What the operating system says.
pub fn forecast(log: &Path, order: &Order, goes_on: impl Fn() -> bool) -> io::Result<Forecast> {
    let mut forecast = Forecast::default();
    let names = Names::of(order);
    for class in order.classes() {
        let segments = segment::list(&log.join(class.word()))?;
        for (index, (_, path)) in segments.iter().enumerate() {
            let begun = |path: &Path| -> io::Result<_> {
                Ok(retention::header(class, path)?.map(|header| header.created))
            };
            let next = segments.get(index + 1).map(|(_, path)| path.as_path());
            let counted = || -> io::Result<(u64, bool)> {
                let ended = next.map(begun).transpose()?.flatten();
                if !order.selection.can_take_from(begun(path)?, ended, false) {
                    return Ok((0, false));
                }
                in_segment(path, order, &names, &goes_on)
            };
            let (entries, cut_short) = match counted() {
                // Its time was over while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                counted => counted?,
            };
            forecast.entries += entries;
            forecast.segments += u64::from(entries > 0);
            if cut_short {
                forecast.cut_short = true;
                return Ok(forecast);
            }
        }
    }
    Ok(forecast)
}

fn in_segment(
    path: &Path,
    order: &Order,
    names: &Names,
    goes_on: &impl Fn() -> bool,
) -> io::Result<(u64, bool)> {
    let mut lines = Lines::open(path, 0)?;
    let (mut entries, mut read) = (0, 0);
    while let Some(end) = lines.advance()? {
        read += 1;
        if read % AT_ONCE == 1 && !goes_on() {
            return Ok((entries, true));
        }
        // A line that is being written just now is looked at by whoever asks next.
        if end != LineEnd::Complete || read == 1 || !names.may_stand_in(&lines.line) {
            continue;
        }
        entries += u64::from(would_change(&lines.line, order));
    }
    Ok((entries, false))
}

fn would_change(line: &[u8], order: &Order) -> bool {
    let Ok(read) = line::read(line) else { return false };
    Field::ALL.into_iter().any(|field| {
        let Some(value) = read.event.personal.get(field) else { return false };
        let is_pseudonym = read.commitments.get(field).is_some();
        order.touches(&Asked { event: &read.event, field, value, is_pseudonym })
    })
}

/// What has to stand in a line of the person, so that no other has to be read.
struct Names(Vec<Vec<u8>>);

impl Names {
    fn of(order: &Order) -> Self {
        // Written as it is, in whatever case; other letters have other ways to be written.
        let plain = |name: &&String| {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@/: ".contains(&b))
        };
        let names = &order.selection.names;
        let all_plain = names.iter().all(|name| plain(&name));
        Self(if all_plain {
            names.iter().map(|name| name.as_bytes().to_vec()).collect()
        } else {
            Vec::new()
        })
    }

    fn may_stand_in(&self, line: &[u8]) -> bool {
        let line = if self.0.is_empty() { return true } else { line.to_ascii_lowercase() };
        self.0.iter().any(|name| memchr::memmem::find(&line, name).is_some())
    }
}

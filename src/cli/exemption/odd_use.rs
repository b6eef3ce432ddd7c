//! How odd use is shown beside the exemption.

use std::io::Write;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::store::FlagRecord;

/// Something as JSON, and what looked odd about it.
#[derive(Debug, Serialize)]
pub(super) struct WithFlags<'a, T> {
    #[serde(flatten)]
    item: T,
    odd_use: Vec<Flag<'a>>,
}

#[derive(Debug, Serialize)]
struct Flag<'a> {
    kind: &'static str,
    day: Date,
    at: Timestamp,
    detail: &'a str,
}

impl<'a, T> WithFlags<'a, T> {
    pub(super) fn new(item: T, flags: &'a [FlagRecord]) -> Self {
        let flag = |flag: &'a FlagRecord| Flag {
            kind: flag.kind.word(),
            day: flag.day,
            at: flag.at,
            detail: &flag.detail,
        };
        Self { item, odd_use: flags.iter().map(flag).collect() }
    }
}

/// One line each.
pub(super) fn lines(out: &mut impl Write, flags: &[FlagRecord]) -> std::io::Result<()> {
    for FlagRecord { kind, day, detail, .. } in flags {
        writeln!(out, "odd use  {day} {}: {detail}", kind.word())?;
    }
    Ok(())
}

//! The data section: every value that a record consists of is well-formed, and small.
//!
//! The reader bounds how deep and how large one record may become, but a file with a million records
//! at that bound would still take hours. Here the whole work is bounded by the file's size, and a
//! hole of zeros shows: as an empty record, or as a text with a zero in it.

use std::collections::HashMap;

use super::error::Problem;

/// Records on the market nest five deep.
const MAXIMUM_DEPTH: u32 = 16;
/// The largest records on the market have some 150 values with their names in eight languages.
const MAXIMUM_VALUES: u32 = 4096;
/// Values looked at, per byte of the section.
const WORK_PER_BYTE: usize = 8;

/// The data section of a file.
pub(super) struct DataSection<'a> {
    bytes: &'a [u8],
    /// How many values stand behind each pointer's target that was looked at.
    targets: HashMap<usize, Checked>,
    work_left: usize,
}

/// A value that was found well-formed.
#[derive(Clone, Copy)]
struct Checked {
    values: u32,
    end: usize,
    is_text: bool,
}

/// A value's control bytes: its type, its size, and where its payload begins.
struct Control {
    kind: u8,
    size: usize,
    payload: usize,
}

const POINTER: u8 = 1;
const TEXT: u8 = 2;
const MAP: u8 = 7;
const ARRAY: u8 = 11;

impl<'a> DataSection<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let work_left = bytes.len().saturating_mul(WORK_PER_BYTE);
        Self { bytes, targets: HashMap::new(), work_left }
    }

    /// Checks one record: a map that is not empty.
    pub(super) fn check_record(&mut self, offset: u32) -> Result<(), Problem> {
        let offset = offset as usize;
        let control = self.control(offset)?;
        if control.kind != MAP || control.size == 0 {
            return Err(damaged(offset, "a record is empty"));
        }
        self.check(offset, 0)?;
        Ok(())
    }

    fn check(&mut self, offset: usize, depth: u32) -> Result<Checked, Problem> {
        if depth > MAXIMUM_DEPTH {
            return Err(damaged(offset, "values nest too deeply"));
        }
        self.work_left = self
            .work_left
            .checked_sub(1)
            .ok_or_else(|| damaged(offset, "its records are larger than the file explains"))?;
        let control = self.control(offset)?;
        match control.kind {
            POINTER => self.check_target(&control, depth),
            MAP => self.check_entries(offset, &control, depth, true),
            ARRAY => self.check_entries(offset, &control, depth, false),
            _ => self.check_scalar(offset, &control),
        }
    }

    /// A pointer's size field holds its target.
    fn check_target(&mut self, control: &Control, depth: u32) -> Result<Checked, Problem> {
        let target = control.size;
        let checked = match self.targets.get(&target) {
            Some(&known) => known,
            None if self.control(target)?.kind == POINTER => {
                return Err(damaged(target, "a pointer points at a pointer"));
            }
            None => {
                let checked = self.check(target, depth + 1)?;
                self.targets.insert(target, checked);
                checked
            }
        };
        Ok(Checked { end: control.payload, ..checked })
    }

    fn check_entries(
        &mut self,
        offset: usize,
        control: &Control,
        depth: u32,
        is_map: bool,
    ) -> Result<Checked, Problem> {
        let mut values = 1_u32;
        let mut end = control.payload;
        for _ in 0..control.size {
            if is_map {
                let key = self.check(end, depth + 1)?;
                if !key.is_text {
                    return Err(damaged(end, "a key is no text"));
                }
                end = key.end;
            }
            let value = self.check(end, depth + 1)?;
            end = value.end;
            values = values.saturating_add(value.values);
            if values > MAXIMUM_VALUES {
                return Err(damaged(offset, "a record has too many values"));
            }
        }
        Ok(Checked { values, end, is_text: false })
    }

    fn check_scalar(&self, offset: usize, control: &Control) -> Result<Checked, Problem> {
        // double, bytes, u16, u32, i32, u64, u128, boolean, float
        let (length, fits) = match control.kind {
            TEXT | 4 => (control.size, true),
            3 => (8, control.size == 8),
            5 => (control.size, control.size <= 2),
            6 | 8 => (control.size, control.size <= 4),
            9 => (control.size, control.size <= 8),
            10 => (control.size, control.size <= 16),
            14 => (0, control.size <= 1),
            15 => (4, control.size == 4),
            _ => (0, false),
        };
        if !fits {
            return Err(damaged(offset, "a value has no known type or size"));
        }
        let end = control.payload.saturating_add(length);
        let payload = self.bytes.get(control.payload..end);
        let payload = payload.ok_or_else(|| damaged(offset, "a value runs past the end"))?;
        let is_text = control.kind == TEXT;
        if is_text && (payload.contains(&0) || std::str::from_utf8(payload).is_err()) {
            return Err(damaged(offset, "a text is not readable"));
        }
        Ok(Checked { values: 1, end, is_text })
    }

    /// Reads control bytes (MaxMind DB specification 2.0, "Data Field Format").
    fn control(&self, offset: usize) -> Result<Control, Problem> {
        let byte = |at: usize| -> Result<usize, Problem> {
            let byte = self.bytes.get(at).copied();
            byte.map(usize::from).ok_or_else(|| damaged(at, "a value runs past the end"))
        };
        let number = |at: usize, length: usize| -> Result<usize, Problem> {
            (at..at + length).try_fold(0, |sum, at| Ok(sum << 8 | byte(at)?))
        };
        let first = byte(offset)?;
        let mut payload = offset + 1;
        let mut kind = u8::try_from(first >> 5).unwrap_or(0);
        if kind == POINTER {
            let (length, base) = [(1, 0), (2, 2048), (3, 526_336), (4, 0)]
                .get(first >> 3 & 3)
                .copied()
                .unwrap_or((4, 0));
            let high = if length == 4 { 0 } else { (first & 7) << (8 * length) };
            let target = (high | number(payload, length)?) + base;
            return Ok(Control { kind, size: target, payload: payload + length });
        }
        if kind == 0 {
            kind = u8::try_from(byte(payload)? + 7).unwrap_or(u8::MAX);
            payload += 1;
        }
        let (length, base) = match first & 0x1f {
            29 => (1, 29),
            30 => (2, 285),
            31 => (3, 65_821),
            size => return Ok(Control { kind, size, payload }),
        };
        let size = number(payload, length)? + base;
        Ok(Control { kind, size, payload: payload + length })
    }
}

fn damaged(offset: usize, what: &str) -> Problem {
    Problem::Damaged(format!("{what}, at byte {offset} of its records"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) -> Result<(), String> {
        DataSection::new(bytes).check_record(0).map_err(|p| p.to_string())
    }

    fn said(bytes: &[u8], expected: &str) {
        let found = check(bytes).unwrap_err();
        assert!(found.contains(expected), "{expected}: {found}");
    }

    #[test]
    fn a_small_record_is_fine() {
        // {"a": "b", "c": [true, 1]}
        assert_eq!(check(b"\xe2\x41a\x41b\x41c\x02\x04\x01\x07\xa1\x01"), Ok(()));
        // {"a": -> "a"}
        assert_eq!(check(b"\xe1\x41a\x20\x01"), Ok(()));
    }

    #[test]
    fn what_is_damaged_is_refused_in_bounded_time() {
        said(b"\0\0\0\0", "a record is empty");
        said(b"\xe1\x41a\x42\0\0", "a text is not readable");
        said(b"\xe1\x41a\x41\xff", "a text is not readable");
        said(b"\xe1\x41a\x20\x00", "values nest too deeply");
        said(b"\xe1\x41a\x20\x03", "a pointer points at a pointer");
        said(b"\xe1\xa1\x01\xa1\x01", "a key is no text");
        said(b"\xe1\x41a\x45ab", "runs past the end");
        said(b"\xe1\x41a\x00\x05", "no known type");
        said(b"\xff\xff\xff\xff\x41a", "runs past the end");
        let mut deep = vec![0xe1, 0x41, b'a'];
        deep.extend([0x01, 0x04].repeat(10_000));
        said(&deep, "values nest too deeply");
    }

    #[test]
    fn the_whole_work_is_bounded_by_the_size_of_the_section() {
        let mut bytes = b"\xe1\x41a\x1d\x04\xab".to_vec();
        bytes.extend([0xa1, 0x01].repeat(200));
        let mut data = DataSection::new(&bytes);
        let checked = (0..1000).take_while(|_| data.check_record(0).is_ok()).count();
        assert!((10..20).contains(&checked), "{checked} times");
        let found = data.check_record(0).unwrap_err().to_string();
        assert!(found.contains("larger than the file explains"), "{found}");
    }

    #[test]
    fn a_record_that_unfolds_is_refused() {
        // Arrays of eight pointers at the array before: eight to the power of seven values.
        let mut bytes = vec![0xa1, 0x01];
        let mut previous = 0_usize;
        for _ in 0..7 {
            let start = bytes.len();
            bytes.extend([0x08, 0x04]);
            for _ in 0..8 {
                bytes.extend([0x20 | u8::try_from(previous >> 8).unwrap(), previous as u8]);
            }
            previous = start;
        }
        let record = u32::try_from(bytes.len()).unwrap();
        bytes.extend([0xe1, 0x41, b'a', 0x20, previous as u8]);
        let found = DataSection::new(&bytes).check_record(record).unwrap_err().to_string();
        assert!(found.contains("too many values"), "{found}");
    }
}

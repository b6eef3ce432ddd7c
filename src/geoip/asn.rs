//! The optional second database: which autonomous system announces an address. For the log alone;
//! no decision goes by it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;

use super::error::{DatabaseError, Problem};
use super::file;
use super::load;
use super::record::unreadable;
use super::requirements::Requirements;
use super::table::{Ipv4Table, Ipv6Table};
use crate::client_address::ClientAddress;

/// Numbers of autonomous systems, in memory. It never changes.
pub struct AsnDatabase {
    ipv4: Ipv4Table,
    ipv6: Ipv6Table,
    /// The numbers that the tables' answers mean; answer 0 is none.
    numbers: Vec<u32>,
    built: Timestamp,
    database_type: String,
}

#[derive(serde::Deserialize)]
struct Record {
    #[serde(default)]
    autonomous_system_number: Option<u32>,
}

impl AsnDatabase {
    /// Reads, verifies and compiles the file, as [`Database::open`](super::Database::open) does.
    ///
    /// # Errors
    /// [`DatabaseError`] names what is wrong with the file.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, DatabaseError> {
        Self::read(path, now).map_err(|problem| problem.at(path))
    }

    fn read(path: &Path, now: Timestamp) -> Result<Self, Problem> {
        let content = file::read(path)?;
        let mut numbers = vec![0];
        let mut answers: HashMap<u32, u32> = HashMap::new();
        let loaded = load::load(&content.bytes, |found| {
            let record = found.decode::<Record>().map_err(|e| unreadable(&e))?;
            let Some(number) = record.and_then(|r| r.autonomous_system_number) else {
                return Ok(None);
            };
            let next = u32::try_from(numbers.len()).unwrap_or(0);
            let answer = *answers.entry(number).or_insert(next);
            if answer == next {
                numbers.push(number);
            }
            Ok(Some(answer))
        })?;
        Requirements::new(now).of_build(&loaded)?;
        if numbers.len() == 1 {
            return Err(Problem::WrongContent {
                database_type: loaded.metadata.database_type,
                expected: "autonomous_system_number",
            });
        }
        Ok(Self {
            ipv4: Ipv4Table::new(&loaded.ipv4.segments(0)),
            ipv6: Ipv6Table::new(&loaded.ipv6.segments(0)),
            numbers,
            built: loaded.built,
            database_type: loaded.metadata.database_type,
        })
    }

    /// The number of the autonomous system that announces the address, where it is known.
    #[must_use]
    pub fn number_of(&self, address: &ClientAddress) -> Option<u32> {
        let ClientAddress::Known(known) = address else { return None };
        let answer = match known.judged() {
            IpAddr::V4(address) => self.ipv4.answer(address),
            IpAddr::V6(address) => self.ipv6.answer(address),
        };
        answer.filter(|&a| a != 0).and_then(|a| self.numbers.get(a as usize).copied())
    }

    /// When it was built, as it says.
    #[must_use]
    pub fn built(&self) -> Timestamp {
        self.built
    }
}

impl std::fmt::Debug for AsnDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AsnDatabase({} of {})", self.database_type, self.built)
    }
}

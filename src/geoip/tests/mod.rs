//! The databases under `geoip/`, opened, asked, replaced and damaged.

mod damage;
mod locate;
mod replace;

use std::path::PathBuf;

use jiff::Timestamp;

use super::*;
use crate::client_address::{ClientAddress, KnownAddress};
use crate::territory::{Country, Territory};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("geoip").join(name)
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn open(name: &str) -> Database {
    Database::open(&file(name), &Requirements::new(now())).unwrap()
}

fn address(text: &str) -> ClientAddress {
    match KnownAddress::new(text.parse().unwrap()) {
        Ok(known) => ClientAddress::Known(known),
        Err(because) => ClientAddress::Unknown(because),
    }
}

fn territories(codes: &str) -> Vec<Territory> {
    codes.split(' ').map(|code| Territory::parse(code).unwrap()).collect()
}

/// `DK`, `RU-CE`, `private`, `not_in_database`, `unknown`; the registered country where it differs.
fn word(located: Located) -> String {
    let location = located.location;
    let place = location.territory().map_or_else(|| location.kind().into(), |t| t.to_string());
    match located.registered_country.filter(|&c| Some(c) != location.country()) {
        Some(registered) => format!("{place} ({registered})"),
        None => place,
    }
}

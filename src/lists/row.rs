//! A territory as programs get it.

use crate::language::Language;
use crate::territory::Territory;

/// A territory in JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Row {
    id: Territory,
    name_da: String,
    name_en: String,
}

pub(crate) fn rows(territories: &[Territory]) -> Vec<Row> {
    let row = |&id: &Territory| Row {
        id,
        name_da: id.name(Language::Danish).into_owned(),
        name_en: id.name(Language::English).into_owned(),
    };
    territories.iter().map(row).collect()
}

//! The names that sections refer to each other by, collected before any section is checked, so that
//! an error inside a block does not also make every mention of its name an error.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_yaml::Location;

use super::checker::{Checker, Text};
use super::nearest::known_names;
use crate::identifier::{InvalidIdentifier, ListId, OrganizationId, PolicyId, ProviderId, SiteId};

/// What one kind of block is called, and the names of its blocks with their places.
#[derive(Debug)]
pub(super) struct Known<Id> {
    kind: &'static str,
    block: &'static str,
    names: BTreeMap<Id, Location>,
}

/// Every name of the file.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) lists: Known<ListId>,
    pub(super) policies: Known<PolicyId>,
    pub(super) organizations: Known<OrganizationId>,
    pub(super) providers: Known<ProviderId>,
    pub(super) sites: Known<SiteId>,
}

impl<Id: Ord + Clone + Display> Known<Id> {
    /// Takes the keys of a block. A key that can be no name gets its finding here, once.
    pub(super) fn collect<'k>(
        kind: &'static str,
        block: &'static str,
        keys: impl IntoIterator<Item = &'k Text>,
        parse: fn(&str) -> Result<Id, InvalidIdentifier>,
        check: &mut Checker<'_>,
    ) -> Self {
        let mut names = BTreeMap::new();
        for key in keys {
            match parse(&key.value) {
                Ok(id) => {
                    names.insert(id, key.referenced);
                }
                Err(error) => check.refuse(
                    key.referenced,
                    format!("`{}` cannot be the name of a {kind}: {error}", key.value),
                    "choose a short lower-case name",
                ),
            }
        }
        Self { kind, block, names }
    }

    /// The name that a text mentions.
    pub(super) fn mentioned(&self, text: &Text, check: &mut Checker<'_>) -> Option<Id> {
        let value = check.value(text)?;
        let found = self.names.keys().find(|id| id.to_string() == value).cloned();
        if found.is_none() {
            let written = &text.value;
            let shown: Vec<String> = self.names.keys().map(ToString::to_string).collect();
            let help = if shown.is_empty() {
                format!("`{}` defines none; add it there", self.block)
            } else {
                known_names(&value, shown.iter().map(String::as_str))
            };
            check.refuse(text.referenced, format!("no {} is called `{written}`", self.kind), help);
        }
        found
    }

    /// Whether a block of this name stands in the file.
    pub(super) fn holds(&self, id: &Id) -> bool {
        self.names.contains_key(id)
    }

    /// Every name with the place of its block.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, Location)> {
        self.names.iter().map(|(id, location)| (id, *location))
    }
}

//! YAML 1.2 core, read strictly and within a budget.
//!
//! Always holds: `NO` is a string, a key stands once, one file is one document, and no file of the
//! allowed size can cost more than a bounded amount of time and memory.

use serde::de::DeserializeOwned;
use serde_yaml::{DuplicateKeyPolicy, Error, MergeKeyPolicy, Options};

use super::Finding;
use super::yaml_error::finding;

pub use super::source::SourceFile;

/// Reads a file into raw types.
///
/// # Errors
/// The first thing that is wrong, with its place and a way out.
pub fn parse<T: DeserializeOwned>(source: &SourceFile) -> Result<T, Finding> {
    read(&source.text).map_err(|error| finding(source, &error))
}

/// The same with the reader's own error.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_yaml::from_str_with_options(text, options())
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: 32,
            max_documents: 1,
            max_aliases: 200,
            max_anchors: 200,
            max_nodes: 200_000,
            max_events: 500_000,
            max_recorded_anchor_events: 200_000,
            max_merge_keys: 0,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 200,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        reject_tagged_field_names: true,
        emit_comments: false,
        with_snippet: false,
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;

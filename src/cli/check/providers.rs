//! What `check` says about the files that asking identity providers needs. It asks none of them: a
//! gateway starts without its provider too.

use crate::config::{Finding, Loaded};
use crate::identity::Providers;
use crate::telemetry;

/// The authorities can be read and used.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let Err(error) = Providers::prepare(&loaded.config) else { return Vec::new() };
    let says = format!("an identity provider cannot be asked: {}", telemetry::chain(&error));
    vec![Finding::error(says).with_help("name a good PEM file under its `ca`")]
}

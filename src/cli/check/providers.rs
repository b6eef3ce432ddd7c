//! What `check` says about the files that asking identity providers needs. It asks none of them: a
//! gateway starts without its provider too.

use crate::config::{Finding, Loaded};
use crate::identity::{ProviderError, Providers};
use crate::telemetry;

/// The authorities, and the keys by which the gateway shows who it is, can be read and used.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let Err(error) = Providers::prepare(&loaded.config) else { return Vec::new() };
    let says = format!("an identity provider cannot be asked: {}", telemetry::chain(&error));
    let help = match error {
        ProviderError::Authority(..) => "name a good PEM file under its `ca`",
        ProviderError::ClientKey(..) => {
            "name good PEM files under its `client_key` and `client_certificate`"
        }
    };
    vec![Finding::error(says).with_help(help)]
}

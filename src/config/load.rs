//! The whole file: raw, then checked, with every finding at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::checker::{Checker, Surroundings};
use super::document::RawConfig;
use super::expand::process_environment;
use super::{Config, Finding, Severity, SourceFile, yaml};
use crate::identifier::ListId;
use crate::policy::CountryList;

/// A configuration that the gateway can run with.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked configuration.
    pub config: Config,
    /// Warnings and notes; no error.
    pub findings: Vec<Finding>,
    /// The lists by name, each read from its file.
    pub lists: BTreeMap<ListId, Arc<CountryList>>,
    /// The files that were read, to show findings in.
    pub sources: Vec<SourceFile>,
}

/// What looking at a file gave, whether or not the gateway can run with it.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The checked configuration, where there is no error in it and nothing was left out.
    pub config: Option<Config>,
    /// Everything there is to say, in the order of the file.
    pub findings: Vec<Finding>,
    /// The lists that could be read.
    pub lists: BTreeMap<ListId, Arc<CountryList>>,
    /// The files that were read, to show findings in.
    pub sources: Vec<SourceFile>,
}

impl Examined {
    fn nothing(finding: Finding) -> Self {
        Self { config: None, findings: vec![finding], lists: BTreeMap::new(), sources: Vec::new() }
    }

    /// Whether the gateway would refuse to start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads the configuration and everything it names that a decision needs.
///
/// # Errors
/// Every finding, of which at least one is an error.
pub fn load(path: &Path) -> Result<Loaded, Vec<Finding>> {
    let surroundings = Surroundings {
        environment: &process_environment,
        now: crate::clock::now(),
        static_only: false,
    };
    let examined = examine(path, surroundings);
    if examined.has_errors() {
        return Err(examined.findings);
    }
    let Examined { config, findings, lists, sources } = examined;
    match config {
        Some(config) => Ok(Loaded { config, findings, lists, sources }),
        None => Err(vec![Finding::error("the configuration is not whole")]),
    }
}

/// Looks at a configuration file and says everything there is to say.
#[must_use]
pub fn examine(path: &Path, surroundings: Surroundings<'_>) -> Examined {
    match SourceFile::read(path) {
        Ok(source) => examine_source(source, surroundings),
        Err(finding) if !path.exists() => {
            let help = "name the file with --config or in GEOVAGT_CONFIG";
            Examined::nothing(finding.with_help(help))
        }
        Err(finding) => Examined::nothing(finding),
    }
}

/// The same for a file that is in memory.
#[must_use]
pub fn examine_source(source: SourceFile, surroundings: Surroundings<'_>) -> Examined {
    let mut check = Checker::new(&source, surroundings);
    let config = match yaml::parse::<RawConfig>(&source) {
        Ok(raw) => raw.check(&mut check, &source.path),
        Err(finding) => {
            return Examined { sources: vec![source], ..Examined::nothing(finding) };
        }
    };
    let config = config.filter(|_| !check.has_errors() && !check.left_out());
    let findings = check.into_findings();
    Examined { config, findings, lists: BTreeMap::new(), sources: vec![source] }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

//! The whole file: raw, then checked, with every finding at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::checker::{Checker, Surroundings};
use super::document::RawConfig;
use super::expand::process_environment;
use super::forgiving::parse_all;
use super::{Config, Finding, Severity, SourceFile};
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
    fn nothing() -> Self {
        Self { config: None, findings: Vec::new(), lists: BTreeMap::new(), sources: Vec::new() }
    }

    fn unreadable(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::nothing() }
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
            Examined::unreadable(finding.with_help(help))
        }
        Err(finding) => Examined::unreadable(finding),
    }
}

/// The same for a file that is in memory.
#[must_use]
pub fn examine_source(source: SourceFile, surroundings: Surroundings<'_>) -> Examined {
    let (raw, mut findings) = parse_all::<RawConfig>(&source);
    let Some(raw) = raw else {
        return Examined { sources: vec![source], findings, ..Examined::nothing() };
    };
    let mut check = Checker::new(&source, surroundings);
    let config = raw.check(&mut check, &source.path);
    let config = config.filter(|_| findings.is_empty() && !check.has_errors() && !check.left_out());
    let checked = check.into_findings();
    if findings.is_empty() {
        findings = checked;
    } else {
        // Something was left out of what was checked, so the lesser findings may be its shadows.
        findings.extend(checked.into_iter().filter(|f| f.severity == Severity::Error));
        findings.sort_by_key(|f| f.place.as_ref().map_or((0, 0), |p| (p.line, p.column)));
    }
    Examined { config, findings, lists: BTreeMap::new(), sources: vec![source] }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

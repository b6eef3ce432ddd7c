//! The whole file: raw, then checked, with every finding at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::checker::{Checker, Surroundings};
use super::document::{Checked, ListAt, RawConfig};
use super::expand::process_environment;
use super::forgiving::parse_all;
use super::list_file::examine_list;
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
    list_files: Vec<ListAt>,
}

impl Examined {
    fn nothing() -> Self {
        Self {
            config: None,
            findings: Vec::new(),
            lists: BTreeMap::new(),
            sources: Vec::new(),
            list_files: Vec::new(),
        }
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
/// Every finding, of which at least one is an error. Whoever shows them with the lines they are
/// about takes [`examine`] and [`Examined::into_loaded`].
pub fn load(path: &Path) -> Result<Loaded, Vec<Finding>> {
    let surroundings = Surroundings {
        environment: &process_environment,
        now: crate::clock::now(),
        static_only: false,
    };
    examine(path, surroundings).into_loaded().map_err(|examined| examined.findings)
}

/// Looks at a configuration file, and at the lists it names unless the check is static, and says
/// everything there is to say.
#[must_use]
pub fn examine(path: &Path, surroundings: Surroundings<'_>) -> Examined {
    let source = match SourceFile::read(path) {
        Ok(source) => source,
        Err(finding) if !path.exists() => {
            let help = "name the file with --config or in GEOVAGT_CONFIG";
            return Examined::unreadable(finding.with_help(help));
        }
        Err(finding) => return Examined::unreadable(finding),
    };
    let mut examined = examine_source(source, surroundings);
    if !surroundings.static_only {
        examined.read_lists();
    }
    examined
}

/// Looks at a configuration file that is in memory, without reading the lists it names.
#[must_use]
pub fn examine_source(source: SourceFile, surroundings: Surroundings<'_>) -> Examined {
    let (raw, mut findings) = parse_all::<RawConfig>(&source);
    let Some(raw) = raw else {
        return Examined { sources: vec![source], findings, ..Examined::nothing() };
    };
    let mut check = Checker::new(&source, surroundings);
    let Checked { config, list_files } = raw.check(&mut check, &source.path);
    let config = config.filter(|_| findings.is_empty() && !check.has_errors() && !check.left_out());
    let checked = check.into_findings();
    if findings.is_empty() {
        findings = checked;
    } else {
        // Something was left out of what was checked, so the lesser findings may be its shadows.
        findings.extend(checked.into_iter().filter(|f| f.severity == Severity::Error));
        findings.sort_by_key(|f| f.place.as_ref().map_or((0, 0), |p| (p.line, p.column)));
    }
    Examined { config, findings, list_files, sources: vec![source], lists: BTreeMap::new() }
}

impl Examined {
    /// The configuration to run with.
    ///
    /// # Errors
    /// The same again, where there is an error in it or a value was left out.
    pub fn into_loaded(mut self) -> Result<Loaded, Box<Self>> {
        if !self.has_errors()
            && let Some(config) = self.config.take()
        {
            let Self { findings, lists, sources, .. } = self;
            return Ok(Loaded { config, findings, lists, sources });
        }
        Err(Box::new(self))
    }

    fn read_lists(&mut self) {
        for at in std::mem::take(&mut self.list_files) {
            let named_at = self.sources.first().map(|source| source.place(at.named_at));
            match SourceFile::read(&at.path) {
                Ok(source) => {
                    self.read_list(at.id, &source);
                    self.sources.push(source);
                }
                Err(finding) => self.findings.push(finding.at(named_at)),
            }
        }
        if self.has_errors() {
            self.config = None;
        }
    }

    fn read_list(&mut self, id: ListId, source: &SourceFile) {
        match examine_list(Some(&id), source) {
            Ok(file) => {
                self.findings.extend(file.findings);
                self.lists.insert(id, Arc::new(file.list));
            }
            Err(findings) => self.findings.extend(findings),
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

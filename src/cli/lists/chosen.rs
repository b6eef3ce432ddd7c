//! Which list and which version a command is about.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::cli::Context;
use crate::config::{
    Config, Finding, SourceFile, Surroundings, examine, examine_list, process_environment,
    write_findings,
};
use crate::identifier::ListId;
use crate::lists;
use crate::policy::{Admission, CountryList, civil};

pub(super) use crate::lists::version;

/// Where the list comes from.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Choice {
    /// Read this list file, without a configuration.
    #[arg(long, value_name = "LIST.yaml")]
    pub(crate) file: Option<PathBuf>,
    /// The instant or day (it begins at midnight in Denmark) to look at; now by default.
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub(crate) at: Option<Timestamp>,
}

/// A list and what the configuration says beside it.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) list: CountryList,
    /// Whether a policy with this list rejects what the database does not hold. Without a
    /// configuration it does: that is the default.
    pub(super) unknown_location: Admission,
    /// The database of the configuration.
    pub(super) database: Option<PathBuf>,
}

/// Reads a day or an RFC 3339 instant.
pub(in crate::cli) fn read_time(text: &str) -> Result<Timestamp, String> {
    let wrong = || "write a day such as 2026-12-01 or an instant such as 2026-12-01T06:00:00+01:00";
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => civil::midnight(day).ok_or_else(|| wrong().to_owned()),
        Ok(_) | Err(_) => text.parse().map_err(|_| wrong().to_owned()),
    }
}

impl Choice {
    /// The instant that is asked about.
    pub(super) fn instant(&self) -> Timestamp {
        self.at.unwrap_or_else(crate::clock::now)
    }

    /// Every list there is, or the named one. What is wrong with a file is written to the messages.
    pub(super) fn lists(
        &self,
        context: &Context,
        name: Option<&str>,
    ) -> anyhow::Result<Vec<Chosen>> {
        if let Some(path) = &self.file {
            let list = read(context, None, path)?;
            if name.is_some_and(|name| name != list.id().as_str()) {
                bail!("{} holds the list `{}`, not the one you name", path.display(), list.id());
            }
            let unknown_location = Admission::Deny;
            return Ok(vec![Chosen { list, unknown_location, database: None }]);
        }
        let config = configuration(context)?;
        let known =
            || config.country_lists.keys().map(ListId::as_str).collect::<Vec<_>>().join(", ");
        let wanted: Vec<_> = config
            .country_lists
            .iter()
            .filter(|(id, _)| name.is_none_or(|name| name == id.as_str()))
            .collect();
        if wanted.is_empty() {
            bail!("the configuration has no such list; it has: {}", known());
        }
        wanted
            .into_iter()
            .map(|(id, path)| {
                let list = read(context, Some(id), path)?;
                let unknown_location = lists::admission(&config, id);
                Ok(Chosen { list, unknown_location, database: Some(config.geoip.database.clone()) })
            })
            .collect()
    }

    /// The one list that is named, or the only one.
    pub(super) fn one(&self, context: &Context, name: Option<&str>) -> anyhow::Result<Chosen> {
        let mut lists = self.lists(context, name)?;
        match (lists.pop(), lists.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(anyhow!("there are several lists; say which with --list NAME")),
        }
    }
}

fn configuration(context: &Context) -> anyhow::Result<Config> {
    let surroundings = Surroundings {
        environment: &process_environment,
        now: crate::clock::now(),
        static_only: false,
    };
    let examined = examine(&context.config_file, surroundings);
    if let Some(config) = examined.config {
        return Ok(config);
    }
    write_findings(&mut context.messages(), &examined.findings, &examined.sources)?;
    bail!("the configuration cannot be used; correct it, or name a list file with --file")
}

fn read(context: &Context, id: Option<&ListId>, path: &Path) -> anyhow::Result<CountryList> {
    let refused = |findings: Vec<Finding>, sources: &[SourceFile]| -> anyhow::Error {
        match write_findings(&mut context.messages(), &findings, sources) {
            Ok(()) => anyhow!("the list {} cannot be used; correct it", path.display()),
            Err(error) => error.into(),
        }
    };
    let source = SourceFile::read(path).map_err(|f| {
        refused(vec![f.with_help("name a list such as config/lists/cfcs.yaml")], &[])
    })?;
    match examine_list(id, &source) {
        Ok(file) => Ok(file.list),
        Err(findings) => Err(refused(findings, &[source])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_denmark_and_an_instant_is_itself() {
        assert_eq!(read_time("2025-05-12"), Ok("2025-05-11T22:00:00Z".parse().unwrap()));
        assert_eq!(read_time("2025-05-12T00:00:00Z"), Ok("2025-05-12T00:00:00Z".parse().unwrap()));
        for wrong in ["", "tomorrow", "12-05-2025", "2025-05-12T00:00:00", "2025-02-30"] {
            assert!(read_time(wrong).is_err(), "{wrong}");
        }
    }
}

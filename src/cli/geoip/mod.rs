//! `geovagt geoip`: what the database is, what it answers, and putting a newer one in its place.

mod info;
mod lookup;
mod update;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;

use super::{Answer, Context};
use crate::config;
use crate::geoip::{Database, Requirements};
use crate::territory::Territory;

/// Subcommands of `geoip`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// What the database says about itself, and what it holds.
    Info {
        #[command(flatten)]
        source: Source,
    },
    /// Where addresses are.
    #[command(before_help = "Example: geovagt geoip lookup 80.62.1.1 2a02:2698::1")]
    Lookup {
        #[command(flatten)]
        source: Source,
        /// IPv4 or IPv6 addresses.
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<String>,
    },
    /// Verify another database file and put it in the place of the present one.
    #[command(before_help = "Example: geovagt geoip update --from /tmp/country.mmdb")]
    Update {
        #[command(flatten)]
        source: Source,
        /// The new database. The present one is kept beside it as NAME.previous.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
}

/// Which database.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// This database instead of the configuration's; the configuration is not read.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// The database that is meant, and what is asked of it.
struct Chosen {
    path: PathBuf,
    /// The territories on the lists; none where no configuration was read.
    listed: Vec<Territory>,
    warn_after: Option<Duration>,
}

pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    match command {
        Command::Info { source } => info::run(context, &choose(context, source)?),
        Command::Lookup { source, addresses } => {
            lookup::run(context, &choose(context, source)?, addresses)
        }
        Command::Update { source, from: Some(from) } => {
            update::run(context, &choose(context, source)?, from)
        }
        Command::Update { from: None, .. } => bail!(
            "this version fetches nothing by itself: download the file, and give it with --from FILE \
             (or replace the configured file by a rename; the gateway notices within seconds)"
        ),
    }
}

fn choose(context: &Context, source: &Source) -> anyhow::Result<Chosen> {
    if let Some(path) = &source.database {
        return Ok(Chosen { path: path.clone(), listed: Vec::new(), warn_after: None });
    }
    match config::load(&context.config_file) {
        Ok(loaded) => Ok(Chosen {
            path: loaded.config.geoip.database.clone(),
            listed: listed(&loaded),
            warn_after: Some(loaded.config.geoip.warn_after),
        }),
        Err(findings) => {
            config::write_findings(&mut context.messages(), &findings, &[])?;
            bail!(
                "the configuration {} cannot be used; correct it, or name a database with \
                 --database FILE",
                context.config_file.display()
            )
        }
    }
}

/// What stands on any version of any list.
fn listed(loaded: &config::Loaded) -> Vec<Territory> {
    let versions = loaded.lists.values().flat_map(|list| list.versions());
    versions.flat_map(|version| version.territories.to_vec()).collect()
}

fn open(path: &Path) -> anyhow::Result<Database> {
    Ok(Database::open(path, &Requirements::new(crate::clock::now()))?)
}

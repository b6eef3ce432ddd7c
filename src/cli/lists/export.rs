//! `geovagt lists export`

use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde_json::json;

use super::chosen::{self, Choice};
use crate::cli::{Answer, Context};
use crate::lists::{Exported, FORMATS, Format};

/// Arguments of `lists export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Our list, where the configuration has several.
    list: Option<String>,
    /// Who is to read it.
    #[arg(long, value_enum)]
    format: Format,
    /// Another version than the one in force.
    #[arg(long, value_name = "NAME")]
    version: Option<String>,
    /// For nftables: the database whose networks are written; the configuration's by default.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &FORMATS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Nginx => "A `map` on the country code of ngx_http_geoip2_module",
            Self::Haproxy => "A pattern file for an ACL on a country code",
            Self::Nftables => "Sets of networks",
            Self::Entra => "A countryNamedLocation for Microsoft Graph",
            Self::Csv => "Codes and names",
        };
        Some(PossibleValue::new(self.word()).help(help))
    }
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let at = arguments.choice.instant();
    let chosen = arguments.choice.one(context, arguments.list.as_deref())?;
    let version = chosen::version(&chosen.list, arguments.version.as_deref(), at)?;
    let list = Exported {
        list: &chosen.list,
        version,
        unknown_location: chosen.unknown_location,
        database: arguments.database.as_deref().or(chosen.database.as_deref()),
    };
    let content = list.content(arguments.format)?;
    if context.json && arguments.format != Format::Entra {
        context.print_json(&json!({
            "list": chosen.list.id(), "version": version.version,
            "format": arguments.format, "content": content,
        }))?;
    } else {
        context.out().write_all(content.as_bytes())?;
    }
    Ok(Answer::Yes)
}

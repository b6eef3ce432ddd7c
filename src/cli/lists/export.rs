//! `geovagt lists export`

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::chosen::{self, Choice, Chosen};
use super::networks::{Networks, listed};
use crate::cli::{Answer, Context};
use crate::geoip::{Database, Requirements};
use crate::language::Language::{Danish, English};
use crate::policy::{Admission, ListVersion};
use crate::territory::Territory;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// A `map` on the country code of ngx_http_geoip2_module.
    Nginx,
    /// A pattern file for an ACL on a country code.
    Haproxy,
    /// Sets of networks.
    Nftables,
    /// A countryNamedLocation for Microsoft Graph.
    Entra,
    /// Codes and names.
    Csv,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let at = arguments.choice.instant();
    let chosen = arguments.choice.one(context, arguments.list.as_deref())?;
    let version = chosen::version(&chosen.list, arguments.version.as_deref(), at)?;
    let list = Exported { chosen: &chosen, version };
    let invisible = list.invisible(arguments.format);
    if !invisible.is_empty() {
        bail!(
            "{:?} cannot tell {} from the rest of the country, which is not on the list; export as csv",
            arguments.format,
            names(&invisible)
        );
    }
    let content = match arguments.format {
        Format::Nginx => list.nginx(),
        Format::Haproxy => list.haproxy(),
        Format::Nftables => list.nftables(&list.networks(arguments)?),
        Format::Entra => list.entra()?,
        Format::Csv => list.csv(),
    };
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

/// A version on its way out of the house.
struct Exported<'a> {
    chosen: &'a Chosen,
    version: &'a ListVersion,
}

impl Exported<'_> {
    fn territories(&self) -> Vec<Territory> {
        self.version.territories.to_vec()
    }

    fn countries(&self) -> Vec<Territory> {
        self.territories().into_iter().filter(|t| t.subdivision().is_none()).collect()
    }

    /// Subdivisions that a format of country codes would leave open, because their country does not
    /// stand on the list.
    fn invisible(&self, format: Format) -> Vec<Territory> {
        if format == Format::Csv || format == Format::Nftables {
            return Vec::new();
        }
        let open =
            |t: &Territory| !self.version.territories.names(Territory::country_of(t.country()));
        self.territories().into_iter().filter(open).collect()
    }

    /// Name, version, source and what is covered, as comments.
    fn header(&self) -> String {
        let list = &self.chosen.list;
        let mut header = format!(
            "# {} ({}), version {}, {} entries\n# {}\n",
            one_line(list.name()),
            list.id(),
            one_line(&self.version.version),
            self.version.territories.len(),
            one_line(&self.version.source),
        );
        for subdivision in self.territories().into_iter().filter(|t| t.subdivision().is_some()) {
            let country = Territory::country_of(subdivision.country());
            if self.version.territories.names(country) {
                let _ = writeln!(header, "# {} is covered by {country}", named(subdivision));
            }
        }
        header
    }

    fn denies_unknown(&self) -> bool {
        self.chosen.unknown_location == Admission::Deny
    }

    /// The empty code is named: the map's default would otherwise let in whatever the database does
    /// not know.
    fn nginx(&self) -> String {
        let mut text = self.header();
        text += "# needs: geoip2 … { $geoip2_data_country_code country iso_code; }\n";
        text += "map $geoip2_data_country_code $geovagt_listed {\n    default 0;\n";
        let _ =
            writeln!(text, "    \"\" {}; # not in the database", u8::from(self.denies_unknown()));
        for country in self.countries() {
            let _ = writeln!(text, "    {country} 1; # {}", country.name(Danish));
        }
        text + "}\n"
    }

    fn haproxy(&self) -> String {
        let mut text = self.header();
        text += "# acl listed var(txn.country) -m str -f THIS_FILE\n";
        if self.denies_unknown() {
            // Not "unknown": a variable that was never set matches nothing, and must not get in.
            text += "# acl located var(txn.country) -m len 2\n";
            text += "# http-request deny if listed or !located\n";
        } else {
            text += "# http-request deny if listed\n";
        }
        for country in self.countries() {
            let _ = writeln!(text, "{country}");
        }
        text
    }

    fn entra(&self) -> anyhow::Result<String> {
        let location = json!({
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "displayName": format!("{} {}", self.chosen.list.id(), self.version.version),
            "countriesAndRegions": self.countries(),
            "includeUnknownCountriesAndRegions": self.denies_unknown(),
        });
        Ok(serde_json::to_string_pretty(&location)? + "\n")
    }

    fn csv(&self) -> String {
        let mut text = "code,level,name_da,name_en\n".to_owned();
        for territory in self.territories() {
            let level = if territory.subdivision().is_some() { "3166-2" } else { "3166-1" };
            let (danish, english) = (territory.name(Danish), territory.name(English));
            let _ = writeln!(text, "{territory},{level},{},{}", field(&danish), field(&english));
        }
        text
    }

    fn networks(&self, arguments: &Arguments) -> anyhow::Result<Networks> {
        let path = arguments.database.as_ref().or(self.chosen.database.as_ref());
        let path =
            path.context("name the database with --database; nftables knows only networks")?;
        let requirements = Requirements::new(crate::clock::now());
        let database = Database::open(path, &requirements)?;
        let unseen: Vec<Territory> = self
            .territories()
            .into_iter()
            .filter(|&t| !database.sees(t))
            .filter(|t| !self.version.territories.names(Territory::country_of(t.country())))
            .collect();
        if !unseen.is_empty() {
            bail!("the database {} cannot tell {}", path.display(), names(&unseen));
        }
        Ok(listed(&database, &self.version.territories))
    }

    fn nftables(&self, networks: &Networks) -> String {
        let mut text = self.header();
        text += "# Addresses that the database does not hold stand in no set.\n";
        text += "table inet geovagt {\n";
        set(&mut text, "listed_ipv4", "ipv4_addr", &networks.ipv4);
        set(&mut text, "listed_ipv6", "ipv6_addr", &networks.ipv6);
        text + "}\n"
    }
}

fn set(text: &mut String, name: &str, kind: &str, networks: &[impl Display]) {
    let _ = writeln!(text, "  set {name} {{\n    type {kind}\n    flags interval");
    if !networks.is_empty() {
        text.push_str("    elements = {\n");
        for network in networks {
            let _ = writeln!(text, "      {network},");
        }
        text.push_str("    }\n");
    }
    text.push_str("  }\n");
}

/// A text of the list's file must not end the comment that it stands in.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// RFC 4180.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn named(territory: Territory) -> String {
    format!("{territory} ({})", territory.name(English))
}

fn names(territories: &[Territory]) -> String {
    territories.iter().map(|&t| named(t)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;

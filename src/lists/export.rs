//! The list as others read it.

use std::fmt::{Display, Write as _};
use std::path::Path;

use serde_json::json;

use super::networks::{Networks, listed};
use crate::geoip::{Database, DatabaseError, Requirements};
use crate::language::Language::{Danish, English};
use crate::policy::{Admission, CountryList, ListVersion};
use crate::territory::Territory;

/// Who is to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
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

/// Each of them, in the order in which they are offered.
pub(crate) const FORMATS: [Format; 5] =
    [Format::Nginx, Format::Haproxy, Format::Nftables, Format::Entra, Format::Csv];

impl Format {
    /// The word that names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Nftables => "nftables",
            Self::Entra => "entra",
            Self::Csv => "csv",
        }
    }

    /// The format of this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        FORMATS.into_iter().find(|format| format.word() == word)
    }

    /// The name of a file of it, behind the dot.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Nginx => "conf",
            Self::Haproxy => "lst",
            Self::Nftables => "nft",
            Self::Entra => "json",
            Self::Csv => "csv",
        }
    }
}

/// Why a list cannot be written for somebody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotExport {
    /// The format knows only whole countries.
    #[error(
        "{0:?} cannot tell {1} from the rest of the country, which is not on the list; export as csv"
    )]
    Invisible(Format, String),
    /// Networks come from a database.
    #[error("name the database with --database; nftables knows only networks")]
    NoDatabase,
    /// The database does not open.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database knows only whole countries.
    #[error("the database {0} cannot tell {1}")]
    Unseen(String, String),
    /// The text cannot be made.
    #[error("the list cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// A version on its way out of the house.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exported<'a> {
    /// The list.
    pub(crate) list: &'a CountryList,
    /// Which version of it.
    pub(crate) version: &'a ListVersion,
    /// Whether addresses that the database does not hold are let in.
    pub(crate) unknown_location: Admission,
    /// The database whose networks are written.
    pub(crate) database: Option<&'a Path>,
}

impl Exported<'_> {
    /// The list in this format.
    ///
    /// # Errors
    /// [`CannotExport`]: what would be written would say something else than the list.
    pub(crate) fn content(&self, format: Format) -> Result<String, CannotExport> {
        let invisible = self.invisible(format);
        if !invisible.is_empty() {
            return Err(CannotExport::Invisible(format, names(&invisible)));
        }
        Ok(match format {
            Format::Nginx => self.nginx(),
            Format::Haproxy => self.haproxy(),
            Format::Nftables => self.nftables(&self.networks()?),
            Format::Entra => self.entra()?,
            Format::Csv => self.csv(),
        })
    }

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
        let list = self.list;
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
        self.unknown_location == Admission::Deny
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

    fn entra(&self) -> Result<String, serde_json::Error> {
        let location = json!({
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "displayName": format!("{} {}", self.list.id(), self.version.version),
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

    fn networks(&self) -> Result<Networks, CannotExport> {
        let path = self.database.ok_or(CannotExport::NoDatabase)?;
        let requirements = Requirements::new(crate::clock::now());
        let database = Database::open(path, &requirements)?;
        let unseen: Vec<Territory> = self
            .territories()
            .into_iter()
            .filter(|&t| !database.sees(t))
            .filter(|t| !self.version.territories.names(Territory::country_of(t.country())))
            .collect();
        if !unseen.is_empty() {
            return Err(CannotExport::Unseen(path.display().to_string(), names(&unseen)));
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

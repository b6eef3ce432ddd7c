//! `geovagt geoip lookup`

use std::io::Write;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::{Answer, Chosen, Context};
use crate::client_address::{ClientAddress, KnownAddress};
use crate::geoip::{Database, Located};
use crate::language::Language;
use crate::territory::{Country, Territory};

pub(super) fn run(
    context: &Context,
    chosen: &Chosen,
    addresses: &[String],
) -> anyhow::Result<Answer> {
    let database = super::open(&chosen.path)?;
    let mut items = Vec::new();
    let mut messages = context.messages();
    for text in addresses {
        match text.parse() {
            Ok(ip) => items.push(Item::new(&database, text, ip)),
            Err(_) => {
                writeln!(messages, "{text:?} is no IP address; give one such as 80.62.1.1")?;
            }
        }
    }
    if context.json {
        context.print_json(&items)?;
    } else {
        write(&mut context.out(), &items)?;
    }
    Ok(if items.len() == addresses.len() { Answer::Yes } else { Answer::No })
}

#[derive(Serialize)]
struct Item {
    /// As it was asked for.
    id: String,
    address: IpAddr,
    /// The IPv4 address that it carries and is judged by.
    carries: Option<IpAddr>,
    /// Why it can be no client's address.
    unknown_because: Option<String>,
    location: Place,
}

#[derive(Serialize)]
struct Place {
    kind: &'static str,
    country: Option<Country>,
    subdivision: Option<Territory>,
    name: Option<Names>,
    registered_country: Option<Country>,
    network: Option<String>,
    database_built: Timestamp,
}

#[derive(Serialize)]
struct Names {
    da: String,
    en: String,
}

impl Item {
    fn new(database: &Database, text: &str, ip: IpAddr) -> Self {
        let (client, carries, unknown_because) = match KnownAddress::new(ip) {
            Ok(known) => {
                let carries = Some(known.judged()).filter(|&judged| judged != known.seen());
                (ClientAddress::Known(known), carries, None)
            }
            Err(because) => (ClientAddress::Unknown(because), None, Some(because.to_string())),
        };
        let network = match &client {
            ClientAddress::Known(known) => {
                database.network_of(known.judged()).map(|n| n.to_string())
            }
            ClientAddress::Unknown(_) => None,
        };
        let Located { location, registered_country } = database.locate(&client);
        let territory = location.territory();
        let name = |language| territory.map(|t| t.name(language).into_owned());
        let names = name(Language::Danish).zip(name(Language::English));
        Self {
            id: text.to_owned(),
            address: ip.to_canonical(),
            carries,
            unknown_because,
            location: Place {
                kind: location.kind(),
                country: location.country(),
                subdivision: territory.filter(|t| t.subdivision().is_some()),
                name: names.map(|(da, en)| Names { da, en }),
                registered_country,
                network,
                database_built: database.info().built,
            },
        }
    }

    fn sentence(&self) -> String {
        let place = &self.location;
        let mut said = match (place.subdivision.map(|t| t.to_string()), place.country) {
            (Some(code), _) => code,
            (None, Some(country)) => country.to_string(),
            (None, None) => place.kind.replace('_', " "),
        };
        if let Some(names) = &place.name {
            let other =
                if names.da == names.en { String::new() } else { format!(" / {}", names.en) };
            said.push_str(&format!("  {}{other}", names.da));
        }
        if let Some(network) = &place.network {
            said.push_str(&format!("  in {network}"));
        }
        if let Some(registered) = place.registered_country.filter(|&c| Some(c) != place.country) {
            said.push_str(&format!("  registered in {registered}"));
        }
        if let Some(carried) = self.carries {
            said.push_str(&format!("  judged by {carried}, which it carries"));
        }
        if let Some(because) = &self.unknown_because {
            said.push_str(&format!(": {because}"));
        } else if place.kind == "unknown" {
            said.push_str(": the database holds no addresses of this family");
        }
        said
    }
}

fn write(out: &mut impl Write, items: &[Item]) -> std::io::Result<()> {
    let width = items.iter().map(|item| item.address.to_string().len()).max().unwrap_or(0);
    for item in items {
        writeln!(out, "{:width$}  {}", item.address.to_string(), item.sentence())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geoip::Requirements;

    fn item(name: &str, text: &str) -> Item {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let path = std::path::Path::new("geoip").join(name);
        let database = Database::open(&path, &Requirements::new(now)).unwrap();
        Item::new(&database, text, text.parse().unwrap())
    }

    #[test]
    fn an_address_is_explained_in_a_line() {
        let said = |name, text| item(name, text).sentence();
        let city = "test-city.mmdb";
        assert!(
            said(city, "5.102.176.1").starts_with("RU-CE  Tjetjenien"),
            "{}",
            said(city, "5.102.176.1")
        );
        assert!(said(city, "192.0.2.1").ends_with("in 192.0.2.0/24  registered in US"));
        assert!(said(city, "2a00:1450::1").starts_with("not in database"));
        assert!(
            said(city, "64:ff9b::5.102.176.1").ends_with("judged by 5.102.176.1, which it carries")
        );
        assert!(said(city, "64:ff9b::10.0.0.1").starts_with("unknown: the IPv6 address carries"));
        assert_eq!(said(city, "127.0.0.1"), "private  in 127.0.0.0/8");
        assert!(said("test-ipv4.mmdb", "2a00::1").ends_with("no addresses of this family"));
    }

    #[test]
    fn json_has_the_fields_of_explain() {
        let json = serde_json::to_value([item("test-city.mmdb", "5.102.176.1")]).unwrap();
        assert_eq!(json[0]["id"], "5.102.176.1");
        let place = &json[0]["location"];
        assert_eq!(place["kind"], "country");
        assert_eq!(place["country"], "RU");
        assert_eq!(place["subdivision"], "RU-CE");
        assert_eq!(place["registered_country"], "RU");
        assert_eq!(place["network"], "5.102.176.0/21");
        assert_eq!(place["name"]["en"], "Chechnya");
    }
}

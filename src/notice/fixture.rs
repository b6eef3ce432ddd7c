//! A journey and whoever it belongs to, for the tests of this room.

use std::sync::Arc;

use jiff::Timestamp;

use super::compose::Notice;
use crate::config::{Config, Organization, SourceFile, Surroundings, examine_source};
use crate::identifier::{OrganizationId, ProviderId, SiteId};
use crate::language::Language;
use crate::policy::{Demands, ExemptionId, ExemptionState, Leg, Person, TravelExemption, UserName};
use crate::store::{Contact, NoticeDetails, NoticeKind};

const CONFIGURATION: &str = "\
country_lists: {cfcs: cfcs.yaml}
policies: {standard: {list: cfcs}}
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
    contact: {phone: \"+45 44 77 20 00\", hours: \"8-15\"}
  sermersooq: {name: Kommuneqarfik Sermersooq, policy: standard, time_zone: America/Nuuk}
listeners: [{name: web, bind: [\"127.0.0.1:0\"]}]
sites:
  kilden: {organization: ballerup, hosts: [a.dk], upstream: {servers: [\"http://10.1.0.10\"]}}
  web: {organization: sermersooq, hosts: [b.gl], upstream: {servers: [\"http://10.1.0.10\"]}}
";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn config() -> Config {
    let surroundings = Surroundings {
        environment: &|_| None,
        now: at("2026-11-22T12:00:00Z"),
        static_only: false,
    };
    examine_source(SourceFile::new("gateway.yaml", CONFIGURATION), surroundings).config.unwrap()
}

/// `ballerup` or `sermersooq`.
pub(super) fn organization(id: &str) -> Arc<Organization> {
    Arc::clone(&config().organizations[&OrganizationId::parse(id).unwrap()])
}

pub(super) fn journey(legs: &[&str]) -> TravelExemption {
    let organization = organization("ballerup");
    let owner = OrganizationId::parse("ballerup").unwrap();
    let site = |name| SiteId::parse(name).unwrap();
    TravelExemption {
        demands: Demands::NONE,
        id: ExemptionId::new("TE-7K2M9D"),
        person: Person::new(owner.clone(), ProviderId::parse("local").unwrap(), "anna"),
        user_name: UserName::parse("anna.holm").unwrap(),
        organization: owner,
        sites: vec![site("kilden"), site("mail")],
        legs: legs.iter().map(|leg| Leg::parse(leg, &organization.time_zone).unwrap()).collect(),
        purpose: "Delegationsrejse".into(),
        case_number: "26/1234".into(),
        state: ExemptionState::Granted,
    }
}

pub(super) fn anna(language: Language) -> Contact {
    Contact { name: Some("Anna Holm".into()), language: Some(language), ..Contact::default() }
}

pub(super) fn notice<'a>(
    kind: NoticeKind,
    exemption: &'a TravelExemption,
    organization: &'a Organization,
    contact: &'a Contact,
    details: &'a NoticeDetails,
) -> Notice<'a> {
    let created = at("2026-11-22T12:00:00Z");
    Notice { kind, exemption, organization, contact, details, number: 3, created }
}

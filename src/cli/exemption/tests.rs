use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::grant::{Arguments, prepare};
use super::*;
use crate::config::{self, SourceFile, Surroundings};
use crate::identifier::ListId;
use crate::policy::{Actor, CountryList, ExemptionState, ListVersion, TerritorySet, UserName};
use crate::store::NewAccount;
use crate::territory::Territory;

const CONFIGURATION: &str = r#"
state_directory: state
geoip: {database: country.mmdb}
country_lists: {cfcs: cfcs.yaml}
policies:
  standard: {list: cfcs}
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
    contact: {phone: "+45 00 00 00 00"}
    travel_exemptions: {enabled: true, decision: "26/1", two_approvers: [RU]}
    identity_providers: [local]
  egedal:
    name: Egedal Kommune
    policy: standard
    contact: {phone: "+45 00 00 00 00"}
    identity_providers: [local]
listeners:
  - {name: web, bind: ["127.0.0.1:8080"], protocol: http}
sites:
  mail: {organization: ballerup, hosts: [mail.example.dk], upstream: {servers: ["http://10.1.0.10"]}}
  kilden: {organization: ballerup, hosts: [kilden.example.dk], upstream: {servers: ["http://10.1.0.11"]}}
  egedal-mail: {organization: egedal, hosts: [mail.egedal.example], upstream: {servers: ["http://10.1.0.12"]}}
identity:
  local: {kind: local}
"#;

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn loaded() -> Loaded {
    let surroundings = Surroundings { environment: &|_| None, now: now(), static_only: true };
    let source = SourceFile {
        path: Path::new("/etc/geovagt/gateway.yaml").to_owned(),
        text: CONFIGURATION.into(),
    };
    let examined = config::examine_source(source, surroundings);
    let config = examined.config.unwrap_or_else(|| panic!("{:#?}", examined.findings));
    let codes = ["CN", "HK", "RU", "RU-CE"];
    let version = ListVersion {
        version: "2025-05".into(),
        source: "s".into(),
        adopted_by: "a".into(),
        adopted_on: "2025-03-27".parse().unwrap(),
        announced_on: "2025-03-27".parse().unwrap(),
        effective_from: "2025-05-11T22:00:00Z".parse().unwrap(),
        early_start: None,
        territories: codes
            .map(|c| Territory::parse(c).unwrap())
            .into_iter()
            .collect::<TerritorySet>(),
    };
    let id = ListId::parse("cfcs").unwrap();
    let list = CountryList::new(id.clone(), "Lande".into(), 14, vec![version]).unwrap();
    Loaded {
        config,
        findings: Vec::new(),
        lists: BTreeMap::from([(id, Arc::new(list))]),
        sources: Vec::new(),
    }
}

struct Scene {
    loaded: Loaded,
    store: Store,
    _state: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let loaded = loaded();
        let by = Actor { name: "it".into(), operating_system_user: None };
        for name in ["anna", "locked"] {
            let organization = people::organization(&loaded.config, "ballerup").unwrap();
            let name = UserName::parse(name).unwrap();
            let account =
                NewAccount { organization: &organization.id, name: &name, password_hash: "$" };
            store.add_account(&account, &by, now()).await.unwrap();
            if name.as_str() == "locked" {
                store.set_locked(&organization.id, &name, true, &by, now()).await.unwrap();
            }
        }
        Self { loaded, store, _state: state }
    }

    async fn problems(&self, arguments: Arguments) -> String {
        match prepare(&self.loaded, &self.store, &arguments, now()).await.unwrap() {
            Err(problems) => problems.join("\n"),
            Ok(_) => panic!("granted"),
        }
    }
}

fn arguments(organization: &str, person: &str, legs: &[&str], sites: &[&str]) -> Arguments {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Arguments {
        demand: None,
        organization: organization.into(),
        person: person.into(),
        provider: None,
        subject: None,
        legs: owned(legs),
        sites: owned(sites),
        purpose: "Venskabsby".into(),
        case: "26/7".into(),
        by: Some("Bente Lund".into()),
    }
}

#[tokio::test]
async fn a_grant_is_what_was_asked_for_in_civil_days_of_the_organization() {
    let scene = Scene::new().await;
    let asked = arguments("ballerup", "Anna", &["CN,HK 2026-12-01..2026-12-08"], &["mail"]);
    let prepared = prepare(&scene.loaded, &scene.store, &asked, now()).await.unwrap();
    let (grant, by) = prepared.unwrap();
    assert_eq!(by.name, "Bente Lund");
    assert!(!grant.needs_second_approval());
    let exemption = scene.store.grant_exemption(grant, &by, now()).await.unwrap();
    assert_eq!(exemption.legs[0].from.to_string(), "2026-11-30T23:00:00Z");
    assert_eq!(exemption.legs[0].until.to_string(), "2026-12-08T23:00:00Z");
    let record = scene.store.exemption(&exemption.id).await.unwrap().unwrap();
    assert_eq!(record.granted_by, by);
    let account =
        scene.store.account(&exemption.organization, &exemption.user_name).await.unwrap().unwrap();
    assert_eq!(exemption.person.subject(), account.id.as_str());
}

#[tokio::test]
async fn a_territory_under_two_approvers_waits() {
    let scene = Scene::new().await;
    let asked = arguments("ballerup", "anna", &["RU 2026-12-01..2026-12-02"], &["mail"]);
    let prepared = prepare(&scene.loaded, &scene.store, &asked, now()).await.unwrap();
    let (grant, by) = prepared.unwrap();
    let exemption = scene.store.grant_exemption(grant, &by, now()).await.unwrap();
    assert_eq!(exemption.state, ExemptionState::AwaitingApproval);
    assert!(scene.store.load_exemptions(now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let scene = Scene::new().await;
    let mut asked = arguments(
        "ballerup",
        "nobody",
        &["CN 2026-12-08..2026-12-01", "Kina 2026-12-01..2026-12-08", "XX 2026-12-01..2026-12-02"],
        &["egedal-mail", "none", "NONE!"],
    );
    asked.purpose = " ".into();
    asked.case = "26\n7".into();
    asked.by = Some(String::new());
    let said = scene.problems(asked).await;
    for part in [
        "--by is empty",
        "leg 2: ",
        "\"NONE!\"",
        "ballerup has no account nobody",
        "leg 1 ends before it begins",
        "XX",
        "egedal-mail belongs to another organisation",
        "there is no site \"none\"; there are: ",
        "purpose is missing",
        "case number holds a control character",
    ] {
        assert!(said.contains(part), "{part:?} is missing in:\n{said}");
    }
}

#[tokio::test]
async fn a_list_that_was_not_read_is_named_and_nothing_is_granted() {
    let mut scene = Scene::new().await;
    scene.loaded.lists.clear();
    let leg = "CN 2026-12-01..2026-12-08";
    let said = scene.problems(arguments("ballerup", "anna", &[leg], &["mail"])).await;
    assert!(said.contains("the list cfcs that site mail is under was not read"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test]
async fn what_could_not_be_read_is_not_said_to_be_missing_too() {
    let scene = Scene::new().await;
    let said = scene.problems(arguments("ballerup", "anna", &["Kina"], &["NONE!"])).await;
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[tokio::test]
async fn nothing_is_granted_where_it_would_open_too_much_or_nothing() {
    let scene = Scene::new().await;
    let leg = "CN 2026-12-01..2026-12-08";
    for (asked, part) in [
        (arguments("balerup", "anna", &[leg], &["mail"]), "there are: ballerup, "),
        (arguments("egedal", "anna", &[leg], &["egedal-mail"]), "egedal has not switched"),
        (arguments("egedal", "anna", &[leg], &["egedal-mail"]), "egedal has no account anna"),
        (arguments("ballerup", "locked", &[leg], &["mail"]), "is locked; unlock it first"),
        (arguments("ballerup", "an:na", &[leg], &["mail"]), "is no user name"),
        (arguments("ballerup", "anna", &["CN 2026-12-01..2027-12-08"], &["mail"]), "30 days"),
        (
            arguments("ballerup", "anna", &["CN 2026-11-01..2026-11-08"], &["mail"]),
            "is over already",
        ),
    ] {
        let said = scene.problems(asked).await;
        assert!(said.contains(part), "{part:?} is missing in:\n{said}");
    }
}

#[tokio::test]
async fn the_table_fits_a_terminal_and_the_item_says_everything() {
    let scene = Scene::new().await;
    let asked = arguments(
        "ballerup",
        "anna",
        &["CN,HK 2026-12-01..2026-12-08", "RU,RU-CE 2026-12-09..2026-12-10"],
        &["mail", "kilden"],
    );
    let (grant, by) = prepare(&scene.loaded, &scene.store, &asked, now()).await.unwrap().unwrap();
    scene.store.grant_exemption(grant, &by, now()).await.unwrap();
    let records = scene.store.exemptions(None).await.unwrap();
    let mut out = Vec::new();
    shown::table(&mut out, &scene.loaded.config, &records, now()).unwrap();
    let table = String::from_utf8(out).unwrap();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[1..], ["awaiting", "anna", "2026-12-01", "2026-12-10", "CN,HK,R…", "kilden,…"]);
    let item = serde_json::to_value(shown::Item::of(&records[0], now(), true)).unwrap();
    assert_eq!(item["id"], records[0].exemption.id.as_str());
    assert_eq!(item["state"], "awaiting_approval");
    assert_eq!(item["sites"], serde_json::json!(["kilden", "mail"]));
    assert_eq!(item["legs"][1]["territories"], serde_json::json!(["RU", "RU-CE"]));
    assert_eq!(item["history"][0]["by"]["name"], "Bente Lund");
    let mut out = Vec::new();
    shown::whole(&mut out, &scene.loaded.config, &records[0], now()).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("leg      CN,HK 2026-12-01..2026-12-08\n"), "{text}");
    assert!(text.contains("granted  2026-11-22 09:00 CET by Bente Lund ("), "{text}");
}

#[test]
fn a_name_is_read_as_it_is_heard() {
    for text in ["TE-7K2M9D", "te-7k2m9d", "7K2M9D", " TE-7K2M9D "] {
        assert_eq!(exemption_id(text).unwrap().as_str(), "TE-7K2M9D", "{text}");
    }
    assert_eq!(exemption_id("te-oil000").unwrap().as_str(), "TE-011000");
    for text in ["", "TE-", "TE-7K2M9", "TE-7K2M9DD", "TE-7K2M9U", "TE-7K2M9Æ", "XX-7K2M9D"] {
        assert!(exemption_id(text).is_err(), "{text}");
    }
}

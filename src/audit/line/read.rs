//! Reading a line back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use smol_str::SmolStr;

use super::super::event::{Action, Event, Field, Outcome, PerField};

/// What a line says, none of it proven yet.
#[derive(Debug, Clone)]
pub(in super::super) struct Read {
    pub(in super::super) event: Event,
    pub(in super::super) sequence: u64,
    pub(in super::super) previous: String,
    pub(in super::super) salts: PerField<SmolStr>,
    pub(in super::super) commitments: PerField<SmolStr>,
    pub(in super::super) hash: String,
}

/// Reads a line. It must be one JSON object of exactly the fields of an entry.
pub(in super::super) fn read(line: &[u8]) -> Result<Read, serde_json::Error> {
    serde_json::from_slice::<Entry>(line).map(Entry::into_read)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    #[serde(rename = "ecs")]
    _ecs: Schema,
    event: Happened,
    organization: Id,
    client: Client,
    user: User,
    http: Http,
    url: Url,
    user_agent: UserAgent,
    rule: Rule,
    geovagt: Gateway,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    #[serde(rename = "version")]
    _version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Happened {
    id: String,
    sequence: u64,
    action: String,
    outcome: Outcome,
    reason: Option<SmolStr>,
    #[serde(rename = "category")]
    _category: [String; 1],
    #[serde(rename = "type")]
    _kind: [String; 1],
    duration: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    ip: Option<SmolStr>,
    nat: Option<Nat>,
    geo: Geo,
    #[serde(rename = "as")]
    autonomous_system: AutonomousSystem,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nat {
    ip: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Geo {
    country_iso_code: Option<SmolStr>,
    region_iso_code: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AutonomousSystem {
    number: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: Option<SmolStr>,
    id: Option<SmolStr>,
    effective: Option<Name>,
    target: Option<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    status_code: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Url {
    domain: Option<SmolStr>,
    path: Option<SmolStr>,
    query: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserAgent {
    original: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    ruleset: Option<SmolStr>,
    version: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gateway {
    site: Option<SmolStr>,
    listener: Option<SmolStr>,
    verdict: Option<SmolStr>,
    would_be: Option<SmolStr>,
    reference: Option<SmolStr>,
    exemption: Option<SmolStr>,
    mode: Option<SmolStr>,
    database_built: Option<Timestamp>,
    registered_country: Option<SmolStr>,
    count: u64,
    #[serde(default)]
    details: BTreeMap<String, String>,
    chain: Chain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    previous: String,
    salts: Fields,
    #[serde(default)]
    commitments: Fields,
    hash: String,
}

#[derive(Default)]
struct Fields(PerField<SmolStr>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut fields = PerField::default();
        for (path, value) in BTreeMap::<String, SmolStr>::deserialize(d)? {
            let field = Field::from_path(&path).ok_or_else(|| D::Error::custom("unknown field"))?;
            fields.set(field, Some(value));
        }
        Ok(Self(fields))
    }
}

impl Entry {
    fn into_read(self) -> Read {
        let mut personal = PerField::default();
        personal.set(Field::ClientIp, self.client.ip);
        personal.set(Field::ClientNatIp, self.client.nat.and_then(|nat| nat.ip));
        personal.set(Field::UserName, self.user.name);
        personal.set(Field::UserId, self.user.id);
        personal.set(Field::UserEffective, self.user.effective.and_then(|user| user.name));
        personal.set(Field::UserTarget, self.user.target.and_then(|user| user.name));
        personal.set(Field::UserAgent, self.user_agent.original);
        let gateway = self.geovagt;
        let event = Event {
            // An id or action that does not read shows when the line is written again.
            id: self.event.id.parse().unwrap_or_default(),
            at: self.timestamp,
            action: Action::from_word(&self.event.action).unwrap_or(Action::ChainDamaged),
            outcome: self.event.outcome,
            reason: self.event.reason,
            milliseconds: self.event.duration.map(|nanoseconds| nanoseconds / 1_000_000),
            organization: self.organization.id,
            personal,
            country: self.client.geo.country_iso_code,
            region: self.client.geo.region_iso_code,
            registered_country: gateway.registered_country,
            as_number: self.client.autonomous_system.number,
            method: self.http.request.method,
            status: self.http.response.status_code,
            domain: self.url.domain,
            path: self.url.path,
            query: self.url.query,
            rule: self.rule.ruleset.zip(self.rule.version),
            site: gateway.site,
            listener: gateway.listener,
            verdict: gateway.verdict,
            would_be: gateway.would_be,
            reference: gateway.reference,
            exemption: gateway.exemption,
            mode: gateway.mode,
            database_built: gateway.database_built,
            count: gateway.count,
            details: gateway.details,
        };
        Read {
            event,
            sequence: self.event.sequence,
            previous: gateway.chain.previous,
            salts: gateway.chain.salts.0,
            commitments: gateway.chain.commitments.0,
            hash: gateway.chain.hash,
        }
    }
}

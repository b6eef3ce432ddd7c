//! The API of the administration before a fuzzer (schemathesis): a token with every role and the
//! right to write, and an organisation that has something of everything. First a good call of each,
//! then what the description asks for, then everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use geovagt::identifier::OrganizationId;
use geovagt::log_review::{Drawn, Period};
use geovagt::policy::Actor;
use geovagt::store::{NewReview, Store};
use serde_json::{Value, json};

use crate::support::client::{get, post_form};
use crate::support::desk::{Desk, between};
use crate::support::gateway::{Gateway, configuration, eventually, repository};
use crate::support::outside::run;
use crate::support::upstream::Upstream;

const NAME: &str = "alt.muligt";
const PASSWORD: &str = "korrekt hest batteri klammer";
/// What ends the token that asks: asked by itself, with a token that may end.
const ENDS_TOKENS: [&str; 2] = ["/api/v1/tokens/{id}", "/api/v1/me/lost-device"];
/// The fuzzer's phase with the good calls.
const GOOD_CALLS: [&str; 2] = ["--mode=positive", "--phases=examples"];
/// Each call has its one example, and no number of what is meant for another one.
const OF_EXAMPLES: &str =
    "[phases.examples]\nfill-missing = true\nextra-data-sources = { responses = false }\n";

fn office(upstream: &Upstream) -> Gateway {
    let roles = "identity_providers: [local]\n    roles: {case_officer: [alt.muligt, kirsten.vang], approver: [alt.muligt], security: [alt.muligt], dpo: [alt.muligt], operator: [alt.muligt]}";
    let text =
        configuration(&upstream.url(), "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n")
            .replacen("identity_providers: [local]", roles, 1)
            .replace(
                "two_approvers: [RU, CN]",
                "two_approvers: [RU, CN], lead_days: 0, emergency: {sites: [kilden]}",
            );
    let root = repository().display().to_string();
    let shipped = format!("{root}/config/lists/cfcs.yaml");
    let mut gateway = Gateway::prepare(&text.replace(&format!("\"{shipped}\""), "announced.yaml"));
    let list = std::fs::read_to_string(shipped).unwrap() + &announced();
    std::fs::write(gateway.directory().join("announced.yaml"), list).unwrap();
    gateway.run();
    for name in [NAME, "anna.holm", "bo.lund", "carl.friis", "dan.bach"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    gateway
}

/// A version of the list that starts in three weeks.
fn announced() -> String {
    let (today, later) = (day(0), day(21));
    format!(
        "  - version: \"next\"\n    source: s\n    adopted_by: a\n    adopted_on: {today}\n    announced_on: {today}\n    effective_from: {later}\n    territories: [CN, TH, PS]\n"
    )
}

/// The office with what is in it.
struct Scene {
    gateway: Gateway,
    token: String,
    at: SocketAddr,
    known: BTreeMap<&'static str, Vec<String>>,
    _upstream: Upstream,
}

fn day(ahead: i64) -> String {
    use jiff::ToSpan as _;
    let zone = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
    let today = jiff::Timestamp::now().to_zoned(zone).date();
    today.saturating_add(ahead.days()).to_string()
}

fn journey(person: &str, land: &str) -> Value {
    json!({
        "person": person, "sites": ["kilden"], "purpose": "Studietur", "case_number": "26/1",
        "legs": [{"territories": [land], "from": day(0), "until": day(5)}],
        "devices": ["iPad"], "telephone": "+45 20 00 00 00", "mail": "rejse@example.net",
    })
}

fn order(person: &str) -> Value {
    json!({"what": "remove", "about": "one_person", "persons": [person], "why": "mistake"})
}

impl Scene {
    fn open() -> Self {
        let upstream = Upstream::start();
        let gateway = office(&upstream);
        let at = gateway.address("admin");
        let desk = Desk::signed_in(at, NAME, PASSWORD);
        let token = token(&desk, "fuzz");
        let known = BTreeMap::new();
        let mut scene = Self { gateway, token, at, known, _upstream: upstream };
        scene.fill();
        scene
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = post_form(self.at, &self.at.to_string(), path, &text)
            .method(method)
            .header("Authorization", &format!("Bearer {}", self.token))
            .replacing("Content-Type", "application/json")
            .send();
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    fn id(&self, path: &str, body: &Value) -> String {
        self.call("POST", path, body)["id"].as_str().unwrap().to_owned()
    }

    /// Something of everything, each in the state in which something can be done with it.
    fn fill(&mut self) {
        // From networks of their own: equal rejections within a second would be one entry.
        let networks = ["1.0.1.1", "1.0.2.1", "1.0.8.1", "1.2.4.8"];
        let references = networks.map(|from| {
            let answer =
                get(self.gateway.address("web"), "kilden.example.dk", "/").from(from).send();
            answer.header("geovagt-reference").expect("a rejection").to_owned()
        });
        let references = references.to_vec();
        let (all, mine) = ("/api/v1/exemptions", "/api/v1/me/exemptions");
        let this = &*self;
        let lands = ["TH", "VN", "KH", "LA", "MM", "PK", "NP", "BT", "MN", "LK"];
        // What is asked for twice within a moment is made once: each is for a purpose of its own.
        let several =
            |make: &dyn Fn(&str) -> String| lands.iter().map(|land| make(land)).collect::<Vec<_>>();
        let granted = |person| several(&|land| this.id(all, &journey(person, land)));
        let (to_close, to_revoke) = (granted("anna.holm"), granted("bo.lund"));
        let to_extend = granted("carl.friis");
        let to_withdraw = several(&|land| {
            let mut journey = journey("anna.holm", land);
            journey["kind"] = json!("application");
            journey["purpose"] = json!("To be withdrawn");
            this.id(all, &journey)
        });
        let by_another = |land: &str| this.applied_by_another("bo.lund", land);
        let (to_approve, to_refuse) = (several(&by_another), several(&by_another));
        let own = |land: &str, purpose: &str| {
            let mut journey = journey("", land);
            journey.as_object_mut().unwrap().remove("person");
            journey["purpose"] = json!(purpose);
            this.id(mine, &journey)
        };
        let my_withdraw = several(&|land| own(land, "To be withdrawn"));
        let my_close = several(&|land| this.granted_by_another(NAME, land));
        let approved = |land: &str| {
            let id = own(land, "To be extended");
            let line = ["exemption", "approve", &id, "--by", "kirsten.vang"];
            this.gateway.command(&line).expect_code(0);
            id
        };
        let my_extend = several(&approved);
        let breach = json!({"title": "Tyveri", "occurred_from": "2026-01-01",
            "occurred_until": "2026-01-02", "discovered": "2026-01-03"});
        let breach = this.id("/api/v1/breaches", &breach);
        let system = |number: i32| {
            let system =
                json!({"name": format!("System {number}"), "operator": "KMD", "rule": "unknown"});
            this.id("/api/v1/systems", &system)
        };
        let systems: Vec<String> = (0..20).map(system).collect();
        let plan = json!({"starts": day(-15), "every_days": 7, "sample": 5, "within_days": 30});
        this.call("PUT", "/api/v1/reviews/plan", &plan);
        let review = this.id("/api/v1/reviews", &Value::Null);
        let order = this.id("/api/v1/erasure-orders", &order("carl.friis"));
        let mut entries = Vec::new();
        eventually("the log is indexed", || {
            let page = this.call("GET", "/api/v1/log?span=24h", &Value::Null);
            let ids = page["entries"].as_array().unwrap().iter();
            entries = ids.map(|entry| entry["event"]["id"].as_str().unwrap().to_owned()).collect();
            entries.len() > 8
        });
        entries.truncate(20);
        let made = [&to_close, &to_revoke, &to_extend, &to_withdraw, &to_approve, &to_refuse];
        let made = made.into_iter().chain([&my_withdraw, &my_close, &my_extend]).flatten();
        let made: Vec<&String> = made.collect();
        assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len(), "one for two calls");
        let (to_judge, spare) = (this.draw(), this.spare_token());
        self.known = BTreeMap::from([
            ("to_judge", vec![to_judge]),
            ("spare", vec![spare]),
            ("to_change", systems[..8].to_vec()),
            ("to_remove", systems[8..].to_vec()),
            ("references", references),
            ("to_close", to_close),
            ("to_revoke", to_revoke),
            ("to_extend", to_extend),
            ("to_withdraw", to_withdraw),
            ("to_approve", to_approve),
            ("to_refuse", to_refuse),
            ("my_withdraw", my_withdraw),
            ("my_close", my_close),
            ("my_extend", my_extend),
            ("breaches", vec![breach]),
            ("systems", systems),
            ("reviews", vec![review]),
            ("orders", vec![order]),
            ("entries", entries),
        ]);
    }

    /// A review in which one entry waits to be judged.
    fn draw(&self) -> String {
        let id = "LR-00000000F1";
        let organization = OrganizationId::parse("ballerup").unwrap();
        let by = Actor { name: "sofie.lind".to_owned(), operating_system_user: None };
        let first = "2026-01-01".parse().unwrap();
        let new = NewReview {
            id,
            organization: &organization,
            period: Period { from: first, until: "2026-01-08".parse().unwrap() },
            due: "2026-01-20".parse().unwrap(),
            seed: [7; 32],
            sample: 1,
        };
        let drawn = Drawn { chosen: vec![uuid::Uuid::now_v7()], population: 40 };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = Store::open(&self.gateway.directory().join("state")).await.unwrap();
            let now = jiff::Timestamp::now();
            store.begin_review(&new, &by, now).await.unwrap();
            assert!(store.fill_review(&organization, id, &drawn, &by, now).await.unwrap());
            store.close().await;
        });
        id.to_owned()
    }

    /// The id of a token that may be revoked.
    fn spare_token(&self) -> String {
        token(&Desk::signed_in(self.at, NAME, PASSWORD), "spare");
        let tokens = self.call("GET", "/api/v1/tokens", &Value::Null);
        let spare = tokens.as_array().unwrap().iter().find(|one| one["label"] == "spare");
        spare.unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn applied_by_another(&self, person: &str, land: &str) -> String {
        let leg = format!("{land} {}..{}", day(0), day(5));
        let line = [
            "exemption",
            "apply",
            "--organization",
            "ballerup",
            "--person",
            person,
            "--leg",
            &leg,
            "--site",
            "kilden",
            "--purpose",
            "Studietur",
            "--device",
            "iPad",
            "--telephone",
            "+45 20 00 00 00",
            "--mail",
            "rejse@example.net",
            "--by",
            "Bente Lund",
        ];
        self.gateway.command(&line).expect_code(0).out.trim().to_owned()
    }

    fn granted_by_another(&self, person: &str, land: &str) -> String {
        let leg = format!("{land} {}..{}", day(0), day(5));
        let line = [
            "exemption",
            "grant",
            "--organization",
            "ballerup",
            "--person",
            person,
            "--leg",
            &leg,
            "--site",
            "kilden",
            "--purpose",
            "Studietur",
            "--case",
            "26/1",
            "--by",
            "kirsten.vang",
        ];
        self.gateway.command(&line).expect_code(0).out.trim().to_owned()
    }

    /// What good calls are made of: for each call, where a value stands and which it may be.
    fn good(&self) -> Vec<Good> {
        let of = |name: &str| json!(self.known[name]);
        let reached = || {
            vec![
                ("body.legs[*].territories[*]", json!(["TH", "Japan", "Vietnam"])),
                ("body.legs[*].from", json!([day(0), day(1)])),
                ("body.legs[*].until", json!([day(1), day(4)])),
                ("body.sites[*]", json!(["kilden"])),
                ("body.purpose", json!(["Studietur"])),
                ("body.case_number", json!(["26/1"])),
                ("body.devices[*]", json!(["iPad"])),
                ("body.telephone", json!(["+45 20 00 00 00"])),
                ("body.mail", json!(["rejse@example.net"])),
            ]
        };
        let mut grant = reached();
        grant.extend([("body.person", json!(["bo.lund"])), ("body.subject", json!([""]))]);
        let system = || {
            vec![
                ("body.name", json!(["Løn"])),
                ("body.operator", json!(["KMD"])),
                ("body.rule", json!(["unknown"])),
                ("body.checked_on", json!([day(0)])),
                ("body.checked_by", json!(["Ole"])),
                ("body.note", json!(["Ses efter hvert år"])),
            ]
        };
        let mut changed = system();
        changed
            .extend([("path.id", of("to_change")), ("header.If-Match", json!(["\"1\"", "\"2\""]))]);
        let extend = |ids| {
            let until = ("body.until", json!([day(7), day(8)]));
            vec![("path.id", of(ids)), until, ("body.purpose", json!(["Mere at se"]))]
        };
        let with_reason =
            |ids| vec![("path.id", of(ids)), ("body.reason", json!(["Rejsen er aflyst"]))];
        let csv = format!(
            "person;lande;fra;til;systemer;formål;sagsnummer\ncarl.friis;Thailand;{};{};kilden;Messe;26/7\n",
            day(1),
            day(3)
        );
        let order = || {
            vec![
                ("body.what", json!(["pseudonymise", "remove"])),
                ("body.about", json!(["one_person"])),
                ("body.persons[*]", json!(["carl.friis", "local/17"])),
                ("body.since", json!([day(-9)])),
                ("body.until", json!([day(1)])),
                ("body.why", json!(["erasure_request", "mistake"])),
                ("body.case", json!(["26/1"])),
            ]
        };
        vec![
            ("post", "/api/v1/erasure-orders", order()),
            ("post", "/api/v1/erasure-orders/forecast", order()),
            ("get", "/api/v1/erasure-orders/{id}", vec![("path.id", of("orders"))]),
            ("post", "/api/v1/exemptions", grant),
            ("post", "/api/v1/exemptions/import", vec![("body.csv", json!([csv]))]),
            (
                "post",
                "/api/v1/exemptions/emergency",
                vec![
                    ("body.reference", of("references")),
                    ("body.person", json!(["anna.holm"])),
                    ("body.caller_verified", json!(["Ringet op på nummeret i listen"])),
                    ("body.purpose", json!(["Rejse"])),
                    ("body.case_number", json!(["26/1"])),
                ],
            ),
            ("get", "/api/v1/exemptions/{id}", vec![("path.id", of("to_close"))]),
            ("post", "/api/v1/exemptions/{id}/close", vec![("path.id", of("to_close"))]),
            ("post", "/api/v1/exemptions/{id}/approve", vec![("path.id", of("to_approve"))]),
            ("post", "/api/v1/exemptions/{id}/withdraw", vec![("path.id", of("to_withdraw"))]),
            ("post", "/api/v1/exemptions/{id}/refuse", with_reason("to_refuse")),
            ("post", "/api/v1/exemptions/{id}/revoke", with_reason("to_revoke")),
            ("post", "/api/v1/exemptions/{id}/extend", extend("to_extend")),
            ("post", "/api/v1/me/exemptions", reached()),
            ("get", "/api/v1/me/exemptions/{id}", vec![("path.id", of("my_close"))]),
            ("post", "/api/v1/me/exemptions/{id}/close", vec![("path.id", of("my_close"))]),
            ("post", "/api/v1/me/exemptions/{id}/withdraw", vec![("path.id", of("my_withdraw"))]),
            ("post", "/api/v1/me/exemptions/{id}/extend", extend("my_extend")),
            (
                "post",
                "/api/v1/breaches",
                vec![
                    ("body.title", json!(["Tyveri"])),
                    ("body.occurred_from", json!(["2026-01-01", "2026-01-01T08:00"])),
                    ("body.occurred_until", json!(["2026-01-02"])),
                    ("body.discovered", json!(["2026-01-03"])),
                    ("body.persons[*]", json!(["bo.lund", "anna.holm"])),
                ],
            ),
            ("get", "/api/v1/breaches/{id}", vec![("path.id", of("breaches"))]),
            (
                "patch",
                "/api/v1/breaches/{id}",
                vec![
                    ("path.id", of("breaches")),
                    ("body.note", json!(["Leverandøren er spurgt"])),
                    ("body.persons[*]", json!(["carl.friis"])),
                    ("body.reported", json!(["2026-01-04"])),
                ],
            ),
            ("post", "/api/v1/breaches/{id}/evidence", vec![("path.id", of("breaches"))]),
            ("post", "/api/v1/systems", system()),
            ("get", "/api/v1/systems/{id}", vec![("path.id", of("systems"))]),
            ("put", "/api/v1/systems/{id}", changed),
            (
                "delete",
                "/api/v1/systems/{id}",
                vec![("path.id", of("to_remove")), ("header.If-Match", json!(["\"1\"", "\"2\""]))],
            ),
            (
                "put",
                "/api/v1/reviews/plan",
                vec![
                    ("body.starts", json!([day(-15)])),
                    ("body.every_days", json!([7])),
                    ("body.sample", json!([5])),
                    ("body.within_days", json!([30])),
                ],
            ),
            ("get", "/api/v1/reviews/{id}", vec![("path.id", of("reviews"))]),
            (
                "put",
                "/api/v1/reviews/{id}/entries/{place}",
                vec![
                    ("path.id", of("to_judge")),
                    ("path.place", json!([1])),
                    ("body.outcome", json!(["in_order"])),
                    ("body.note", json!(["Set efter"])),
                ],
            ),
            ("delete", "/api/v1/tokens/{id}", vec![("path.id", of("spare"))]),
            ("get", "/api/v1/lists/{list}/forecast", vec![("path.list", json!(["cfcs"]))]),
            (
                "post",
                "/api/v1/lists/read",
                vec![("body.text", json!(["Kina, Thailand, Atlantis"]))],
            ),
            ("get", "/api/v1/log/{id}", vec![("path.id", of("entries"))]),
            (
                "get",
                "/api/v1/log",
                vec![
                    ("query.span", json!(["24h"])),
                    ("query.country", json!(["CN", "Kina"])),
                    ("query.limit", json!([10])),
                ],
            ),
            (
                "get",
                "/api/v1/log/counts",
                vec![("query.by", json!(["day", "country"])), ("query.span", json!(["7d"]))],
            ),
            ("get", "/api/v1/log/export", vec![("query.form", json!(["csv", "jsonl"]))]),
            (
                "get",
                "/api/v1/explain",
                vec![
                    ("query.address", json!(["1.2.4.8", "130.225.244.1"])),
                    ("query.site", json!(["kilden"])),
                    ("query.person", json!(["bo.lund"])),
                    ("query.day", json!([day(1)])),
                    ("query.time", json!(["08:30"])),
                    ("query.path", json!(["/"])),
                ],
            ),
            ("get", "/api/v1/people/{name}", vec![("path.name", json!(["anna.holm"]))]),
            ("delete", "/api/v1/people/{name}", vec![("path.name", json!(["dan.bach"]))]),
            ("get", "/api/v1/lists/{list}", vec![("path.list", json!(["cfcs"]))]),
            (
                "post",
                "/api/v1/lists/{list}/compare",
                vec![("path.list", json!(["cfcs"])), ("body.text", json!(["Kina, Thailand"]))],
            ),
        ]
    }

    /// The fuzzer's settings, with the good values as its dictionaries.
    fn settings(&self) -> String {
        let (mut dictionaries, mut operations) = (String::new(), String::new());
        for (method, path, values) in self.good() {
            operations.push_str(&format!(
                "[[operations]]\ninclude-path = '{path}'\ninclude-method = '{}'\n[operations.parameters]\n",
                method.to_uppercase()
            ));
            for (place, values) in values {
                let number = dictionaries.matches("[dictionaries.").count();
                dictionaries.push_str(&format!("[dictionaries.d{number}]\nvalues = {values}\n"));
                operations.push_str(&format!(
                    "'{place}' = {{ dictionary = 'd{number}', probability = 0.95 }}\n"
                ));
            }
        }
        dictionaries + OF_EXAMPLES + &operations
    }

    /// The description with one good call of each as its example: of what is good, the first.
    fn described(&self) -> Value {
        let mut description = self.call("GET", "/api/v1/openapi.json", &Value::Null);
        for (method, path, places) in self.good() {
            let operation = &mut description["paths"][path][method];
            assert!(operation.is_object(), "{method} {path} is not described");
            let first = |place: &str| {
                places.iter().find(|(good, _)| *good == place).map(|(_, values)| values[0].clone())
            };
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let [kind, name] = ["in", "name"].map(|key| parameter[key].as_str().unwrap());
                if let Some(value) = first(&format!("{kind}.{name}")) {
                    parameter["example"] = value;
                }
            }
            // Of an addition one part is sent at a time.
            let parts = if method == "patch" { 1 } else { usize::MAX };
            let body = places.iter().filter_map(|(place, values)| {
                place.strip_prefix("body.").map(|place| (place, values[0].clone()))
            });
            let mut example = Value::Null;
            for (place, value) in body.take(parts) {
                put(&mut example, place, value);
            }
            if !example.is_null() {
                operation["requestBody"]["content"]["application/json"]["example"] = example;
            }
        }
        description
    }

    /// Runs the fuzzer; gives the numbers that each call was answered with.
    fn fuzz(&self, directory: &Path, more: &[&str], token: &str) -> Answers {
        let fuzzer = repository().join("tests/schemathesis/.venv/bin/schemathesis");
        assert!(fuzzer.exists(), "{}: tests/run installs it", fuzzer.display());
        let settings = directory.join("schemathesis.toml");
        std::fs::write(&settings, self.settings()).unwrap();
        let report = directory.join("report.har").display().to_string();
        let description = directory.join("openapi.json");
        std::fs::write(&description, self.described().to_string()).unwrap();
        let (description, url) =
            (description.display().to_string(), format!("--url=http://{}", self.at));
        let authorization = format!("--header=Authorization: Bearer {token}");
        let settings = settings.display().to_string();
        let mut arguments = vec![
            "--config-file",
            &settings,
            "run",
            &description,
            &url,
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            "--seed=1",
            "--report=har",
            "--report-har-path",
            &report,
            &authorization,
        ];
        arguments.extend(more);
        let output = run(fuzzer.to_str().unwrap(), &arguments);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
        // `989 generated, 989 passed`: as many.
        let counted = printed.lines().find(|line| line.contains(" generated, "));
        let (made, passed) =
            counted.and_then(|line| line.trim().split_once(" generated, ")).unwrap();
        assert_eq!(passed, format!("{made} passed"), "{printed}");
        assert!(made.parse::<u32>().unwrap() > 0, "{printed}");
        let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        self.answers(&report)
    }

    fn answers(&self, report: &Value) -> Answers {
        let calls = self.calls();
        let mut answers: Answers =
            calls.iter().map(|call| (call.clone(), BTreeSet::new())).collect();
        for entry in report["log"]["entries"].as_array().unwrap() {
            let url = url::Url::parse(entry["request"]["url"].as_str().unwrap()).unwrap();
            let method = entry["request"]["method"].as_str().unwrap();
            let status = entry["response"]["status"].as_u64().unwrap();
            let fits = |call: &&String| is_of(call, method, url.path());
            let call = calls.iter().filter(fits).min_by_key(|call| call.matches('{').count());
            if let Some(call) = call {
                answers.get_mut(call).unwrap().insert(status);
            }
        }
        answers
    }

    /// `GET /api/v1/log/{id}`, as the description has it.
    fn calls(&self) -> Vec<String> {
        let description = self.call("GET", "/api/v1/openapi.json", &Value::Null);
        let paths = description["paths"].as_object().unwrap();
        let calls = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        calls.collect()
    }
}

/// The numbers that each call was answered with.
type Answers = BTreeMap<String, BTreeSet<u64>>;
/// Method, path, and for each place in the call the values that are good there.
type Good = (&'static str, &'static str, Vec<(&'static str, Value)>);

/// `legs[*].territories[*]` is the first of the territories of the first leg.
fn put(body: &mut Value, place: &str, value: Value) {
    let (name, rest) = place.split_once('.').unwrap_or((place, ""));
    let inner = match name.strip_suffix("[*]") {
        Some(list) => {
            let list = &mut body[list];
            if list.is_null() {
                *list = json!([null]);
            }
            &mut list[0]
        }
        None => &mut body[name],
    };
    if rest.is_empty() { *inner = value } else { put(inner, rest, value) }
}

fn is_of(call: &str, method: &str, path: &str) -> bool {
    let (its_method, its_path) = call.split_once(' ').unwrap();
    let (parts, its_parts): (Vec<&str>, Vec<&str>) =
        (path.split('/').collect(), its_path.split('/').collect());
    its_method == method
        && parts.len() == its_parts.len()
        && parts.iter().zip(its_parts).all(|(part, its)| its.starts_with('{') || *part == its)
}

fn excluding<'a>(exclude: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    exclude.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

/// Makes a token on the page, with every role.
fn token(desk: &Desk, label: &str) -> String {
    let roles = ["operator", "case_officer", "approver", "security", "dpo"];
    let roles: String = roles.iter().map(|role| format!("&role={role}")).collect();
    let page = desk.post("/system/tokens", &format!("label={label}&scope=write&days=9{roles}"));
    let page = page.text();
    between(&page, "<code class=\"secret\">", "<").unwrap_or_else(|| panic!("{page}")).to_owned()
}

#[test]
fn outside_admin_api_stands_a_fuzzer() {
    let scene = Scene::open();
    let directory = tempfile::tempdir().unwrap();
    let exclude = ENDS_TOKENS.map(|path| format!("--exclude-path={path}"));
    // Twice: what only follows from another call has been made possible by then.
    let mut answers = scene.fuzz(directory.path(), &excluding(&exclude, &GOOD_CALLS), &scene.token);
    let good = ["--mode=positive", "--max-examples=25", "--phases=fuzzing"];
    let all = ["--max-examples=15", "--phases=coverage,fuzzing"];
    for more in [&GOOD_CALLS[..], &good, &all] {
        let more = excluding(&exclude, more);
        for (call, statuses) in scene.fuzz(directory.path(), &more, &scene.token) {
            answers.get_mut(&call).unwrap().extend(statuses);
        }
    }
    // The token has lived through all that: it still stands for somebody.
    let session = scene.call("GET", "/api/v1/session", &Value::Null);
    assert_eq!(session["name"], NAME);
    // What ends tokens, with tokens that may end.
    for path in ENDS_TOKENS {
        let include = format!("--include-path={path}");
        let desk = Desk::signed_in(scene.at, NAME, PASSWORD);
        let short_lived = token(&desk, "short");
        let all = ["--max-examples=15", "--phases=coverage,fuzzing"];
        for more in [&GOOD_CALLS[..], &all] {
            let more = [&[include.as_str()], more].concat();
            for (call, statuses) in scene.fuzz(directory.path(), &more, &short_lived) {
                answers.get_mut(&call).unwrap().extend(statuses);
            }
        }
    }
    assert!(answers.values().flatten().all(|status| *status < 500), "{answers:#?}");
    let was_done = |statuses: &BTreeSet<u64>| statuses.iter().any(|s| (200..300).contains(s));
    let never: BTreeSet<&str> = answers
        .iter()
        .filter(|(_, statuses)| !was_done(statuses))
        .map(|(call, _)| call.as_str())
        .collect();
    assert!(answers.len() > 50, "{answers:#?}");
    // The token may call every one of them: none was only ever turned away.
    let turned_away = |statuses: &BTreeSet<u64>| statuses.iter().all(|s| [401, 403].contains(s));
    let closed: Vec<&String> = answers
        .iter()
        .filter(|(_, statuses)| turned_away(statuses))
        .map(|(call, _)| call)
        .collect();
    assert!(closed.is_empty(), "only turned away: {closed:#?}");
    // Each was done at least once, whatever chance brings.
    assert!(never.is_empty(), "never done: {never:#?} of {answers:#?}");
}

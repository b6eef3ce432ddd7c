//! An administration with two organisations, in memory but for its files: what the tests of all rooms
//! ask.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use tower::ServiceExt as _;

use super::access::Connection;
use super::{Admin, InEffect, router};
use crate::app::View;
use crate::audit::{Audit, Options, sign};
use crate::clock;
use crate::config::{self, Loaded};
use crate::geoip::{Database, Requirements};
use crate::identifier::SiteId;
use crate::identifier::{OrganizationId, ProviderId};
use crate::identity::{Argon2id, Authenticator, Password, PasswordFunction};
use crate::language::Language;
use crate::lifecycle::Tasks;
use crate::operations::Part;
use crate::oversight::Condition;
use crate::policy::{Actor, Ambiguous, Exemptions, Explanation, Hypothetical, UserName};
use crate::store::{NewAccount, Store};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "korrekt hest batteri klammer";

/// Name, organisation, and what they are there.
pub(crate) const PEOPLE: [(&str, &str, &str); 9] = [
    ("kirsten.vang", "ballerup", "case_officer"),
    ("mads.bro", "ballerup", "approver"),
    ("sofie.lind", "ballerup", "security"),
    ("dorte.krogh", "ballerup", "dpo"),
    ("ole.drift", "ballerup", "operator"),
    ("anna.holm", "ballerup", "traveller"),
    ("alt.muligt", "ballerup", "everything"),
    ("eva.egedal", "egedal", "everything"),
    ("cille.center", "ballerup", "centre"),
];

/// The administration and what stands behind it.
pub(crate) struct Office {
    pub(crate) admin: Admin,
    pub(crate) router: Router,
    pub(crate) state: tempfile::TempDir,
    _tasks: Tasks,
    loaded: Arc<ArcSwap<Loaded>>,
}

/// What is decided by, opened when somebody first asks and again after a reload.
type Views = std::sync::Mutex<Option<(usize, Arc<View>)>>;

struct Fixed {
    views: Views,
    file: std::path::PathBuf,
    loaded: Arc<ArcSwap<Loaded>>,
    database: Arc<Database>,
}

impl InEffect for Fixed {
    fn loaded(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }
    fn database(&self) -> Arc<Database> {
        Arc::clone(&self.database)
    }
    fn exemptions(&self) -> Arc<Exemptions> {
        Arc::new(Exemptions::new(Vec::new(), |_| std::time::Duration::ZERO))
    }
    fn parts(&self) -> Vec<Part> {
        vec![Part { name: "store", ready: true, warning: false, detail: "answers".to_owned() }]
    }
    fn condition(&self) -> Condition {
        Condition { node: "test".to_owned(), ..Condition::default() }
    }
    fn explain(
        &self,
        site: &SiteId,
        asked: &Hypothetical<'_>,
        language: Language,
    ) -> Option<Result<Explanation, Ambiguous>> {
        let now = Arc::as_ptr(&self.loaded.load_full()) as usize;
        let mut views = self.views.lock().unwrap();
        if views.as_ref().is_none_or(|(of, _)| *of != now) {
            let file = self.file.clone();
            // Whoever asks runs on a runtime of their own already.
            let open = move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let loaded = config::load(&file).unwrap();
                runtime.block_on(View::open(loaded, clock::now())).unwrap()
            };
            *views = Some((now, Arc::new(std::thread::spawn(open).join().unwrap())));
        }
        let (_, view) = views.as_ref()?;
        view.explain(site, asked, language)
    }
}

/// The configuration of the tests; `admin` is what stands in that block.
pub(crate) fn configuration(admin: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let all = "[alt.muligt]";
    format!(
        r#"state_directory: state
geoip: {{database: "{root}/geoip/country.mmdb", warn_after: 3650d}}
country_lists: {{cfcs: "{root}/config/lists/cfcs.yaml"}}
policies: {{standard: {{list: cfcs}}}}
organizations:
  ballerup:
    name: Ballerup Kommune
    policy: standard
    contact: {{phone: "+45 44 77 20 00", hours: "8-15"}}
    travel_exemptions: {{enabled: true, decision: "00.22.04-P35-12-25", two_approvers: [RU, CN]}}
    identity_providers: [local]
    roles:
      case_officer: [kirsten.vang, {only}]
      approver: [mads.bro, {only}]
      security: [sofie.lind, {only}]
      dpo: [dorte.krogh, {only}]
      operator: [ole.drift, {only}]
  egedal:
    name: Egedal Kommune
    policy: standard
    travel_exemptions: {{enabled: true, decision: "24/1"}}
    identity_providers: [local]
    roles: {{case_officer: {eva}, approver: {eva}, security: {eva}, dpo: {eva}, operator: {eva}}}
listeners: [{{name: web, bind: ["127.0.0.1:0"]}}]
sites:
  kilden: {{organization: ballerup, hosts: [kilden.example.dk], upstream: {{servers: ["http://127.0.0.1:9"]}}}}
  egedal-web: {{organization: egedal, hosts: [egedal.example.dk], upstream: {{servers: ["http://127.0.0.1:9"]}}}}
identity: {{local: {{kind: local}}}}
admin: {{bind: ["127.0.0.1:0"], operators: [ballerup/cille.center]{admin}}}
"#,
        only = all.trim_matches(['[', ']']),
        eva = "[eva.egedal]",
    )
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let rest =
            self.text.split_once(&mark).unwrap_or_else(|| panic!("no {name}: {}", self.text));
        rest.1.split('"').next().unwrap().to_owned()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

/// A browser: its cookies and what it was shown last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn take(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let (pair, rest) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }
}

impl Office {
    /// One without a second factor.
    pub(crate) async fn open() -> Self {
        Self::with(", second_factor: off").await
    }

    pub(crate) async fn with(admin: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("gateway.yaml");
        std::fs::write(&file, configuration(admin)).unwrap();
        let loaded = config::load(&file).unwrap_or_else(|findings| panic!("{findings:#?}"));
        std::fs::create_dir(state.path().join("state")).unwrap();
        let store = Store::open(&state.path().join("state")).await.unwrap();
        for (name, organization, _) in PEOPLE {
            add(&store, organization, name).await;
        }
        let tasks = Tasks::new();
        let signing_key = Some(state.path().join("state").join(sign::FILE_NAME));
        let options = Options { signing_key, ..Options::new(state.path().join("state/audit")) };
        let (audit, _) = Audit::open(options, &tasks).unwrap();
        let local = ProviderId::parse("local").unwrap();
        let ids = ["ballerup", "egedal"].map(|id| OrganizationId::parse(id).unwrap());
        let providers = ids.into_iter().map(|id| (id, local.clone())).collect();
        let authenticator = Authenticator::open(&store, providers, clock::now()).await.unwrap();
        let database = loaded.config.geoip.database.clone();
        let database = Database::open(&database, &Requirements::new(clock::now())).unwrap();
        let loaded = Arc::new(ArcSwap::from_pointee(loaded));
        let (views, database) = (Views::default(), Arc::new(database));
        let fixed = Fixed { views, file, loaded: Arc::clone(&loaded), database };
        let admin = Admin::new(store, audit, authenticator, Box::new(fixed));
        let router = router(&admin);
        Self { admin, router, state, _tasks: tasks, loaded }
    }

    /// From here on the log takes no entry.
    pub(crate) async fn end_log(&self) {
        self.admin.audit().close().await;
    }

    /// Another configuration, as after a reload.
    pub(crate) fn reload(&self, text: &str) {
        let file = self.state.path().join("gateway.yaml");
        std::fs::write(&file, text).unwrap();
        let loaded = config::load(&file).unwrap_or_else(|findings| panic!("{findings:#?}"));
        self.loaded.store(Arc::new(loaded));
    }

    pub(crate) async fn ask(&self, browser: &mut Browser, request: Request<Body>) -> Answered {
        let (mut parts, body) = request.into_parts();
        if !browser.cookies.is_empty() {
            parts.headers.insert(header::COOKIE, browser.header().parse().unwrap());
        }
        let connection = Connection { client: [127, 0, 0, 1].into(), secure: false };
        parts.extensions.insert(connection);
        parts.headers.entry(header::HOST).or_insert("localhost:9443".parse().unwrap());
        let request = Request::from_parts(parts, body);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        browser.take(&parts.headers);
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answered { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, browser: &mut Browser, path: &str) -> Answered {
        self.ask(browser, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form as it stands: its token has to be among the fields.
    pub(crate) async fn send(
        &self,
        browser: &mut Browser,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answered {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.ask(browser, request).await
    }

    /// Sends a form with the token of the browser's session.
    pub(crate) async fn post(
        &self,
        browser: &mut Browser,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answered {
        let csrf = self.get(browser, "/account").await.field("csrf");
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.send(browser, path, &all).await
    }

    /// Shows a name and a password.
    pub(crate) async fn password(
        &self,
        browser: &mut Browser,
        name: &str,
        password: &str,
    ) -> Answered {
        let csrf = self.get(browser, "/sign-in").await.field("csrf");
        let organization =
            PEOPLE.iter().find(|(known, ..)| *known == name).map_or("ballerup", |p| p.1);
        let fields = [
            ("csrf", csrf.as_str()),
            ("next", "/account"),
            ("organization", organization),
            ("name", name),
            ("password", password),
        ];
        self.send(browser, "/sign-in", &fields).await
    }

    /// Somebody who is signed in.
    pub(crate) async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = Browser::default();
        let answered = self.password(&mut browser, name, PASSWORD).await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.text);
        browser
    }
}

/// Adds an account with everybody's password.
pub(crate) async fn add(store: &Store, organization: &str, name: &str) {
    use std::sync::LazyLock;
    static HASH: LazyLock<String> =
        LazyLock::new(|| Argon2id.hash(&Password::new(PASSWORD.to_owned())));
    let organization = OrganizationId::parse(organization).unwrap();
    let name = UserName::parse(name).unwrap();
    let account = NewAccount { organization: &organization, name: &name, password_hash: &HASH };
    let by = Actor { name: "test".to_owned(), operating_system_user: None };
    store.add_account(&account, &by, clock::now()).await.unwrap();
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::COOKIE;
use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;
use crate::identity::hasher::Lane;
use crate::identity::limits::Allowance;
use crate::identity::{Attempt, Beside, How, Identity, Outcome, Password, Why};
use crate::policy::{Actor, Person, UserName};
use crate::store::NewAccount;

#[path = "session_tests.rs"]
mod sessions;

#[path = "unclear_tests.rs"]
mod unclear;

/// Counts its evaluations, which is what an attempt costs.
#[derive(Default)]
struct Counting(AtomicUsize);

impl PasswordFunction for Counting {
    fn hash(&self, password: &Password) -> String {
        format!("kept:{}", password.reveal())
    }

    fn verify(&self, password: &Password, kept: &str) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst);
        kept.strip_prefix("kept:") == Some(password.reveal())
    }

    fn is_own(&self, kept: &str) -> bool {
        kept.starts_with("kept:")
    }
}

const PASSWORD: &str = "rejsen går til Kina";

struct Scene {
    authenticator: Authenticator,
    store: Store,
    function: Arc<Counting>,
    state: TempDir,
}

fn organization(name: &str) -> OrganizationId {
    OrganizationId::parse(name).unwrap()
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_796_083_200 + seconds).unwrap()
}

fn by() -> Actor {
    Actor { name: "it".into(), operating_system_user: None }
}

fn providers() -> BTreeMap<OrganizationId, ProviderId> {
    ["ballerup", "egedal"]
        .map(|name| (organization(name), ProviderId::parse("local").unwrap()))
        .into()
}

/// Generous, so that only the tests of limits meet them.
fn generous() -> Quotas {
    let allowance = Allowance { burst: 10_000, refill: Duration::from_secs(1) };
    Quotas {
        end_site: allowance,
        network: allowance,
        account_and_network: allowance,
        account: allowance,
        proven_before: allowance,
        outside: allowance,
        outside_end_site: allowance,
        longest_delay: Duration::from_millis(1),
    }
}

impl Scene {
    async fn new() -> Self {
        Self::with(generous()).await
    }

    async fn with(quotas: Quotas) -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let function = Arc::new(Counting::default());
        for (owner, person) in [("ballerup", "anna"), ("ballerup", "bo"), ("egedal", "anna")] {
            let kept = format!("kept:{PASSWORD}");
            let account = NewAccount {
                organization: &organization(owner),
                name: &name(person),
                password_hash: &kept,
            };
            store.add_account(&account, &by(), at(0)).await.unwrap();
        }
        let authenticator = Self::open(&store, &function, quotas).await;
        Self { authenticator, store, function, state }
    }

    async fn open(store: &Store, function: &Arc<Counting>, quotas: Quotas) -> Authenticator {
        let function: Arc<dyn PasswordFunction> = Arc::<Counting>::clone(function);
        let parts = Parts { function, quotas };
        Authenticator::assemble(store, providers(), at(0), parts).await.unwrap()
    }

    fn evaluations(&self) -> usize {
        self.function.0.load(Ordering::SeqCst)
    }

    async fn basic_in(&self, owner: &str, claimed: &str, password: &str, now: i64) -> Outcome {
        let organization = organization(owner);
        let attempt = Attempt {
            organization: &organization,
            client: "203.0.113.1".parse().unwrap(),
            eligible: &|_| true,
            holders: &|_| {},
            now: at(now),
        };
        self.authenticator.basic(attempt, &header(claimed, password)).await
    }

    async fn basic(&self, claimed: &str, password: &str, now: i64) -> Outcome {
        self.basic_in("ballerup", claimed, password, now).await
    }

    async fn identity(&self, now: i64) -> Identity {
        match self.basic("anna", PASSWORD, now).await {
            Outcome::Proven(identity) => identity,
            other => panic!("{other:?}"),
        }
    }

    /// The `Cookie` header of a browser that signed in.
    async fn signed_in(&self, now: i64) -> HeaderMap {
        let identity = self.identity(now).await;
        cookies(&self.authenticator.new_session(&identity, true, at(now)).unwrap())
    }

    fn session(&self, headers: &HeaderMap, now: i64) -> Option<Identity> {
        self.authenticator.session(&organization("ballerup"), headers, true, at(now))
    }
}

fn header(claimed: &str, password: &str) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{claimed}:{password}"));
    HeaderValue::from_str(&format!("Basic {encoded}")).unwrap()
}

fn cookies(set_cookie: &HeaderValue) -> HeaderMap {
    let pair = set_cookie.to_str().unwrap().split(';').next().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_str(pair).unwrap());
    headers
}

fn why(outcome: Outcome) -> Why {
    match outcome {
        Outcome::NotProven { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_password_proves_the_person_of_this_organization() {
    let scene = Scene::new().await;
    let identity = scene.identity(5).await;
    let account =
        scene.store.account(&organization("ballerup"), &name("anna")).await.unwrap().unwrap();
    assert_eq!(identity.person().subject(), account.id.as_str());
    assert_eq!(identity.person().organization(), &organization("ballerup"));
    assert_eq!((identity.user_name(), identity.how()), (&name("anna"), How::Basic));
    assert_eq!(identity.at(), at(5));
    let Outcome::Proven(other) = scene.basic_in("egedal", "ANNA", PASSWORD, 5).await else {
        panic!("not proven")
    };
    assert_ne!(other.person(), identity.person());
    assert_eq!(why(scene.basic_in("egedal", "bo", PASSWORD, 5).await), Why::UnknownAccount);
    assert_eq!(why(scene.basic_in("furesoe", "anna", PASSWORD, 5).await), Why::UnknownAccount);
}

#[tokio::test]
async fn whatever_is_wrong_costs_one_evaluation_of_the_same_kind() {
    let scene = Scene::new().await;
    let (ballerup, bo) = (organization("ballerup"), name("bo"));
    scene.store.set_locked(&ballerup, &bo, true, &by(), at(1)).await.unwrap();
    scene.authenticator.reload(at(1)).await.unwrap();
    let long = "x".repeat(1025);
    let attempts = [
        ("anna", "wrong", true, Why::WrongPassword),
        ("nobody", PASSWORD, true, Why::UnknownAccount),
        ("bo", PASSWORD, true, Why::Locked),
        ("anna", PASSWORD, false, Why::NotEligible),
        ("anna", "wrong", false, Why::NotEligible),
        ("", PASSWORD, true, Why::Malformed),
        (" anna", PASSWORD, true, Why::Malformed),
        ("anna", long.as_str(), true, Why::Malformed),
    ];
    for (claimed, password, eligible, expected) in attempts {
        let before = scene.evaluations();
        let attempt = Attempt {
            organization: &ballerup,
            client: "203.0.113.1".parse().unwrap(),
            eligible: &move |_| eligible,
            holders: &|_| {},
            now: at(2),
        };
        let outcome = scene.authenticator.basic(attempt, &header(claimed, password)).await;
        assert_eq!(why(outcome), expected, "{claimed:?}");
        assert_eq!(scene.evaluations() - before, 1, "{claimed:?} {expected:?}");
    }
    let attempt = Attempt {
        organization: &ballerup,
        client: "203.0.113.1".parse().unwrap(),
        eligible: &|_| true,
        holders: &|_| {},
        now: at(2),
    };
    let bearer = HeaderValue::from_static("Bearer x");
    assert_eq!(why(scene.authenticator.basic(attempt, &bearer).await), Why::Malformed);
}

#[tokio::test]
async fn the_hash_that_nobodys_password_fits_proves_nobody() {
    let scene = Scene::new().await;
    // Evaluating the password against the stand-in can succeed only by guessing 256 bits; even
    // then, whoever has no account is not proven.
    struct Agreeable;
    impl PasswordFunction for Agreeable {
        fn hash(&self, _: &Password) -> String {
            "kept:".into()
        }
        fn verify(&self, _: &Password, _: &str) -> bool {
            true
        }
        fn is_own(&self, _: &str) -> bool {
            true
        }
    }
    let parts = Parts { function: Arc::new(Agreeable), quotas: generous() };
    let authenticator =
        Authenticator::assemble(&scene.store, providers(), at(0), parts).await.unwrap();
    let ballerup = organization("ballerup");
    for (claimed, eligible) in [("nobody", true), ("anna", false)] {
        let attempt = Attempt {
            organization: &ballerup,
            client: "203.0.113.1".parse().unwrap(),
            eligible: &move |_| eligible,
            holders: &|_| {},
            now: at(2),
        };
        let outcome = authenticator.basic(attempt, &header(claimed, "x")).await;
        assert!(matches!(outcome, Outcome::NotProven { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_password_kept_at_another_cost_is_never_evaluated() {
    let scene = Scene::new().await;
    let (ballerup, anna) = (organization("ballerup"), name("anna"));
    let foreign = format!("cheap:{PASSWORD}");
    scene.store.set_password(&ballerup, &anna, &foreign, &by(), at(1)).await.unwrap();
    scene.authenticator.reload(at(1)).await.unwrap();
    let before = scene.evaluations();
    assert_eq!(why(scene.basic("anna", PASSWORD, 2).await), Why::WrongPassword);
    assert_eq!(scene.evaluations() - before, 1);
}

#[tokio::test]
async fn a_mail_client_costs_one_evaluation_a_minute_until_the_account_changes() {
    let scene = Scene::new().await;
    let first = scene.identity(0).await;
    assert_eq!(scene.evaluations(), 1);
    let again = scene.identity(59).await;
    assert_eq!((scene.evaluations(), again.at()), (1, first.at()));
    assert_eq!(why(scene.basic("anna", "wrong", 59).await), Why::WrongPassword);
    assert_eq!(scene.evaluations(), 2);
    assert!(matches!(scene.basic_in("egedal", "anna", PASSWORD, 59).await, Outcome::Proven(_)));
    assert_eq!(scene.evaluations(), 3);
    scene.identity(60).await;
    assert_eq!(scene.evaluations(), 4);
    let (ballerup, anna) = (organization("ballerup"), name("anna"));
    scene.store.set_password(&ballerup, &anna, "kept:another", &by(), at(61)).await.unwrap();
    scene.authenticator.reload(at(61)).await.unwrap();
    assert_eq!(why(scene.basic("anna", PASSWORD, 61).await), Why::WrongPassword);
    scene
        .store
        .set_password(&ballerup, &anna, &format!("kept:{PASSWORD}"), &by(), at(62))
        .await
        .unwrap();
    scene.authenticator.reload(at(62)).await.unwrap();
    scene.identity(62).await;
    scene.store.set_locked(&ballerup, &anna, true, &by(), at(63)).await.unwrap();
    scene.authenticator.reload(at(63)).await.unwrap();
    assert_eq!(why(scene.basic("anna", PASSWORD, 63).await), Why::Locked);
}

#[tokio::test]
async fn what_was_proven_a_moment_ago_opens_no_door_that_is_not_the_persons() {
    let scene = Scene::new().await;
    scene.identity(0).await;
    let ballerup = organization("ballerup");
    let attempt = Attempt {
        organization: &ballerup,
        client: "203.0.113.1".parse().unwrap(),
        eligible: &|_| false,
        holders: &|_| {},
        now: at(1),
    };
    let outcome = scene.authenticator.basic(attempt, &header("anna", PASSWORD)).await;
    assert_eq!(why(outcome), Why::NotEligible);
    assert_eq!(scene.evaluations(), 2);
}

#[tokio::test]
async fn an_account_locked_while_its_password_is_compared_is_not_proven() {
    struct Meanwhile(std::sync::mpsc::Sender<()>, Mutex<std::sync::mpsc::Receiver<()>>);
    impl PasswordFunction for Meanwhile {
        fn hash(&self, _: &Password) -> String {
            "kept:".into()
        }
        fn verify(&self, _: &Password, _: &str) -> bool {
            self.0.send(()).unwrap();
            self.1.lock().unwrap().recv().unwrap();
            true
        }
        fn is_own(&self, _: &str) -> bool {
            true
        }
    }
    let scene = Scene::new().await;
    let (began, begins) = std::sync::mpsc::channel();
    let (go, goes) = std::sync::mpsc::channel();
    let function = Arc::new(Meanwhile(began, Mutex::new(goes)));
    let parts = Parts { function, quotas: generous() };
    let authenticator =
        Authenticator::assemble(&scene.store, providers(), at(0), parts).await.unwrap();
    let (ballerup, anna) = (organization("ballerup"), name("anna"));
    let attempt = Attempt {
        organization: &ballerup,
        client: "203.0.113.1".parse().unwrap(),
        eligible: &|_| true,
        holders: &|_| {},
        now: at(2),
    };
    let credentials = header("anna", PASSWORD);
    let locking = async {
        tokio::task::spawn_blocking(move || begins.recv().unwrap()).await.unwrap();
        scene.store.set_locked(&ballerup, &anna, true, &by(), at(2)).await.unwrap();
        authenticator.reload(at(2)).await.unwrap();
        go.send(()).unwrap();
    };
    let (outcome, ()) = tokio::join!(authenticator.basic(attempt, &credentials), locking);
    assert_eq!(why(outcome), Why::Changed);
}

#[tokio::test]
async fn the_failures_of_strangers_do_not_keep_the_traveller_out() {
    let scene =
        Scene::with(Quotas { longest_delay: Duration::from_millis(1), ..Quotas::default() }).await;
    let ballerup = organization("ballerup");
    let attempt = |client: &str, password: &'static str| {
        let attempt = Attempt {
            organization: &ballerup,
            client: client.parse().unwrap(),
            eligible: &|_| true,
            holders: &|_| {},
            now: at(0),
        };
        let authenticator = scene.authenticator.clone();
        async move { authenticator.basic(attempt, &header("anna", password)).await }
    };
    for number in 0..100 {
        let client = format!("198.51.100.{number}");
        for _ in 0..5 {
            assert_eq!(why(attempt(&client, "guess").await), Why::WrongPassword);
        }
        assert_eq!(attempt(&client, "guess").await, Outcome::Limited);
    }
    let before = scene.evaluations();
    assert_eq!(attempt("198.51.100.1", PASSWORD).await, Outcome::Limited);
    assert_eq!(scene.evaluations(), before, "what is limited is not looked at");
    assert!(matches!(attempt("203.0.113.9", PASSWORD).await, Outcome::Proven(_)));
}

#[tokio::test]
async fn names_that_do_not_exist_are_limited_like_those_that_do() {
    let scene =
        Scene::with(Quotas { longest_delay: Duration::from_millis(1), ..Quotas::default() }).await;
    let mut ends = Vec::new();
    for claimed in ["anna", "nobody"] {
        let ballerup = organization("ballerup");
        let mut admitted = 0;
        for _ in 0..10 {
            let attempt = Attempt {
                organization: &ballerup,
                client: "198.51.100.7".parse().unwrap(),
                eligible: &|_| true,
                holders: &|_| {},
                now: at(0),
            };
            match scene.authenticator.basic(attempt, &header(claimed, "guess")).await {
                Outcome::NotProven { .. } => admitted += 1,
                Outcome::Limited => {}
                Outcome::Proven(_) => panic!("proven"),
            }
        }
        ends.push(admitted);
    }
    assert_eq!(ends, [5, 5]);
}

#[tokio::test]
async fn a_login_of_the_upstreams_own_is_compared_once_and_ours_is_found_beside_it() {
    let scene = Scene::new().await;
    let ballerup = organization("ballerup");
    let beside = async |claimed: &str, password: &str, now| {
        let attempt = Attempt {
            organization: &ballerup,
            client: "203.0.113.1".parse().unwrap(),
            eligible: &|_| true,
            holders: &|_| {},
            now: at(now),
        };
        matches!(
            scene.authenticator.beside(attempt, &header(claimed, password)).await,
            Beside::Ours(_)
        )
    };
    for now in 0..100 {
        assert!(!beside("anna", "the upstream's own", now).await);
    }
    assert_eq!(scene.evaluations(), 1, "a hundred requests spend one attempt");
    assert!(!beside("nobody here", "x", 100).await);
    assert_eq!(scene.evaluations(), 1, "a name that is no account's costs nothing");
    assert!(beside("anna", PASSWORD, 100).await);
    let (ballerup, anna) = (organization("ballerup"), name("anna"));
    let kept = "kept:the upstream's own";
    scene.store.set_password(&ballerup, &anna, kept, &by(), at(101)).await.unwrap();
    scene.authenticator.reload(at(101)).await.unwrap();
    assert!(beside("anna", "the upstream's own", 102).await, "another password counts at once");
}

#[tokio::test]
async fn what_cannot_be_compared_now_is_nobody_elses_either() {
    let quick = Duration::from_millis(1);
    let scene = Scene::with(Quotas { longest_delay: quick, ..Quotas::default() }).await;
    let ballerup = organization("ballerup");
    let beside = async |password: &str, eligible: bool, now| {
        let eligible = |_: &Person| eligible;
        let attempt = Attempt {
            organization: &ballerup,
            client: "203.0.113.1".parse().unwrap(),
            eligible: &eligible,
            holders: &|_| {},
            now: at(now),
        };
        scene.authenticator.beside(attempt, &header("anna", password)).await
    };
    let not_here = beside(PASSWORD, false, 0).await;
    assert!(matches!(not_here, Beside::Undecided), "{not_here:?}");
    // With the one above they are five.
    for guess in 0..4 {
        let wrong = beside(&format!("guess {guess}"), true, 0).await;
        assert!(matches!(wrong, Beside::Foreign { guessed: Some(_) }), "{wrong:?}");
        let again = beside(&format!("guess {guess}"), true, 0).await;
        assert!(matches!(again, Beside::Foreign { guessed: None }), "{again:?}");
    }
    let limited = beside(PASSWORD, true, 0).await;
    assert!(matches!(limited, Beside::Undecided), "{limited:?}");
    let anna = name("anna");
    scene.store.set_locked(&ballerup, &anna, true, &by(), at(3600)).await.unwrap();
    scene.authenticator.reload(at(3600)).await.unwrap();
    let locked = beside(PASSWORD, true, 7200).await;
    assert!(matches!(locked, Beside::Undecided), "{locked:?}");
    let foreign = beside("the upstream's own", true, 7201).await;
    assert!(matches!(foreign, Beside::Foreign { .. }), "{foreign:?}");
}

#[tokio::test]
async fn too_many_at_once_are_turned_away_and_strangers_leave_room() {
    let hasher = Hasher::new(Arc::new(Counting::default()), 2);
    let places: Vec<_> = (0..64).map(|_| hasher.queue(Lane::Stranger).unwrap()).collect();
    assert!(hasher.queue(Lane::Stranger).is_err());
    let place = hasher.queue(Lane::Preferred).unwrap();
    let kept = Some(Arc::from("kept:x"));
    let fits = hasher.verify(Lane::Preferred, place, Password::new("x".into()), kept).await;
    assert_eq!(fits, Ok(true));
    drop(places);
    assert!(hasher.queue(Lane::Stranger).is_ok());
}

use super::*;
use crate::audit::event::Field;
use crate::audit::{Action, Event, Options, verify::verify};
use crate::clock;
use std::collections::BTreeSet;

use crate::config::Role;
use crate::identifier::{OrganizationId, ProviderId};
use crate::lifecycle::Tasks;
use crate::policy::Person;
use crate::store::{About, By, ErasureOrder, ErasureWish, PartState};

const LOG: &str = "this-log";

struct Setting {
    state: tempfile::TempDir,
    store: Store,
    audit: Audit,
    tasks: Tasks,
}

impl Setting {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let tasks = Tasks::new();
        let (audit, _) = Audit::open(Options::new(state.path().join("audit")), &tasks).unwrap();
        for name in ["anna", "bo"] {
            let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes())
                .user(name)
                .personal(Field::ClientIp, "203.0.113.9");
            event.organization = Some("ballerup".into());
            assert!(audit.record(event).reached_disk().await);
        }
        Self { state, store, audit, tasks }
    }

    fn place(&self) -> Place<'_> {
        Place { state: self.state.path(), log_name: LOG, store: &self.store }
    }

    async fn order(&self, request: Request) -> Result<Erased, OrderError> {
        carry_out(&self.audit, self.place(), &request, clock::now()).await
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(self.state.path().join("audit/people")).unwrap() {
            text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        text
    }

    async fn end(self) {
        self.audit.close().await;
        self.tasks.stop();
        let report = verify(&self.state.path().join("audit")).unwrap();
        assert!(report.is_whole(), "{:?}", report.findings);
    }
}

fn request(remove: bool, names: &[&str]) -> Request {
    Request {
        remove,
        names: names.iter().map(ToString::to_string).collect(),
        organization: None,
        since: None,
        until: None,
        why: "erasure_request".into(),
        case: Some("2026-17".into()),
        by: "Dorte".into(),
        by_as: None,
    }
}

/// An order as the administration keeps it.
async fn given(setting: &Setting, removes: bool, about: About) -> ErasureOrder {
    let wish = ErasureWish {
        removes,
        about,
        since: None,
        before: None,
        why: "erasure_request".into(),
        case: None,
    };
    let (id, now) = (uuid::Uuid::now_v7(), clock::now());
    let (organization, logs) = (ballerup(), [LOG.to_owned()]);
    let order = (&organization, id);
    setting.store.give_erasure_order(order, &wish, &logs, &actor("dorte"), now).await.unwrap();
    setting.store.erasure_order(&organization, id).await.unwrap().unwrap()
}

fn person(name: &str) -> About {
    About::Person(vec![name.to_owned()])
}

#[tokio::test]
async fn what_is_ordered_in_the_administration_is_counted_and_carried_out_under_its_name() {
    let setting = Setting::new().await;
    let log = setting.state.path().join("audit");
    let minute = Duration::from_secs(60);
    for (removes, organization, entries) in
        [(true, "ballerup", 1), (false, "ballerup", 1), (true, "herlev", 0)]
    {
        let asked =
            Request { organization: Some(organization.into()), ..request(removes, &["Anna"]) };
        let told = forecast(&log, setting.place(), &asked, minute).await.unwrap();
        assert_eq!((told.entries, told.cut_short), (entries, false), "{removes} {organization}");
    }
    assert_eq!(setting.place().keys().await.unwrap().periods().count(), 0, "a look makes no key");
    let order = given(&setting, true, person("Anna")).await;
    let done = carry_out_given(&setting.audit, setting.place(), &order, clock::now()).await;
    assert_eq!(done.unwrap(), 1);
    let text = setting.text();
    assert!(!text.contains("\"anna\"") && text.contains("\"bo\""), "{text}");
    assert!(text.contains(&order.id.to_string()), "the record bears its name: {text}");
    let kept = setting.store.erasure_order(&ballerup(), order.id).await.unwrap().unwrap();
    assert_eq!((kept.state(), kept.entries()), (PartState::Done, 1));
    assert_eq!(kept.wish.about, About::Forgotten);
    // Begun anew, as after a crash before it was kept that it is done: the log says what it was.
    let again = carry_out_given(&setting.audit, setting.place(), &order, clock::now()).await;
    assert_eq!(again.unwrap(), 1);
    setting.end().await;
}

#[tokio::test]
async fn an_order_that_has_forgotten_whom_it_was_about_takes_nothing_from_anybody() {
    let setting = Setting::new().await;
    let mut order = given(&setting, false, person("anna")).await;
    for about in [About::Forgotten, About::Person(Vec::new())] {
        order.wish.about = about;
        let outcome = carry_out_given(&setting.audit, setting.place(), &order, clock::now()).await;
        assert!(matches!(outcome, Err(OrderError::Forgotten)), "{outcome:?}");
    }
    assert!(setting.text().contains("\"anna\""));
    let kept = setting.store.open_erasure_orders(LOG).await.unwrap().pop().unwrap();
    assert_eq!(kept.parts[0].state, PartState::Waiting);
    assert!(kept.parts[0].problem.as_deref().is_some_and(|why| why.contains("whom it is about")));
    setting.end().await;
}

fn ballerup() -> OrganizationId {
    OrganizationId::parse("ballerup").unwrap()
}

/// Who holds which role.
fn held(name: &str) -> BTreeSet<Role> {
    match name {
        "dorte" => BTreeSet::from([Role::DataProtectionOfficer]),
        "sven" | "svend" | " DORTE" => BTreeSet::from([Role::Security]),
        _ => BTreeSet::from([Role::Operator, Role::CaseOfficer, Role::Approver]),
    }
}

fn actor(name: &str) -> Actor {
    Actor { name: name.into(), operating_system_user: None }
}

#[tokio::test]
async fn a_person_is_pseudonymised_and_two_others_together_learn_who_it_was() {
    let setting = Setting::new().await;
    let done = setting.order(request(false, &["Anna"])).await.unwrap();
    assert_eq!(done.entries, 1);
    let text = setting.text();
    assert!(!text.contains("\"anna\"") && text.contains("\"bo\""), "{text}");
    let pseudonym = text.split('"').find(|part| part.starts_with("pseudonym:")).unwrap().to_owned();
    // The first that stands in a line is the address.
    let name = setting.place().keys().await.unwrap().pseudonyms_of("anna");
    let name = name.iter().find(|name| text.contains(name.as_str())).unwrap();
    assert_ne!(pseudonym, name.as_str());

    let (now, ballerup) = (clock::now(), ballerup());
    let question = Question { wanted: name.as_str(), reason: "politianmeldelse" };
    let asked = async |by: &str| {
        ask(&setting.store, &ballerup, &question, &actor(by), &held(by), now).await
    };
    assert!(matches!(asked("eve").await, Err(ReidentifyError::Role(..))));
    let id = asked("dorte").await.unwrap();
    let answered =
        async |by: &str| answer(setting.place(), &ballerup, &id, &actor(by), &held(by), now).await;
    assert!(matches!(answered(" DORTE").await, Err(ReidentifyError::SamePerson(_))));
    assert!(matches!(answered("dorte").await, Err(ReidentifyError::SamePerson(_))));
    assert!(matches!(answered("eve").await, Err(ReidentifyError::Role(..))));
    let herlev = OrganizationId::parse("herlev").unwrap();
    let elsewhere = answer(setting.place(), &herlev, &id, &actor("sven"), &held("sven"), now).await;
    assert!(matches!(elsewhere, Err(ReidentifyError::NoQuestion)), "another organisation's");
    // Nor does a name that was chosen in between make one person two.
    let person =
        |subject: &str| Person::new(ballerup.clone(), ProviderId::parse("entra").unwrap(), subject);
    let (dorte, sven) = (actor("dorte"), actor("sven"));
    let (one, two) = (person("1"), person("2"));
    let by_one = By::proven(&dorte, &one);
    let proven = ask(&setting.store, &ballerup, &question, by_one, &held("dorte"), now).await;
    let proven = proven.unwrap();
    let answered_by = async |person: &Person| {
        let by = By::proven(&sven, person);
        answer(setting.place(), &ballerup, &proven, by, &held("sven"), now).await
    };
    assert!(matches!(answered_by(&one).await, Err(ReidentifyError::SamePerson(_))));
    answered_by(&two).await.unwrap();
    let before = setting.store.outbox(10).await.unwrap().len();
    let revealed = answered("sven").await.unwrap();
    assert_eq!(revealed.values, [("user.name", "anna".to_owned())]);
    assert!(matches!(answered("svend").await, Err(ReidentifyError::NoQuestion)), "once");
    let outbox = setting.store.outbox(10).await.unwrap();
    let actions: Vec<String> =
        outbox.iter().map(|entry| serde_json::to_string(&entry.event.action).unwrap()).collect();
    let (asked_first, revealed_last) = (&actions[0], &actions[before]);
    assert_eq!(
        (asked_first.as_str(), revealed_last.as_str()),
        ("\"reidentification_asked\"", "\"reidentified\"")
    );
    assert_eq!(actions.len(), before + 1);
    let told = serde_json::to_string(&outbox[before].event).unwrap();
    assert!(!told.contains("politi") && !told.contains("anna"), "{told}");

    let asked_late = asked("dorte").await.unwrap();
    let late = now.checked_add(jiff::SignedDuration::from_hours(24 * 8)).unwrap();
    let (sven, roles) = (actor("sven"), held("sven"));
    let too_late = answer(setting.place(), &ballerup, &asked_late, &sven, &roles, late);
    assert!(matches!(too_late.await, Err(ReidentifyError::NoQuestion)), "a week");
    setting.end().await;
}

#[tokio::test]
async fn another_organisations_person_is_not_told_and_neither_half_suffices() {
    let setting = Setting::new().await;
    setting.order(request(false, &["anna"])).await.unwrap();
    let keys = setting.place().keys().await.unwrap();
    let name = keys.pseudonyms_of("anna");
    let log = setting.state.path().join("audit");
    let text = setting.text();
    let name = name.iter().find(|name| text.contains(name.as_str())).unwrap();
    assert!(crate::audit::open_sealed(&log, &keys, "ballerup", name).unwrap().is_some());
    assert!(crate::audit::open_sealed(&log, &keys, "herlev", name).unwrap().is_none());
    let period = crate::audit::pseudonym::period(clock::now());
    for lost in [true, false] {
        let half = setting.store.pseudonym_halves(LOG).await.unwrap().pop().unwrap().1;
        let file = setting.state.path().join("pseudonym-keys").join(format!("{period}.half"));
        let kept = std::fs::read(&file).unwrap();
        if lost {
            setting.store.drop_pseudonym_half(LOG, &period).await.unwrap();
        } else {
            std::fs::remove_file(&file).unwrap();
        }
        let keys = setting.place().keys().await.unwrap();
        assert!(crate::audit::open_sealed(&log, &keys, "ballerup", name).unwrap().is_none());
        // Nor is a new key made under the old one's name.
        assert!(matches!(setting.order(request(false, &["bo"])).await, Err(OrderError::Keys(_))));
        std::fs::write(&file, kept).unwrap();
        setting.store.keep_pseudonym_half(LOG, &period, &half).await.unwrap();
    }
    setting.end().await;
}

#[tokio::test]
async fn what_is_pseudonymised_goes_for_good_by_the_persons_name() {
    let setting = Setting::new().await;
    setting.order(request(false, &["anna"])).await.unwrap();
    assert!(setting.text().contains("pseudonym:"));
    setting.order(request(true, &["anna"])).await.unwrap();
    let text = setting.text();
    assert!(!text.contains("\"pseudonym:") && text.contains("\"bo\""), "{text}");
    assert_eq!(setting.store.segments_to_tell(LOG).await.unwrap(), vec![]);
    setting.end().await;
}

/// Whether some file of SQLite holds it, in whatever place.
fn stands_in_a_file(state: &Path, value: &str) -> bool {
    let files = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &std::path::PathBuf| path.to_string_lossy().contains(".sqlite3");
    files.filter(ours).any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(value.len()).any(|window| window == value.as_bytes())
    })
}

#[tokio::test]
async fn what_goes_for_good_stands_in_no_file_of_sqlite() {
    const AGENT: &str = "Distinctive/7.1 (of Anna alone)";
    let setting = Setting::new().await;
    let state = setting.state.path();
    for _ in 0..20 {
        let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes())
            .user("anna")
            .personal(Field::UserAgent, AGENT);
        event.organization = Some("ballerup".into());
        assert!(setting.audit.record(event).reached_disk().await);
    }
    let index = setting.store.log().clone();
    let mut follower = crate::log_index::Follower::new(state.join("audit"), index);
    while follower.round().await.unwrap().behind > 0 {}
    assert!(setting.store.settle().await.unwrap());
    assert!(stands_in_a_file(state, AGENT), "it is in the index's own file");
    assert_eq!(setting.order(request(true, &["anna"])).await.unwrap().entries, 21);
    assert!(!stands_in_a_file(state, AGENT));
    let whom = "anna-whom-an-order-names";
    let order = given(&setting, true, person(whom)).await;
    assert!(stands_in_a_file(state, whom));
    carry_out_given(&setting.audit, setting.place(), &order, clock::now()).await.unwrap();
    assert!(!stands_in_a_file(state, whom));
    setting.end().await;
}

#[tokio::test]
async fn an_order_says_why_and_never_empties_the_log_by_mistake() {
    let setting = Setting::new().await;
    let mut careless = request(true, &[]);
    assert!(matches!(setting.order(careless.clone()).await, Err(OrderError::Everything)));
    careless.until = Some(clock::now());
    careless.why = "because".into();
    assert!(matches!(setting.order(careless).await, Err(OrderError::Why(_))));
    assert!(setting.text().contains("\"anna\""));
    setting.end().await;
}

#[tokio::test]
async fn spent_keys_go_and_the_others_stay() {
    let setting = Setting::new().await;
    setting.order(request(false, &["anna"])).await.unwrap();
    let day = Duration::from_secs(86_400);
    let retention = Retention { allowed: day, denied: day * 40, people: day * 2 };
    let (now, place) = (clock::now(), setting.place());
    assert_eq!(drop_spent_keys(place, retention, now).await.unwrap(), Vec::<String>::new());
    let later = now.checked_add(day * 80).unwrap();
    assert_eq!(drop_spent_keys(place, retention, later).await.unwrap().len(), 1);
    assert_eq!(place.keys().await.unwrap().periods().count(), 0);
    setting.end().await;
}

#[tokio::test]
async fn the_rule_of_the_configuration_leaves_what_is_young() {
    let setting = Setting::new().await;
    let day = Duration::from_secs(86_400);
    let young = pseudonymise_what_is_old(&setting.audit, setting.place(), day * 90, clock::now());
    assert_eq!(young.await.unwrap().entries, 0);
    assert!(setting.text().contains("\"anna\""));
    setting.end().await;
}

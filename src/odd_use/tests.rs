use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::judge::{Place, Use, judge};
use super::watch::Watcher;
use crate::audit::Sighting;
use crate::policy::{ExemptionId, Exemptions, Person, Reason, TravelExemption};
use crate::store::testing::{actor, add, at, ballerup, grant, leg};
use crate::store::{Aspect, NoticeKind, OddUse, Seen, Store};
use crate::territory::Territory;

fn territory(code: &str) -> Territory {
    Territory::parse(code).unwrap()
}

/// A store with Anna's journey to China and Hong Kong, from `at(0)` on for a day.
struct World {
    store: Store,
    exemption: TravelExemption,
    watcher: Watcher,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        let subject = add(&store, &ballerup(), "anna.holm").await;
        let grant = grant(&subject, vec![leg(&["CN", "HK"], 0, 86_400)]);
        store.uses_seen_since(at(-100)).await.unwrap();
        let exemption = store.grant_exemption(grant, &actor("bente"), at(-50)).await.unwrap();
        Self { store, exemption, watcher: Watcher::default(), _directory: directory }
    }

    async fn exemptions(&self) -> Exemptions {
        let all = self.store.load_exemptions(at(0)).await.unwrap();
        Exemptions::new(all, |_| std::time::Duration::ZERO)
    }

    async fn look(&mut self, sighting: &Sighting) {
        let exemptions = self.exemptions().await;
        let zone = |_: &TravelExemption| TimeZone::UTC;
        self.watcher.look(&self.store, &exemptions, zone, sighting).await.unwrap();
    }

    fn seen(&self, code: &str, seconds: i64) -> Sighting {
        Sighting {
            at: at(seconds),
            person: self.exemption.person.clone(),
            location: territory(code).country().into(),
            exemption: None,
            rejected: None,
            device_id: None,
            user_agent: Some("Firefox/128.0 (Linux)".into()),
        }
    }

    fn exempt(&self, code: &str, seconds: i64) -> Sighting {
        Sighting { exemption: Some(self.exemption.id.clone()), ..self.seen(code, seconds) }
    }

    async fn flags(&self) -> Vec<(OddUse, String)> {
        let flags = self.store.odd_use(&self.exemption.id).await.unwrap();
        flags.into_iter().map(|flag| (flag.kind, flag.detail)).collect()
    }

    async fn told(&self) -> usize {
        let waiting = self.store.waiting_notices().await.unwrap();
        waiting.iter().filter(|n| n.kind == NoticeKind::UnexpectedCountry).count()
    }

    async fn entries(&self) -> Vec<String> {
        let waiting = self.store.outbox(100).await.unwrap();
        waiting.into_iter().filter_map(|entry| entry.event.word).collect()
    }
}

#[tokio::test]
async fn the_first_use_is_nothing_odd() {
    let mut world = World::new().await;
    for sighting in [world.exempt("CN", 10), world.exempt("CN", 20), world.exempt("CN", 7200)] {
        world.look(&sighting).await;
    }
    assert_eq!(world.flags().await, []);
}

#[tokio::test]
async fn a_second_country_is_flagged_once_a_day_and_the_traveller_is_told() {
    let mut world = World::new().await;
    for sighting in [world.exempt("CN", 10), world.exempt("HK", 7200), world.exempt("HK", 14_400)] {
        world.look(&sighting).await;
    }
    let expected = [(OddUse::SecondCountry, "HK after CN, not as planned".to_owned())];
    assert_eq!(world.flags().await, expected);
    assert_eq!(world.told().await, 2, "a mail and a text message");
    assert_eq!(world.entries().await, ["second_country"]);
    // Another process, which remembers nothing, says nothing again.
    world.watcher = Watcher::default();
    let sighting = world.exempt("HK", 14_500);
    world.look(&sighting).await;
    assert_eq!((world.flags().await.len(), world.told().await), (1, 2));
}

#[tokio::test]
async fn home_and_abroad_within_the_hour() {
    let mut world = World::new().await;
    for sighting in [world.seen("DK", 0), world.exempt("CN", 3601)] {
        world.look(&sighting).await;
    }
    assert_eq!(world.flags().await, []);
    let sighting = world.seen("DK", 7201);
    world.look(&sighting).await;
    assert_eq!(world.flags().await, [(OddUse::HomeAndAbroad, "CN and DK".to_owned())]);
    assert_eq!(world.told().await, 2);
}

#[tokio::test]
async fn a_device_that_was_not_seen_before() {
    let mut world = World::new().await;
    let with =
        |sighting: Sighting, agent: &str| Sighting { user_agent: Some(agent.into()), ..sighting };
    // Prepared at home.
    let pad = with(world.seen("DK", -40), "Safari iPad");
    world.look(&pad).await;
    let pc = world.seen("DK", -40);
    world.look(&pc).await;
    for sighting in [with(world.exempt("CN", 7200), "Safari iPad"), world.exempt("CN", 7300)] {
        world.look(&sighting).await;
    }
    assert_eq!(world.flags().await, []);
    let stranger = with(world.exempt("CN", 7400), "curl/8");
    world.look(&stranger).await;
    assert_eq!(world.flags().await, [(OddUse::NewDevice, "curl".to_owned())]);
    let known = with(world.exempt("CN", 90_000), "curl/9");
    world.look(&known).await;
    assert_eq!(world.flags().await.len(), 1, "it is known now");
}

#[tokio::test]
async fn a_country_outside_the_journey_is_flagged_though_it_is_rejected() {
    let mut world = World::new().await;
    let other = Some(Reason::ExemptionOtherTerritory);
    let sighting = Sighting { rejected: other, ..world.seen("RU", 10) };
    world.look(&sighting).await;
    assert_eq!(world.flags().await, [(OddUse::SecondCountry, "RU, rejected".to_owned())]);
    assert_eq!(world.told().await, 2);
    // What was rejected makes the real one no second country.
    let sighting = world.exempt("CN", 7200);
    world.look(&sighting).await;
    assert_eq!(world.flags().await.len(), 1);
}

#[tokio::test]
async fn after_home_again() {
    let mut world = World::new().await;
    let id = world.exemption.id.clone();
    world.store.close_exemption(&id, &actor("bente"), at(1000)).await.unwrap();
    let rejected = |world: &World, code, seconds| Sighting {
        rejected: Some(Reason::CountryListed),
        ..world.seen(code, seconds)
    };
    for sighting in [
        rejected(&world, "CN", 1299),
        rejected(&world, "RU", 2000),
        world.seen("DK", 3000),
        rejected(&world, "CN", 86_400),
    ] {
        world.look(&sighting).await;
    }
    assert_eq!(world.flags().await, []);
    for seconds in [4000, 4001, 9000] {
        let sighting = rejected(&world, "CN", seconds);
        world.look(&sighting).await;
    }
    assert_eq!(world.flags().await, [(OddUse::AfterHomeAgain, "CN".to_owned())]);
}

#[tokio::test]
async fn a_journey_that_nobody_made() {
    let mut world = World::new().await;
    let unused = async |world: &World, now| {
        let zone = |_: &TravelExemption| TimeZone::UTC;
        Watcher::default().look_for_unused(&world.store, zone, now).await.unwrap();
        world.flags().await.len()
    };
    assert_eq!(unused(&world, at(86_399)).await, 0);
    assert_eq!(unused(&world, at(86_400)).await, 1);
    assert_eq!(unused(&world, at(86_500)).await, 1);
    assert_eq!(world.entries().await, ["never_used"]);
    let mut other = World::new().await;
    let sighting = other.exempt("CN", 10);
    other.look(&sighting).await;
    assert_eq!(unused(&other, at(86_400)).await, 0);
    // Home alone is no use of it.
    let sighting = world.seen("DK", 10);
    world.look(&sighting).await;
    assert_eq!(world.flags().await, [(OddUse::NeverUsed, "the journey is over".to_owned())]);
}

#[test]
fn a_leg_that_follows_another_is_as_planned() {
    let mut planned =
        crate::store::testing::exemption(vec![leg(&["CN"], 0, 1000), leg(&["HK"], 1000, 2000)]);
    let known = [Seen { aspect: Aspect::Country, value: "CN".into(), first: at(0), last: at(0) }];
    let now = Use { at: at(9000), place: Place::Abroad(territory("HK")), device: None };
    let now = |seconds| Use { at: at(seconds), ..now.clone() };
    let flag = |one: &TravelExemption, seconds| judge(one, &known, &now(seconds)).remove(0);
    assert_eq!(flag(&planned, 1500).unexpected, None);
    assert_eq!(flag(&planned, 1500).detail, "HK after CN, as planned");
    planned.legs = vec![leg(&["CN"], 0, 2000), leg(&["HK"], 1000, 2000)];
    assert_eq!(flag(&planned, 1500).unexpected.as_deref(), Some("HK"));
}

fn sighting(world: &World) -> impl Strategy<Value = Sighting> + use<> {
    let codes = proptest::sample::select(vec!["CN", "HK", "DK", "RU", "SE", "GL"]);
    let reasons = proptest::sample::select(vec![
        None,
        Some(Reason::CountryListed),
        Some(Reason::ExemptionOtherTerritory),
        Some(Reason::ExemptionEnded),
    ]);
    let agents = proptest::sample::select(vec![None, Some("curl"), Some("Safari iPad"), Some("x")]);
    let (person, id) = (world.exemption.person.clone(), world.exemption.id.clone());
    let stranger = Person::new(ballerup(), person.provider().clone(), "somebody else");
    (codes, -100_i64..200_000, reasons, agents, any::<[bool; 2]>()).prop_map(
        move |(code, seconds, rejected, agent, [exempt, own])| Sighting {
            at: at(seconds),
            person: if own { person.clone() } else { stranger.clone() },
            location: territory(code).country().into(),
            exemption: exempt.then(|| if own { id.clone() } else { ExemptionId::new("TE-0") }),
            rejected,
            device_id: None,
            user_agent: agent.map(Into::into),
        },
    )
}

/// Whatever is seen, in whatever order, what decisions are made of stays as it was.
#[test]
fn no_flag_changes_a_decision() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let world = Arc::new(tokio::sync::Mutex::new(world));
    let strategy = proptest::collection::vec(sighting(&runtime.block_on(world.lock())), 1..20);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let flagged = std::cell::Cell::new(0);
    let outcome = runner.run(&strategy, |sightings| {
        let mut world = runtime.block_on(world.lock());
        let everything = |world: &World| {
            runtime.block_on(async {
                (
                    world.store.exemptions(None).await.unwrap(),
                    world.store.load_exemptions(at(0)).await.unwrap(),
                    format!("{:?}", world.store.accounts().await.unwrap()),
                    world.store.ended_sessions().await.unwrap().clear,
                    world.store.change_number().await.unwrap(),
                )
            })
        };
        let before = everything(&world);
        world.watcher = Watcher::default();
        for sighting in &sightings {
            runtime.block_on(world.look(sighting));
        }
        let later: Timestamp = at(86_500) + SignedDuration::from_secs(1);
        let zone = |_: &TravelExemption| TimeZone::UTC;
        let mut watcher = Watcher::default();
        runtime.block_on(watcher.look_for_unused(&world.store, zone, later)).unwrap();
        prop_assert_eq!(everything(&world), before);
        flagged.set(runtime.block_on(world.flags()).len());
        Ok(())
    });
    outcome.unwrap();
    assert!(flagged.get() >= 3, "the sightings were odd enough: {}", flagged.get());
}

/// What decides, and what serves, does not know this room; so nothing of it can ask.
#[test]
fn nothing_that_decides_knows_of_odd_use() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms = vec!["policy", "gateway", "identity", "listen", "upstream", "flood", "audit"];
    let mut looked_at = 0;
    let mut waiting: Vec<_> = rooms.drain(..).map(|room| source.join(room)).collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                !text.contains("odd_use::") && !text.contains("note_use"),
                "{}",
                path.display()
            );
            looked_at += 1;
        }
    }
    assert!(looked_at > 100, "{looked_at}");
}

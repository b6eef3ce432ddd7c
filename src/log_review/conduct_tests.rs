use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::audit::{Class, Event, fixture};
use crate::log_index::Follower;

/// More than [`EACH`] in each group, in hours of which some have fifty times as many as others.
const HOURS: [usize; 12] = [10, 500, 20, 300, 10, 40, 700, 10, 90, 400, 30, 190];

struct Setting {
    _directory: tempfile::TempDir,
    store: Store,
    /// In which group and hour each stands.
    places: BTreeMap<Uuid, (Class, usize)>,
}

fn begins(hour: usize) -> Timestamp {
    let day: Timestamp = "2026-10-05T06:00:00Z".parse().unwrap();
    day + SignedDuration::from_hours(i64::try_from(hour).unwrap())
}

/// Ballerup's entries among as many of Egedal's, which are never drawn.
fn events(class: Class, places: &mut BTreeMap<Uuid, (Class, usize)>) -> Vec<Event> {
    let action = if class == Class::People { Action::SignIn } else { Action::Denied };
    let mut events = Vec::new();
    for (hour, many) in HOURS.iter().enumerate() {
        for number in 0..*many {
            for organization in ["ballerup", "egedal"] {
                let second = i64::try_from(number * 3600 / many).unwrap();
                let at = begins(hour) + SignedDuration::from_secs(second);
                let mut event = Event::new(action, at, crate::clock::random_bytes());
                event.organization = Some(organization.into());
                if organization == "ballerup" {
                    places.insert(event.id, (class, hour));
                }
                events.push(event);
            }
        }
    }
    events
}

async fn setting() -> Setting {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("audit");
    let mut places = BTreeMap::new();
    let options = crate::audit::Options::new(log.clone());
    for class in [Class::People, Class::Denied] {
        fixture::write_at_once(&options, class, &events(class, &mut places));
    }
    let store = Store::open(directory.path()).await.unwrap();
    let mut follower = Follower::new(log, store.log().clone());
    while follower.round().await.unwrap().behind > 0 {}
    Setting { _directory: directory, store, places }
}

fn review(seed: [u8; SEED_LENGTH], sample: u16) -> Review {
    Review {
        id: "LR-0000000001".to_owned(),
        period: crate::log_review::Period {
            from: "2026-10-05".parse().unwrap(),
            until: "2026-10-06".parse().unwrap(),
        },
        due: "2026-10-20".parse().unwrap(),
        seed: hex::encode(seed),
        sample,
        population: None,
        drawn: "2026-10-06T08:00:00Z".parse().unwrap(),
        drawn_by: "sofie.lind".to_owned(),
        finished: None,
        items: Vec::new(),
    }
}

async fn draw(setting: &Setting, seed: [u8; SEED_LENGTH], sample: u16) -> crate::log_review::Drawn {
    let organization = OrganizationId::parse("ballerup").unwrap();
    let reviewed = Reviewed { organization: &organization, zone: &TimeZone::UTC };
    reviewed.drawn_again(&setting.store, &review(seed, sample)).await.unwrap()
}

#[test]
fn of_more_than_two_thousand_the_sample_has_its_size_and_no_doubles_and_comes_out_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setting = runtime.block_on(setting());
    let many = HOURS.iter().sum::<usize>() as u64;
    assert!(many > EACH);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(16));
    let seeds = (any::<[u8; SEED_LENGTH]>(), 1_u16..=200);
    let outcome = runner.run(&seeds, |(seed, sample)| {
        let drawn = runtime.block_on(draw(&setting, seed, sample));
        prop_assert_eq!(drawn.population, 2 * many, "those of another organisation do not count");
        let sample = usize::from(sample);
        let (people, denied) = drawn.chosen.split_at(sample.div_ceil(2).min(drawn.chosen.len()));
        prop_assert_eq!((people.len(), denied.len()), (sample.div_ceil(2), sample / 2));
        for (class, chosen) in [(Class::People, people), (Class::Denied, denied)] {
            for id in chosen {
                prop_assert_eq!(setting.places.get(id).map(|place| place.0), Some(class));
            }
        }
        let different: BTreeSet<_> = drawn.chosen.iter().collect();
        prop_assert_eq!(different.len(), sample);
        let again = runtime.block_on(draw(&setting, seed, u16::try_from(sample).unwrap()));
        prop_assert_eq!(&again, &drawn);
        let mut other = seed;
        other[7] ^= 1;
        if sample >= 20 {
            let other = runtime.block_on(draw(&setting, other, u16::try_from(sample).unwrap()));
            prop_assert_ne!(&other.chosen, &drawn.chosen);
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn of_more_than_two_thousand_every_hour_comes_up_as_often_as_it_is_full() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setting = runtime.block_on(setting());
    let mut times = BTreeMap::<(&str, usize), f64>::new();
    let mut drawn = BTreeSet::new();
    // The same in each run: what is expected here holds or does not.
    const DRAWS: u8 = 24;
    for number in 0..DRAWS {
        for id in runtime.block_on(draw(&setting, [number; SEED_LENGTH], 200)).chosen {
            let (class, hour) = setting.places[&id];
            *times.entry((class.word(), hour)).or_default() += 1.0;
            drawn.insert(id);
        }
    }
    let many: usize = HOURS.iter().sum();
    for class in [Class::People, Class::Denied] {
        for (hour, size) in HOURS.iter().enumerate() {
            let expected = f64::from(DRAWS) * 100.0 * *size as f64 / many as f64;
            let seen = times.get(&(class.word(), hour)).copied().unwrap_or_default();
            let deviation = expected.sqrt();
            assert!(
                (seen - expected).abs() < 4.0 * deviation,
                "{class} {hour}: {seen} for {expected}"
            );
        }
    }
    // Not the same few of each hour: of 4,800 that were drawn more than half are different ones.
    assert!(drawn.len() > 2_400, "{}", drawn.len());
}

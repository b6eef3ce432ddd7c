use super::super::event::{Action, Field};
use super::super::fixture;
use super::*;
use crate::audit::Reference;

fn found(filter: &Filter) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let event = |action, second: i64, ip: &str, site: &str| {
        let mut event =
            Event::new(action, at(second), [0; 10]).personal(Field::ClientIp, ip).reason("r");
        event.site = Some(site.into());
        event.country = Some("RU".into());
        event.region = (second == 2).then(|| "CE".into());
        event.reference = Some(Reference::from_random([second as u8; 5]).short());
        event.detail("name", second)
    };
    fixture::write(
        directory.path(),
        700,
        &[
            (Class::Allowed, vec![event(Action::Allowed, 1, "198.51.100.1", "a")]),
            (
                Class::Denied,
                vec![
                    event(Action::Denied, 2, "203.0.113.9", "a"),
                    event(Action::Repeated, 5, "203.0.113.20", "b"),
                ],
            ),
            (
                Class::People,
                vec![
                    event(Action::SignIn, 3, "2001:db8::1", "b").user("Anna@x.dk"),
                    event(Action::ExemptionGranted, 4, "192.0.2.1", "b").target("anna@x.dk"),
                ],
            ),
        ],
    );
    let all = search(directory.path(), filter).unwrap();
    all.map(|found| found.unwrap().event.details.get("name").unwrap().clone()).collect()
}

#[test]
fn everything_newest_first_over_all_chains_and_segments() {
    assert_eq!(found(&Filter::default()), ["5", "4", "3", "2", "1"]);
}

#[test]
fn each_wish_narrows_it() {
    let with = |set: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        set(&mut filter);
        found(&filter).join(" ")
    };
    assert_eq!(with(&|f| f.site = Some("a".into())), "2 1");
    assert_eq!(with(&|f| f.reason = Some("other".into())), "");
    assert_eq!(with(&|f| f.user = Some("anna@X.dk".into())), "4 3");
    assert_eq!(with(&|f| f.action = Some(Action::Denied)), "5 2");
    assert_eq!(with(&|f| f.action = Some(Action::Repeated)), "5");
    assert_eq!(with(&|f| f.reference = Some(Reference::from_random([3; 5]))), "3");
    assert_eq!(with(&|f| f.country = Some("RU-CE".parse().unwrap())), "2");
    assert_eq!(with(&|f| f.country = Some("RU".parse().unwrap())), "5 4 3 2 1");
    assert_eq!(with(&|f| f.client = Some("203.0.113.0/24".parse().unwrap())), "5 2");
    assert_eq!(with(&|f| f.client = Some("203.0.113.77/32".parse().unwrap())), "5");
    assert_eq!(with(&|f| f.client = Some("203.0.113.9/32".parse().unwrap())), "5 2");
    assert_eq!(with(&|f| f.client = Some("2001:db8::/32".parse().unwrap())), "3");
    let at = |second: i64| Some(Timestamp::from_second(1_800_000_000 + second).unwrap());
    assert_eq!(with(&|f| (f.since, f.until) = (at(2), at(4))), "3 2");
}

#[test]
fn a_log_that_is_not_there_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(search(directory.path(), &Filter::default()).unwrap().count(), 0);
}

#[test]
fn what_is_added_is_followed_over_segments_and_only_once() {
    let directory = tempfile::tempdir().unwrap();
    fixture::numbered(directory.path(), fixture::THREE, 2);
    let mut follow = Follow::from_now(directory.path()).unwrap();
    assert_eq!(follow.added().unwrap().len(), 0);
    let more = (3..=8).map(fixture::event).collect();
    fixture::write(directory.path(), fixture::THREE, &[(Class::Denied, more)]);
    let added: Vec<u64> = follow.added().unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(added, [3, 4, 5, 6, 7, 8]);
    assert_eq!(follow.added().unwrap().len(), 0);
}

//! What the block log's index must do, on every database.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::Store;
use super::contract_nodes::*;
use super::*;
use crate::audit::event::{Action, Event, Field};
use crate::audit::fixture::{self, instant};
use crate::audit::search::search;
use crate::audit::{Class, Reference};
use crate::identifier::OrganizationId;
use crate::log_index::Follower;

const SITES: [&str; 3] = ["kilden", "mail", "web"];
const COUNTRIES: [&str; 4] = ["CN", "RU", "IR", "DK"];
const REASONS: [&str; 3] = ["country_listed", "unknown_location", "overload"];
const PEOPLE: [&str; 3] = ["Anna@x.dk", "bo", "ÆGIR"];
const ORGANIZATIONS: [&str; 2] = ["ballerup", "egedal"];

/// Random bytes that are the same in each run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn address(&mut self) -> String {
        match self.roll(6) {
            0 => format!("2001:db8:{:x}:{:x}::{:x}", self.roll(2), self.roll(2), 1 + self.roll(3)),
            1 => format!("10.{}.0.{}", self.roll(2), self.roll(4)),
            _ => format!("203.0.{}.{}", 112 + self.roll(2), self.roll(4)),
        }
    }

    fn event(&mut self, class: Class, second: i64, apart: i64) -> Event {
        let people = class == Class::People;
        let action = match (people, self.roll(4)) {
            (false, 0) => Action::Repeated,
            (false, _) => Action::Denied,
            (true, 0) => Action::SignIn,
            (true, 1) => Action::LogSearched,
            (true, _) => Action::Allowed,
        };
        let mut random = [0; 10];
        random.fill_with(|| u8::try_from(self.roll(256)).unwrap());
        // Out of order now and then, and several at one instant.
        let late = if self.roll(8) == 0 { 40 } else { 0 };
        let mut event = Event::new(action, instant(second / 3 * apart - late), random)
            .personal(Field::ClientIp, &self.address())
            .personal(Field::UserAgent, "curl/8 \u{1b} \"x\"");
        if self.roll(6) == 0 {
            // No text of PostgreSQL holds this.
            event = event.personal(Field::UserAgent, "nul \0");
        }
        if self.roll(5) == 0 {
            event = event.personal(Field::ClientNatIp, &self.address());
        }
        if self.roll(3) == 0 {
            event = event.user(self.one(&PEOPLE));
        }
        if people && self.roll(3) == 0 {
            event = event.target(self.one(&PEOPLE));
        }
        if self.roll(10) > 0 {
            event.organization = Some(self.one(&ORGANIZATIONS).into());
            event.site = Some(self.one(&SITES).into());
        }
        if self.roll(10) > 0 {
            event.country = Some(self.one(&COUNTRIES).into());
        }
        if event.country.as_deref() == Some("RU") && self.roll(4) == 0 {
            event.region = Some("CE".into());
        }
        event.registered_country = (self.roll(6) == 0).then(|| "DK".into());
        event.as_number = (self.roll(3) == 0).then_some(14_593);
        event.reason = Some(self.one(&REASONS).into());
        event.verdict = Some(if people { "allow" } else { "deny" }.into());
        event.listener = Some(self.one(&["web", "imap"]).into());
        event.status = Some(403);
        event.path = Some("/a?\u{202e}".into());
        event.rule = Some(("cfcs".into(), "2025-05".into()));
        event.database_built = Some(instant(1));
        if self.roll(3) > 0 {
            let byte = |dice: &mut Self| u8::try_from(dice.roll(40)).unwrap();
            event.reference = Some(Reference::from_random([byte(self); 5]).short());
        }
        event.count = if action == Action::Repeated { 1 + self.roll(99) as u64 } else { 1 };
        event.detail("n", second)
    }

    /// Within so many seconds.
    fn query(&mut self, span: usize) -> LogQuery {
        let mut query = LogQuery::of(match self.roll(4) {
            0 => these(&["egedal"]),
            1 => these(&ORGANIZATIONS),
            _ => Organizations::All,
        });
        let filter = &mut query.filter;
        let rarely = |dice: &mut Self| dice.roll(4) == 0;
        if self.roll(8) == 0 {
            let byte = u8::try_from(self.roll(40)).unwrap();
            filter.reference = Some(Reference::from_random([byte; 5]));
        }
        if rarely(self) {
            let network =
                format!("{}/{}", self.address(), [0, 7, 8, 12, 20, 24, 30, 32][self.roll(8)]);
            filter.client = network.parse::<ipnet::IpNet>().ok();
        }
        filter.user = rarely(self).then(|| self.one(&["anna@X.dk", "bo", "ægir", "nobody"]).into());
        filter.site = rarely(self).then(|| self.one(&["kilden", "mail", "none"]).into());
        filter.country =
            rarely(self).then(|| self.one(&["CN", "RU", "RU-CE", "KP"]).parse().unwrap());
        filter.reason = rarely(self).then(|| self.one(&REASONS).into());
        filter.action = rarely(self).then(|| {
            [Action::Denied, Action::Repeated, Action::SignIn, Action::Started][self.roll(4)]
        });
        let at = |dice: &mut Self| instant(i64::try_from(dice.roll(span)).unwrap());
        filter.since = rarely(self).then(|| at(self));
        filter.until = rarely(self).then(|| at(self));
        query.verdict = (self.roll(8) == 0).then(|| "deny".into());
        query.listener = (self.roll(8) == 0).then(|| "imap".into());
        query.class = (self.roll(8) == 0).then_some(Class::People);
        query
    }
}

pub(super) fn these(names: &[&str]) -> Organizations {
    Organizations::These(names.iter().map(|name| OrganizationId::parse(name).unwrap()).collect())
}

/// A log of entries as they come, in small segments.
pub(super) fn log(directory: &Path, seed: u64, entries: i64) {
    log_over(directory, seed, entries, 900);
}

/// The same with three of each chain in so many seconds.
pub(super) fn log_over(directory: &Path, seed: u64, entries: i64, apart: i64) {
    let mut dice = Dice(seed);
    let mut events = |class| -> Vec<Event> {
        (1..=entries).map(|second| dice.event(class, second, apart)).collect()
    };
    let denied = events(Class::Denied);
    let people = events(Class::People);
    let chains = [(Class::Denied, denied), (Class::People, people)];
    fixture::write(directory, 20_000, &chains);
}

pub(super) async fn follow(store: &Store, directory: &Path) {
    let mut follower = Follower::new(directory.to_owned(), store.log().clone());
    while follower.round().await.unwrap().behind > 0 {}
}

pub(super) async fn everything(
    index: &LogIndex,
    query: &LogQuery,
    at_once: usize,
) -> Vec<LogEntry> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = index.search(query, before, at_once).await.unwrap();
        assert!(page.entries.len() <= at_once);
        all.extend(page.entries);
        // As it goes through an address.
        before = page.next.map(|next| next.to_string().parse::<Cursor>().unwrap());
        if before.is_none() {
            return all;
        }
    }
}

/// What a search through the files finds of it, by time.
pub(super) fn through_the_files(
    directory: &Path,
    query: &LogQuery,
) -> Vec<(Timestamp, Class, u64, String)> {
    let named = |entry: &Event| match &query.organizations {
        Organizations::All => true,
        Organizations::These(these) => {
            these.iter().any(|one| Some(one.as_str()) == entry.organization.as_deref())
        }
    };
    let mut found: Vec<_> = search(directory, &query.filter)
        .unwrap()
        .map(Result::unwrap)
        .filter(|found| named(&found.event))
        .filter(|found| query.class.is_none_or(|class| class == found.class))
        .filter(|found| {
            query.verdict.is_none() || found.event.verdict.as_deref() == query.verdict.as_deref()
        })
        .filter(|found| {
            query.listener.is_none() || found.event.listener.as_deref() == query.listener.as_deref()
        })
        .map(|found| (found.event.at, found.class, found.sequence, found.line))
        .collect();
    found.sort();
    found.reverse();
    found
}

pub(super) async fn a_search_finds_what_a_search_through_the_files_finds(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 7, 120);
    follow(store, directory.path()).await;
    let mut dice = Dice(99);
    let mut hits = 0;
    let mut went_on = 0;
    for _ in 0..180 {
        let query = dice.query(30_000);
        let at_once = 1 + dice.roll(20);
        // Pages that may cost next to nothing miss nothing either.
        search::poor::only(*[1, 1, 100].get(dice.roll(6)).unwrap_or(&i64::MAX));
        let page = store.log().search(&query, None, at_once).await.unwrap();
        assert!(page.looked_to.is_none() || page.next.is_some());
        went_on += usize::from(page.looked_to.is_some());
        let found: Vec<_> = everything(store.log(), &query, at_once)
            .await
            .into_iter()
            .map(|entry| (entry.event.at, entry.class, entry.sequence, entry.line))
            .collect();
        let wanted = through_the_files(directory.path(), &query);
        hits += wanted.len();
        assert_eq!(found, wanted, "{query:?}");
    }
    search::poor::only(i64::MAX);
    assert!(hits > 500 && went_on > 8, "{hits} {went_on}");
}

pub(super) async fn the_entry_behind_so_many_others_is_found(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 13, 120);
    follow(store, directory.path()).await;
    for (country, site) in [(None, None), (Some("RU"), None), (Some("CN"), Some("mail"))] {
        let mut query = LogQuery::of(these(&["egedal"]));
        query.filter.country = country.map(|code: &str| code.parse().unwrap());
        query.filter.site = site.map(str::to_owned);
        let all = everything(store.log(), &query, 50).await;
        assert!(all.len() > 3, "{}", all.len());
        for (newer, entry) in (0..).zip(&all) {
            let found = store.log().entry_behind(&query, newer).await.unwrap().unwrap();
            assert_eq!(found.line, entry.line);
        }
        let none = store.log().entry_behind(&query, all.len() as u64).await.unwrap();
        assert!(none.is_none());
    }
    let mut never = LogQuery::of(these(&["egedal"]));
    never.filter.reason = Some("overload".into());
    never.class = Some(Class::Allowed);
    assert!(store.log().entry_behind(&never, 0).await.unwrap().is_none());
}

pub(super) async fn counts_are_those_of_the_entries(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 8, 120);
    follow(store, directory.path()).await;
    counts_are_right(store, &mut Dice(5), 30_000).await;
}

/// Holds counts of this and that against the entries.
pub(super) async fn counts_are_right(store: &Store, dice: &mut Dice, span: i64) {
    let span = usize::try_from(span).unwrap();
    for _ in 0..80 {
        let query = dice.query(span);
        let mut slow = std::collections::BTreeMap::<(usize, String), (u64, u64)>::new();
        for entry in everything(store.log(), &query, 1000).await {
            let event = &entry.event;
            let word = |word: &Option<smol_str::SmolStr>| word.as_deref().unwrap_or("").to_owned();
            let hour = event.at.as_second() / 3600 * 3600;
            let names = [
                Timestamp::from_second(hour).unwrap().to_string(),
                event.at.to_zoned(TimeZone::UTC).date().to_string(),
                word(&event.country),
                word(&event.site),
                word(&event.reason),
            ];
            for (by, name) in names.into_iter().enumerate() {
                let figure = slow.entry((by, name)).or_default();
                figure.0 += event.count;
                figure.1 += 1;
            }
        }
        let all = [By::Hour, By::Day, By::Country, By::Site, By::Reason];
        let mut quick = std::collections::BTreeMap::new();
        for (position, by) in all.into_iter().enumerate() {
            for count in store.log().counts(&query, by, &TimeZone::UTC).await.unwrap() {
                quick.insert((position, count.name), (count.count, count.entries));
            }
        }
        assert_eq!(quick, slow, "{query:?}");
    }
}

pub(super) async fn another_organizations_entries_never_come_out(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 9, 90);
    follow(store, directory.path()).await;
    let all = everything(store.log(), &LogQuery::of(Organizations::All), 50).await;
    let others: Vec<_> =
        all.iter().filter(|entry| entry.event.organization.as_deref() != Some("egedal")).collect();
    assert!(others.len() > 50);
    let ours = these(&["egedal"]);
    let foreign = |entry: &LogEntry| entry.event.organization.as_deref() != Some("egedal");
    for entry in &others {
        let found = store.log().entry(&ours, &Wanted::Id(entry.event.id)).await.unwrap();
        assert!(found.is_empty());
        if let Some(reference) = &entry.event.reference {
            let wanted = Wanted::Reference(reference.parse().unwrap());
            let found = store.log().entry(&ours, &wanted).await.unwrap();
            assert!(!found.iter().any(foreign), "{found:?}");
        }
        let mut query = LogQuery::of(ours.clone());
        let client = entry.event.personal.get(Field::ClientIp).unwrap();
        query.filter.client = Some(client.parse::<std::net::IpAddr>().unwrap().into());
        assert!(!everything(store.log(), &query, 7).await.iter().any(foreign));
    }
    let nobodys = these(&["nobody"]);
    assert!(everything(store.log(), &LogQuery::of(nobodys), 7).await.is_empty());
    let none = Organizations::These(BTreeSet::new());
    assert!(everything(store.log(), &LogQuery::of(none.clone()), 7).await.is_empty());
    let counted = store.log().counts(&LogQuery::of(none), By::Country, &TimeZone::UTC).await;
    assert!(counted.unwrap().is_empty());
    let span = (instant(-1_000_000), instant(1_000_000));
    let home = home();
    let wrong = store.log().probably_wrong(&ours, span, &home, 500).await.unwrap();
    assert!(!wrong.is_empty() && !wrong.iter().any(|wrong| foreign(&wrong.entry)));
}

pub(super) async fn an_entry_is_found_by_its_id_and_its_reference(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 10, 60);
    follow(store, directory.path()).await;
    let all = everything(store.log(), &LogQuery::of(Organizations::All), 50).await;
    assert_eq!(all.len(), 120);
    for entry in all {
        let found = store.log().entry(&Organizations::All, &Wanted::Id(entry.event.id)).await;
        assert_eq!(found.unwrap()[0].line, entry.line);
        if let Some(reference) = &entry.event.reference {
            let wanted = Wanted::Reference(reference.parse().unwrap());
            let found = store.log().entry(&Organizations::All, &wanted).await.unwrap();
            assert!(found.iter().any(|found| found.line == entry.line));
        }
    }
}

/// A log in which little happens but what the test says.
pub(super) async fn of(store: &Store, directory: &Path, denied: Vec<Event>, people: Vec<Event>) {
    let chains = [(Class::Denied, denied), (Class::People, people)];
    fixture::write(directory, 1 << 20, &chains);
    follow(store, directory).await;
}

pub(super) fn of_kind(action: Action, second: i64, country: &str) -> Event {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&second.to_be_bytes());
    let mut event = Event::new(action, instant(second), random);
    event.organization = Some("ballerup".into());
    event.site = Some("mail".into());
    event.country = Some(country.into());
    event
}

fn home() -> Home {
    Home {
        countries: BTreeSet::from([crate::territory::Country::parse("DK").unwrap()]),
        within: SignedDuration::from_hours(4),
        networks: BTreeSet::from([14_593]),
    }
}

pub(super) async fn what_looks_wrong_is_found_and_says_why(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let denied = |second, country: &str, ip: &str| {
        of_kind(Action::Denied, second, country).personal(Field::ClientIp, ip)
    };
    let mut satellite = denied(20_000, "CN", "203.0.113.1");
    satellite.as_number = Some(14_593);
    let mut registered = denied(20_001, "RU", "203.0.113.2");
    registered.registered_country = Some("DK".into());
    let rejections = vec![
        denied(100, "CN", "203.0.113.9"),
        denied(18_000, "CN", "2001:db8::1").user("Anna@x.dk"),
        denied(18_001, "CN", "203.0.113.9").user("bo"),
        satellite,
        registered,
    ];
    let sign_in = |second, country: &str, user: &str| {
        of_kind(Action::SignIn, second, country)
            .personal(Field::ClientIp, "198.51.100.1")
            .user(user)
    };
    let seen = vec![
        sign_in(18_000 + 4 * 3600, "DK", "anna@X.dk"),
        sign_in(18_001 + 4 * 3600 + 1, "DK", "bo"),
        sign_in(18_002, "SE", "bo"),
    ];
    of(store, directory.path(), rejections, seen).await;
    let span = (instant(0), instant(30_000));
    let found = store.log().probably_wrong(&Organizations::All, span, &home(), 10).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.entry.event.at.duration_since(instant(0)).as_secs(), one.because.clone()))
        .collect();
    let at = instant(18_000 + 4 * 3600);
    let country = crate::territory::Country::parse("DK").unwrap();
    assert_eq!(
        told,
        [
            (20_001, vec![Because::RegisteredAtHome]),
            (20_000, vec![Because::DoubtfulNetwork { number: 14_593 }]),
            (
                18_000,
                vec![Because::SignedInAtHome { at, country }, Because::OtherFamilyAtHome { at }]
            ),
        ]
    );
    let narrow = (instant(0), instant(20_000));
    let found = store.log().probably_wrong(&Organizations::All, narrow, &home(), 10).await.unwrap();
    assert_eq!(found.len(), 1);
}

pub(super) async fn a_surge_is_told_from_a_countrys_own_usual(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let mut rejections = Vec::new();
    for hour in 0..60 {
        for (country, count) in [("CN", 500 + hour % 7 * 20), ("IR", 3)] {
            let mut event = of_kind(Action::Repeated, hour * 3600, country);
            event.count = u64::try_from(count).unwrap();
            rejections.push(event);
        }
    }
    let mut wild = of_kind(Action::Repeated, 58 * 3600 + 1, "IR");
    wild.count = 400;
    rejections.push(wild);
    of(store, directory.path(), rejections, Vec::new()).await;
    let span = (instant(50 * 3600), instant(61 * 3600));
    let surges = Surges::default();
    let found = store.log().surges(&these(&["ballerup"]), span, &surges).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&*found[0].country, found[0].count, found[0].median), ("IR", 403, 3.0));
    assert_eq!(found[0].organization.as_deref(), Some("ballerup"));
    let early = (instant(0), instant(10 * 3600));
    assert!(store.log().surges(&Organizations::All, early, &surges).await.unwrap().is_empty());
    assert!(store.log().surges(&these(&["egedal"]), span, &surges).await.unwrap().is_empty());
}

pub(super) async fn who_looked_at_whom_is_found(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let look =
        |second, by: &str, at: &str| of_kind(Action::LogSearched, second, "DK").user(by).target(at);
    let people = vec![
        look(1, "sikkerhed", "anna"),
        of_kind(Action::SignIn, 2, "DK").user("anna"),
        look(3, "dpo", "bo"),
    ];
    of(store, directory.path(), Vec::new(), people).await;
    let mut query = LogQuery::of(these(&["ballerup"]));
    let looks = store.log().who_looked(&query, None, 10).await.unwrap().entries;
    assert_eq!(looks.iter().map(|look| look.sequence).collect::<Vec<_>>(), [3, 1]);
    query.filter.user = Some("Anna".into());
    let looks = store.log().who_looked(&query, None, 10).await.unwrap().entries;
    assert_eq!(looks.iter().map(|look| look.sequence).collect::<Vec<_>>(), [1]);
}

pub(super) async fn what_is_forgotten_in_a_segment_is_forgotten_here(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 11, 30);
    follow(store, directory.path()).await;
    let node = crate::audit::node_in(directory.path()).unwrap().unwrap();
    let mut query = LogQuery::of(Organizations::All);
    query.class = Some(Class::People);
    let before = everything(store.log(), &query, 50).await;
    let redacted: Vec<String> = before
        .iter()
        .map(|entry| {
            let line = crate::audit::chain::redact(entry.class, entry.line.as_bytes(), &Field::ALL);
            String::from_utf8(line.unwrap()).unwrap()
        })
        .collect();
    // What was read before something is forgotten is not kept afterwards.
    let bookmarks = store.log().bookmarks(&node).await.unwrap();
    assert_eq!(store.log().forget(&node, Class::People, &redacted).await.unwrap(), 30);
    let at = *bookmarks.chains.get(Class::People);
    let entries = vec![Taken::of(Class::People, &before[0].line).unwrap()];
    let forgotten = bookmarks.forgotten;
    let class = Class::People;
    let batch = Batch {
        node: node.clone(),
        class,
        from: at,
        to: at,
        forgotten,
        entries,
        tallied: Vec::new(),
    };
    assert!(!store.log().write(batch).await.unwrap());
    let after = everything(store.log(), &query, 50).await;
    assert_eq!(after.iter().map(|entry| entry.line.clone()).collect::<Vec<_>>(), redacted);
    for user in ["anna@x.dk", "bo", "ægir"] {
        let mut query = query.clone();
        query.filter.user = Some(user.into());
        assert!(everything(store.log(), &query, 50).await.is_empty());
    }
    let kept: Vec<String> = store.log().personal_values(class).await;
    assert_eq!(kept, Vec::<String>::new());
    assert_eq!(store.log().forget(&node, Class::People, &[]).await.unwrap(), 0);
}

pub(super) async fn what_its_segments_hold_no_longer_goes(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 12, 80);
    follow(store, directory.path()).await;
    let segments = crate::audit::segment::list(&directory.path().join("denied")).unwrap();
    assert!(segments.len() > 3);
    for (_, path) in &segments[..2] {
        std::fs::remove_file(path).unwrap();
    }
    // As it is when time has passed: the first segment that is kept was begun after what is gone.
    rewrite_begun(&segments[2].1, Class::Denied);
    follow(store, directory.path()).await;
    let query = LogQuery::of(Organizations::All);
    let found: Vec<_> = everything(store.log(), &query, 30)
        .await
        .into_iter()
        .map(|entry| (entry.event.at, entry.class, entry.sequence, entry.line))
        .collect();
    assert_eq!(found, through_the_files(directory.path(), &query));
    assert!(found.len() < 160 && found.len() > 80, "{}", found.len());
}

/// Gives a segment a header that says that it was begun much later.
pub(super) fn rewrite_begun(path: &Path, class: Class) {
    let text = std::fs::read_to_string(path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let header = crate::audit::segment::Header::parse(class, first.as_bytes()).unwrap();
    let later = crate::audit::segment::Header::new(
        class,
        &header.node,
        header.segment,
        instant(10_000_000),
        header.first_sequence,
        header.previous(),
    );
    let line = String::from_utf8(later.line()).unwrap();
    std::fs::write(path, format!("{line}\n{rest}")).unwrap();
}

pub(super) async fn two_of_one_place_both_are_kept(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    // One instant, and sequences that fall on the same place.
    let named = |number: i64| of_kind(Action::Denied, 1, "CN").user(&format!("person{number}"));
    let denied = (0..8200).map(named).collect::<Vec<_>>();
    let options = crate::audit::Options::new(directory.path().to_owned());
    fixture::write_at_once(&options, Class::Denied, &denied);
    follow(store, directory.path()).await;
    let all = everything(store.log(), &LogQuery::of(Organizations::All), 2000).await;
    let sequences: BTreeSet<u64> = all.iter().map(|entry| entry.sequence).collect();
    assert_eq!((all.len(), sequences.len()), (8200, 8200));
    let counts = LogQuery::of(Organizations::All);
    let counted = store.log().counts(&counts, By::Site, &TimeZone::UTC).await.unwrap();
    assert_eq!(counted[0].entries, 8200);
    // Each person leads to the own entry alone, so that forgetting it leaves nothing behind.
    assert_eq!(store.log().marks().await, 8200);
}

pub(super) async fn allowed_traffic_is_counted_and_not_kept(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let allowed = |second, site: &str| {
        let mut event = of_kind(Action::Allowed, second, "DK").user("anna");
        event.site = Some(site.into());
        event
    };
    let events =
        vec![allowed(1, "mail"), allowed(2, "mail"), allowed(3, "web"), allowed(4000, "mail")];
    fixture::write(directory.path(), 2_000, &[(Class::Allowed, events)]);
    for _ in 0..2 {
        follow(store, directory.path()).await;
    }
    let mut query = LogQuery::of(these(&["ballerup"]));
    assert!(store.log().counts(&query, By::Site, &TimeZone::UTC).await.unwrap().is_empty());
    query.class = Some(Class::Allowed);
    assert!(everything(store.log(), &query, 10).await.is_empty());
    let count = |name: &str, count| Count { name: name.to_owned(), count, entries: count };
    let counts = store.log().counts(&query, By::Site, &TimeZone::UTC).await.unwrap();
    assert_eq!(counts, [count("mail", 3), count("web", 1)]);
    query = query.between(instant(100), instant(3000));
    let counts = store.log().counts(&query, By::Country, &TimeZone::UTC).await.unwrap();
    assert_eq!(counts, [count("DK", 3)], "by whole hours");
    assert!(store.log().personal_values(Class::Allowed).await.is_empty());
}

/// Runs the whole suite; `open` gives an empty store and whatever must live as long as it.
pub(in super::super) async fn holds<G>(open: &impl AsyncFn() -> (Store, G)) {
    macro_rules! each {
        ($($check:ident)*) => {$({
            let (store, _guard) = open().await;
            $check(&store).await;
            store.close().await;
        })*};
    }
    each! {
        a_search_finds_what_a_search_through_the_files_finds
        the_entry_behind_so_many_others_is_found
        counts_are_those_of_the_entries
        another_organizations_entries_never_come_out
        an_entry_is_found_by_its_id_and_its_reference
        what_looks_wrong_is_found_and_says_why
        a_surge_is_told_from_a_countrys_own_usual
        who_looked_at_whom_is_found
        what_is_forgotten_in_a_segment_is_forgotten_here
        what_its_segments_hold_no_longer_goes
        two_of_one_place_both_are_kept
        allowed_traffic_is_counted_and_not_kept
        a_reference_of_many_entries_leads_to_all_of_them
        an_entry_that_took_a_while_to_make_is_found_by_its_id
    }
}

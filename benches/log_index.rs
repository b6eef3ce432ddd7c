//! How long the block log's pages wait for their answers, at ten million entries.
//!
//! Goal: every answer within 200 ms. `GEOVAGT_LOG_ENTRIES` says how many entries (200,000 unless
//! told), `GEOVAGT_LOG_DIRECTORY` where the index is made, and kept: another run takes it again;
//! `GEOVAGT_LOG_QUESTION` asks only those whose name holds this. Each question is asked with many
//! different wishes, first with nothing of the file in memory (`cold`: the operating system forgets
//! it, and the connection is new), then again (`warm`).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that cannot be set up should end at once; its figures are for a terminal"
)]
#![expect(clippy::disallowed_methods, reason = "settings of the bench itself")]

#[path = "log_index/generator.rs"]
mod generator;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use generator::{COUNTRIES, DAYS, Dice, Generator, ORGANIZATIONS, REASONS, SITES, end};
use geovagt::audit::Class;
use geovagt::audit::options::PerClass;
use geovagt::clock;
use geovagt::identifier::OrganizationId;
use geovagt::store::Store;
use geovagt::store::log::{
    Batch, Bookmark, By, Home, LOG_INDEX_FILE_NAME, LogQuery, Organizations, Surges, Taken, Wanted,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What an answer may take.
const GOAL: Duration = Duration::from_millis(200);
/// So many different wishes for each question.
const WISHES: u64 = 40;
const PAGE: usize = 50;
/// As long as that of an entry with an address and a user agent: id, hash before it, two salts.
const SEAL: [u8; 82] = {
    let mut seal = [7; 82];
    seal[48] = 0;
    seal[65] = 6;
    seal
};

fn main() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let entries = number("GEOVAGT_LOG_ENTRIES").unwrap_or(200_000);
    let temporary = tempfile::tempdir().unwrap();
    let kept = std::env::var("GEOVAGT_LOG_DIRECTORY").ok();
    let directory = kept.as_deref().map_or(temporary.path(), Path::new);
    std::fs::create_dir_all(directory).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = directory.join(LOG_INDEX_FILE_NAME);
        if !file.exists() {
            fill(directory, entries).await;
        }
        let size = std::fs::metadata(&file).unwrap().len() / (1 << 20);
        println!("{entries} entries over {DAYS} days; the index holds {size} MiB");
        ask(directory).await;
    });
}

async fn fill(directory: &Path, entries: u64) {
    let store = Store::open(directory).await.unwrap();
    let began = clock::instant();
    let mut bookmarks = PerClass::<Bookmark>::default();
    let mut generator = Generator::new(entries);
    let mut made = 0;
    loop {
        let mut batches = PerClass::<Vec<Taken>>::default();
        for (class, event) in generator.by_ref().take(10_000) {
            let sequence = bookmarks.get(class).sequence + batches.get(class).len() as u64 + 1;
            batches.get_mut(class).push(Taken::made(class, sequence, event, &SEAL));
        }
        let count = batches.denied.len() + batches.people.len();
        if count == 0 {
            break;
        }
        for (class, entries) in [(Class::Denied, batches.denied), (Class::People, batches.people)] {
            let from = *bookmarks.get(class);
            let to = Bookmark { sequence: from.sequence + entries.len() as u64, ..from };
            let node = "bench".to_owned();
            let tallied = Vec::new();
            let batch = Batch { node, class, from, to, forgotten: 0, entries, tallied };
            assert!(store.log().write(batch).await.unwrap());
            *bookmarks.get_mut(class) = to;
        }
        made += count;
        if made % 500_000 < 10_000 {
            println!("{made} made, {:.0} s", clock::instant().duration_since(began).as_secs_f64());
        }
    }
    store.close().await;
}

/// The questions of the pages, each as a function of the dice.
#[derive(Debug, Clone, Copy)]
enum Question {
    Search(&'static str),
    Counts(By, i64, &'static str),
    Entry,
    Surges,
    ProbablyWrong,
    WhoLooked,
}

const QUESTIONS: &[(&str, Question)] = &[
    ("newest page", Question::Search("")),
    ("a page anywhere", Question::Search("before")),
    ("country", Question::Search("country")),
    ("site", Question::Search("site")),
    ("reason", Question::Search("reason")),
    ("action", Question::Search("action")),
    ("country, site", Question::Search("country site")),
    ("country, reason, anywhere", Question::Search("country reason before")),
    ("country, site, reason, listener", Question::Search("country site reason listener")),
    ("site, reason, verdict, a week", Question::Search("site reason verdict week")),
    ("what never happens", Question::Search("country site identify")),
    ("network /32", Question::Search("address")),
    ("network /24", Question::Search("24")),
    ("network /16", Question::Search("16")),
    ("network /12", Question::Search("12")),
    ("network /8", Question::Search("8")),
    ("network /16, country, site", Question::Search("16 country site")),
    ("network IPv6 /48", Question::Search("48")),
    ("person", Question::Search("person")),
    ("person, country, site", Question::Search("person country site")),
    ("every organisation, site, reason", Question::Search("all site reason")),
    ("reference", Question::Entry),
    ("counts by hour, a week", Question::Counts(By::Hour, 7, "")),
    ("counts by hour, a week, country", Question::Counts(By::Hour, 7, "country")),
    ("counts by day, 90 days", Question::Counts(By::Day, 90, "")),
    ("counts by day, 400 days", Question::Counts(By::Day, DAYS, "")),
    ("counts by day, 400 days, country", Question::Counts(By::Day, DAYS, "country")),
    ("counts by country, 30 days", Question::Counts(By::Country, 30, "")),
    ("counts by country, 400 days", Question::Counts(By::Country, DAYS, "")),
    ("counts by site, 400 days, reason", Question::Counts(By::Site, DAYS, "reason")),
    ("counts by reason, 90 days, site", Question::Counts(By::Reason, 90, "site")),
    ("surges of a day", Question::Surges),
    ("probably wrong, a week", Question::ProbablyWrong),
    ("who looked", Question::WhoLooked),
];

async fn ask(directory: &Path) {
    println!("{:<36} {:>5} {:>31} {:>31}", "", "", "cold, ms", "warm, ms");
    println!(
        "{:<36} {:>5} {:>9} {:>10} {:>10} {:>9} {:>10} {:>10}",
        "question", "asked", "p50", "p95", "max", "p50", "p95", "max"
    );
    let (mut worst, mut over) = (Duration::ZERO, 0);
    let only = std::env::var("GEOVAGT_LOG_QUESTION").unwrap_or_default();
    for (name, question) in QUESTIONS.iter().filter(|(name, _)| name.contains(&only)) {
        let mut cold = Vec::new();
        let mut warm = Vec::new();
        for seed in 1..=WISHES {
            forget_file(directory);
            let store = Store::open(directory).await.unwrap();
            // Opening the file and its schema is the gateway's start, not the question.
            store.log().bookmarks("bench").await.unwrap();
            cold.push(timed(&store, *question, seed).await);
            warm.push(timed(&store, *question, seed).await);
            store.close().await;
        }
        let slow = cold.iter().chain(&warm).filter(|took| **took > GOAL).count();
        worst = cold.iter().chain(&warm).copied().fold(worst, Duration::max);
        over += slow;
        println!(
            "{name:<36} {WISHES:>5} {} {}{}",
            figures(cold),
            figures(warm),
            if slow > 0 { format!("  {slow} over") } else { String::new() }
        );
    }
    let goal = GOAL.as_millis();
    println!("slowest {:.1} ms; {over} answers over {goal} ms", worst.as_secs_f64() * 1000.0);
}

/// Lets the operating system forget what it holds of the index.
fn forget_file(directory: &Path) {
    let file = directory.join(LOG_INDEX_FILE_NAME);
    let mut input = std::ffi::OsString::from("if=");
    input.push(&file);
    let done = std::process::Command::new("dd")
        .arg(input)
        .args(["of=/dev/null", "iflag=nocache", "count=0", "status=none"])
        .status();
    assert!(done.unwrap().success());
}

fn figures(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at =
        |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1000.0;
    format!("{:>9.2} {:>10.2} {:>10.2}", at(50), at(95), at(100))
}

async fn timed(store: &Store, question: Question, seed: u64) -> Duration {
    let mut dice = Dice(seed * 0x9e37_79b9_7f4a_7c15);
    for _ in 0..8 {
        dice.roll(2);
    }
    let index = store.log();
    let organizations = one_of_these(&mut dice);
    let day = SignedDuration::from_hours(24);
    let zone = TimeZone::get("Europe/Copenhagen").unwrap();
    match question {
        Question::Search(wishes) => {
            let (query, before) = query(wishes, &mut dice, organizations);
            let mut query = query;
            if let Some(before) = before {
                query.filter.until = Some(before);
            }
            let began = clock::instant();
            index.search(&query, None, PAGE).await.unwrap();
            since(began)
        }
        Question::Counts(by, days, wishes) => {
            let (query, _) = query(wishes, &mut dice, organizations);
            let query = query.between(end() - day * i32::try_from(days).unwrap(), end());
            let began = clock::instant();
            index.counts(&query, by, &zone).await.unwrap();
            since(began)
        }
        Question::Entry => {
            let page = index.search(&LogQuery::of(organizations.clone()), None, 40).await.unwrap();
            let picked = &page.entries[usize::try_from(dice.roll(40)).unwrap()].event;
            let reference = picked.reference.as_ref().unwrap().parse().unwrap();
            let began = clock::instant();
            index.entry(&organizations, &Wanted::Reference(reference)).await.unwrap();
            since(began)
        }
        Question::Surges => {
            let began = clock::instant();
            index.surges(&organizations, (end() - day, end()), &Surges::default()).await.unwrap();
            since(began)
        }
        Question::ProbablyWrong => {
            let home = Home {
                countries: BTreeSet::from(["DK".parse().unwrap()]),
                within: SignedDuration::from_hours(4),
                networks: (4000..4010).collect(),
            };
            let span = (end() - day * 7, end());
            let began = clock::instant();
            index.probably_wrong(&organizations, span, &home, PAGE).await.unwrap();
            since(began)
        }
        Question::WhoLooked => {
            let began = clock::instant();
            index.who_looked(&LogQuery::of(organizations), None, PAGE).await.unwrap();
            since(began)
        }
    }
}

fn since(began: Instant) -> Duration {
    clock::instant().duration_since(began)
}

fn one_of_these(dice: &mut Dice) -> Organizations {
    let id = OrganizationId::parse(dice.one(&ORGANIZATIONS)).unwrap();
    Organizations::These(BTreeSet::from([id]))
}

fn query(wishes: &str, dice: &mut Dice, ours: Organizations) -> (LogQuery, Option<Timestamp>) {
    let all = ORGANIZATIONS.map(|name| OrganizationId::parse(name).unwrap());
    let everybodys = wishes.contains("all");
    let organization = match &ours {
        Organizations::These(these) if !everybodys => these.first().unwrap().to_string(),
        _ => dice.one(&ORGANIZATIONS).to_owned(),
    };
    let ours = if everybodys { Organizations::These(all.into_iter().collect()) } else { ours };
    let mut query = LogQuery::of(ours);
    let mut before = None;
    let anywhere = |dice: &mut Dice| {
        end() - SignedDuration::from_secs(i64::try_from(dice.roll(DAYS as u64 * 86_400)).unwrap())
    };
    let countries: Vec<&str> = COUNTRIES.split_whitespace().collect();
    let filter = &mut query.filter;
    for wish in wishes.split_whitespace() {
        match wish {
            "before" => before = Some(anywhere(dice)),
            // Evenly, so that the rare ones are asked for as often as the common.
            "country" => {
                let number = usize::try_from(dice.roll(countries.len() as u64)).unwrap();
                filter.country = Some(countries[number].parse().unwrap());
            }
            "site" => {
                let site = SITES[usize::try_from(dice.roll(4)).unwrap()];
                filter.site = Some(format!("{organization}-{site}"));
            }
            "reason" => {
                filter.reason = Some(REASONS[usize::try_from(dice.roll(5)).unwrap()].to_owned());
            }
            "action" => {
                let actions = ["denied", "repeated", "sign_in", "exemption_granted", "allowed"];
                let action = actions[usize::try_from(dice.roll(5)).unwrap()];
                filter.action = geovagt::audit::Action::from_word(action);
            }
            "listener" => query.listener = Some(dice.one(&["web", "imap", "smtp"]).to_owned()),
            "verdict" => query.verdict = Some("deny".to_owned()),
            "identify" => query.verdict = Some("identify".to_owned()),
            "week" => {
                let at = anywhere(dice);
                filter.since = Some(at - SignedDuration::from_hours(24 * 7));
                filter.until = Some(at);
            }
            "person" => {
                filter.user = Some(format!("person{:04}@example.dk", dice.few(4000)));
            }
            "48" => {
                let (a, b) = (dice.roll(38) * 64 + dice.few(30), dice.few(512));
                filter.client = Some(format!("2400:{a:x}:{b:x}::/48").parse().unwrap());
            }
            "address" | "24" | "16" | "12" | "8" => {
                let (a, b) = (1 + dice.roll(190), dice.few(256));
                let address = format!("{a}.{b}.{}.{}", dice.few(256), dice.roll(256));
                let prefix = if wish == "address" { "32" } else { wish };
                filter.client = Some(format!("{address}/{prefix}").parse().unwrap());
            }
            _ => {}
        }
    }
    (query, before)
}

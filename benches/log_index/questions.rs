//! The questions of the pages.

use std::collections::BTreeSet;
use std::time::Duration;

use geovagt::clock;
use geovagt::identifier::OrganizationId;
use geovagt::store::Store;
use geovagt::store::log::{By, Home, LogQuery, Organizations, Surges, Wanted};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::generator::{
    BUSY, COUNTRIES, DAYS, Dice, ORGANIZATIONS, RARE_COUNTRY, REASONS, SCANNER, SITES, end,
};

const PAGE: usize = 50;
/// As the page of what is probably wrong shows.
const ROWS: usize = 200;

/// What is asked, as a function of the dice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question {
    Search(&'static str),
    Counts(By, i64, &'static str),
    /// What the page of charts asks: by day and by country over so many days, each beside the four
    /// weeks before, and so for the ten countries with the most.
    Charts(i64, &'static str),
    Entry,
    Id,
    Surges(i64),
    ProbablyWrong(i64),
    WhoLooked(&'static str),
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) took: Duration,
    /// It looked through a part and said so.
    pub(crate) goes_on: bool,
}

pub(crate) const QUESTIONS: &[(&str, Question)] = &[
    ("newest page", Question::Search("")),
    ("a page anywhere", Question::Search("before")),
    ("country", Question::Search("country")),
    ("country, anywhere", Question::Search("country before")),
    ("site", Question::Search("site")),
    ("reason", Question::Search("reason before")),
    ("action", Question::Search("action before")),
    ("listener", Question::Search("listener before")),
    ("verdict", Question::Search("verdict before")),
    ("class", Question::Search("people before")),
    ("a week", Question::Search("week")),
    ("rare country", Question::Search("rare")),
    ("rare country, common site", Question::Search("rare commonsite")),
    ("rare country, site, reason, listener", Question::Search("rare site reason listener")),
    ("country, site", Question::Search("country site before")),
    ("country, reason", Question::Search("country reason before")),
    ("country, listener", Question::Search("country listener before")),
    ("country, action", Question::Search("country action before")),
    ("site, reason", Question::Search("site reason before")),
    ("reason, listener", Question::Search("reason listener before")),
    ("action, listener", Question::Search("action listener before")),
    ("class, country", Question::Search("people country before")),
    ("country, site, reason", Question::Search("country site reason before")),
    ("country, site, reason, listener", Question::Search("country site reason listener before")),
    ("site, reason, verdict, a week", Question::Search("site reason verdict week")),
    ("country, action, class, listener", Question::Search("country action people listener")),
    ("what never happens", Question::Search("country site identify")),
    ("address", Question::Search("address")),
    ("network /24", Question::Search("24")),
    ("network /20", Question::Search("20")),
    ("network /16", Question::Search("16")),
    ("network /12", Question::Search("12")),
    ("network /8", Question::Search("8")),
    ("network /4", Question::Search("4")),
    ("network /16, country, site", Question::Search("16 country site")),
    ("network /12, reason, listener", Question::Search("12 reason listener")),
    ("network IPv6 /48", Question::Search("48")),
    ("network IPv6 /32", Question::Search("v632")),
    ("scanner's address", Question::Search("scanner before")),
    ("scanner's address, rare country", Question::Search("scanner rare")),
    ("scanner's address, another country", Question::Search("scanner country")),
    ("scanner's address, site, reason", Question::Search("scanner site reason before")),
    ("person", Question::Search("person")),
    ("person, country, site", Question::Search("person country site")),
    ("busy account", Question::Search("busy before")),
    ("busy account, country", Question::Search("busy country")),
    ("busy account, rare country", Question::Search("busy rare")),
    ("busy account, scanner's address", Question::Search("busy scanner")),
    ("every organisation, site, reason", Question::Search("all site reason")),
    ("reference", Question::Entry),
    ("reference, country", Question::Search("reference country")),
    ("id", Question::Id),
    ("counts by hour, a week", Question::Counts(By::Hour, 7, "")),
    ("counts by hour, a week, country", Question::Counts(By::Hour, 7, "country")),
    ("counts by day, 90 days", Question::Counts(By::Day, 90, "")),
    ("counts by day, 400 days", Question::Counts(By::Day, DAYS, "")),
    ("counts by day, 400 days, country", Question::Counts(By::Day, DAYS, "country")),
    ("counts by day, 400 days, site, reason", Question::Counts(By::Day, DAYS, "site reason")),
    ("counts by country, 30 days", Question::Counts(By::Country, 30, "")),
    ("counts by country, 400 days", Question::Counts(By::Country, DAYS, "")),
    ("counts by site, 400 days, reason", Question::Counts(By::Site, DAYS, "reason")),
    ("counts by reason, 90 days, site", Question::Counts(By::Reason, 90, "site")),
    ("counts by day, 400 days, person", Question::Counts(By::Day, DAYS, "person")),
    ("counts by day, 400 days, busy account", Question::Counts(By::Day, DAYS, "busy")),
    ("counts by day, 400 days, network /24", Question::Counts(By::Day, DAYS, "24")),
    ("counts by day, 400 days, network /16", Question::Counts(By::Day, DAYS, "16")),
    ("counts by day, 30 days, scanner", Question::Counts(By::Day, 30, "scanner")),
    ("counts by day, 30 days, network /8", Question::Counts(By::Day, 30, "8")),
    ("charts, 7 days", Question::Charts(7, "")),
    ("charts, 30 days, country", Question::Charts(30, "country")),
    ("charts, 400 days, site", Question::Charts(DAYS, "site")),
    ("surges of a day", Question::Surges(1)),
    ("surges of 30 days", Question::Surges(30)),
    ("probably wrong, a week", Question::ProbablyWrong(7)),
    ("probably wrong, 30 days", Question::ProbablyWrong(30)),
    ("who looked", Question::WhoLooked("")),
    ("who looked at somebody", Question::WhoLooked("person")),
];

/// How many entries match, as the counts know it.
pub(crate) async fn matched(store: &Store, question: Question, seed: u64) -> Option<u64> {
    let (Question::Search(wishes) | Question::Counts(_, _, wishes)) = question else { return None };
    if wishes.contains("reference") {
        return None;
    }
    let mut query = searched(wishes, seed);
    if let Question::Counts(_, days, _) = question {
        let day = SignedDuration::from_hours(24);
        query = query.between(end() - day * i32::try_from(days).unwrap(), end());
    }
    let counts = store.log().counts(&query, By::Reason, &TimeZone::UTC).await.ok()?;
    Some(counts.iter().map(|count| count.entries).sum())
}

/// The search of a seed.
pub(crate) fn searched(wishes: &str, seed: u64) -> LogQuery {
    let mut dice = dice(seed);
    let organizations = one_of_these(&mut dice);
    let (mut query, before) = query(wishes, &mut dice, organizations);
    query.filter.until = query.filter.until.or(before);
    query
}

fn dice(seed: u64) -> Dice {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for _ in 0..8 {
        dice.roll(2);
    }
    dice
}

/// Asks, with wishes that are those of the seed.
pub(crate) async fn ask(store: &Store, question: Question, seed: u64) -> Answer {
    let mut dice = dice(seed);
    let index = store.log();
    let organizations = one_of_these(&mut dice);
    let day = SignedDuration::from_hours(24);
    let days = |days: i64| (end() - day * i32::try_from(days).unwrap(), end());
    let zone = TimeZone::get("Europe/Copenhagen").unwrap();
    let mut goes_on = false;
    // What is picked out of the log to be asked for is picked before the time runs.
    let picked = match question {
        Question::Entry | Question::Id | Question::Search("reference country") => {
            let query = LogQuery::of(organizations.clone());
            let page = index.search(&query, None, 40).await.unwrap();
            Some(page.entries[usize::try_from(dice.roll(40)).unwrap()].event.clone())
        }
        _ => None,
    };
    let reference = || picked.as_ref().unwrap().reference.as_ref().unwrap().parse().unwrap();
    let began = clock::instant();
    match question {
        Question::Search(wishes) => {
            let (mut query, before) = query(wishes, &mut dice, organizations);
            query.filter.until = query.filter.until.or(before);
            if wishes.contains("reference") {
                query.filter.reference = Some(reference());
            }
            let page = index.search(&query, None, PAGE).await.unwrap();
            goes_on = page.looked_to.is_some();
        }
        Question::Counts(by, span, wishes) => {
            let (query, _) = query(wishes, &mut dice, organizations);
            let (since, until) = days(span);
            index.counts(&query.between(since, until), by, &zone).await.unwrap();
        }
        Question::Charts(span, wishes) => {
            let (query, _) = query(wishes, &mut dice, organizations);
            let (since, until) = days(span);
            let before = query.clone().between(since - day * 28, since);
            let query = query.between(since, until);
            index.counts(&query, By::Day, &zone).await.unwrap();
            index.counts(&before, By::Day, &zone).await.unwrap();
            let countries = index.counts(&query, By::Country, &zone).await.unwrap();
            for country in countries.iter().take(10) {
                let mut usual = before.clone();
                usual.filter.country = country.name.parse().ok();
                index.counts(&usual, By::Day, &zone).await.unwrap();
            }
        }
        Question::Entry => {
            let wanted = Wanted::Reference(reference());
            assert!(!index.entry(&organizations, &wanted).await.unwrap().is_empty());
        }
        Question::Id => {
            let wanted = Wanted::Id(picked.as_ref().unwrap().id);
            index.entry(&organizations, &wanted).await.unwrap();
        }
        Question::Surges(span) => {
            index.surges(&organizations, days(span), &Surges::default()).await.unwrap();
        }
        Question::ProbablyWrong(span) => {
            // As `admin/review/home.rs` has it, with networks that are met here.
            let home = Home {
                countries: ["DK", "FO", "GL"].map(|code| code.parse().unwrap()).into(),
                within: SignedDuration::from_hours(12),
                networks: (4000..4007).collect(),
            };
            index.probably_wrong(&organizations, days(span), &home, ROWS).await.unwrap();
        }
        Question::WhoLooked(wishes) => {
            let (query, _) = query(wishes, &mut dice, organizations);
            goes_on = index.who_looked(&query, None, PAGE).await.unwrap().looked_to.is_some();
        }
    }
    Answer { took: clock::instant().duration_since(began), goes_on }
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
            "rare" => filter.country = Some(RARE_COUNTRY.parse().unwrap()),
            "commonsite" => filter.site = Some(format!("{organization}-{}", SITES[0])),
            "people" => query.class = Some(geovagt::audit::Class::People),
            "scanner" => filter.client = Some(format!("{SCANNER}/32").parse().unwrap()),
            "busy" => filter.user = Some(BUSY.to_owned()),
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
            "v632" => {
                let a = dice.roll(38) * 64 + dice.few(30);
                filter.client = Some(format!("2400:{a:x}::/32").parse().unwrap());
            }
            "address" | "24" | "20" | "16" | "12" | "8" | "4" => {
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

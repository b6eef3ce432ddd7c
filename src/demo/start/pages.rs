//! The demo's own pages as HTML.

use std::net::SocketAddr;

use askama::Template;
use jiff::tz::TimeZone;

use super::Start;
use super::words::Words;
use crate::demo::post::Letter;
use crate::language::{self, Language};
use crate::territory::Territory;

/// Where a travel link's path begins.
const TRAVEL_LINK: &str = "/.geovagt/rejse/";
/// The name under which the places' addresses are the intranet.
const INTRANET: &str = "kilden.localhost";

struct Door {
    name: String,
    address: SocketAddr,
    listed: bool,
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    language: Language,
    words: &'static Words,
    places: Vec<Door>,
    admin: SocketAddr,
    people: Vec<(&'a str, &'a str)>,
    letters: usize,
}

#[derive(Template)]
#[template(path = "letters.html")]
struct LettersPage {
    language: Language,
    words: &'static Words,
    letters: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct LetterPage {
    language: Language,
    words: &'static Words,
    letter: Shown,
    pieces: Vec<Piece>,
    has_link: bool,
    has_calendar: bool,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    language: Language,
    words: &'static Words,
}

struct Shown {
    number: u64,
    from: String,
    to: String,
    subject: String,
    came: String,
}

/// A part of a letter's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// A travel link as it stands there, and where the demo has it lead.
    Link {
        shown: String,
        href: String,
    },
}

pub(super) fn start(start: &Start, language: Language) -> String {
    let door = |(place, address): &(&crate::demo::places::Place, SocketAddr)| Door {
        name: Territory::parse(place.country)
            .map_or_else(|_| place.name.to_owned(), |land| land.name(language).into_owned()),
        address: *address,
        listed: place.listed,
    };
    let people = start.people.iter().map(|one| match language {
        Language::Danish => (one.name, one.danish),
        Language::English => (one.name, one.english),
    });
    rendered(&StartPage {
        language,
        words: Words::of(language),
        places: start.fronts.iter().map(door).collect(),
        admin: start.admin,
        people: people.collect(),
        letters: start.post.letters().len(),
    })
}

pub(super) fn letters(start: &Start, language: Language) -> String {
    let letters = start.post.letters();
    let letters = letters.iter().map(|letter| shown(letter, language)).collect();
    rendered(&LettersPage { language, words: Words::of(language), letters })
}

pub(super) fn letter(start: &Start, letter: &Letter, language: Language) -> String {
    let home = start.fronts.iter().find(|(place, _)| place.country == "DK").map(|(_, at)| *at);
    let pieces = pieces(&letter.content.text, home);
    rendered(&LetterPage {
        language,
        words: Words::of(language),
        letter: shown(letter, language),
        has_link: pieces.iter().any(|piece| matches!(piece, Piece::Link { .. })),
        pieces,
        has_calendar: letter.content.calendar.is_some(),
    })
}

pub(super) fn missing(language: Language) -> String {
    rendered(&MissingPage { language, words: Words::of(language) })
}

/// Rendering fails only where writing to the buffer does, and a String takes everything.
fn rendered(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}

fn shown(letter: &Letter, language: Language) -> Shown {
    let zone = TimeZone::get("Europe/Copenhagen").unwrap_or(TimeZone::UTC);
    Shown {
        number: letter.number,
        from: letter.content.from.clone(),
        to: letter.to.clone(),
        subject: letter.content.subject.clone(),
        came: language::instant(letter.came, &zone, language),
    }
}

/// The text with its travel links. The gateway writes them for its real names on the usual port; in
/// the demo the same place is a port of this machine.
pub(super) fn pieces(text: &str, home: Option<SocketAddr>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut before = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let shown = word.trim_end();
        let Some(href) = home.and_then(|home| led_home(shown, home)) else {
            before.push_str(word);
            continue;
        };
        pieces.push(Piece::Text(std::mem::take(&mut before)));
        pieces.push(Piece::Link { shown: shown.to_owned(), href });
        before.push_str(word.get(shown.len()..).unwrap_or_default());
    }
    pieces.push(Piece::Text(before));
    pieces
}

/// `https://kilden.localhost/.geovagt/rejse/…` at the port that stands for home.
fn led_home(word: &str, home: SocketAddr) -> Option<String> {
    let (host, token) = word.strip_prefix("https://")?.split_once(TRAVEL_LINK)?;
    let ours = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = host.ends_with(".localhost") && host.chars().all(ours) && token.chars().all(ours);
    let host = if host == INTRANET { home.ip().to_string() } else { host.to_owned() };
    fits.then(|| format!("http://{host}:{}{TRAVEL_LINK}{token}", home.port()))
}

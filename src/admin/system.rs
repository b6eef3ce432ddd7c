//! Where the pages of the System place are found.

use askama::Template;

use super::{Answer, Place, Right, Routes, Visitor, shell};
use crate::config::Role;
use crate::language::Language;

/// Each page of this place: where it is, whom it is for, its name and what it is good for.
const PAGES: &[Entry] = &[Entry {
    href: "/system/tokens",
    roles: &Role::ALL,
    danish: ("Nøgler til programmer", "Giv et program adgang, og tag den igen."),
    english: ("Tokens for programs", "Give a program access, and take it back."),
}];

struct Entry {
    href: &'static str,
    roles: &'static [Role],
    danish: (&'static str, &'static str),
    english: (&'static str, &'static str),
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/system", Right::STAFF, page)
}

#[derive(Template)]
#[template(path = "system/page.html")]
struct Page {
    entries: Vec<(&'static str, &'static str, &'static str)>,
}

async fn page(visitor: Visitor) -> Answer {
    let entries = PAGES.iter().filter(|entry| visitor.has_any(entry.roles)).map(|entry| {
        let (name, what) = match visitor.language {
            Language::Danish => entry.danish,
            Language::English => entry.english,
        };
        (entry.href, name, what)
    });
    let body = Page { entries: entries.collect() };
    Ok(shell::frame(&visitor, Place::System, "System", &body))
}

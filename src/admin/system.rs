//! Where the pages of the System place are found.

use askama::Template;

use super::{Answer, Place, Right, Routes, Visitor, shell};
use crate::config::Role;
use crate::language::Language;

/// Each page of this place: where it is, whom it is for, its name and what it is good for.
const PAGES: &[Entry] = &[
    Entry {
        href: "/insight",
        roles: &[Role::DataProtectionOfficer],
        danish: (
            "Indsigt og sletning",
            "Alt, hvad der er gemt om én person, og hvor længe der gemmes.",
        ),
        english: (
            "Insight and deletion",
            "Everything that is stored about one person, and how long things are kept.",
        ),
    },
    Entry {
        href: "/insight/pseudonyms",
        roles: &[Role::Security, Role::DataProtectionOfficer],
        danish: ("Pseudonymer", "Find ud af to og to, hvem et pseudonym i loggen står for."),
        english: ("Pseudonyms", "Find out, two together, whom a pseudonym in the log stands for."),
    },
    Entry {
        href: "/report",
        roles: &Role::ALL,
        danish: ("Tal til udvalget", "Kvartalets tal uden personer, som side og som CSV."),
        english: (
            "Figures for the committee",
            "The quarter's figures without persons, as a page and as CSV.",
        ),
    },
    Entry {
        href: "/systems",
        roles: &Role::ALL,
        danish: ("Systemer uden for geovagt", "Hvad andre driver, og om reglen er sat der."),
        english: ("Systems outside geovagt", "What others run, and whether the rule is set there."),
    },
    Entry {
        href: "/system/tokens",
        roles: &Role::ALL,
        danish: ("Nøgler til programmer", "Giv et program adgang, og tag den igen."),
        english: ("Tokens for programs", "Give a program access, and take it back."),
    },
];

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

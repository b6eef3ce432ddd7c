//! Travel: what the secretariat grants and the second person approves.
//!
//! - [`actions`] is what is done; pages and API both call it.
//! - [`typed`], [`people`]: from what was typed to a journey and a person.
//! - [`words`], [`sentences`], [`troubles`]: what is said, in both languages.
//! - [`list`], [`calendar`], [`detail`], [`form`], [`steps`], [`emergency`], [`import`]: the pages.
//!
//! May use the rest of `admin`, `journey`, `store`, `notice`. Always holds: no page shows somebody's
//! travel before the entry of the look is on disk, and none shows another organisation's.

pub(in crate::admin) mod actions;
pub(in crate::admin) mod api;
mod calendar;
pub(in crate::admin) mod detail;
mod emergency;
pub(in crate::admin) mod form;
mod import;
pub(in crate::admin) mod letter;
mod list;
pub(in crate::admin) mod people;
pub(in crate::admin) mod sentences;
pub(in crate::admin) mod shown;
pub(in crate::admin) mod steps;
pub(in crate::admin) mod troubles;
pub(in crate::admin) mod typed;
mod upload;
pub(in crate::admin) mod words;

use super::{Refusal, Right, Routes};
use actions::{CLERKS, OFFICERS, Undone};

/// Those who look at people's travel.
const LOOK: Right = Right::Roles(CLERKS);
/// Those who apply, grant and close.
const OFFICER: Right = Right::Roles(OFFICERS);

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .get("/travel", LOOK, list::page)
        .get("/travel/calendar", LOOK, calendar::page)
        .get("/travel/emergency", OFFICER, emergency::page)
        .post("/travel/emergency", OFFICER, emergency::grant)
        .get("/travel/import", OFFICER, import::page)
        .post("/travel/import", OFFICER, import::import)
        .get("/travel/new", OFFICER, form::new)
        .post("/travel/new", OFFICER, form::grant)
        .get("/travel/apply", OFFICER, form::apply)
        .post("/travel/apply", OFFICER, form::on_behalf)
        .get("/travel/{id}", LOOK, detail::page)
        .get("/travel/{id}/extend", OFFICER, steps::longer)
        .post("/travel/{id}/extend", OFFICER, steps::extend)
        .get("/travel/{id}/contact", OFFICER, steps::contact)
        .post("/travel/{id}/contact", OFFICER, steps::set_contact)
        .post("/travel/{id}/notices/{notice}/retry", OFFICER, steps::retry)
        .get("/travel/{id}/{step}", LOOK, steps::ask)
        .post("/travel/{id}/{step}", LOOK, steps::take);
    api::routes(routes)
}

/// What went wrong where there is no form to show again.
pub(in crate::admin) fn without_form(
    undone: Undone,
    language: crate::language::Language,
) -> Refusal {
    match undone {
        Undone::Refusal(refusal) => refusal,
        Undone::Troubles(troubles) => {
            let wrong = troubles::in_words(&troubles, language);
            let texts: Vec<String> = wrong.into_iter().map(|one| one.text).collect();
            Refusal::Invalid(texts.join(" "))
        }
        Undone::Exemption(error) => Refusal::Conflict(sentences::refused(&error, language)),
        Undone::Text(fault) => Refusal::Invalid(troubles::fault(fault, language)),
        Undone::Unreachable(why) => Refusal::Conflict(sentences::unreachable(why, language)),
    }
}

#[cfg(test)]
pub(in crate::admin) mod tests;

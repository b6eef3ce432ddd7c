//! The traveller's own: apply, see, travel link and devices, "home again", lost device, what is
//! logged about me. On a phone first.
//!
//! May use the rest of `admin` and `journey`. Always holds: whoever is signed in sees and changes
//! journeys of their own person and of nobody else; another's is not there.

mod actions;
pub(in crate::admin) mod api;
mod logged;
mod pages;
mod words;

use super::{Right, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    let own = Right::Somebody;
    let routes = routes
        .get("/own", own, pages::list)
        .get("/own/apply", own, pages::form)
        .post("/own/apply", own, pages::apply)
        .get("/own/log", own, logged::page)
        .get("/own/lost", own, pages::ask_lost)
        .post("/own/lost", own, pages::lost)
        .get("/own/{id}", own, pages::one)
        .get("/own/{id}/extend", own, pages::longer)
        .post("/own/{id}/extend", own, pages::extend)
        .get("/own/{id}/{step}", own, pages::ask)
        .post("/own/{id}/{step}", own, pages::take);
    api::routes(routes)
}

#[cfg(test)]
mod tests;

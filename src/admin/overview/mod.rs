//! The first page.

use askama::Template;
use axum::extract::State;

use super::{Admin, Answer, Place, Right, Routes, Visitor, shell};
use crate::language::Language;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/", Right::SignedIn, page)
}

#[derive(Template)]
#[template(path = "overview/page.html")]
struct Page<'a> {
    parts: &'a [crate::operations::Part],
}

async fn page(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    if visitor.is_traveller_only() {
        return Ok(shell::see("/own"));
    }
    let title = match visitor.language {
        Language::Danish => "Overblik",
        Language::English => "Overview",
    };
    let parts = admin.in_effect().parts();
    Ok(shell::frame(&visitor, Place::Overview, title, &Page { parts: &parts }))
}

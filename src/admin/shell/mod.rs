//! What surrounds every page: the places, who is here, and the pages that are shown when there is
//! nothing to show.

mod asking;
mod refused;
pub(super) mod style;
mod words;

use askama::{DynTemplate, Template};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};

use super::Visitor;
use crate::config::Role;
use crate::language::Language;

pub(super) use asking::Asking;
pub(super) use refused::{refusal_words, refused};
use words::Words;

/// The five places, and the traveller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Is all well, and what wants attention.
    Overview,
    /// Exemptions.
    Travel,
    /// The block log, its reviews and the breach file.
    Log,
    /// The country list, forecasts, what would happen.
    List,
    /// Insight, deletion, tokens, outside systems.
    System,
    /// The traveller's own pages.
    Own,
    /// None of them: signing in, one's own second factor.
    Elsewhere,
}

impl Place {
    /// Where each begins, and whom it is for. Whoever has none of these roles sees none of it.
    const PLACES: [(Self, &'static str, &'static [Role]); 5] = [
        (Self::Overview, "/", &Role::ALL),
        (Self::Travel, "/travel", &[Role::CaseOfficer, Role::Approver]),
        (Self::Log, "/log", &[Role::Security, Role::DataProtectionOfficer]),
        (Self::List, "/list", &Role::ALL),
        (Self::System, "/system", &Role::ALL),
    ];

    fn is_for(self, roles: &[Role], visitor: &Visitor) -> bool {
        let centre = matches!(self, Self::Overview) && visitor.centre_operator;
        visitor.has_any(roles) || centre
    }
}

struct Link {
    href: &'static str,
    text: &'static str,
    here: bool,
}

#[derive(Template)]
#[template(path = "shell/frame.html")]
struct Frame<'a> {
    language: Language,
    words: &'static Words,
    title: &'a str,
    css: &'static str,
    script: &'static str,
    visitor: Option<&'a Visitor>,
    links: Vec<Link>,
    searches: bool,
    other_language: String,
    /// Rendered, and therefore escaped, by templates of their own.
    body: String,
}

/// A page: the frame writes the heading, the template what stands below it.
pub(in crate::admin) fn frame(
    visitor: &Visitor,
    place: Place,
    title: &str,
    body: &dyn DynTemplate,
) -> Response {
    frame_with(StatusCode::OK, visitor, place, title, body)
}

/// The same with another status: 422 for a form that comes back.
pub(in crate::admin) fn frame_with(
    status: StatusCode,
    visitor: &Visitor,
    place: Place,
    title: &str,
    body: &dyn DynTemplate,
) -> Response {
    let words = Words::of(visitor.language);
    let places = Place::PLACES.iter().filter(|(one, _, roles)| one.is_for(roles, visitor));
    let mut links: Vec<Link> = places
        .map(|(one, href, _)| Link { href, text: words.place(*one), here: *one == place })
        .collect();
    if visitor.is_traveller_only() {
        links.push(Link { href: "/own", text: words.own, here: place == Place::Own });
    }
    let page = Frame {
        language: visitor.language,
        words,
        title,
        css: &style::CSS,
        script: style::SCRIPT,
        visitor: Some(visitor),
        links,
        searches: visitor.has_any(super::log::FINDER),
        other_language: in_other_language(&visitor.path, visitor.language),
        body: String::new(),
    };
    rendered(status, page, body)
}

/// A page for somebody who is not signed in.
pub(super) fn frame_for_strangers(
    status: StatusCode,
    asked: &Asking,
    language: Language,
    title: &str,
    body: &dyn DynTemplate,
) -> Response {
    let page = Frame {
        language,
        words: Words::of(language),
        title,
        css: &style::CSS,
        script: style::SCRIPT,
        visitor: None,
        links: Vec::new(),
        searches: false,
        other_language: in_other_language(&asked.path, language),
        body: String::new(),
    };
    rendered(status, page, body)
}

/// This page in the other language. A path that a browser would take for another host leads home.
fn in_other_language(path: &str, language: Language) -> String {
    let path = if super::sign_in::is_path(path) { path } else { "/" };
    format!("{path}?sprog={}", language.other().tag())
}

fn rendered(status: StatusCode, mut page: Frame<'_>, body: &dyn DynTemplate) -> Response {
    let language = page.language;
    let whole = body.dyn_render().and_then(|body| {
        page.body = body;
        page.render()
    });
    match whole {
        Ok(html) => {
            let mut response = (status, axum::response::Html(html)).into_response();
            let tag = HeaderValue::from_static(language.tag());
            response.headers_mut().insert(header::CONTENT_LANGUAGE, tag);
            response
        }
        Err(error) => super::Refusal::fault(&error).into_response(),
    }
}

/// 303 to where a form leads.
pub(in crate::admin) fn see(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let value = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, value);
    response
}

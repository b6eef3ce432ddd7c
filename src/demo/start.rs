//! The address that a newcomer opens: where to go, who to be, and the travellers' mail.
//!
//! It shows no password: whoever else uses this machine could open it too. Always holds: it answers
//! to this machine's own names alone, so that no page from elsewhere reads a travel link under a name
//! of its own.

mod pages;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{ACCEPT_LANGUAGE, ALLOW, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use super::places::Place;
use super::post::Post;
use super::web::{self, Body, answer};
use crate::language::Language;
use crate::lifecycle::Tasks;

const TEXT: &str = "text/plain; charset=utf-8";
const PAGE: &str = "text/html; charset=utf-8";

/// Somebody whom the demo has an account for.
#[derive(Debug, Clone, Copy)]
pub struct Somebody {
    /// What they sign in with.
    pub name: &'static str,
    /// Who they are, in Danish.
    pub danish: &'static str,
    /// The same in English.
    pub english: &'static str,
}

/// What the pages lead to.
#[derive(Debug, Clone)]
pub struct Start {
    /// The places, and the port that stands for each.
    pub fronts: Vec<(&'static Place, SocketAddr)>,
    /// The administration.
    pub admin: SocketAddr,
    /// Everybody who can sign in.
    pub people: &'static [Somebody],
    /// The travellers' mail.
    pub post: Post,
}

/// Serves the pages until shutdown.
pub async fn serve(listener: TcpListener, start: Start, tasks: Tasks) {
    let start = Arc::new(start);
    web::serve(listener, &tasks, move |request: &_| respond(&start, request)).await;
}

fn respond<B>(start: &Start, request: &Request<B>) -> Response<Body> {
    if !request.headers().get(HOST).is_some_and(names_this_machine) {
        return answer(StatusCode::MISDIRECTED_REQUEST, TEXT, "Open it as 127.0.0.1.\n".into());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET\n".into());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let language = language(request.uri().query(), request.headers());
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let letter = |number: &str| number.parse().ok().and_then(|number| start.post.letter(number));
    let page = match *path.as_slice() {
        [""] => Some(pages::start(start, language)),
        ["post"] => Some(pages::letters(start, language)),
        ["post", number] => letter(number).map(|letter| pages::letter(start, &letter, language)),
        ["post", number, "rejse.ics"] => {
            let calendar = letter(number).and_then(|letter| letter.content.calendar);
            if let Some(calendar) = calendar {
                return answer(StatusCode::OK, "text/calendar; charset=utf-8", calendar.into());
            }
            None
        }
        _ => None,
    };
    let (status, page) = match page {
        Some(page) => (StatusCode::OK, page),
        None => (StatusCode::NOT_FOUND, pages::missing(language)),
    };
    answer(status, PAGE, page.into())
}

/// `127.0.0.1:40123`, `localhost`, `[::1]`
fn names_this_machine(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// `?sprog=da|en`, else what the browser prefers.
fn language(query: Option<&str>, headers: &HeaderMap) -> Language {
    let asked = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("sprog="));
    asked.and_then(Language::parse).unwrap_or_else(|| {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::negotiate(accepted, Language::Danish)
    })
}

#[cfg(test)]
mod tests;

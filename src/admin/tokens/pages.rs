//! The pages of tokens.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;

use super::words::{Words, role};
use super::{Wrong, make as make_one, one, revoke as revoke_one, seen};
use crate::admin::{Admin, Answer, Fields, Place, Sent, Visitor, shell};
use crate::clock;
use crate::config::Role;
use crate::language;
use crate::store::AdminToken;

struct Row {
    id: String,
    label: String,
    may: &'static str,
    roles: String,
    made_by: String,
    ends: String,
    used: String,
    state: &'static str,
    counts: bool,
}

struct Choice {
    word: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct List<'a> {
    words: &'static Words,
    csrf: &'a str,
    rows: Vec<Row>,
    roles: Vec<Choice>,
    typed: &'a Fields,
    wrong: &'a [Wrong],
}

impl List<'_> {
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|wrong| wrong.field() == field)
    }
}

#[derive(Template)]
#[template(path = "tokens/made.html")]
struct Made<'a> {
    words: &'static Words,
    secret: &'a str,
}

#[derive(Template)]
#[template(path = "tokens/revoke.html")]
struct Revoke<'a> {
    words: &'static Words,
    csrf: &'a str,
    label: &'a str,
}

pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    shown(&admin, &visitor, StatusCode::OK, &Fields::default(), &[]).await
}

async fn shown(
    admin: &Admin,
    visitor: &Visitor,
    status: StatusCode,
    typed: &Fields,
    wrong: &[Wrong],
) -> Answer {
    let words = Words::of(visitor.language);
    let now = clock::now();
    let tokens = seen(admin, visitor).await?;
    let held = visitor.roles.get(visitor.organization_id()).into_iter().flatten();
    let roles = held.map(|held| Choice {
        word: held.word(),
        name: role(*held, visitor.language),
        chosen: typed.all("role").any(|word| word == held.word()),
    });
    let body = List {
        words,
        csrf: &visitor.csrf,
        rows: tokens.iter().map(|token| row(token, visitor, words, now)).collect(),
        roles: roles.collect(),
        typed,
        wrong,
    };
    let title = match wrong.is_empty() {
        true => words.title.to_owned(),
        false => format!("{}{}", words.error, words.title),
    };
    Ok(shell::frame_with(status, visitor, Place::System, &title, &body))
}

fn row(token: &AdminToken, visitor: &Visitor, words: &'static Words, now: Timestamp) -> Row {
    let instant = |at| language::instant(at, &visitor.organization.time_zone, visitor.language);
    let roles = token.roles.split_whitespace().filter_map(Role::from_word);
    let roles: Vec<&str> = roles.map(|held| role(held, visitor.language)).collect();
    let (state, counts) = match token.revoked {
        Some(_) => (words.revoked, false),
        None if now >= token.ends => (words.over, false),
        None => (words.counts, true),
    };
    Row {
        id: token.id.clone(),
        label: token.label.clone(),
        may: if token.scope == "write" { words.write } else { words.read },
        roles: language::enumeration(&roles, visitor.language),
        made_by: token.made_by.to_string(),
        ends: instant(token.ends),
        used: token.used.map_or_else(|| words.never.to_owned(), instant),
        state,
        counts,
    }
}

pub(super) async fn make(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let words = Words::of(visitor.language);
    match make_one(&admin, &visitor, &sent).await? {
        // The one answer to a form that is no redirection: the token exists nowhere else.
        Ok((secret, _)) => Ok(page(&visitor, words.done, &Made { words, secret: &secret })),
        Err(wrong) => {
            shown(&admin, &visitor, StatusCode::UNPROCESSABLE_ENTITY, &sent, &wrong).await
        }
    }
}

pub(super) async fn ask_revoke(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let words = Words::of(visitor.language);
    let token = one(&admin, &visitor, &id).await?;
    let body = Revoke { words, csrf: &visitor.csrf, label: &token.label };
    Ok(page(&visitor, words.really, &body))
}

pub(super) async fn revoke(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    revoke_one(&admin, &visitor, &id).await?;
    Ok(shell::see("/system/tokens"))
}

fn page(visitor: &Visitor, title: &str, body: &dyn askama::DynTemplate) -> Response {
    shell::frame(visitor, Place::System, title, body)
}

//! The tokens of programs: made, shown once, revoked. Everybody sees their own, an operator all of
//! the organisation's.

mod api;
mod pages;
mod words;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::access::token::{self, NewToken, Scope};
use super::{Admin, Fields, Refusal, Right, Routes, Visitor, access};
use crate::clock;
use crate::config::Role;
use crate::store::AdminToken;

pub(super) use api::Documentation;

/// A token lasts at most so many days.
const MOST_DAYS: i64 = 366;
/// A longer label is none.
const LONGEST_LABEL: usize = 60;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/system/tokens", Right::STAFF, pages::list)
        .post("/system/tokens", Right::STAFF, pages::make)
        .get("/system/tokens/{id}/revoke", Right::STAFF, pages::ask_revoke)
        .post("/system/tokens/{id}/revoke", Right::STAFF, pages::revoke)
        .get("/api/v1/tokens", Right::STAFF, api::list)
        .delete("/api/v1/tokens/{id}", Right::STAFF, api::revoke)
}

/// What is wrong with a token that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Label,
    Scope,
    Roles,
    Days,
}

impl Wrong {
    /// Where it stands on the page.
    fn field(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Scope => "scope-read",
            Self::Roles => "roles",
            Self::Days => "days",
        }
    }
}

/// The tokens that a visitor may see.
async fn seen(admin: &Admin, visitor: &Visitor) -> Result<Vec<AdminToken>, Refusal> {
    let all = admin.store().admin_tokens(visitor.organization_id()).await?;
    let is_seen = |token: &AdminToken| visitor.is(Role::Operator) || token.made_by == visitor.name;
    Ok(all.into_iter().filter(is_seen).collect())
}

async fn one(admin: &Admin, visitor: &Visitor, id: &str) -> Result<AdminToken, Refusal> {
    let found = seen(admin, visitor).await?.into_iter().find(|token| token.id == id);
    found.ok_or(Refusal::NotFound)
}

/// Makes a token with roles that its maker has.
async fn make(
    admin: &Admin,
    visitor: &Visitor,
    sent: &Fields,
) -> Result<Result<(String, AdminToken), Vec<Wrong>>, Refusal> {
    // A program must not make itself another token that outlives its own.
    if visitor.token.is_some() {
        return Err(Refusal::NotPermitted);
    }
    let held = visitor.roles.get(visitor.organization_id()).cloned().unwrap_or_default();
    let wanted: Option<BTreeSet<Role>> = sent.all("role").map(Role::from_word).collect();
    let roles = wanted.filter(|roles| !roles.is_empty() && roles.is_subset(&held));
    let label = sent.text("label");
    let label_fits = !label.is_empty()
        && label.chars().count() <= LONGEST_LABEL
        && !label.chars().any(char::is_control);
    let scope = Scope::from_word(sent.text("scope"));
    let days = sent.text("days").parse::<i64>().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    let wrong: Vec<Wrong> = [
        (!label_fits, Wrong::Label),
        (scope.is_none(), Wrong::Scope),
        (roles.is_none(), Wrong::Roles),
        (days.is_none(), Wrong::Days),
    ]
    .into_iter()
    .filter_map(|(is_wrong, wrong)| is_wrong.then_some(wrong))
    .collect();
    let (Some(scope), Some(roles), Some(days), true) = (scope, roles, days, wrong.is_empty())
    else {
        return Ok(Err(wrong));
    };
    let now = clock::now();
    let proof = access::proof(admin, visitor).await?;
    let new = NewToken {
        organization: visitor.organization_id(),
        label,
        scope,
        roles: &roles,
        made_by: &visitor.name,
        proof: Some(proof),
        ends: now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(now),
    };
    let (secret, token) = token::make(&new, now);
    admin.store().add_admin_token(&token, &visitor.actor()).await?;
    Ok(Ok((secret, token)))
}

async fn revoke(admin: &Admin, visitor: &Visitor, id: &str) -> Result<AdminToken, Refusal> {
    let token = one(admin, visitor, id).await?;
    let (organization, by) = (visitor.organization_id(), visitor.actor());
    admin.store().revoke_admin_token(organization, id, &by, clock::now()).await?;
    Ok(token)
}

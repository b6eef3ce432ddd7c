//! The rooms people work in: pages and an API for the secretariat, the security staff, the operator
//! and the traveller, on a listener of their own.
//!
//! May use `identity`, `store`, `audit`, `policy`, `config`, `geoip`, `language`; never `gateway`,
//! which never uses this room either. Always holds: no handler runs before the route's [`Right`] was
//! held against the visitor; whatever a form changes carries our token; every answer has passed
//! `guard`; what shows somebody's travel or the log was written to the log before.
//!
//! # The tour
//! - [`routes`] is the one list: method, path, [`Right`], handler. Add a room's routes in its own
//!   `pub(super) fn routes(routes: Routes) -> Routes` and call that in [`router`]. The route tests
//!   read the same list.
//! - A handler is `async fn list(State(admin): State<Admin>, visitor: Visitor, asked: Asked) ->
//!   Answer`. [`Visitor`] is whoever has the route's right in [`Visitor::organization`], which is
//!   the visitor's own choice and never the request's; an id of another organisation is
//!   [`Refusal::NotFound`]. [`Asked`] is the query of the address, [`Sent`] the fields of a form
//!   (its hidden field `csrf` was checked before the handler runs; put [`Visitor::csrf`] there).
//! - A page is `shell::frame(&visitor, Place::Travel, title, &template)`: the frame writes the one
//!   `<h1>`. A form that worked answers `shell::see` (303) to its receipt; one that did not shows
//!   itself again with `shell::frame_with` and 422. What goes wrong is a [`Refusal`], which becomes
//!   a page or, under `/api/`, a problem (RFC 9457).
//! - Templates stand under `templates/ROOM/` (`#[template(path = "travel/list.html")]`) and hold no
//!   words: those are in the room's `words.rs`, a `struct Words` with the constants `DANISH` and
//!   `ENGLISH`. Styles and scripts are inline and allowed by their hash: a room adds rules to
//!   `templates/style.css`, never a `style=` attribute, which the browser would ignore.
//! - [`access::look`] writes the entry of a look at a person or at the log, durably, before the
//!   answer: `access::look(&admin, &visitor, Looked::Travel, |event| event.exemption(id)).await?`.
//! - API handlers are documented with `#[utoipa::path]` and named in the room's `Documentation`,
//!   which `api` merges; they take [`Visitor`] the same way, whether a token or a session came.

pub mod access;
pub mod api;
mod breach;
pub mod chart;
mod erasure;
mod fault;
#[cfg(test)]
pub(crate) mod fixture;
mod form;
mod guard;
mod insight;
mod list;
mod log;
mod overview;
mod own;
mod problem;
mod refusal;
mod report;
mod review;
mod routes;
mod second_factor;
pub mod serve;
mod shell;
mod sign_in;
mod streamed;
mod system;
mod systems;
mod tokens;
mod travel;
mod turn;
mod would;

use std::sync::Arc;

use crate::audit::Audit;
use crate::config::{self, Config, Loaded};
use crate::geoip::Database;
use crate::identifier::SiteId;
use crate::identity::Authenticator;
use crate::language::Language;
use crate::operations::Part;
use crate::oversight::Condition;
use crate::policy::{Ambiguous, Exemptions, Explanation, Hypothetical};
use crate::store::Store;

pub use access::{Right, Visitor};
pub use form::{Asked, Fields, Sent};
pub(crate) use log::reasons::reason as reason_in_words;
pub use refusal::{Answer, Refusal};
pub use routes::{Route, Routes};
pub use shell::Place;

/// What is in effect now, as the running gateway has it.
pub trait InEffect: Send + Sync {
    /// The configuration.
    fn loaded(&self) -> Arc<Loaded>;
    /// The database.
    fn database(&self) -> Arc<Database>;
    /// The exemptions that requests are decided by.
    fn exemptions(&self) -> Arc<Exemptions>;
    /// How the parts are.
    fn parts(&self) -> Vec<Part>;
    /// How what only the running gateway knows is.
    fn condition(&self) -> Condition;
    /// What would be decided about a request that nobody has sent, with each step in a language.
    /// None where there is no such site.
    fn explain(
        &self,
        site: &SiteId,
        asked: &Hypothetical<'_>,
        language: Language,
    ) -> Option<Result<Explanation, Ambiguous>>;
}

/// What every page and every call of the API works with. Clones share it.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    store: Store,
    audit: Audit,
    authenticator: Authenticator,
    in_effect: Box<dyn InEffect>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Admin {
    /// The administration of a gateway.
    #[must_use]
    pub fn new(
        store: Store,
        audit: Audit,
        authenticator: Authenticator,
        in_effect: Box<dyn InEffect>,
    ) -> Self {
        Self(Arc::new(Inner { store, audit, authenticator, in_effect }))
    }

    /// Where everything is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The log.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Proves people.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }

    /// What is in effect now.
    #[must_use]
    pub fn in_effect(&self) -> &dyn InEffect {
        &*self.0.in_effect
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn loaded(&self) -> Arc<Loaded> {
        self.0.in_effect.loaded()
    }

    /// The `admin` block; its defaults where a reload has just taken it away.
    fn settings(&self, config: &Config) -> config::Admin {
        config.admin.clone().unwrap_or_else(|| config::Admin {
            bind: Vec::new(),
            tls: None,
            networks: Vec::new(),
            operators: Vec::new(),
            second_factor: config::SecondFactor::Required,
            session: config::SessionTimes::default(),
        })
    }
}

/// Every route, each with whom it is for.
#[must_use]
pub fn routes(admin: &Admin) -> Routes {
    let routes = Routes::new(admin.clone());
    let routes = sign_in::routes(routes);
    let routes = second_factor::routes(routes);
    let routes = api::routes(routes);
    let routes = tokens::routes(routes);
    let routes = system::routes(routes);
    let routes = overview::routes(routes);
    let routes = log::routes(routes);
    let routes = review::routes(routes);
    let routes = breach::routes(routes);
    let routes = systems::routes(routes);
    let routes = would::routes(routes);
    let routes = travel::routes(routes);
    let routes = own::routes(routes);
    let routes = list::routes(routes);
    let routes = insight::routes(routes);
    let routes = erasure::routes(routes);
    report::routes(routes)
}

/// What answers the administration's listener.
pub fn router(admin: &Admin) -> axum::Router {
    guard::around(admin, routes(admin).into_router())
}

#[cfg(test)]
mod tests;

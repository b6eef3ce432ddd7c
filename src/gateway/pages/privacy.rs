//! `/.geovagt/privatliv`: what is stored, how long, and what rights there are.

use std::time::Duration;

use askama::Template;
use http::StatusCode;

use super::contact::ContactView;
use super::page::Page;
use super::shell::{Frame, switch_to_other};
use super::wording;
use crate::config::{AllowedTraffic, Organization, Retention};
use crate::language::Language;

/// What the configuration says about storing.
#[derive(Debug, Clone, Copy)]
pub struct Privacy<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page.
    pub language: Language,
    /// How long each class is kept.
    pub retention: Retention,
    /// How allowed traffic is kept.
    pub allowed: AllowedTraffic,
    /// When personal fields go before that; none where nothing removes them.
    pub pseudonymise_after: Option<Duration>,
    /// Whether the query is kept.
    pub query_strings: bool,
    /// Whether DB-IP's database is used.
    pub db_ip: bool,
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct PrivacyTemplate<'a> {
    language: Language,
    organization: &'a str,
    contact: ContactView<'a>,
    kept_allowed: String,
    kept_denied: String,
    kept_people: String,
    allowed: AllowedTraffic,
    pseudonymise_after: Option<String>,
    query_strings: bool,
    db_ip: bool,
}

/// The page.
#[must_use]
pub fn privacy(view: &Privacy<'_>) -> Page {
    let Privacy { organization, language, retention, .. } = *view;
    let title = match language {
        Language::Danish => "Hvad vi gemmer",
        Language::English => "What we store",
    };
    let frame = Frame {
        status: StatusCode::OK,
        language,
        title,
        organization: Some(&organization.name),
        other_language: switch_to_other(language),
        places: true,
    };
    frame.around(&[&PrivacyTemplate {
        language,
        organization: &organization.name,
        contact: ContactView::of(organization, language),
        kept_allowed: wording::duration(retention.allowed, language),
        kept_denied: wording::duration(retention.denied, language),
        kept_people: wording::duration(retention.people, language),
        allowed: view.allowed,
        pseudonymise_after: view
            .pseudonymise_after
            .map(|length| wording::duration(length, language)),
        query_strings: view.query_strings,
        db_ip: view.db_ip,
    }])
}

//! What signing in and out leaves in the log.

use crate::admin::{Admin, Refusal};
use crate::audit::{self, Action, Event};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::{Person, UserName};

/// Writes down that somebody came or went: on disk before it counts.
///
/// # Errors
/// [`Refusal::NoEntry`]: nobody comes in then.
pub(in crate::admin) async fn record(
    admin: &Admin,
    action: Action,
    person: &Person,
    name: &UserName,
    method: &str,
) -> Result<(), Refusal> {
    let event = event(action, person.organization())
        .user(name.as_str())
        .detail("method", method)
        .detail("provider", person.provider().as_str());
    let written = admin.audit().record(event).reached_disk().await;
    if written { Ok(()) } else { Err(Refusal::NoEntry) }
}

/// Writes down that somebody whose password was right did not get in.
pub(in crate::admin) async fn record_failure(
    admin: &Admin,
    person: &Person,
    name: &UserName,
    why: &'static str,
) {
    let event = event(Action::SignInFailed, person.organization()).user(name.as_str());
    refused(admin, event, why).await;
}

/// Writes down that somebody did not get in.
pub(super) async fn refused(admin: &Admin, event: Event, why: &str) {
    let event = event.outcome(audit::Outcome::Failure).detail("why", why);
    if !admin.audit().record(event).reached_disk().await {
        tracing::error!("a failed sign-in could not be written to the audit log");
    }
}

pub(super) fn event(action: Action, organization: &OrganizationId) -> Event {
    Event::new(action, clock::now(), clock::random_bytes())
        .organization(organization)
        .detail("place", "administration")
}

//! A login becomes somebody who has been proven, or nobody.
//!
//! Always holds: nobody's password is proven but that of those who hold an exemption for this place
//! and site now; a token counts for the one whose name the client gives with it; a failure is in the
//! log before the client hears of it.

use crate::audit::{self, Action, Event};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::identity::{Attempt, Identity, Outcome, Password, Why};
use crate::policy::{Person, Proof, TravelExemption, UserName};

use super::Credentials;
use crate::tcp::contact::Contact;

/// Who it is, where that can be proven and opens the door.
pub(super) async fn prove(contact: &Contact<'_>, credentials: &Credentials) -> Option<Identity> {
    let ClientAddress::Known(client) = contact.client else { return None };
    let organization = &contact.site.organization.id;
    let holders = |visit: &mut dyn FnMut(&Person, &UserName)| {
        let of_this = |exemption: &&TravelExemption| exemption.organization == *organization;
        for exemption in contact.snapshot.exemptions.iter().filter(of_this) {
            visit(&exemption.person, &exemption.user_name);
        }
    };
    // Which factors a token tells of is known only then; the decision that follows looks at them.
    let is_token = matches!(credentials, Credentials::Token { .. });
    let proof = Proof { multi_factor: is_token, device: None };
    let eligible = |person: &Person| contact.would_admit(person, proof);
    let attempt = Attempt {
        organization,
        client: client.judged(),
        eligible: &eligible,
        holders: &holders,
        now: contact.now,
    };
    let authenticator = &contact.gateway.authenticator;
    let outcome = match credentials {
        Credentials::Password { name, password } => {
            authenticator.mail(attempt, name, password.clone()).await
        }
        Credentials::Token { name, token } => {
            let taken = &contact.site.site.identity_providers;
            named(authenticator.token(attempt, taken, token).await, name)
        }
        Credentials::Unreadable => {
            authenticator.mail(attempt, "", Password::new(String::new())).await
        }
    };
    match outcome {
        Outcome::Proven(identity) => Some(identity),
        Outcome::NotProven { why, claimed } => {
            record_failure(contact, why, claimed.as_ref()).await;
            None
        }
        // As at the door for HTTP: no entry of its own, so that nobody can fill the chain of people.
        Outcome::Limited => None,
    }
}

/// A token of somebody else's says nothing about the one whose mail is asked for.
fn named(outcome: Outcome, name: &str) -> Outcome {
    match outcome {
        Outcome::Proven(identity) if !identity.user_name().as_str().eq_ignore_ascii_case(name) => {
            let claimed = Some(identity.user_name().clone());
            Outcome::NotProven { why: Why::NotEligible, claimed }
        }
        outcome => outcome,
    }
}

/// On disk before the answer goes out, as every sign-in is.
async fn record_failure(contact: &Contact<'_>, why: Why, claimed: Option<&UserName>) {
    let event = Event::new(Action::SignInFailed, contact.now, clock::random_bytes())
        .facts(&contact.facts(None))
        .outcome(audit::Outcome::Failure)
        .detail("why", why.word());
    let event = match claimed {
        Some(name) => event.user(name.as_str()),
        None => event,
    };
    if contact.gateway.audit.record(event).durable().await.is_err() {
        tracing::error!("a failed sign-in could not be written to the audit log");
    }
}

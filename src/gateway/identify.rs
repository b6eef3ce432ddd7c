//! From a request to somebody who may pass, or to the answer that sends them away.
//!
//! Always holds: from a listed country nobody's password is proven but of those who hold an
//! exemption for that country and site now, and every credential that does not open the door gets
//! one and the same answer.

use super::answers;
use super::exchange::Exchange;
use super::handle::{Answer, Instead};
use crate::identity::{Beside, Identity, Outcome, Why};
use crate::policy::{Authentication, Challenge, Denial, Permit, Person, Reason, Verdict};

/// Somebody who may pass.
pub(super) struct Admitted {
    pub(super) permit: Permit,
    pub(super) identity: Option<Identity>,
    /// The request's Authorization was a local account's and must not go on.
    pub(super) login_is_ours: bool,
}

impl Admitted {
    /// Who the upstream is told it is: nobody where only the address speaks for them.
    pub(super) fn named(&self) -> Option<&Identity> {
        self.identity.as_ref().filter(|identity| identity.names_the_person())
    }
}

/// Decides, asking who it is where the decision needs that.
pub(super) async fn admit(exchange: &Exchange<'_>) -> Result<Admitted, Instead> {
    match exchange.decide() {
        Verdict::Allow(permit) if exchange.is_acme_challenge() => {
            Ok(Admitted { permit, identity: None, login_is_ours: false })
        }
        Verdict::Allow(permit) => Ok(recognise(exchange, permit).await),
        Verdict::Identify(challenge) => Box::pin(identify(exchange, challenge)).await,
        Verdict::Deny(denial) => {
            let reason = denial.reason();
            match by_certificate(exchange, reason).or_else(|| by_grant(exchange, reason)) {
                Some(admitted) => Ok(Box::pin(with_login(exchange, admitted)).await),
                None => Err(Box::new(deny(exchange, denial))),
            }
        }
    }
}

/// Somebody whom the certificate of a managed device names, where that opens the door.
fn by_certificate(exchange: &Exchange<'_>, reason: Reason) -> Option<Admitted> {
    let asks = matches!(
        reason,
        Reason::CountryListed | Reason::IdentificationNeeded | Reason::AuthenticationRequired
    );
    let identity = exchange.certified().filter(|_| asks)?;
    match exchange.decide_for(&identity) {
        Verdict::Allow(permit) => {
            Some(Admitted { permit, identity: Some(identity), login_is_ours: false })
        }
        Verdict::Identify(_) | Verdict::Deny(_) => None,
    }
}

/// Somebody whose address may pass for a while: they have said so after signing in from it. Where
/// the site asks everybody who they are, an address is no answer.
fn by_grant(exchange: &Exchange<'_>, reason: Reason) -> Option<Admitted> {
    exchange.site.site.address_grant?;
    if !matches!(reason, Reason::CountryListed | Reason::IdentificationNeeded)
        || exchange.policy().authentication() == Authentication::Always
    {
        return None;
    }
    exchange.granted().into_iter().find_map(|identity| match exchange.decide_for(&identity) {
        Verdict::Allow(permit) if permit.exemption().is_some() => {
            Some(Admitted { permit, identity: Some(identity), login_is_ours: false })
        }
        Verdict::Allow(_) | Verdict::Identify(_) | Verdict::Deny(_) => None,
    })
}

/// A local account's password must not reach the upstream, whatever else lets the request in.
async fn with_login(exchange: &Exchange<'_>, admitted: Admitted) -> Admitted {
    let (_, login_is_ours) = login_beside(exchange).await;
    Admitted { login_is_ours, ..admitted }
}

/// A rejection by location; where a session tells who it is, the log gets the exact reason. What
/// the client sees is the same.
pub(super) fn deny(exchange: &Exchange<'_>, denial: Denial) -> Answer {
    if denial.reason() == Reason::CountryListed
        && let Some(identity) = exchange.session().or_else(|| exchange.certified())
        && let Verdict::Deny(exact) = exchange.decide_for(&identity)
    {
        return answers::reject(exchange, exact, Some(&identity));
    }
    answers::reject(exchange, denial, None)
}

/// There is no room for another request. Whoever is rejected anyway is told nothing of how much
/// there is to do.
pub(super) fn overloaded(exchange: &Exchange<'_>) -> Answer {
    match exchange.decide() {
        Verdict::Deny(denial) => deny(exchange, denial),
        Verdict::Allow(_) | Verdict::Identify(_) => {
            answers::reject(exchange, Denial::new(Reason::Overload), None)
        }
    }
}

/// An allowed client that nobody asked: a session or a login names it.
async fn recognise(exchange: &Exchange<'_>, permit: Permit) -> Admitted {
    let (login, login_is_ours) = match exchange.basic_login() {
        Some(_) => Box::pin(login_beside(exchange)).await,
        None => (None, false),
    };
    let login = login.filter(|identity| exchange.takes(identity.person()));
    let Some(identity) = exchange.session().or(login).or_else(|| exchange.certified()) else {
        return Admitted { permit, identity: None, login_is_ours };
    };
    let permit = match exchange.decide_for(&identity) {
        Verdict::Allow(permit) => permit,
        Verdict::Identify(_) | Verdict::Deny(_) => permit,
    };
    Admitted { permit, identity: Some(identity), login_is_ours }
}

/// Whose local account a login names that came along with a request that does not depend on it, and
/// whether its password must not reach the upstream: also where the site takes no local accounts,
/// where it may not be compared from this country, and where there have been too many attempts to
/// compare one more. A guess is written down.
async fn login_beside(exchange: &Exchange<'_>) -> (Option<Identity>, bool) {
    let Some(login) = exchange.basic_login() else { return (None, false) };
    let eligible = |person: &Person| exchange.lets_in(person);
    let attempt = exchange.attempt(&eligible, &|_| {});
    match exchange.gateway.authenticator.beside(attempt, login).await {
        Beside::Ours(identity) => (Some(*identity), true),
        Beside::Foreign { guessed: None } => (None, false),
        Beside::Foreign { guessed: Some(name) } => {
            exchange.record_failed_sign_in(Why::WrongPassword, Some(&name)).await;
            (None, false)
        }
        Beside::Undecided => (None, true),
    }
}

/// The policy wants to know who it is: a session, a login, or the way to one.
async fn identify(exchange: &Exchange<'_>, challenge: Challenge) -> Result<Admitted, Instead> {
    if let Some(admitted) = by_certificate(exchange, challenge.reason()) {
        return Ok(with_login(exchange, admitted).await);
    }
    if let Some(identity) = exchange.session() {
        let mut admitted = admit_person(exchange, identity, false)?;
        (_, admitted.login_is_ours) = login_beside(exchange).await;
        return Ok(admitted);
    }
    if let Some(admitted) = by_grant(exchange, challenge.reason()) {
        return Ok(with_login(exchange, admitted).await);
    }
    // A bearer token is the upstream's own login as well, and goes on to it.
    let (outcome, login_is_ours) = if let Some(login) = exchange.basic_login() {
        (exchange.prove_basic(login).await, true)
    } else if let Some(token) = exchange.bearer_token() {
        (exchange.prove_bearer(token).await, false)
    } else {
        return Err(Box::new(answers::challenge(exchange, challenge)));
    };
    match outcome {
        Outcome::Proven(identity) => {
            // A directory's password is the upstream's own login too, where it asks there itself.
            let ours = login_is_ours && exchange.gateway.authenticator.is_local(&identity);
            admit_person(exchange, identity, ours)
        }
        Outcome::NotProven { why, claimed } => {
            exchange.record_failed_sign_in(why, claimed.as_ref()).await;
            Err(Box::new(refuse_credentials(exchange, challenge)))
        }
        // No entry of its own: whoever floods would fill the chain of people. The rejection is
        // folded with its equals.
        Outcome::Limited => Err(Box::new(refuse_credentials(exchange, challenge))),
    }
}

/// At the door all credentials that do not open it get the same rejection; at home a mail client is
/// asked again, as any server would.
fn refuse_credentials(exchange: &Exchange<'_>, challenge: Challenge) -> Answer {
    if challenge.reason() == Reason::AuthenticationRequired {
        answers::challenge(exchange, challenge)
    } else {
        answers::reject(exchange, Denial::new(Reason::CountryListed), None)
    }
}

fn admit_person(
    exchange: &Exchange<'_>,
    identity: Identity,
    login_is_ours: bool,
) -> Result<Admitted, Instead> {
    match exchange.decide_for(&identity) {
        Verdict::Allow(permit) => Ok(Admitted { permit, identity: Some(identity), login_is_ours }),
        Verdict::Deny(denial) => Err(Box::new(answers::reject(exchange, denial, Some(&identity)))),
        Verdict::Identify(challenge) => Err(Box::new(answers::challenge(exchange, challenge))),
    }
}

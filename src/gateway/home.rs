//! `/.geovagt/hjemme`: the signed-in traveller sees their own journeys and ends one.
//!
//! Always holds: what is shown and what is ended belongs to the person whom the session, or the
//! certificate of a managed device, names, and to
//! nobody else, whatever the form says; a form that our own page did not send ends nothing.

use http::Response;
use hyper::body::Incoming;
use jiff::SignedDuration;

use super::answers;
use super::body::ResponseBody;
use super::exchange::Exchange;
use super::handle::Answer;
use super::own_pages::{ROOT, form_bytes, guard, sign_in_location, with_cookie};
use super::pages::{self, Failure, Home, OwnJourney};
use crate::identity::Identity;
use crate::policy::{Actor, ExemptionId, Phase};
use crate::store::{ExemptionError, ExemptionRecord};
use crate::territory::{self, Territory};

/// What is over is shown for so long.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);
/// More journeys of one person than these are not shown.
const MOST: usize = 20;

/// The page, or the way to sign in.
pub(super) async fn show(exchange: &Exchange<'_>) -> Response<ResponseBody> {
    match exchange.visitor() {
        Some(identity) => page(exchange, &identity, None).await,
        None => answers::redirect(&sign_in_location(&format!("{ROOT}/hjemme"))),
    }
}

/// Takes the form: ends the journey that it names, where that is the person's own.
pub(super) async fn close(exchange: &Exchange<'_>, body: Incoming) -> Answer {
    let bytes = match form_bytes(exchange, body).await {
        Ok(bytes) => bytes,
        Err(answer) => return *answer,
    };
    let ours = exchange.vouches(&bytes);
    let (Some(identity), true) = (exchange.visitor(), ours) else {
        return Ok(show(exchange).await);
    };
    let Some(id) = named(&bytes) else { return Ok(show(exchange).await) };
    let store = exchange.gateway.authenticator.store();
    let own = match store.exemption(&id).await {
        Ok(record) => record.filter(|one| one.exemption.person == *identity.person()),
        Err(error) => return Ok(unavailable(exchange, &error)),
    };
    if own.is_none() {
        return Ok(page(exchange, &identity, None).await);
    }
    let by = Actor { name: identity.user_name().to_string(), operating_system_user: None };
    match store.close_exemption(&id, &by, exchange.now).await {
        // Whoever presses twice is home all the same.
        Ok(_) | Err(ExemptionError::Over { .. }) => {
            Ok(page(exchange, &identity, Some(id.as_str())).await)
        }
        Err(ExemptionError::Store(error)) => Ok(unavailable(exchange, &error)),
        Err(_) => Ok(page(exchange, &identity, None).await),
    }
}

/// The exemption that a form names. Names are letters, digits and a dash, which no form encodes.
fn named(form: &[u8]) -> Option<ExemptionId> {
    let form = std::str::from_utf8(form).ok()?;
    let mut values = form.split('&').filter_map(|pair| pair.strip_prefix("exemption="));
    let value = values.next().filter(|_| values.next().is_none())?;
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    (value.len() <= 16 && value.chars().all(fits)).then(|| ExemptionId::new(value))
}

async fn page(
    exchange: &Exchange<'_>,
    identity: &Identity,
    closed: Option<&str>,
) -> Response<ResponseBody> {
    let store = exchange.gateway.authenticator.store();
    let records = match store.exemptions_of(identity.person()).await {
        Ok(records) => records,
        Err(error) => return unavailable(exchange, &error),
    };
    let guard = guard(exchange);
    let view = Home {
        organization: &exchange.site.organization,
        language: exchange.language(),
        name: identity.user_name().as_str(),
        csrf: &guard.token,
        journeys: &journeys(exchange, &records),
        closed,
    };
    with_cookie(answers::respond(exchange.parts, pages::home(&view)), guard.set_cookie)
}

/// Those that can be ended first, then what waits, then what is over, newest first.
fn journeys(exchange: &Exchange<'_>, records: &[ExemptionRecord]) -> Vec<OwnJourney> {
    let language = exchange.language();
    let zone = &exchange.site.organization.time_zone;
    let order = |phase: Phase| match phase {
        Phase::Active => 0,
        Phase::Planned => 1,
        Phase::Applied | Phase::AwaitingApproval => 2,
        Phase::Ended | Phase::Refused | Phase::Withdrawn | Phase::Revoked | Phase::Closed => 3,
    };
    let mut shown: Vec<(u8, OwnJourney)> = Vec::new();
    for record in records.iter().rev() {
        let exemption = &record.exemption;
        let Some((from, until)) = exemption.journey() else { continue };
        if exchange.now.duration_since(until) > SHOWN_FOR {
            continue;
        }
        let until = exemption.counts_until().unwrap_or(until);
        let mut places: Vec<Territory> =
            exemption.legs.iter().flat_map(|leg| leg.territories.iter().copied()).collect();
        territory::sort_by_name(&mut places, language);
        places.dedup();
        let names: Vec<_> = places.iter().map(|place| place.name(language)).collect();
        let phase = exemption.phase(exchange.now);
        let refusal = record.first("refused").and_then(|entry| entry.reason.clone());
        let instant = |at| pages::instant(at, zone, language);
        let journey = OwnJourney {
            id: exemption.id.to_string(),
            phase,
            places: names.join(", "),
            days: format!("{} – {}", instant(from), instant(until)),
            reason: refusal.filter(|_| phase == Phase::Refused),
        };
        shown.push((order(phase), journey));
    }
    shown.sort_by_key(|(order, _)| *order);
    shown.into_iter().map(|(_, journey)| journey).take(MOST).collect()
}

fn unavailable(
    exchange: &Exchange<'_>,
    error: &(dyn std::error::Error + 'static),
) -> Response<ResponseBody> {
    tracing::warn!(error = crate::telemetry::chain(error), "a traveller's own page was not shown");
    answers::without_entry(exchange, Failure::UpstreamUnavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_one_exemption_or_none() {
        let read = |form: &str| named(form.as_bytes()).map(|id| id.to_string());
        assert_eq!(read("csrf=x&exemption=TE-7K2M9D").as_deref(), Some("TE-7K2M9D"));
        for form in [
            "",
            "csrf=x",
            "exemption=TE-7K2M9D&exemption=TE-AAAAAA",
            "exemption=te-7k2m9d",
            "exemption=TE%2D7K2M9D",
            "exemption=TE-7K2M9D7K2M9D7K2M9D",
            "exemption=TE-7K2M9D%00",
        ] {
            assert_eq!(read(form), None, "{form}");
        }
    }
}

//! What was typed of a journey, and who was found.

use std::io::Write;

use jiff::tz::TimeZone;

use crate::cli::Context;
use crate::config::{Config, Provider};
use crate::journey::Trouble;
use crate::policy::{Leg, TravelExemption};
use crate::store::Store;

/// The legs as the command line takes them.
pub(super) fn legs(texts: &[String], zone: &TimeZone) -> Vec<Result<Leg, Trouble>> {
    let read = |(number, text): (usize, &String)| {
        Leg::parse(text, zone).map_err(|source| Trouble::Leg { number, source })
    };
    (1..).zip(texts).map(read).collect()
}

/// What cannot be read of them, where there is no organisation whose days they are.
pub(super) fn unread(texts: &[String]) -> Vec<Trouble> {
    legs(texts, &TimeZone::UTC).into_iter().filter_map(Result::err).collect()
}

/// Says who was found, unless it is a local account: a name at another provider can be somebody
/// else's than the clerk means.
pub(super) async fn tell(
    context: &Context,
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
) -> anyhow::Result<()> {
    let person = &exemption.person;
    let (provider, subject) = (person.provider(), person.subject());
    if matches!(config.identity.get(provider), Some(Provider::Local(_))) {
        return Ok(());
    }
    let known = store.known_people(person.organization()).await?;
    let known = known.iter().find(|known| known.person == *person);
    let name = match known.and_then(|known| known.display_name.as_deref()) {
        Some(name) => format!("{name:?}"),
        None => "of whom no other name is known".to_owned(),
    };
    let user = &exemption.user_name;
    writeln!(context.messages(), "{user} is {name}, provider {provider}, subject {subject:?}")?;
    Ok(())
}

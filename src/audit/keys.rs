//! How one signing key follows another, as the log tells it.

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::event::{Action, Event, Outcome};
use super::records;
use super::sign::{PublicKey, Signed, Signer};
use crate::clock;

/// What the log has to say of the key that signs from now on, where it is not the one that signed
/// before.
pub(super) fn note(
    directory: &Path,
    before: Option<&Signed>,
    signer: &Signer,
    now: Timestamp,
) -> io::Result<Option<Event>> {
    let event = |reason| {
        Event::new(Action::KeyChanged, now, clock::random_bytes())
            .reason(reason)
            .detail("new_key", signer.public())
    };
    let Some((_, old)) = before.and_then(Signed::open) else { return Ok(Some(event("first"))) };
    if old == signer.public() {
        return Ok(None);
    }
    // The process may have ended right after a change that stands in the log.
    if records::read(directory)?.successions.contains(&(old, signer.public())) {
        return Ok(None);
    }
    let unproven = event("without_the_old_key").outcome(Outcome::Failure).detail("old_key", old);
    Ok(Some(unproven))
}

/// The entry by which one key follows another: signed by the old one.
pub(super) fn follow(old: &Signer, new: PublicKey, now: Timestamp) -> Event {
    Event::new(Action::KeyChanged, now, clock::random_bytes())
        .reason("rotated")
        .detail("old_key", old.public())
        .detail("new_key", new)
        .detail("signature", old.sign(&to_sign(old.public(), new)))
}

/// The keys of an entry that says that one follows the other, and the old one's signature.
pub(super) fn succession(event: &Event) -> Option<(PublicKey, PublicKey, String)> {
    let signature = event.details.get("signature")?;
    let (old, new) =
        proven(event.details.get("old_key")?, event.details.get("new_key")?, signature)?;
    Some((old, new, signature.clone()))
}

/// Two keys of which the old one signs that the new one follows it.
pub(super) fn proven(old: &str, new: &str, signature: &str) -> Option<(PublicKey, PublicKey)> {
    let (old, new) = (PublicKey::parse(old)?, PublicKey::parse(new)?);
    old.has_signed(&to_sign(old, new), signature).then_some((old, new))
}

fn to_sign(old: PublicKey, new: PublicKey) -> Vec<u8> {
    format!("geovagt key change 1\n{old}\n{new}\n").into_bytes()
}

//! An entry taken apart for a place that keeps it in columns, and put together again byte for byte.
//!
//! PURE.

use uuid::Uuid;

use super::{Event, Field, Flaw, Hash, PerField, Position, Seal, check, write};
use crate::audit::options::Class;

/// In the byte before a seal: it is a commitment and no salt.
const COMMITMENT: u8 = 0x80;
/// The same of what a pseudonym stands for.
const PSEUDONYM: u8 = 0x40;

/// An entry without its own hash, which follows from the rest.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Its place in its chain.
    pub(crate) sequence: u64,
    /// Its content.
    pub(crate) event: Event,
    /// Its id, the hash before it, its salts and commitments.
    pub(crate) seal: Vec<u8>,
}

impl Kept {
    /// Takes a line apart, without its newline.
    ///
    /// # Errors
    /// [`Flaw`] where it was not written like this, so that it could not be put together again.
    pub(crate) fn of(class: Class, line: &[u8]) -> Result<Self, Flaw> {
        let (sealed, seals) = check(class, line)?;
        let mut seal = Vec::with_capacity(100);
        seal.extend_from_slice(sealed.event.id.as_bytes());
        seal.extend_from_slice(&sealed.position.previous.0);
        for (number, field) in (0_u8..).zip(Field::ALL) {
            match seals.get(field) {
                None => {}
                Some(Seal::Salt(salt)) => {
                    seal.push(number);
                    seal.extend_from_slice(salt);
                }
                Some(Seal::Commitment(commitment)) => {
                    seal.push(number | COMMITMENT);
                    seal.extend_from_slice(&commitment.0);
                }
                Some(Seal::Pseudonym(commitment)) => {
                    seal.push(number | PSEUDONYM);
                    seal.extend_from_slice(&commitment.0);
                }
            }
        }
        Ok(Self { sequence: sealed.position.sequence, event: sealed.event, seal })
    }

    /// The line again. None where the seal is no seal.
    pub(crate) fn line(&self, class: Class) -> Option<String> {
        let (previous, seals) = read(self.seal.get(16..)?)?;
        let position = Position { sequence: self.sequence, previous };
        let mut line = Vec::with_capacity(1024);
        write(class, position, &self.event, &seals, &mut line);
        String::from_utf8(line).ok()
    }

    /// The id that stands in a seal.
    pub(crate) fn id(seal: &[u8]) -> Option<Uuid> {
        seal.first_chunk::<16>().map(|bytes| Uuid::from_bytes(*bytes))
    }
}

fn read(bytes: &[u8]) -> Option<(Hash, PerField<Seal>)> {
    let (previous, mut rest) = bytes.split_first_chunk::<32>()?;
    let mut seals = PerField::default();
    while let Some((&tag, after)) = rest.split_first() {
        let field = *Field::ALL.get(usize::from(tag & !(COMMITMENT | PSEUDONYM)))?;
        let seal = if tag & (COMMITMENT | PSEUDONYM) == 0 {
            let (salt, after) = after.split_first_chunk::<16>()?;
            rest = after;
            Seal::Salt(*salt)
        } else {
            let (commitment, after) = after.split_first_chunk::<32>()?;
            rest = after;
            let commitment = Hash(*commitment);
            match tag & COMMITMENT {
                0 => Seal::Pseudonym(commitment),
                _ => Seal::Commitment(commitment),
            }
        };
        seals.set(field, Some(seal));
    }
    Some((Hash(*previous), seals))
}

#[cfg(test)]
mod tests {
    use super::super::{redact, seal};
    use super::*;
    use crate::audit::event::Action;

    #[test]
    fn a_line_comes_back_byte_for_byte_redacted_or_not() {
        let at = "2026-11-22T03:11:51.123Z".parse().unwrap();
        let event = Event::new(Action::Denied, at, [3; 10])
            .personal(Field::ClientIp, "203.0.113.9")
            .personal(Field::UserAgent, "curl/8 \"x\"")
            .user("Anna@x.dk")
            .reason("country_listed")
            .detail("client_address", "1");
        let position = Position { sequence: 17, previous: Hash::of(&[b"x"]) };
        let (line, _) = seal(Class::Denied, position, &event, &[5; 112]);
        let redacted = redact(Class::Denied, &line, &[Field::UserName, Field::ClientIp]).unwrap();
        for line in [line, redacted] {
            let kept = Kept::of(Class::Denied, &line).unwrap();
            assert_eq!(kept.line(Class::Denied).unwrap().as_bytes(), line);
            assert_eq!(Kept::id(&kept.seal), Some(event.id));
            let shorter = kept.seal[..kept.seal.len() - 1].to_vec();
            assert!(Kept { seal: shorter, ..kept }.line(Class::Denied).is_none());
        }
    }
}

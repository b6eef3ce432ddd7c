//! Passwords and the function that keeps them: argon2id with 19 MiB, two passes, one lane.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::clock;
use crate::policy::UserName;

/// Longer passwords are refused before anything is computed.
pub(crate) const MAXIMUM_BYTES: usize = 1024;
/// Characters of the shortest password that may be set.
const MINIMUM_CHARACTERS: usize = 12;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password as it was typed. Does not print, and leaves no copy in memory.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// Too few characters.
    #[error(
        "the password is too short; take at least {MINIMUM_CHARACTERS} characters, three or four words, say"
    )]
    Short,
    /// Too many bytes.
    #[error("the password is too long; take at most {MAXIMUM_BYTES} bytes")]
    Long,
    /// It is or contains the login name.
    #[error("the password contains the user name; take another")]
    ContainsName,
    /// One character over and over.
    #[error("the password is one or two characters repeated; take another")]
    Repetition,
    /// HTTP Basic cannot carry it.
    #[error("the password has a control character, which HTTP Basic cannot carry; take another")]
    ControlCharacter,
}

impl Password {
    /// Takes what was typed.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > MAXIMUM_BYTES
    }

    /// Whether this may be set as the password of `name`.
    ///
    /// # Errors
    /// [`UnfitPassword`] with the first objection.
    pub fn check_for(&self, name: &UserName) -> Result<(), UnfitPassword> {
        let text = self.reveal();
        if self.is_too_long() {
            return Err(UnfitPassword::Long);
        }
        if text.chars().count() < MINIMUM_CHARACTERS {
            return Err(UnfitPassword::Short);
        }
        if text.chars().any(char::is_control) {
            return Err(UnfitPassword::ControlCharacter);
        }
        let mut different: Vec<char> = text.chars().collect();
        different.sort_unstable();
        different.dedup();
        if different.len() < 3 {
            return Err(UnfitPassword::Repetition);
        }
        if Zeroizing::new(text.to_lowercase()).contains(name.as_str()) && name.as_str().len() > 3 {
            return Err(UnfitPassword::ContainsName);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password]")
    }
}

/// What turns a password into its kept form and compares one with it. Takes tens of milliseconds:
/// call it off the threads that serve.
pub trait PasswordFunction: Send + Sync + 'static {
    /// The kept form, a PHC string with a salt of its own.
    fn hash(&self, password: &Password) -> String;

    /// Whether the password belongs to the kept form. Costs the same for either answer.
    fn verify(&self, password: &Password, kept: &str) -> bool;

    /// Whether the kept form was made by this function at its present cost. One that was not is
    /// never evaluated, because its cost would tell that the account exists.
    fn is_own(&self, kept: &str) -> bool;
}

/// Argon2id as OWASP's least configuration has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Argon2id;

impl Argon2id {
    #[expect(clippy::expect_used, reason = "constants that a test has tried")]
    fn function() -> Argon2<'static> {
        let parameters =
            Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
    }
}

impl PasswordFunction for Argon2id {
    #[expect(clippy::expect_used, reason = "a salt of 16 bytes and this output length always fit")]
    fn hash(&self, password: &Password) -> String {
        let salt = clock::random_bytes::<16>();
        let kept: PasswordHash = Self::function()
            .hash_password_with_salt(password.reveal().as_bytes(), &salt)
            .expect("argon2 accepts this salt");
        kept.to_string()
    }

    fn verify(&self, password: &Password, kept: &str) -> bool {
        PasswordHash::new(kept).is_ok_and(|kept| {
            Self::function().verify_password(password.reveal().as_bytes(), &kept).is_ok()
        })
    }

    fn is_own(&self, kept: &str) -> bool {
        let own = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$");
        kept.starts_with(&own) && PasswordHash::new(kept).is_ok_and(|kept| kept.hash.is_some())
    }
}

/// A kept form that no password belongs to, of the same cost as any other.
pub(crate) fn impossible(function: &dyn PasswordFunction) -> Arc<str> {
    let nobody_knows = hex::encode(clock::random_bytes::<32>());
    Arc::from(function.hash(&Password::new(nobody_knows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn a_kept_password_is_argon2id_of_the_agreed_cost_with_a_salt_of_its_own() {
        let one = Argon2id.hash(&password("rejsen går til Kina"));
        let two = Argon2id.hash(&password("rejsen går til Kina"));
        assert_ne!(one, two);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(Argon2id.is_own(&one));
        assert!(Argon2id.verify(&password("rejsen går til Kina"), &one));
        assert!(!Argon2id.verify(&password("rejsen går til Kina "), &one));
        assert!(!Argon2id.verify(&password(""), &one));
    }

    #[test]
    fn a_kept_form_of_another_cost_is_not_ours() {
        let own = Argon2id.hash(&password("rejsen går til Kina"));
        assert!(!Argon2id.is_own(&own.replace("t=2", "t=1")));
        assert!(!Argon2id.is_own(&own.replace("argon2id", "argon2i")));
        let without_hash = own.rsplit_once('$').unwrap().0;
        assert!(!Argon2id.is_own(without_hash));
        assert!(!Argon2id.is_own(""));
        assert!(!Argon2id.verify(&password("x"), "rubbish"));
    }

    #[test]
    fn weak_passwords_are_refused_with_the_way_out() {
        let name = UserName::parse("anna.holm").unwrap();
        let check = |text: &str| password(text).check_for(&name);
        assert_eq!(check("rejsen går til Kina"), Ok(()));
        assert_eq!(check("elleve tegn"), Err(UnfitPassword::Short));
        assert_eq!(check(&"x1y".repeat(400)), Err(UnfitPassword::Long));
        assert_eq!(check("Anna.Holm2026!"), Err(UnfitPassword::ContainsName));
        assert_eq!(check("ababababababab"), Err(UnfitPassword::Repetition));
        assert_eq!(check("rejsen går\ttil Kina"), Err(UnfitPassword::ControlCharacter));
    }

    #[test]
    fn a_password_does_not_print() {
        assert_eq!(format!("{:?}", password("hemmelig")), "[password]");
    }
}

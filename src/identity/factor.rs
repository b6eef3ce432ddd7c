//! Seals what a second factor's secret must not be read from: a copy of its table.

use zeroize::Zeroizing;

use super::Authenticator;
use super::session::Seal;

const PURPOSE: &str = "geovagt second factor 1";

impl Authenticator {
    /// The secret sealed for the store; none while the keys that nodes share are not known.
    #[must_use]
    pub fn seal_factor(&self, secret: &[u8]) -> Option<String> {
        if self.0.keys.stand_in() {
            return None;
        }
        Seal::new(&self.0.keys.for_purpose(PURPOSE)).close(&hex::encode(secret))
    }

    /// The secret again.
    #[must_use]
    pub fn open_factor(&self, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let seal = Seal::new(&self.0.keys.for_purpose(PURPOSE));
        let text = Zeroizing::new(seal.open::<String>(sealed)?);
        hex::decode(text.as_bytes()).ok().map(Zeroizing::new)
    }
}

//! One number for everything that a version says.

use sha2::{Digest as _, Sha256};

use crate::policy::ListVersion;

/// Changes when the canonical form does, so that no two forms can be taken for each other.
const FORM: &str = "geovagt list version 1";

impl ListVersion {
    /// SHA-256 over a canonical form: each field with its length before it, instants in UTC,
    /// territories in the order of their codes. How the file writes them plays no part.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        field(FORM);
        field(&self.version);
        field(&self.source);
        field(&self.adopted_by);
        field(&self.adopted_on.to_string());
        field(&self.announced_on.to_string());
        field(&self.effective_from.to_string());
        match &self.early_start {
            None => field("0"),
            Some(early) => {
                field("1");
                field(&early.reason);
                early.approved_by.iter().for_each(|name| field(name));
            }
        }
        self.territories.to_vec().iter().for_each(|territory| field(&territory.to_string()));
        hash.finalize().into()
    }
}

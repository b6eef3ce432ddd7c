//! Real addresses in the bundled database, one for each entry of the list and a few near misses.

/// A Danish address.
pub const DENMARK: &str = "130.225.244.1";
/// A Chinese address.
pub const CHINA: &str = "1.2.4.8";
/// A Thai address.
pub const THAILAND: &str = "61.19.0.1";

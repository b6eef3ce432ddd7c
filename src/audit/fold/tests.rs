use std::net::IpAddr;

use super::*;
use crate::audit::facts::Facts;
use crate::client_address::UnknownBecause;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn folds() -> Folds {
    Folds::new(Action::Denied, SignedDuration::from_secs(1))
}

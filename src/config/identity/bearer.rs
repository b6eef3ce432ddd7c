//! `kind: bearer`

use super::block::Block;
use crate::config::checker::Checker;

/// Tokens that a client brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {}

pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Bearer> {
    super::later("bearer", block, check);
    None
}

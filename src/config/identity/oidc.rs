//! `kind: oidc`

use super::block::Block;
use crate::config::checker::Checker;

/// An OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {}

pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Oidc> {
    super::later("oidc", block, check);
    None
}

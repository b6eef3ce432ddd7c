//! `kind: ldap`

use super::block::Block;
use crate::config::checker::Checker;

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ldap {}

pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Ldap> {
    super::later("ldap", block, check);
    None
}

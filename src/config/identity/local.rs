//! `kind: local`

use super::block::Block;
use crate::config::checker::Checker;

/// Accounts in the store; nothing can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {}

#[expect(clippy::unnecessary_wraps, reason = "every kind is checked by a function of this shape")]
pub(super) fn check(_block: &mut Block<'_>, _check: &mut Checker<'_>) -> Option<Local> {
    Some(Local {})
}

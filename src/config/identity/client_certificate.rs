//! `kind: client_certificate`

use super::block::Block;
use crate::config::checker::Checker;

/// Certificates that devices show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {}

pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<ClientCertificate> {
    super::later("client_certificate", block, check);
    None
}

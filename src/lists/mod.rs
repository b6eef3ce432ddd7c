//! What people do with country lists beside deciding by them: read what somebody pasted, propose a
//! version of it, hold another's settings against ours, hand the list to other software.
//!
//! The command line and the administration both call this room. May use `config` (to read a list's
//! file), `geoip`, `policy` and `territory`; knows neither terminal nor HTTP. Always holds: nothing
//! here changes a list, for lists are files of the operator.

mod change;
mod difference;
mod entra;
mod export;
mod networks;
mod pasted;
mod proposal;
mod row;

pub(crate) use change::Change;
pub(crate) use difference::{Difference, NotReadable, Other, Reading, read_other, version};
pub(crate) use entra::NoLocation;
pub(crate) use export::{Exported, FORMATS, Format};
pub(crate) use pasted::{Piece, known, read};
pub(crate) use proposal::{Proposal, report};
pub(crate) use row::{Row, rows};

use crate::config::Config;
use crate::identifier::ListId;
use crate::policy::Admission;

/// Whether a policy with this list rejects what the database does not hold: unknown addresses are
/// admitted only where every policy with this list admits them.
pub(crate) fn admission(config: &Config, id: &ListId) -> Admission {
    let mut with_list = config.policies.values().filter(|policy| policy.list == *id).peekable();
    let any = with_list.peek().is_some();
    if any && with_list.all(|policy| policy.unknown_location == Admission::Allow) {
        Admission::Allow
    } else {
        Admission::Deny
    }
}

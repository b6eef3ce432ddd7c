//! Who is here, what they may do, and the entry that a look at people leaves.

mod look;
mod right;
mod role_name;
mod session;
pub mod token;
mod visitor;

use super::shell::Asking;
use super::{Admin, Refusal};

pub(super) use look::by;
pub use look::{Looked, look};
pub use right::Right;
pub use role_name::role_name;
#[cfg(test)]
pub(super) use session::digest;
pub(super) use session::{begin, carried, csrf, end, proof};
pub use visitor::Visitor;
#[cfg(test)]
pub(super) use visitor::{is_centre_operator, roles};

/// Whether what was shown is a form's token.
///
/// # Errors
/// [`Refusal::Forged`] where it is not.
pub(super) fn is_same(shown: &[u8], csrf: &str) -> Result<(), Refusal> {
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(shown, csrf.as_bytes());
    same.map_err(|_| Refusal::Forged)
}

/// How a connection reaches us; [`super::serve`] knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub client: std::net::IpAddr,
    /// Whether TLS is spoken.
    pub secure: bool,
}

/// The connection of a request.
pub(super) fn connection(extensions: &http::Extensions) -> Connection {
    let unknown = Connection { client: std::net::Ipv4Addr::UNSPECIFIED.into(), secure: false };
    extensions.get().copied().unwrap_or(unknown)
}

/// Whether somebody who was let in, or their program, would still be let in, in the same roles: for
/// what goes on by itself.
pub(super) async fn lasts(admin: &Admin, visitor: &Visitor) -> bool {
    match visitor.token {
        Some(_) => token::lasts(admin, visitor).await,
        None => session::lasts(admin, visitor).await,
    }
}

/// Whoever is signed in, or the program whose token came.
///
/// # Errors
/// [`Refusal::Unavailable`] where the store cannot be asked.
pub(super) async fn visitor(admin: &Admin, asked: &Asking) -> Result<Option<Visitor>, Refusal> {
    // A token that does not count is not made good by a session that came along.
    match super::guard::is_api(&asked.path) && token::is_shown(&asked.headers) {
        true => token::visitor(admin, asked).await,
        false => session::visitor(admin, asked).await,
    }
}

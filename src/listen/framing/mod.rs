//! A guard in front of the HTTP/1 parser, which repairs what could be read in another way.
//!
//! hyper ends lines at a bare line feed and drops `Content-Length` beside `Transfer-Encoding`
//! (both allowed by RFC 9112 sections 2.2 and 6.3). A proxy in front of us that reads such a request
//! in the other way would let one client put words into another's mouth. The guard follows each
//! request's head and body and lets through only framing in which there is nothing to repair. It
//! decides nothing else and changes no octet of what it lets through: where it accepts a head, hyper
//! reads the same length from it or refuses it.
//!
//! Always holds: the parser has one request at a time, so that whatever it says without having been
//! asked is its refusal of that request. No stranger reads that; the gateway answers instead, with
//! an entry in the log.

mod follow;
mod guarded;
#[cfg(test)]
mod tests;

pub use follow::Framing;
pub(super) use guarded::{Guarded, Refusal, Shared};

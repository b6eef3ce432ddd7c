//! From a listening socket to a connection whose facts are known.
//!
//! May use tokio, rustls and the PROXY protocol; knows nothing of policy, identity or audit. Always
//! holds: a slow, silent or hostile connection costs only its own task, and that for a limited time;
//! every connection is counted, and what counts it is given back when it ends.
//!
//! [`bind()`] gives sockets, [`Door`] is what stands behind one listener of the configuration,
//! [`accept()`] runs one socket until the gateway stops, [`http::serve`] speaks HTTP on what it hands
//! out.

mod accept;
mod accepted;
mod alternative_names;
mod beginning;
mod bind;
mod certificates;
mod client_certificates;
mod companion;
mod door;
pub mod framing;
pub mod http;
mod http1;
mod http2;
mod inherited;
mod interim;
mod last;
mod limits;
mod oversight;
mod preamble;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod validity;

pub use accept::{Gate, accept};
pub use accepted::{
    Accepted, ApplicationProtocol, ConnectionAddress, ConnectionFacts, ForwardAuth, TlsFacts,
};
pub use bind::{BindError, bind, open};
pub use certificates::{CertificateError, Certificates, Expiry, Reloaded};
pub(crate) use client_certificates::ExaminedAuthority;
pub use client_certificates::ShownCertificate;
pub use companion::Companion;
pub use door::{Door, DoorError, DoorSettings};
pub use inherited::Inherited;
pub use interim::Reserved;
pub use limits::{ConnectionGuard, ConnectionLimits, LimitReached};
pub(crate) use limits::{OF_A_SITE, end_site, one_holder};
pub use oversight::{Oversight, Transport, Watch};
pub(crate) use preamble::{Beginning, ForeignPreamble};
pub use stream::Stream;
pub(crate) use validity::validity;

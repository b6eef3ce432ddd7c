//! The pages that a person meets at the gateway, and the answers that other clients get.
//!
//! Pure in its manner: every value comes in as an argument, nothing is looked up, no clock is read.
//! May use `config` (whose page it is), `policy` (reasons), `language` and `http`.
//!
//! Always holds: a page is one file of at most 15 KB without script and without anything fetched
//! from elsewhere; every value that a stranger can influence is escaped by the template engine; what
//! a rejected person reads does not tell whether anybody, they included, holds an exemption.

mod client;
mod contact;
mod countries;
mod devices;
mod failure;
mod home;
mod page;
mod prebuilt;
mod privacy;
mod rejection;
mod seen;
mod shell;
mod sign_in;
mod style;
#[cfg(test)]
mod tests;
mod wording;

pub use client::{ClientKind, RequestShape};
pub use countries::{Announced, Change, Countries, ListedEntry, countries};
pub use devices::{
    AddressState, AddressView, TravelLinkState, TravelLinkView, address, travel_link,
};
pub use failure::{Failure, FailureView, failure, failure_response};
pub use home::{Home, OwnJourney, home};
pub use page::Page;
pub use prebuilt::{Prebuilt, Variant};
pub use privacy::{Privacy, privacy};
pub use rejection::{Names, Rejection, deny_response, in_short, rejection};
pub use seen::{
    AddressGrantSeen, AddressOrigin, OwnExemption, Seen, SeenLocation, SeenVerdict, seen,
};
pub use shell::language;
pub use sign_in::{ProviderButton, SignIn, SignInProblem, SignOut, sign_in, sign_out};
pub use style::content_security_policy;
pub use wording::instant;

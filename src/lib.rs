//! geovagt stands in front of a municipality's mail, intranet and website.
//!
//! For every request it finds the client's address, looks the address up in a MaxMind-format
//! database, holds the country against a list, lets through the one council member who has a travel
//! exemption for that country, system and day, and forwards or rejects, with a log entry that can be
//! trusted later. This file is the guided tour, in reading order.
//!
//! One request is one plain async function, [`gateway`], that reads from top to bottom; each step
//! gives a type that only the next accepts:
//!
//! ```text
//! Accepted → ClientAddress → Location → Identity → Verdict → audit::Entry → Response
//!  listen     client_address   geoip     identity   policy     audit         gateway
//! ```

// What it is about. Pure: no runtime, socket, file, database or clock.
#[cfg(test)]
extern crate self as geovagt; // a test takes the generator of a bench

pub mod client_address;
pub mod identifier;
pub mod language;
pub mod mail_address;
pub mod policy;
pub mod territory;

// What the operator wrote.
pub mod config;

// The steps of a request.
pub mod audit;
pub mod flood;
pub mod gateway;
pub mod geoip;
pub mod identity;
pub mod listen;
mod tcp;
pub mod upstream;

// The rooms people work in.
pub mod admin;

// What follows from it, beside the requests.
pub mod erasure;
pub mod evidence;
pub mod insight;
mod journey;
pub mod lists;
pub mod log_index;
pub mod log_review;
pub mod notice;
pub mod odd_use;

// What stands under them.
pub mod clock;
mod naps;
mod peer_certificate;
pub mod pem_file;
mod pieces;
pub mod store;
pub mod telemetry;

// How it all is put together, and how a person starts it.
pub mod app;
pub mod cli;
pub mod control;
pub mod demo;
pub mod lifecycle;
pub mod operations;
pub mod oversight;
pub mod service_manager;

//! What the tests stand on: the program itself, upstreams, and a client that sends raw bytes.

pub mod authority;
pub mod backend;
pub mod browser;
pub mod browsing;
pub mod certified;
pub mod client;
pub mod debian;
pub mod demo;
pub mod desk;
pub mod gateway;
pub mod h2_raw;
pub mod http2;
pub mod large;
pub mod line;
pub mod managed;
pub mod oidc;
pub mod outside;
pub mod places;
pub mod postgres;
pub mod provider;
pub mod raw;
pub mod recorder;
pub mod secure;
pub mod slapd;
pub mod smtp;
pub mod upstream;

//! What the tests stand on: the program itself, upstreams, and a client that sends raw bytes.

pub mod client;
pub mod gateway;
pub mod places;
pub mod recorder;
pub mod upstream;

//! What `geovagt demo` needs besides the gateway itself.
//!
//! May use `lifecycle` and hyper. Nothing of it is reached outside the demo and the tests.

pub mod sample;
